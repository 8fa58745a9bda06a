"""Many paths at once: one simulation each, over all cores, and what each path came to."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np
import pandas as pd
from tqdm import tqdm

from adlkit._display import SummaryRepr
from adlkit.book import OrderBook
from adlkit.buffers import BackstopVault
from adlkit.contracts import Floats
from adlkit.distress import BOOK
from adlkit.errors import PathError
from adlkit.paths import PricePaths
from adlkit.simulation.result import SimulationResult
from adlkit.simulation.single import simulate
from adlkit.tally import RESIDUAL
from adlkit.vault import PARTS
from adlkit.venues import VenueRules

if TYPE_CHECKING:
    from matplotlib.axes import Axes

T = TypeVar("T")
QUANTILES = (0.05, 0.5, 0.95)
INSTANT = pd.Timedelta(1, unit="us")


@dataclass(frozen=True, eq=False, repr=False)
class EnsembleResult(SummaryRepr):
    """What each path of an ensemble came to; see `simulate_ensemble`.

    Parameters
    ----------
    outcomes : DataFrame, index path
        What the path drew (``depth``, ``rebound``, ...), then [ccy]: ``vault_pnl`` of all vaults together and its parts
        (``pnl_discount``, ...; see `vault_pnl`), ``vault_return`` [1, on their means at the start], ``drawdown``
        (largest fall of the vaults' equity from an earlier level), ``least_equity``, ``taken`` (notional taken over, at
        the marks), ``break_even_discount`` [1, of what was taken: at which profit would have been zero, other parts as
        they were], ``largest_use`` [1] of what they may hold; ``closed_in_book``, ``deleveraged`` (by winners, of which
        ``relieved`` against inventories of vaults) and ``forgone`` by winners, ``adl_seconds`` (from the start to the
        first deleveraging; NaN: none), ``residual`` (written off), ``fund_paid`` (by other buffers), ``liquidated``
        (accounts) and ``imbalance`` [1].
    equity, margin : Series, index (path, time)
        Of all vaults together [ccy]: their equity, and notional over the leverage that they may have; first the state
        before the path, one microsecond earlier: what `vault_risk` reads.

    Examples
    --------
    >>> import adlkit as adl
    >>> crash = {"depth": (0.1, 0.4), "fall": 600.0, "rebound": (0.0, 1.0), "volatility": 0.02}
    >>> paths = adl.crash_paths({"BTC": 100.0}, n_paths=3, n_steps=20, step=60.0, **crash, rng=7)
    >>> vault = adl.BackstopVault(equity=1000.0)
    >>> venue = adl.venues.hyperliquid.with_buffers(vault)
    >>> panel = adl.mark_to(adl.load_dataset("four_accounts"), {"BTC": 100.0})
    >>> ensemble = adl.simulate_ensemble(panel, paths, venue=venue, workers=1)
    >>> ensemble.outcomes["liquidated"].tolist()
    [1.0, 1.0, 1.0]
    """

    outcomes: pd.DataFrame
    equity: pd.Series
    margin: pd.Series

    def summary(self) -> pd.Series:
        """Over the paths: quantiles of the vaults' profit, how often it loses, and how often winners are closed."""
        pnl = self.outcomes["vault_pnl"]
        quantiles = {f"vault_pnl, {level:.0%} quantile": pnl.quantile(level) for level in QUANTILES}
        return pd.Series(
            {
                "paths": float(len(pnl)),
                "mean vault_pnl": pnl.mean(),
                **quantiles,
                "share of paths with a loss": (pnl < 0).mean(),
                "share of paths with deleveraging": (self.outcomes["deleveraged"] > 0).mean(),
                "mean forgone by winners": self.outcomes["forgone"].mean(),
                "largest imbalance": self.outcomes["imbalance"].max(),
            }
        )

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the vaults' profit against the depth of the crash; see `adlkit.plotting.plot_ensemble`."""
        from adlkit.plotting import plot_ensemble

        return plot_ensemble(self, ax=ax)


def simulate_ensemble(
    panel: pd.DataFrame,
    paths: PricePaths,
    *,
    venue: VenueRules,
    books: Mapping[str, OrderBook] | None = None,
    refill: float = 600.0,
    impact: float = 0.0,
    volumes: pd.DataFrame | None = None,
    workers: int | None = None,
) -> EnsembleResult:
    """Run every path of an ensemble through `simulate`, in parallel.

    Parameters
    ----------
    panel, venue, books, refill, impact, volumes
        As in `simulate`; the same for every path.
    paths : PricePaths
        See `crash_paths`.
    workers : int, optional
        Processes; all cores if not given, 1: this one. The result does not depend on it.

    Returns
    -------
    EnsembleResult
        One row per path, in their order. Shows a progress bar (``TQDM_DISABLE=1`` hides it).

    Raises
    ------
    PathError
        If `workers` is below 1; else as `simulate`.

    Examples
    --------
    >>> import adlkit as adl
    >>> crash = {"depth": 0.1, "fall": 60.0, "rebound": 1.0}
    >>> paths = adl.crash_paths({"BTC": 70.0}, n_paths=2, n_steps=2, step=60.0, **crash, rng=1)
    >>> panel = adl.load_dataset("four_accounts")
    >>> adl.simulate_ensemble(panel, paths, venue=adl.venues.dydx_v4, workers=1).outcomes["depth"].tolist()
    [0.1, 0.1]
    """
    job = Job(panel, paths, venue, {"books": books, "refill": refill, "impact": impact, "volumes": volumes})
    found = list(in_parallel(job.run, list(paths.shapes.index), workers=workers, what="paths"))
    outcomes = pd.DataFrame([row for row, _ in found], index=paths.shapes.index)
    times = paths.times.insert(0, paths.times[0] - INSTANT)
    index = pd.MultiIndex.from_product([paths.shapes.index, times], names=["path", "time"])
    equity, margin = np.array([along for _, along in found]).transpose(1, 0, 2).reshape(2, -1)
    return EnsembleResult(
        paths.shapes.join(outcomes), pd.Series(equity, index, name="equity"), pd.Series(margin, index, name="margin")
    )


class Job(NamedTuple):
    """What is the same for every path."""

    panel: pd.DataFrame
    paths: PricePaths
    venue: VenueRules
    options: dict[str, Any]

    def run(self, number: int) -> tuple[dict[str, float], Floats]:
        """What a path comes to, and equity and margin of the vaults before and along it."""
        result = simulate(self.panel, self.paths.path(number), venue=self.venue, **self.options)
        along = vault_history(result)
        return {**vault_outcome(result, along[0]), **market_outcome(result)}, along


def vault_history(result: SimulationResult) -> Floats:
    """Equity and margin of all vaults together [ccy], before the first step and after each: shape (2, n_steps + 1)."""
    history = np.zeros((2, len(result.times) + 1))
    for name, before in result.buffers_before.items():
        if isinstance(before, BackstopVault):
            own = result.vaults.xs(name, level="vault")
            history[0] += np.append(before.equity, own["equity"])
            if before.max_leverage > 0:
                history[1] += np.append(before.notional, own["notional"]) / before.max_leverage
    return history


def vault_outcome(result: SimulationResult, equity: Floats) -> dict[str, float]:
    """What the vaults of a simulation came to; see `EnsembleResult`."""
    vaults = [buffer for buffer in result.buffers_before.values() if isinstance(buffer, BackstopVault)]
    means = sum(vault.means for vault in vaults)
    parts = dict.fromkeys(PARTS, 0.0)
    for vault in vaults:
        found = result.vault_pnl(vault.name).parts
        parts = {part: value + float(found[part]) for part, value in parts.items()}
    pnl = float(equity[-1] - equity[0])
    taken = sum(
        abs(trade.qty * result.values[trade.step, trade.symbol])
        for trade in result.records.vault_trades
        if trade.kind == "takeover"
    )
    peak = np.maximum.accumulate(equity)
    return {
        "vault_pnl": pnl,
        "vault_return": pnl / means if means > 0 else np.nan,
        **{f"pnl_{part.replace(' ', '_')}": value for part, value in parts.items()},
        "drawdown": float((peak - equity).max()),
        "least_equity": float(equity.min()),
        "taken": float(taken),
        "break_even_discount": (parts["discount"] - pnl) / taken if taken > 0 else np.nan,
        "largest_use": float(result.vaults["use"].max()),
    }


def market_outcome(result: SimulationResult) -> dict[str, float]:
    """What a simulation came to for everybody else; see `EnsembleResult`."""
    chunks, seconds = result.records.deleveragings, result.conditions.seconds
    funds = [name for name, buffer in result.buffers_before.items() if not isinstance(buffer, BackstopVault)]
    money, summary = result.money.iloc[-1], result.summary()
    return {
        "closed_in_book": summary[f"closed by {BOOK}"],
        "deleveraged": float(sum((chunk.qty * np.abs(chunk.mark)).sum() for chunk in chunks)),
        "relieved": float(sum((chunk.qty * np.abs(chunk.mark)).sum() for chunk in chunks if chunk.vault)),
        "forgone": float(sum(chunk.forgone.sum() for chunk in chunks)),
        "adl_seconds": float(seconds[chunks[0].step]) if chunks else np.nan,
        "residual": -float(money[RESIDUAL]),
        "fund_paid": float(sum(result.buffers_before[name].money - money[name] for name in funds)),
        "liquidated": summary["accounts liquidated"],
        "imbalance": result.imbalance,
    }


def in_parallel(work: Callable[[Any], T], tasks: Sequence[Any], *, workers: int | None, what: str) -> Iterator[T]:
    """Results of `work` on each task, in order, with a progress bar; what `work` holds is sent to the processes."""
    workers = (os.cpu_count() or 1) if workers is None else workers
    if workers < 1:
        raise PathError(f"workers must be 1 or more, got {workers!r}")
    with tqdm(total=len(tasks), desc=what) as bar:
        for result in _results(work, tasks, min(workers, len(tasks))):
            bar.update()
            yield result


def _results(work: Callable[[Any], T], tasks: Sequence[Any], workers: int) -> Iterator[T]:
    if workers <= 1:
        yield from map(work, tasks)
        return
    try:
        pickle.dumps(work)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise PathError(
            f"processes cannot share this ({error}); define your rules in a module, or pass workers=1"
        ) from error
    with ProcessPoolExecutor(workers, initializer=_start, initargs=(work,)) as pool:
        yield from pool.map(_work, tasks, chunksize=max(1, len(tasks) // (8 * workers)))


_JOB: list[Callable[[Any], Any]] = []
"""What this process has been started for."""


def _start(work: Callable[[Any], Any]) -> None:
    _JOB[:] = [work]


def _work(task: Any) -> Any:
    return _JOB[0](task)
