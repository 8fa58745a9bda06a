"""Books that are eaten into and refill, and the marks that forced trades leave behind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from adlkit.book import Ladder, OrderBook
from adlkit.contracts import Floats
from adlkit.errors import BookError

DUST = 1e-12
"""Share of a side of a book below which what has traded of it is forgotten."""


class Resting(NamedTuple):
    """A relative book around a price, of which some contracts have traded: what orders meet at one step."""

    book: OrderBook
    centre: float
    bids: float
    asks: float

    def ladder_at(self, mark: float, side: float, *, is_inverse: bool) -> Ladder:  # noqa: ARG002
        """Levels that are left; they stand where the path has them, whatever the mark."""
        ladder = self.book.ladder_at(self.centre, side, is_inverse=is_inverse)
        return ladder.without(self.bids if side > 0 else self.asks)


class Liquidity:
    """The books of all symbols, and how many contracts of each side have traded and are not back yet.

    Half of what has traded is back after `refill` seconds. With `impact` 1 the mark stands at the last level of a side
    that has traded (of both: their distances added up), with 0 where the path has it.
    """

    def __init__(self, books: Mapping[str, OrderBook], symbols: list[str], *, refill: float, impact: float) -> None:
        if not (refill >= 0 and 0 <= impact <= 1):
            raise BookError(
                f"refill must be 0 seconds or more and impact within [0, 1]; got refill={refill!r}, impact={impact!r}"
            )
        self.books = {symbols.index(name): book.relative() for name, book in books.items()}
        self.symbols, self.refill, self.impact = symbols, refill, impact
        self.used, self.whole = np.zeros((2, 2, len(symbols)))
        """Contracts of bids and of asks that are gone, and all that there are, by symbol."""
        for symbol, book in self.books.items():
            ladders = [book.ladder_at(1.0, side, is_inverse=False) for side in (1.0, -1.0)]
            self.whole[:, symbol] = [ladder.depth[-1] for ladder in ladders]
        self.seconds = 0.0

    @property
    def is_fresh(self) -> bool:
        """Whether nothing is gone."""
        return not self.used.any()

    def advance(self, seconds: float) -> None:
        """Let the books refill until a time."""
        if not self.is_fresh:
            self.used *= 0.0 if self.refill == 0 else 0.5 ** ((seconds - self.seconds) / self.refill)
            self.used[self.used <= DUST * self.whole] = 0.0
        self.seconds = seconds

    def marks(self, price: Floats) -> Floats:
        """Marks where the path has `price`, by symbol."""
        if self.impact == 0 or self.is_fresh:
            return price
        marks = price.copy()
        for symbol, book in self.books.items():
            fall, rise = (book.distance(self.used[place, symbol], side=side) for place, side in ((0, 1.0), (1, -1.0)))
            marks[symbol] *= 1.0 + self.impact * (rise - fall)
        return marks

    def depths(self, price: Floats) -> dict[str, Resting]:
        """What orders meet at a step, by name of the symbol."""
        return {self.symbols[symbol]: self.resting(symbol, price) for symbol in self.books}

    def resting(self, symbol: int, price: Floats) -> Resting:
        """What orders of one symbol meet."""
        return Resting(self.books[symbol], float(price[symbol]), *self.used[:, symbol].tolist())

    def trade(self, symbol: int, side: float, qty: float) -> None:
        """Note that closing positions of `side` (+1 long) has used up `qty` contracts."""
        place = 0 if side > 0 else 1
        self.used[place, symbol] = min(self.used[place, symbol] + qty, self.whole[place, symbol])
