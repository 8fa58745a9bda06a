"""Break-even of a takeover in closed form: the rebound, or the discount, at which the vault neither gains nor loses."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from adlkit.contracts import Floats
from adlkit.errors import MetricError

Side = Literal["long", "short"]
SIGNS = {"long": 1.0, "short": -1.0}


def takeover_profit(
    discount: npt.ArrayLike,
    fall: npt.ArrayLike,
    rebound: npt.ArrayLike,
    *,
    impact: npt.ArrayLike = 0.0,
    fees: npt.ArrayLike = 0.0,
    side: Side = "long",
) -> float | Floats:
    r"""Profit of a takeover that is sold after a further fall and a rebound, per unit of its notional.

    Parameters
    ----------
    discount : array_like
        Distance [1] of the takeover price from the mark, in the vault's favour; what else it receives with the takeover
        (margin kept, less fees), per unit of notional, belongs in it. Below 1 for a long.
    fall : array_like
        Further move [1] against the inventory from the mark of the takeover to the worst mark, >= 0: a fall for a long
        (below 1), a rise for a short.
    rebound : array_like
        Part of that move which the mark regains until the exit, in logarithms, as in `adlkit.crash_paths`: 0 none, 1
        all of it. As a return from the worst mark it is (1 - fall)^(-rebound) - 1.
    impact : array_like, default 0
        Distance [1] of the exit price from its mark, against the vault; below 1.
    fees : array_like, default 0
        Fee of the exit per unit of its notional [1]; below 1.
    side : {"long", "short"}
        What the vault holds.

    Returns
    -------
    float, or ndarray of the shape to which the arguments broadcast
        Profit / notional at the mark of the takeover [1], of linear contracts.

    Raises
    ------
    MetricError
        If a number is not finite or out of range, or the side is unknown.

    Notes
    -----
    A long is bought at M (1 - d) and sold at M (1 - f)^(1 - r) (1 - c), which the fee takes a part of:

    .. math:: \pi = (1 - f)^{1 - r} (1 - c) (1 - \phi) - (1 - d)

    and a short is sold at M (1 + d) and bought back:
    :math:`\pi = (1 + d) - (1 + f)^{1 - r} (1 + c) (1 + \phi)`.

    Examples
    --------
    A map of discount against rebound, as `adlkit.plotting.plot_break_even` draws it:

    >>> import numpy as np, pandas as pd, adlkit as adl
    >>> discount, rebound = np.array([0.0, 0.05, 0.1]), np.array([0.0, 0.5, 1.0])
    >>> profit = adl.takeover_profit(discount[:, None], 0.1, rebound)
    >>> pd.DataFrame(profit, index=discount, columns=rebound).round(4).to_numpy().tolist()
    [[-0.1, -0.0513, 0.0], [-0.05, -0.0013, 0.05], [0.0, 0.0487, 0.1]]
    """
    sign = _sign(side)
    paid = 1.0 - sign * _rates("discount", discount, sign)
    back = 1.0 - _given("rebound", rebound)
    received = (1.0 - sign * _rates("fall", fall, sign, least=0.0)) ** back * _kept(impact, fees, sign)
    return _answer(sign * (received - paid))


def break_even_rebound(
    discount: npt.ArrayLike,
    fall: npt.ArrayLike,
    *,
    impact: npt.ArrayLike = 0.0,
    fees: npt.ArrayLike = 0.0,
    side: Side = "long",
) -> float | Floats:
    r"""Rebound at which a takeover neither gains nor loses.

    Parameters
    ----------
    discount, fall, impact, fees, side
        As in `takeover_profit`.

    Returns
    -------
    float, or ndarray of the shape to which the arguments broadcast
        Part of the fall that the mark must regain until the exit, in logarithms [1]; above 1 where it must rise beyond
        the mark of the takeover, below 0 where even the worst mark leaves a profit. Without a fall there is nothing to
        regain: -inf where the takeover gains, inf where it loses, NaN where it does neither.

    Raises
    ------
    MetricError
        If a number is not finite or out of range, or the side is unknown.

    Notes
    -----
    The root of `takeover_profit`; for a long

    .. math:: r = 1 - \frac{\ln (1 - d) - \ln [(1 - c) (1 - \phi)]}{\ln (1 - f)}

    Examples
    --------
    Bought 5% below the mark, which then falls by 10%: about half of the fall must be regained.

    >>> import adlkit as adl
    >>> round(adl.break_even_rebound(0.05, 0.1), 4), round(adl.break_even_rebound(0.05, 0.1, impact=0.02), 4)
    (0.5132, 0.7049)
    """
    sign = _sign(side)
    needed = np.log1p(-sign * _rates("discount", discount, sign)) - np.log(_kept(impact, fees, sign))
    with np.errstate(divide="ignore", invalid="ignore"):
        moved = np.log1p(-sign * _rates("fall", fall, sign, least=0.0))
        return _answer(np.where(moved == 0, sign * needed / 0.0, 1.0 - needed / moved))


def break_even_discount(
    fall: npt.ArrayLike,
    rebound: npt.ArrayLike,
    *,
    impact: npt.ArrayLike = 0.0,
    fees: npt.ArrayLike = 0.0,
    side: Side = "long",
) -> float | Floats:
    r"""Discount at which a takeover neither gains nor loses.

    Parameters
    ----------
    fall, rebound, impact, fees, side
        As in `takeover_profit`.

    Returns
    -------
    float, or ndarray of the shape to which the arguments broadcast
        Distance of the takeover price from the mark [1]; below 0 where the vault could pay more than the mark.

    Raises
    ------
    MetricError
        If a number is not finite or out of range, or the side is unknown.

    Notes
    -----
    The root of `takeover_profit`; for a long

    .. math:: d = 1 - (1 - f)^{1 - r} (1 - c) (1 - \phi)

    Examples
    --------
    >>> import adlkit as adl
    >>> round(adl.break_even_discount(0.1, 0.0), 4), round(adl.break_even_discount(0.1, 0.5, fees=0.001), 4)
    (0.1, 0.0523)
    """
    sign = _sign(side)
    back = 1.0 - _given("rebound", rebound)
    received = (1.0 - sign * _rates("fall", fall, sign, least=0.0)) ** back * _kept(impact, fees, sign)
    return _answer(sign * (1.0 - received))


def _sign(side: str) -> float:
    if side not in SIGNS:
        raise MetricError(f"side must be one of {list(SIGNS)}, got {side!r}")
    return SIGNS[side]


def _given(what: str, values: npt.ArrayLike) -> Floats:
    given = np.asarray(values, dtype=float)
    if not np.isfinite(given).all():
        raise MetricError(f"{what} must be finite, got {values!r}")
    return given


def _rates(what: str, values: npt.ArrayLike, sign: float, *, least: float = -np.inf) -> Floats:
    """Moves that leave the price 1 - sign x rate above zero."""
    rates = _given(what, values)
    if (sign * rates >= 1).any() or (rates < least).any():
        raise MetricError(f"{what} must leave a price above zero, and not be below {least:g}, got {values!r}")
    return rates


def _kept(impact: npt.ArrayLike, fees: npt.ArrayLike, sign: float) -> Floats:
    """Money of the exit per unit of notional at its mark."""
    costs = [1.0 - sign * _rates(what, rate, sign) for what, rate in (("impact", impact), ("fees", fees))]
    return np.asarray(costs[0] * costs[1])


def _answer(values: Floats) -> float | Floats:
    """A number for one takeover, the array for several."""
    return float(values) if np.ndim(values) == 0 else np.asarray(values)
