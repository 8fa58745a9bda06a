"""How large a vault should be: its profit and risk, and what winners give up, by its capacity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from adlkit._display import SummaryRepr
from adlkit.book import OrderBook
from adlkit.buffers import BackstopVault
from adlkit.errors import VenueError
from adlkit.paths import PricePaths
from adlkit.simulation.ensemble import Job, in_parallel
from adlkit.vault.risk import expected_shortfall
from adlkit.venues import VenueRules

if TYPE_CHECKING:
    from matplotlib.axes import Axes

KEPT = ["vault_pnl", "drawdown", "least_equity", "taken", "deleveraged", "forgone", "residual"]
WORST = 0.05
"""Share of paths that the expected shortfall looks at."""


@dataclass(frozen=True, eq=False, repr=False)
class CapacityCurve(SummaryRepr):
    """A vault over the same paths at several sizes; see `capacity_curve`.

    Parameters
    ----------
    outcomes : DataFrame, index (capacity, path)
        Columns of `EnsembleResult.outcomes` that depend on it [ccy].
    paths : DataFrame, index path
        What the paths drew.

    Examples
    --------
    >>> import adlkit as adl
    >>> crash = {"depth": (0.1, 0.4), "fall": 600.0, "rebound": (0.0, 1.0), "volatility": 0.02}
    >>> paths = adl.crash_paths({"BTC": 70.0}, n_paths=3, n_steps=20, step=60.0, **crash, rng=7)
    >>> venue = adl.venues.hyperliquid.with_buffers(adl.BackstopVault(equity=1.0))
    >>> curve = adl.capacity_curve(adl.load_dataset("four_accounts"), paths, [10.0, 1000.0], venue=venue, workers=1)
    >>> curve.table["deleveraged"].tolist()
    [130.0, 0.0]
    """

    outcomes: pd.DataFrame
    paths: pd.DataFrame

    @property
    def table(self) -> pd.DataFrame:
        """Means over the paths by capacity.

        Returns
        -------
        DataFrame, index ``capacity`` [ccy]
            Means of ``vault_pnl``, ``drawdown``, ``taken``, ``deleveraged``, ``forgone`` and ``residual`` [ccy];
            ``expected_shortfall``: mean loss of the vault in the worst 5% of paths [ccy, a gain is negative];
            ``ruin`` [1]: share of paths on which its equity falls below zero.
        """
        groups = self.outcomes.groupby(level="capacity")
        means = groups.mean().drop(columns="least_equity")
        ruin = self.outcomes["least_equity"].lt(0).groupby(level="capacity").mean()
        worst = groups["vault_pnl"].agg(lambda pnl: expected_shortfall(pnl.to_numpy(), 1.0 - WORST))
        return means.assign(expected_shortfall=worst, ruin=ruin)

    @property
    def marginal(self) -> pd.DataFrame:
        """What one more unit of capacity brings, between neighbouring sizes and on the same paths.

        Returns
        -------
        DataFrame, index (``above``, ``below``)
            Difference of ``vault_pnl``, ``drawdown``, ``deleveraged`` and ``forgone`` per unit of capacity [1], and its
            standard error over paths (``..._error``).
        """
        columns = ["vault_pnl", "drawdown", "deleveraged", "forgone"]
        sizes = self.outcomes.index.unique("capacity")
        rows = {}
        for small, large in pairwise(sizes):
            gain = (self.outcomes.loc[large, columns] - self.outcomes.loc[small, columns]) / (large - small)
            rows[small, large] = pd.concat([gain.mean(), gain.sem().add_suffix("_error")])
        table = pd.DataFrame(rows).T
        return table.rename_axis(["above", "below"])

    def summary(self) -> pd.Series:
        """Where the vault earns most on average, where winners stop paying, and what lies between."""
        table = self.table
        sizes, mean = table.index.to_numpy(dtype=float), table["vault_pnl"].to_numpy()
        none = sizes[table["deleveraged"].to_numpy() <= 0]
        return pd.Series(
            {
                "paths": float(len(self.paths)),
                "sizes": float(len(table)),
                "capacity of largest mean vault_pnl": float(sizes[mean.argmax()]),
                "largest mean vault_pnl": float(mean.max()),
                "least capacity without deleveraging": float(none[0]) if len(none) else np.nan,
            }
        )

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the vault's profit and what winners forgo; see `adlkit.plotting.plot_capacity`."""
        from adlkit.plotting import plot_capacity

        return plot_capacity(self, ax=ax)


def capacity_curve(
    panel: pd.DataFrame,
    paths: PricePaths,
    capacities: Sequence[float],
    *,
    venue: VenueRules,
    books: Mapping[str, OrderBook] | None = None,
    refill: float = 600.0,
    impact: float = 0.0,
    volumes: pd.DataFrame | None = None,
    workers: int | None = None,
) -> CapacityCurve:
    """Run an ensemble of paths once for each size of the venue's vault.

    Parameters
    ----------
    panel, paths, venue, books, refill, impact, volumes, workers
        As in `simulate_ensemble`. The venue has one `BackstopVault`, whose equity is replaced.
    capacities : sequence of float
        Equity of the vault [ccy], rising.

    Returns
    -------
    CapacityCurve

    Raises
    ------
    VenueError
        If the venue has no vault, or several, or the capacities do not rise.

    Notes
    -----
    The same paths are used at every size, so that differences are of the vault alone. More capacity changes who is
    liquidated when only through `impact` and through ADL; what the vault does not take, winners close.

    Examples
    --------
    >>> import adlkit as adl
    >>> crash = {"depth": 0.1, "fall": 60.0, "rebound": 1.0}
    >>> paths = adl.crash_paths({"BTC": 70.0}, n_paths=2, n_steps=2, step=60.0, **crash, rng=1)
    >>> venue = adl.venues.hyperliquid.with_buffers(adl.BackstopVault(equity=1.0))
    >>> curve = adl.capacity_curve(adl.load_dataset("four_accounts"), paths, [10.0, 1000.0], venue=venue, workers=1)
    >>> curve.table["taken"].round(6).tolist()
    [10.0, 140.0]
    """
    vaults = [place for place, buffer in enumerate(venue.buffers) if isinstance(buffer, BackstopVault)]
    if len(vaults) != 1:
        raise VenueError(f"a capacity curve needs a venue with one BackstopVault, got {len(vaults)}")
    sizes = [float(size) for size in capacities]
    if not sizes or any(low >= high for low, high in pairwise(sizes)):
        raise VenueError(f"capacities must rise, at least one; got {capacities!r}")
    options = {"books": books, "refill": refill, "impact": impact, "volumes": volumes}
    work = Sized(Job(panel, paths, venue, options), vaults[0])
    tasks = [(size, number) for size in sizes for number in paths.shapes.index]
    rows = list(in_parallel(work.run, tasks, workers=workers, what="capacities"))
    index = pd.MultiIndex.from_tuples(tasks, names=["capacity", "path"])
    return CapacityCurve(pd.DataFrame(rows, index=index)[KEPT], paths.shapes)


class Sized(NamedTuple):
    """A job whose vault, at a place among the buffers, is replaced by one of another size."""

    job: Job
    place: int

    def run(self, task: tuple[float, int]) -> dict[str, float]:
        """What a path comes to with a vault of a size."""
        size, number = task
        venue = self.job.venue
        buffers = list(venue.buffers)
        buffers[self.place] = replace(buffers[self.place], equity=size)  # type: ignore[type-var]
        outcome, _ = self.job._replace(venue=venue.with_buffers(*buffers)).run(number)
        return outcome
