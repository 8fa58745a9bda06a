"""Figures of the frequency of ADL: rates by symbol, funds and their return periods, and what they depend on."""

from __future__ import annotations

from itertools import cycle
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from adlkit.plotting.figure import ADL, BOOK, BUFFERS, FAINT, INK, axes, empty, finished, name_rows
from adlkit.plotting.words import in_thousands, plain, short

if TYPE_CHECKING:
    from adlkit.frequency import BufferCurve, BufferSize, FrequencyResult

SIDES = {"long": ("falls", BOOK), "short": ("rises", ADL), "both": ("both", INK)}
"""What is drawn for each side: name and colour."""
COLOURS = (BOOK, ADL, *BUFFERS)
RAREST = 1e-6
"""Smallest rate [events a year] that an axis goes down to."""
LONGEST = 1e4
"""Longest return period [years] that an axis goes up to."""


def plot_frequency(result: FrequencyResult, *, ax: Axes | None = None) -> Axes:
    """Draw expected events a year with their intervals: falls, rises and both, by symbol.

    Parameters
    ----------
    result : FrequencyResult
        What `adlkit.adl_frequency` or `adlkit.frequency.replayed_frequency` returns.
    ax : Axes, optional
        Where to draw; a new figure without it.

    Returns
    -------
    Axes
        One line per symbol and side on a log scale; a rate of zero has no dot, only the interval, if there is one.

    Examples
    --------
    >>> import numpy as np, pandas as pd, adlkit as adl
    >>> panel = adl.mark_to(adl.load_dataset("four_accounts"), {"BTC": 100.0})
    >>> days = pd.date_range("2015-01-01", periods=3650, tz="UTC")
    >>> moves = pd.Series(0.02 * np.random.default_rng(7).pareto(4.0, len(days)), days)
    >>> tail = adl.fit_tail(moves, threshold=0.02, gap=1)
    >>> found = adl.adl_frequency(panel, tails={"BTC": (tail, tail)}, buffer=10.0, n_panels=0, rng=7)
    >>> plot_frequency(found).get_title(loc="left")
    'BTC: ADL once in 58.8 years; 95% interval 9.62 to 378 years'
    """
    table = result.table
    ax = axes(ax, rows=len(table) + 1)
    shown = table["high"] > RAREST
    if not shown.any():
        return empty(ax, "No move reaches ADL")
    for row, side in enumerate(table.index.get_level_values("side")):
        values, (name, colour) = table.iloc[row], SIDES[side]
        if not shown.iloc[row]:
            continue
        ax.plot([max(values["low"], RAREST), values["high"]], [row, row], color=colour, linewidth=2.4, alpha=0.55)
        if values["per_year"] > RAREST:
            ax.plot([values["per_year"]], [row], "o", color=colour, markersize=7, label=name if row < 3 else None)
        ax.annotate(_once(values["return_period"]), (values["high"], row), xytext=(7, 0), textcoords="offset points",
                    va="center", fontsize=9)  # fmt: skip
    name_rows(ax, [f"{plain(symbol, 18)}, {SIDES[str(side)][0]}" for symbol, side in table.index])
    for row in range(len(SIDES), len(table), len(SIDES)):
        ax.axhline(row - 0.5, color=FAINT, linewidth=0.7, alpha=0.35)
    ax.set_xscale("log")
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.6f}".rstrip("0").rstrip(".")))
    low, high = max(float(table["low"][shown].min()), RAREST), float(table["high"].max())
    ax.set_xlim(0.7 * low, high * (high / low) ** 0.25)
    return finished(ax, _frequency_finding(result), "expected events a year")


def plot_buffer_size(result: BufferSize, *, ax: Axes | None = None) -> Axes:
    """Draw the fund that each return period asks for, with its interval.

    Parameters
    ----------
    result : BufferSize
        What `adlkit.size_buffer` returns.
    ax : Axes, optional
        Where to draw; a new figure without it.

    Returns
    -------
    Axes
        One line per return period; an arrow where the interval has no upper end.

    Examples
    --------
    >>> import numpy as np, pandas as pd, adlkit as adl
    >>> panel = adl.mark_to(adl.load_dataset("four_accounts"), {"BTC": 100.0})
    >>> days = pd.date_range("2015-01-01", periods=3650, tz="UTC")
    >>> moves = pd.Series(0.02 * np.random.default_rng(7).pareto(4.0, len(days)), days)
    >>> tail = adl.fit_tail(moves, threshold=0.02, gap=1)
    >>> market = adl.MarketFactor({"BTC": 1.0}, down=tail, up=tail)
    >>> sized = adl.size_buffer(panel, return_period=[50.0, 80.0], factor=market, n_panels=0, rng=7)
    >>> plot_buffer_size(sized).get_title(loc="left")
    'Once in 80 years takes a fund of 14.8 ccy; 95% interval 0.571 to 103'
    """
    table = result.table
    ax = axes(ax, rows=len(table) + 2)
    edge = 1.25 * max(float(table["fund"].replace(np.inf, 0.0).max()), float(table["high"].replace(np.inf, 0.0).max()))
    for row in range(len(table)):
        values = table.iloc[row]
        end = min(values["high"], edge)
        ax.plot([values["low"], end], [row, row], color=BOOK, linewidth=3.0, alpha=0.45)
        ax.plot([min(values["fund"], edge)], [row], "o", color=BOOK, markersize=8)
        ax.annotate(short(values["fund"]), (min(values["fund"], edge), row), xytext=(0, 8),
                    textcoords="offset points", ha="center", fontsize=9)  # fmt: skip
        if end < values["high"]:
            ax.plot([end], [row], ">", color=BOOK, markersize=8)
    name_rows(ax, [f"once in {years:g} {'year' if years == 1 else 'years'}" for years in table.index])
    ax.xaxis.set_major_formatter(FuncFormatter(in_thousands))
    ax.set_xlim(0.0, max(edge, 1e-9))
    last = table.iloc[-1]
    ends = f"{short(last['low'])} to {short(last['high']) if np.isfinite(last['high']) else 'no end'}"
    fund = f"{short(last['fund'])} {plain(result.currency, 8)}"
    name = ax.get_yticklabels()[-1].get_text().capitalize()
    finding = f"{name} takes a fund of {fund}; {result.level:.0%} interval {ends}"
    return finished(ax, finding, f"fund [{plain(result.currency, 8)}]")


def plot_buffer_curve(result: BufferCurve, *, ax: Axes | None = None) -> Axes:
    """Draw the return period of ADL against the size of the fund, with its band.

    Parameters
    ----------
    result : BufferCurve
        What `adlkit.buffer_curve` returns.
    ax : Axes, optional
        Where to draw; a new figure without it.

    Returns
    -------
    Axes
        Return periods [years] on a log scale.

    Examples
    --------
    >>> import numpy as np, pandas as pd, adlkit as adl
    >>> panel = adl.mark_to(adl.load_dataset("four_accounts"), {"BTC": 100.0})
    >>> days = pd.date_range("2015-01-01", periods=3650, tz="UTC")
    >>> moves = pd.Series(0.02 * np.random.default_rng(7).pareto(4.0, len(days)), days)
    >>> tail = adl.fit_tail(moves, threshold=0.02, gap=1)
    >>> market = adl.MarketFactor({"BTC": 1.0}, down=tail, up=tail)
    >>> curve = adl.buffer_curve(panel, factor=market, funds=[0.0, 10.0, 20.0], n_panels=0, rng=7)
    >>> plot_buffer_curve(curve).get_title(loc="left")
    'A fund of 0 ccy: ADL once in 18.6 years; 95% interval 4.66 to 72 years'
    """
    table, currency = result.table.clip(upper=LONGEST), plain(result.currency, 8)
    ax = axes(ax, rows=9)
    funds = table.index.to_numpy()
    ax.fill_between(funds, table["shortest"], table["longest"], color=BOOK, alpha=0.18, linewidth=0.0)
    ax.plot(funds, table["return_period"], color=BOOK, linewidth=2.2)
    if funds[0] > 0 and funds[-1] > 20.0 * funds[0]:
        _log_money(ax)
    ax.set_yscale("log")
    ax.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    ax.yaxis.set_minor_formatter(NullFormatter())
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.xaxis.set_major_formatter(FuncFormatter(in_thousands))
    ax.set_xlim(funds[0], funds[-1])
    ax.set_ylabel("return period of ADL [years]")
    place = int(np.abs(np.log(table["return_period"].to_numpy() / 20.0)).argmin())
    row = result.table.iloc[place]
    ends = _years(row["shortest"], row["longest"])
    finding = f"A fund of {short(funds[place])} {currency}: ADL {_once(row['return_period'])}"
    return finished(ax, f"{finding}; {result.level:.0%} interval {ends}", f"fund [{currency}]", grid="y")


def plot_sensitivity(table: pd.DataFrame, *, x: str = "fund", by: str = "leverage", ax: Axes | None = None) -> Axes:
    """Draw expected events a year against one dimension of a grid, one line for each value of another.

    Parameters
    ----------
    table : DataFrame
        Rows of `adlkit.frequency_sensitivity` for one symbol, that differ in `x` and `by` only.
    x, by : str
        Two of ``leverage``, ``depth`` and ``fund``.
    ax : Axes, optional
        Where to draw; a new figure without it.

    Returns
    -------
    Axes
        Log scale; rates of zero are left out.

    Examples
    --------
    >>> import numpy as np, pandas as pd, adlkit as adl
    >>> panel = adl.mark_to(adl.load_dataset("four_accounts"), {"BTC": 100.0})
    >>> days = pd.date_range("2015-01-01", periods=3650, tz="UTC")
    >>> moves = pd.Series(0.02 * np.random.default_rng(7).pareto(4.0, len(days)), days)
    >>> tail = adl.fit_tail(moves, threshold=0.02, gap=1)
    >>> table = adl.frequency_sensitivity(panel, tails={"BTC": (tail, tail)}, fund=[5.0, 10.0], leverage=[1.0, 2.0])
    >>> len(plot_sensitivity(table).lines)
    2
    """
    ax = axes(ax, rows=9)
    shown = table[table["per_year"] > 0].sort_values(x)
    if not len(shown):
        return empty(ax, "No move reaches ADL anywhere on the grid")
    for colour, value in zip(cycle(COLOURS), sorted(shown[by].unique().tolist()), strict=False):
        rows = shown[shown[by] == value]
        label = f"{by} {short(value) if by == 'fund' else f'x {value:g}'}"
        ax.plot(rows[x], rows["per_year"], color=colour, marker="o", markersize=4, linewidth=2.0, label=label)
    ax.set_yscale("log")
    if x == "fund" and shown[x].min() > 0 and shown[x].max() > 20.0 * shown[x].min():
        _log_money(ax)
    ax.xaxis.set_major_formatter(FuncFormatter(in_thousands))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.set_ylabel("expected events a year")
    ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)
    return finished(ax, _sensitivity_finding(shown, x, by), f"{x} [ccy]" if x == "fund" else f"{x}, times", grid="y")


def _log_money(ax: Axes) -> None:
    """Money on a log scale, ticks at 1, 2 and 5."""
    ax.set_xscale("log")
    ax.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    ax.xaxis.set_minor_formatter(NullFormatter())


def _frequency_finding(result: FrequencyResult) -> str:
    both = result.table.xs("both", level="side")
    place = int(both["per_year"].to_numpy().argmax())
    symbol, row = both.index[place], both.iloc[place]
    name = "The venue" if symbol == "venue" else plain(symbol, 18)
    ends = _years(1.0 / row["high"], 1.0 / row["low"] if row["low"] > 0 else np.inf)
    return f"{name}: ADL {_once(row['return_period'])}; {result.level:.0%} interval {ends}"


def _sensitivity_finding(shown: pd.DataFrame, x: str, by: str) -> str:
    ends = shown[shown[x] == shown[x].max()].set_index(by)["per_year"].sort_index()
    if len(ends) < 2:
        return f"Events a year by {x}"
    times = ends.iloc[-1] / ends.iloc[0]
    step = f"{by.capitalize()} from {short(ends.index[0])} to {short(ends.index[-1])}"
    return f"{step}: {times:.3g} times as many events a year at the largest {x}"


def _once(years: float) -> str:
    return f"once in {years:.3g} years" if years < LONGEST else "practically never"


def _years(low: float, high: float) -> str:
    return f"{low:.3g} to {f'{high:.3g} years' if high < LONGEST else 'practically never'}"
