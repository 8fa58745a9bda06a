"""Standing offers to take liquidated positions at a discount."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from adlkit.buffers.capacity import affordable, check_amount, discounted
from adlkit.buffers.protocol import Buffer
from adlkit.distress import Distress, Taken
from adlkit.errors import VenueError
from adlkit.rules import queue


@dataclass(frozen=True)
class ProgrammaticLiquidity:
    """Standing offers to take liquidated positions at a discount to the mark, e.g. an assignment scheme.

    Parameters
    ----------
    capacity : float
        Notional [ccy] it takes in one event, over all symbols and both sides.
    discount : float
        Distance [1] from the mark at which it trades: longs are bought at mark x (1 - discount), shorts sold at
        mark x (1 + discount). It serves only orders whose limit allows that.
    money : float, default 0
        Gains [ccy] so far, against the marks of their events.
    name : str, default "programmatic liquidity"
        In results.

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.ProgrammaticLiquidity(capacity=1e6, discount=0.005).discount
    0.005
    """

    capacity: float
    discount: float
    money: float = 0.0
    name: str = "programmatic liquidity"
    budget: ClassVar[float] = 0.0

    def __post_init__(self) -> None:
        check_amount(self.name, "capacity", self.capacity)
        if not 0 <= self.discount < 1:
            raise VenueError(f"{self.name}: discount must be within [0, 1), got {self.discount!r}")

    def take(self, distress: Distress) -> tuple[Taken, Buffer]:
        """Serve the orders whose limit allows the discounted price."""
        value, allowed = discounted(distress, self.discount)
        willing = np.where(allowed, distress.ordered, 0.0)
        wanted = distress.markets.total(willing * distress.unit)
        part = affordable(self.capacity, wanted.sum())
        qty = queue(part * distress.markets.total(willing), willing, None, distress.market)
        used = float((qty * distress.unit).sum())
        gain = float((qty * distress.side * (distress.mark - value)).sum())
        left = replace(self, capacity=max(self.capacity - used, 0.0), money=self.money + gain)
        return Taken(qty, value, np.zeros(len(qty)), self.name), left

    def remark(self, values: Mapping[str, float]) -> ProgrammaticLiquidity:  # noqa: ARG002
        """The same: it is rid of what it took."""
        return self

    def receive(self, amount: float) -> ProgrammaticLiquidity:
        """The programme with `amount` more [ccy], or less below zero."""
        return replace(self, money=self.money + amount)
