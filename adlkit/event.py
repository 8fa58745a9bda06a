"""One whole event: a shock through liquidation, book, buffers and deleveraging, to the residual.

This is the only module that knows the full order of work; see `run_event`. Money is counted against the event's
marks: a trade of q contracts at value v moves side x q x (v - V(mark)) from the trader to the liquidated account, so
whatever one party gains another loses, stage by stage.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from adlkit._display import SummaryRepr
from adlkit.book import NO_LADDER, Ladder, OrderBook
from adlkit.buffers import BOOK, BackstopVault, Buffer, Distress, InsuranceFund, Taken, book_values
from adlkit.contracts import Flags, Floats, is_inverse, price_of, value_of
from adlkit.errors import BookError, PanelError, VenueError
from adlkit.fill_prices import TradePrices
from adlkit.margin import close_out_value, equity, maintenance_margin, notional
from adlkit.matching import DUST, Pairs, overlap_from, swept
from adlkit.panel import Groups, account_groups, check_panel, mark_to, per_row, with_tiers
from adlkit.ranking import account_order, evaluate, queue_order
from adlkit.rules import Rule
from adlkit.venues import ACCOUNT, VenueRules

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LIQUIDATED, WINNERS, RESIDUAL = "liquidated accounts", "winners", "residual"
ADL, OPEN, SETTLEMENT = "adl", "open", "settlement"
Marks = pd.Series | Mapping[str, float]
Rows = npt.NDArray[np.intp]


@dataclass(frozen=True, eq=False, repr=False)
class EventResult(SummaryRepr):
    """What one shock did.

    Parameters
    ----------
    venue : VenueRules
        The rules that were applied.
    before, panel : DataFrame
        The panel at the event's marks before anything traded, and after. Same index: a closed position has ``qty``
        0, its row keeps the account's cash.
    stages : DataFrame, index (symbol, side, stage)
        ``qty`` [contracts], ``notional`` [ccy, at the mark], ``average_price`` [quote/base] of the fills,
        ``absorbed`` [ccy, what the stage's party gave up against the mark; negative: it earned] and ``share`` [1] of
        the market's need. Side is that of the liquidated positions. Stages: book, each buffer, adl, then what is left:
        "open" (accounts with equity whose orders nobody filled) and "residual" (bankrupt ones; absorbed = money
        written off).
    positions : DataFrame, index of the panel
        ``qty`` (before), ``is_liquidated``, ``is_bankrupt``, contracts closed at each stage, ``deleveraged``
        (contracts closed as a winner), ``realized_pnl`` [ccy], ``haircut`` [ccy, given up by deleveraging against the
        mark].
    fills : DataFrame
        Deleveraging, one row per pair: ``symbol``, ``side`` (of the bankrupt), ``bankrupt``, ``winner``, ``qty``,
        ``price``, ``realized_pnl`` (of the winner, from entry) and ``forgone`` (against the mark) [ccy].
    ledger : DataFrame, index stage, one column per party
        Change of money at the event's marks [ccy]; every row sums to zero.
    buffers : dict of str to buffer
        As they are afterwards.

    Examples
    --------
    >>> import adlkit as adl
    >>> event = adl.run_event(adl.load_dataset("four_accounts"), {"BTC": 70.0}, venue=adl.venues.bitmex)
    >>> event.fills[["winner", "qty", "price", "forgone"]].to_dict("list")
    {'winner': ['cat', 'bob'], 'qty': [1.0, 1.0], 'price': [80.0, 80.0], 'forgone': [10.0, 10.0]}
    """

    venue: VenueRules
    before: pd.DataFrame
    panel: pd.DataFrame
    stages: pd.DataFrame
    positions: pd.DataFrame
    fills: pd.DataFrame
    ledger: pd.DataFrame
    buffers: dict[str, Buffer]

    @property
    def imbalance(self) -> float:
        """Sum of all changes of money over gross notional [1]; zero but for rounding."""
        return float(abs(self.ledger.to_numpy().sum()) / max(notional(self.before).sum(), 1e-300))

    def summary(self) -> pd.Series:
        """Headline numbers: accounts, need by stage [ccy notional], money by party [ccy]."""
        accounts = self.positions.groupby(level="account", observed=True)[
            ["is_liquidated", "is_bankrupt"]
        ].any()
        size = self.stages["notional"].groupby(level="stage", sort=False).sum()
        money = self.ledger.sum()
        bankrupt = self.before[self.positions["is_bankrupt"]]
        owned = equity(bankrupt).groupby(level="account", observed=True).first()
        return pd.Series(
            {
                "accounts liquidated": float(accounts["is_liquidated"].sum()),
                "accounts bankrupt": float(accounts["is_bankrupt"].sum()),
                "shortfall of bankrupt accounts": float(-owned.sum()),
                "notional to close": float(size.sum()),
                **{
                    f"closed by {stage}": float(value)
                    for stage, value in size.items()
                    if stage not in (OPEN, RESIDUAL)
                },
                "left open, solvent": float(size.get(OPEN, 0.0)),
                "left open, bankrupt": float(size.get(RESIDUAL, 0.0)),
                "winners deleveraged": float(self.fills["winner"].nunique()),
                **{f"money: {party}": float(value) for party, value in money.items()},
            }
        )

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw who closed what; see `adlkit.plotting.plot_stages`."""
        from adlkit.plotting import plot_stages

        return plot_stages(self, ax=ax)


def run_event(
    panel: pd.DataFrame,
    marks: Marks,
    *,
    venue: VenueRules,
    books: Mapping[str, OrderBook] | None = None,
    previous_marks: Marks | None = None,
    oracles: Marks | None = None,
) -> EventResult:
    """Run one shock through the whole waterfall of a venue.

    Parameters
    ----------
    panel : DataFrame
        Checked positions of one moment, in one settlement currency.
    marks : Series or mapping
        Mark price of every symbol at the event [quote/base].
    venue : VenueRules
        E.g. ``adl.venues.bitmex.with_buffers(adl.InsuranceFund(1e6))``.
    books : mapping of symbol to OrderBook, optional
        Symbols without a book have no depth: nothing of them closes in the market.
    previous_marks, oracles : Series or mapping, optional
        Needed by venues that fill at them.

    Returns
    -------
    EventResult

    Raises
    ------
    PanelError
        If the panel or marks are faulty, hold several times or several settlement currencies.
    BookError
        If a book is for no symbol of the panel, or its real levels do not hold the mark.
    VenueError
        If the venue misses an input.

    Notes
    -----
    1. The panel is re-marked (with the venue's tiers). Accounts with equity < maintenance margin are liquidated, in
       all their symbols; positions above the venue's partial threshold send only a fraction.
    2. Orders trade in the book at or better than their limit; all share one sweep, strictest limit first, then
       strictest close-out price, then account.
    3. Buffers take what is left of the orders, in the venue's order.
    4. ADL closes what is still open (the part never ordered included) of accounts whose equity is below zero at the
       marks, and the unfilled orders of other accounts where the venue says so. Needs come strictest close-out price
       first, then by account; counterparties are the opposite positions of accounts that are not liquidated, in the
       order of the venue's score at the marks. A protected winner waits for the first need whose fill is not worse
       than its own close-out price and takes from there on; rules other than a queue are applied anew to what is
       left until nobody can take more. Longs and shorts of one symbol are separate needs.
    5. Money: an account whose fills were worse than its close-out prices owes the difference; funds pay it from what
       is left of their budget, in proportion where it does not suffice, and the rest is written off as residual. An
       account whose fills were better has a surplus, which pays the liquidation fee first. What funds receive in an
       event does not pay debts of the same event.

    Contracts left open stay in the panel, with their account's equity. A position closed in part keeps its rate, and
    its deduction in proportion, unless the venue has tiers.
    Complexity: O(n log n) in positions, plus the Python steps of `adlkit.matching.overlap_from` where winners wait.

    Examples
    --------
    >>> import adlkit as adl
    >>> venue = adl.venues.bitmex.with_buffers(adl.InsuranceFund(balance=5.0))
    >>> event = adl.run_event(adl.load_dataset("four_accounts"), {"BTC": 70.0}, venue=venue)
    >>> event.stages["qty"].to_dict()
    {('BTC', 'long', 'book'): 0.0, ('BTC', 'long', 'insurance fund'): 0.0, ('BTC', 'long', 'adl'): 2.0, \
('BTC', 'long', 'open'): 0.0, ('BTC', 'long', 'residual'): 0.0}
    """
    _check_event(panel, books or {})
    marked = mark_to(panel, marks, tiers=venue.tiers)
    prices = _prices(marked, previous_marks, oracles)
    tally = _Tally(marked)
    distress, rows = _distress(marked, venue, prices, books or {})
    buffers = _remarked(venue.buffers, marked)

    tally.close(BOOK, rows, _sweep(distress), distress)
    for place, buffer in enumerate(buffers):
        taken = buffer.take(distress)
        buffers[place] = taken.buffer
        tally.close(buffer.name, rows, taken, distress)
    fills = _deleverage(tally, distress, rows, venue, prices)
    left = _left(distress, venue)
    owed = _settle(tally, distress, rows, venue, buffers)
    return EventResult(
        venue=venue,
        before=marked,
        panel=tally.panel_after(venue.tiers),
        stages=_stages(tally, distress, rows, left, owed, [BOOK, *(buffer.name for buffer in buffers), ADL]),
        positions=tally.positions(distress, rows),
        fills=fills,
        ledger=tally.ledger_table([buffer.name for buffer in buffers]),
        buffers={buffer.name: buffer for buffer in buffers},
    )


class _Tally:
    """Running account of one event: contracts closed, cash moved, and who gave it."""

    def __init__(self, marked: pd.DataFrame) -> None:
        self.marked = marked
        self.inverse = is_inverse(marked)
        self.qty = marked["qty"].to_numpy()
        self.side = np.sign(self.qty)
        self.mark = value_of(marked["mark_price"].to_numpy(), self.inverse)
        self.entry = value_of(marked["entry_price"].to_numpy(), self.inverse)
        self.closed: dict[str, Floats] = {}
        self.worth: dict[str, Floats] = {}
        self.realized = np.zeros(len(marked))
        self.transfers = np.zeros(len(marked))
        self.deleveraged = np.zeros(len(marked))
        self.haircut = np.zeros(len(marked))
        self.ledger: dict[str, dict[str, float]] = {}

    def close(self, stage: str, rows: Rows, taken: Taken, distress: Distress) -> None:
        """Book the trades of a stage with distressed positions, and what is paid to their accounts."""
        moved = taken.qty * distress.side * (taken.value - distress.mark)
        self._close_rows(stage, rows, taken.qty, taken.value)
        self.transfers[rows] += taken.paid
        self._enter(stage, LIQUIDATED, moved.sum() + taken.paid.sum())
        self._enter(stage, taken.trader, -moved.sum())
        self._enter(stage, stage, -taken.paid.sum())
        distress.gap = distress.gap + taken.qty * distress.worse_than_close_out(taken.value) - taken.paid
        distress.open = np.maximum(distress.open - taken.qty, 0.0)
        distress.ordered = np.minimum(np.maximum(distress.ordered - taken.qty, 0.0), distress.open)
        if taken.trader == BOOK:
            distress.used = distress.used + distress.markets.total(taken.qty)

    def deleverage(self, needs: Rows, winners: Rows, qty: Floats, value: Floats) -> None:
        """Book trades between bankrupt positions and winners."""
        forgone = qty * self.side[winners] * (self.mark[winners] - value)
        self._close_rows(ADL, needs, qty, value)
        self.deleveraged += np.bincount(winners, qty, len(self.qty))
        self.haircut += np.bincount(winners, forgone, len(self.qty))
        self.realized += np.bincount(
            winners, qty * self.side[winners] * (value - self.entry[winners]), len(self.qty)
        )
        self._enter(ADL, LIQUIDATED, forgone.sum())
        self._enter(ADL, WINNERS, -forgone.sum())

    def transfer(self, stage: str, rows: Rows, amounts: Floats, giver: str) -> None:
        """Book money that moves without contracts, to accounts (or from them, below zero)."""
        self.transfers[rows] += amounts
        self._enter(stage, LIQUIDATED, amounts.sum())
        self._enter(stage, giver, -amounts.sum())

    def panel_after(self, tiers: pd.DataFrame | None) -> pd.DataFrame:
        """The panel with positions reduced and cash moved; dust of rounding is flat."""
        gone = self.deleveraged + sum(self.closed.values(), np.zeros(len(self.qty)))
        size = np.abs(self.qty)
        left = np.where(size - gone <= 1e-12 * size, 0.0, size - gone)
        kept = np.divide(left, size, out=np.ones(len(size)), where=size > 0)
        panel = self.marked.assign(
            qty=self.side * left + 0.0,
            collateral=self.marked["collateral"].to_numpy() + self.realized + self.transfers,
            maintenance_deduction=self.marked["maintenance_deduction"].to_numpy() * kept,
        )
        return panel if tiers is None else with_tiers(panel, tiers)

    def positions(self, distress: Distress, rows: Rows) -> pd.DataFrame:
        flags = np.zeros((2, len(self.qty)), dtype=bool)
        flags[0, rows] = True
        flags[1, rows] = distress.equity[distress.account] < 0
        columns = {"qty": self.qty, "is_liquidated": flags[0], "is_bankrupt": flags[1], **self.closed}
        return pd.DataFrame(
            {
                **columns,
                "deleveraged": self.deleveraged,
                "realized_pnl": self.realized,
                "haircut": self.haircut,
            },
            index=self.marked.index,
        )

    def ledger_table(self, buffers: list[str]) -> pd.DataFrame:
        table = pd.DataFrame.from_dict(self.ledger, orient="index")
        parties = [LIQUIDATED, WINNERS, BOOK, *buffers, RESIDUAL]
        return table.reindex(columns=parties, fill_value=0.0).fillna(0.0).rename_axis("stage")

    def _close_rows(self, stage: str, rows: Rows, qty: Floats, value: Floats) -> None:
        n = len(self.qty)
        self.closed[stage] = self.closed.get(stage, np.zeros(n)) + np.bincount(rows, qty, n)
        self.worth[stage] = self.worth.get(stage, np.zeros(n)) + np.bincount(rows, qty * value, n)
        self.realized += np.bincount(rows, qty * self.side[rows] * (value - self.entry[rows]), n)

    def _enter(self, stage: str, party: str, amount: float) -> None:
        row = self.ledger.setdefault(stage, {})
        row[party] = row.get(party, 0.0) + float(amount)


def _check_event(panel: pd.DataFrame, books: Mapping[str, OrderBook]) -> None:
    check_panel(panel)
    if "time" in panel.index.names:
        raise PanelError(["an event takes one moment; select it, e.g. panel.xs(time, level='time')"])
    coins = panel["settlement"].unique() if "settlement" in panel else []
    kinds = panel["contract"].unique() if "contract" in panel and not len(coins) else []
    if len(coins) > 1 or len(kinds) > 1:
        raise PanelError(
            [
                f"an event takes one settlement currency, found {sorted([*coins, *kinds])}; run one event for each"
            ]
        )
    if unknown := sorted(set(books) - set(panel.index.unique("symbol"))):
        raise BookError(f"books for symbols {unknown} that are not in the panel; drop them")
    if wrong := [symbol for symbol, book in books.items() if not isinstance(book, OrderBook)]:
        raise BookError(f"books of {wrong} are no OrderBook; build them with adl.OrderBook(bids, asks)")


def _prices(marked: pd.DataFrame, previous_marks: Marks | None, oracles: Marks | None) -> TradePrices:
    inverse = is_inverse(marked)

    def values(given: Marks | None, what: str) -> Floats | None:
        return None if given is None else value_of(per_row(marked, given, what), inverse)

    return TradePrices(
        side=np.sign(marked["qty"].to_numpy()),
        close_out=close_out_value(marked),
        mark=value_of(marked["mark_price"].to_numpy(), inverse),
        previous_mark=values(previous_marks, "previous_marks"),
        oracle=values(oracles, "oracles"),
    )


def _distress(
    marked: pd.DataFrame, venue: VenueRules, prices: TradePrices, books: Mapping[str, OrderBook]
) -> tuple[Distress, Rows]:
    """Positions of accounts below maintenance margin, sorted by market and strictness, and their rows in the panel."""
    accounts, owned = account_groups(marked), equity(marked).to_numpy()
    margin = accounts.spread(maintenance_margin(marked).to_numpy())
    qty = np.abs(marked["qty"].to_numpy())
    rows = np.flatnonzero((owned < margin) & (qty > 0))
    symbols = marked.index.levels[1]
    code = np.asarray(marked.index.codes[1], dtype=np.intp)[rows] * 2 + (prices.side[rows] < 0)
    side, limit = prices.side[rows], venue.limit(prices)[rows]
    strictness = np.lexsort(
        (account_order(marked)[rows], -side * prices.close_out[rows], -side * limit, code)
    )
    rows, code, side = rows[strictness], code[strictness], side[strictness]
    present, market = np.unique(code, return_inverse=True)
    ids, account = np.unique(account_order(marked)[rows], return_inverse=True)
    first = np.zeros(len(ids), dtype=np.intp)
    first[account] = rows
    ordered = qty[rows].copy()
    if venue.partial is not None:
        ordered[ordered * np.abs(prices.mark[rows]) > venue.partial.above] *= venue.partial.fraction
    marks = marked["mark_price"].to_numpy()[rows[np.searchsorted(market, np.arange(len(present)))]]
    inverse = is_inverse(marked)
    ladders = [
        _ladder(
            books.get(str(symbols[place // 2])),
            1.0 - 2.0 * (place % 2),
            marks[number],
            inverse,
            rows[market == number],
        )
        for number, place in enumerate(present)
    ]
    return Distress(
        market=market,
        account=account,
        side=side,
        open=qty[rows],
        ordered=ordered,
        limit=limit[strictness],
        close_out=prices.close_out[rows],
        mark=prices.mark[rows],
        gap=np.zeros(len(rows)),
        equity=owned[first],
        margin=margin[first],
        symbols=[str(symbols[place // 2]) for place in present],
        ladders=ladders,
        used=np.zeros(len(present)),
    ), rows


def _ladder(book: OrderBook | None, side: float, mark: float, inverse: Flags | None, rows: Rows) -> Ladder:
    if book is None:
        return NO_LADDER
    return book.at(float(mark)).ladder(side, is_inverse=inverse is not None and bool(inverse[rows[0]]))


def _remarked(buffers: tuple[Buffer, ...], marked: pd.DataFrame) -> list[Buffer]:
    """Buffers at the event's marks: a vault's inventory gains or loses before it takes anything."""
    value = value_of(marked["mark_price"].to_numpy(), is_inverse(marked))
    values = pd.Series(value, index=marked.index.get_level_values("symbol"))
    by_symbol = values[~values.index.duplicated()].to_dict()
    return [buffer.remark(by_symbol) if isinstance(buffer, BackstopVault) else buffer for buffer in buffers]


def _sweep(distress: Distress) -> Taken:
    """All orders against the book, each at or better than its limit."""
    qty = np.zeros(len(distress.market))
    for code, ladder in enumerate(distress.ladders):
        rows = np.flatnonzero(distress.market == code)
        depth = ladder.depth_at(distress.side[rows] * distress.limit[rows])
        filled = np.diff(swept(depth, distress.ordered[rows]), prepend=0.0)
        qty[rows] = np.clip(filled, 0.0, distress.ordered[rows])
    return Taken(qty, book_values(distress, qty), np.zeros(len(qty)), BOOK, _NO_BUFFER)


class _NoBuffer:
    """The book is no buffer: it has no balance to carry on."""

    name = BOOK

    def take(self, distress: Distress) -> Taken:
        raise VenueError("the book is swept before buffers")


_NO_BUFFER = _NoBuffer()


def _deleverage(
    tally: _Tally, distress: Distress, rows: Rows, venue: VenueRules, prices: TradePrices
) -> pd.DataFrame:
    """Close what bankrupt accounts still hold against winners; returns the fills."""
    marked = tally.marked
    bankrupt = distress.equity[distress.account] < 0
    need = np.where(bankrupt, distress.open, distress.ordered if venue.deleverages_solvent else 0.0)
    tally.closed.setdefault(ADL, np.zeros(len(marked)))
    tally.worth.setdefault(ADL, np.zeros(len(marked)))
    tally.ledger.setdefault(ADL, {})
    if not (need > 0).any():
        return _fill_table(
            tally, distress, np.zeros(0, dtype=np.intp), rows[:0], rows[:0], np.zeros(0), np.zeros(0)
        )
    fill = venue.fill_price(prices)[rows]
    score = evaluate(venue.policy.score, marked)
    is_liquidated = np.zeros(len(marked), dtype=bool)
    is_liquidated[rows] = True
    front = queue_order(marked, score.mask(is_liquidated)).rows
    weight = None if venue.policy.weight is None else venue.policy.weight(marked).to_numpy()
    symbol = np.asarray(marked.index.codes[1], dtype=np.intp)
    pieces = []
    for code in np.unique(distress.market[need > 0]):
        line = np.flatnonzero((distress.market == code) & (need > 0))
        line = line[np.lexsort((distress.account[line], -(distress.side * distress.close_out)[line]))]
        side = distress.side[line[0]]
        winners = front[(symbol[front] == symbol[rows[line[0]]]) & (tally.side[front] == -side)]
        release = np.zeros(len(winners), dtype=np.intp)
        if venue.protects_winners:
            release = np.searchsorted(-side * fill[line], -side * prices.close_out[winners])
        pairs = _serve(
            need[line],
            np.abs(tally.qty[winners]),
            release,
            venue.policy.rule,
            None if weight is None else weight[winners],
        )
        pieces.append((line[pairs.first], winners[pairs.second], pairs.qty))
    needs, winners, qty = (np.concatenate(column) for column in zip(*pieces, strict=True))
    value = fill[needs]
    tally.deleverage(rows[needs], winners, qty, value)
    closed = np.bincount(needs, qty, len(rows))
    distress.gap = distress.gap + np.bincount(
        needs, qty * distress.worse_than_close_out(fill)[needs], len(rows)
    )
    distress.open = _less(distress.open, closed)
    distress.ordered = np.minimum(_less(distress.ordered, closed), distress.open)
    return _fill_table(tally, distress, needs, rows[needs], winners, qty, value)


def _serve(need: Floats, capacity: Floats, release: Rows, rule: Rule, weight: Floats | None) -> Pairs:
    """Match a line of needs with winners in queue order, by a rule, each from its release on.

    The rule shares what is still needed among those who may serve any of it; what could not be matched, because a
    winner had to wait for a milder need, is shared again among the rest until nobody takes more.
    """
    left, room = need.copy(), capacity.copy()
    dust = DUST * need.sum()
    found: list[Pairs] = []
    while left.sum() > dust:
        last = np.flatnonzero(left > dust)[-1]
        offered = rule(left.sum(), np.where(release <= last, room, 0.0), weight)
        pairs = overlap_from(left, offered, np.where(offered > 0, release, 0))
        if pairs.qty.sum() <= dust:
            break
        left = _less(left, np.bincount(pairs.first, pairs.qty, len(left)))
        room = _less(room, np.bincount(pairs.second, pairs.qty, len(room)))
        found.append(pairs)
    return (
        Pairs(*(np.concatenate(column) for column in zip(*found, strict=True)))
        if found
        else Pairs(release[:0], release[:0], need[:0])
    )


def _less(amount: Floats, taken: Floats) -> Floats:
    """Amount after `taken`; what rounding leaves of it is nothing."""
    left = amount - taken
    return np.where(left <= 1e-12 * amount, 0.0, left)


def _fill_table(
    tally: _Tally, distress: Distress, needs: Rows, bankrupt: Rows, winners: Rows, qty: Floats, value: Floats
) -> pd.DataFrame:
    accounts = tally.marked.index.get_level_values("account")
    inverse = None if tally.inverse is None else tally.inverse[bankrupt]
    side = tally.side[winners]
    return pd.DataFrame(
        {
            "symbol": tally.marked.index.get_level_values("symbol")[bankrupt],
            "side": _side_names(tally.side[bankrupt]),
            "bankrupt": accounts[bankrupt],
            "winner": accounts[winners],
            "qty": qty,
            "price": price_of(value, inverse),
            "realized_pnl": qty * side * (value - tally.entry[winners]),
            "forgone": qty * side * (tally.mark[winners] - value),
        }
    )


def _left(distress: Distress, venue: VenueRules) -> dict[str, Floats]:
    """Contracts that nobody took, by position: of accounts with equity, and of bankrupt ones."""
    bankrupt = distress.equity[distress.account] < 0
    return {
        OPEN: np.where(bankrupt, 0.0, distress.ordered),
        RESIDUAL: np.where(bankrupt, distress.open, 0.0),
    }


def _settle(
    tally: _Tally, distress: Distress, rows: Rows, venue: VenueRules, buffers: list[Buffer]
) -> Floats:
    """Pay what accounts owe from funds, write off the rest, move fees and surplus; returns the write-off by position."""
    accounts = Groups(distress.account, len(distress.equity))
    gap = accounts.total(distress.gap)
    scale = accounts.total(distress.unit * np.abs(tally.qty[rows]))
    gap = np.where(np.abs(gap) <= 1e-12 * scale, 0.0, gap)
    owed = _spread_by(np.maximum(distress.gap, 0.0), np.maximum(gap, 0.0), accounts)
    surplus = np.maximum(-gap, 0.0)
    total = left = float(owed.sum())
    tally.ledger.setdefault(SETTLEMENT, {})
    for place, fund in enumerate(buffers):
        if isinstance(fund, InsuranceFund) and left > 0:
            start = next(own for own in venue.buffers if own.name == fund.name)
            assert isinstance(start, InsuranceFund)
            pays = min(left, max(start.budget - (start.balance - fund.balance), 0.0))
            tally.transfer(SETTLEMENT, rows, owed * (pays / total), fund.name)
            buffers[place] = fund.receive(-pays)
            left -= pays
    written_off = owed * (left / total) if total > 0 else owed
    tally.transfer(SETTLEMENT, rows, written_off, RESIDUAL)
    fee = np.minimum(venue.fee_rate * accounts.total(_booked(tally, rows) * distress.unit), surplus)
    income = fee if venue.surplus_to == ACCOUNT else surplus
    receiver = venue.fee_to if venue.surplus_to == ACCOUNT else venue.surplus_to
    for place, buffer in enumerate(buffers):
        if buffer.name == receiver and isinstance(buffer, InsuranceFund | BackstopVault) and income.sum() > 0:
            paid = -_spread_by(np.maximum(-distress.gap, 0.0), income, accounts)
            tally.transfer(SETTLEMENT, rows, paid, receiver)
            buffers[place] = buffer.receive(float(income.sum()))
    return written_off


def _booked(tally: _Tally, rows: Rows) -> Floats:
    return tally.closed[BOOK][rows]


def _spread_by(weight: Floats, amount: Floats, accounts: Groups) -> Floats:
    """Amount of each account, shared out over its rows in proportion to `weight`."""
    total = accounts.total(weight)
    per_weight = np.divide(amount, total, out=np.zeros(len(total)), where=total > 0)
    return weight * per_weight[accounts.codes]


def _stages(
    tally: _Tally,
    distress: Distress,
    rows: Rows,
    left: dict[str, Floats],
    written_off: Floats,
    order: list[str],
) -> pd.DataFrame:
    markets = distress.markets
    parts = []
    sides = _side_names(distress.side[np.searchsorted(distress.market, np.arange(markets.count))])
    unit = distress.unit[np.searchsorted(distress.market, np.arange(markets.count))]
    inverse = (
        None
        if tally.inverse is None
        else tally.inverse[rows[np.searchsorted(distress.market, np.arange(markets.count))]]
    )
    for number, stage in enumerate([*order, OPEN, RESIDUAL]):
        if stage in order:
            closed, worth = tally.closed[stage][rows], tally.worth[stage][rows]
            absorbed = markets.total(worth * distress.side - closed * distress.side * distress.mark)
        else:
            closed, worth = left[stage], np.full(len(rows), np.nan)
            absorbed = markets.total(written_off) if stage == RESIDUAL else np.zeros(markets.count)
        qty = markets.total(closed)
        with np.errstate(divide="ignore", invalid="ignore"):
            average = np.where(qty > 0, price_of(markets.total(worth) / qty, inverse), np.nan)
        parts.append(
            pd.DataFrame(
                {
                    "symbol": distress.symbols,
                    "side": sides,
                    "stage": stage,
                    "number": number,
                    "qty": qty,
                    "notional": qty * unit,
                    "average_price": average,
                    "absorbed": absorbed,
                }
            )
        )
    table = pd.concat(parts).sort_values(["symbol", "side", "number"], kind="stable").drop(columns="number")
    table = table.set_index(["symbol", "side", "stage"])
    need = table.groupby(level=["symbol", "side"])["qty"].transform("sum")
    return table.assign(share=table["qty"] / need.where(need > 0))


def _side_names(side: Floats) -> npt.NDArray[np.object_]:
    return np.where(side > 0, "long", "short").astype(object)
