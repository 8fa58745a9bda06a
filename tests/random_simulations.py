"""Random simulations, and the same step by step with `run_event`: whole panels, public functions, no shortcuts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from random_events import random_event

import adlkit as adl

EXITS = (
    adl.exits.Hold(),
    adl.exits.Hold(120.0),
    adl.exits.Immediate(),
    adl.exits.Twap(200.0),
    adl.exits.Participation(0.1),
    adl.exits.Passive(0.01, 0.2),
)


def random_simulation(seed: int, *, unwinds: bool) -> tuple[pd.DataFrame, dict[str, Any]]:
    """A panel, and the other arguments of `simulate`; vaults keep what they take unless `unwinds`."""
    rng = np.random.default_rng([seed, 1])
    panel, event = random_event(seed)
    panel = panel.assign(maintenance_deduction=0.0)
    symbols = panel.index.unique("symbol")
    times = pd.date_range("2025-01-01", periods=12, freq="min", tz="UTC", unit="us")
    moves = rng.normal(0, 0.05, size=(len(times), len(symbols)))
    path = (
        pd.DataFrame(np.exp(np.cumsum(moves, axis=0)), index=times, columns=symbols) * adl.mark_prices(panel)[symbols]
    )
    venue = event["venue"]
    if rng.random() < 0.3:
        venue = venue.with_tiers(random_tiers(panel, rng))
    if unwinds:
        venue = replace(venue, buffers=tuple(unwinding(buffer, rng) for buffer in venue.buffers))
    volumes = pd.DataFrame(rng.exponential(size=path.shape), index=times, columns=symbols) * panel["qty"].abs().mean()
    return panel, {
        "path": path,
        "venue": venue,
        "books": {symbol: book.relative() for symbol, book in event["books"].items()},
        "funding": pd.DataFrame(rng.normal(0, 0.001, size=(2, len(symbols))), index=times[[3, 8]], columns=symbols),
        "volumes": volumes,
        "refill": float(rng.choice([0.0, 90.0, np.inf])),
        "impact": float(rng.choice([0.0, 0.0, 0.5, 1.0])) if unwinds else 0.0,
    }


def random_tiers(panel: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Three tiers for each symbol, with floors among the sizes of its positions."""
    rows = []
    for symbol, size in adl.notional(panel).groupby(level="symbol"):
        floors = np.append(0.0, np.sort((size.mean() + 1.0) * rng.uniform(0.2, 3.0, size=2)))
        rates = np.sort(rng.choice([0.002, 0.005, 0.01, 0.02, 0.04], size=3, replace=False))
        deductions = np.append(0.0, np.cumsum(floors[1:] * np.diff(rates)))
        rows += [(symbol, *tier) for tier in zip(floors, rates, deductions, strict=True)]
    return pd.DataFrame(rows, columns=["symbol", "floor", "rate", "deduction"])


def unwinding(buffer: Any, rng: np.random.Generator) -> Any:
    """The buffer, if it is a vault with an exit rule, fees and perhaps relief."""
    if not isinstance(buffer, adl.BackstopVault):
        return buffer
    rule = EXITS[rng.integers(len(EXITS))]
    return replace(
        buffer, exit_rule=rule, fee_rate=float(rng.choice([0.0, 0.001])), is_relieved=bool(rng.random() < 0.7)
    )


class Step(NamedTuple):
    """State after a step."""

    panel: pd.DataFrame
    buffers: dict[str, Any]
    fills: pd.DataFrame
    stages: pd.DataFrame


def stepwise(panel: pd.DataFrame, given: dict[str, Any]) -> list[Step]:
    """The path by one `run_event` on the whole panel per step."""
    venue, path = given["venue"], given["path"]
    used = {symbol: np.zeros(2) for symbol in given["books"]}
    previous, steps, before = adl.mark_prices(panel), [], path.index[0]
    for time, prices in path.iterrows():
        decay = 0.0 if given["refill"] == 0 else 0.5 ** ((time - before).total_seconds() / given["refill"])
        books = {}
        for symbol, book in given["books"].items():
            used[symbol] *= decay
            whole = np.array([book.bids["qty"].sum(), book.asks["qty"].sum()])
            if (used[symbol] < whole * (1 - 1e-12)).any():
                books[symbol] = book.recentre(prices[symbol]).without(bids=used[symbol][0], asks=used[symbol][1])
        if time in given["funding"].index:
            panel, venue = funded(panel, venue, prices, given["funding"].loc[time])
        event = adl.run_event(panel, prices, venue=venue, books=books, previous_marks=previous, oracles=prices)
        for (symbol, side, stage), qty in event.stages["qty"].items():
            if stage in {"book", "insurance fund"} and symbol in used:
                place = 0 if side == "long" else 1
                used[symbol][place] += qty
        panel, venue = event.panel, venue.with_buffers(*event.buffers.values())
        previous, before = prices, time
        steps.append(Step(panel, event.buffers, event.fills, event.stages))
    return steps


def funded(panel: pd.DataFrame, venue: Any, prices: pd.Series, rates: pd.Series) -> tuple[pd.DataFrame, Any]:
    """Panel and venue after longs have paid shorts."""
    marked = adl.mark_to(panel, prices, tiers=venue.tiers)
    rate = rates.reindex(panel.index.get_level_values("symbol")).to_numpy()
    paid = np.sign(panel["qty"]) * adl.notional(marked) * rate
    buffers = []
    for buffer in venue.buffers:
        if isinstance(buffer, adl.BackstopVault):
            inverse = (panel["contract"] == "inverse").any()
            values = {symbol: (-1 / price if inverse else price) for symbol, price in prices.items()}
            buffer = buffer.remark(values)
            lost = sum(np.sign(held.qty) * held.notional * rates[symbol] for symbol, held in buffer.inventory.items())
            buffer = buffer.receive(-float(lost))
        buffers.append(buffer)
    return panel.assign(collateral=panel["collateral"] - paid), venue.with_buffers(*buffers)
