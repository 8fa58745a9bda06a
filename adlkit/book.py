"""The order book: what closing costs, level by level."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple, Protocol

import numpy as np
import pandas as pd

from adlkit.contracts import Floats, value_of
from adlkit.errors import BookError

NEAREST, LEVELS = 1e-4, 200
"""First distance from the mark, and number of levels, of a power-law book."""


class Fill(NamedTuple):
    """What a sweep of the book achieved: contracts filled and left (signed as asked), and the average price."""

    filled: float
    average_price: float
    unfilled: float


class Depth(Protocol):
    """What orders trade against: a ladder of levels at a mark."""

    def ladder_at(self, mark: float, side: float, *, is_inverse: bool) -> Ladder:
        """Levels that orders closing positions of `side` (+1 long) meet, in values of one contract."""


class Ladder(NamedTuple):
    """One side of a book as an order meets it, best level first.

    ``merit`` is the value of one contract times the side that is being closed (+1: longs, which sell), so that it falls
    along the ladder on both sides; ``depth`` and ``worth`` are cumulative contracts and values, starting with 0.
    """

    merit: Floats
    depth: Floats
    worth: Floats

    def depth_at(self, merit: Floats) -> Floats:
        """Contracts at or better than each `merit`."""
        return self.depth[np.searchsorted(-self.merit, -merit, side="right")]

    def worth_of(self, start: Floats, end: Floats) -> Floats:
        """Sum of values of the contracts between two points of cumulative depth."""
        return np.interp(end, self.depth, self.worth) - np.interp(start, self.depth, self.worth)

    def without(self, used: float) -> Ladder:
        """What is left after its best `used` contracts have traded; prices stay where they are."""
        if used <= 0:
            return self
        gone = int(np.searchsorted(self.depth[1:], used, side="right"))
        depth = np.append(0.0, self.depth[gone + 1 :] - used)
        worth = np.append(0.0, self.worth[gone + 1 :] - np.interp(used, self.depth, self.worth))
        return Ladder(self.merit[gone:], depth, worth)


NO_LADDER = Ladder(np.zeros(0), np.zeros(1), np.zeros(1))


@dataclass(frozen=True, eq=False)
class OrderBook:
    """Resting orders of one symbol.

    Parameters
    ----------
    bids, asks : DataFrame
        Columns ``price`` [quote/base] and ``qty`` [contracts], one row per level, any order. One of them may be empty.
    is_relative : bool, default False
        Prices are multiples of the mark (a book for paths and scenarios), not levels of a real book.

    Raises
    ------
    BookError
        If a column is missing, a number is not finite and above zero, or the best bid is not below the best ask.

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> book = adl.OrderBook(pd.DataFrame({"price": [99.0, 98.0], "qty": [1.0, 5.0]}),
    ...                      pd.DataFrame({"price": [101.0], "qty": [2.0]}))
    >>> book.sweep(-2.0)
    Fill(filled=-2.0, average_price=98.5, unfilled=0.0)
    >>> book.sweep(-2.0, limit=98.5).unfilled
    -1.0
    """

    bids: pd.DataFrame
    asks: pd.DataFrame
    is_relative: bool = False

    def __post_init__(self) -> None:
        problems = [text for name in ("bids", "asks") for text in _level_problems(name, getattr(self, name))]
        if not problems and len(self.bids) + len(self.asks) == 0:
            problems = ["both sides are empty; leave the symbol out of the books instead"]
        if not problems and self.bids["price"].max() >= self.asks["price"].min():
            problems = [
                f"crossed: best bid {self.bids['price'].max():g} is not below best ask {self.asks['price'].min():g}"
            ]
        if problems:
            raise BookError("order book: " + "; ".join(problems))

    @classmethod
    def power_law(cls, depth: float, exponent: float, *, reach: float = 0.5) -> OrderBook:
        """Make a relative book whose cumulative depth grows as a power of the distance from the mark.

        Parameters
        ----------
        depth : float
            Contracts within 1% of the mark, on each side.
        exponent : float
            Cumulative depth at distance x is depth x (x / 1%) ** exponent.
        reach : float, default 0.5
            Distance [1] of the last level, below 1.

        Returns
        -------
        OrderBook
            200 levels at geometric distances from 1 basis point to `reach`, each level priced at its far end.

        Examples
        --------
        >>> import adlkit as adl
        >>> book = adl.OrderBook.power_law(depth=10.0, exponent=1.0).recentre(100.0)
        >>> round(book.sweep(-1e9).filled, 6)
        -500.0
        """
        if not (0 < depth < np.inf and 0 < exponent < np.inf and NEAREST < reach < 1):
            raise BookError(
                f"power law: depth and exponent must be finite and above zero, reach in ({NEAREST:g}, 1); "
                f"got {depth!r}, {exponent!r}, {reach!r}"
            )
        distance = np.geomspace(NEAREST, reach, LEVELS)
        qty = np.diff(depth * (distance / 0.01) ** exponent, prepend=0.0)
        return cls(
            pd.DataFrame({"price": 1.0 - distance, "qty": qty}),
            pd.DataFrame({"price": 1.0 + distance, "qty": qty}),
            is_relative=True,
        )

    def recentre(self, mark: float) -> OrderBook:
        """Move the book to another mark, keeping each level's distance from the centre in percent.

        Parameters
        ----------
        mark : float
            New centre [quote/base]. The present one is 1 for a relative book, else the middle of best bid and ask.

        Returns
        -------
        OrderBook
            With absolute prices.

        Raises
        ------
        BookError
            If an absolute book has an empty side, and so no centre, or the mark is not above zero.
        """
        if not 0 < mark < np.inf:
            raise BookError(f"mark must be finite and above zero, got {mark!r}")
        if self.is_relative:
            centre = 1.0
        elif len(self.bids) and len(self.asks):
            centre = (self.bids["price"].max() + self.asks["price"].min()) / 2
        else:
            raise BookError("a book with an empty side has no centre to move")
        scale = mark / centre
        return OrderBook(
            self.bids.assign(price=self.bids["price"] * scale), self.asks.assign(price=self.asks["price"] * scale)
        )

    def without(self, *, bids: float = 0.0, asks: float = 0.0) -> OrderBook:
        """Take the best contracts of either side away, as if they had traded.

        Parameters
        ----------
        bids, asks : float
            Contracts [>= 0] that have been sold into the bids, and bought from the asks.

        Returns
        -------
        OrderBook
            The levels that are left; a side may be empty.

        Raises
        ------
        BookError
            If nothing is left on either side, or an amount is negative or not finite.

        Examples
        --------
        >>> import adlkit as adl
        >>> book = adl.OrderBook.power_law(depth=10.0, exponent=1.0).recentre(100.0)
        >>> book.without(bids=5.0).bids["price"].max().round(2).item()
        99.49
        """
        if not (0 <= bids < np.inf and 0 <= asks < np.inf):
            raise BookError(f"contracts that have traded must be finite and 0 or more, got {bids!r} and {asks!r}")
        return replace(
            self,
            bids=_levels_without(self.bids.sort_values("price", ascending=False), bids),
            asks=_levels_without(self.asks.sort_values("price"), asks),
        )

    def relative(self) -> OrderBook:
        """The same depth by distance from the centre: a book for paths and searches over prices; see `recentre`."""
        return self if self.is_relative else replace(self.recentre(1.0), is_relative=True)

    def distance(self, qty: Floats, *, side: float) -> Floats:
        """Distance [1] from the centre of the last level touched by closing `qty` contracts of `side` (+1 long).

        0 for no contracts. More than the whole side holds go to the end of prices: 1 for longs, inf for shorts.
        """
        ladder = self.relative()._unit_ladders[side > 0, False]
        distance = np.concatenate(([0.0], side - ladder.merit, [1.0 if side > 0 else np.inf]))
        return np.asarray(distance[np.searchsorted(ladder.depth, qty, side="left")])

    def at(self, mark: float) -> OrderBook:
        """The book to trade against at `mark`: a relative one is recentred, real levels must hold the mark.

        An empty side sets no bound.

        Raises
        ------
        BookError
            If the mark lies outside the levels of a real book.
        """
        if self.is_relative:
            return self.recentre(mark)
        low = self.bids["price"].min() if len(self.bids) else 0.0
        high = self.asks["price"].max() if len(self.asks) else np.inf
        if not low <= mark <= high:
            raise BookError(
                f"mark {mark:g} lies outside the book's levels {low:g} .. {high:g}; give the book of that moment, "
                "or book.recentre(mark)"
            )
        return self

    def sweep(self, qty: float, limit: float | None = None) -> Fill:
        """Trade against the book, best level first.

        Parameters
        ----------
        qty : float
            Contracts to buy (> 0) or sell (< 0).
        limit : float, optional
            Worst acceptable price [quote/base].

        Returns
        -------
        Fill
            ``average_price`` weighs prices by contracts and is NaN where nothing is filled.

        Raises
        ------
        BookError
            If the quantity is not finite or the limit is NaN.
        """
        if not np.isfinite(qty) or (limit is not None and np.isnan(limit)):
            raise BookError(f"an order of {qty!r} with limit {limit!r} cannot be swept: NaN or infinite")
        side = -1.0 if qty > 0 else 1.0
        ladder = self.ladder(side, is_inverse=False)
        within = ladder.depth[-1] if limit is None else ladder.depth_at(np.array([side * limit]))[0]
        filled = min(abs(qty), float(within))
        worth = float(ladder.worth_of(np.zeros(1), np.array([filled]))[0])
        return Fill(-side * filled + 0.0, worth / filled if filled else float("nan"), qty + side * filled)

    def ladder_at(self, mark: float, side: float, *, is_inverse: bool) -> Ladder:
        """As `ladder`, of the book to trade against at `mark` (see `at`)."""
        if not self.is_relative:
            return self.at(mark).ladder(side, is_inverse=is_inverse)
        unit, scale = self._unit_ladders[side > 0, is_inverse], 1.0 / mark if is_inverse else mark
        return Ladder(unit.merit * scale, unit.depth, unit.worth * scale)

    @cached_property
    def _unit_ladders(self) -> dict[tuple[bool, bool], Ladder]:
        """Ladders of a relative book at a mark of 1, by what they meet: longs or not, inverse or not."""
        kinds = [(is_long, is_inverse) for is_long in (True, False) for is_inverse in (True, False)]
        return {kind: self.ladder(1.0 if kind[0] else -1.0, is_inverse=kind[1]) for kind in kinds}

    def ladder(self, side: float, *, is_inverse: bool) -> Ladder:
        """Levels that orders closing positions of `side` (+1 long) meet, in values of one contract."""
        levels = self.bids if side > 0 else self.asks
        value = value_of(
            levels["price"].to_numpy(dtype=float), np.ones(len(levels), dtype=bool) if is_inverse else None
        )
        order = np.argsort(-side * value, kind="stable")
        value, qty = value[order], levels["qty"].to_numpy(dtype=float)[order]
        return Ladder(side * value, np.r_[0.0, np.cumsum(qty)], np.r_[0.0, np.cumsum(qty * value)])


def _levels_without(levels: pd.DataFrame, used: float) -> pd.DataFrame:
    qty = np.diff(np.maximum(np.cumsum(levels["qty"].to_numpy(dtype=float)), used), prepend=used)
    left: pd.DataFrame = levels.assign(qty=qty)[qty > 0]
    return left


def _level_problems(name: str, levels: pd.DataFrame) -> list[str]:
    if not isinstance(levels, pd.DataFrame):
        return [f"{name} must be a DataFrame, got {type(levels).__name__}"]
    if missing := [column for column in ("price", "qty") if column not in levels]:
        return [f"{name} misses columns {missing}"]
    problems = []
    for column in ("price", "qty") if len(levels) else ():
        if levels[column].dtype.kind not in "iuf":
            problems.append(f"{name}: {column} has dtype {levels[column].dtype}, need numbers")
            continue
        numbers = levels[column].to_numpy(dtype=float, na_value=np.nan)
        if bad := int((~(np.isfinite(numbers) & (numbers > 0))).sum()):
            problems.append(f"{name}: {bad} levels with {column} not finite and above zero")
    return problems
