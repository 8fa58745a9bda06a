"""Figures of price paths: how wide an ensemble of crashes spreads."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from adlkit.paths import FAN, PricePaths
from adlkit.plotting.figure import ADL, BOOK, FAINT, INK, NAME_LENGTH, axes, finished
from adlkit.plotting.words import plain, signed_move

DRAWN_PATHS = 4


def plot_paths(paths: PricePaths, *, symbol: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw how one symbol moves over an ensemble: bands of quantiles, their median, and the first few paths.

    Parameters
    ----------
    paths : PricePaths
        What `adlkit.crash_paths` returns.
    symbol : str, optional
        Which symbol; the first one without it.
    ax : Axes, optional
        Where to draw; a new figure without it.

    Returns
    -------
    Axes
        Move since the start [% of the mark] over minutes; quantiles are those of each time by itself.

    Examples
    --------
    >>> import adlkit as adl
    >>> crash = {"depth": 0.2, "fall": 120.0, "rebound": 0.5}
    >>> paths = adl.crash_paths({"BTC": 100.0}, n_paths=9, n_steps=9, step=60.0, **crash, rng=7)
    >>> plot_paths(paths).get_title(loc="left")
    'BTC: 9 paths; the median is at −20% at its lowest, at −11% at the end'
    """
    ax = axes(ax, rows=9)
    name = str(paths.prices.columns[0]) if symbol is None else symbol
    fan = paths.quantiles(name)
    minutes = (fan.index - fan.index[0]).total_seconds().to_numpy() / 60
    widest, wide, middle, narrow_end, widest_end = (fan[level].to_numpy() for level in FAN)
    ax.fill_between(minutes, widest, widest_end, color=BOOK, alpha=0.15, linewidth=0.0, label="90% of paths")
    ax.fill_between(minutes, wide, narrow_end, color=BOOK, alpha=0.3, linewidth=0.0, label="50% of paths")
    for place, number in enumerate(paths.shapes.index[:DRAWN_PATHS]):
        line = paths.path(number)[name].to_numpy()
        label = "single paths" if place == 0 else None
        ax.plot(minutes, line / line[0] - 1, color=ADL, linewidth=0.7, alpha=0.7, label=label)
    ax.plot(minutes, middle, color=INK, linewidth=2.0, label="median")
    ax.axhline(0.0, color=FAINT, linewidth=0.8, linestyle=(0, (4, 3)))
    ax.set_xlim(0.0, minutes[-1])
    ax.yaxis.set_major_formatter(FuncFormatter(signed_move))
    ax.set_ylabel("move since the start")
    ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)
    finding = f"{plain(name, NAME_LENGTH)}: {len(paths):,} paths; the median is at {signed_move(float(np.min(middle)))}"
    ends = f"at its lowest, at {signed_move(float(middle[-1]))} at the end"
    return finished(ax, f"{finding} {ends}", "minutes since the start", grid="y")
