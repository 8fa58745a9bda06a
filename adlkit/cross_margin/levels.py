"""One common level of factor leverage, asset by asset."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from adlkit.contracts import Floats
from adlkit.cross_margin._clearing import fill
from adlkit.cross_margin.problem import TOLERANCE, Problem, Solution, labelled, problem_of
from adlkit.cross_margin.result import LEVELLED, OPTIMAL, CrossMarginResult
from adlkit.price_models import OneFactor

BROKE = 1e8
"""Accounts without equity count as this many times as levered as the most levered account that has some."""


def factor_water_fill(
    quantity: pd.DataFrame,
    equity: pd.Series,
    need: pd.Series,
    *,
    loading: pd.Series,
    tolerance: float = TOLERANCE,
    max_iterations: int = 1000,
) -> CrossMarginResult:
    r"""Bring the highest factor leverages down to one level, asset by asset, with every need met exactly.

    Parameters
    ----------
    quantity : DataFrame, accounts x assets
        Signed contracts held; 0 where none.
    equity : Series, index of `quantity`
        [ccy].
    need : Series, index of `quantity`'s columns
        Contracts to close: > 0 of longs, < 0 of shorts, 0 none.
    loading : Series, index of `quantity`'s columns
        Move of each price with the factor, see `OneFactor`.
    tolerance : float, default 1e-6
        Levels count as found when no shift between accounts would move the needed exposure, weighted by how unequal
        leverages are, by more than this share.
    max_iterations : int, default 1000
        Rounds over the needed assets; one asset takes one.

    Returns
    -------
    CrossMarginResult
        ``gap`` and ``shadow_price`` are those of a normal factor.

    Raises
    ------
    AllocationError
        If indices do not match or a number is NaN or infinite.

    Notes
    -----
    Factor leverage is :math:`l_i = v \cdot (q_i - y_i) / E_i`. The shortfall at a factor move is :math:`E_i
    (-1 - l_i \epsilon)^+`, convex in the leverage, and what a need leaves of :math:`\sum E_i l_i` is fixed: leverages
    that are as equal as the bounds allow have the smallest total shortfall at every single move of the factor, hence
    for every distribution of it. With the other assets held, the best of one asset is a common level, found with one
    sort of the 2 n leverages at which accounts begin and end to give; rounds over the assets repeat that until nothing
    moves. A need that raises leverage (shorts of an asset with positive loading) is filled from the lowest upwards.

    An account with equity <= 0 counts as one with next to none: its factor exposure is brought to zero before others
    give (to within 1e-8 of what it holds), in proportion to what it has, and goes beyond zero only after all others.
    That is the best for a move against it; where an expected gain could still rescue it, `shadow_price` can do better
    and `gap` says by how much. With several needed assets the rounds may stall on such accounts: see ``status``.

    The code of [1]_ recovers several assets by scaling the full reduction of each account, which need not clear each
    asset, and divides by equity without a case for equity <= 0.

    References
    ----------
    .. [1] arXiv 2603.15963; code nataschahey/adl-solver, solve_water_filling (there a positive quantity is a short).

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> quantity = pd.DataFrame({"BTC": [4.0, 2.0], "ETH": [-10.0, 10.0]}, index=["ann", "bob"])
    >>> equity, loading = pd.Series([10.0, 10.0], index=["ann", "bob"]), pd.Series({"BTC": 10.0, "ETH": 2.0})
    >>> result = adl.factor_water_fill(quantity, equity, pd.Series({"BTC": 3.0, "ETH": 0.0}), loading=loading)
    >>> result.closed["BTC"].tolist(), result.leverage["after"].tolist()
    ([1.0, 2.0], [1.0, 2.0])
    """
    model = OneFactor(loading)
    problem = problem_of(quantity, equity, need, model)
    ordered = model.on(problem.assets)
    result = labelled(problem, ordered, levelled(problem, ordered, tolerance, max_iterations))
    if result.status == OPTIMAL and (problem.equity <= 0).any() and result.relative_gap > tolerance:
        return replace(result, status=LEVELLED)
    return result


def levelled(problem: Problem, model: OneFactor, tolerance: float, max_iterations: int) -> Solution:
    """Rounds of exact water-filling over the needed assets, in the model's order of assets."""
    loading = model.loading.to_numpy(dtype=float)
    rate, side = np.abs(loading[problem.active]), problem.sign * np.sign(loading[problem.active])
    owned = _levelling_equity(problem, loading)
    closed, level = problem.evenly(), np.full(len(rate), np.nan)
    held = problem.exposure(closed) @ loading
    gap, rounds = np.inf, 0
    while rounds < max_iterations and gap > tolerance:
        rounds += 1
        for k in np.flatnonzero(rate):
            row, who = slice(k, k + 1), problem.who[k]
            wish = side[k] * held[who] / rate[k] + closed[k]
            found, filled = fill(wish[None], owned[who][None] / rate[k], problem.room[row], problem.amount[row])
            held[who] -= side[k] * rate[k] * (filled[0] - closed[k])
            closed[k], level[k] = filled[0], side[k] * found[0]
        moving = np.count_nonzero(rate)
        gap = 0.0 if moving < 2 else _level_gap(problem, side * rate, (held, owned), closed)
    price, left = problem.certificate(problem.gain(model, closed), closed)
    level = np.where(np.abs(level) > _highest(problem, loading), np.copysign(np.inf, level), level)
    return Solution(closed, price, left, rounds, gap <= tolerance, level)


def _highest(problem: Problem, loading: Floats) -> float:
    """Largest gross factor leverage of an account with equity; rounding apart."""
    gross, solvent = np.abs(problem.quantity) @ np.abs(loading), problem.equity > 0
    return float(np.max(gross[solvent] / problem.equity[solvent], initial=0.0)) * (1.0 + 1e-9)


def _levelling_equity(problem: Problem, loading: Floats) -> Floats:
    """Equity by which leverages are compared: above zero for everyone."""
    owned, gross = problem.equity, np.abs(problem.quantity) @ np.abs(loading)
    solvent, highest = owned > 0, _highest(problem, loading)
    next_to_none = gross / (BROKE * highest if highest > 0 else 1.0)
    return np.where(solvent, owned, np.where(gross > 0, next_to_none, 1.0))


def _level_gap(problem: Problem, pull: Floats, lever: tuple[Floats, Floats], closed: Floats) -> float:
    """Frank-Wolfe gap of one convex function of leverages, as a share of the exposure that is closed.

    Levels are the optimum of every convex function; this one's slope, l / (usual l + abs(l)), is bounded, so that
    accounts without equity do not drown the others.
    """
    held, owned = lever
    usual = np.abs(held).sum() / owned.sum()
    slope = held / (usual * owned + np.abs(held) + np.finfo(float).tiny)
    gain = pull[:, None] * slope[problem.who]
    _, gap = problem.certificate(gain, closed)
    moved = float(np.abs(pull) @ problem.amount)
    return gap / moved if moved > 0 else 0.0
