"""The fund that makes ADL as rare as wanted, and what one more million buys."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from adlkit._display import SummaryRepr
from adlkit.contracts import Floats
from adlkit.curves import ShortfallCurve
from adlkit.errors import CurveError, TailWarning
from adlkit.frequency.factor import MarketFactor
from adlkit.frequency.lines import (
    Uncertain,
    check_draws,
    checked_money,
    expected,
    factor_curves,
    interval,
    inverse,
    one_moment,
    reach,
    reach_of_draws,
    share_of_tail,
    uncertain,
)
from adlkit.groups import Codes
from adlkit.tails.fit import FAR

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MILLION = 1e6
END = 1.0 - 1e-9
"""Part of the range of a factor up to which shortfalls are looked up: the ends themselves are open."""
FARTHEST = 1e3
"""Largest rise [1] that is looked at where a tail knows no end."""
SLACK = 1.0 + 1e-6


@dataclass(frozen=True, eq=False, repr=False)
class BufferSize(SummaryRepr):
    """Funds that make ADL a once-in-so-many-years event.

    Parameters
    ----------
    table : DataFrame, index ``return_period`` [years]
        ``fund`` [ccy], with its interval ``low`` to ``high`` (inf where part of what is possible knows no fund that
        is enough); ``fall``, ``rise``: moves of the factor that exhaust it [1], inf where none does;
        ``vault_notional`` [ccy]: notional of the bankrupt accounts at the worse of these moves, what a vault would
        have to take over; ``events_saved`` [a year] and ``years_gained``: what `step` more of a fund changes of the
        rate and of the return period (NaN where the fund is never exhausted); ``tail_share`` [1]: part of the variance
        of the fund that comes from the tail, the rest from the accounts.
    level : float
        Of the intervals.
    step : float
        Money of which the marginal value is given [ccy].
    currency : str
        Of all money here.
    n_panels : int
        Resamples of the accounts; 0: the panel is held fixed.

    Examples
    --------
    >>> import numpy as np, pandas as pd, adlkit as adl
    >>> panel = adl.mark_to(adl.load_dataset("four_accounts"), {"BTC": 100.0})
    >>> days = pd.date_range("2015-01-01", periods=3650, tz="UTC")
    >>> moves = pd.Series(0.02 * np.random.default_rng(7).pareto(4.0, len(days)), days)
    >>> tail = adl.fit_tail(moves, threshold=0.02, gap=1)
    >>> market = adl.MarketFactor({"BTC": 1.0}, down=tail, up=tail)
    >>> sized = adl.size_buffer(panel, return_period=[20.0, 80.0], factor=market, n_panels=0, rng=7)
    >>> sized.table["fund"].round(2).to_dict()
    {20.0: 0.52, 80.0: 14.85}
    """

    table: pd.DataFrame
    level: float
    step: float
    currency: str
    n_panels: int

    def summary(self) -> pd.Series:
        """Fund with its interval [ccy] by return period."""
        rows = {
            f"{years:g} years: {name}": row[name]
            for years, row in self.table.iterrows()
            for name in ("fund", "low", "high")
        }
        return pd.Series(rows, dtype=float)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the funds with their intervals; see `adlkit.plotting.plot_buffer_size`."""
        from adlkit.plotting import plot_buffer_size

        return plot_buffer_size(self, ax=ax)


def size_buffer(
    panel: pd.DataFrame,
    *,
    return_period: npt.ArrayLike,
    factor: MarketFactor,
    step: float = MILLION,
    level: float = 0.95,
    n_resamples: int = 1000,
    n_panels: int = 200,
    rng: int | np.random.Generator,
) -> BufferSize:
    """Smallest fund that falls and rises of a factor exhaust no more than once in so many years.

    Parameters
    ----------
    panel : DataFrame
        As in `adl_frequency`; linear contracts.
    return_period : number or array
        Of deficits beyond the fund [years], > 0. Of a trade-off of costs: `frequency.newsvendor_return_period`.
    factor : MarketFactor
        What moves; for a market of one symbol its own tails and a beta of 1.
    step : float, default 1e6
        Money of which the marginal value is given [ccy], > 0.
    level, n_resamples, n_panels, rng
        As in `adl_frequency`.

    Returns
    -------
    BufferSize

    Raises
    ------
    CurveError
        If a return period is not finite and above zero; as in `adl_frequency` and `shortfall_curve`.
    TailError
        As in `adl_frequency`.

    Warns
    -----
    TailWarning
        If a return period is more than ten times the record: the fitted form alone, no data, answers it.

    Notes
    -----
    With S the shortfall of the panel along the factor and lambda the events a year beyond a move, K solves
    lambda_down(S_down^-1(K)) + lambda_up(S_up^-1(K)) = 1 / T. Where one side alone matters K = S(move of T years), and
    for one account of 1 / L equity per notional, beyond it, K = notional x (move of T years - 1 / L). Every draw of
    tail and accounts is solved in this way, and the interval holds the central part of the draws. With Poisson events
    the largest deficit of a year is below K with probability exp(-1 / T).

    Examples
    --------
    >>> import numpy as np, pandas as pd, adlkit as adl
    >>> days = pd.date_range("2015-01-01", periods=3650, tz="UTC")
    >>> moves = pd.Series(0.02 * np.random.default_rng(7).pareto(4.0, len(days)), days)
    >>> tail = adl.fit_tail(moves, threshold=0.02, gap=1)
    >>> betas = {"BTC": 0.65, "ETH": 0.8, "SOL": 0.95, "DOGE": 1.0}
    >>> market = adl.MarketFactor(betas, down=tail, up=tail)
    >>> panel = adl.load_dataset("synthetic_crash")
    >>> sized = adl.size_buffer(panel, return_period=20.0, factor=market, n_resamples=100, n_panels=10, rng=7)
    >>> [float(f"{money:.2g}") for money in sized.table.loc[20.0, ["fund", "low", "high"]]]
    [560000.0, 250000.0, 1900000.0]
    """
    one_moment(panel)
    years = _checked_years(return_period)
    check_draws(level, n_resamples, n_panels)
    if not (step := float(checked_money(step, "step"))):
        raise CurveError("step must be above zero")
    if years.max() > FAR * (record := min(tail.years for tail in factor.tails)):
        text = f"return periods up to {years.max():.4g} years from a record of {record:.3g} years"
        warnings.warn(f"{text}: no data speak to that", TailWarning, stacklevel=2)
    generator = np.random.default_rng(rng)
    curves = factor_curves(panel, factor, n_panels, generator)
    unknown = uncertain(factor.tails, n_resamples, n_panels, generator)
    rows = [_sized(curves, factor, unknown, float(period), step, level) for period in years]
    table = pd.DataFrame(rows, index=pd.Index(years, name="return_period"))
    return BufferSize(table, level, step, curves[0].currency, n_panels)


def newsvendor_return_period(*, cost_of_capital: float, cost_of_deficit: float) -> float:
    """Return period at which one more unit of a fund costs as much as it saves.

    Parameters
    ----------
    cost_of_capital : float
        Of one unit of money in the fund, a year [1], > 0.
    cost_of_deficit : float
        Of one unit of deficit beyond the fund [1], > 0: damage to those who are deleveraged, loss of custom, ...

    Returns
    -------
    float
        [years], for `size_buffer`: the fund K that minimises r K + c E[max(0, D - K)] over the largest deficit D of a
        year, P(D > K) = r / c, with Poisson events. 0 where a fund costs more than it can save (r >= c).

    Raises
    ------
    CurveError
        If a cost is not finite and above zero.

    References
    ----------
    .. [1] T. Chitra, Autodeleveraging: Impossibilities and Optimization, arXiv 2512.01112 (2025): static size of an
       insurance fund as a newsvendor's problem.

    Examples
    --------
    >>> import adlkit as adl
    >>> round(adl.frequency.newsvendor_return_period(cost_of_capital=0.1, cost_of_deficit=1.0), 4)
    9.4912
    """
    if not (0 < cost_of_capital < math.inf and 0 < cost_of_deficit < math.inf):
        raise CurveError(f"costs must be finite and above zero, got {cost_of_capital!r} and {cost_of_deficit!r}")
    if cost_of_capital >= cost_of_deficit:
        return 0.0
    return -1.0 / math.log1p(-cost_of_capital / cost_of_deficit)


def fund_for(rate: Callable[[Floats, Codes], Floats], most: Floats, target: float) -> Floats:
    """Smallest funds at which rates are no more than a target, one for each of `most`; inf where even that is too few.

    `rate` takes amounts and the places of their draws.
    """
    from scipy.optimize.elementwise import find_root

    places = np.arange(len(most))
    is_needed, is_enough = rate(np.zeros(len(most)), places) > target, rate(most, places) <= target
    fund = np.where(is_enough | ~is_needed, 0.0, np.inf)
    open_ = np.flatnonzero(is_needed & is_enough)
    if len(open_):
        found = find_root(lambda money, place: rate(money, place) - target, (fund[open_], most[open_]), args=(open_,))
        fund[open_] = np.where(found.f_x <= 0, found.x, found.bracket[1])
    return fund


def estimated_funds(curves: list[ShortfallCurve], factor: MarketFactor, years: float) -> Floats:
    """Fund of each curve, by the fits themselves."""
    levels = np.array([[tail.return_level(2.0 * years)] * len(curves) for tail in factor.tails])
    which = np.arange(len(curves))
    return _funds(curves, which, levels, lambda moves, _: expected(factor.tails, moves), years)


def drawn_funds(curves: list[ShortfallCurve], unknown: Uncertain, years: float) -> Floats:
    """Fund of each draw of the tails, with its own curve."""
    levels = np.stack([sample.return_level(2.0 * years) for sample in unknown.samples])
    return _funds(curves, unknown.which, levels, lambda moves, place: unknown.of(place).rates(moves), years)


def _funds(
    curves: list[ShortfallCurve],
    which: Codes,
    levels: Floats,
    rates: Callable[[Floats, Codes], Floats],
    years: float,
) -> Floats:
    """Funds of cases, each with its curve, moves of twice the return period (2, n), and rates beyond moves."""
    most = np.empty(len(which))
    for place in np.unique(which):
        most[which == place] = most_needed(curves[place], levels[:, which == place])

    def rate(money: Floats, place: Codes) -> Floats:
        return np.asarray(rates(reach_of_draws(curves, which[place], money), place).sum(axis=0))

    return fund_for(rate, most, 1.0 / years)


def most_needed(curve: ShortfallCurve, levels: Floats) -> Floats:
    """More than the shortfall at the worse of a fall and a rise, shape (2, m): ends of a search for funds."""
    low, high = curve.move_range
    fall, rise = np.minimum(levels[0], -low * END), np.minimum(levels[1], min(high * END, FARTHEST))
    owed = np.maximum(curve.shortfall(curve.moved(-fall)), curve.shortfall(curve.moved(rise)))
    return np.asarray(SLACK * owed, dtype=float)


def _sized(
    curves: list[ShortfallCurve], factor: MarketFactor, unknown: Uncertain, years: float, step: float, level: float
) -> dict[str, float]:
    """One row of a `BufferSize`."""
    curve, (fund, *by_panel) = curves[0], estimated_funds(curves, factor, years)
    draws = drawn_funds(curves, unknown, years)
    by_tail = drawn_funds(curves[:1], unknown.with_one_panel, years)
    low, high = interval(draws, level)
    is_known = bool(np.isfinite(by_tail).all() and np.isfinite(by_panel).all())
    if not np.isfinite(fund):
        rest = ("fall", "rise", "vault_notional", "events_saved", "years_gained", "tail_share")
        return {"fund": fund, "low": float(low), "high": float(high), **dict.fromkeys(rest, np.nan)}
    moves = reach(curve, np.array([fund, fund + step]))
    rate, less = expected(factor.tails, moves).sum(axis=0)
    return {
        "fund": fund,
        "low": float(low),
        "high": float(high),
        "fall": moves[0, 0],
        "rise": moves[1, 0],
        "vault_notional": _bankrupt_notional(curve, moves[:, 0]),
        "events_saved": rate - less,
        "years_gained": float(inverse(less)) - float(inverse(rate)),
        "tail_share": float(share_of_tail(by_tail, np.array(by_panel))) if is_known else np.nan,
    }


def _bankrupt_notional(curve: ShortfallCurve, moves: Floats) -> float:
    """Notional of bankrupt accounts at the worse of a fall and a rise; NaN where neither is reached."""
    shocks = np.array([-moves[0], moves[1]])[np.isfinite(moves)]
    return float(np.max(curve.bankrupt_notional(shocks))) if len(shocks) else np.nan


def _checked_years(return_period: npt.ArrayLike) -> Floats:
    years = np.atleast_1d(np.asarray(return_period, dtype=float))
    if years.ndim != 1 or not len(years) or not ((years > 0) & (years < np.inf)).all():
        raise CurveError(
            f"return periods must be finite and above zero, got {return_period!r}; 0 of a trade-off of costs: no fund"
        )
    return years
