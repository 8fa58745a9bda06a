"""How often 95% intervals of a tail hold the truth, over many simulated records.

    python benchmarks/tail_coverage.py [records]

Every record is ten years of days without clustering. "pareto" has a Poisson number of events above the threshold whose
excesses are exactly generalised Pareto; "student t" is days of absolute t returns with 4 degrees of freedom, to which
a generalised Pareto tail is only an approximation. The truth of the latter is the exact quantile; its shape, 1/4, is
the limit. Profile likelihood: the truth is inside where a likelihood ratio test does not reject it, which is the same
as computing both ends, and faster. Posterior: percentile intervals of 1,000 draws. Bootstrap: percentile intervals of
400 refits, on every eighth record only. About six minutes of one core.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator

import numpy as np
import pandas as pd
from scipy import stats
from tqdm import tqdm

import adlkit as adl
from adlkit.contracts import Floats
from adlkit.tails.pareto import excess_at, log_likelihood, scale_given
from adlkit.tails.profile import cut, profile_height

DAYS, YEARS, REFITS = 3650, 3650 / 365.25, 400
TIMES = pd.date_range("2015-01-01", periods=DAYS, tz="UTC")
DRAWS, EVERY = 1_000, 8
PERIODS = np.array([1.0, 5.0, 20.0])
SHAPE, SCALE, THRESHOLD = 0.2, 0.02, 0.06
FREEDOM, SIGMA = 4.0, 0.02
warnings.simplefilter("ignore", adl.errors.TailWarning)


def pareto_days(n_events: float, rng: np.random.Generator) -> Floats:
    """Moves of a record with about so many events above the threshold."""
    is_event = rng.random(DAYS) < n_events / DAYS
    excess = excess_at(rng.standard_exponential(DAYS), SHAPE, SCALE)
    return np.where(is_event, THRESHOLD + excess, 0.01)


def pareto_levels(n_events: float) -> Floats:
    """True return levels of `pareto_days`."""
    return THRESHOLD + excess_at(np.log(n_events / YEARS * PERIODS), SHAPE, SCALE)


def student_days(rng: np.random.Generator) -> Floats:
    """Moves of a record of Student t days."""
    return SIGMA * np.abs(rng.standard_t(FREEDOM, DAYS))


def records(name: str, n_events: float, n: int) -> Iterator[tuple[adl.TailFit, np.random.Generator]]:
    """Fits of simulated records, seeds 0, 1, ..."""
    threshold = THRESHOLD if name == "pareto" else SIGMA * stats.t.isf(n_events / DAYS / 2.0, FREEDOM)
    for seed in range(n):
        rng = np.random.default_rng(seed)
        moves = pareto_days(n_events, rng) if name == "pareto" else student_days(rng)
        yield adl.fit_tail(pd.Series(moves, TIMES), threshold=threshold, gap=0), rng


def held(
    fit: adl.TailFit, shape: float, levels: Floats, rng: np.random.Generator, *, has_bootstrap: bool
) -> dict[str, bool]:
    """Which intervals of one record hold the truth."""
    excess, start = fit.excess, (fit.shape, fit.scale)
    floor = float(log_likelihood(excess, *start)) - cut(0.95)
    found = {"profile, shape": float(log_likelihood(excess, shape, scale_given(excess, np.array([shape]))[0])) >= floor}
    floor += fit.n_clusters * (np.log(fit.rate) - 1.0)
    for period, level in zip(PERIODS, levels, strict=True):
        height = profile_height(excess, start, beyond=level - fit.threshold, periods=period, years=fit.years)
        found[f"profile, {period:g} y level"] = height >= floor
    samples = {"posterior": fit.posterior(DRAWS, rng=rng)}
    if has_bootstrap:
        samples |= {"resampled": fit.resample(REFITS, rng=rng), "simulated": fit.simulate(REFITS, rng=rng)}
    for name, sample in samples.items():
        low, high = sample.shape_interval()
        found[f"{name}, shape"] = low <= shape <= high
        table = sample.return_levels(PERIODS)
        for period, level, (_, low, high) in zip(PERIODS, levels, table.to_numpy(), strict=True):
            found[f"{name}, {period:g} y level"] = low <= level <= high
    return found


def main(n: int) -> None:
    columns = {}
    for name, n_events in (("pareto", 50), ("pareto", 150), ("student t", 50), ("student t", 150)):
        if name == "pareto":
            shape, levels = SHAPE, pareto_levels(n_events)
        else:
            shape, levels = 1.0 / FREEDOM, SIGMA * stats.t.isf(0.5 / (PERIODS * 365.25), FREEDOM)
        fits = tqdm(records(name, n_events, n), total=n, unit="record", desc=f"{name}, {n_events} events")
        rows = [
            held(fit, shape, levels, rng, has_bootstrap=place % EVERY == 0) for place, (fit, rng) in enumerate(fits)
        ]
        columns[f"{name}, {n_events} events"] = pd.DataFrame(rows).astype(float).mean()
    error = np.sqrt(0.95 * 0.05 / n)
    print(f"records {n:,} of {DAYS:,} days each; standard error of a coverage of 95%: {100 * error:.2f} points")
    print(f"bootstrap: {-(-n // EVERY):,} of them, standard error {100 * error * np.sqrt(EVERY):.2f} points")
    print((100.0 * pd.DataFrame(columns)).round(1).to_string())


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2_000)
