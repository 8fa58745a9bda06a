"""Distance between excesses and their fitted distribution."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from adlkit.contracts import Floats
from adlkit.tails.pareto import Estimator, hazard

NAMES = ["anderson_darling", "cramer_von_mises"]


def statistics(excess: Floats, shape: npt.ArrayLike, scale: npt.ArrayLike) -> Floats:
    """Anderson-Darling and Cramer-von Mises statistics of samples (rows), shape (n_samples, 2)."""
    n = excess.shape[-1]
    place = (2.0 * np.arange(1, n + 1) - 1.0) / n
    shape, scale = np.asarray(shape)[..., None], np.asarray(scale)[..., None]
    beyond = hazard(np.sort(excess, axis=-1), shape, scale)
    with np.errstate(divide="ignore"):
        log_below = np.log(-np.expm1(-beyond))
    anderson = -n - ((log_below - beyond[..., ::-1]) * place).sum(axis=-1)
    cramer = 1.0 / (12.0 * n) + ((-np.expm1(-beyond) - place / 2.0) ** 2).sum(axis=-1)
    return np.stack([anderson, cramer], axis=-1)


def bootstrap_test(excess: Floats, drawn: Floats, estimator: Estimator) -> pd.DataFrame:
    """Statistics of a sample, and how often those of samples drawn from its fit are as large."""
    observed = statistics(excess[None], *estimator(excess[None]))[0]
    simulated = statistics(drawn, *estimator(drawn))
    p_value = (1.0 + (simulated >= observed).sum(axis=0)) / (1.0 + len(drawn))
    return pd.DataFrame({"statistic": observed, "p_value": p_value}, index=NAMES)
