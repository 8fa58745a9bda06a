"""How far two queues agree: rank correlations, rank-biased overlap, the front that they share.

A rank is a Series with 1 = front and NaN = not in the queue, as `adlkit.rank` returns it. `adlkit.rank` ranks each
(time, symbol, side) by itself: hand over one queue at a time, e.g. within a ``groupby``.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pandas as pd

from adlkit.contracts import Floats
from adlkit.errors import MetricError
from adlkit.groups import Codes
from adlkit.metrics.inputs import nonnegative, on_index


def kendall_tau(first: pd.Series, second: pd.Series) -> float:
    """Kendall's tau-b of two ranks.

    Parameters
    ----------
    first, second : Series
        Ranks of one queue on the same index; ties are allowed. Only positions in both queues are compared.

    Returns
    -------
    float
        -1 (reversed) .. 1 (same order); NaN with fewer than two positions in common or without any order among them.

    Raises
    ------
    MetricError
        If the indices differ.

    References
    ----------
    .. [1] M. G. Kendall, The treatment of ties in ranking problems, Biometrika 33 (1945); `scipy.stats.kendalltau`.

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> round(adl.metrics.kendall_tau(pd.Series([1.0, 2.0, 3.0, None]), pd.Series([1.0, 3.0, 2.0, 4.0])), 4)
    0.3333
    """
    from scipy.stats import kendalltau  # loaded when first asked for: it takes longer than all of adlkit

    one, two = _common(first, second)
    return float(kendalltau(one, two).statistic) if _has_order(one, two) else math.nan


def spearman(first: pd.Series, second: pd.Series) -> float:
    """Spearman's rank correlation of two ranks.

    Parameters
    ----------
    first, second : Series
        As in `kendall_tau`; ranked anew among the positions in both queues.

    Returns
    -------
    float
        As in `kendall_tau`.

    Raises
    ------
    MetricError
        If the indices differ.

    References
    ----------
    .. [1] C. Spearman, The proof and measurement of association between two things (1904); `scipy.stats.spearmanr`.

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> adl.metrics.spearman(pd.Series([1.0, 2.0, 3.0, None]), pd.Series([1.0, 3.0, 2.0, 4.0]))
    0.5
    """
    from scipy.stats import spearmanr  # as in `kendall_tau`

    one, two = _common(first, second)
    return float(spearmanr(one, two).statistic) if _has_order(one, two) else math.nan


def rank_biased_overlap(first: pd.Series, second: pd.Series, *, persistence: float = 0.9) -> float:
    r"""Rank-biased overlap of two queues, which weighs the front more than the back; extrapolated. O(n).

    Parameters
    ----------
    first, second : Series
        Ranks 1, 2, ..., n of one queue each, without ties, on the same index. The two queues may hold different
        positions and be of different length; all of them count.
    persistence : float, default 0.9
        Probability p in (0, 1) that a reader who has seen one rank goes on to the next; the first ten ranks carry
        86% of the weight at 0.9.

    Returns
    -------
    float
        0 (nothing in common) .. 1 (the same queue, or one the beginning of the other); NaN if a queue is empty.

    Raises
    ------
    MetricError
        If the indices differ, a rank is not 1 .. n each once, or `persistence` is not within (0, 1).

    Notes
    -----
    RBO_ext for lists of s <= l ranks with X_d positions in common among the first d:

    .. math:: \frac{1-p}{p}\Big(\sum_{d=1}^{l}\frac{X_d}{d}p^d + \sum_{d=s+1}^{l}\frac{X_s(d-s)}{s\,d}p^d\Big)
              + \Big(\frac{X_l-X_s}{l}+\frac{X_s}{s}\Big)p^l

    References
    ----------
    .. [1] W. Webber, A. Moffat, J. Zobel, A similarity measure for indefinite rankings, ACM TOIS 28(4) (2010),
       equation 32. Their treatment of ties is not needed: queues break them.

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> round(adl.metrics.rank_biased_overlap(pd.Series([1.0, 2.0, 3.0]), pd.Series([1.0, 3.0, 2.0])), 4)
    0.955
    """
    one, two = _places("first", first), _places("second", on_index("second", second, "first", first.index))
    if not 0 < persistence < 1:
        raise MetricError(f"persistence must be within (0, 1), got {persistence!r}")
    short, long = sorted((int(one.max(initial=0)), int(two.max(initial=0))))
    if short == 0:
        return math.nan
    shared_from = np.maximum(one, two)[(one > 0) & (two > 0)]
    overlap = np.cumsum(np.bincount(shared_from, minlength=long + 1))[1:].astype(float)
    depth = np.arange(1, long + 1)
    seen = overlap / depth + overlap[short - 1] * np.maximum(depth - short, 0) / (short * depth)
    rest = (overlap[-1] - overlap[short - 1]) / long + overlap[short - 1] / short
    return float((1 - persistence) / persistence * (seen @ persistence**depth) + rest * persistence**long)


def front_overlap(first: pd.Series, second: pd.Series, *, weight: pd.Series, share: float) -> float:
    """Share of the first contracts of a market that the fronts of two queues have in common.

    Parameters
    ----------
    first, second : Series
        As in `rank_biased_overlap`.
    weight : Series
        Size of each position >= 0, e.g. ``panel["qty"].abs()``, on the same index.
    share : float
        Depth of the front in (0, 1], as a share of the weight of all positions in either queue.

    Returns
    -------
    float
        Weight that both fronts hold / depth, 0 .. 1. The position that a front ends in counts with the part inside;
        two parts of one position overlap as far as the smaller one. Below 1 also where a queue is shorter than the
        depth. NaN if no position in a queue has weight.

    Raises
    ------
    MetricError
        As in `rank_biased_overlap`, or if `share` is outside (0, 1] or a weight is negative or not finite.

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> qty = pd.Series([4.0, 2.0, 4.0])
    >>> adl.metrics.front_overlap(pd.Series([1.0, 2.0, 3.0]), pd.Series([2.0, 1.0, 3.0]), weight=qty, share=0.4)
    0.5
    """
    one, two = _places("first", first), _places("second", on_index("second", second, "first", first.index))
    size = nonnegative("weight", on_index("weight", weight, "first", first.index))
    if not 0 < share <= 1:
        raise MetricError(f"share must be within (0, 1], got {share!r}")
    depth = share * size[(one > 0) | (two > 0)].sum()
    common = np.minimum(_front(one, size, depth), _front(two, size, depth)).sum()
    return float(common / depth) if depth > 0 else math.nan


def rank_agreement(ranks: pd.DataFrame, *, statistic: Callable[[pd.Series, pd.Series], float]) -> pd.DataFrame:
    """Agreement of each pair among several queues.

    Parameters
    ----------
    ranks : DataFrame
        One rank a column, e.g. of several scores.
    statistic : callable, (Series, Series) -> float
        A symmetric one of this module, e.g. `kendall_tau`; ``functools.partial`` binds its options.

    Returns
    -------
    DataFrame, columns of `ranks` x columns of `ranks`
        Symmetric; NaN where the statistic is.

    Raises
    ------
    MetricError
        If two columns have the same name.

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> ranks = pd.DataFrame({"bitmex": [1.0, 2.0, 3.0], "size": [3.0, 2.0, 1.0]})
    >>> adl.metrics.rank_agreement(ranks, statistic=adl.metrics.kendall_tau).round(4).to_dict("list")
    {'bitmex': [1.0, -1.0], 'size': [-1.0, 1.0]}
    """
    if not ranks.columns.is_unique:
        raise MetricError(f"ranks has two columns of one name: {list(ranks.columns)}")
    table = pd.DataFrame(np.nan, index=ranks.columns, columns=ranks.columns)
    for place, one in enumerate(ranks.columns):
        for two in ranks.columns[place:]:
            table.loc[one, two] = table.loc[two, one] = statistic(ranks[one], ranks[two])
    return table


def _common(first: pd.Series, second: pd.Series) -> tuple[Floats, Floats]:
    """Ranks of the positions that are in both queues."""
    one = first.to_numpy(dtype=float)
    two = on_index("second", second, "first", first.index).to_numpy(dtype=float)
    in_both = ~np.isnan(one) & ~np.isnan(two)
    return one[in_both], two[in_both]


def _has_order(*ranks: Floats) -> bool:
    return all(len(rank) > 1 and rank.min() < rank.max() for rank in ranks)


def _places(what: str, rank: pd.Series) -> Codes:
    """Ranks as whole numbers, 0 = not in the queue, or a MetricError if they are not 1 .. n, each once."""
    values = rank.to_numpy(dtype=float)
    is_queued = ~np.isnan(values)
    given = values[is_queued]
    count = len(given)
    is_place = (given >= 1) & (given <= count) & (given == np.floor(given))
    places = np.zeros(len(values), dtype=np.intp)
    places[is_queued] = np.where(is_place, given, 0)
    if not is_place.all() or (np.bincount(places[is_queued], minlength=count + 1)[1:] != 1).any():
        raise MetricError(f"{what} must rank one queue 1, 2, ..., {count}, each once; rank a part of a queue anew")
    return places


def _front(place: Codes, size: Floats, depth: float) -> Floats:
    """Part of each position within the first `depth` of a queue."""
    queued = np.zeros(len(place) + 1)
    queued[place] = size
    queued[0] = 0.0
    return np.clip(depth - (np.cumsum(queued) - queued), 0.0, queued)[place]
