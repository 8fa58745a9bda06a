"""How often the 95% interval of a required fund holds the truth, over many simulated records.

    python benchmarks/buffer_coverage.py [records]

The panel is fixed (``synthetic_crash``; one factor) and known. Every record is ten years of days; falls and rises
beyond a threshold of 6% are each a Poisson number, 50 or 150 expected, of exactly generalised Pareto excesses. The tail
is fitted above that threshold and drawn 400 times, as in `size_buffer`. The truth is the fund that the true tails ask
for. A draw asks for a smaller fund where its rate at the true one is below 1 / T: what share of the draws does says on
which side of the interval the truth lies, without solving for funds. About five minutes of one core.
"""

from __future__ import annotations

import sys
import warnings

import numpy as np
import pandas as pd
from tqdm import tqdm

import adlkit as adl
from adlkit.frequency.lines import factor_curves, reach_of_draws, uncertain
from adlkit.frequency.sizing import estimated_funds
from adlkit.tails.pareto import excess_at

DAYS, YEARS = 3650, 3650 / 365.25
TIMES = pd.date_range("2015-01-01", periods=DAYS, tz="UTC")
PERIODS = (1.0, 5.0, 20.0)
SHAPE, SCALE, THRESHOLD, DRAWS = 0.2, 0.02, 0.06, 400
BETAS = {"BTC": 1.0, "ETH": 1.2, "SOL": 1.5, "DOGE": 1.6}
warnings.simplefilter("ignore", adl.errors.TailWarning)


def record(n_events: float, rng: np.random.Generator) -> pd.Series:
    """Moves of one side."""
    is_event = rng.random(DAYS) < n_events / DAYS
    excess = excess_at(rng.standard_exponential(DAYS), SHAPE, SCALE)
    return pd.Series(np.where(is_event, THRESHOLD + excess, 0.01), TIMES)


def true_tail(n_events: int) -> adl.TailFit:
    """The law that records are drawn from."""
    moves = pd.Series(np.where(np.arange(DAYS) < n_events, THRESHOLD + SCALE, 0.01), TIMES)
    return adl.TailFit(
        moves=moves, threshold=THRESHOLD, gap=0, periods_per_year=365.25, estimator=adl.tails.maximum_likelihood,
        peaks=moves[moves > THRESHOLD], shape=SHAPE, scale=SCALE, cautions=(),
    )  # fmt: skip


def main(n: int) -> None:
    panel, columns = adl.load_dataset("synthetic_crash"), {}
    for n_events in (50, 150):
        truth = adl.MarketFactor(BETAS, down=true_tail(n_events), up=true_tail(n_events))
        curves = factor_curves(panel, truth, 0, np.random.default_rng(0))
        funds = {years: float(estimated_funds(curves, truth, years)[0]) for years in PERIODS}
        below: dict[float, list[float]] = {years: [] for years in PERIODS}
        for seed in tqdm(range(n), unit="record", desc=f"{n_events} events"):
            rng = np.random.default_rng(seed)
            down, up = (adl.fit_tail(record(n_events, rng), threshold=THRESHOLD, gap=0) for _ in range(2))
            unknown = uncertain((down, up), DRAWS, 0, rng)
            for years, fund in funds.items():
                rates = unknown.rates(reach_of_draws(curves, unknown.which, np.full(DRAWS, fund))).sum(axis=0)
                below[years].append(float((rates <= 1.0 / years).mean()))
        share = pd.DataFrame(below)
        columns[f"{n_events} events a side"] = pd.DataFrame(
            {
                "true fund": funds,
                "coverage [%]": 100.0 * ((share >= 0.025) & (share <= 0.975)).mean(),
                "truth above [%]": 100.0 * (share > 0.975).mean(),
                "truth below [%]": 100.0 * (share < 0.025).mean(),
            }
        )
    error = 100.0 * np.sqrt(0.95 * 0.05 / n)
    print(f"records {n:,} of {DAYS:,} days each; standard error of a coverage of 95%: {error:.2f} points")
    print(pd.concat(columns, names=["events", "return period"]).round(1).to_string())


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2_000)
