"""A pot of money that closes orders in the book and pays what they lack."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from adlkit.buffers.capacity import Line, check_amount, part_paid
from adlkit.buffers.protocol import Buffer
from adlkit.distress import BOOK, Distress, Taken
from adlkit.errors import VenueError
from adlkit.matching import overlap
from adlkit.rules import queue


@dataclass(frozen=True)
class InsuranceFund:
    """A pot that closes orders in the book beyond their limit and pays the account up to its close-out price.

    Parameters
    ----------
    balance : float
        Money [ccy].
    max_use : float, default 1
        Share [1] of the balance that one event may use.
    name : str, default "insurance fund"
        In results.

    Notes
    -----
    It needs a book: without one it only pays money still owed at the end. If it cannot afford to close everything, it
    closes the largest share of every market's orders, the same in each, that its budget pays for.

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.InsuranceFund(balance=1e6, max_use=0.5).budget
    500000.0
    """

    balance: float
    max_use: float = 1.0
    name: str = "insurance fund"

    def __post_init__(self) -> None:
        check_amount(self.name, "balance", self.balance)
        if not 0 <= self.max_use <= 1:
            raise VenueError(f"{self.name}: max_use must be within [0, 1], got {self.max_use!r}")

    @property
    def money(self) -> float:
        """Its balance [ccy]."""
        return self.balance

    @property
    def budget(self) -> float:
        """Money that one event may use."""
        return self.balance * self.max_use

    def remark(self, values: Mapping[str, float]) -> InsuranceFund:  # noqa: ARG002
        """The same: it holds no positions."""
        return self

    def take(self, distress: Distress) -> tuple[Taken, Buffer]:
        """Sweep what is left of the book, strictest close-out first, as far as the budget pays for it."""
        lines = [_costly_line(distress, code) for code in range(len(distress.symbols))]
        wanted = distress.markets.total(distress.ordered)
        part = part_paid(lines, wanted, self.budget)
        end = np.minimum(part * wanted, [line.depth[-1] for line in lines])
        qty = queue(end, distress.ordered, None, distress.market)
        value = distress.book_values(qty)
        paid = np.maximum(qty * distress.worse_than_close_out(value), 0.0)
        return Taken(qty, value, paid, BOOK), self.receive(-float(paid.sum()))

    def receive(self, amount: float) -> InsuranceFund:
        """The fund with `amount` more [ccy], or less below zero."""
        return replace(self, balance=max(self.balance + amount, 0.0))


def _costly_line(distress: Distress, code: int) -> Line:
    """What closing a market's orders in what is left of its book costs beyond close-out, along their line."""
    rows, ladder = distress.market_rows[code], distress.ladders[code]
    left = np.diff(np.maximum(ladder.depth, distress.used[code]))
    pairs = overlap(distress.ordered[rows], left)
    own = rows[pairs.first]
    gap = distress.side[own] * distress.close_out[own] - ladder.merit[pairs.second]
    return Line.of(pairs.qty, pairs.qty * np.maximum(gap, 0.0))
