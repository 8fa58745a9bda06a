"""Figures of the distance to ADL: how far a market is from it, and how far into the queue a move reaches."""

from __future__ import annotations

from itertools import cycle

import matplotlib.dates as mdates
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from adlkit.contracts import Floats
from adlkit.plotting.figure import ADL, BOOK, BUFFERS, FAINT, INK, NAME_LENGTH, axes, empty, finished
from adlkit.plotting.words import percent, plain, signed_move

COLOURS = (BOOK, ADL, *BUFFERS)
EDGE = 1.0
"""Largest move drawn [1]."""


def plot_distance(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw the moves that reach ADL over time: falls below the marks, rises above them, one colour per symbol.

    Parameters
    ----------
    table : DataFrame, index (time, symbol, side)
        What `adlkit.distance_to_adl` returns for a panel of snapshots.
    ax : Axes, optional
        Where to draw; a new figure without it.

    Returns
    -------
    Axes
        Lines [% of the mark]; a gap where no move gets there. What lies between them is safe.

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> panel, times = adl.load_dataset("four_accounts"), pd.date_range("2025-10-10", periods=2, freq="h", tz="UTC")
    >>> panels = {time.as_unit("us"): adl.mark_to(panel, {"BTC": mark}) for time, mark in zip(times, [100.0, 90.0])}
    >>> table = adl.distance_to_adl(pd.concat(panels, names=["time"]), buffer=10.0)
    >>> plot_distance(table).get_title(loc="left")
    'Nearest to ADL at 01:00 UTC: a fall of BTC by 17%'
    """
    ax = axes(ax, rows=9)
    moves = table["percent"].replace(np.inf, np.nan) / 100
    if not moves.notna().any():
        return empty(ax, "No move reaches ADL")
    for colour, symbol in zip(cycle(COLOURS), table.index.unique("symbol"), strict=False):
        for side, sign in (("long", -1.0), ("short", 1.0)):
            line = sign * moves.xs((symbol, side), level=("symbol", "side"))
            label = plain(symbol, NAME_LENGTH) if sign < 0 else None
            ax.plot(line.index, line.to_numpy(), color=colour, linewidth=1.8, marker="o", markersize=3, label=label)
    ax.axhline(0.0, color=INK, linewidth=1.0)
    ax.xaxis.set_major_formatter(mdates.DateFormatter("%H:%M"))  # type: ignore[no-untyped-call]
    ax.yaxis.set_major_formatter(FuncFormatter(signed_move))
    ax.set_ylabel("move that reaches ADL")
    ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)
    return finished(ax, _nearest_finding(moves), "time of day [UTC]", grid="y")


def plot_reach(panel: pd.DataFrame, reach: pd.DataFrame, *, symbol: str, ax: Axes | None = None) -> Axes:
    """Draw how far into the queues of a symbol each move reaches: shorts on a fall, longs on a rise.

    Parameters
    ----------
    panel : DataFrame
        Checked positions of one moment.
    reach : DataFrame
        What `adlkit.adl_reach` returns for it.
    symbol : str
        The symbol that moves.
    ax : Axes, optional
        Where to draw; a new figure without it.

    Returns
    -------
    Axes
        Share of each side's contracts [1] whose ADL price lies at or within a move [1] of the mark.

    Examples
    --------
    >>> import adlkit as adl
    >>> panel = adl.mark_to(adl.load_dataset("four_accounts"), {"BTC": 100.0})
    >>> reach = adl.adl_reach(panel, venue=adl.venues.bitmex)
    >>> plot_reach(panel, reach, symbol="BTC").get_title(loc="left")
    'BTC: ADL reaches shorts at −16%, longs at +14%'
    """
    ax = axes(ax, rows=9)
    own = panel.index.get_level_values("symbol") == symbol
    qty, move = panel["qty"][own], (reach["adl_price"] / panel["mark_price"] - 1.0)[own]
    firsts = []
    for name, sign, colour in (("shorts", -1.0, BOOK), ("longs", 1.0, ADL)):
        steps = _cumulated(qty[qty * sign > 0].abs(), sign * move[qty * sign > 0])
        firsts.append(steps[0])
        ax.step(sign * steps[0], steps[1], where="post", color=colour, linewidth=2.0, label=name)
        ax.fill_between(sign * steps[0], steps[1], step="post", color=colour, alpha=0.2, linewidth=0.0)
    ax.axvline(0.0, color=FAINT, linewidth=0.8, linestyle=(0, (4, 3)))
    ax.set_xlim(-EDGE, EDGE)
    ax.set_ylim(0.0, 1.0)
    ax.xaxis.set_major_formatter(FuncFormatter(signed_move))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda share, _: percent(share)))
    ax.set_ylabel("share of the side's contracts reached")
    ax.legend(loc="upper center", frameon=False, ncols=2)
    return finished(ax, _reach_finding(symbol, firsts), f"move of {plain(symbol, NAME_LENGTH)} from its mark", grid="y")


def _cumulated(qty: pd.Series, move: pd.Series) -> tuple[Floats, Floats]:
    """Moves at which positions are reached, and the share of contracts reached by then: from no move to the edge."""
    reached = move[move >= 0].sort_values(kind="stable")
    share = qty.reindex(reached.index).cumsum() / qty.sum()
    edge, whole = max([EDGE, *reached.tail(1)]), share.iloc[-1] if len(share) else 0.0
    return np.concatenate(([0.0], reached, [edge])), np.concatenate(([0.0], share, [whole]))


def _reach_finding(symbol: str, moves: list[Floats]) -> str:
    firsts = [sign * float(move[1]) if len(move) > 2 else np.nan for sign, move in zip((-1.0, 1.0), moves, strict=True)]
    words = [
        f"{name} at {signed_move(first)}" if np.isfinite(first) else f"no {name}"
        for name, first in zip(("shorts", "longs"), firsts, strict=True)
    ]
    return f"{plain(symbol, NAME_LENGTH)}: ADL reaches {', '.join(words)}"


def _nearest_finding(moves: pd.Series) -> str:
    place = int(np.nanargmin(moves.to_numpy()))
    time, symbol, side = moves.index.to_frame().iloc[place][["time", "symbol", "side"]]
    word, least = "fall" if side == "long" else "rise", percent(float(moves.to_numpy()[place]))
    return f"Nearest to ADL at {time:%H:%M} UTC: a {word} of {plain(symbol, NAME_LENGTH)} by {least}"
