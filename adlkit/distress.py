"""Open positions of accounts in liquidation, and what is taken of them, step by step."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from adlkit.book import Ladder
from adlkit.contracts import Flags, Floats
from adlkit.groups import Codes, Groups
from adlkit.matching import overlap

BOOK = "book"
ROUNDING = 1e-12
"""Share of a market, or of an account's notional, below which a difference is rounding."""


class Taken(NamedTuple):
    """What one step takes: contracts and value per position, money paid to its account, and who trades."""

    qty: Floats
    value: Floats
    paid: Floats
    trader: str


@dataclass(frozen=True, eq=False)
class Distress:
    """Positions in liquidation, sorted by market and there in the order of service.

    Parameters
    ----------
    row, market, account : array of int
        Per position: its row in the panel, code of its market (symbol and side), code of its account.
    side, close_out, mark : array
        Per position: +1 long, and values of one contract [ccy].
    limit : array
        Worst value at which its order trades in the book.
    open, ordered : array
        Contracts still held, and the part of them that is sent for liquidation.
    gap : array
        Money by which fills so far were worse than close-out [ccy].
    equity, margin : array
        Per account, at the event's marks before any fill [ccy].
    symbols, ladders, used : list, list, array
        Per market: its symbol, the side of the book it trades against, and how much of that is gone [contracts].
    """

    row: Codes
    market: Codes
    account: Codes
    side: Floats
    close_out: Floats
    mark: Floats
    limit: Floats
    open: Floats
    ordered: Floats
    gap: Floats
    equity: Floats
    margin: Floats
    symbols: list[str]
    ladders: list[Ladder]
    used: Floats

    @property
    def markets(self) -> Groups:
        """Positions by market."""
        return Groups(self.market, len(self.symbols))

    @property
    def accounts(self) -> Groups:
        """Positions by account."""
        return Groups(self.account, len(self.equity))

    @property
    def market_rows(self) -> list[Codes]:
        """Places of each market's positions."""
        edges = np.searchsorted(self.market, np.arange(len(self.symbols) + 1))
        return [np.arange(start, end) for start, end in pairwise(edges)]

    @property
    def first_rows(self) -> Codes:
        """Place of the first position of each market."""
        return np.array([place[0] for place in self.market_rows], dtype=np.intp)

    @property
    def sides(self) -> Floats:
        """+1 for markets of longs, -1 for those of shorts."""
        return self.side[self.first_rows]

    @property
    def is_bankrupt(self) -> Flags:
        """Positions whose account has equity below zero at the event's marks."""
        return self.equity[self.account] < 0

    @property
    def unit(self) -> Floats:
        """Notional of one contract at the event's marks [ccy]."""
        return np.abs(self.mark)

    def worse_than_close_out(self, value: Floats) -> Floats:
        """Money per contract by which a fill at `value` is worse than close-out; below zero it is better."""
        return self.side * (self.close_out - value)

    def book_values(self, qty: Floats) -> Floats:
        """Average value at which positions trade `qty` in what is left of the book; close-out where they do not."""
        value = self.close_out.copy()
        for ladder, used, rows in zip(self.ladders, self.used, self.market_rows, strict=True):
            rows = rows[qty[rows] > 0]
            pairs = overlap(qty[rows], np.diff(np.maximum(ladder.depth, used)))
            orders = Groups(pairs.first, len(rows))
            filled = orders.total(pairs.qty)
            worth = orders.total(pairs.qty * ladder.merit[pairs.second]) * self.side[rows]
            value[rows[filled > 0]] = worth[filled > 0] / filled[filled > 0]
        return value

    def after(self, taken: Taken) -> Distress:
        """What is left after a step."""
        dust = ROUNDING * self.markets.spread(self.open)
        left = less(self.open, taken.qty, dust)
        traded = self.markets.total(taken.qty) if taken.trader == BOOK else 0.0
        return replace(
            self,
            open=left,
            ordered=np.minimum(less(self.ordered, taken.qty, dust), left),
            gap=self.gap + taken.qty * self.worse_than_close_out(taken.value) - taken.paid,
            used=self.used + traded,
        )


def less(amount: Floats, taken: Floats, dust: Floats | float) -> Floats:
    """Amount after `taken`; what is left of it is nothing where that is `dust` of rounding."""
    left = amount - taken
    return np.where((left <= dust) & (taken > 0), 0.0, np.maximum(left, 0.0))
