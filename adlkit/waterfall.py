"""The order of work of one event, on arrays: liquidation, book, buffers, deleveraging, money still owed.

`run_event` gives its tables; `simulate` runs it again and again on the accounts that a path has reached.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from adlkit.book import Depth
from adlkit.buffers import Buffer
from adlkit.contracts import Floats
from adlkit.deleveraging import deleverage
from adlkit.distress import BOOK, ROUNDING, Distress
from adlkit.groups import Codes, Groups
from adlkit.liquidation import absorb, liquidate
from adlkit.matching import Pairs, no_pairs
from adlkit.standing import Standing
from adlkit.tally import RESIDUAL, SETTLEMENT, Tally
from adlkit.venues import ACCOUNT, VenueRules


@dataclass(frozen=True)
class Waterfall:
    """An event under way: the account of it, what is still open, and the buffers at its start and now.

    ``fill_value`` is the value of one contract at which each position in liquidation is deleveraged; ``pairs`` are the
    pieces of that: place in `distress`, row of the winner, contracts.
    """

    venue: VenueRules
    tally: Tally
    distress: Distress
    start: Sequence[Buffer]
    buffers: list[Buffer]
    fill_value: Floats = field(default_factory=lambda: np.zeros(0))
    pairs: Pairs = field(default_factory=no_pairs)

    @property
    def needs_winners(self) -> bool:
        """Whether anything is open that the venue deleverages."""
        distress = self.distress
        orders = distress.ordered if self.venue.deleverages_solvent else 0.0
        return bool((np.where(distress.is_bankrupt, distress.open, orders) > 0).any())


def run_waterfall(
    standing: Standing,
    venue: VenueRules,
    *,
    books: Mapping[str, Depth],
    buffers: Sequence[Buffer],
    panel: Callable[[], pd.DataFrame],
) -> Waterfall:
    """Run an event over accounts that stand at its marks, as `run_event` says, with buffers that stand there too.

    `panel` makes the frame that the venue's score is asked about, if anybody is deleveraged.
    """
    return settle(close_against_winners(absorb_losses(standing, venue, books, buffers), panel))


def absorb_losses(
    standing: Standing,
    venue: VenueRules,
    books: Mapping[str, Depth],
    buffers: Sequence[Buffer],
    rows: Codes | None = None,
) -> Waterfall:
    """Liquidate accounts into the book and offer what is left to the buffers; see `liquidate` for `rows`."""
    tally = Tally(standing)
    distress, left = absorb(liquidate(standing, venue, books, rows), buffers, tally.take)
    return Waterfall(venue, tally, distress, buffers, left)


def close_against_winners(event: Waterfall, panel: Callable[[], pd.DataFrame]) -> Waterfall:
    """Deleverage what is still open."""
    taken, pairs = deleverage(panel, event.tally.standing, event.distress, event.venue)
    event.tally.deleverage(event.distress, taken, pairs)
    return replace(event, distress=event.distress.after(taken), fill_value=taken.value, pairs=pairs)


def settle(event: Waterfall) -> Waterfall:
    """Pay what accounts owe from funds, write off the rest, and move fees and surplus to their receivers."""
    tally, distress, venue, start = event.tally, event.distress, event.venue, event.start
    buffers, accounts = list(event.buffers), distress.accounts
    gap = accounts.total(distress.gap)
    size = accounts.total(tally.standing.qty[distress.row] * distress.unit)
    gap = np.where(np.abs(gap) <= ROUNDING * size, 0.0, gap)
    owed = spread_by(np.maximum(distress.gap, 0.0), np.maximum(gap, 0.0), accounts)
    holes = tally.new_holes()
    total = left = float(owed.sum() + holes.sum())
    surplus = np.maximum(-gap, 0.0)
    for place, before in enumerate(start):
        if before.budget > 0:
            repaid = np.minimum(surplus, np.maximum(accounts.total(tally.given[before.name][distress.row]), 0.0))
            surplus = surplus - repaid
            move(tally, distress, buffers, place, -repaid)
            pays = min(left, max(before.budget - (before.money - buffers[place].money), 0.0))
            if pays > 0:
                tally.pay_debts(distress.row, owed * (pays / total), holes * (pays / total), giver=before.name)
                buffers[place] = buffers[place].receive(-pays)
                left -= pays
    if left > 0:
        tally.pay_debts(distress.row, owed * (left / total), holes * (left / total), giver=RESIDUAL)
    booked = accounts.total(tally.closed[BOOK][distress.row] * distress.unit)
    fee = np.minimum(venue.fee_rate * booked, surplus)
    for receiver, income in ((venue.fee_to, fee), (venue.surplus_to, surplus - fee)):
        if receiver != ACCOUNT and income.any():
            move(tally, distress, buffers, [buffer.name for buffer in buffers].index(receiver), -income)
    return replace(event, buffers=buffers)


def move(tally: Tally, distress: Distress, buffers: list[Buffer], place: int, amount: Floats) -> None:
    """Move money of each account (below zero: from it) out of a buffer, over the positions whose fills were better."""
    if amount.any():
        by_row = spread_by(np.maximum(-distress.gap, 0.0), amount, distress.accounts)
        tally.transfer(SETTLEMENT, distress.row, by_row, giver=buffers[place].name)
        buffers[place] = buffers[place].receive(-float(by_row.sum()))


def spread_by(weight: Floats, amount: Floats, accounts: Groups) -> Floats:
    """Amount of each account, shared out over its rows in proportion to `weight`."""
    total = accounts.total(weight)
    per_weight = np.divide(amount, total, out=np.zeros(len(total)), where=total > 0)
    return weight * per_weight[accounts.codes]
