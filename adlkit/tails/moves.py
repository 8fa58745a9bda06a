"""Worst moves within periods, and which of them are one event."""

from __future__ import annotations

import numpy as np
import pandas as pd

from adlkit.errors import TailError
from adlkit.tails.asked import check_times

READ = ["high", "low", "close"]


def worst_moves(prices: pd.DataFrame | pd.Series, *, horizon: str | None = None) -> pd.DataFrame:
    """Largest fall and largest rise within each period, against the close before it.

    Parameters
    ----------
    prices : DataFrame or Series, index of increasing times
        Bars with ``high``, ``low`` and ``close`` [quote/base], or a path of prices, each of which is a bar of its own.
    horizon : str, optional
        Length of a period, as pandas writes it (``"1D"``, ``"6h"``): bars and paths are gathered into such periods.
        Without it every bar is a period.

    Returns
    -------
    DataFrame, one row per period but the first
        ``down`` = 1 - low / previous close and ``up`` = high / previous close - 1 [1]; 0 where the price never went
        to that side of the previous close. A period without prices has no row, and the one after it is measured
        against the last close there is.

    Raises
    ------
    TailError
        If a column is missing, times do not increase, a price is not finite and above zero, or a close lies outside
        its bar.

    Notes
    -----
    Close to close moves miss what ADL sees: an account that is liquidated at the low of a day is gone, whatever the
    close. Moves of more than one period from the same start are not measured; choose the horizon accordingly.

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> days = pd.date_range("2025-10-09", periods=3, tz="UTC")
    >>> bars = pd.DataFrame({"high": [101.0, 104.0, 95.0], "low": [98.0, 85.0, 88.0]}, days)
    >>> bars = bars.assign(close=[100.0, 90.0, 93.0])
    >>> adl.worst_moves(bars).round(4).to_dict("list")
    {'down': [0.15, 0.0222], 'up': [0.04, 0.0556]}
    """
    bars = _gathered(_bars(prices), horizon)
    before = bars["close"].shift(1)
    moves = pd.DataFrame({"down": 1.0 - bars["low"] / before, "up": bars["high"] / before - 1.0})
    return moves.iloc[1:].clip(lower=0.0)


def _bars(prices: pd.DataFrame | pd.Series) -> pd.DataFrame:
    """High, low and close of each time, checked."""
    if isinstance(prices, pd.Series):
        prices = pd.DataFrame(dict.fromkeys(READ, prices))
    if missing := [name for name in READ if name not in prices]:
        raise TailError(f"missing columns {missing}; give bars with {READ}, or a Series of prices")
    check_times(prices.index, "prices")
    bars = prices[READ].astype(float)
    values = bars.to_numpy()
    if len(bad := bars.index[~(np.isfinite(values) & (values > 0)).all(axis=1)]):
        raise TailError(f"{len(bad)} bars with a price that is not finite and above zero, first {bad[0]}")
    is_outside = (bars["low"] > bars["close"]) | (bars["close"] > bars["high"])
    if len(bad := bars.index[is_outside]):
        raise TailError(f"{len(bad)} bars whose close is not between low and high, first {bad[0]}")
    return bars


def _gathered(bars: pd.DataFrame, horizon: str | None) -> pd.DataFrame:
    """Bars of longer periods; those without prices left out."""
    if horizon is None:
        return bars
    try:
        periods = bars.resample(horizon)
    except ValueError as error:
        raise TailError(f"horizon {horizon!r} is no length of a period; give one such as '1D'") from error
    return periods.agg({"high": "max", "low": "min", "close": "last"}).dropna()


def cluster_peaks(moves: pd.Series, *, threshold: float, gap: int) -> pd.Series:
    """Largest move of each cluster of moves above a threshold.

    Parameters
    ----------
    moves : Series
        One move per period, in order of time.
    threshold : float
        Moves above it are exceedances.
    gap : int
        Exceedances at most so many periods apart are one cluster (runs declustering); 0: each is its own.

    Returns
    -------
    Series
        Rows of `moves`, at the time of the first largest move of each cluster.

    References
    ----------
    .. [1] R. L. Smith and I. Weissman, Estimating the extremal index, JRSS B 56 (1994): clusters by runs.

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> moves = pd.Series([0.1, 0.0, 0.2, 0.3, 0.0, 0.0, 0.1])
    >>> adl.tails.cluster_peaks(moves, threshold=0.05, gap=1).to_dict()
    {0: 0.1, 3: 0.3, 6: 0.1}
    """
    places = np.flatnonzero(moves.to_numpy() > threshold)
    above = moves.iloc[places]
    cluster = np.concatenate(([0], np.cumsum(np.diff(places) > gap)))[: len(places)]
    order = np.lexsort((places, -above.to_numpy(dtype=float), cluster))
    return above.iloc[order[np.unique(cluster[order], return_index=True)[1]]]
