"""Figures of markouts: what fills earned, by the time after them."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, NullFormatter

from adlkit.markout import MarkoutResult, horizon_name
from adlkit.plotting.figure import ADL, BOOK, FAINT, INK, axes, empty, finished
from adlkit.plotting.words import percent, short

ROOM_FOR_NAME = 0.085
"""Smallest part of the axis that the name of a horizon fits into."""
LINES = (("immediate", FAINT, "--"), ("opportunity", BOOK, "-"), ("total", ADL, "-"))


def plot_markouts(result: MarkoutResult, *, ax: Axes | None = None) -> Axes:
    """Draw the immediate, opportunity and total markout against the horizon, with the band of the total.

    Parameters
    ----------
    result : MarkoutResult
        What `adlkit.markouts` returns.
    ax : Axes, optional
        Where to draw; a new figure without it.

    Returns
    -------
    Axes
        Basis points of the covered notional over the time after the fill, logarithmic. Hollow marks: an interval with
        a caution, or none.

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> times = pd.to_datetime(["2025-10-10T21:00Z", "2025-10-10T21:01Z"])
    >>> fills = pd.DataFrame({"time": times[:1], "symbol": "BTC", "qty": [2.0], "price": [80.0]})
    >>> prices = pd.DataFrame({"BTC": [78.0, 84.0]}, index=times)
    >>> plot_markouts(adl.markouts(fills, prices, ["30s", "1min"], rng=7)).get_title(loc="left")
    '1 fill of 160: −250 bps after 30s, +500 bps after 1min'
    """
    ax = axes(ax, rows=10)
    known = result.coverage["fills"] > 0
    if not known.any():
        return empty(ax, "No fill has prices at any horizon")
    seconds = pd.TimedeltaIndex(result.coverage.index).total_seconds().to_numpy()
    is_doubtful = (result.coverage["caution"] != "").to_numpy()
    for part, colour, style in LINES:
        rows = result.table.xs(part, level="part")
        ax.plot(seconds, rows["bps"], color=colour, linestyle=style, linewidth=2.0, label=part)
        if part == "total":
            ax.fill_between(seconds, rows["low"], rows["high"], color=colour, alpha=0.2, linewidth=0.0)
        for chosen, face in ((is_doubtful, "white"), (~is_doubtful, colour)):
            ax.scatter(seconds[chosen], rows["bps"].to_numpy()[chosen], s=28, color=face, edgecolor=colour, zorder=3)
    ax.axhline(0.0, color=INK, linewidth=0.8)
    _time_axis(ax, pd.TimedeltaIndex(result.coverage.index))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: _signed(value)))
    ax.set_ylabel(f"bps of notional; band: {percent(result.level)} interval of the total")
    ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)
    hollow = "; hollow: interval with a caution, or none" if is_doubtful.any() else ""
    return finished(ax, _finding(result, known), f"time after the fill{hollow}", grid="y")


def _time_axis(ax: Axes, horizons: pd.TimedeltaIndex) -> None:
    """A logarithmic axis with a tick at each horizon that leaves room for its name."""
    logs = np.log([at.total_seconds() for at in horizons])
    ticks = [horizons[0]]
    for place, at in enumerate(horizons):
        if logs[place] - np.log(ticks[-1].total_seconds()) >= ROOM_FOR_NAME * (logs[-1] - logs[0]) > 0:
            ticks.append(at)
    ax.set_xscale("log")
    ax.set_xticks([at.total_seconds() for at in ticks], [horizon_name(at) for at in ticks])
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.tick_params(axis="x", which="minor", length=0)


def _finding(result: MarkoutResult, known: pd.Series) -> str:
    totals = result.table["bps"].xs("total", level="part")[known].to_numpy()
    names = [horizon_name(at) for at in pd.TimedeltaIndex(known.index[known])]
    ends = (0, -1) if len(names) > 1 else (0,)
    words = [f"{_signed(totals[end])} bps after {names[end]}" for end in ends]
    fills = f"{result.n_fills:,} fill{'s' if result.n_fills > 1 else ''} of {short(result.notional)}"
    return f"{fills}: {', '.join(words)}"


def _signed(value: float) -> str:
    """A number with its sign and three significant digits."""
    sign = "−" if value < 0 else "+" if value > 0 else ""
    return f"{sign}{short(abs(value))}"
