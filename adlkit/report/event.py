"""The report of one simulated event: who closed what, who was short, who stood in the queue, and who paid."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from adlkit import plotting
from adlkit.event import EventResult
from adlkit.margin import account_summary, close_out_price, notional
from adlkit.plotting import currency, percent, plain, short, stage_name
from adlkit.ranking import adl_queue
from adlkit.report.cells import (
    counts,
    decimals,
    dots,
    largest,
    many,
    money,
    money_like,
    names,
    numbers,
    shares,
    six_digits,
    texts,
)
from adlkit.report.page import Card, Column, Page, Section, Table, chart, table, write_page

TOP, MOST_QUEUES = 10, 12
DUST = 1e-9


def build_report(
    event: EventResult, *, path: str | os.PathLike[str], title: str | None = None, notes: Iterable[str] = ()
) -> Path:
    """Write the report of one event as a self-contained HTML file.

    Parameters
    ----------
    event : EventResult
        What `adlkit.run_event` returns.
    path : str or path
        The HTML file; one that exists is replaced.
    title : str, optional
        Headline; names the venue without it.
    notes : iterable of str, optional
        What a reader must know first, e.g. that the data is synthetic, or what was assumed. Shown at the top.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    OSError
        If the file cannot be written; none is left behind then, and one that existed stays as it was.

    Examples
    --------
    >>> import tempfile, adlkit as adl
    >>> event = adl.run_event(adl.load_dataset("four_accounts"), {"BTC": 70.0}, venue=adl.venues.bitmex)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     build_report(event, path=f"{folder}/report.html", notes=["A toy market."]).name
    'report.html'
    """
    page = Page(
        title=title or f"ADL event on {event.venue.name}",
        finding=_finding(event),
        caveats=[],
        notes=list(notes),
        cards=_cards(event),
        sections=[
            _stages_section(event),
            _money_section(event),
            _payers_section(event),
            _queue_section(event),
            _bankrupt_section(event),
            _buffers_section(event),
            _rules_section(event),
        ],
    )
    return write_page(page, path)


# What is said


def _finding(event: EventResult) -> str:
    """Who closed, who gave up what, and what nobody paid."""
    size, unit = _by_stage(event), currency(event)
    if not size.sum() > 0:
        return "No account falls below its maintenance margin: nothing had to be closed."
    parts = [f"{percent(size[stage] / size.sum())} {_by(str(stage))}" for stage in size.index if size[stage] > 0]
    sentences = [f"{short(size.sum())} {unit} had to be closed: {', '.join(parts)}.", _winners_sentence(event)]
    if (lost := _written_off(event)) > 0:
        sentences.append(f"{short(lost)} {unit} of losses found nobody to pay them and was written off.")
    return " ".join(sentences)


def _by(stage: str) -> str:
    if stage in ("open", "residual"):
        return stage_name(stage)
    return {"book": "in the book", "adl": "by ADL"}.get(stage, f"by the {plain(stage)}")


def _winners_sentence(event: EventResult) -> str:
    winners, unit = event.payers(), currency(event)
    if winners.empty:
        return "Nobody was deleveraged."
    who = f"{many(len(winners), 'winner')} {'was' if len(winners) == 1 else 'were'}"
    return f"{who} deleveraged and {_given_up(winners['forgone'].sum(), unit)} against the mark."


def _given_up(amount: float, unit: str) -> str:
    if amount == 0:
        return "gave up nothing"
    return f"gave up {short(amount)} {unit}" if amount > 0 else f"gained {short(-amount)} {unit}"


def _cards(event: EventResult) -> list[Card]:
    flags = event.positions.groupby(level="account", observed=True)[["is_liquidated", "is_bankrupt"]].any().sum()
    size, unit, winners = _by_stage(event), currency(event), event.payers()
    part = size / size.sum() if size.sum() > 0 else size
    return [
        Card("accounts liquidated", f"{flags['is_liquidated']:,}", f"{flags['is_bankrupt']:,} of them bankrupt"),
        Card("to close", short(size.sum()), f"{unit} notional at the mark"),
        *(
            Card(f"closed {_by(stage)}", short(size[stage]), f"{unit}, {percent(part[stage])} of notional")
            for stage in ("book", *event.buffers, "adl")
        ),
        Card("winners deleveraged", f"{len(winners):,}", _given_up(winners["forgone"].sum(), unit)),
        Card("shortfall", short(_shortfall(event)), f"{unit} owed by bankrupt accounts"),
        Card("written off", short(_written_off(event)), f"{unit} that nobody paid"),
    ]


def _stages_section(event: EventResult) -> Section:
    size, unit = event.stages["notional"], currency(event)
    rows = event.stages[size > DUST * size.sum()].reset_index()
    if rows.empty:
        return Section("Who closed what", [_finding(event)], [])
    rows = rows.assign(
        market=rows["symbol"].astype(str) + " " + rows["side"].astype(str),
        need=rows.groupby(["symbol", "side"], observed=True)["notional"].transform("sum"),
        stage=rows["stage"].map(stage_name),
    ).sort_values(["need", "market"], ascending=[False, True], kind="stable")
    rows["market"] = rows["market"].mask(rows["market"].duplicated(), "")
    columns = {
        "market": Column("market", names, "short"),
        "stage": Column("closed by", texts, "short"),
        "qty": Column("contracts", numbers),
        "notional": Column(f"notional [{unit}]", money),
        "share": Column("share of need", shares),
        "average_price": Column("average price", numbers),
        "absorbed": Column(f"given up against the mark [{unit}]", money),
    }
    note = "Side is that of the liquidated positions. Given up below zero: the stage's party earned."
    figure = chart(lambda ax: plotting.plot_stages(event, ax=ax), min(int((rows["market"] != "").sum()), 12))
    return Section("Who closed what", [], [figure, table(rows, columns, note=note)])


def _money_section(event: EventResult) -> Section:
    rows = event.ledger.assign(sum=event.ledger.sum(axis=1))
    rows.loc["all stages"] = rows.sum()
    write = money_like(pd.Series(rows.to_numpy().ravel()))
    rows["stage"] = ["ADL" if stage == "adl" else str(stage) for stage in rows.index]
    columns = {"stage": Column("stage", texts, "short")}
    columns |= {str(name): Column("written off" if name == "residual" else str(name), write) for name in event.ledger}
    columns["sum"] = Column("sum", write)
    zero = "Every row sums to zero" if event.imbalance <= DUST else "The rows do NOT sum to zero"
    note = f"{zero}: what one party gains, others lose (tolerance: a billionth of gross notional)."
    owed, received = _shortfall(event), float(event.ledger["liquidated accounts"].sum())
    words = [
        f"Change of money of each party [{currency(event)}], counted at the event's marks. Bankrupt accounts owed "
        f"{six_digits(owed)}, and accounts in liquidation received {six_digits(received)}; the other columns show from "
        "whom. What they receive beyond their debts is the surplus of those that closed better than close-out."
    ]
    return Section("Money by party", words, [table(rows, columns, note=note, has_total=True)])


def _payers_section(event: EventResult) -> Section:
    rows, unit = event.payers(), currency(event)
    if rows.empty:
        return Section("Who paid", ["Nobody was deleveraged."], [])
    total = rows["forgone"].sum()
    rows = rows.reset_index().assign(share=rows["forgone"].to_numpy() / total if total > 0 else np.nan)
    columns = {
        "account": Column("account", names, "name"),
        "closed": Column(f"notional closed [{unit}]", money),
        "share_closed": Column("of position", shares),
        "realized_pnl": Column(f"realised PnL [{unit}]", money),
        "forgone": Column(f"given up against the mark [{unit}]", money),
        "share": Column("of all given up", shares),
    }
    caption = largest(TOP, len(rows), "deleveraged winner")
    note = "By money given up, then by size. Below zero: the fill was better for the winner than the mark."
    figure = chart(lambda ax: plotting.plot_payers(event, top=TOP, ax=ax), min(len(rows), TOP + 1))
    return Section("Who paid", [], [figure, table(rows.head(TOP), columns, caption=caption, note=note)])


def _queue_section(event: EventResult) -> Section:
    needs = _adl_needs(event)
    if needs.empty:
        return Section("ADL queue", ["Nothing was left for auto-deleveraging."], [])
    queue = _queue(event)
    tables = [_queue_table(event, queue, str(symbol), str(side)) for symbol, side in needs.index[:MOST_QUEUES]]
    words = [
        f"Score: {_called(event.venue.policy.score)}, at the event's marks, liquidated accounts left out. All lights "
        f"on: front of the queue. Shown are the first {TOP} and the two between which the queue stopped."
    ]
    if left := [" ".join(map(str, market)) for market in needs.index[MOST_QUEUES:]]:
        words.append(f"Smaller needs, not shown: {', '.join(left)}.")
    return Section("ADL queue", words, tables)


def _queue_table(event: EventResult, queue: pd.DataFrame, symbol: str, side: str) -> Table:
    """The front of the queue that stands against one market's need, and where it stopped."""
    against = "short" if side == "long" else "long"
    here = queue[(queue["symbol"] == symbol) & (queue["side"] == against)].reset_index(drop=True)
    gave = np.flatnonzero(here["taken"] > 0)
    last = int(gave[-1]) if len(gave) else 0
    unit, n_lights = currency(event), event.venue.n_lights
    columns = {
        "rank": Column("rank", counts),
        "account": Column("account", names, "name"),
        "qty": Column("contracts", numbers),
        "notional": Column(f"notional [{unit}]", money),
        "unrealized_pnl": Column(f"unrealised PnL [{unit}]", money),
        "effective_leverage": Column("leverage", decimals(2)),
        "score": Column("score", numbers),
        "lights": Column("lights", lambda column: [dots(int(lit), n_lights) for lit in column], "short"),
        "taken": Column("contracts taken", numbers),
        "share": Column("of position", shares),
    }
    caption = f"{plain(symbol)} {against}s, against {side}s in liquidation"
    note = f"{len(gave):,} of {len(here):,} in the queue gave contracts."
    return table(here[here.index.isin([*range(TOP), last, last + 1])], columns, caption=caption, note=note)


def _bankrupt_section(event: EventResult) -> Section:
    accounts, unit = _bankrupt_accounts(event), currency(event)
    if accounts.empty:
        return Section("Bankrupt accounts", ["No account is bankrupt at the event's marks."], [])
    columns = {
        "account": Column("account", names, "name"),
        "equity": Column(f"equity [{unit}]", money),
        "position": Column("position", names, "short"),
        "notional": Column(f"notional [{unit}]", money),
        "mark_price": Column("mark", numbers),
        "close_out_price": Column("close-out price", numbers),
        "closed_by": Column("closed by", texts, "text"),
    }
    top = accounts["shortfall"].iloc[:TOP].sum() / accounts["shortfall"].sum()
    words = [f"{largest(TOP, len(accounts), 'account')}: {percent(top)} of the shortfall."]
    note = "Close-out price: where closing the whole account leaves it exactly nothing."
    rows = _bankrupt_positions(event, accounts.index[:TOP])
    return Section("Bankrupt accounts", words, [table(rows, columns, note=note)])


def _buffers_section(event: EventResult) -> Section:
    if not event.buffers:
        return Section("Buffers", ["The venue has none."], [])
    rows = pd.DataFrame({"name": list(event.buffers)})
    rows["kind"] = [type(after).__name__ for after in event.buffers.values()]
    rows["before"] = [before.money for before in event.buffers_before.values()]
    rows["after"] = [after.money for after in event.buffers.values()]
    rows["change"] = rows["after"] - rows["before"]
    unit = currency(event)
    columns = {
        "name": Column("buffer", names, "short"),
        "kind": Column("kind", texts, "short"),
        "before": Column(f"before [{unit}]", money),
        "after": Column(f"after [{unit}]", money),
        "change": Column(f"change [{unit}]", money),
    }
    note = "Balance of a fund; equity of a vault, with its inventory at the event's marks; gains of a programme."
    return Section("Buffers", [], [table(rows, columns, note=note)])


def _rules_section(event: EventResult) -> Section:
    venue = event.venue
    facts = {
        "venue": venue.name,
        "valid from": venue.valid_from or "not stated",
        "source": venue.source,
        "score": _called(venue.policy.score),
        "allocation": _called(venue.policy.rule),
        "ADL fills": _called(venue.fill_price),
        "limit of orders in the book": _called(venue.limit),
        "surplus goes to": venue.surplus_to,
        "liquidation fee": f"{percent(venue.fee_rate)}, to {venue.fee_to}" if venue.fee_rate else "none",
        "winner whose own close-out is better than the fill": "skipped" if venue.protects_winners else "not spared",
        "unfilled orders of solvent accounts": "deleveraged too" if venue.deleverages_solvent else "stay open",
    }
    if venue.partial is not None:
        fraction, above = percent(venue.partial.fraction), short(venue.partial.above)
        facts["closed in steps"] = f"positions above {above} send {fraction} of their contracts at first"
    facts |= {f"assumption {number}": words for number, words in enumerate(venue.assumptions, start=1)}
    rows = pd.DataFrame({"rule": list(facts), "value": list(facts.values())})
    columns = {"rule": Column("rule", texts, "text"), "value": Column("applied", texts, "long")}
    return Section("Rules and assumptions", [], [table(rows, columns)])


# What is read from the result


def _by_stage(event: EventResult) -> pd.Series:
    """Notional of each stage over all markets, in the order of the waterfall, dust left out."""
    size = event.stages["notional"].groupby(level="stage").sum()
    size = size.reindex(list(plotting.stage_colours(event)), fill_value=0.0)
    return size.where(size > DUST * size.sum(), 0.0)


def _written_off(event: EventResult) -> float:
    lost = -float(event.ledger["residual"].sum())
    return lost if lost > DUST * float(notional(event.before).sum()) else 0.0


def _shortfall(event: EventResult) -> float:
    return float(_bankrupt_accounts(event)["shortfall"].sum())


def _bankrupt_accounts(event: EventResult) -> pd.DataFrame:
    """Accounts that were below zero at the event's marks, largest shortfall first."""
    summary = account_summary(event.before)
    flagged = event.positions["is_bankrupt"].groupby(level="account", observed=True).any().reindex(summary.index)
    return summary[flagged].sort_values("shortfall", ascending=False, kind="stable")


def _bankrupt_positions(event: EventResult, accounts: pd.Index) -> pd.DataFrame:
    """One row per position of `accounts`; which account, and its equity, stand on the first of them."""
    rows = event.before.assign(notional=notional(event.before), close_out_price=close_out_price(event.before))
    rows["place"] = accounts.get_indexer(rows.index.get_level_values("account"))
    rows = rows[(rows["place"] >= 0) & (rows["qty"] != 0)]
    rows = rows.assign(closed_by=_closed_by(event.positions.loc[rows.index], list(plotting.stage_colours(event))))
    rows = rows.reset_index().sort_values(["place", "notional"], ascending=[True, False], kind="stable")
    owned = account_summary(event.before)["equity"].reindex(rows["account"]).to_numpy()
    later = rows["place"].duplicated().to_numpy()
    return rows.assign(
        position=rows["symbol"].astype(str) + np.where(rows["qty"] > 0, " long", " short"),
        equity=np.where(later, np.nan, owned),
        account=rows["account"].astype(str).mask(later, ""),
    )


def _closed_by(positions: pd.DataFrame, stages: list[str]) -> list[str]:
    """Who closed each position, in words."""
    part = positions[[stage for stage in stages if stage in positions]].div(positions["qty"].abs(), axis=0)
    part = part.assign(left=1.0 - part.sum(axis=1)).rename(columns={"adl": "ADL", "left": "open"})
    return [
        ", ".join(f"{name} {percent(share)}" for name, share in zip(part.columns, row, strict=True) if share > DUST)
        for row in part.to_numpy()
    ]


def _adl_needs(event: EventResult) -> pd.Series:
    """Notional that came to ADL in each market, largest first."""
    size = event.stages["notional"].unstack("stage").reindex(columns=["adl", "residual"]).fillna(0.0).sum(axis=1)
    return size[size > DUST * event.stages["notional"].sum()].sort_values(ascending=False, kind="stable")


def _queue(event: EventResult) -> pd.DataFrame:
    """All queues at the event's marks, without accounts in liquidation, and what each position gave."""
    venue, panel = event.venue, event.before
    score = venue.policy.score(panel).mask(event.positions["is_liquidated"])
    weight = panel["qty"].abs() if venue.is_contract_weighted else None
    rows = adl_queue(panel, score=lambda _: score, weight=weight, n_lights=venue.n_lights)
    taken = event.positions["deleveraged"].reindex(rows.index)
    side = np.where(rows["qty"] > 0, "long", "short")
    rows = rows.assign(taken=taken, share=taken / rows["qty"].abs(), side=side).reset_index()
    return rows.assign(symbol=rows["symbol"].astype(str))


def _called(function: object) -> str:
    return str(getattr(function, "__name__", function)).replace("_", " ")
