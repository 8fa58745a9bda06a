"""The trading desk of a vault: lots by symbol, and what its exit rule does with them at each step."""

from __future__ import annotations

import numpy as np

from adlkit.contracts import Floats
from adlkit.exits import Lots


class Desk:
    """Lots of one symbol, oldest first; all on one side."""

    def __init__(self) -> None:
        self.side = 0.0
        self.since: list[float] = []
        self.taken: list[float] = []
        self.left: list[float] = []

    def add(self, qty: float, seconds: float) -> None:
        """Take contracts over; what is on the other side is closed first, oldest lot first."""
        side, qty = float(np.sign(qty)), abs(qty)
        if side == -self.side:
            while self.left and qty >= self.left[0]:
                qty -= self.left.pop(0)
                del self.since[0], self.taken[0]
            if self.left:
                self.left[0] -= qty
                return
            self.side = 0.0
        if qty > 0:
            self.side = side
            self.since.append(seconds)
            self.taken.append(qty)
            self.left.append(qty)

    def lots(self, seconds: float) -> Lots:
        """The lots at a time [s]."""
        return Lots(seconds - np.array(self.since), np.array(self.taken), np.array(self.left))

    def clear(self) -> None:
        """Nothing is left."""
        self.__init__()  # type: ignore[misc]

    def reduce(self, amounts: Floats) -> None:
        """Contracts of each lot have been traded away."""
        left = np.array(self.left) - amounts
        kept = np.flatnonzero(left > 0)
        self.since, self.taken = [self.since[k] for k in kept], [self.taken[k] for k in kept]
        self.left = left[kept].tolist()
        self.side = self.side if self.left else 0.0
