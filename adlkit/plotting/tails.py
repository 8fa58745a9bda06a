"""Figures of tails: return levels, quantiles against the fit, and what changes with the threshold."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from adlkit.plotting.figure import ADL, BOOK, FAINT, INK, axes, finished
from adlkit.plotting.words import percent
from adlkit.tails import TailFit

PERIODS = 13
"""Return periods at which the curve of return levels is drawn."""


def plot_return_levels(fit: TailFit, *, ax: Axes | None = None) -> Axes:
    """Draw the move that is beaten once in T years, its interval, and the moves on record.

    Parameters
    ----------
    fit : TailFit
        A fit by maximum likelihood: its intervals are profile likelihood intervals.
    ax : Axes, optional
        Where to draw; a new figure without it.

    Returns
    -------
    Axes
        Return levels [1] against return periods [years], out to three times the record; dots are peaks on record.

    Examples
    --------
    >>> import numpy as np, pandas as pd, adlkit as adl
    >>> days = pd.date_range("2015-01-01", periods=3650, tz="UTC")
    >>> moves = pd.Series(0.02 * np.random.default_rng(7).pareto(4.0, len(days)), days)
    >>> plot_return_levels(adl.fit_tail(moves, threshold=0.02, gap=1)).get_title(loc="left")
    'A move of 17% or more once in 20 years; 95% interval 12% to 30%'
    """
    ax = axes(ax, rows=9)
    table = fit.return_levels(np.geomspace(1.1 / fit.rate, 3.0 * fit.years, PERIODS))
    years, peaks = table.index.to_numpy(), fit.peaks_table()
    ax.fill_between(years, table["low"], table["high"], color=BOOK, alpha=0.18, linewidth=0.0, label="95% interval")
    ax.plot(years, table["estimate"], color=BOOK, linewidth=2.0, label="fitted")
    ax.plot(peaks["return_period"], peaks["move"], "o", color=ADL, markersize=4, alpha=0.75, label="on record")
    ax.axvline(fit.years, color=FAINT, linewidth=0.9, linestyle=(0, (4, 3)))
    ax.annotate("length of record ", (fit.years, 0.0), xycoords=("data", "axes fraction"), xytext=(-2, 4),
                textcoords="offset points", ha="right", color=FAINT, fontsize=9)  # fmt: skip
    ax.set_xscale("log")
    ax.xaxis.set_major_locator(LogLocator(subs=(1.0, 3.0)))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.xaxis.set_minor_formatter(NullFormatter())
    _move_axis(ax)
    ax.set_ylabel("move")
    top = min(float(table["high"].max()), 2.5 * max(float(table["estimate"].max()), float(peaks["move"].max())))
    ax.set_ylim(min(fit.threshold, float(table["low"].min())), 1.04 * top)
    ax.legend(loc="upper left", frameon=False)
    return finished(ax, _level_finding(fit), "return period [years]", grid="y")


def plot_tail_quantiles(fit: TailFit, *, ax: Axes | None = None) -> Axes:
    """Draw the peaks on record against the moves that the fit puts in their place.

    Parameters
    ----------
    fit : TailFit
        Any fit.
    ax : Axes, optional
        Where to draw; a new figure without it.

    Returns
    -------
    Axes
        One dot per peak [1]; on the line where record and fit agree.

    Examples
    --------
    >>> import numpy as np, pandas as pd, adlkit as adl
    >>> days = pd.date_range("2015-01-01", periods=3650, tz="UTC")
    >>> moves = pd.Series(0.02 * np.random.default_rng(7).pareto(4.0, len(days)), days)
    >>> plot_tail_quantiles(adl.fit_tail(moves, threshold=0.02, gap=1)).get_title(loc="left")
    'Largest move 18%; the fit puts 14% in its place (235 events above 2.0%)'
    """
    ax = axes(ax, rows=9)
    peaks = fit.peaks_table()
    edge = 1.05 * max(float(peaks["move"].max()), float(peaks["expected"].max()))
    ax.plot([fit.threshold, edge], [fit.threshold, edge], color=INK, linewidth=1.0)
    ax.plot(peaks["expected"], peaks["move"], "o", color=ADL, markersize=4.5, alpha=0.75)
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: percent(value)))
    _move_axis(ax)
    ax.set_ylabel("move on record")
    largest, expected = (percent(float(value)) for value in peaks.iloc[0][["move", "expected"]])
    events = f"({fit.n_clusters:,} events above {percent(fit.threshold)})"
    return finished(
        ax, f"Largest move {largest}; the fit puts {expected} in its place {events}", "fitted move", grid="y"
    )


def plot_mean_excess(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw the mean excess over each threshold: straight from where a generalised Pareto tail starts.

    Parameters
    ----------
    table : DataFrame
        What `adlkit.tails.mean_excess` returns.
    ax : Axes, optional
        Where to draw; a new figure without it.

    Returns
    -------
    Axes
        Mean excess [1] with its interval against the threshold [1].

    Examples
    --------
    >>> import numpy as np, pandas as pd, adlkit as adl
    >>> days = pd.date_range("2015-01-01", periods=3650, tz="UTC")
    >>> moves = pd.Series(0.02 * np.random.default_rng(7).pareto(4.0, len(days)), days)
    >>> plot_mean_excess(adl.tails.mean_excess(moves, [0.02, 0.03, 0.04])).get_title(loc="left")
    'Beyond 2.0% moves go on by 1.4% on average, beyond 4.0% by 2.1%'
    """
    ax = axes(ax, rows=9)
    known = table.dropna()
    _banded(ax, known["mean_excess"], known["low"], known["high"])
    _move_axis(ax)
    ax.set_ylabel("mean excess")
    first, last = known.iloc[0], known.iloc[-1]
    words = [f"{percent(float(known.index[place]))}" for place in (0, -1)]
    finding = f"Beyond {words[0]} moves go on by {percent(first['mean_excess'])} on average"
    return finished(ax, f"{finding}, beyond {words[1]} by {percent(last['mean_excess'])}", "threshold", grid="y")


def plot_threshold_stability(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw the shape fitted above each threshold: level from where a generalised Pareto tail starts.

    Parameters
    ----------
    table : DataFrame
        What `adlkit.tails.threshold_stability` returns.
    ax : Axes, optional
        Where to draw; a new figure without it.

    Returns
    -------
    Axes
        Shape [1] with its interval against the threshold [1]; numbers of clusters along the top.

    Examples
    --------
    >>> import numpy as np, pandas as pd, adlkit as adl
    >>> days = pd.date_range("2015-01-01", periods=3650, tz="UTC")
    >>> moves = pd.Series(0.02 * np.random.default_rng(7).pareto(4.0, len(days)), days)
    >>> plot_threshold_stability(adl.tails.threshold_stability(moves, [0.02, 0.03, 0.04])).get_title(loc="left")
    'Shape between 0.14 and 0.26 above thresholds of 2.0% to 4.0%'
    """
    ax = axes(ax, rows=9)
    known = table.dropna(subset=["shape"])
    _banded(ax, known["shape"], known["shape_low"], known["shape_high"])
    ax.axhline(0.0, color=FAINT, linewidth=0.8, linestyle=(0, (4, 3)))
    every = max(1, len(known) // 8)
    for threshold, count in known["n_clusters"].iloc[::every].items():
        ax.annotate(f"{count:.0f}", (threshold, 1.0), xycoords=("data", "axes fraction"), xytext=(0, 3),
                    textcoords="offset points", ha="center", color=FAINT, fontsize=8)  # fmt: skip
    ax.annotate("events", (1.0, 1.0), xycoords="axes fraction", xytext=(6, 3), textcoords="offset points",
                color=FAINT, fontsize=8)  # fmt: skip
    ax.set_ylabel("shape")
    low, high = known["shape"].min(), known["shape"].max()
    ends = [percent(float(known.index[place])) for place in (0, -1)]
    finding = f"Shape between {low:.2f} and {high:.2f} above thresholds of {ends[0]} to {ends[1]}"
    return finished(ax, finding, "threshold", grid="y", pad=20.0)


def _banded(ax: Axes, middle: pd.Series, low: pd.Series, high: pd.Series) -> None:
    """A line with its interval, against thresholds in percent."""
    thresholds = middle.index.to_numpy()
    ax.fill_between(thresholds, low.to_numpy(), high.to_numpy(), color=BOOK, alpha=0.18, linewidth=0.0)
    ax.plot(thresholds, middle.to_numpy(), color=BOOK, linewidth=2.0, marker="o", markersize=3.5)
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: percent(value)))


def _move_axis(ax: Axes) -> None:
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: percent(value)))


def _level_finding(fit: TailFit) -> str:
    years = 20.0 if fit.years >= 5.0 and fit.rate * 20.0 > 1.0 else 3.0 * fit.years
    row = fit.return_levels([years]).iloc[0]
    level, low, high = (percent(float(row[name])) for name in ("estimate", "low", "high"))
    return f"A move of {level} or more once in {years:.3g} years; 95% interval {low} to {high}"
