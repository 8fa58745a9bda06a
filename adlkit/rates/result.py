"""Rates with intervals: one result for every way of estimating them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from adlkit._display import SummaryRepr

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, eq=False, repr=False)
class RateResult(SummaryRepr):
    """Rates of events, each with its interval and its upper bound.

    Parameters
    ----------
    table : DataFrame, one row per rate
        ``count`` of events, ``exposure`` [unit], ``rate``, ``low`` and ``high`` of the interval, and ``upper``, the
        one-sided bound [events per unit].
    unit : str
        What one unit of exposure is, e.g. "venue-year".
    level : float
        Of the interval and, on one side, of the bound.
    method : str
        Name of the interval.

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.episode_rate(0, 3.0, unit="venue-year")
    RateResult
    count                    0
    exposure [venue-year]    3
    rate                     0
    low                      0
    high               1.22963
    upper             0.998577
    """

    table: pd.DataFrame
    unit: str
    level: float
    method: str

    def summary(self) -> pd.Series:
        """The numbers of each row; with several rows, behind its name."""
        named = self.table.rename(columns={"exposure": f"exposure [{self.unit}]"})
        if len(named) == 1:
            return named.iloc[0].astype(float)
        rows = [", ".join(map(str, row)) if isinstance(row, tuple) else str(row) for row in named.index]
        labels = [f"{row}: {name}" for row in rows for name in named.columns]
        return pd.Series(named.to_numpy(dtype=float).ravel(), index=labels)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the rates with their intervals; see `adlkit.plotting.plot_rates`."""
        from adlkit.plotting import plot_rates

        return plot_rates(self, ax=ax)
