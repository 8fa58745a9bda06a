"""Who is deleveraged when accounts hold several assets on one equity: least expected shortfall, asset by asset.

Accounts i hold signed quantities q_i and own equity E_i. Positions close at the mark, so equity stays and only exposure
goes. Of each asset a signed `need` is closed (> 0 longs, < 0 shorts): every account closes between nothing and what it
holds on that side, and each asset's parts sum to its need. Among all such ways these functions look for the one with
the smallest expected total shortfall until the next chance to act, under a model of `adlkit.price_models`.

A panel becomes their input in one line each: ``quantity = panel["qty"].unstack("symbol", fill_value=0.0)`` and
``equity = adl.account_summary(panel)["equity"]`` (linear contracts, one time).

Inside, arrays are (needed assets, seats) and hold closed amounts, never negative; `sign` turns them into quantities.
The seats of an asset are the accounts that can give some of it, `who`; most accounts hold few of many assets.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import optimize, sparse

from adlkit._display import SummaryRepr
from adlkit.contracts import Floats
from adlkit.errors import AllocationError
from adlkit.groups import Codes
from adlkit.price_models import OneFactor, PriceModel, Scenarios

OPTIMAL, NOT_CONVERGED, INFEASIBLE = "optimal", "not converged", "infeasible"
TOLERANCE = 1e-6
ROUNDING = 1e-12
MAX_SHORTER = 60
FLATTEST = 1e-8
"""Least curvature of an account next to the largest: beyond it, digits of the projection get lost."""
BROKE = 1e8
"""Accounts without equity count as this many times as levered as the most levered account that has some."""


@dataclass(frozen=True, eq=False, repr=False)
class CrossMarginResult(SummaryRepr):
    """What is closed in each account and asset, and how close to the best this is.

    Parameters
    ----------
    closed : DataFrame, accounts x assets
        Signed contracts closed: > 0 of a long, < 0 of a short.
    need, unallocated : Series, index by asset
        Contracts asked for, and what no account could give; signed.
    level : Series, index by asset
        Factor leverage to which the most levered are brought (`factor_water_fill`); NaN where nothing is needed, and
        for other models.
    shadow_price : Series, index by asset
        Expected shortfall that one more contract of the need would save [ccy per contract]; NaN where nothing is
        needed.
    leverage : DataFrame, accounts x (before, after)
        The model's deviation over equity [1]: signed factor leverage under `OneFactor`; NaN where equity <= 0.
    expected_shortfall : float
        Of all accounts together, afterwards [ccy].
    gap : float
        No allocation that closes as much has an expected shortfall smaller by more than this [ccy].
    iterations : int
        Of the solver.
    status : str
        "optimal": within tolerance. "not converged": not within it; `gap` still holds. "infeasible": a need is beyond
        what accounts hold; all of it is closed and the rest is `unallocated`.

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> quantity, equity = pd.DataFrame({"BTC": [10.0, 6.0, 4.0]}), pd.Series([20.0, 30.0, 40.0])
    >>> result = adl.factor_water_fill(quantity, equity, pd.Series({"BTC": 8.0}), loading=pd.Series({"BTC": 10.0}))
    >>> result.closed["BTC"].round(6).tolist(), result.status
    ([6.8, 1.2, 0.0], 'optimal')
    """

    closed: pd.DataFrame
    need: pd.Series
    unallocated: pd.Series
    level: pd.Series
    shadow_price: pd.Series
    leverage: pd.DataFrame
    expected_shortfall: float
    gap: float
    iterations: int
    status: str

    @property
    def relative_gap(self) -> float:
        """`gap` over the expected shortfall [1]; 0 where both are zero, inf where only the shortfall is."""
        if self.gap == 0:
            return 0.0
        return self.gap / self.expected_shortfall if self.expected_shortfall > 0 else float("inf")

    def summary(self) -> pd.Series:
        """Accounts and how many of them close something, assets needed and unmet, shortfall, gap, iterations."""
        return pd.Series(
            {
                "accounts": float(len(self.closed)),
                "giving": float((self.closed != 0).any(axis=1).sum()),
                "assets needed": float((self.need != 0).sum()),
                "assets unmet": float((self.unallocated != 0).sum()),
                "expected shortfall": self.expected_shortfall,
                "gap": self.gap,
                "iterations": float(self.iterations),
                "optimal": float(self.status == OPTIMAL),
            }
        )


class CvarCutoff(NamedTuple):
    """Leverage beyond which an account is short in the whole tail, and whether the level stays above it."""

    leverage: float
    is_level_above: bool


class Problem(NamedTuple):
    """Arrays of one allocation: `quantity` (accounts, assets), `equity` by account, the others by needed asset."""

    quantity: Floats
    equity: Floats
    active: Codes
    sign: Floats
    who: Codes
    room: Floats
    amount: Floats

    def quantities(self, closed: Floats) -> Floats:
        """Signed closed quantities, (accounts, assets)."""
        full = np.zeros(self.quantity.shape)
        full[self.who, self.active[:, None]] = self.sign[:, None] * closed + 0.0  # no minus zero
        return full

    def exposure(self, closed: Floats) -> Floats:
        """What accounts still hold, (accounts, assets)."""
        return self.quantity - self.quantities(closed)

    def gain(self, model: PriceModel, closed: Floats) -> Floats:
        """Expected shortfall that one more contract of each seat would save, (needed assets, seats)."""
        slope = model.gradient(self.exposure(closed), self.equity)
        return np.asarray(self.sign[:, None] * slope[self.who, self.active[:, None]])

    def is_small(self, gap: float, shortfall: float, tolerance: float) -> bool:
        """Whether a gap is within tolerance of a shortfall, or nothing next to the equities."""
        return gap <= tolerance * shortfall + ROUNDING * float(np.abs(self.equity).sum())

    def expected_shortfall(self, model: PriceModel, closed: Floats) -> float:
        """Of all accounts together."""
        return float(model.expected_shortfall(self.exposure(closed), self.equity).sum())


class Solution(NamedTuple):
    """Amounts closed (needed assets, seats), the price of each asset, and the certificate."""

    closed: Floats
    price: Floats
    gap: float
    iterations: int
    is_optimal: bool
    level: Floats


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
    problem, frame = _problem(quantity, equity, need, model)
    filled = _levelled(problem, loading.reindex(frame.columns).to_numpy(dtype=float), tolerance, max_iterations)
    return _result(problem, frame, need, model.on(frame.columns), filled)


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
    problem, frame = _problem(quantity, equity, need, model)
    ordered = model.on(frame.columns)
    if isinstance(ordered, OneFactor) and (problem.equity > 0).all():
        loading = ordered.loading.to_numpy(dtype=float)
        found = _levelled(problem, loading, tolerance / 100, max_iterations)
        total = problem.expected_shortfall(ordered, found.closed)
        found = found._replace(is_optimal=problem.is_small(found.gap, total, tolerance))
    elif isinstance(ordered, Scenarios) and len(problem.active) == 1:
        found = _steepest_pieces(problem, ordered, tolerance)
    elif isinstance(ordered, Scenarios) and len(problem.active) > 1:
        found = _linear_program(problem, ordered, tolerance, max_iterations)
    else:
        found = _projected(problem, ordered, tolerance, max_iterations)
    return _result(problem, frame, need, ordered, found)


def cvar_cutoff(level: float, *, mark_price: float, quantile_price: float) -> CvarCutoff:
    r"""Leverage above which an account is short in the whole tail, so that the tail mean cannot tell who gives.

    Parameters
    ----------
    level : float
        Leverage level of a water-filling of one symbol, isolated margin [1]; its sign is that of the side.
    mark_price : float
        Price now [quote/base], > 0.
    quantile_price : float
        Where the tail begins: the price that moves against the side with probability alpha beyond it, > 0.

    Returns
    -------
    CvarCutoff
        ``leverage`` = mark / abs(quantile - mark). ``is_level_above``: the level is at or above it; then every
        allocation that takes only from accounts above the cutoff, and brings none below it, has the same, smallest,
        expected shortfall in the tail. Otherwise the water-filling is the only best one.

    Raises
    ------
    AllocationError
        If a price is not above zero, or the two are equal: there is no move.

    Notes
    -----
    Above :math:`l_c = p / |p_\alpha - p|` an account of leverage l is short in the whole tail, so that its part of the
    tail mean is linear in what it closes. This is our reading of the cutoff announced in [1]_, whose theorem we have
    not seen.

    References
    ----------
    .. [1] arXiv 2603.15963 v1, abstract: leverage cutoff under CVaR.

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.cvar_cutoff(8.0, mark_price=100.0, quantile_price=80.0)
    CvarCutoff(leverage=5.0, is_level_above=True)
    """
    if not (0 < mark_price < np.inf and 0 < quantile_price < np.inf) or mark_price == quantile_price:
        raise AllocationError("mark_price and quantile_price must be above zero, finite, and not the same")
    if not np.isfinite(level):
        raise AllocationError("level must be finite")
    cutoff = mark_price / abs(quantile_price - mark_price)
    return CvarCutoff(cutoff, abs(level) >= cutoff)


# Input and output


def _problem(
    quantity: pd.DataFrame, equity: pd.Series, need: pd.Series, model: PriceModel
) -> tuple[Problem, pd.DataFrame]:
    """Checked arrays, and the frame that labels them."""
    if not (quantity.index.is_unique and quantity.columns.is_unique):
        raise AllocationError("quantity must have one row per account and one column per asset")
    if not len(quantity):
        raise AllocationError("quantity has no accounts")
    if not equity.index.equals(quantity.index):
        raise AllocationError("equity must be a Series on the index of quantity")
    for what, index in (("need", need.index), ("the model", model.assets)):
        if len(index) != quantity.shape[1] or not index.isin(quantity.columns).all() or not index.is_unique:
            raise AllocationError(f"{what} must name the assets of quantity, {list(quantity.columns)}, each once")
    held, owned = quantity.to_numpy(dtype=float), equity.to_numpy(dtype=float)
    asked = need.reindex(quantity.columns).to_numpy(dtype=float)
    for what, values in (("quantity", held), ("equity", owned), ("need", asked)):
        if bad := int((~np.isfinite(values)).sum()):
            raise AllocationError(f"{what}: {bad} values are NaN or infinite")
    active = np.flatnonzero(asked)
    sign = np.sign(asked[active])
    who, room = _seats(np.maximum((held[:, active] * sign).T, 0.0))
    amount = np.minimum(np.abs(asked[active]), room.sum(axis=1))
    return Problem(held, owned, active, sign, who, room, amount), quantity


def _seats(room: Floats) -> tuple[Codes, Floats]:
    """Accounts that can give some of each asset, side by side, and how much; shorter rows end in accounts of 0."""
    width = int((room > 0).sum(axis=1).max(initial=1))
    who = np.argsort(room <= 0, axis=1, kind="stable")[:, :width]
    return who, np.take_along_axis(room, who, axis=1)


def _result(
    problem: Problem, quantity: pd.DataFrame, need: pd.Series, model: PriceModel, found: Solution
) -> CrossMarginResult:
    assets, active = quantity.columns, problem.active
    closed = problem.quantities(found.closed)
    after = problem.quantity - closed
    asked = need.reindex(assets).astype(float)
    left = np.zeros(len(assets))
    wanted = np.abs(asked.to_numpy()[active])
    unmet = wanted - problem.amount
    left[active] = problem.sign * np.where(unmet > ROUNDING * wanted, unmet, 0.0) + 0.0
    owned = np.where(problem.equity > 0, problem.equity, np.nan)
    lever = {"before": model.deviation(problem.quantity) / owned, "after": model.deviation(after) / owned}
    status = INFEASIBLE if (left != 0).any() else OPTIMAL if found.is_optimal else NOT_CONVERGED
    return CrossMarginResult(
        closed=pd.DataFrame(closed, index=quantity.index, columns=assets),
        need=asked.rename("need"),
        unallocated=pd.Series(left, index=assets, name="unallocated"),
        level=_by_asset("level", assets, active, found.level),
        shadow_price=_by_asset("shadow_price", assets, active, found.price),
        leverage=pd.DataFrame(lever, index=quantity.index),
        expected_shortfall=float(model.expected_shortfall(after, problem.equity).sum()),
        gap=found.gap,
        iterations=found.iterations,
        status=status,
    )


def _by_asset(name: str, assets: pd.Index, active: Codes, values: Floats) -> pd.Series:
    full = np.full(len(assets), np.nan)
    full[active] = values
    return pd.Series(full, index=assets, name=name)


# One level, and the certificate


def fill(wish: Floats, weight: Floats, room: Floats, amount: Floats) -> tuple[Floats, Floats]:
    """Level x of each row, and clip(wish - x weight, 0, room), whose row sums are `amount`.

    Both the closest point of a box with a given sum (in the metric 1 / weight) and one water-filling. Weights are above
    zero; amounts are within what the rows have. One sort of the 2 n levels at which an entry begins and ends to give.
    """
    ends = np.concatenate([wish, wish - room], axis=1)
    step = np.concatenate([weight, -weight], axis=1)
    ends /= np.abs(step)
    order = np.argsort(-ends, axis=1)
    ends, step = np.take_along_axis(ends, order, axis=1), np.take_along_axis(step, order, axis=1)
    slope = np.cumsum(step, axis=1)[:, :-1]
    given = np.cumsum(slope * (ends[:, :-1] - ends[:, 1:]), axis=1)
    rows = np.arange(len(wish))
    place = np.minimum((given < amount[:, None]).sum(axis=1), given.shape[1] - 1)
    before = np.where(place > 0, given[rows, place - 1], 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        further = (amount - before) / slope[rows, place]
    level = ends[rows, place] - np.where(slope[rows, place] > 0, further, 0.0)
    level = np.clip(level, ends[:, -1], ends[:, 0])
    return level, _cleared(np.clip(wish - level[:, None] * weight, 0.0, room), weight, room, amount)


def _cleared(closed: Floats, weight: Floats, room: Floats, amount: Floats) -> Floats:
    """Row sums made exact: what rounding left is shared among those that give in part, then among all with room."""
    for inner in ((closed > 0) & (closed < room), room > 0, room > 0):
        missing = amount - closed.sum(axis=1)
        can = inner & np.where(missing[:, None] > 0, closed < room, closed > 0)
        mass = np.where(can, weight, 0.0)
        total = mass.sum(axis=1)
        share = np.divide(missing, total, out=np.zeros_like(missing), where=total > 0)
        closed = np.clip(closed + share[:, None] * mass, 0.0, room)
    return closed


def _certificate(gain: Floats, closed: Floats, room: Floats, amount: Floats) -> tuple[Floats, float]:
    """Price of each asset, and the Frank-Wolfe gap: how much more the best vertex would gain than `closed`."""
    order = np.argsort(-gain, axis=1)
    reached = np.cumsum(np.take_along_axis(room, order, axis=1), axis=1)
    last = np.minimum((reached < amount[:, None] * (1 - 1e-12)).sum(axis=1), gain.shape[1] - 1)
    price = gain[np.arange(len(gain)), order[np.arange(len(gain)), last]]
    better = gain - price[:, None]
    return price, float(np.sum(np.where(better > 0, better * (room - closed), -better * closed)))


# One factor


def _levelled(problem: Problem, loading: Floats, tolerance: float, max_iterations: int) -> Solution:
    """Rounds of exact water-filling over the needed assets."""
    rate, side = np.abs(loading[problem.active]), problem.sign * np.sign(loading[problem.active])
    owned = _levelling_equity(problem, loading)
    closed, level = _evenly(problem), np.full(len(rate), np.nan)
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
    gain = problem.gain(OneFactor(pd.Series(loading)), closed)
    price, left = _certificate(gain, closed, problem.room, problem.amount)
    return Solution(closed, price, left, rounds, gap <= tolerance, level)


def _levelling_equity(problem: Problem, loading: Floats) -> Floats:
    """Equity by which leverages are compared: above zero for everyone."""
    owned, gross = problem.equity, np.abs(problem.quantity) @ np.abs(loading)
    solvent = owned > 0
    highest = np.max(gross[solvent] / owned[solvent], initial=0.0)
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
    _, gap = _certificate(gain, closed, problem.room, problem.amount)
    moved = float(np.abs(pull) @ problem.amount)
    return gap / moved if moved > 0 else 0.0


def _evenly(problem: Problem) -> Floats:
    """Each gives the same share of its room."""
    total = problem.room.sum(axis=1)
    share = np.divide(problem.amount, total, out=np.zeros_like(total), where=total > 0)
    return np.asarray(problem.room * share[:, None])


# Scenarios


def _steepest_pieces(problem: Problem, model: Scenarios, tolerance: float) -> Solution:
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
    closed = _cleared(closed, room[None], room[None], problem.amount)
    last = min(int((bought < problem.amount[0] * (1 - 1e-12)).sum()), len(first) - 1)
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


def _linear_program(problem: Problem, model: Scenarios, tolerance: float, max_iterations: int) -> Solution:
    """Several needed assets: closed amounts and shortfalls by scenario as one linear program."""
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
        return _dual_solution(problem, model, _evenly(problem), np.full(m, np.nan), 0.0, tolerance, done.nit)
    wish = np.take_along_axis(done.x[: m * n].reshape(m, n), problem.who, axis=1)
    closed = _cleared(np.clip(wish, 0.0, problem.room), problem.room, problem.room, problem.amount)
    capped = done.upper.marginals[: m * n] @ room.ravel()
    bound = float(done.ineqlin.marginals @ money + done.eqlin.marginals @ problem.amount + capped)
    return _dual_solution(problem, model, closed, -done.eqlin.marginals, bound, tolerance, done.nit)


# Smooth models


def _projected(problem: Problem, model: PriceModel, tolerance: float, max_iterations: int) -> Solution:
    """Accelerated projected gradients; each account's step is as long as its own gradient allows."""
    size = _asset_size(model, problem.active)
    closed = ahead = _evenly(problem)
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
            momentum, bend = 1.0, np.maximum(_bend(problem, model, new, judged.price / size), bend / 4)
        following = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
        ahead = np.clip(new + (momentum - 1) / following * moved, 0.0, problem.room)
        pull = gain if momentum == 1.0 else problem.gain(model, ahead)
        closed, momentum = new, following
    return best


def _judged(
    problem: Problem, model: PriceModel, gain: Floats, closed: Floats, tolerance: float, rounds: int
) -> Solution:
    """Amounts with their certificate."""
    price, gap = _certificate(gain, closed, problem.room, problem.amount)
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
        is_long = change > np.bincount(seats, (moved**2 / weight).ravel(), n) * (1 + 1e-9)
        if not is_long.any():
            break
        bend = np.where(is_long, 2 * bend, bend)
    return 0.95 * bend, new, gain


def _asset_size(model: PriceModel, active: Codes) -> Floats:
    """Usual move of each needed asset's price, 1 where it does not move."""
    size = np.abs(model.deviation(np.eye(len(model.assets))))[active]
    return np.asarray(np.where(size > 0, size, 1.0))


def _bend(problem: Problem, model: PriceModel, closed: Floats, price: Floats) -> Floats:
    """Curvature of each account's expected shortfall, per unit of deviation: here, or where it would be levelled."""
    spread = np.abs(model.deviation(problem.exposure(closed)))
    owned = np.maximum(np.abs(problem.equity), 1e-9 * np.abs(problem.equity).max(initial=0.0) + np.finfo(float).tiny)
    here = np.divide(owned, spread, out=np.full_like(spread, 40.0), where=spread > owned / 40.0)
    density = np.clip(np.max(price, initial=0.0), 1e-30, 0.39)
    levelled = np.sqrt(-2 * np.log(density * np.sqrt(2 * np.pi)))
    return np.asarray(np.maximum(_curvature(here), _curvature(levelled)) / owned)


def _curvature(ratio: npt.ArrayLike) -> Floats:
    """Largest second derivative of s phi(1 / s) - Phi(-1 / s) at s = 1 / ratio, in any direction."""
    x = np.asarray(ratio, dtype=float)
    return np.asarray(np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi) * x * np.maximum(x**2, 1.0))
