"""How figures and reports write amounts, shares and names."""

from __future__ import annotations


def short(value: float) -> str:
    """Write an amount with three significant digits and k, M, bn or tn.

    Parameters
    ----------
    value : float
        Any amount.

    Returns
    -------
    str
        E.g. for a label in a figure.

    Examples
    --------
    >>> short(7_170_217.0), short(999_999.0), short(-48.25), short(0.0)
    ('7.17M', '1M', '-48.2', '0')
    """
    for scale, suffix in ((1e12, "tn"), (1e9, "bn"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= 0.9995 * scale:
            return f"{value / scale:.3g}{suffix}"
    return f"{value + 0.0:.3g}"


def percent(share: float) -> str:
    """Write a share in percent: whole ones, finer where it is small."""
    if 0 < abs(share) < 0.0005:
        return "<0.1%"
    return f"{share:.1%}" if abs(share) < 0.0995 and share else f"{share:.0%}"


def plain(text: object, length: int | None = None) -> str:
    """A name as one line of printable text, its middle left out where it is longer than `length`."""
    name = "".join(letter if letter.isprintable() else "\ufffd" for letter in str(text))
    if length is None or len(name) <= length:
        return name
    return f"{name[: length - 7]}…{name[-6:]}"


def in_thousands(value: float, _: float) -> str:
    """Write a tick as `short` does."""
    return short(value)


def signed_move(share: float, _: float = 0.0) -> str:
    """A move in percent with its sign; none is the mark itself."""
    return "mark" if share == 0 else f"{'−' if share < 0 else '+'}{percent(abs(share))}"
