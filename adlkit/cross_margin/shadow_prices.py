"""The smallest expected shortfall under any model, at one price per asset."""

from __future__ import annotations

import pandas as pd

from adlkit.cross_margin.descent import projected
from adlkit.cross_margin.levels import levelled
from adlkit.cross_margin.problem import TOLERANCE, Problem, Solution, labelled, problem_of
from adlkit.cross_margin.program import linear_program, steepest_pieces
from adlkit.cross_margin.result import CrossMarginResult
from adlkit.price_models import OneFactor, PriceModel, Scenarios

FINER = 0.01
"""Levels are found to this part of the tolerance: their own measure of it is coarser than the gap of the shortfall."""


def shadow_price(
    quantity: pd.DataFrame,
    equity: pd.Series,
    need: pd.Series,
    *,
    model: PriceModel,
    tolerance: float = TOLERANCE,
    max_iterations: int = 10_000,
) -> CrossMarginResult:
    """Close each need with the smallest expected total shortfall under a model, at one price per asset.

    Parameters
    ----------
    quantity, equity, need
        As in `factor_water_fill`.
    model : OneFactor, Gaussian, Scenarios
        See `adlkit.price_models`; its assets are the columns of `quantity`.
    tolerance : float, default 1e-6
        Largest gap that counts as optimal, as a share of the expected shortfall (besides 1e-12 of all equities).
    max_iterations : int, default 10,000
        Of the solver.

    Returns
    -------
    CrossMarginResult
        Always, with its certificate; see its ``status``. At the optimum an account gives, until it has no more, in
        each asset what saves more than the shadow price, and nothing of what saves less.

    Raises
    ------
    AllocationError
        If indices do not match or a number is NaN or infinite.

    Notes
    -----
    `OneFactor` with positive equities is `factor_water_fill`. `Scenarios` with one needed asset are exact: each
    account's shortfall is piecewise linear in what it closes, and the need buys the steepest pieces first,
    O(accounts x scenarios). With several needed assets they are a linear program (HiGHS), of accounts x (needed assets
    + scenarios) variables. All else is accelerated projected gradients with restarts; the step of each account is
    shortened until its own gradient agrees, and the projection clears each asset exactly.

    `gap` is the Frank-Wolfe gap (gradient x (closed - the best vertex), by one sort per asset) of smooth models and the
    duality gap of scenarios. On the example of [1]_ both its dual ascent and this reach the optimum to the digits
    printed; where that code does not clear the need it reports failure.

    Under `OneFactor` and several needed assets, closed amounts are not unique; the factor leverages are.

    References
    ----------
    .. [1] arXiv 2603.15963; code nataschahey/adl-solver, solve_adl.
    .. [2] Beck, Teboulle (2009), SIAM J. Imaging Sciences 2(1); O'Donoghue, Candes (2015), Found. Comput. Math. 15.

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> quantity, equity = pd.DataFrame({"BTC": [10.0, 6.0, 4.0]}), pd.Series([20.0, 30.0, 40.0])
    >>> model = adl.price_models.Scenarios(pd.DataFrame({"BTC": [-5.0, 0.0, 5.0]}), pd.Series([0.25, 0.5, 0.25]))
    >>> result = adl.shadow_price(quantity, equity, pd.Series({"BTC": 4.0}), model=model)
    >>> result.closed["BTC"].tolist(), result.shadow_price.to_dict(), result.expected_shortfall
    ([4.0, 0.0, 0.0], {'BTC': 1.25}, 2.5)
    """
    problem = problem_of(quantity, equity, need, model)
    ordered = model.on(problem.assets)
    return labelled(problem, ordered, _solved(problem, ordered, tolerance, max_iterations))


def _solved(problem: Problem, model: PriceModel, tolerance: float, max_iterations: int) -> Solution:
    """By the method that fits the model and the number of needed assets."""
    if isinstance(model, OneFactor) and (problem.equity > 0).all():
        found = levelled(problem, model, FINER * tolerance, max_iterations)
        total = problem.expected_shortfall(model, found.closed)
        return found._replace(is_optimal=problem.is_small(found.gap, total, tolerance))
    if isinstance(model, Scenarios) and len(problem.active) == 1:
        return steepest_pieces(problem, model, tolerance)
    if isinstance(model, Scenarios) and len(problem.active) > 1:
        return linear_program(problem, model, tolerance, max_iterations)
    return projected(problem, model, tolerance, max_iterations)
