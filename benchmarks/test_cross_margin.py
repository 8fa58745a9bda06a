"""Cross-margin allocation: levels of a million accounts, and of ten thousand in a hundred assets."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import adlkit as adl


def book(n: int, m: int, *, seed: int = 20251010) -> tuple[pd.DataFrame, pd.Series, pd.Series, pd.DataFrame]:
    """Quantities, equities, needs of a tenth of one side, covariance; some five assets an account, correlation 0.6."""
    rng = np.random.default_rng(seed)
    names = [f"S{k}" for k in range(m)]
    mark = np.geomspace(0.1, 1e5, m)
    spread = 0.05 * mark * np.sqrt(rng.uniform(0.5, 2, m))
    covariance = np.outer(spread, spread) * (0.6 + 0.4 * np.eye(m))
    size = (100 * rng.pareto(1.3, (n, m)) + 10) * (rng.random((n, m)) < min(1, 5 / m))
    quantity = pd.DataFrame(size / mark * rng.choice([-1, 1], (n, m)), columns=names)
    equity = pd.Series((size.sum(axis=1) + 1) / np.exp(rng.normal(1.8, 0.8, n)).clip(1, 50))
    side = rng.choice([-1, 1], m)
    need = 0.1 * side * np.maximum(quantity * side, 0).sum()
    return quantity, equity, need, pd.DataFrame(covariance, index=names, columns=names)


@pytest.mark.parametrize(("n", "m", "budget"), [(1_000_000, 1, 20), (10_000, 100, 50)])
def test_levels_against_argsort(claim, benchmark, n, m, budget):
    quantity, equity, need, covariance = book(n, m)
    loading = adl.price_models.OneFactor.from_covariance(covariance).loading
    floats = quantity.to_numpy().ravel()
    claim(
        lambda: adl.factor_water_fill(quantity, equity, need, loading=loading),
        lambda: np.argsort(floats),
        budget=budget,
        rounds=3,
    )
    result = adl.factor_water_fill(quantity, equity, need, loading=loading)
    benchmark.extra_info.update(iterations=result.iterations, gap=result.relative_gap, status=result.status)


@pytest.mark.parametrize(("n", "m", "budget"), [(1_000_000, 1, 100), (10_000, 100, 400)])
def test_shadow_prices_of_gaussian_moves_against_argsort(claim, benchmark, n, m, budget):
    quantity, equity, need, covariance = book(n, m)
    model, floats = adl.price_models.Gaussian(covariance), quantity.to_numpy().ravel()
    claim(
        lambda: adl.shadow_price(quantity, equity, need, model=model),
        lambda: np.argsort(floats),
        budget=budget,
        rounds=1,
    )
    result = adl.shadow_price(quantity, equity, need, model=model)
    benchmark.extra_info.update(iterations=result.iterations, gap=result.relative_gap, status=result.status)
