"""Figures of allocations: who could give, and who gives."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from adlkit.allocation import AllocationResult
from adlkit.contracts import Floats
from adlkit.plotting.figure import ADL, CAPACITY, INK, axes, empty, finished
from adlkit.plotting.words import in_thousands, short

MOST_SEPARATORS = 60


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
    ax = axes(ax, rows=6)
    queue = _queue(result)
    if not queue["capacity"].sum() > 0:
        return empty(ax, "Nobody has capacity to give")
    edges = np.r_[0.0, queue["capacity"].cumsum()]
    ax.stairs(np.ones(len(queue)), edges, fill=True, color=CAPACITY, label="capacity")
    ax.stairs(queue["taken"] / queue["capacity"], edges, fill=True, color=ADL, label="taken")
    _separate(ax, edges, queue["group"])
    ax.set_xlim(0.0, edges[-1])
    ax.set_ylim(0.0, 1.0)
    ax.yaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{share:.0%}"))
    ax.set_ylabel("share of capacity taken")
    ax.legend(loc="upper right", frameon=True, framealpha=0.9, edgecolor="none")
    ax.xaxis.set_major_formatter(FuncFormatter(in_thousands))
    return finished(ax, _allocation_finding(result), "capacity, in queue order")


def _allocation_finding(result: AllocationResult) -> str:
    summary = result.summary()
    giving = f"{summary['giving']:,.0f} of {summary['candidates']:,.0f} candidates give"
    if result.residual > 0:
        return f"{giving} {short(summary['taken'])}; {short(result.residual)} of {short(summary['target'])} stays open"
    return f"{giving} the {short(summary['target'])} asked for"


def _queue(result: AllocationResult) -> pd.DataFrame:
    """Capacity and taken in queue order, group by group, without candidates who have nothing to give."""
    columns = {"capacity": result.capacity, "taken": result.taken, "group": result._groups.codes}
    table = pd.DataFrame(columns).sort_values("group", kind="stable")
    return table[table["capacity"] > 0]


def _separate(ax: Axes, edges: Floats, group: pd.Series) -> None:
    """Lines between groups, and thin ones between candidates where they would not hide them."""
    inner, changes = edges[1:-1], np.diff(group.to_numpy()) != 0
    if len(inner) <= MOST_SEPARATORS:
        ax.vlines(inner, 0.0, 1.0, color="white", linewidth=0.8)
    ax.vlines(inner[changes], 0.0, 1.0, color=INK, linewidth=1.0)
