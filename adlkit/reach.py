"""The price at which the ADL queue reaches each position.

One symbol moves, the others are held (`adlkit.market`). Answers are searched among events on a grid of prices, or
solved in closed form where the order of the queue does not depend on the price.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import NamedTuple

import numpy as np
import pandas as pd

from adlkit.book import OrderBook
from adlkit.contracts import Flags, Floats
from adlkit.distress import ROUNDING
from adlkit.errors import CurveError
from adlkit.event import check_event
from adlkit.lines import one_symbol
from adlkit.margin import bankruptcy_price, liquidation_price
from adlkit.market import Holdings, Market
from adlkit.panel import mark_prices, mark_to
from adlkit.ranking import evaluate
from adlkit.standing import Standing
from adlkit.venues import VenueRules

MOVES = (
    *(0.005, 0.01, 0.015, 0.02, 0.03, 0.04, 0.05, 0.06, 0.08, 0.1, 0.12, 0.15, 0.18, 0.22, 0.26, 0.3, 0.35, 0.4),
    *(0.45, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0, 1.25, 1.5, 2.0, 3.0, 4.0, 9.0),
)
"""Moves of the mark [1] at which events are looked at, up and (below 1) down."""
MOST_KINKS, MOST_REFINEMENTS = 32, 64
"""Kinks of the need that are looked at in each direction, and further prices for narrowing answers down."""
NARROW = 1e-6
"""Width [1] at which an answer is not narrowed down further."""
BEYOND = 1e-9
"""How far [1] beyond its kink a need is looked at."""
FULL = 1e-9
"""Share of a position that may be open where it counts as closed."""


def adl_price(
    panel: pd.DataFrame,
    *,
    venue: VenueRules,
    books: Mapping[str, OrderBook] | None = None,
    moves: Sequence[float] = MOVES,
) -> pd.Series:
    """Mark nearest to the present one at which the ADL queue takes from each position.

    Parameters
    ----------
    panel, venue, books, moves
        As in `adl_reach`.

    Returns
    -------
    Series, index of `panel`
        [quote/base]; other symbols keep their marks. The present mark where an event would take from the position
        already; NaN where none does at any price that was looked at. See `adl_reach`, whose column it is.

    Raises
    ------
    PanelError, BookError, VenueError, CurveError
        As in `adl_reach`.

    Examples
    --------
    >>> import adlkit as adl
    >>> panel = adl.mark_to(adl.load_dataset("four_accounts"), {"BTC": 100.0})
    >>> adl.adl_price(panel, venue=adl.venues.bitmex).round(3).tolist()
    [114.286, 84.211, 84.211, 123.81]
    """
    return adl_reach(panel, venue=venue, books=books, moves=moves)["adl_price"]


def adl_reach(
    panel: pd.DataFrame,
    *,
    venue: VenueRules,
    books: Mapping[str, OrderBook] | None = None,
    symbol: str | None = None,
    moves: Sequence[float] = MOVES,
) -> pd.DataFrame:
    """Where the ADL queue reaches each position, where it has closed it, and how exactly that is known.

    Parameters
    ----------
    panel : DataFrame
        Checked positions of one moment, in one settlement currency.
    venue : VenueRules
        Rules and buffers, e.g. ``adl.venues.bitmex.with_buffers(adl.InsuranceFund(1e6))``.
    books : mapping of symbol to OrderBook, optional
        As in `run_event`. Depth goes by distance from the mark: the levels of a real book keep their distance in
        percent from its centre (`OrderBook.relative`).
    symbol : str, optional
        Look at this symbol only; the rows of others hold NaN and False. Without it every symbol moves in turn.
    moves : sequence of float
        Moves of the mark [1], above 0, at which events are looked at in both directions (a fall only below 1); nothing
        is looked at beyond the furthest of them.

    Returns
    -------
    DataFrame, index of `panel`
        ``adl_price`` : nearest mark at which an event takes from the position [quote/base]; NaN: none does.
        ``closed_price`` : nearest mark at which it takes all of it [quote/base]; NaN: none does.
        ``width`` : how far [1] nearer the present mark the queue may begin to take: between ``adl_price`` and that
        much nearer it nothing was looked at, at its near end nothing is taken. 0 where the present mark is the answer
        or the order of the queue is solved in closed form.
        ``is_released`` : at a later move in the same direction (in either, where the present mark is the answer) the
        event leaves the position alone again, since the order of the queue, or what stands before it, has changed.

    Raises
    ------
    PanelError
        As in `run_event`, or if the venue has no tiers and a maintenance deduction would make a margin negative on the
        way.
    BookError
        As in `run_event`, or if a real book has an empty side, and so no centre.
    VenueError
        As in `run_event`.
    CurveError
        If the panel does not hold the symbol, or a move is not finite and above zero.

    Notes
    -----
    Looked at are the present mark, the `moves`, and in each direction, up to the furthest move, 32 kinks of the need:
    prices at which one more account is bankrupt or, where the venue deleverages those too, liquidated; of more than 32
    the nearest 16 and those at 16 equal steps of contracts. Each answer then lies between two prices; up to 64 further
    prices per symbol narrow them down to 1e-6: the front of the queues first, which is the distance to ADL, then the
    nearest ones. In a panel of few accounts every answer is narrow; in a large one ``width`` tells which are. A
    position that is taken and released again between two neighbouring prices may be missed there: an ADL price is then
    too far from the mark, never too near.

    Score and weight of the policy are asked about the accounts that hold the symbol or are in liquidation already:
    they may judge a position by its own account and market, as all of `adlkit.scores` do
    (`adlkit.scores.random_start`, which looks at everybody, has a fixed order and is asked once).

    Every move is taken to be reached in small steps: a venue that fills at previous marks or oracle prices fills at
    the mark.

    Where the order of the queue does not depend on the mark (``score.is_fixed``), the rule is a queue, winners are
    not protected, nothing stands before the queue (no book of the symbol, no buffer but funds, which need one) and
    no account of the symbol is in liquidation at the present mark, the price is solved in closed form: the k-th
    contract of the queue is taken at the bankruptcy (or liquidation) price of the account that brings the need
    beyond k. O(n log n).

    Complexity otherwise: one score and the event's own work on accounts in liquidation per price looked at.

    Examples
    --------
    >>> import adlkit as adl
    >>> panel = adl.mark_to(adl.load_dataset("four_accounts"), {"BTC": 100.0})
    >>> reach = adl.adl_reach(panel, venue=adl.venues.bitmex)
    >>> reach[["adl_price", "is_released"]].round(3).loc[("bob", "BTC")].to_dict()
    {'adl_price': 84.211, 'is_released': False}
    """
    check_event(panel, venue, books or {})
    if wrong := [move for move in moves if not 0 < move < np.inf]:
        raise CurveError(f"moves must be finite and above zero, got {wrong}")
    if venue.tiers is not None:
        panel = mark_to(panel, mark_prices(panel), tiers=venue.tiers)
    score, holdings = venue.policy.score, Holdings.of(Standing.of(panel))
    depth = {symbol: book.relative() for symbol, book in (books or {}).items()}
    kinks = [bankruptcy_price(panel).to_numpy()]
    if venue.deleverages_solvent:
        kinks = [liquidation_price(panel, tiers=venue.tiers).to_numpy(), *kinks]
    furthest = max([move for move in moves if move < 1], default=0.0), max(moves, default=0.0)
    fixed = evaluate(score, panel).to_numpy() if getattr(score, "is_fixed", False) else np.full(len(panel), np.nan)
    price, closed, width = np.full((3, len(panel)), np.nan)
    is_released = np.zeros(len(panel), dtype=bool)
    for name in holdings.values if symbol is None else [one_symbol(panel, symbol)]:
        rows = holdings.touched_by(name)
        own_kinks = tuple(kink[rows] for kink in kinks)
        market = Market(
            panel=panel.iloc[rows],
            venue=venue,
            books=depth,
            values=holdings.values,
            kinks=own_kinks,
            furthest=furthest,
            fixed_score=fixed[rows],
            symbol=name,
        )
        market.check_margins()
        answer = _solved(market) if market.is_solvable else _searched(market, moves)
        own = rows[market.rows]
        price[own], closed[own], width[own], is_released[own] = answer
    columns = {"adl_price": price, "closed_price": closed, "width": width, "is_released": is_released}
    return pd.DataFrame(columns, index=panel.index)


class Answer(NamedTuple):
    """Columns of `adl_reach`, for the positions of one symbol."""

    adl_price: Floats
    closed_price: Floats
    width: Floats
    is_released: Flags


class Bracket:
    """Between which moves of the mark an answer first turns from no to yes, and whether it turns back."""

    def __init__(self, n: int) -> None:
        self.inner, self.outer = np.full(n, -1.0), np.full(n, np.inf)
        self.turns_back = np.zeros(n, dtype=bool)
        self.looked = [-1.0]

    def note(self, move: float, is_yes: Flags) -> None:
        """Take down the answers after `move`."""
        before = self.looked[bisect_left(self.looked, move) - 1]
        insort(self.looked, move)
        is_nearer = is_yes & (move < self.outer)
        self.turns_back |= np.where(is_yes, is_nearer & (move < self.inner), self.outer < move)
        self.outer[is_nearer], self.inner[is_nearer] = move, before
        self.inner[~is_yes & (self.inner < move) & (move < self.outer)] = move

    def nearest(self) -> tuple[float, float]:
        """Nearest bracket that is still wide: its outer end (inf: none is), and its middle."""
        is_wide = np.isfinite(self.outer) & (self.outer > 0) & (self.outer - self.inner > NARROW)
        outer = np.where(is_wide, self.outer, np.inf)
        place = int(np.argmin(outer))
        return float(outer[place]), float((self.inner[place] + self.outer[place]) / 2)

    @property
    def is_front_wide(self) -> bool:
        """Whether the nearest answer of all is still wide."""
        return bool(np.isfinite(front := self.outer.min()) and self.nearest()[0] == front)


class Search:
    """Looks at events as the mark of one symbol moves in one direction."""

    def __init__(self, market: Market, sign: float) -> None:
        self.market, self.sign = market, sign
        self.reached, self.full = Bracket(len(market.rows)), Bracket(len(market.rows))

    def look(self, move: float) -> None:
        """Look at the event after one move."""
        self.note(move, self.market.closed_at(self.market.mark * (1.0 + self.sign * move)))

    def note(self, move: float, closed: Floats) -> None:
        """Take down what an event after `move` closes."""
        self.reached.note(move, closed > 0)
        self.full.note(move, (closed > 0) & (closed >= self.market.qty * (1 - FULL)))

    def steps(self, moves: Sequence[float]) -> Floats:
        """Moves to look at: those given, and kinks of the need up to the furthest of them."""
        kinks, qty = self.market.kink_moves, np.broadcast_to(self.market.qty, self.market.kink_moves.shape)
        is_ahead = (self.market.side == -self.sign) & np.isfinite(kinks)
        move, need = kinks[is_ahead], qty[is_ahead]
        order = np.argsort(move, kind="stable")
        move, need = move[order], np.cumsum(need[order])
        if len(move) > MOST_KINKS:
            steps = np.linspace(0, need[-1], MOST_KINKS // 2 + 1)[1:] * (1 - FULL)
            move = move[np.union1d(np.arange(MOST_KINKS // 2), np.searchsorted(need, steps))]
        return np.unique([*[step for step in moves if self.sign > 0 or step < 1], *(move + BEYOND * (1.0 + move))])


def _searched(market: Market, moves: Sequence[float]) -> Answer:
    """Look at events on a grid of prices, then narrow down the nearest answers."""
    now = market.closed_at(market.mark)
    searches = [Search(market, -1.0), Search(market, 1.0)]
    for search in searches:
        search.note(0.0, now)
        for move in search.steps(moves):
            search.look(float(move))
    for _ in range(MOST_REFINEMENTS):
        fronts = [(*search.reached.nearest(), search) for search in searches if search.reached.is_front_wide]
        wide = [(*bracket.nearest(), search) for search in searches for bracket in (search.reached, search.full)]
        outer, middle, search = min(fronts or wide, key=itemgetter(0))
        if outer == np.inf:
            break
        search.look(middle)
    return _nearer(*searches)


def _nearer(fall: Search, rise: Search) -> Answer:
    """Take, for each position, the direction in which the queue is nearer."""
    is_fall = fall.reached.outer <= rise.reached.outer
    outer, inner = (
        np.where(is_fall, getattr(fall.reached, name), getattr(rise.reached, name)) for name in ("outer", "inner")
    )
    full = np.where(fall.full.outer <= rise.full.outer, -fall.full.outer, rise.full.outer)
    return Answer(
        adl_price=fall.market.price(np.where(is_fall, -outer, outer)),
        closed_price=fall.market.price(full),
        width=np.where(outer == 0, 0.0, np.where(np.isfinite(outer), outer - inner, np.nan)),
        is_released=np.where(
            outer == 0,
            fall.reached.turns_back | rise.reached.turns_back,
            np.where(is_fall, fall.reached.turns_back, rise.reached.turns_back),
        ),
    )


def _solved(market: Market) -> Answer:
    """Solve a queue in a fixed order that faces its needs directly: the need against what stands ahead.

    Shorts are reached by a fall, longs by a rise.
    """
    begin = market.kink_moves[0]
    begins, ends = np.full((2, len(market.rows)), np.inf)
    place = np.zeros(len(market.standing.qty), dtype=np.intp)
    place[market.rows] = np.arange(len(market.rows))
    order = place[market.fixed_order]
    for side in (1.0, -1.0):
        needy = np.flatnonzero((market.side == side) & np.isfinite(begin))
        needy = needy[np.argsort(begin[needy], kind="stable")]
        need, move = np.cumsum(market.qty[needy]), np.append(begin[needy], np.inf)
        queued = order[market.side[order] == -side]
        until, dust = np.cumsum(market.qty[queued]), ROUNDING * need[-1:].sum()
        begins[queued] = move[np.searchsorted(need, np.append(0.0, until)[:-1] + dust, side="right")]
        ends[queued] = move[np.searchsorted(need, until - dust)]
    is_long = market.side > 0
    return Answer(
        adl_price=market.price(np.where(is_long, begins, -begins)),
        closed_price=market.price(np.where(is_long, ends, -ends)),
        width=np.where(np.isfinite(begins), 0.0, np.nan),
        is_released=np.zeros(len(market.rows), dtype=bool),
    )
