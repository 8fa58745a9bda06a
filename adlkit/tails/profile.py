"""Intervals by profile likelihood: what a likelihood ratio test does not reject, whatever the other parameters are."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from adlkit.contracts import Floats
from adlkit.tails.pareto import LEAST_SHAPE, TINY, excess_at, log_likelihood, scale_given

REACH = 25.0
"""How far from the estimate the end of an interval is looked for, in log units of the excess."""
MOST_LOG_RATE = 50.0
"""A level that asks for a higher rate lies at the end of the distribution."""


def cut(level: float) -> float:
    """How far the log likelihood may lie below its maximum: half the quantile of chi-squared, 1 degree of freedom."""
    from scipy.special import chdtri

    return float(chdtri(1, 1.0 - level)) / 2.0


def shape_interval(excess: Floats, shape: float, scale: float, *, level: float) -> tuple[float, float]:
    """Shapes that the likelihood supports; the lower end is -1 where all down to there are supported."""
    from scipy.optimize import brentq

    floor = float(log_likelihood(excess, shape, scale)) - cut(level)

    def over(candidate: float) -> float:
        given = np.array([candidate])
        return float(log_likelihood(excess, candidate, scale_given(excess, given)[0])) - floor

    least = LEAST_SHAPE + 1e-6
    low = LEAST_SHAPE if shape <= least or over(least) >= 0 else float(brentq(over, least, shape))
    step = 0.25
    while over(shape + step) > 0:
        step *= 2.0
    return low, float(brentq(over, max(shape, least), shape + step))


def profile_height(excess: Floats, start: tuple[float, float], *, beyond: float, periods: float, years: float) -> float:
    """Greatest log likelihood of excesses and of their number, given the return level of one return period.

    Parameters
    ----------
    excess : ndarray, shape (n,)
        Excesses of `years` of data, as many as a Poisson process has given.
    start : tuple of float
        Shape and scale to start from.
    beyond : float
        The return level less the threshold, > 0.
    periods : float
        Its return period [years]. It fixes the rate for each shape and scale: 1 / (return period x survival).
    years : float
        Length of the record.
    """
    from scipy.optimize import minimize

    n, largest = len(excess), max(float(excess.max()), beyond)

    def depth(parameters: Floats) -> float:
        shape, tilt = float(parameters[0]) or TINY, float(parameters[0] or TINY) * math.exp(-parameters[1])
        if shape <= LEAST_SHAPE or 1.0 + tilt * largest <= 0:
            return math.inf
        log_rate = math.log1p(tilt * beyond) / shape - math.log(periods)
        beyond_all = float(np.log1p(tilt * excess).sum()) / shape
        likelihood = n * log_rate - n * float(parameters[1]) - (1.0 + shape) * beyond_all
        return math.exp(log_rate) * years - likelihood if log_rate < MOST_LOG_RATE else math.inf

    first = _feasible(excess, beyond, start)
    simplex = np.array([first, [first[0] + 0.1, first[1]], [first[0], first[1] + 0.1]])
    options = {"initial_simplex": simplex, "xatol": 1e-5, "fatol": 1e-7, "maxiter": 500}
    return -float(minimize(depth, first, method="Nelder-Mead", options=options).fun)


def _feasible(excess: Floats, beyond: float, start: tuple[float, float]) -> list[float]:
    """Shape and log scale near the start whose distribution reaches all excesses and the level."""
    shape, scale = max(start[0], -0.9), start[1]
    if shape < 0:
        scale = max(scale, -1.05 * shape * max(float(excess.max()), beyond))
    return [shape, float(np.log(scale))]


def level_interval(
    excess: Floats, start: tuple[float, float], *, periods: float, years: float, level: float
) -> tuple[float, float]:
    """Return levels, less the threshold, that the likelihood supports; rate, shape and scale all being unknown.

    The lower end is 0 where everything down to the threshold is supported, the upper inf where nothing ends it.
    """
    rate = len(excess) / years
    floor = float(len(excess) * (np.log(rate) - 1.0) + log_likelihood(excess, *start)) - cut(level)
    estimate = float(excess_at(np.log(rate * periods), *start))

    def over(log_beyond: float) -> float:
        beyond = float(np.exp(log_beyond))
        return profile_height(excess, start, beyond=beyond, periods=periods, years=years) - floor

    low, high = _end(over, np.log(estimate), -0.1), _end(over, np.log(estimate), 0.1)
    return float(np.exp(low)), float(np.exp(high))


def _end(over: Callable[[float], float], start: float, step: float) -> float:
    """Where a function that is positive at the start falls to zero; infinite if nowhere in reach."""
    from scipy.optimize import brentq

    inner, outer = start, start + step
    while abs(outer - start) < REACH:
        if over(outer) <= 0:
            return float(brentq(over, inner, outer, xtol=1e-5))
        inner, outer, step = outer, outer + 1.6 * step, 1.6 * step
    return math.copysign(math.inf, step)
