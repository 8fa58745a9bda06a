"""Figures of events: who closed what, who paid, who owes, and when."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.dates as mdates
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter

from adlkit.event import EventResult
from adlkit.plotting.figure import (
    ADL,
    BAR,
    BOOK,
    BUFFERS,
    OPEN,
    OWED,
    RESIDUAL,
    axes,
    concentration,
    empty,
    finished,
    label_ends,
    label_inside,
    name_rows,
    ranked,
)
from adlkit.plotting.words import in_thousands, percent, plain, short

STAGE_NAMES = {"adl": "ADL", "open": "left open, solvent", "residual": "left open, bankrupt"}
LEGEND_COLUMNS = 3
SECONDS = pd.Timedelta(seconds=5)
"""Room before the first and after the last fill."""


def plot_stages(event: EventResult, *, top: int = 12, ax: Axes | None = None) -> Axes:
    """Draw who closed what: one stacked bar of notional per symbol and side, one colour per stage.

    Parameters
    ----------
    event : EventResult
        What `adlkit.run_event` returns.
    top : int, default 12
        Markets drawn, largest need first; the rest is one bar.
    ax : Axes, optional
        Where to draw; a new figure without it.

    Returns
    -------
    Axes
        Horizontal bars [ccy notional at the mark]; the legend adds the stages up over all markets.

    Examples
    --------
    >>> import adlkit as adl
    >>> event = adl.run_event(adl.load_dataset("four_accounts"), {"BTC": 70.0}, venue=adl.venues.bitmex)
    >>> ax = plot_stages(event)
    >>> ax.get_title(loc="left")
    'ADL closes 100% of the 140 to close'
    """
    size = _stage_sizes(event, top)
    ax = axes(ax, rows=len(size))
    total = size.to_numpy().sum()
    if not total > 0:
        return empty(ax, "No account is liquidated: nothing had to be closed")
    start = np.zeros(len(size))
    for stage, colour in stage_colours(event).items():
        width = size[stage].to_numpy()
        bars = ax.barh(
            range(len(size)), width, left=start, color=colour, label=stage, edgecolor="white", linewidth=0.6, height=BAR
        )
        label_inside(ax, bars, size.sum(axis=1).max(), colour)
        start = start + width
    label_ends(ax, start, [short(value) for value in start])
    name_rows(ax, list(size.index))
    pad = 8.0 + 16.0 * _stage_legend(ax, size.sum(), stage_colours(event))
    ax.xaxis.set_major_formatter(FuncFormatter(in_thousands))
    return finished(ax, _stages_finding(size.sum()), f"notional at the mark [{currency(event)}]", pad=pad)


def plot_payers(event: EventResult, *, top: int = 15, ax: Axes | None = None) -> Axes:
    """Draw who paid: the winners that gave up most against the mark, and how much of it all they carry.

    Parameters
    ----------
    event : EventResult
        What `adlkit.run_event` returns.
    top : int, default 15
        Winners drawn; the others are one line of text.
    ax : Axes, optional
        Where to draw; a new figure without it.

    Returns
    -------
    Axes
        Horizontal bars of money forgone [ccy], below zero where the fill was better than the mark. If no winner gave
        up or gained anything, bars of the notional that was closed.

    Examples
    --------
    >>> import adlkit as adl
    >>> event = adl.run_event(adl.load_dataset("four_accounts"), {"BTC": 70.0}, venue=adl.venues.bitmex)
    >>> ax = plot_payers(event)
    >>> [float(bar.get_width()) for bar in ax.patches]
    [10.0, 10.0]
    """
    table = event.payers()
    ax = axes(ax, rows=min(len(table), top + 1))
    if table.empty:
        return empty(ax, "Nobody was deleveraged")
    if (table["forgone"] == 0).all():
        values = table["closed"].sort_values(ascending=False, kind="stable")
        finding = f"Winners gave up nothing against the mark; {short(values.sum())} of positions closed"
        return ranked(ax, values, top, finding, f"notional closed [{currency(event)}]")
    values = table["forgone"].sort_values(ascending=False, kind="stable")
    finding = concentration(values, "winners", "gave up")
    return ranked(ax, values, top, finding, f"given up against the mark [{currency(event)}]")


def plot_shortfall(shortfall: pd.Series, *, top: int = 15, unit: str = "ccy", ax: Axes | None = None) -> Axes:
    """Draw which accounts owe the shortfall: the largest, and how much of it all they make up.

    Parameters
    ----------
    shortfall : Series, one row per account
        What `adlkit.shortfall` returns [ccy].
    top : int, default 15
        Accounts drawn; the others are one line of text.
    unit : str, default "ccy"
        Currency, for the axis.
    ax : Axes, optional
        Where to draw; a new figure without it.

    Returns
    -------
    Axes
        Horizontal bars [ccy].

    Examples
    --------
    >>> import adlkit as adl
    >>> ax = plot_shortfall(adl.shortfall(adl.load_dataset("four_accounts")))
    >>> [float(bar.get_width()) for bar in ax.patches]
    [20.0]
    """
    owed = shortfall[shortfall > 0].sort_values(ascending=False, kind="stable")
    ax = axes(ax, rows=min(len(owed), top + 1))
    if owed.empty:
        return empty(ax, "No account is bankrupt")
    return ranked(ax, owed, top, concentration(owed, "bankrupt accounts", "owed"), f"shortfall [{unit}]", OWED)


def plot_event_symbols(events: pd.DataFrame, *, top: int = 15, unit: str = "USD", ax: Axes | None = None) -> Axes:
    """Draw the notional that real ADL fills closed in each symbol.

    Parameters
    ----------
    events : DataFrame
        Fills: reads ``symbol`` and ``notional``, see `adlkit.sources.hyperliquid.read_adl_events`.
    top : int, default 15
        Symbols drawn; the others are one line of text.
    unit : str, default "USD"
        Currency, for the axis.
    ax : Axes, optional
        Where to draw; a new figure without it.

    Returns
    -------
    Axes
        Horizontal bars [ccy].

    Examples
    --------
    >>> import pandas as pd
    >>> events = pd.DataFrame({"symbol": ["BTC", "ETH", "BTC"], "notional": [2.0, 4.0, 3.0]})
    >>> [float(bar.get_width()) for bar in plot_event_symbols(events).patches]
    [5.0, 4.0]
    """
    closed = events.groupby("symbol", observed=True)["notional"].sum().sort_values(ascending=False, kind="stable")
    ax = axes(ax, rows=min(len(closed), top + 1))
    return ranked(
        ax, closed, top, concentration(closed, "symbols", "saw", "closed by ADL"), f"notional closed [{unit}]"
    )


def plot_event_times(events: pd.DataFrame, *, unit: str = "USD", ax: Axes | None = None) -> Axes:
    """Draw the notional that real ADL fills closed in each second.

    Parameters
    ----------
    events : DataFrame
        Fills: reads ``time`` and ``notional``, see `adlkit.sources.hyperliquid.read_adl_events`.
    unit : str, default "USD"
        Currency, for the axis.
    ax : Axes, optional
        Where to draw; a new figure without it.

    Returns
    -------
    Axes
        One line per second with a fill [ccy].

    Examples
    --------
    >>> import pandas as pd
    >>> time = pd.to_datetime(["2025-10-10 21:16:04.1", "2025-10-10 21:16:04.8", "2025-10-10 21:16:09.0"], utc=True)
    >>> ax = plot_event_times(pd.DataFrame({"time": time, "notional": [2.0, 3.0, 1.0]}))
    >>> ax.get_title(loc="left")
    'Half of the notional closed in 1 of the 2 seconds with ADL fills'
    """
    ax = axes(ax, rows=6)
    closed = events["notional"].groupby(events["time"].dt.tz_convert(None).dt.floor("s")).sum()
    ax.vlines(closed.index.to_numpy(), 0.0, closed.to_numpy(), color=ADL, linewidth=2.0)
    ax.set_ylim(bottom=0.0)
    ax.set_xlim(closed.index.min() - SECONDS, closed.index.max() + SECONDS)
    ax.xaxis.set_major_formatter(mdates.DateFormatter("%H:%M:%S"))  # type: ignore[no-untyped-call]
    ax.xaxis.set_major_locator(mdates.AutoDateLocator(maxticks=7))  # type: ignore[no-untyped-call]
    ax.yaxis.set_major_formatter(FuncFormatter(in_thousands))
    ax.set_ylabel(f"notional closed per second [{unit}]", parse_math=False)
    return finished(ax, _times_finding(closed), "time of day [UTC]", grid="y")


def stage_colours(event: EventResult) -> dict[str, str]:
    """Colour of each stage of an event, in the order of its waterfall.

    Parameters
    ----------
    event : EventResult
        What `adlkit.run_event` returns.

    Returns
    -------
    dict of stage to colour
        Book, ADL, open and residual have their own; buffers take theirs in the order in which they stand.

    Examples
    --------
    >>> import adlkit as adl
    >>> event = adl.run_event(adl.load_dataset("four_accounts"), {"BTC": 70.0}, venue=adl.venues.bitmex)
    >>> list(stage_colours(event))
    ['book', 'insurance fund', 'adl', 'open', 'residual']
    """
    buffers = {name: BUFFERS[place % len(BUFFERS)] for place, name in enumerate(event.buffers)}
    return {"book": BOOK, **buffers, "adl": ADL, "open": OPEN, "residual": RESIDUAL}


def currency(event: EventResult) -> str:
    """Settlement currency of an event, "ccy" where its panel names none."""
    return str(event.before["settlement"].iloc[0]) if "settlement" in event.before else "ccy"


def stage_name(stage: str) -> str:
    """A stage as it is called in figures and reports."""
    return STAGE_NAMES.get(stage, stage)


def _stage_sizes(event: EventResult, top: int) -> pd.DataFrame:
    """Notional by market (largest first, the rest in one row) and stage, dust left out."""
    size = event.stages["notional"].unstack("stage").reindex(columns=list(stage_colours(event)))
    size = size.where(size > 1e-9 * size.sum(axis=1).sum(), 0.0)
    size = size.loc[size.sum(axis=1).sort_values(ascending=False, kind="stable").index]
    size.index = [" ".join(map(str, market)) for market in size.index]
    if len(size) <= top:
        return size
    rest = size.iloc[top - 1 :].sum().to_frame(f"{len(size) - top + 1} others").T
    return pd.concat([size.iloc[: top - 1], rest])


def _stages_finding(total: pd.Series) -> str:
    """Share of ADL if there was any, else of the largest stage."""
    whole = short(total.sum())
    if total["adl"] > 0:
        return f"ADL closes {percent(total['adl'] / total.sum())} of the {whole} to close"
    largest = str(total.idxmax())
    verb = "stays open" if largest in ("open", "residual") else f"is closed by the {plain(largest)}"
    return f"No ADL: {percent(total[largest] / total.sum())} of the {whole} to close {verb}"


def _times_finding(closed: pd.Series) -> str:
    """In how many seconds half of it happened."""
    if len(closed) == 1:
        return "All of the notional closed within one second"
    needed = int((closed.sort_values(ascending=False).cumsum() < 0.5 * closed.sum()).sum()) + 1
    return f"Half of the notional closed in {needed:,} of the {len(closed):,} seconds with ADL fills"


def _stage_legend(ax: Axes, total: pd.Series, colours: Mapping[str, str]) -> int:
    """Stages that did something, with their amounts (a bar may be too small to be seen); returns its rows."""
    present = [stage for stage in total.index if total[stage] > 0]
    amounts = [f"{short(total[stage])} ({percent(total[stage] / total.sum())})" for stage in present]
    legend = ax.legend(
        [Patch(color=colours[stage]) for stage in present],
        [f"{plain(stage_name(stage), 28)} {amount}" for stage, amount in zip(present, amounts, strict=True)],
        loc="lower left",
        bbox_to_anchor=(0.0, 1.0),
        ncols=LEGEND_COLUMNS,
        frameon=False,
        borderaxespad=0.3,
        borderpad=0.0,
        fontsize=9,
        handlelength=1.0,
        columnspacing=1.6,
    )
    for text in legend.get_texts():
        text.set_parse_math(False)
    return -(-len(present) // LEGEND_COLUMNS)
