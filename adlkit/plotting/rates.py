"""Figures of how often: the record of episodes, rates with intervals, waiting times, residuals of a regression."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.lines import Line2D

from adlkit.plotting.figure import ADL, BOOK, BUFFERS, FAINT, INK, axes, empty, finished, name_rows
from adlkit.plotting.words import plain

if TYPE_CHECKING:
    from adlkit.rates import RateRegression, RateResult, WaitingTimes

COLOURS = (ADL, BOOK, *BUFFERS[:3], INK, "#8c6d31")
FILLED = {"primary": 1.0, "secondary": 0.4, "claimed": 0.0}
"""How opaque a marker is by confidence."""
SPREAD = 0.24
"""Half of the height over which marks of one row are spread."""


def plot_record(record: pd.DataFrame, *, by: str = "venue", ax: Axes | None = None) -> Axes:
    """Draw a record of episodes over time: one line per group, colour by kind, filled by confidence.

    Parameters
    ----------
    record : DataFrame
        Rows such as those of the dataset ``adl_episodes``: columns ``start`` (rows without are not drawn), ``kind``,
        ``confidence`` (primary, secondary or claimed), and the one that `by` names.
    by : str, default "venue"
        Column whose values are the lines, e.g. a type of venue; the line with the first episode is on top.
    ax : Axes, optional
        Where to draw; a new figure without it.

    Returns
    -------
    Axes
        Marks that stand at one time are moved apart within their line.

    Examples
    --------
    >>> import adlkit as adl
    >>> plot_record(adl.load_dataset("adl_episodes")).get_title(loc="left")
    '44 entries from 2014-11 to 2026-04, 9 of kind ADL'
    """
    shown = record.dropna(subset="start").sort_values("start", kind="stable")
    groups = list(dict.fromkeys(shown[by]))
    ax = axes(ax, rows=max(len(groups), 6))
    if not groups:
        return empty(ax, "No episode with a date")
    kinds = shown["kind"].value_counts().sort_index().sort_values(ascending=False, kind="stable").index
    height = {kind: SPREAD * (2 * place / max(len(kinds) - 1, 1) - 1) for place, kind in enumerate(kinds)}
    colours = {kind: COLOURS[place % len(COLOURS)] for place, kind in enumerate(kinds)}
    for (kind, confidence), rows in shown.groupby(["kind", "confidence"], sort=False):
        y = [groups.index(group) + height[kind] for group in rows[by]]
        face = to_rgba(colours[kind], FILLED[str(confidence)])
        ax.scatter(rows["start"], y, s=46, color=[face], edgecolors=colours[kind], linewidths=1.4, zorder=3)
    name_rows(ax, [str(group) for group in groups])
    handles = [_handle(kind.replace("_", " "), colours[kind], 1.0) for kind in kinds]
    handles += [_handle(name, FAINT, filled) for name, filled in FILLED.items()]
    ax.legend(handles=handles, loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False, fontsize=9)
    first, last = shown["start"].iloc[0], shown["start"].iloc[-1]
    found = f"{len(shown)} entries from {first:%Y-%m} to {last:%Y-%m}, {(shown['kind'] == 'adl').sum()} of kind ADL"
    return finished(ax, found, "start [UTC]")


def plot_rates(result: RateResult, *, ax: Axes | None = None) -> Axes:
    """Draw rates with their intervals, one line each; without events the one-sided bound.

    Parameters
    ----------
    result : RateResult
        E.g. of `adlkit.episode_rate`.
    ax : Axes, optional
        Where to draw; a new figure without it.

    Returns
    -------
    Axes
        Dots at the rates, bars over the intervals; a dotted line from zero to the bound where nothing was seen.

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> result = adl.episode_rate(pd.Series({"here": 4, "there": 0}), 10.0, unit="venue-year")
    >>> plot_rates(result).get_title(loc="left")
    'here: 0.4 per venue-year (0.109 to 1.02 at 95%)'
    """
    table, unit = result.table, result.unit
    ax = axes(ax, rows=len(table) + 1)
    top = 1.0
    for row, (_, line) in enumerate(table.iterrows()):
        if line["count"] == 0 and line["low"] == 0:
            ax.plot([0.0, line["upper"]], [row, row], color=FAINT, linewidth=1.6, linestyle=(0, (2, 2)))
            note, end = f"none in {line['exposure']:.4g}: below {line['upper']:.3g}", line["upper"]
        else:
            end = line["high"] if np.isfinite(line["high"]) else 2 * line["low"]
            ax.plot([line["low"], end], [row, row], color=BOOK, linewidth=2.4, solid_capstyle="butt")
            ax.plot(line["rate"], row, "o", color=ADL, markersize=8, zorder=3)
            note = f"{line['rate']:.3g} ({int(line['count']):,} in {line['exposure']:,.4g})"
        ax.annotate(note, (end, row), (6, 0), textcoords="offset points", va="center", fontsize=9)
        top = end if row == 0 else max(top, end)
    ax.set_xlim(0.0, 1.3 * top)
    name_rows(ax, ["" if len(table) == 1 else str(name) for name in table.index])
    return finished(ax, _rate_finding(result), f"events per {plain(unit)} ({result.method}, {result.level:.0%})")


def plot_waiting_times(waits: WaitingTimes, *, ax: Axes | None = None) -> Axes:
    """Draw the share of waiting times above each length, against an exponential of the same mean.

    Parameters
    ----------
    waits : WaitingTimes
        Of `adlkit.rates.waiting_times`.
    ax : Axes, optional
        Where to draw; a new figure without it.

    Returns
    -------
    Axes
        Steps seen, line expected [days].

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> days = pd.to_datetime(["2025-01-01", "2025-01-02", "2025-01-03", "2025-03-01", "2025-03-02", "2025-03-03"])
    >>> plot_waiting_times(adl.rates.waiting_times(pd.Series(days))).get_title(loc="left")
    '5 waiting times: clustered, cv 2.05, exponential p < 0.01'
    """
    ax = axes(ax, rows=9)
    gaps = np.sort(waits.gaps.to_numpy())
    n = len(gaps)
    grid = np.linspace(0.0, 1.05 * gaps[-1], 200)
    ax.plot(grid, np.exp(-grid / gaps.mean()), color=FAINT, linewidth=1.8, label=f"exponential, mean {gaps.mean():.3g}")
    ax.step(np.r_[0.0, gaps], np.r_[1.0, 1.0 - np.arange(1, n + 1) / n], where="post", color=ADL, linewidth=2.0)
    ax.plot([], [], color=ADL, linewidth=2.0, label="seen")
    ax.set_ylim(0.0, 1.02)
    ax.set_xlim(0.0, grid[-1])
    ax.set_ylabel("share of waiting times that are longer")
    ax.legend(frameon=False, loc="upper right")
    differs = "clustered, " if waits.cv > 1 else "regular, "
    kind = differs if waits.lilliefors_p < 0.05 else ""
    p_value = "p < 0.01" if waits.lilliefors_p < 0.01 else f"p = {waits.lilliefors_p:.2f}"
    return finished(ax, f"{n:,} waiting times: {kind}cv {waits.cv:.3g}, exponential {p_value}", "days", grid="y")


def plot_regression(fit: RateRegression, *, ax: Axes | None = None) -> Axes:
    """Draw the Pearson residuals of a regression of counts against what it expected.

    Parameters
    ----------
    fit : RateRegression
        Of `adlkit.rates.poisson_regression` or `adlkit.rates.negative_binomial_regression`.
    ax : Axes, optional
        Where to draw; a new figure without it.

    Returns
    -------
    Axes
        A dot per period, filled where it had events; between the lines at -2 and 2 lie about 95% of those of a law
        that fits, if it expects many events. Few expected events leave stripes: one per count.

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> days = pd.DataFrame({"count": [1, 3, 8, 4], "days": 30.0, "crash": [0, 0, 1, 1]})
    >>> fit = adl.rates.poisson_regression(days, count="count", exposure="days", drivers=["crash"])
    >>> plot_regression(fit).get_title(loc="left")
    'Poisson on 4 periods: dispersion 1.17'
    """
    ax = axes(ax, rows=9)
    seen = fit.fitted["count"] > 0
    for rows, face, name in ((~seen, "none", "without events"), (seen, ADL, "with events")):
        part = fit.fitted[rows]
        ax.scatter(part["expected"], part["pearson"], s=26, facecolors=face, edgecolors=ADL, alpha=0.75, label=name)
    for height in (-2.0, 0.0, 2.0):
        ax.axhline(height, color=FAINT, linewidth=1.0, linestyle="-" if height == 0 else (0, (4, 3)))
    if fit.fitted["expected"].min() * 20 < fit.fitted["expected"].max():
        ax.set_xscale("log")
    ax.set_ylabel("Pearson residual")
    ax.legend(frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    facts = fit.diagnostics
    found = f"{fit.law[0].upper()}{fit.law[1:]} on {int(facts['n']):,} periods: dispersion {facts['dispersion']:.3g}"
    return finished(ax, found, "expected events of the period", grid="y")


def _handle(name: str, colour: str, filled: float) -> Line2D:
    """Entry of a legend."""
    face = to_rgba(colour, filled)
    return Line2D([], [], linestyle="none", marker="o", markersize=7, mfc=face, mec=colour, mew=1.4, label=name)


def _rate_finding(result: RateResult) -> str:
    """The first of the highest rates, in words."""
    table = result.table
    place = int(np.argmax(table["rate"].to_numpy()))
    line, name = table.iloc[place], "" if len(table) == 1 else f"{plain(table.index[place], 28)}: "
    unit = plain(result.unit)
    if line["count"] == 0 and line["low"] == 0:
        return f"{name}no events; below {line['upper']:.3g} per {unit} at {result.level:.0%}"
    return f"{name}{line['rate']:.3g} per {unit} ({line['low']:.3g} to {line['high']:.3g} at {result.level:.0%})"
