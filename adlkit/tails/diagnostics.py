"""Where a tail starts: tables of what changes with the threshold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from adlkit.contracts import Floats
from adlkit.errors import TailError
from adlkit.tails.asked import check_level, check_moves
from adlkit.tails.moves import cluster_peaks
from adlkit.tails.pareto import LEAST_SHAPE, maximum_likelihood
from adlkit.tails.profile import shape_interval

LEAST = 10
"""Fewer excesses give no row of numbers."""


def mean_excess(moves: pd.Series, thresholds: Sequence[float], *, level: float = 0.95) -> pd.DataFrame:
    """Mean excess of moves over each threshold: a straight line from where a generalised Pareto tail starts.

    Parameters
    ----------
    moves : Series, index of increasing times
        Worst move of each period on one side [1], >= 0.
    thresholds : sequence of float
        Where to look [1].
    level : float, default 0.95
        Confidence of the intervals, in (0, 1).

    Returns
    -------
    DataFrame, index ``threshold``
        ``n`` moves above it, ``mean_excess`` [1] with ``low`` and ``high`` (normal approximation; every exceedance
        counts, none is declustered). NaN with fewer than ten.

    Raises
    ------
    TailError
        If a move or a threshold is not finite and >= 0, times do not increase, or the level lies outside (0, 1).

    References
    ----------
    .. [1] A. C. Davison and R. L. Smith, Models for exceedances over high thresholds, JRSS B 52 (1990). For a shape s
       below 1 the mean excess grows by s / (1 - s) per unit of threshold.

    Examples
    --------
    >>> import numpy as np, pandas as pd, adlkit as adl
    >>> days = pd.date_range("2015-01-01", periods=3650, tz="UTC")
    >>> moves = pd.Series(0.02 * np.random.default_rng(7).pareto(4.0, len(days)), days)
    >>> adl.tails.mean_excess(moves, [0.02, 0.04])["mean_excess"].round(4).tolist()
    [0.0138, 0.0207]
    """
    from scipy.special import ndtri

    check_level(level)
    values, width = check_moves(moves), float(ndtri((1.0 + level) / 2.0))
    levels, rows = _levels(thresholds), []
    for threshold in levels:
        excess = values[values > threshold] - threshold
        is_enough = len(excess) >= LEAST
        mean = excess.mean() if is_enough else np.nan
        error = excess.std(ddof=1) / np.sqrt(len(excess)) if is_enough else np.nan
        rows.append((len(excess), mean, mean - width * error, mean + width * error))
    return _table(rows, ["n", "mean_excess", "low", "high"], levels)


def threshold_stability(
    moves: pd.Series, thresholds: Sequence[float], *, gap: int = 1, level: float = 0.95
) -> pd.DataFrame:
    """Shape and modified scale fitted above each threshold: constant from where a generalised Pareto tail starts.

    Parameters
    ----------
    moves : Series, index of increasing times
        Worst move of each period on one side [1], >= 0.
    thresholds : sequence of float
        Where to look [1].
    gap : int, default 1
        As in `adlkit.fit_tail`.
    level : float, default 0.95
        Confidence of the intervals, in (0, 1).

    Returns
    -------
    DataFrame, index ``threshold``
        ``n_clusters``; ``shape`` [1] by maximum likelihood with ``shape_low`` and ``shape_high`` (profile
        likelihood); ``modified_scale`` = scale - shape x threshold [1] with ``modified_scale_low`` and
        ``modified_scale_high`` (from the asymptotic covariance; NaN for shapes at or below -1/2, where it does not
        exist). NaN where fewer than ten clusters are left or the likelihood has no maximum above a shape of -1.

    Raises
    ------
    TailError
        As in `mean_excess`.

    References
    ----------
    .. [1] S. Coles, An Introduction to Statistical Modeling of Extreme Values (2001), 4.3.4.
    .. [2] R. L. Smith, Estimating tails of probability distributions, Annals of Statistics 15 (1987): the covariance.

    Examples
    --------
    >>> import numpy as np, pandas as pd, adlkit as adl
    >>> days = pd.date_range("2015-01-01", periods=3650, tz="UTC")
    >>> moves = pd.Series(0.02 * np.random.default_rng(7).pareto(4.0, len(days)), days)
    >>> adl.tails.threshold_stability(moves, [0.02, 0.04])["shape"].round(3).tolist()
    [0.232, 0.141]
    """
    from scipy.special import ndtri

    check_level(level)
    check_moves(moves)
    width = float(ndtri((1.0 + level) / 2.0))
    levels = _levels(thresholds)
    rows = [_stable_row(moves, threshold, gap, level, width) for threshold in levels]
    names = ["n_clusters", "shape", "shape_low", "shape_high"]
    return _table(rows, [*names, "modified_scale", "modified_scale_low", "modified_scale_high"], levels)


def _stable_row(moves: pd.Series, threshold: float, gap: int, level: float, width: float) -> tuple[Any, ...]:
    excess = cluster_peaks(moves, threshold=threshold, gap=gap).to_numpy(dtype=float) - threshold
    n = len(excess)
    if n < LEAST:
        return (n, *(np.nan,) * 6)
    shape, scale = (float(found[0]) for found in maximum_likelihood(excess[None]))
    if shape <= LEAST_SHAPE:
        return (n, *(np.nan,) * 6)
    modified = scale - shape * threshold
    parts = (1.0 + shape) * threshold**2 + 2.0 * scale * threshold + 2.0 * scale**2
    error = width * np.sqrt((1.0 + shape) / n * parts) if shape > -0.5 else np.nan
    return (n, shape, *shape_interval(excess, shape, scale, level=level), modified, modified - error, modified + error)


def _levels(thresholds: Sequence[float]) -> Floats:
    levels = np.asarray(thresholds, dtype=float)
    if levels.ndim != 1 or not ((levels >= 0) & (levels < np.inf)).all():
        raise TailError("thresholds must be a list of finite numbers, none below zero")
    return levels


def _table(rows: list[tuple[Any, ...]], columns: list[str], thresholds: Floats) -> pd.DataFrame:
    return pd.DataFrame(rows, index=pd.Index(thresholds, name="threshold"), columns=columns)
