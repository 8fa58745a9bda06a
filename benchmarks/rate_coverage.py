"""How often intervals hold the truth and tests reject it wrongly: 2,000 simulated data sets each, 500 regressions.

python benchmarks/rate_coverage.py      about a minute
"""

from __future__ import annotations

import numpy as np
import pandas as pd

import adlkit as adl
from adlkit import rates

SETS, REGRESSIONS, LEVEL = 2_000, 500, 0.95
SMALL = (0.5, 1.0, 2.0, 5.0, 10.0, 36.0)


def covered(low: pd.Series, high: pd.Series, truth: float) -> float:
    return float(((low <= truth) & (truth <= high)).mean())


def counts(mean: float, rng: np.random.Generator) -> dict[str, float]:
    """Coverage of two intervals and of the one-sided bound for Poisson counts of one mean."""
    n = pd.Series(rng.poisson(mean, size=SETS))
    exact = adl.episode_rate(n, 1.0, unit="year").table
    jeffreys = rates.gamma_poisson(n, 1.0, prior_count=0.5, prior_exposure=0.0, unit="year").table
    return {
        "Garwood": covered(exact["low"], exact["high"], mean),
        "its upper bound": float((mean <= exact["upper"]).mean()),
        "Jeffreys": covered(jeffreys["low"], jeffreys["high"], mean),
    }


def feed(rate: float, rng: np.random.Generator) -> dict[str, float]:
    """Coverage behind a feed of one event per second, watched for ten minutes."""
    seen = pd.Series(rng.binomial(600, -np.expm1(-rate), size=SETS))
    table = rates.censored_rate(seen, 600).table
    return {"censored rate": covered(table["low"], table["high"], rate)}


def two(mean: float, rng: np.random.Generator) -> dict[str, float]:
    """Coverage of the ratio of two rates, three times the exposure in the second; wrong rejections of equality."""
    pairs = zip(rng.poisson(mean, SETS), rng.poisson(3 * mean, SETS), strict=True)
    found = pd.DataFrame([rates.rate_ratio(int(one), 1.0, int(other), 3.0) for one, other in pairs])
    return {
        "ratio": covered(found["low"], found["high"], 1.0),
        "rejected": float((found["p_value"] < 1 - LEVEL).mean()),
    }


def dispersed(mean: float, rng: np.random.Generator) -> dict[str, float]:
    """How often twelve periods of one rate are called over-dispersed at 5%."""
    sets = rng.poisson(mean, size=(SETS, 12))
    return {"rejected": float(np.mean([rates.dispersion(pd.Series(n))["p_over"] < 0.05 for n in sets]))}


def waits(size: int, rng: np.random.Generator) -> dict[str, float]:
    """How often a Poisson process is called none, at 5%."""
    start = pd.Timestamp("2020-01-01T00:00Z")
    found = []
    for _ in range(SETS):
        times = np.cumsum(rng.exponential(30.0, size=size + 1))
        found.append(rates.waiting_times(pd.Series(start + pd.to_timedelta(times, unit="D"))))
    return {
        "Lilliefors": float(np.mean([one.lilliefors_p < 0.05 for one in found])),
        "Laplace": float(np.mean([one.laplace_p < 0.05 for one in found])),
    }


def regression(n: int, law: str, rng: np.random.Generator) -> dict[str, float]:
    """Coverage of a rate ratio for Poisson counts or a gamma mixture with alpha 0.5; calls of over-dispersion."""
    low, high, called = np.empty(REGRESSIONS), np.empty(REGRESSIONS), np.zeros(REGRESSIONS, dtype=bool)
    for i in range(REGRESSIONS):
        x = rng.normal(size=n)
        mean = np.exp(0.5 * x)
        mixed = mean * rng.gamma(2.0, 0.5, size=n) if law == "mixed" else mean
        data = pd.DataFrame({"n": rng.poisson(mixed), "days": 1.0, "x": x})
        fit = rates.poisson_regression(data, count="n", exposure="days", drivers=["x"])
        low[i], high[i] = fit.table.loc["x", ["low", "high"]]
        called[i] = fit.diagnostics["overdispersion_p"] < 0.05
    truth = np.exp(0.5)
    return {
        "rate ratio": float(((low <= truth) & (truth <= high)).mean()),
        "over-dispersed at 5%": float(called.mean()),
    }


def main() -> None:
    rng = np.random.default_rng(20261124)
    print(f"{SETS:,} data sets per line (standard error of 95%: 0.005), {REGRESSIONS} regressions (0.01)")
    blocks = {
        "Poisson counts, by mean": pd.DataFrame({mean: counts(mean, rng) for mean in SMALL}).T,
        "feed of one event per second, 600 s, by rate": pd.DataFrame(
            {r: feed(r, rng) for r in (0.01, 0.5, 2.0, 5.0)}
        ).T,
        "two rates, by mean of the first": pd.DataFrame({mean: two(mean, rng) for mean in (1.0, 5.0, 20.0)}).T,
        "dispersion of 12 periods, by mean of one": pd.DataFrame({m: dispersed(m, rng) for m in (0.5, 1.0, 3.0)}).T,
        "waiting times, by number": pd.DataFrame({n: waits(n, rng) for n in (4, 10, 35)}).T,
        "regression, by number of periods and law": pd.DataFrame(
            {f"{n} {law}": regression(n, law, rng) for n in (40, 200) for law in ("poisson", "mixed")}
        ).T,
    }
    for title, table in blocks.items():
        print(f"\n{title}\n{table.round(3).to_string()}")


if __name__ == "__main__":
    main()
