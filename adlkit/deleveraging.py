"""Close what bankrupt accounts still hold against the winners of the other side."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
import pandas as pd

from adlkit.allocation import apply_rule
from adlkit.contracts import Floats
from adlkit.distress import Distress, Taken, less
from adlkit.groups import Codes, Groups, sorted_within
from adlkit.matching import DUST, Pairs, no_pairs, overlap_from
from adlkit.ranking import evaluate, numbers_on
from adlkit.rules import Rule, queue
from adlkit.standing import Standing
from adlkit.tally import WINNERS
from adlkit.venues import VenueRules


class NeedLine(NamedTuple):
    """Needs of one market in the order in which winners serve them: dearest fill, then strictest close-out, account.

    ``place`` counts in `Distress`; ``merit`` is the fill's value of one contract times the side of the needs, so that
    it falls along the line; ``winners`` is the code of the market that serves it.
    """

    place: Codes
    qty: Floats
    merit: Floats
    winners: int


def deleverage(
    panel: Callable[[], pd.DataFrame], standing: Standing, distress: Distress, venue: VenueRules
) -> tuple[Taken, Pairs]:
    """Serve the needs of every market from its winners.

    `panel` makes the frame that the venue's score is asked about. Returns what is closed of each position in
    liquidation, and the pieces: place in `distress`, row of the winner.
    """
    value = fill_values(standing, distress, venue)
    pairs = [no_pairs()]
    if lines := need_lines(standing, distress, venue, value):
        marked = panel()
        score = evaluate(venue.policy.score, marked).to_numpy()
        weight = None if venue.policy.weight is None else numbers_on(marked, venue.policy.weight(marked), "weight")
        for line, queued in zip(lines, _winner_queues(standing, score, lines), strict=True):
            heavy = None if weight is None else weight.to_numpy()[queued]
            release = first_bearable(line, standing, queued, protects=venue.protects_winners)
            pieces = serve(line.qty, standing.qty[queued], release, venue.policy.rule, heavy)
            pairs.append(Pairs(line.place[pieces.first], queued[pieces.second], pieces.qty))
    found = Pairs(*(np.concatenate(column) for column in zip(*pairs, strict=True)))
    closed = Groups(found.first, len(value)).total(found.qty)
    return Taken(closed, value, np.zeros(len(value)), WINNERS), found


def fill_values(standing: Standing, distress: Distress, venue: VenueRules) -> Floats:
    """Value of one contract at which each position in liquidation would be deleveraged."""
    return venue.fill_price(standing.prices(distress.row, distress.close_out))


def need_lines(standing: Standing, distress: Distress, venue: VenueRules, value: Floats) -> list[NeedLine]:
    """What winners have to close, market by market: all of the bankrupt, and other orders where the venue says so."""
    need = np.where(distress.is_bankrupt, distress.open, distress.ordered if venue.deleverages_solvent else 0.0)
    lines = []
    for place in distress.market_rows:
        place = place[need[place] > 0]
        if len(place):
            merit, close_out = (distress.side[place] * values[place] for values in (value, distress.close_out))
            keys = -close_out, distress.account[place]
            order = sorted_within(np.zeros(len(place), dtype=np.intp), -merit, partial(tuple, keys))
            own = int(standing.market[distress.row[place[0]]])
            lines.append(NeedLine(place[order], need[place[order]], merit[order], own ^ 1))
    return lines


def _winner_queues(standing: Standing, score: Floats, lines: list[NeedLine]) -> list[Codes]:
    """Rows of the panel that stand against each line, front of the queue first; nobody who is in liquidation."""
    is_wanted = np.zeros(2 * len(standing.symbols), dtype=bool)
    is_wanted[[line.winners for line in lines]] = True
    front = standing.queue(score, np.flatnonzero(is_wanted[standing.market] & ~standing.is_liquidated))
    return [front[standing.market[front] == line.winners] for line in lines]


def first_bearable(line: NeedLine, standing: Standing, queued: Codes, *, protects: bool) -> Codes:
    """First need of a line that each winner may serve: whose fill is not worse than the winner's own close-out."""
    if not protects:
        return np.zeros(len(queued), dtype=np.intp)
    side = -standing.side[queued]
    return np.asarray(np.searchsorted(-line.merit, -side * standing.close_out(queued)), dtype=np.intp)


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
