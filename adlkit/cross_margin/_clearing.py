"""The closest amounts that clear each asset: one sort per asset."""

from __future__ import annotations

import numpy as np

from adlkit.contracts import Floats


def fill(wish: Floats, weight: Floats, room: Floats, amount: Floats) -> tuple[Floats, Floats]:
    """Level x of each row, and clip(wish - x weight, 0, room), whose row sums are `amount`.

    Both the closest point of a box with a given sum (in the metric 1 / weight) and one water-filling. Weights are above
    zero; amounts are within what the rows have. One sort of the 2 n levels at which an entry begins and ends to give.
    """
    ends = np.concatenate([wish, wish - room], axis=1)
    step = np.concatenate([weight, -weight], axis=1)
    ends /= np.abs(step)
    order = np.argsort(-ends, axis=1)
    ends, step = np.take_along_axis(ends, order, axis=1), np.take_along_axis(step, order, axis=1)
    slope = np.cumsum(step, axis=1)[:, :-1]
    given = np.cumsum(slope * (ends[:, :-1] - ends[:, 1:]), axis=1)
    rows = np.arange(len(wish))
    place = np.minimum((given < amount[:, None]).sum(axis=1), given.shape[1] - 1)
    before = np.where(place > 0, given[rows, place - 1], 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        further = (amount - before) / slope[rows, place]
    level = ends[rows, place] - np.where(slope[rows, place] > 0, further, 0.0)
    level = np.clip(level, ends[:, -1], ends[:, 0])
    return level, cleared(np.clip(wish - level[:, None] * weight, 0.0, room), weight, room, amount)


def cleared(closed: Floats, weight: Floats, room: Floats, amount: Floats) -> Floats:
    """Row sums made exact: what rounding left is shared among those that give in part, then among all with room."""
    for inner in ((closed > 0) & (closed < room), room > 0, room > 0):
        missing = amount - closed.sum(axis=1)
        can = inner & np.where(missing[:, None] > 0, closed < room, closed > 0)
        mass = np.where(can, weight, 0.0)
        total = mass.sum(axis=1)
        share = np.divide(missing, total, out=np.zeros_like(missing), where=total > 0)
        closed = np.clip(closed + share[:, None] * mass, 0.0, room)
    return closed
