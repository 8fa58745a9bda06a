"""Lines of contracts laid side by side: who is filled by whom.

A line is a sequence of quantities served in order. Two lines are matched by the overlap of their cumulative sums.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from adlkit.contracts import Floats
from adlkit.groups import Codes

DUST = 1e-13
"""Pieces below this share of the matched total are rounding, not trades, unless they are most of a quantity."""

MANY = 30
"""Places with a queue of their own, from which on matching piece by piece is faster."""


class Pairs(NamedTuple):
    """Pieces of a match: place in the first line, place in the second, contracts."""

    first: Codes
    second: Codes
    qty: Floats


def no_pairs() -> Pairs:
    """An empty match."""
    return Pairs(np.zeros(0, dtype=np.intp), np.zeros(0, dtype=np.intp), np.zeros(0))


def overlap(first: Floats, second: Floats) -> Pairs:
    """Match two lines from their starts until the shorter one ends. O(n log n).

    A quantity that is matched in one piece keeps its exact value; others are differences of cumulative sums.
    """
    ends = np.cumsum(first), np.cumsum(second)
    total = min(ends[0][-1], ends[1][-1]) if len(first) and len(second) else 0.0
    if total <= 0:
        return no_pairs()
    first_end, second_end = (end[: np.searchsorted(end, total)] for end in ends)
    cuts = np.append(np.union1d(first_end, second_end), total)
    qty = np.diff(cuts, prepend=0.0)
    places = [np.minimum(np.searchsorted(end, cuts - qty / 2), len(end) - 1) for end in ends]
    real = qty > np.minimum(DUST * total, 0.5 * np.minimum(first[places[0]], second[places[1]]))
    qty, places = qty[real], [place[real] for place in places]
    for line, end, place in zip((first, second), ends, places, strict=True):
        whole = (np.bincount(place, minlength=len(line)) == 1)[place] & (end[place] <= total * (1 + DUST))
        qty = np.where(whole, line[place], qty)
    return Pairs(places[0], places[1], qty)


def overlap_from(needs: Floats, supply: Floats, release: Codes) -> Pairs:
    """Match supplies, in order, each with the earliest needs that are still open at or behind its `release`.

    Where nobody has to wait this is `overlap`. Otherwise it takes O(1) Python steps per piece (amortised, with path
    compression over served needs), for a supply that waits leaves a gap that a later one fills.
    """
    if not release.any():
        return overlap(needs, supply)
    dust = DUST * min(needs.sum(), supply.sum())
    willing = np.flatnonzero((supply > dust) & (release < len(needs)))
    left, end = needs.tolist(), len(needs)
    follower = [*np.where(needs <= dust, np.arange(1, end + 1), np.arange(end)).tolist(), end]
    front = _first_open(follower, 0)
    served, servants, pieces = [], [], []
    for place, qty, start in zip(willing.tolist(), supply[willing].tolist(), release[willing].tolist(), strict=True):
        need = _first_open(follower, start) if start > front else front
        while need < end:
            served.append(need)
            servants.append(place)
            if left[need] - qty > dust:
                pieces.append(qty)
                left[need] -= qty
                break
            pieces.append(min(left[need], qty))
            qty -= left[need]
            follower[need] = need + 1
            if qty <= dust:
                break
            need = _first_open(follower, need + 1)
        if follower[front] != front:
            front = _first_open(follower, front)
            if front == end:
                break
    return Pairs(np.array(served, dtype=np.intp), np.array(servants, dtype=np.intp), np.array(pieces, dtype=float))


def served(needs: Floats, supply: Floats, release: Codes) -> Floats:
    """What each supply gives in `overlap_from`, without the pieces: no Python step per piece.

    Up to the j-th supply all have given, over places r of the line of needs, the least of

        needs from r on + supplies up to j that may serve a need before r,

    the whole supply included (no r). Only places that more supply waits for than is needed behind them can be the
    least: O(n) for each of them, and where they are many the pieces are cheaper.
    """
    total = needs.sum()
    dust = DUST * min(total, supply.sum())
    willing = np.flatnonzero((supply > dust) & (release < len(needs)))
    own, start = supply[willing], release[willing]
    reached = int(np.searchsorted(np.cumsum(np.where(start == 0, own, 0.0)), total)) + 1
    own, start, willing = own[:reached], start[:reached], willing[:reached]
    behind = np.append(np.cumsum(needs[::-1])[::-1], 0.0)
    crowded = _crowded(own, start, behind)
    if len(crowded) > MANY:
        pairs = overlap_from(needs, supply, release)
        return np.asarray(np.bincount(pairs.second, weights=pairs.qty, minlength=len(supply)), dtype=float)
    least = np.minimum(np.cumsum(own), total)
    for place in crowded:
        least = np.minimum(least, behind[place] + np.cumsum(np.where(start < place, own, 0.0)))
    gives = np.diff(least, prepend=0.0)
    given = np.zeros(len(supply))
    given[willing] = np.where(gives <= dust, 0.0, np.where(own - gives <= dust, own, gives))
    return given


def _crowded(supply: Floats, release: Codes, behind: Floats) -> Codes:
    """Places of a line of needs that more supply waits for than is needed from there on."""
    places = np.unique(release[release > 0])
    waiting = np.append(np.cumsum(np.bincount(release, weights=supply)[::-1])[::-1], 0.0)
    return places[waiting[places] > behind[places]]


def _first_open(follower: list[int], need: int) -> int:
    """First need at or behind `need` that is not served; halves the path on its way."""
    while follower[need] != need:
        follower[need] = follower[follower[need]]
        need = follower[need]
    return need


def swept(limit_depth: Floats, ordered: Floats) -> Floats:
    """Cumulative contracts filled by one shared sweep of a book.

    Parameters
    ----------
    limit_depth : array
        Depth at or better than each order's limit, strictest limit first, so not falling.
    ordered : array
        Contracts of each order.

    Returns
    -------
    array
        After each order: ordered so far, less the largest excess over depth met so far.
    """
    wanted = np.cumsum(ordered)
    return wanted + np.minimum(np.minimum.accumulate(limit_depth - wanted), 0.0)
