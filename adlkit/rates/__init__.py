"""How often it happens: rates of few events with exact intervals, tests of randomness, drivers of the rate.

Every function wants the exposure stated: a count without it is no rate. Nothing here corrects for events that nobody
wrote down.
"""

from __future__ import annotations

from adlkit.rates.counts import censored_rate, episode_rate, gamma_poisson, rate_ratio
from adlkit.rates.randomness import WaitingTimes, dispersion, waiting_times
from adlkit.rates.regression import RateRegression, negative_binomial_regression, poisson_regression
from adlkit.rates.result import RateResult

__all__ = [
    "RateRegression",
    "RateResult",
    "WaitingTimes",
    "censored_rate",
    "dispersion",
    "episode_rate",
    "gamma_poisson",
    "negative_binomial_regression",
    "poisson_regression",
    "rate_ratio",
    "waiting_times",
]
