"""How predictable a queue is: what a move of the marks does to lights and ranks."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from adlkit.errors import MetricError
from adlkit.metrics.inputs import finite, moved, on_index
from adlkit.ranking import lights, quantile, rank
from adlkit.scores import Score


def light_persistence(
    panel: pd.DataFrame,
    *,
    score: Score,
    move: float | pd.Series,
    n_lights: int = 5,
    weight: pd.Series | None = None,
) -> pd.DataFrame:
    """How many positions keep their indicator light when the marks move.

    Parameters
    ----------
    panel : DataFrame
        Checked positions.
    score, n_lights, weight
        As in `adlkit.lights`; the weight stays what it is through the move (contracts do, notionals do not).
    move : float or Series by symbol
        Relative move of the marks [1], > -1; each row keeps its maintenance rate and deduction.

    Returns
    -------
    DataFrame, index ``light`` 1 .. `n_lights`
        ``n`` positions with that light before, ``kept`` (how many of them show the same light after; one that is
        out of the queue after has not kept it), ``persistence`` = kept / n [1, NaN where n is 0]. For the whole
        panel: ``table["kept"].sum() / table["n"].sum()``.

    Raises
    ------
    ScoreError
        As in `adlkit.lights`.
    MetricError
        If a move is missing, not finite, or -1 and below.

    Examples
    --------
    >>> import adlkit as adl
    >>> panel = adl.load_dataset("four_accounts")
    >>> table = adl.metrics.light_persistence(panel, score=adl.scores.bitmex, move=1.0)
    >>> table[["n", "kept"]].query("n > 0").to_dict("index")
    {1: {'n': 2, 'kept': 1}, 3: {'n': 1, 'kept': 0}}
    """
    before = lights(panel, score=score, weight=weight, n_lights=n_lights)
    after = lights(moved(panel, move), score=score, weight=weight, n_lights=n_lights)
    place = before[before.notna()].to_numpy().astype(np.intp) - 1
    is_kept = (before == after)[before.notna()].to_numpy(dtype=float)
    n = np.bincount(place, minlength=n_lights)
    kept = np.bincount(place, weights=is_kept, minlength=n_lights).astype(np.intp)
    table = pd.DataFrame({"n": n, "kept": kept}, index=pd.RangeIndex(1, n_lights + 1, name="light"))
    return table.assign(persistence=table["kept"] / table["n"].where(table["n"] > 0))


def rank_churn(panel: pd.DataFrame, *, score: Score, move: float | pd.Series = 0.01) -> pd.Series:
    """How much the places in the queues change when the marks move.

    Parameters
    ----------
    panel, score, move
        As in `light_persistence`; the default is a rise of 1%.

    Returns
    -------
    Series
        ``quantile_change``: mean abs(change of `adlkit.quantile`) of positions that are in the queue before and
        after [1]; ``moved``: share of the positions in the queue before that have another rank after, or are out of
        it [1]. Both for this move, not scaled; NaN where there are no such positions.

    Raises
    ------
    ScoreError, MetricError
        As in `light_persistence`.

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.metrics.rank_churn(adl.load_dataset("four_accounts"), score=adl.scores.bitmex).to_dict()
    {'quantile_change': 0.0, 'moved': 0.0}
    """
    later = moved(panel, move)
    change = (quantile(later, score=score) - quantile(panel, score=score)).abs()
    before, after = rank(panel, score=score), rank(later, score=score)
    return pd.Series({"quantile_change": change.mean(), "moved": (before != after)[before.notna()].mean()})


def brier_score(forecast: pd.Series, happened: pd.Series) -> float:
    """Mean squared error of a probability, e.g. of being deleveraged given one's light.

    Parameters
    ----------
    forecast : Series
        Probability [0, 1] of each position; NaN (not in the queue: no light, no forecast) is left out. A light
        becomes a forecast by the frequency at which it was deleveraged elsewhere, or plainly as ``lights / 5``.
    happened : Series
        Whether it happened, bool or 0 and 1, on the same index.

    Returns
    -------
    float
        0 (certain and right) .. 1 (certain and wrong); NaN without any forecast.

    Raises
    ------
    MetricError
        If a forecast is outside [0, 1], an outcome is neither 0 nor 1, or the indices differ.

    References
    ----------
    .. [1] G. W. Brier, Verification of forecasts expressed in terms of probability, Monthly Weather Review 78 (1950);
       the form for two outcomes.

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> adl.metrics.brier_score(pd.Series([1.0, 0.5, None]), pd.Series([True, False, False]))
    0.125
    """
    outcome = finite("happened", on_index("happened", happened, "forecast", forecast.index))
    probability = forecast.to_numpy(dtype=float)
    if (probability < 0).any() or (probability > 1).any():
        raise MetricError("forecast must be within [0, 1]")
    if not np.isin(outcome, (0.0, 1.0)).all():
        raise MetricError("happened must be bool, or 0 and 1")
    gap = (probability - outcome)[~np.isnan(probability)]
    return float(np.mean(gap**2)) if len(gap) else math.nan
