"""The report of real ADL fills: what was closed, when and whose, and how each formula would have ranked them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from adlkit import plotting, scores
from adlkit.plotting import percent, short
from adlkit.ranking import rank
from adlkit.report.cells import clock, counts, largest, many, money, names, numbers, shares, short_names, texts
from adlkit.report.page import Card, Column, Page, Section, Table, chart, table, write_page
from adlkit.scores import Score
from adlkit.sources import hyperliquid

TOP, TOP_WIDE = 10, 15

END_OF_WINDOW = (
    "The account columns of this table are not states at the fill.",
    "Cash, unrealised PnL, equity, leverage and the flag of negative equity were read once, at the end of the window: "
    "they already hold what the fills realised, and they value closed positions once more, at later prices. Facts of a "
    "fill are its time, account, symbol, price, quantity, closed PnL, the position just before it, and the liquidated "
    "account. The table names only accounts that were deleveraged; who was passed over is unknown, so nothing here "
    "tells the order of the venue's queue. All totals are those of this file.",
)

SCORES: dict[str, Score] = {
    "bitmex, kucoin": scores.bitmex,
    "binance": scores.binance,
    "binance 2019": scores.binance_2019,
    "okx, htx": scores.okx,
    "bitget": scores.bitget,
    "hyperliquid documented": scores.hyperliquid_documented,
    "hyperliquid reconstructed": scores.hyperliquid_reconstructed,
    "return only": scores.return_only,
}
NEED_MARGIN = ("binance 2019", "bitget")
"""Formulas that say nothing without maintenance margins."""


def build_events_report(
    events: pd.DataFrame, *, path: str | os.PathLike[str], title: str | None = None, notes: Iterable[str] = ()
) -> Path:
    """Write the report of real ADL fills as a self-contained HTML file.

    Parameters
    ----------
    events : DataFrame
        Fills, as `adlkit.sources.hyperliquid.read_adl_events` returns them.
    path : str or path
        The HTML file; one that exists is replaced.
    title : str, optional
        Headline.
    notes : iterable of str, optional
        What a reader must know first, e.g. where the file comes from. Shown at the top, below the caveat about the
        account columns.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    SourceError
        If columns are missing, there are no rows, or the fills contradict each other.
    OSError
        If the file cannot be written; none is left behind then, and one that existed stays as it was.

    Examples
    --------
    >>> import tempfile
    >>> import pandas as pd
    >>> time = pd.Timestamp("2025-10-10 21:16:04.831", tz="UTC")
    >>> events = pd.DataFrame({"time": time, "account": ["ann", "bob"], "symbol": "BTC", "price": 100.0,
    ...     "closed_qty": [2.0, 3.0], "notional": [200.0, 300.0], "closed_pnl": [30.0, 45.0],
    ...     "position_qty": [-5.0, -3.0], "liquidated_account": "cat", "equity_end_of_window": [1050.0, 990.0]})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     build_events_report(events, path=f"{folder}/report.html").name
    'report.html'
    """
    panel, after = hyperliquid.events_to_panel(events), hyperliquid.positions_after(events)
    page = Page(
        title=title or "Auto-deleveraging fills",
        finding=_finding(events),
        caveats=[END_OF_WINDOW],
        notes=list(notes),
        cards=_cards(events),
        sections=[
            _symbols_section(events),
            _times_section(events),
            _payers_section(events),
            _left_section(events, after),
            _negative_section(events),
            _ranks_section(panel),
        ],
    )
    return write_page(page, path)


def _finding(events: pd.DataFrame) -> str:
    rows = _totals(events, "account")
    fills, accounts = many(len(events), "fill"), many(len(rows), "account")
    symbols, part = many(events["symbol"].nunique(), "symbol"), percent(rows["share"].head(TOP).sum())
    return (
        f"{fills} closed {short(events['notional'].sum())} USD of {accounts} in {symbols}. "
        f"{largest(TOP, len(rows), 'account')}: {part} of it. Closed PnL, from entry to the ADL price: "
        f"{short(events['closed_pnl'].sum())} USD."
    )


def _cards(events: pd.DataFrame) -> list[Card]:
    first, last = events["time"].min(), events["time"].max()
    until = f"{last:%H:%M:%S}" if first.date() == last.date() else f"{last:%Y-%m-%d %H:%M:%S}"
    return [
        Card("fills", f"{len(events):,}", f"at {many(events['time'].nunique(), 'moment')}"),
        Card("accounts", f"{events['account'].nunique():,}", "deleveraged"),
        Card("symbols", f"{events['symbol'].nunique():,}", ""),
        Card("liquidated accounts", f"{events['liquidated_account'].nunique():,}", "on the other side"),
        Card("notional closed", short(events["notional"].sum()), "USD, at the ADL price"),
        Card("closed PnL", short(events["closed_pnl"].sum()), "USD, without fees"),
        Card("window [UTC]", f"{first:%H:%M:%S}", f"to {until}, from {first:%Y-%m-%d}"),
    ]


def _symbols_section(events: pd.DataFrame) -> Section:
    rows = _totals(events, "symbol", accounts=("account", "nunique"))
    columns = {
        "symbol": Column("symbol", names, "name"),
        "notional": Column("notional closed [USD]", money),
        "share": Column("share", shares),
        "fills": Column("fills", counts),
        "accounts": Column("accounts", counts),
        "closed_pnl": Column("closed PnL [USD]", money),
        "per_notional": Column("closed PnL / notional", shares),
    }
    caption = largest(TOP_WIDE, len(rows), "symbol")
    figure = chart(lambda ax: plotting.plot_event_symbols(events, top=TOP, ax=ax), min(len(rows), TOP + 1))
    return Section("What was closed", [], [figure, table(rows.head(TOP_WIDE), columns, caption=caption)])


def _times_section(events: pd.DataFrame) -> Section:
    return Section("When", [], [chart(lambda ax: plotting.plot_event_times(events, ax=ax), 6)])


def _payers_section(events: pd.DataFrame) -> Section:
    rows = _totals(events, "account", symbols=("symbol", "nunique"))
    columns = {
        "account": Column("account", names, "name"),
        "notional": Column("notional closed [USD]", money),
        "share": Column("share", shares),
        "closed_pnl": Column("closed PnL [USD]", money),
        "per_notional": Column("closed PnL / notional", shares),
        "fills": Column("fills", counts),
        "symbols": Column("symbols", counts),
    }
    richest = rows.sort_values("closed_pnl", ascending=False, kind="stable").head(TOP)
    words = [
        "Closed PnL is profit from entry to the ADL price, as the venue reported it. It is not what ADL cost them."
    ]
    tables = [
        table(rows.head(TOP), columns, caption=f"{largest(TOP, len(rows), 'account')} by notional closed"),
        table(richest, columns, caption=f"{largest(TOP, len(rows), 'account')} by closed PnL"),
    ]
    return Section("Who paid", words, tables)


def _left_section(events: pd.DataFrame, after: pd.Series) -> Section:
    """What accounts still held, in the symbols that were closed, after their last fill."""
    last = after.rename("qty").reset_index().sort_values("time", kind="stable")
    last = last.drop_duplicates(["account", "symbol"], keep="last")
    prices = events.drop_duplicates(["time", "symbol"])[["time", "symbol", "price"]]
    rows = last[last["qty"] != 0].merge(prices, on=["time", "symbol"], how="left", validate="many_to_one")
    rows = rows.assign(notional=rows["qty"].abs() * rows["price"], side=np.where(rows["qty"] > 0, "long", "short"))
    rows = rows.sort_values("notional", ascending=False, kind="stable")
    words = [
        f"{len(last) - len(rows):,} of {len(last):,} positions were closed in full; {len(rows):,} stayed open after "
        f"their last fill, worth {short(rows['notional'].sum())} USD at its price."
    ]
    columns = {
        "account": Column("account", names, "name"),
        "symbol": Column("symbol", names, "name"),
        "side": Column("side", texts, "short"),
        "qty": Column("contracts left", numbers),
        "notional": Column("notional left [USD]", money),
        "time": Column("last fill [UTC]", clock, "short"),
    }
    caption = largest(TOP, len(rows), "open position")
    return Section("What remained open", words, _unless_empty(rows.head(TOP), columns, caption))


def _negative_section(events: pd.DataFrame) -> Section:
    by_account = events.groupby("account", observed=True)["equity_end_of_window"]
    equity = pd.DataFrame({"lowest": by_account.min(), "highest": by_account.max()})
    rows = _totals(events, "account").join(equity, on="account", validate="one_to_one")
    negative = rows[rows["lowest"] < 0].sort_values("lowest", kind="stable")
    words = [
        f"{len(negative):,} of {len(rows):,} deleveraged accounts show negative equity at the end of the window on at "
        "least one row. It is not their equity at the fill. Rows of one account may differ: each counts the position "
        "that it closed once more."
    ]
    columns = {
        "account": Column("account", names, "name"),
        "lowest": Column("lowest equity [USD]", money),
        "highest": Column("highest equity [USD]", money),
        "notional": Column("notional closed [USD]", money),
        "closed_pnl": Column("closed PnL [USD]", money),
    }
    caption = f"The {min(TOP, len(negative))} lowest"
    blocks = _unless_empty(negative.head(TOP), columns, caption)
    return Section("Negative equity at the end of the window", words, blocks)


def _ranks_section(panel: pd.DataFrame) -> Section:
    """Rank of the largest closed positions among those closed with them, under every formula that the data allows."""
    has_margin = bool((panel["maintenance_rate"] > 0).any())
    used = {name: score for name, score in SCORES.items() if has_margin or name not in NEED_MARGIN}
    rows = _ranks(panel, used)
    words = [
        "Rank of each account among those deleveraged in the same symbol, side and moment (1 = first), for moments "
        "with more than one. Position, entry and ADL price are facts of the fill; leverage rests on equity at the end "
        "of the window, so of these only “return only” does not suffer from the caveat above. A dash: that equity is "
        "not above zero, so there is no score."
    ]
    if not has_margin:
        words.append(f"Left out: {' and '.join(NEED_MARGIN)}. They need maintenance margins, which the source lacks.")
    columns = {
        "time": Column("time [UTC]", clock, "short"),
        "symbol": Column("symbol", names, "name"),
        "side": Column("side", texts, "short"),
        "account": Column("account", short_names, "name short"),
        "notional": Column("closed [USD]", money),
        "among": Column("among", counts),
        **{name: Column(name, counts) for name in used},
    }
    caption = largest(TOP_WIDE, len(rows), "position")
    blocks = [*_unless_empty(rows.head(TOP_WIDE), columns, caption), _formulas(used)]
    return Section("How each formula would have ranked them", words, blocks)


def _ranks(panel: pd.DataFrame, used: Mapping[str, Score]) -> pd.DataFrame:
    """Ranks of the positions of moments with several, largest closed notional first."""
    rows = panel.assign(
        side=np.where(panel["qty"] > 0, "long", "short"),
        notional=panel["closed_qty"] * panel["mark_price"],
        **{name: rank(panel, score=score) for name, score in used.items()},
    ).reset_index()
    rows["among"] = rows.groupby(["time", "symbol", "side"], observed=True)["qty"].transform("size")
    return rows[rows["among"] > 1].sort_values("notional", ascending=False, kind="stable")


def _formulas(used: Mapping[str, Score]) -> Table:
    known = scores.catalogue()
    rows = known[~known.index.duplicated()].loc[[score.__name__ for score in used.values()]].assign(name=list(used))
    columns = {
        "name": Column("name", texts, "short"),
        "formula": Column("formula", texts, "name"),
        "status": Column("stated by", texts, "short"),
    }
    note = "r: return on entry value; N: notional; E: equity of the account; mr: E / N; upnl: unrealised PnL."
    return table(rows, columns, caption="The formulas", note=note)


def _totals(events: pd.DataFrame, by: str, **more: tuple[str, str]) -> pd.DataFrame:
    """Notional, PnL and fills of each group, largest notional first."""
    sums = {"notional": ("notional", "sum"), "closed_pnl": ("closed_pnl", "sum"), "fills": ("notional", "size"), **more}
    rows = events.groupby(by, observed=True).agg(**sums).sort_values("notional", ascending=False, kind="stable")
    share = rows["notional"] / rows["notional"].sum()
    return rows.assign(share=share, per_notional=rows["closed_pnl"] / rows["notional"]).reset_index()


def _unless_empty(rows: pd.DataFrame, columns: dict[str, Column], caption: str) -> list[Table]:
    return [table(rows, columns, caption=caption)] if len(rows) else []
