"""Figures of results: each function takes what was computed, draws it on one pair of axes, and returns them.

Colours are fixed per stage and safe for colour-blind readers; titles say what was found. Nothing is shown, saved or
styled globally: pass `ax` to compose figures. Names of accounts are data, so they are drawn as plain text.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Literal

import matplotlib.dates as mdates
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.container import BarContainer
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter

from adlkit.allocation import AllocationResult
from adlkit.cascade import CascadeCurve, LiquidationCurve
from adlkit.contracts import Floats
from adlkit.event import EventResult

__all__ = [
    "plot_allocation",
    "plot_cascade_curve",
    "plot_event_symbols",
    "plot_event_times",
    "plot_liquidation_curve",
    "plot_payers",
    "plot_shortfall",
    "plot_stages",
    "short",
    "stage_colours",
]

BOOK, ADL, OPEN, RESIDUAL = "#0072B2", "#D55E00", "#C4C4C4", "#262626"
BUFFERS = ("#009E73", "#56B4E9", "#CC79A7", "#F0E442")
OWED, CAPACITY = "#56616d", "#e3e7eb"
INK, FAINT = "#1f2933", "#6b7682"
STAGE_NAMES = {"adl": "ADL", "open": "left open, solvent", "residual": "left open, bankrupt"}
NAME_LENGTH = 18
BAR = 0.68
TITLE_LENGTH, LEGEND_COLUMNS, MOST_SEPARATORS = 76, 3, 60
SAMPLES = 2001
"""Points of a sampled curve on each side of the mark."""
JUMP = 0.01
"""Smallest jump drawn as one, as a part of the curve's height."""
SIDES: tuple[tuple[Literal["long", "short"], int, str], ...] = (("long", -1, BOOK), ("short", 1, ADL))
SECONDS = pd.Timedelta(seconds=5)
"""Room before the first and after the last fill."""
ROOM_FOR_LABEL = 0.085
"""Smallest part of the axis that a bar's own label fits into."""


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
    ax = _axes(ax, rows=len(size))
    total = size.to_numpy().sum()
    if not total > 0:
        return _empty(ax, "No account is liquidated: nothing had to be closed")
    start = np.zeros(len(size))
    for stage, colour in stage_colours(event).items():
        width = size[stage].to_numpy()
        bars = ax.barh(
            range(len(size)), width, left=start, color=colour, label=stage, edgecolor="white", linewidth=0.6, height=BAR
        )
        _label_inside(ax, bars, size.sum(axis=1).max(), colour)
        start = start + width
    _label_ends(ax, start, [short(value) for value in start])
    _name_rows(ax, list(size.index))
    pad = 8.0 + 16.0 * _stage_legend(ax, size.sum(), stage_colours(event))
    ax.xaxis.set_major_formatter(FuncFormatter(_in_thousands))
    return _finished(ax, _stages_finding(size.sum()), f"notional at the mark [{currency(event)}]", pad=pad)


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
    ax = _axes(ax, rows=min(len(table), top + 1))
    if table.empty:
        return _empty(ax, "Nobody was deleveraged")
    if (table["forgone"] == 0).all():
        values = table["closed"].sort_values(ascending=False, kind="stable")
        finding = f"Winners gave up nothing against the mark; {short(values.sum())} of positions closed"
        return _ranked(ax, values, top, finding, f"notional closed [{currency(event)}]")
    values = table["forgone"].sort_values(ascending=False, kind="stable")
    finding = _concentration(values, "winners", "gave up")
    return _ranked(ax, values, top, finding, f"given up against the mark [{currency(event)}]")


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
    ax = _axes(ax, rows=min(len(owed), top + 1))
    if owed.empty:
        return _empty(ax, "No account is bankrupt")
    return _ranked(ax, owed, top, _concentration(owed, "bankrupt accounts", "owed"), f"shortfall [{unit}]", OWED)


def plot_allocation(result: AllocationResult, *, ax: Axes | None = None) -> Axes:
    """Draw capacity and taken along the queue: each candidate is as wide as its capacity, filled as far as it gives.

    Parameters
    ----------
    result : AllocationResult
        What `adlkit.allocate` returns.
    ax : Axes, optional
        Where to draw; a new figure without it.

    Returns
    -------
    Axes
        Filled areas are in the unit of the capacity. With several groups, they stand side by side.

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> result = adl.allocate(5.0, pd.Series({"ann": 4.0, "bob": 8.0}))
    >>> ax = plot_allocation(result)
    >>> ax.patches[-1].get_data().values.tolist()
    [1.0, 0.125]
    """
    ax = _axes(ax, rows=6)
    queue = _queue(result)
    if not queue["capacity"].sum() > 0:
        return _empty(ax, "Nobody has capacity to give")
    edges = np.r_[0.0, queue["capacity"].cumsum()]
    ax.stairs(np.ones(len(queue)), edges, fill=True, color=CAPACITY, label="capacity")
    ax.stairs(queue["taken"] / queue["capacity"], edges, fill=True, color=ADL, label="taken")
    _separate(ax, edges, queue["group"])
    ax.set_xlim(0.0, edges[-1])
    ax.set_ylim(0.0, 1.0)
    ax.yaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{share:.0%}"))
    ax.set_ylabel("share of capacity taken")
    ax.legend(loc="upper right", frameon=True, framealpha=0.9, edgecolor="none")
    ax.xaxis.set_major_formatter(FuncFormatter(_in_thousands))
    return _finished(ax, _allocation_finding(result), "capacity, in queue order")


def plot_liquidation_curve(curve: LiquidationCurve, *, reach: float = 0.5, ax: Axes | None = None) -> Axes:
    """Draw the contracts that a move of the price liquidates: longs below the mark, shorts above it.

    Parameters
    ----------
    curve : LiquidationCurve
        What `adlkit.liquidation_curve` returns.
    reach : float, default 0.5
        Largest move drawn [1], within (0, 1).
    ax : Axes, optional
        Where to draw; a new figure without it.

    Returns
    -------
    Axes
        Filled areas [contracts] over the move from the mark.

    Examples
    --------
    >>> import adlkit as adl
    >>> ax = plot_liquidation_curve(adl.liquidation_curve(adl.load_dataset("four_accounts")))
    >>> ax.get_title(loc="left")
    'BTC: 10% down liquidates 2 long contracts, 10% up 0 short'
    """
    ax = _axes(ax, rows=9)
    moves = np.linspace(0.0, reach, SAMPLES)
    for side, sign, colour in SIDES:
        qty = np.asarray(curve.qty(curve.mark_price * (1 + sign * moves), side=side))
        ax.fill_between(sign * moves, qty, color=colour, alpha=0.25, linewidth=0.0, step="pre")
        ax.step(sign * moves, qty, where="pre", color=colour, linewidth=1.8, label=f"{side} contracts")
    ax.axvline(0.0, color=INK, linewidth=1.0)
    ax.set_xlim(-reach, reach)
    ax.set_ylim(bottom=0.0)
    ax.xaxis.set_major_formatter(FuncFormatter(_move))
    ax.yaxis.set_major_formatter(FuncFormatter(_in_thousands))
    ax.set_ylabel("contracts to be closed")
    ax.legend(loc="upper center", frameon=True, framealpha=0.9, edgecolor="none", ncols=2)
    return _finished(ax, _liquidation_finding(curve), _move_axis(curve, "price"), grid="y")


def plot_cascade_curve(curve: CascadeCurve, *, reach: float = 0.5, ax: Axes | None = None) -> Axes:
    """Draw where the mark ends against the exogenous shock, with the line of no cascade and the runaway zone.

    Parameters
    ----------
    curve : CascadeCurve
        What `adlkit.cascade_curve` returns.
    reach : float, default 0.5
        Largest shock drawn [1], within (0, 1).
    ax : Axes, optional
        Where to draw; a new figure without it.

    Returns
    -------
    Axes
        Moves from the mark. A jump, where one more position starts a further cascade, is a dotted line; rises that run
        away have no end to draw.

    Examples
    --------
    >>> import adlkit as adl
    >>> panel = adl.mark_to(adl.load_dataset("four_accounts"), {"BTC": 100.0})
    >>> ax = plot_cascade_curve(adl.cascade_curve(panel, impact=lambda contracts: 5.0 * contracts))
    >>> ax.get_title(loc="left")
    'BTC: a fall of 20% ends at −30%; falls beyond −90% run away'
    """
    ax = _axes(ax, rows=13)
    mark = curve.liquidations.mark_price
    moves = np.linspace(-reach, reach, 2 * SAMPLES)
    ends = np.asarray(curve.price(mark * (1 + moves))) / mark - 1
    ends[np.isinf(ends)] = np.nan
    ax.plot([-reach, reach], [-reach, reach], color=FAINT, linewidth=1.2, linestyle="--", label="no cascade")
    _broken_line(ax, moves, ends)
    _shade_runaway(ax, curve, reach)
    ax.axvline(0.0, color=INK, linewidth=0.8)
    ax.axhline(0.0, color=INK, linewidth=0.8)
    ax.set_xlim(-reach, reach)
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(FuncFormatter(_move))
    ax.set_ylabel("where the mark ends")
    ax.legend(loc="upper left", frameon=True, framealpha=0.9, edgecolor="none")
    return _finished(ax, _cascade_finding(curve), _move_axis(curve.liquidations, "shocked price"), grid="y")


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
    ax = _axes(ax, rows=min(len(closed), top + 1))
    return _ranked(
        ax, closed, top, _concentration(closed, "symbols", "saw", "closed by ADL"), f"notional closed [{unit}]"
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
    ax = _axes(ax, rows=6)
    closed = events["notional"].groupby(events["time"].dt.tz_convert(None).dt.floor("s")).sum()
    ax.vlines(closed.index.to_numpy(), 0.0, closed.to_numpy(), color=ADL, linewidth=2.0)
    ax.set_ylim(bottom=0.0)
    ax.set_xlim(closed.index.min() - SECONDS, closed.index.max() + SECONDS)
    ax.xaxis.set_major_formatter(mdates.DateFormatter("%H:%M:%S"))  # type: ignore[no-untyped-call]
    ax.xaxis.set_major_locator(mdates.AutoDateLocator(maxticks=7))  # type: ignore[no-untyped-call]
    ax.yaxis.set_major_formatter(FuncFormatter(_in_thousands))
    ax.set_ylabel(f"notional closed per second [{unit}]", parse_math=False)
    return _finished(ax, _times_finding(closed), "time of day [UTC]", grid="y")


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


def short(value: float) -> str:
    """Write an amount with three significant digits and k, M, bn or tn.

    Parameters
    ----------
    value : float
        Any amount.

    Returns
    -------
    str
        E.g. for a label in a figure.

    Examples
    --------
    >>> short(7_170_217.0), short(999_999.0), short(-48.25), short(0.0)
    ('7.17M', '1M', '-48.2', '0')
    """
    for scale, suffix in ((1e12, "tn"), (1e9, "bn"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= 0.9995 * scale:
            return f"{value / scale:.3g}{suffix}"
    return f"{value + 0.0:.3g}"


def percent(share: float) -> str:
    """Write a share in percent: whole ones, finer where it is small."""
    if 0 < abs(share) < 0.0005:
        return "<0.1%"
    return f"{share:.1%}" if abs(share) < 0.0995 and share else f"{share:.0%}"


def currency(event: EventResult) -> str:
    """Settlement currency of an event, "ccy" where its panel names none."""
    return str(event.before["settlement"].iloc[0]) if "settlement" in event.before else "ccy"


def stage_name(stage: str) -> str:
    """A stage as it is called in figures and reports."""
    return STAGE_NAMES.get(stage, stage)


def plain(text: object, length: int | None = None) -> str:
    """A name as one line of printable text, its middle left out where it is longer than `length`."""
    name = "".join(letter if letter.isprintable() else "\ufffd" for letter in str(text))
    if length is None or len(name) <= length:
        return name
    return f"{name[: length - 7]}…{name[-6:]}"


# What the figures are made of


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


def _concentration(values: pd.Series, who: str, verb: str, what: str = "") -> str:
    """What the largest make up together; what all do where they are few, or where some gained."""
    whole = f"{short(values.sum())} {what}".strip()
    if len(values) <= 5 or (values < 0).any():
        return f"{len(values):,} {who if len(values) > 1 else who.removesuffix('s')} {verb} {whole}"
    few = 10 if len(values) >= 20 else 3
    part = percent(values.iloc[:few].sum() / values.sum())
    return f"{few} of {len(values):,} {who} {verb} {part} of the {whole}"


def _times_finding(closed: pd.Series) -> str:
    """In how many seconds half of it happened."""
    if len(closed) == 1:
        return "All of the notional closed within one second"
    needed = int((closed.sort_values(ascending=False).cumsum() < 0.5 * closed.sum()).sum()) + 1
    return f"Half of the notional closed in {needed:,} of the {len(closed):,} seconds with ADL fills"


def _allocation_finding(result: AllocationResult) -> str:
    summary = result.summary()
    giving = f"{summary['giving']:,.0f} of {summary['candidates']:,.0f} candidates give"
    if result.residual > 0:
        return f"{giving} {short(summary['taken'])}; {short(result.residual)} of {short(summary['target'])} stays open"
    return f"{giving} the {short(summary['target'])} asked for"


def _move(share: float, _: float = 0.0) -> str:
    """A move in percent, with its sign."""
    return "mark" if share == 0 else f"{'−' if share < 0 else '+'}{percent(abs(share))}"


def _move_axis(curve: LiquidationCurve, what: str) -> str:
    return f"{what} of {plain(curve.symbol, NAME_LENGTH)}, from the mark of {curve.mark_price:,.6g}"


def _liquidation_finding(curve: LiquidationCurve) -> str:
    fall, rise = (float(curve.qty(curve.mark_price * (1 + 0.1 * sign), side=side)) for side, sign, _ in SIDES)
    symbol = plain(curve.symbol, NAME_LENGTH)
    return f"{symbol}: 10% down liquidates {short(fall)} long contracts, 10% up {short(rise)} short"


def _cascade_finding(curve: CascadeCurve) -> str:
    mark = curve.liquidations.mark_price
    end = float(curve.price(0.8 * mark)) / mark - 1
    symbol = plain(curve.liquidations.symbol, NAME_LENGTH)
    down, up = curve.runaway_price(side="down") / mark - 1, curve.runaway_price(side="up") / mark - 1
    zones = [f"falls beyond {_move(down)}"] * (down > -1) + [f"rises beyond {_move(up)}"] * bool(np.isfinite(up))
    parts = [f"a fall of 20% ends at {_move(end)}"] * (end > -1)
    parts.append(f"{' and '.join(zones) or 'no fall or rise'} run{'s' * (not zones)} away")
    return f"{symbol}: {'; '.join(parts)}"


def _queue(result: AllocationResult) -> pd.DataFrame:
    """Capacity and taken in queue order, group by group, without candidates who have nothing to give."""
    columns = {"capacity": result.capacity, "taken": result.taken, "group": result._groups.codes}
    table = pd.DataFrame(columns).sort_values("group", kind="stable")
    return table[table["capacity"] > 0]


# How they are drawn


def _axes(ax: Axes | None, *, rows: int) -> Axes:
    """The axes given, or those of a new figure high enough for `rows`."""
    if ax is not None:
        return ax
    return plt.subplots(figsize=figure_size(rows), layout="constrained")[1]


def figure_size(rows: int) -> tuple[float, float]:
    """Width and height [inches] of a figure with so many bars."""
    return 8.4, 1.7 + 0.34 * max(rows, 2)


def _ranked(ax: Axes, values: pd.Series, top: int, finding: str, axis: str, colour: str = ADL) -> Axes:
    """Bars of the largest values, each with its amount and share, and one line about the others."""
    shown, rest = values.iloc[:top], values.iloc[top:]
    total = values.sum()
    width = shown.to_numpy()
    ax.barh(range(len(shown)), width, color=[colour if value >= 0 else BOOK for value in width], height=BAR)
    parts = [f" · {percent(value / total)}" if total > 0 and (values >= 0).all() else "" for value in width]
    _label_ends(ax, width, [f"{short(value)}{part}" for value, part in zip(width, parts, strict=True)])
    names = [plain(name, NAME_LENGTH) for name in shown.index]
    if len(rest):
        names.append(f"{len(rest):,} others")
        part = f" · {percent(rest.sum() / total)}" if parts[0] else ""
        ax.text(0.0, len(shown), f" {short(rest.sum())}{part}  (not drawn)", va="center", color=FAINT, fontsize=9)
    _name_rows(ax, names)
    ax.xaxis.set_major_formatter(FuncFormatter(_in_thousands))
    return _finished(ax, finding, axis)


def _name_rows(ax: Axes, names: list[str]) -> None:
    ax.set_yticks(range(len(names)), [plain(name, 28) for name in names], parse_math=False)
    ax.set_ylim(len(names) - 0.4, -0.6)
    ax.tick_params(axis="y", length=0)


def _label_inside(ax: Axes, bars: BarContainer, longest: float, colour: str) -> None:
    """Amounts in the middle of bars that are wide enough."""
    ink = "white" if _luminance(colour) < 0.5 else INK
    for bar in bars:
        if bar.get_width() >= ROOM_FOR_LABEL * longest:
            x, y = bar.get_x() + bar.get_width() / 2, bar.get_y() + bar.get_height() / 2
            ax.text(x, y, short(bar.get_width()), ha="center", va="center", color=ink, fontsize=9, fontweight="bold")


def _label_ends(ax: Axes, ends: Floats, labels: list[str]) -> None:
    """Labels beyond the ends of bars, and room for them."""
    for row, (end, label) in enumerate(zip(ends, labels, strict=True)):
        ax.annotate(
            label,
            (max(float(end), 0.0), row),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize=9,
        )
    low, high = min(float(ends.min()), 0.0), max(float(ends.max()), 0.0)
    ax.set_xlim(1.05 * low, high + 0.17 * (high - low))


def _luminance(colour: str) -> float:
    return float(np.dot(to_rgb(colour), (0.299, 0.587, 0.114)))


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


def _separate(ax: Axes, edges: Floats, group: pd.Series) -> None:
    """Lines between groups, and thin ones between candidates where they would not hide them."""
    inner, changes = edges[1:-1], np.diff(group.to_numpy()) != 0
    if len(inner) <= MOST_SEPARATORS:
        ax.vlines(inner, 0.0, 1.0, color="white", linewidth=0.8)
    ax.vlines(inner[changes], 0.0, 1.0, color=INK, linewidth=1.0)


def _broken_line(ax: Axes, moves: Floats, ends: Floats) -> None:
    """Pieces of a curve, and a dotted line at each jump that can be seen."""
    seen = JUMP * float(np.nanmax(ends) - np.nanmin(ends))
    jumps = np.flatnonzero(np.diff(ends) - np.diff(moves) > seen)
    gaps = np.full(len(jumps), np.nan)
    ax.plot(
        np.insert(moves, jumps + 1, gaps),
        np.insert(ends, jumps + 1, gaps),
        color=ADL,
        linewidth=2.0,
        label="with cascade",
    )
    ax.vlines(moves[jumps], ends[jumps], ends[jumps + 1], color=ADL, linewidth=1.2, linestyle=":")


def _shade_runaway(ax: Axes, curve: CascadeCurve, reach: float) -> None:
    """The shocks that run away, as far as they are drawn."""
    mark = curve.liquidations.mark_price
    down, up = curve.runaway_price(side="down") / mark - 1, curve.runaway_price(side="up") / mark - 1
    zones = [(-reach, down)] * (down > -reach) + [(up, reach)] * (up < reach)
    for place, (start, end) in enumerate(zones):
        ax.axvspan(start, end, color=OPEN, alpha=0.4, linewidth=0.0, label="_" * (place > 0) + "runs away")


def _finished(ax: Axes, finding: str, axis: str, *, grid: Literal["x", "y"] = "x", pad: float = 8.0) -> Axes:
    """Title, axis, light grid; no box."""
    _titled(ax, finding, pad)
    ax.set_xlabel(axis, parse_math=False)
    ax.grid(visible=True, axis=grid, color=FAINT, alpha=0.2, linewidth=0.8)
    ax.set_axisbelow(True)
    ax.spines[["top", "right", "left" if grid == "x" else "bottom"]].set_visible(False)
    return ax


def _empty(ax: Axes, finding: str) -> Axes:
    """Axes that only say that there is nothing to draw."""
    _titled(ax, finding, 8.0)
    ax.set_axis_off()
    return ax


def _titled(ax: Axes, finding: str, pad: float) -> None:
    ax.set_title(
        textwrap.fill(finding, TITLE_LENGTH), loc="left", fontsize=11.5, fontweight="bold", pad=pad
    ).set_parse_math(False)


def _in_thousands(value: float, _: float) -> str:
    return short(value)
