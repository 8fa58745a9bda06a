"""One symbol on the move, the others held: what an event closes of its winners at any mark.

Liquidations, book, buffers, needs and queues are those of `adlkit.run_event`, without the bookkeeping.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pandas as pd

from adlkit.book import OrderBook
from adlkit.buffers import InsuranceFund
from adlkit.contracts import Flags, Floats
from adlkit.deleveraging import NeedLine, fill_values, first_bearable, need_lines, serve
from adlkit.distress import ROUNDING, Distress
from adlkit.errors import PanelError
from adlkit.groups import Codes, Groups
from adlkit.liquidation import absorb, liquidate
from adlkit.matching import served
from adlkit.ranking import evaluate, numbers_on
from adlkit.rules import queue
from adlkit.standing import Standing
from adlkit.tiers import TierLines, tier_lines
from adlkit.venues import VenueRules


class Holdings(NamedTuple):
    """Who holds what, and who is in liquidation at the present marks."""

    accounts: Groups
    symbols: list[str]
    symbol: Codes  # of each position: place in `symbols`
    is_liquidated: Flags
    values: dict[str, float]  # of one contract of each symbol [ccy]

    @classmethod
    def of(cls, standing: Standing) -> Holdings:
        """Take from a standing what is asked later, and let go of the rest."""
        return cls(standing.accounts, standing.symbols, standing.market // 2, standing.is_liquidated, standing.values())

    def touched_by(self, symbol: str) -> Codes:
        """Rows of the accounts that hold a symbol, or are in liquidation anyway: all that an event may turn on."""
        is_touched = np.zeros(self.accounts.size, dtype=bool)
        is_own = self.symbol == self.symbols.index(symbol)
        is_touched[self.accounts.codes[is_own | self.is_liquidated]] = True
        return np.flatnonzero(is_touched[self.accounts.codes])


@dataclass(frozen=True, eq=False)
class Market:
    """One symbol, and what an event closes of its positions at any mark of it.

    Parameters
    ----------
    panel : DataFrame
        Positions of all accounts that an event may turn on when this symbol moves.
    venue, books
        As in `adl_reach`; the books are relative.
    values : mapping of str to float
        Present value of one contract of every symbol [ccy].
    kinks : tuple of arrays
        Per position of `panel`: prices at which more of it needs closing [quote/base]; the first is where that begins.
    furthest : tuple of float
        Largest fall and largest rise [1] that are looked at.
    fixed_score : array
        Per position: its score where that orders the queue at every mark; else NaN.
    symbol : str
        The symbol that moves.
    """

    panel: pd.DataFrame
    venue: VenueRules
    books: Mapping[str, OrderBook]
    values: Mapping[str, float]
    kinks: tuple[Floats, ...]
    furthest: tuple[float, float]
    fixed_score: Floats
    symbol: str

    @cached_property
    def standing(self) -> Standing:
        """Where the accounts stand at the present marks."""
        return Standing.of(self.panel)

    @cached_property
    def code(self) -> int:
        """Place of the symbol."""
        return self.standing.symbols.index(self.symbol)

    @cached_property
    def rows(self) -> Codes:
        """Its positions in the panel."""
        return np.flatnonzero(self.standing.market // 2 == self.code)

    @cached_property
    def qty(self) -> Floats:
        """Contracts of its positions, never negative."""
        return self.standing.qty[self.rows]

    @cached_property
    def mark(self) -> float:
        """Its present mark [quote/base]."""
        return float(self.standing.mark_price[self.rows[0]])

    @cached_property
    def is_inverse(self) -> bool:
        """Whether its contracts are inverse."""
        return self.standing.inverse is not None and bool(self.standing.inverse[self.rows[0]])

    @cached_property
    def kink_moves(self) -> Floats:
        """Fall [1] of each long, rise of each short, at each of its kinks, in rows; NaN: never, or too far."""
        with np.errstate(invalid="ignore"):
            move = self.side * (1.0 - np.array(self.kinks)[:, self.rows] / self.mark)
        move = np.where(np.abs(move) <= ROUNDING, 0.0, move)
        furthest = np.where(self.side > 0, *self.furthest)
        return np.where((move >= 0) & (move <= furthest), move, np.nan)

    @cached_property
    def side(self) -> Floats:
        """+1 for its long positions, -1 for its short ones."""
        return self.standing.side[self.rows]

    def price(self, move: Floats) -> Floats:
        """Mark after a move [quote/base]; NaN where the move is infinite."""
        return np.where(np.isfinite(move), self.mark * (1.0 + move), np.nan)

    def check_margins(self) -> None:
        """Raise an error if a margin falls below zero on the way: without tiers an event would refuse such a mark."""
        if self.venue.tiers is not None:
            return
        fall, rise = self.furthest
        least = 1.0 / (1.0 + rise) if self.is_inverse else 1.0 - fall
        margin = self.standing.size[self.rows] * self.standing.rate[self.rows] * least
        if (margin < self.standing.deduction[self.rows]).any():
            raise PanelError(
                [
                    f"maintenance_deduction: margins of {self.symbol} fall below zero on the way down {fall:.0%} or up "
                    f"{rise:.0%}; pass the tiers with venue.with_tiers(tiers), or smaller moves"
                ]
            )

    @cached_property
    def fixed_order(self) -> Codes | None:
        """Its rows, front of each queue first, where the order is the same at every mark; else None."""
        is_out = np.isnan(self.fixed_score[self.rows]) & (self.qty > 0)
        return None if is_out.any() else self.standing.queue(self.fixed_score, self.rows)

    @property
    def is_solvable(self) -> bool:
        """Whether the queue can be solved in closed form; see the notes of `adl_reach`."""
        venue, policy = self.venue, self.venue.policy
        return (
            self.fixed_order is not None
            and policy.rule is queue
            and not venue.protects_winners
            and (venue.partial is None or not venue.deleverages_solvent)
            and self.symbol not in self.books
            and all(type(buffer) is InsuranceFund for buffer in venue.buffers)
            and not self.standing.is_liquidated[self.rows].any()
        )

    def closed_at(self, price: float) -> Floats:
        """Contracts of each of its positions that an event at `price` closes as a winner's."""
        moved = self.standing.moved(self.rows, price, self._lines)
        closed = np.zeros(len(moved.qty))
        distress = liquidate(moved, self.venue, self.books)
        if not self._may_need(moved, distress):
            return closed[self.rows]
        values = {**self.values, self.symbol: float(moved.mark[self.rows[0]])}
        distress, _ = absorb(distress, [buffer.remark(values) for buffer in self.venue.buffers])
        lines = need_lines(moved, distress, self.venue, fill_values(moved, distress, self.venue))
        if lines := [line for line in lines if line.winners // 2 == self.code]:
            self._close(closed, moved, lines)
        return closed[self.rows]

    def _may_need(self, moved: Standing, distress: Distress) -> bool:
        """Whether anything of this symbol is open that winners might have to close."""
        is_needy = self.venue.deleverages_solvent | distress.is_bankrupt
        return bool((is_needy & (moved.market[distress.row] // 2 == self.code)).any())

    def _close(self, closed: Floats, moved: Standing, lines: list[NeedLine]) -> None:
        """Enter what winners give to the lines of needs into `closed`."""
        policy, order, marked = self.venue.policy, self.fixed_order, self.panel
        if order is None or policy.weight is not None:
            terms = {"maintenance_rate": moved.rate, "maintenance_deduction": moved.deduction}
            marked = self.panel.assign(mark_price=moved.mark_price, **terms)
        if order is None:
            order = moved.queue(evaluate(policy.score, marked).to_numpy(), self.rows)
        weight = None if policy.weight is None else numbers_on(marked, policy.weight(marked), "weight").to_numpy()
        for line in lines:
            queued = order[(moved.market[order] == line.winners) & ~moved.is_liquidated[order]]
            release = first_bearable(line, moved, queued, protects=self.venue.protects_winners)
            if policy.rule is queue:
                closed[queued] = served(line.qty, moved.qty[queued], release)
            else:
                heavy = None if weight is None else weight[queued]
                pieces = serve(line.qty, moved.qty[queued], release, policy.rule, heavy)
                closed[queued] = Groups(pieces.second, len(queued)).total(pieces.qty)

    @cached_property
    def _lines(self) -> TierLines | None:
        return None if self.venue.tiers is None else tier_lines(self.venue.tiers, pd.Index([self.symbol]))
