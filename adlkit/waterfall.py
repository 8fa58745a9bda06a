"""The order of work of one event, on arrays: liquidation, book, buffers, deleveraging, money still owed.

`run_event` gives its tables; `simulate` runs it again and again on the accounts that a path has reached.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from adlkit.book import Depth
from adlkit.buffers import Buffer
from adlkit.contracts import Floats
from adlkit.deleveraging import deleverage
from adlkit.distress import BOOK, ROUNDING, Distress
from adlkit.groups import Codes, Groups
from adlkit.liquidation import absorb, liquidate
from adlkit.matching import Pairs
from adlkit.standing import Standing
from adlkit.tally import RESIDUAL, SETTLEMENT, Tally
from adlkit.venues import ACCOUNT, VenueRules


class Waterfall(NamedTuple):
    """What an event did: the account of it, what is still open, the value of each ADL fill, its pieces, the buffers."""

    tally: Tally
    distress: Distress
    fill_value: Floats
    pairs: Pairs
    buffers: list[Buffer]


def run_waterfall(
    standing: Standing,
    venue: VenueRules,
    *,
    books: Mapping[str, Depth],
    buffers: Sequence[Buffer],
    panel: Callable[[], pd.DataFrame],
    rows: Codes | None = None,
) -> Waterfall:
    """Run an event over accounts that stand at its marks, as `run_event` says, with buffers that stand there too.

    `panel` makes the frame that the venue's score is asked about, if anybody is deleveraged; `rows` are the positions
    that are liquidated, those of all accounts below their maintenance margin if not given.
    """
    tally = Tally(standing)
    distress, left = absorb(liquidate(standing, venue, books, rows), buffers, tally.take)
    taken, pairs = deleverage(panel, standing, distress, venue)
    tally.deleverage(distress, taken, pairs)
    distress = distress.after(taken)
    settle(tally, distress, venue, buffers, left)
    return Waterfall(tally, distress, taken.value, pairs, left)


def settle(tally: Tally, distress: Distress, venue: VenueRules, start: Sequence[Buffer], buffers: list[Buffer]) -> None:
    """Pay what accounts owe from funds, write off the rest, and move fees and surplus to their receivers."""
    accounts = distress.accounts
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
