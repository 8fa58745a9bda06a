"""Close what bankrupt accounts still hold against the winners of the other side."""

from __future__ import annotations

import numpy as np
import pandas as pd

from adlkit.contracts import Floats
from adlkit.distress import Distress, Taken, less
from adlkit.fill_prices import TradePrices
from adlkit.groups import Codes, Groups, level_codes, level_keys
from adlkit.matching import DUST, Pairs, no_pairs, overlap_from
from adlkit.ranking import evaluate, queue_order
from adlkit.rules import Rule, queue
from adlkit.tally import ADL, WINNERS, Tally, side_names
from adlkit.venues import VenueRules


def deleverage(
    tally: Tally, distress: Distress, venue: VenueRules, prices: TradePrices
) -> tuple[Distress, pd.DataFrame]:
    """Serve the needs of every market from its winners; books the trades and returns what is left, and the fills."""
    need = np.where(distress.is_bankrupt, distress.open, distress.ordered if venue.deleverages_solvent else 0.0)
    value = venue.fill_price(prices)[distress.row]
    if not (need > 0).any():
        tally.take(ADL, distress, Taken(need, distress.close_out, np.zeros(len(need)), WINNERS))
        return distress, _fill_table(tally, distress, no_pairs(), distress.close_out)
    pieces = [
        _serve_market(tally, line[need[line] > 0], need, value, distress, venue, winners, prices)
        for line, winners in zip(distress.market_rows, _winners(tally, distress, venue), strict=True)
    ]
    pairs = Pairs(*(np.concatenate(column) for column in zip(*pieces, strict=True)))
    closed = Groups(pairs.first, len(need)).total(pairs.qty)
    taken = Taken(closed, value, np.zeros(len(need)), WINNERS)
    tally.take(ADL, distress, taken)
    return distress.after(taken), _fill_table(tally, distress, pairs, value)


def _winners(tally: Tally, distress: Distress, venue: VenueRules) -> list[Codes]:
    """Rows of the panel that stand against each market, front of the queue first."""
    score = evaluate(venue.policy.score, tally.marked)
    is_liquidated = np.zeros(len(tally.marked), dtype=bool)
    is_liquidated[distress.row] = True
    front = queue_order(tally.marked, score.mask(is_liquidated)).rows
    code = level_codes(tally.marked.index, "symbol")
    market, opposite = code[front] * 2 + (tally.side[front] > 0), code[distress.row] * 2 + (distress.side < 0)
    return [front[market == opposite[rows[0]]] for rows in distress.market_rows]


def _serve_market(
    tally: Tally,
    line: Codes,
    need: Floats,
    value: Floats,
    distress: Distress,
    venue: VenueRules,
    winners: Codes,
    prices: TradePrices,
) -> Pairs:
    """Pieces of one market: place in `distress`, row of the winner, contracts."""
    line = line[np.lexsort((distress.account[line], -(distress.side * distress.close_out)[line]))]
    release = np.zeros(len(winners), dtype=np.intp)
    if venue.protects_winners and len(line):
        side = distress.side[line[0]]
        release = np.searchsorted(-side * value[line], -side * prices.close_out[winners])
    weight = None if venue.policy.weight is None else venue.policy.weight(tally.marked).to_numpy()[winners]
    pairs = serve(need[line], np.abs(tally.qty[winners]), release, venue.policy.rule, weight)
    return Pairs(line[pairs.first], winners[pairs.second], pairs.qty)


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
        offered = rule(left.sum(), np.where(release <= last, room, 0.0), weight)
        pairs = overlap_from(left, offered, np.where(offered > 0, release, 0))
        if pairs.qty.sum() <= dust:
            break
        left = less(left, Groups(pairs.first, len(left)).total(pairs.qty), dust)
        room = less(room, Groups(pairs.second, len(room)).total(pairs.qty), dust)
        found.append(pairs)
    return Pairs(*(np.concatenate(column) for column in zip(*found, strict=True)))


def _fill_table(tally: Tally, distress: Distress, pairs: Pairs, value: Floats) -> pd.DataFrame:
    """One row per piece, from the side of the winner."""
    index, bankrupt = tally.marked.index, distress.row[pairs.first]
    fills = tally.deleverage(pairs.second, pairs.qty, value[pairs.first])
    fills.insert(0, "symbol", level_keys(index[bankrupt], ["symbol"]))
    fills.insert(1, "side", side_names(tally.side[bankrupt]))
    fills.insert(2, "bankrupt", level_keys(index[bankrupt], ["account"]))
    fills.insert(3, "winner", level_keys(index[pairs.second], ["account"]))
    return fills
