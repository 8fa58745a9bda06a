"""When a takeover breaks even: discount, further fall, rebound and costs, in closed form.

A long is taken over at M (1 - discount), where M is the mark; the mark then falls to M (1 - fall) and regains a part
of that fall, `rebound`, in logs; the vault sells there at a cost. For a short the mark rises, and everything is the
mirror image in values.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from adlkit.contracts import Floats
from adlkit.errors import PathError

Numbers = float | npt.NDArray[np.float64]


def break_even_rebound(discount: Numbers, fall: Numbers, *, cost: Numbers = 0.0) -> Numbers:
    """Rebound at which a takeover earns nothing.

    Parameters
    ----------
    discount : float or array
        Distance [1] of the takeover below the mark; for a whole account its equity over its notional.
    fall : float or array
        Further fall of the mark after the takeover [1], above 0 and below 1.
    cost : float or array, default 0
        Impact and fees of the exit, per unit of what it brings [1], below 1.

    Returns
    -------
    float or array, broadcast
        Part of the fall, in logs, that must be regained [1], as `crash_paths` counts it: 0 or below: none; above 1: the
        mark must rise above that of the takeover.

    Raises
    ------
    PathError
        If a number is out of its range.

    Notes
    -----
    The takeover earns nothing where (1 - fall) ** (1 - rebound) x (1 - cost) = 1 - discount. Funding is a cost too, if
    expressed per unit of the exit.

    Examples
    --------
    >>> import adlkit as adl
    >>> round(adl.break_even_rebound(0.0, 0.2), 6), round(adl.break_even_rebound(0.05, 0.2), 4)
    (1.0, 0.7701)
    """
    discount, fall, cost = _numbers(discount=discount, fall=fall, cost=cost)
    _within("discount", discount, discount < 1)
    _within("fall", fall, (fall > 0) & (fall < 1))
    _within("cost", cost, (cost >= 0) & (cost < 1))
    return _plain(1.0 - (np.log1p(-discount) - np.log1p(-cost)) / np.log1p(-fall))


def break_even_discount(fall: Numbers, rebound: Numbers, *, cost: Numbers = 0.0) -> Numbers:
    """Discount at which a takeover earns nothing: the inverse of `break_even_rebound`.

    Parameters
    ----------
    fall, cost
        As in `break_even_rebound`; a fall of 0 is allowed.
    rebound : float or array
        Part of the fall, in logs, that is regained [1].

    Returns
    -------
    float or array, broadcast
        [1]; below zero where even a takeover above the mark earns.

    Raises
    ------
    PathError
        If a number is out of its range.

    Examples
    --------
    >>> import adlkit as adl
    >>> round(adl.break_even_discount(0.2, 0.0), 6), round(adl.break_even_discount(0.2, 0.5), 4)
    (0.2, 0.1056)
    """
    fall, rebound, cost = _numbers(fall=fall, rebound=rebound, cost=cost)
    _within("fall", fall, (fall >= 0) & (fall < 1))
    _within("cost", cost, (cost >= 0) & (cost < 1))
    return _plain(1.0 - np.exp((1.0 - rebound) * np.log1p(-fall)) * (1.0 - cost))


def _numbers(**given: Numbers) -> list[Floats]:
    arrays = np.broadcast_arrays(*(np.asarray(value, dtype=float) for value in given.values()))
    for name, array in zip(given, arrays, strict=True):
        _within(name, array, np.isfinite(array))
    return list(arrays)


def _within(name: str, values: Floats, is_allowed: npt.NDArray[np.bool_]) -> None:
    if not np.all(is_allowed):
        raise PathError(f"{name}: out of range: {np.asarray(values)[~np.asarray(is_allowed)].ravel()[:5].tolist()}")


def _plain(values: Floats) -> Numbers:
    return values if values.ndim else float(values)
