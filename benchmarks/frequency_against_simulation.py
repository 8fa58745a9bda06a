"""Days with ADL among simulated days, against what `adl_frequency` expects of them.

    python benchmarks/frequency_against_simulation.py [days]

Three synthetic markets. Each day starts at the same panel; one shock moves all symbols by their betas, a fall or a
rise with equal chances, of a size that is exactly generalised Pareto. Every day goes through `simulate` with books
and buffers: counted are days on which somebody is deleveraged, and days whose deficits, summed account by account,
exceed the fund. Expected is what `adl_frequency` says with the true law: in contracts (the venue) and in money (the
buffer). Ratio: counted over expected, with its exact Poisson interval (Garwood). About three minutes of one core.
"""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
from markets import calm, market, one_symbol
from tqdm import tqdm

import adlkit as adl
from adlkit.tails.pareto import excess_at

SHAPE, SCALE, LARGEST = 0.25, 0.025, 0.6
PER_YEAR = 365.25


def true_tail() -> adl.TailFit:
    """The law of one side: half of the days have a move, generalised Pareto from zero."""
    record = pd.Series(np.tile([0.0, 1.0], 1000), pd.date_range("2015-01-01", periods=2000, tz="UTC"))
    return adl.TailFit(
        moves=record, threshold=0.0, gap=0, periods_per_year=PER_YEAR, estimator=adl.tails.maximum_likelihood,
        peaks=record[record > 0], shape=SHAPE, scale=SCALE, cautions=(),
    )  # fmt: skip


def shocks(n: int, seed: int) -> np.ndarray:
    """Signed moves of the factor; those beyond 60% are 60%, since no distance here is so far."""
    rng = np.random.default_rng(seed)
    size = excess_at(rng.standard_exponential(n), SHAPE, SCALE)
    return rng.choice([-1.0, 1.0], n) * np.minimum(size, LARGEST)


def cases() -> dict[str, tuple[pd.DataFrame, adl.VenueRules, dict[str, adl.OrderBook], dict[str, float], float]]:
    """Panels, venues, books, betas and funds."""
    low, high, many = one_symbol(250), market(400, n_symbols=3, seed=2), market(500, n_symbols=5, seed=3)
    many = calm(many)
    low = calm(adl.scale_leverage(low, 0.7))
    high = calm(adl.scale_leverage(high, 1.2))
    found = {}
    for name, panel, share, depth, fund in (
        ("one symbol, low leverage, deep book", low, 0.02, 1.0, 0.02),
        ("three symbols, high leverage, thin books", high, 0.01, 0.5, 0.02),
        ("five symbols, fund only", many, 0.02, 0.0, 0.01),
    ):
        size = adl.notional(panel).groupby(level="symbol").sum() / 2.0
        marks = adl.mark_prices(panel)
        books = {
            symbol: adl.OrderBook.power_law(depth=float(share * depth * size[symbol] / marks[symbol]), exponent=1.0)
            for symbol in size.index
            if depth
        }
        betas = {symbol: 1.0 - 0.1 * place for place, symbol in enumerate(size.index)}
        money = float(fund * size.sum())
        found[name] = panel, adl.venues.bitmex.with_buffers(adl.InsuranceFund(money)), books, betas, money
    return found


def counted(
    panel: pd.DataFrame,
    venue: adl.VenueRules,
    books: dict[str, adl.OrderBook],
    betas: dict[str, float],
    fund: float,
    moves: np.ndarray,
    name: str,
) -> tuple[int, int]:
    """Days with somebody deleveraged, and days with deficits beyond the fund."""
    marks = adl.mark_prices(panel)
    beta, deleveraged, exhausted = pd.Series(betas).reindex(marks.index), 0, 0
    for move in tqdm(moves, unit="day", desc=name):
        moved = marks * (1.0 + move * beta)
        day = adl.simulate(panel, moved.to_frame(DAY).T, venue=venue, books=books)
        deleveraged += int(len(day.fills) > 0)
        exhausted += int(adl.shortfall(adl.mark_to(panel, moved)).sum() > fund)
    return deleveraged, exhausted


DAY = pd.Timestamp("2025-01-01", tz="UTC")


def main(days: int) -> None:
    tail, rows = true_tail(), []
    for seed, (name, (panel, venue, books, betas, fund)) in enumerate(cases().items()):
        factor = adl.MarketFactor(betas, down=tail, up=tail)
        options = {"factor": factor, "n_resamples": 1, "n_panels": 0, "rng": 0}
        ways = {"deleveraged": {"venue": venue, "books": books}, "fund exhausted": {"buffer": fund}}
        counts = counted(panel, venue, books, betas, fund, shocks(days, seed), name)
        for (what, how), count in zip(ways.items(), counts, strict=True):
            table = adl.adl_frequency(panel, **how, **options).table.loc["venue"]
            expected = float(table.loc["both", "per_year"]) * days / PER_YEAR
            ratio = adl.episode_rate(count, expected, unit="expected event").table.iloc[0]
            fall, rise = (f"{table.loc[side, 'distance']:.1%}" for side in ("long", "short"))
            rows.append([name, what, fall, rise, count, expected, ratio["rate"], ratio["low"], ratio["high"]])
    columns = ["market", "event", "fall", "rise", "counted", "expected", "ratio", "low", "high"]
    print(f"{days:,} days in each market; interval: exact, 95%")
    print(pd.DataFrame(rows, columns=columns).round(3).to_string(index=False))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 4_000)
