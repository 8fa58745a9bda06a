"""Close what bankrupt accounts still hold against the winners of the other side."""

from __future__ import annotations

import numpy as np
import pandas as pd

from adlkit.allocation import apply_rule
from adlkit.contracts import Floats
from adlkit.distress import Distress, Taken, less
from adlkit.fill_prices import TradePrices
from adlkit.groups import Codes, Groups, market_codes
from adlkit.matching import DUST, Pairs, no_pairs, overlap_from
from adlkit.ranking import evaluate, numbers_on, queue_order
from adlkit.rules import Rule, queue
from adlkit.tally import WINNERS
from adlkit.venues import VenueRules


def deleverage(marked: pd.DataFrame, distress: Distress, venue: VenueRules, prices: TradePrices) -> tuple[Taken, Pairs]:
    """Serve the needs of every market from its winners, dearest fill first, then strictest close-out, then account.

    Returns what is closed of each position in liquidation, and the pieces: place in `distress`, row of the winner.
    """
    need = np.where(distress.is_bankrupt, distress.open, distress.ordered if venue.deleverages_solvent else 0.0)
    value = venue.fill_price(prices)[distress.row]
    pairs = [no_pairs()]
    if need.any():
        winners = _winners(marked, distress, venue)
        weight = None if venue.policy.weight is None else numbers_on(marked, venue.policy.weight(marked), "weight")
        for line, queued in zip(distress.market_rows, winners, strict=True):
            line = line[need[line] > 0]
            close_out, fill = (-distress.side[line] * values[line] for values in (distress.close_out, value))
            line = line[np.lexsort((distress.account[line], close_out, fill))]
            release = _release(distress, line, value, prices.close_out[queued], protects=venue.protects_winners)
            capacity = np.abs(marked["qty"].to_numpy()[queued])
            heavy = None if weight is None else weight.to_numpy()[queued]
            pieces = serve(need[line], capacity, release, venue.policy.rule, heavy)
            pairs.append(Pairs(line[pieces.first], queued[pieces.second], pieces.qty))
    found = Pairs(*(np.concatenate(column) for column in zip(*pairs, strict=True)))
    closed = Groups(found.first, len(need)).total(found.qty)
    return Taken(closed, value, np.zeros(len(need)), WINNERS), found


def _winners(marked: pd.DataFrame, distress: Distress, venue: VenueRules) -> list[Codes]:
    """Rows of the panel that stand against each market, front of the queue first."""
    score = evaluate(venue.policy.score, marked)
    is_liquidated = np.zeros(len(marked), dtype=bool)
    is_liquidated[distress.row] = True
    front = queue_order(marked, score.mask(is_liquidated)).rows
    side = np.sign(marked["qty"].to_numpy())
    against = market_codes(marked.index, -side)[front]
    own = market_codes(marked.index, side)
    return [front[against == own[distress.row[line[0]]]] for line in distress.market_rows]


def _release(distress: Distress, line: Codes, value: Floats, close_out: Floats, *, protects: bool) -> Codes:
    """First need of a line that each winner may serve: the first whose fill is not worse than its own close-out."""
    if not protects or len(line) == 0:
        return np.zeros(len(close_out), dtype=np.intp)
    side = distress.side[line[0]]
    return np.asarray(np.searchsorted(-side * value[line], -side * close_out), dtype=np.intp)


def serve(need: Floats, capacity: Floats, release: Codes, rule: Rule, weight: Floats | None) -> Pairs:
    """Match a line of needs with winners in queue order, by a rule, each from its release on.

    In a queue the order alone decides. Another rule shares what is still needed among those who may serve any of it;
    what could not be matched, because a winner has to wait for a milder need, is shared again among the rest until
    nobody takes more.
    """
    if rule is queue:
        return overlap_from(need, capacity, release)
    left, room, found = need, capacity, [no_pairs()]
    dust = DUST * need.sum()
    while left.sum() > dust:
        last = np.flatnonzero(left)[-1]
        able = np.where(release <= last, room, 0.0)
        offered = apply_rule(rule, left.sum(), able, weight, np.zeros(len(able), dtype=np.intp))
        pairs = overlap_from(left, offered, np.where(offered > 0, release, 0))
        if pairs.qty.sum() <= dust:
            break
        left = less(left, Groups(pairs.first, len(left)).total(pairs.qty), dust)
        room = less(room, Groups(pairs.second, len(room)).total(pairs.qty), dust)
        found.append(pairs)
    return Pairs(*(np.concatenate(column) for column in zip(*found, strict=True)))
