"""Figures of simulations: who closed what along a path, what vaults earn over crashes, and by their size."""

from __future__ import annotations

import matplotlib.dates as mdates
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter

from adlkit.contracts import Floats
from adlkit.distress import BOOK as BOOK_STAGE
from adlkit.plotting.figure import ADL, BOOK, BUFFERS, FAINT, INK, axes, empty, finished, name_rows
from adlkit.plotting.words import in_thousands, percent, short
from adlkit.simulation import CapacityCurve, EnsembleResult, OutcomeRegression, SimulationResult
from adlkit.tally import ADL as ADL_STAGE

BINS = 60
ERRORS = 2.0
"""Standard errors on either side of a mean."""


def plot_timeline(result: SimulationResult, *, symbol: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw who closed what along a path: notional by stage and time, and the mark.

    Parameters
    ----------
    result : SimulationResult
        What `adlkit.simulate` returns.
    symbol : str, optional
        The symbol whose mark is drawn; the first if not given. Bars are of all symbols.
    ax : Axes, optional
        Where to draw; a new figure without it.

    Returns
    -------
    Axes
        Stacked bars [ccy notional at the mark] in up to 60 equal spans of time; on a second axis the move of the mark
        since the start [1].

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> times = pd.date_range("2025-10-10 21:00", periods=3, freq="min", tz="UTC")
    >>> path = pd.DataFrame({"BTC": [90.0, 70.0, 85.0]}, index=times)
    >>> result = adl.simulate(adl.load_dataset("four_accounts"), path, venue=adl.venues.dydx_v4)
    >>> plot_timeline(result).get_title(loc="left")
    'ADL closes 100% of the 140 that were closed'
    """
    ax = axes(ax, rows=6)
    stages = [BOOK_STAGE, *result.buffers, ADL_STAGE]
    closed = result.timeline["notional"].unstack("stage").reindex(columns=stages)
    total = float(closed.to_numpy().sum()) if len(closed) else 0.0
    if not total > 0:
        return empty(ax, "Nothing had to be closed along this path")
    edges = _days(result.times[[0, -1]])
    edges = np.linspace(edges[0], max(edges[1], edges[0] + 1e-9), min(BINS, len(result.times)) + 1)
    when = _days(pd.DatetimeIndex(closed.index.get_level_values("time")))
    base = np.zeros(len(edges) - 1)
    for stage, colour in zip(stages, [BOOK, *BUFFERS[: len(stages) - 2], ADL], strict=True):
        height = np.histogram(when, bins=edges, weights=closed[stage].fillna(0.0))[0]
        label = f"{'ADL' if stage == ADL_STAGE else stage}: {short(height.sum())}"
        ax.bar(edges[:-1], height, width=np.diff(edges), bottom=base, align="edge", color=colour, label=label)
        base = base + height
    _draw_mark(ax, result, symbol or result.conditions.symbols[0])
    ax.yaxis.set_major_formatter(FuncFormatter(in_thousands))
    locator = mdates.AutoDateLocator()  # type: ignore[no-untyped-call]
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(mdates.ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
    ax.legend(frameon=False, loc="upper right", fontsize=9)
    ax.set_ylabel("closed in a span, notional [ccy]")
    part = float(closed[ADL_STAGE].sum()) / total
    return finished(ax, f"ADL closes {percent(part)} of the {short(total)} that were closed", "time [UTC]", grid="y")


def _days(times: pd.DatetimeIndex) -> Floats:
    """Times as matplotlib counts them."""
    return np.asarray(mdates.date2num(times.tz_convert(None)))  # type: ignore[no-untyped-call]


def _draw_mark(ax: Axes, result: SimulationResult, symbol: str) -> None:
    """Move of a mark since the start, on an axis of its own."""
    twin = ax.twinx()
    marks = result.marks[symbol].to_numpy()
    twin.plot(_days(result.times), marks / marks[0] - 1.0, color=INK, linewidth=1.2)
    twin.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0%}"))
    twin.set_ylabel(f"{symbol} since the start", parse_math=False)
    twin.spines[["top", "left", "bottom"]].set_visible(False)


def plot_ensemble(ensemble: EnsembleResult, *, ax: Axes | None = None) -> Axes:
    """Draw what vaults earn against the depth of the crash, coloured by the rebound.

    Parameters
    ----------
    ensemble : EnsembleResult
        What `adlkit.simulate_ensemble` returns.
    ax : Axes, optional
        Where to draw; a new figure without it.

    Returns
    -------
    Axes
        One point per path: depth [1] and return of the vaults on their means [1].

    Examples
    --------
    >>> import adlkit as adl
    >>> crash = {"depth": (0.1, 0.4), "fall": 600.0, "rebound": (0.0, 1.0), "volatility": 0.02}
    >>> paths = adl.crash_paths({"BTC": 70.0}, n_paths=3, n_steps=20, step=60.0, **crash, rng=7)
    >>> venue = adl.venues.hyperliquid.with_buffers(adl.BackstopVault(equity=1000.0))
    >>> ensemble = adl.simulate_ensemble(adl.load_dataset("four_accounts"), paths, venue=venue, workers=1)
    >>> plot_ensemble(ensemble).get_xlabel()
    'depth of the crash'
    """
    ax = axes(ax, rows=8)
    outcomes = ensemble.outcomes
    points = ax.scatter(
        outcomes["depth"], outcomes["vault_return"], c=outcomes["rebound"], cmap="cividis", s=14, linewidths=0
    )
    ax.axhline(0.0, color=INK, linewidth=0.8)
    bar = ax.figure.colorbar(points, ax=ax, pad=0.02)
    bar.set_label("rebound, share of the fall")
    bar.outline.set_visible(False)
    for axis in (ax.xaxis, ax.yaxis, bar.ax.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0%}"))
    ax.set_ylabel("return of the vault")
    losses = float((outcomes["vault_pnl"] < 0).mean())
    finding = f"The vault loses on {percent(losses)} of {len(outcomes):,} paths"
    return finished(ax, finding, "depth of the crash", grid="y")


def plot_capacity(curve: CapacityCurve, *, ax: Axes | None = None) -> Axes:
    """Draw the vault's mean profit and drawdown, and what winners forgo, by the vault's size.

    Parameters
    ----------
    curve : CapacityCurve
        What `adlkit.capacity_curve` returns.
    ax : Axes, optional
        Where to draw; a new figure without it.

    Returns
    -------
    Axes
        Means over the paths with two standard errors [ccy], against capacity [ccy, logarithmic].

    Examples
    --------
    >>> import adlkit as adl
    >>> crash = {"depth": (0.1, 0.4), "fall": 600.0, "rebound": (0.0, 1.0), "volatility": 0.02}
    >>> paths = adl.crash_paths({"BTC": 70.0}, n_paths=3, n_steps=20, step=60.0, **crash, rng=7)
    >>> venue = adl.venues.hyperliquid.with_buffers(adl.BackstopVault(equity=1.0))
    >>> curve = adl.capacity_curve(adl.load_dataset("four_accounts"), paths, [10.0, 1000.0], venue=venue, workers=1)
    >>> len(plot_capacity(curve).get_lines())
    4
    """
    ax = axes(ax, rows=8)
    twin = ax.twinx()
    lines = [
        (ax, "vault_pnl", "profit of the vault", BUFFERS[0]),
        (ax, "drawdown", "its largest drawdown", FAINT),
        (ax, "forgone", "what winners give up against the mark", INK),
        (twin, "deleveraged", "notional that winners close (right)", ADL),
    ]
    handles = [_draw_mean(own, curve, column, label, colour) for own, column, label, colour in lines]
    ax.axhline(0.0, color=INK, linewidth=0.8)
    ax.set_xscale("log")
    for axis in (ax.xaxis, ax.yaxis, twin.yaxis):
        axis.set_major_formatter(FuncFormatter(in_thousands))
    ax.xaxis.set_minor_formatter(FuncFormatter(lambda _, __: ""))
    twin.set_ylim(bottom=0.0)
    twin.spines[["top", "left", "bottom"]].set_visible(False)
    twin.tick_params(axis="y", colors=ADL)
    ax.legend(handles=handles, frameon=False, fontsize=9, loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=2)
    ax.set_ylabel("mean over the paths [ccy]")
    mean = curve.table["vault_pnl"]
    best = int(mean.to_numpy().argmax())
    finding = f"The vault earns most on average with {short(float(mean.index[best]))}: {short(float(mean.iloc[best]))}"
    return finished(ax, finding, "equity of the vault [ccy]", grid="y")


def _draw_mean(ax: Axes, curve: CapacityCurve, column: str, label: str, colour: str) -> Line2D:
    """A mean over the paths by capacity, with two standard errors."""
    groups = curve.outcomes[column].groupby(level="capacity")
    centre, width = groups.mean(), ERRORS * groups.sem()
    ax.fill_between(centre.index, centre - width, centre + width, color=colour, alpha=0.15, linewidth=0)
    return ax.plot(centre.index, centre, color=colour, label=label, marker="o", markersize=3.5)[0]


def plot_outcome_regression(regression: OutcomeRegression, *, ax: Axes | None = None) -> Axes:
    """Draw what a standard deviation of each term does to the outcome.

    Parameters
    ----------
    regression : OutcomeRegression
        What `adlkit.outcome_regression` returns.
    ax : Axes, optional
        Where to draw; a new figure without it.

    Returns
    -------
    Axes
        Points and intervals in units of the outcome, without the intercept, largest first.

    Examples
    --------
    >>> import numpy as np, pandas as pd, adlkit as adl
    >>> rng = np.random.default_rng(7)
    >>> data = pd.DataFrame({"depth": rng.uniform(0.1, 0.5, 200)}, index=pd.RangeIndex(200, name="path"))
    >>> data["vault_return"] = 0.1 - 0.5 * data["depth"] + rng.normal(0, 0.01, 200)
    >>> plot_outcome_regression(adl.outcome_regression(data, "vault_return ~ depth")).get_yticklabels()[0].get_text()
    'depth'
    """
    table = regression.table.drop(index="Intercept", errors="ignore")
    table = table.loc[table["effect"].abs().sort_values(ascending=False).index]
    ax = axes(ax, rows=len(table))
    rows = range(len(table))
    ax.hlines(rows, table["effect_low"], table["effect_high"], color=BOOK, linewidth=2.2)
    ax.plot(table["effect"], rows, "o", color=BOOK)
    ax.axvline(0.0, color=FAINT, linewidth=0.9)
    name_rows(ax, list(table.index))
    response = regression.formula.split("~", maxsplit=1)[0].strip()
    finding = (
        f"{table.index[0]} moves {response} most; the terms explain {percent(regression.r_squared)} of its variance"
    )
    return finished(
        ax, finding, f"change of {response} per standard deviation of the term, {regression.level:.0%} interval"
    )
