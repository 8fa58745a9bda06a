"""Lines of contracts laid side by side: who is filled by whom.

A line is a sequence of quantities served in order. Two lines are matched by the overlap of their cumulative sums.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from adlkit.contracts import Floats

Codes = npt.NDArray[np.intp]
DUST = 1e-13
"""Pieces below this share of the matched total are rounding, not trades."""


class Pairs(NamedTuple):
    """Pieces of a match: place in the first line, place in the second, contracts."""

    first: Codes
    second: Codes
    qty: Floats


def overlap(first: Floats, second: Floats) -> Pairs:
    """Match two lines from their starts until the shorter one ends. O(n log n)."""
    ends = np.cumsum(first), np.cumsum(second)
    total = min(ends[0][-1], ends[1][-1]) if len(first) and len(second) else 0.0
    if total <= 0:
        return Pairs(np.zeros(0, dtype=np.intp), np.zeros(0, dtype=np.intp), np.zeros(0))
    cuts = np.union1d(*ends)
    cuts = np.r_[cuts[cuts < total], total]
    qty = np.diff(cuts, prepend=0.0)
    real = qty > DUST * total
    middle = (cuts - qty / 2)[real]
    places = [np.minimum(np.searchsorted(end, middle), len(end) - 1) for end in ends]
    return Pairs(places[0], places[1], qty[real])


def overlap_from(needs: Floats, supply: Floats, release: Codes) -> Pairs:
    """Match supplies, in order, each with the earliest needs that are still open at or behind its `release`.

    Where nobody has to wait this is `overlap`. Otherwise it takes O(1) Python steps per piece (amortised, with path
    compression over served needs), for a supply may leave a gap that a later one fills.
    """
    if not release.any():
        return overlap(needs, supply)
    open_needs, follower = needs.tolist(), list(range(len(needs) + 1))
    dust = DUST * min(needs.sum(), supply.sum())
    left = float(needs.sum())
    pieces: list[tuple[int, int, float]] = []
    for place, (qty, need) in enumerate(zip(supply.tolist(), release.tolist(), strict=True)):
        if left <= dust:
            break
        need = _first_open(follower, need)
        while qty > dust and need < len(open_needs):
            piece = min(qty, open_needs[need])
            pieces.append((need, place, piece))
            qty, open_needs[need], left = qty - piece, open_needs[need] - piece, left - piece
            if open_needs[need] <= dust:
                follower[need] = need + 1
                need = _first_open(follower, need + 1)
    rows = np.array([piece[:2] for piece in pieces], dtype=np.intp).reshape(-1, 2)
    return Pairs(rows[:, 0], rows[:, 1], np.array([piece[2] for piece in pieces]))


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
