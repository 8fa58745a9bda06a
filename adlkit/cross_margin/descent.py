"""The optimum under smooth models: accelerated projected gradients with restarts."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from adlkit.contracts import Floats
from adlkit.cross_margin._clearing import fill
from adlkit.cross_margin.problem import Problem, Solution
from adlkit.groups import Codes
from adlkit.price_models import PriceModel

MAX_SHORTER = 60
FLATTEST = 1e-8
"""Least curvature of an account next to the largest: beyond it, digits of the projection get lost."""
EASING = 0.95
"""What is left of an account's curvature after each step, so that a step may grow again."""
MOST_FLATTENED = 4.0
"""A restart divides the curvature that steps have found by this at most."""
STEP_SLACK = 1e-9
LEAST_EQUITY = 1e-9
"""Equity that an account has at least, next to the largest, where its curvature is divided by it."""
SAFE = 40.0
"""Equity in deviations from which on the normal density is nothing, and so is the curvature."""
THINNEST, DENSEST = 1e-30, 0.39
"""Limits of a price per unit of deviation, a value of the normal density: above zero and below 1 / sqrt(2 pi)."""


def projected(problem: Problem, model: PriceModel, tolerance: float, max_iterations: int) -> Solution:
    """Accelerated projected gradients; each account's step is as long as its own gradient allows."""
    size = _asset_size(model, problem.active)
    closed = ahead = problem.evenly()
    pull = problem.gain(model, closed)
    best = _judged(problem, model, pull, closed, tolerance, 0)
    bend = _bend(problem, model, closed, best.price / size)
    momentum, rounds = 1.0, 0
    while rounds < max_iterations and not best.is_optimal:
        rounds += 1
        bend, new, gain = _step(problem, model, ahead, pull, bend, size)
        judged = _judged(problem, model, gain, new, tolerance, rounds)
        best = judged if judged.gap < best.gap else best._replace(iterations=rounds)
        moved = new - closed
        if np.sum(pull * moved) < 0:  # uphill: forget the momentum, look at the curvature again
            momentum, bend = 1.0, np.maximum(_bend(problem, model, new, judged.price / size), bend / MOST_FLATTENED)
        following = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
        ahead = np.clip(new + (momentum - 1) / following * moved, 0.0, problem.room)
        pull = gain if momentum == 1.0 else problem.gain(model, ahead)
        closed, momentum = new, following
    return best


def _judged(
    problem: Problem, model: PriceModel, gain: Floats, closed: Floats, tolerance: float, rounds: int
) -> Solution:
    """Amounts with their certificate."""
    price, gap = problem.certificate(gain, closed)
    is_optimal = problem.is_small(gap, problem.expected_shortfall(model, closed), tolerance)
    return Solution(closed, price, gap, rounds, is_optimal, np.full(len(price), np.nan))


def _step(
    problem: Problem, model: PriceModel, ahead: Floats, pull: Floats, bend: Floats, size: Floats
) -> tuple[Floats, Floats, Floats]:
    """One projected step, shortened for the accounts whose gradient changes by more than their `bend` allows."""
    seats, n = problem.who.ravel(), len(bend)
    for _ in range(MAX_SHORTER):
        bend = np.maximum(bend, FLATTEST * bend.max())
        weight = 1.0 / (bend[problem.who] * size[:, None] ** 2)
        _, new = fill(ahead + weight * pull, weight, problem.room, problem.amount)
        gain, moved = problem.gain(model, new), new - ahead
        change = np.bincount(seats, ((pull - gain) * moved).ravel(), n)
        is_long = change > np.bincount(seats, (moved**2 / weight).ravel(), n) * (1 + STEP_SLACK)
        if not is_long.any():
            break
        bend = np.where(is_long, 2 * bend, bend)
    return EASING * bend, new, gain


def _asset_size(model: PriceModel, active: Codes) -> Floats:
    """Usual move of each needed asset's price, 1 where it does not move."""
    size = np.abs(model.deviation(np.eye(len(model.assets))))[active]
    return np.asarray(np.where(size > 0, size, 1.0))


def _bend(problem: Problem, model: PriceModel, closed: Floats, price: Floats) -> Floats:
    """Curvature of each account's expected shortfall, per unit of deviation: here, or where it would be levelled."""
    spread = np.abs(model.deviation(problem.exposure(closed)))
    size = np.abs(problem.equity)
    owned = np.maximum(size, LEAST_EQUITY * size.max(initial=0.0) + np.finfo(float).tiny)
    here = np.divide(owned, spread, out=np.full_like(spread, SAFE), where=spread > owned / SAFE)
    density = np.clip(np.max(price, initial=0.0), THINNEST, DENSEST)
    levelled = np.sqrt(-2 * np.log(density * np.sqrt(2 * np.pi)))
    return np.asarray(np.maximum(_curvature(here), _curvature(levelled)) / owned)


def _curvature(ratio: npt.ArrayLike) -> Floats:
    """Largest second derivative of s phi(1 / s) - Phi(-1 / s) at s = 1 / ratio, in any direction."""
    x = np.asarray(ratio, dtype=float)
    return np.asarray(np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi) * x * np.maximum(x**2, 1.0))
