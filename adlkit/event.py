"""One whole event: a shock through liquidation, book, buffers and deleveraging, to the residual, as tables.

The full order of work is that of `adlkit.waterfall`; see `run_event`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from adlkit._display import SummaryRepr
from adlkit.book import OrderBook
from adlkit.buffers import Buffer
from adlkit.contracts import Floats, is_inverse, price_of, value_of
from adlkit.distress import BOOK, ROUNDING
from adlkit.errors import BookError, PanelError, VenueError
from adlkit.groups import level_keys
from adlkit.margin import equity, notional
from adlkit.panel import check_panel, currencies, mark_to, per_row
from adlkit.ranking import side_names
from adlkit.standing import Standing
from adlkit.tally import ADL, OPEN, RESIDUAL, SETTLEMENT
from adlkit.venues import VenueRules
from adlkit.waterfall import Waterfall, run_waterfall

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Marks = pd.Series | Mapping[str, float]


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
        written off). Closing for a fund trades in the book, so the book's gain from it is in the row of the book.
    positions : DataFrame, index of the panel
        ``qty`` (before), ``is_liquidated``, ``is_bankrupt``, contracts closed at each stage, ``deleveraged``
        (contracts closed as a winner), ``realized_pnl`` [ccy], ``haircut`` [ccy, given up by deleveraging against the
        mark].
    fills : DataFrame
        Deleveraging, one row per pair: ``symbol``, ``side`` (of the bankrupt), ``bankrupt``, ``winner``, ``qty``,
        ``price``, ``realized_pnl`` (of the winner, from entry) and ``forgone`` (against the mark) [ccy].
    ledger : DataFrame, index stage, one column per party
        Change of money at the event's marks [ccy]; every row sums to zero.
    buffers_before, buffers : dict of str to buffer
        At the event's marks before anything traded, and afterwards.

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
    buffers_before: dict[str, Buffer]
    buffers: dict[str, Buffer]

    @property
    def imbalance(self) -> float:
        """Change of everybody's money over gross notional [1]: zero but for rounding.

        Accounts and buffers are counted from their states before and after, not from the ledger; only book and
        residual, which have no state, are taken from there.
        """
        accounts = [_owned(panel).sum() for panel in (self.before, self.panel)]
        buffers = [sum(b.money for b in held.values()) for held in (self.buffers_before, self.buffers)]
        outside = self.ledger[[BOOK, RESIDUAL]].to_numpy().sum()
        change = accounts[1] - accounts[0] + buffers[1] - buffers[0] + outside
        return float(abs(change) / max(notional(self.before).sum(), 1e-300))

    def summary(self) -> pd.Series:
        """Headline numbers: accounts, need by stage [ccy notional], money by party [ccy]."""
        accounts = self.positions.groupby(level="account", observed=True)[["is_liquidated", "is_bankrupt"]].any()
        size = self.stages["notional"].groupby(level="stage").sum()
        owed = -_owned(self.before)[accounts["is_bankrupt"]].sum()
        return pd.Series(
            {
                "accounts liquidated": float(accounts["is_liquidated"].sum()),
                "accounts bankrupt": float(accounts["is_bankrupt"].sum()),
                "shortfall of bankrupt accounts": float(owed) + 0.0,
                "notional to close": float(size.sum()),
                **{f"closed by {stage}": float(size.get(stage, 0.0)) for stage in (BOOK, *self.buffers, ADL)},
                "left open, solvent": float(size.get(OPEN, 0.0)),
                "left open, bankrupt": float(size.get(RESIDUAL, 0.0)),
                "winners deleveraged": float(self.fills["winner"].nunique()),
                **{f"money: {party}": float(value) for party, value in self.ledger.sum().items()},
            }
        )

    def payers(self) -> pd.DataFrame:
        """One row per deleveraged winner, who gave up most first.

        Returns
        -------
        DataFrame, index ``account``
            ``closed`` [ccy notional at the mark], ``share_closed`` [1] of the positions it was taken from,
            ``forgone`` and ``realized_pnl`` [ccy]. What rounding makes of nothing forgone is 0.

        Examples
        --------
        >>> import adlkit as adl
        >>> event = adl.run_event(adl.load_dataset("four_accounts"), {"BTC": 70.0}, venue=adl.venues.bitmex)
        >>> event.payers()["closed"].to_dict()
        {'bob': 70.0, 'cat': 70.0}
        """
        taken = self.positions["deleveraged"] > 0
        rows, size = self.positions[taken], notional(self.before)[taken]
        table = pd.DataFrame(
            {"closed": size * rows["deleveraged"] / rows["qty"].abs(), "held": size, "forgone": rows["haircut"]}
        )
        table = table.groupby(level="account", observed=True).sum()
        realized = self.fills.groupby("winner", observed=True)["realized_pnl"].sum()
        dust = table["forgone"].abs() <= ROUNDING * table["closed"]
        table = table.assign(
            share_closed=table["closed"] / table.pop("held"),
            forgone=table["forgone"].mask(dust, 0.0),
            realized_pnl=realized.reindex(table.index).to_numpy(),
        )
        return table.sort_values(["forgone", "closed"], ascending=False, kind="stable")

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
    1. The panel is re-marked (with the venue's tiers), and so are the buffers. Accounts with equity < maintenance
       margin are liquidated, in all their symbols; positions above the venue's partial threshold send only a fraction.
       Accounts without a position take no part: their debt is of an earlier event.
    2. Orders trade in the book at or better than their limit; all share one sweep, strictest limit first, then
       strictest close-out price, then account.
    3. Buffers take what is left of the orders, in the venue's order.
    4. ADL closes what is still open (the part never ordered included) of accounts whose equity is below zero at the
       marks, and the unfilled orders of other accounts where the venue says so. Needs come dearest fill first (of one
       fill price: strictest close-out price first), then by account; counterparties are the opposite positions of
       accounts that are not liquidated, in the order of the venue's score at the marks. A protected winner waits for
       the first need whose fill is not worse than its own close-out price (of that position: its share of the
       account's equity, as `adlkit.close_out_price` has it) and takes from there on; rules other than a queue are
       applied anew to what is left until nobody can take more. Longs and shorts of one symbol are separate needs.
    5. Money: an account whose fills were better than its close-out prices has a surplus; it repays what funds paid for
       the same account, then the liquidation fee, and the rest goes to the venue's receiver. An account whose fills
       were worse owes the difference, and so does an unprotected winner whose equity a fill has brought below zero;
       funds pay it from what is left of their budget, in proportion where it does not suffice, and the rest is written
       off as residual.

    Contracts left open stay in the panel, with their account's equity. A position closed in part keeps its rate, and
    its deduction in proportion, unless the venue has tiers.
    Complexity: O(n log n) in positions, plus the Python steps of `adlkit.matching.overlap_from` where winners wait.

    Examples
    --------
    >>> import adlkit as adl
    >>> venue = adl.venues.bitmex.with_buffers(adl.InsuranceFund(balance=5.0))
    >>> event = adl.run_event(adl.load_dataset("four_accounts"), {"BTC": 70.0}, venue=venue)
    >>> event.stages["qty"].loc["BTC", "long"].to_dict()
    {'book': 0.0, 'insurance fund': 0.0, 'adl': 2.0, 'open': 0.0, 'residual': 0.0}
    """
    check_event(panel, venue, books or {})
    marked = mark_to(panel, marks, tiers=venue.tiers)
    standing = _standing(marked, previous_marks, oracles)
    start = [buffer.remark(standing.values()) for buffer in venue.buffers]
    event = run_waterfall(standing, venue, books=books or {}, buffers=start, panel=lambda: marked)
    names = [buffer.name for buffer in start]
    return EventResult(
        venue=venue,
        before=marked,
        panel=event.tally.after().panel(marked, venue.tiers),
        stages=stage_table(event),
        positions=event.tally.positions(event.distress, marked.index),
        fills=fill_table(event, marked.index),
        ledger=event.tally.ledger_table([BOOK, *names, ADL, SETTLEMENT], names),
        buffers_before={buffer.name: buffer for buffer in start},
        buffers={buffer.name: buffer for buffer in event.buffers},
    )


def stage_table(event: Waterfall) -> pd.DataFrame:
    """Who closed how much of each market's need, and at what cost; see `EventResult`."""
    stages, standing, distress = event.tally.stages(event.distress), event.tally.standing, event.distress
    first = distress.first_rows
    inverse = None if standing.inverse is None else standing.inverse[distress.row[first]][:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        average = np.where(stages.qty > 0, price_of(stages.worth / stages.qty, inverse), np.nan)
        share = stages.qty / stages.qty.sum(axis=1, keepdims=True)
    table = {
        "qty": stages.qty,
        "notional": stages.qty * distress.unit[first][:, None],
        "average_price": average,
        "absorbed": stages.absorbed,
        "share": share,
    }
    keys = [np.repeat(labels, len(stages.names)) for labels in (distress.symbols, side_names(distress.side[first]))]
    index = pd.MultiIndex.from_arrays([*keys, stages.names * len(first)], names=["symbol", "side", "stage"])
    return pd.DataFrame({name: values.ravel() for name, values in table.items()}, index=index)


def fill_table(event: Waterfall, index: pd.Index) -> pd.DataFrame:
    """Deleveraging, one row per pair; see `EventResult`."""
    standing, (first, winner, qty) = event.tally.standing, event.pairs
    bankrupt, value, side = event.distress.row[first], event.fill_value[first], standing.side[winner]
    return pd.DataFrame(
        {
            "symbol": level_keys(index[bankrupt], ["symbol"]),
            "side": side_names(standing.side[bankrupt]),
            "bankrupt": level_keys(index[bankrupt], ["account"]),
            "winner": level_keys(index[winner], ["account"]),
            "qty": qty,
            "price": price_of(value, None if standing.inverse is None else standing.inverse[winner]),
            "realized_pnl": qty * side * (value - standing.entry[winner]),
            "forgone": qty * side * (standing.mark[winner] - value),
        }
    )


def check_event(panel: pd.DataFrame, venue: VenueRules, books: Mapping[str, OrderBook]) -> None:
    """Raise one error unless these can be run as an event."""
    check_panel(panel)
    if not isinstance(venue, VenueRules):
        raise VenueError(f"venue must be VenueRules, e.g. adl.venues.bitmex; got {venue!r}")
    if not isinstance(books, Mapping):
        raise BookError(f"books must map symbols to OrderBook, e.g. {{'BTC': book}}; got a {type(books).__name__}")
    if "time" in panel.index.names:
        raise PanelError(["an event takes one moment; select it, e.g. panel.xs(time, level='time')"])
    coins = currencies(panel)
    if len(coins) > 1:
        raise PanelError([f"an event takes one settlement currency, found {coins}; run one event for each"])
    if unknown := sorted(set(books) - set(panel.index.unique("symbol"))):
        raise BookError(f"books for symbols {unknown} that are not in the panel; drop them")
    if wrong := [symbol for symbol, book in books.items() if not isinstance(book, OrderBook)]:
        raise BookError(f"books of {wrong} are no OrderBook; build them with adl.OrderBook(bids, asks)")


def _standing(marked: pd.DataFrame, previous_marks: Marks | None, oracles: Marks | None) -> Standing:
    inverse = is_inverse(marked)

    def values(given: Marks | None, what: str) -> Floats | None:
        return None if given is None else value_of(per_row(marked, given, what), inverse)

    return Standing.of(
        marked, previous_mark=values(previous_marks, "previous_marks"), oracle=values(oracles, "oracles")
    )


def _owned(panel: pd.DataFrame) -> pd.Series:
    """Equity of each account."""
    owned: pd.Series = equity(panel).groupby(level="account", observed=True).first()
    return owned
