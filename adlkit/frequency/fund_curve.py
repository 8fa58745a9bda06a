"""Return period of ADL against the size of the fund."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from adlkit._display import SummaryRepr
from adlkit.contracts import Floats
from adlkit.errors import CurveError
from adlkit.frequency.factor import MarketFactor
from adlkit.frequency.lines import (
    check_draws,
    checked_money,
    expected,
    factor_curves,
    interval,
    inverse,
    one_moment,
    reach,
    reach_of_draws,
    uncertain,
)
from adlkit.frequency.sizing import estimated_funds

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PERIODS = 0.5, 50.0
"""Return periods [years] whose funds are the ends of a curve that names none."""
N_FUNDS = 40
STATED = (1.0, 5.0, 20.0)
"""Return periods [years] that summaries report."""


@dataclass(frozen=True, eq=False, repr=False)
class BufferCurve(SummaryRepr):
    """How rare each size of a fund makes ADL.

    Parameters
    ----------
    table : DataFrame, index ``fund`` [ccy], rising
        ``per_year``: expected events, with its interval ``low`` to ``high``; ``return_period`` [years], with
        ``shortest`` and ``longest`` (inf where a draw knows no move that exhausts the fund).
    level : float
        Of the intervals.
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
    >>> curve = adl.buffer_curve(panel, factor=market, funds=[0.0, 10.0, 20.0], n_panels=0, rng=7)
    >>> curve.table["return_period"].round(1).tolist()
    [18.6, 58.8, 107.8]
    """

    table: pd.DataFrame
    level: float
    currency: str
    n_panels: int

    def summary(self) -> pd.Series:
        """Least fund *of the table* [ccy] with a return period of 1, 5 and 20 years; NaN where none is enough.

        `size_buffer` has the exact one.
        """
        funds = {}
        for years in STATED:
            enough = self.table.index[self.table["return_period"] >= years]
            funds[f"fund for {years:g} years"] = float(enough[0]) if len(enough) else np.nan
        return pd.Series(funds, dtype=float)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the return period against the fund; see `adlkit.plotting.plot_buffer_curve`."""
        from adlkit.plotting import plot_buffer_curve

        return plot_buffer_curve(self, ax=ax)


def buffer_curve(
    panel: pd.DataFrame,
    *,
    factor: MarketFactor,
    funds: Sequence[float] | Floats | None = None,
    level: float = 0.95,
    n_resamples: int = 1000,
    n_panels: int = 200,
    rng: int | np.random.Generator,
) -> BufferCurve:
    """Return period of ADL for each size of a fund, with a band.

    Parameters
    ----------
    panel, factor
        As in `size_buffer`.
    funds : sequence of float, optional
        Sizes [ccy], >= 0, rising. Without them 40 in geometric steps between the funds for half a year and 50 years.
    level, n_resamples, n_panels, rng
        As in `adl_frequency`.

    Returns
    -------
    BufferCurve

    Raises
    ------
    CurveError
        If funds do not rise or are negative, or if no sizes were given and moves of 50 years cost nothing; as in
        `adl_frequency`.
    TailError
        As in `adl_frequency`.

    Examples
    --------
    >>> import numpy as np, pandas as pd, adlkit as adl
    >>> panel = adl.mark_to(adl.load_dataset("four_accounts"), {"BTC": 100.0})
    >>> days = pd.date_range("2015-01-01", periods=3650, tz="UTC")
    >>> moves = pd.Series(0.02 * np.random.default_rng(7).pareto(4.0, len(days)), days)
    >>> tail = adl.fit_tail(moves, threshold=0.02, gap=1)
    >>> market = adl.MarketFactor({"BTC": 1.0}, down=tail, up=tail)
    >>> curve = adl.buffer_curve(panel, factor=market, funds=[0.0, 10.0, 20.0], n_panels=0, rng=7)
    >>> curve.table["per_year"].round(4).tolist()
    [0.0538, 0.017, 0.0093]
    """
    one_moment(panel)
    check_draws(level, n_resamples, n_panels)
    generator = np.random.default_rng(rng)
    curves = factor_curves(panel, factor, n_panels, generator)
    unknown = uncertain(factor.tails, n_resamples, n_panels, generator)
    if funds is None:
        ends = [float(estimated_funds(curves[:1], factor, years)[0]) for years in PERIODS]
        if not 0 < ends[1] < np.inf:
            raise CurveError(f"the fund for {PERIODS[1]:g} years is {ends[1]:g}; give funds= to look at")
        funds = np.geomspace(max(ends[0], 1e-3 * ends[1]), ends[1], N_FUNDS)
    money = checked_money(funds, "funds")
    if money.ndim != 1 or not len(money) or (np.diff(money) <= 0).any():
        raise CurveError(f"funds must rise, got {funds!r}")
    asked = np.broadcast_to(money, (n_resamples, len(money)))
    low, high = interval(unknown.rates(reach_of_draws(curves, unknown.which, asked)).sum(axis=0), level)
    rate = expected(factor.tails, reach(curves[0], money)).sum(axis=0)
    table = {
        "per_year": rate,
        "low": low,
        "high": high,
        "return_period": inverse(rate),
        "shortest": inverse(high),
        "longest": inverse(low),
    }
    return BufferCurve(pd.DataFrame(table, index=pd.Index(money, name="fund")), level, curves[0].currency, n_panels)
