"""How much of a line of needs a limited buffer can serve."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from adlkit.contracts import Flags, Floats
from adlkit.distress import ROUNDING, Distress
from adlkit.errors import VenueError
from adlkit.groups import Codes


class Line(NamedTuple):
    """Cumulative contracts along a line of needs, and what serving them costs; both start with 0."""

    depth: Floats
    cost: Floats

    @classmethod
    def of(cls, qty: Floats, cost: Floats) -> Line:
        """Line of needs with the cost of each."""
        return cls(np.r_[0.0, np.cumsum(qty)], np.r_[0.0, np.cumsum(cost)])


def part_paid(lines: list[Line], wanted: Floats, budget: float) -> float:
    """Largest share of the `wanted` contracts, the same in every line, that a budget pays for."""
    pairs = [(line, want) for line, want in zip(lines, wanted, strict=True) if want > 0]
    knots = np.unique(np.concatenate([np.minimum(line.depth / want, 1.0) for line, want in pairs] or [np.zeros(1)]))
    knots = np.union1d(knots, [0.0, 1.0])
    spent = sum((np.interp(knots * want, line.depth, line.cost) for line, want in pairs), np.zeros(len(knots)))
    return last_reach(knots, spent, budget)


def affordable(budget: float, cost: float) -> float:
    """Share of a cost that a budget covers."""
    return 1.0 if cost <= budget else budget / cost


def last_reach(depth: Floats, cost: Floats, budget: float) -> float:
    """Largest depth whose piecewise linear cost is within the budget; the first depth if none is."""
    within = np.flatnonzero(cost <= budget)
    if len(within) == 0:
        return float(depth[0])
    last = within[-1]
    if last == len(cost) - 1:
        return float(depth[-1])
    share = (budget - cost[last]) / (cost[last + 1] - cost[last])
    return float(depth[last] + share * (depth[last + 1] - depth[last]))


def discounted(distress: Distress, discount: float) -> tuple[Floats, Flags]:
    """Value of one contract at a discount to the mark (longs bought below, shorts sold above), and whose limit allows.

    The discount is one of the price, so that an inverse contract is worth 1 / (1 - discount) of its value.
    """
    factor = 1.0 - distress.side * discount
    value = np.where(distress.mark > 0, distress.mark * factor, distress.mark / factor)
    return value, distress.side * (value - distress.limit) >= -ROUNDING * np.abs(distress.limit)


def first_fit(candidates: Codes, uses: Floats, limits: Floats) -> Flags:
    """Take candidates in order, passing over those that no longer fit; each pass takes a whole run of them.

    `uses` has one row per candidate and one column per limit.
    """
    taken = np.zeros(len(uses), dtype=bool)
    left = limits.copy()
    while len(candidates):
        candidates = candidates[(uses[candidates] <= left).all(axis=1)]
        fits = (np.cumsum(uses[candidates], axis=0) <= left).all(axis=1)
        run = len(candidates) if fits.all() else int(np.argmin(fits))
        taken[candidates[:run]] = True
        left = left - uses[candidates[:run]].sum(axis=0)
        candidates = candidates[run + 1 :]
    return taken


def check_amount(buffer: str, what: str, amount: float) -> None:
    """Raise an error unless an amount is finite and not negative."""
    if not 0 <= amount < np.inf:
        raise VenueError(f"{buffer}: {what} must be finite and 0 or more, got {amount!r}")
