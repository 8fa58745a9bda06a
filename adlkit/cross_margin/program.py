"""The optimum under scenarios: a greedy for one needed asset, a linear program for several."""

from __future__ import annotations

import numpy as np

from adlkit.contracts import Floats
from adlkit.cross_margin._clearing import cleared
from adlkit.cross_margin.problem import ROUNDING, Problem, Solution
from adlkit.price_models import Scenarios


def steepest_pieces(problem: Problem, model: Scenarios, tolerance: float) -> Solution:
    """One needed asset: each account's shortfall is piecewise linear in what it closes; buy the steepest pieces."""
    moves, mass = model.moves.to_numpy(dtype=float), model.probability.to_numpy(dtype=float)
    k, sign, who, room = problem.active[0], problem.sign[0], problem.who[0], problem.room[0]
    money = problem.equity[who, None] + problem.quantity[who] @ moves.T
    drift = sign * moves[:, k]  # closing t contracts takes t x drift off the money
    is_short = (money < 0) | ((money == 0) & (drift > 0))
    gain = -(is_short * mass) @ drift
    with np.errstate(divide="ignore", invalid="ignore"):
        kink = money / drift
    kink = np.where((kink > 0) | ((kink == 0) & (drift > 0) & ~is_short), kink, np.inf)
    order = np.argsort(kink, axis=1)
    ends = np.minimum(np.take_along_axis(kink, order, axis=1), room[:, None])
    length = np.diff(ends, axis=1, prepend=0.0, append=room[:, None])
    lost = np.cumsum((mass * np.abs(drift))[order], axis=1)
    steep = np.column_stack([gain, gain[:, None] - lost])
    row = np.repeat(np.arange(len(room)), length.shape[1])
    first = np.argsort(-steep, axis=None, kind="stable")
    bought = np.cumsum(length.ravel()[first])
    spent = np.clip(problem.amount[0] - (bought - length.ravel()[first]), 0.0, length.ravel()[first])
    closed = np.minimum(np.bincount(row[first], weights=spent, minlength=len(room)), room)[None]
    closed = cleared(closed, room[None], room[None], problem.amount)
    last = min(int((bought < problem.amount[0] * (1 - ROUNDING)).sum()), len(first) - 1)
    price = steep.ravel()[first[last]]
    bound = _bound(problem, model, steep, length, price)
    return _dual_solution(problem, model, closed, np.array([price]), bound, tolerance, 1)


def _bound(problem: Problem, model: Scenarios, steep: Floats, length: Floats, price: float) -> float:
    """Smallest expected shortfall if contracts could be closed at `price`: below that of every allocation."""
    start = problem.expected_shortfall(model, np.zeros_like(problem.room))
    saved = np.sum(np.maximum(steep - price, 0.0) * length)
    return float(start - saved - price * problem.amount[0])


def _dual_solution(
    problem: Problem, model: Scenarios, closed: Floats, price: Floats, bound: float, tolerance: float, iterations: int
) -> Solution:
    """Amounts with a lower bound of what any amounts can reach."""
    reached = problem.expected_shortfall(model, closed)
    gap = max(reached - bound, 0.0)  # rounding may leave the bound above what it bounds
    is_optimal = problem.is_small(gap, reached, tolerance)
    return Solution(closed, price, gap, iterations, is_optimal, np.full(len(price), np.nan))


def linear_program(problem: Problem, model: Scenarios, tolerance: float, max_iterations: int) -> Solution:
    """Several needed assets: closed amounts and shortfalls by scenario as one linear program."""
    from scipy import optimize, sparse  # loaded when first asked for: they take longer than all of adlkit

    moves, mass = model.moves.to_numpy(dtype=float), model.probability.to_numpy(dtype=float)
    n, (m, s) = len(problem.equity), (len(problem.active), len(mass))
    drift = problem.sign[:, None] * moves[:, problem.active].T
    by_asset = sparse.hstack([sparse.kron(sparse.eye_array(n), drift[k][:, None]) for k in range(m)])
    limits = sparse.hstack([by_asset, -sparse.eye_array(n * s)], format="csr")
    clearing = sparse.hstack([sparse.kron(sparse.eye_array(m), np.ones((1, n))), sparse.csr_array((m, n * s))])
    money = (problem.equity[:, None] + problem.quantity @ moves.T).ravel()
    room = np.zeros((m, n))
    np.put_along_axis(room, problem.who, problem.room, axis=1)
    done = optimize.linprog(
        np.r_[np.zeros(m * n), np.tile(mass, n)],
        A_ub=limits,
        b_ub=money,
        A_eq=clearing.tocsr(),
        b_eq=problem.amount,
        bounds=np.column_stack([np.zeros(m * n + n * s), np.r_[room.ravel(), np.full(n * s, np.inf)]]),
        options={"maxiter": max_iterations},
    )
    if done.x is None or done.status != 0:
        return _dual_solution(problem, model, problem.evenly(), np.full(m, np.nan), 0.0, tolerance, done.nit)
    wish = np.take_along_axis(done.x[: m * n].reshape(m, n), problem.who, axis=1)
    closed = cleared(np.clip(wish, 0.0, problem.room), problem.room, problem.room, problem.amount)
    capped = done.upper.marginals[: m * n] @ room.ravel()
    bound = float(done.ineqlin.marginals @ money + done.eqlin.marginals @ problem.amount + capped)
    return _dual_solution(problem, model, closed, -done.eqlin.marginals, bound, tolerance, done.nit)
