"""Whole lots: who closes how many contracts, under the published integer policies.

Shared input, all Series: `room` by (account, symbol) is what each position can close [lots]; only its whole lots are
ever closed. `gap` by symbol is the money that closing one lot brings [ccy per lot]. Lots are real ones: a position of
0.6 coins has room 6 where a lot is 0.1. (The published code takes one coin as one lot, which leaves every position
below one coin out.)
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from adlkit import rules
from adlkit._display import SummaryRepr
from adlkit.contracts import Floats
from adlkit.cross_margin.result import INFEASIBLE, NOT_CONVERGED, OPTIMAL
from adlkit.errors import AllocationError
from adlkit.groups import Groups, labelled_groups

ROUNDING = 1e-9
MAX_SCALE, N_BISECTIONS = 64.0, 18
"""Of `fixed_point`, as in its source."""
LEAST_TIME = 1e-3
"""Seconds that the second solution of `min_max` has where the first used up all of them."""
PROVED = 1e-5
"""Largest part by which a burden may be above its proved bound and still be called optimal: HiGHS has tolerances."""
MET, SHORT, FAILED = "met", "short", "failed"
STATUS = {0: OPTIMAL, 1: NOT_CONVERGED, 2: INFEASIBLE}
"""Words for the codes of `scipy.optimize.milp`; any other has FAILED."""


@dataclass(frozen=True, eq=False, repr=False)
class IntegerResult(SummaryRepr):
    """Whole lots closed in each position, and the money that they bring.

    Parameters
    ----------
    lots : Series, index (account, symbol)
        Whole lots closed.
    money : Series, same index
        lots x gap [ccy].
    target : float
        Money asked for [ccy].
    counted : float
        Money that counts towards it [ccy]: the sum of `money`, each account up to its cap where there is one.
    worst_burden : float
        Largest money / equity of an account [1]; NaN without equities. Accounts with equity <= 0 do not count.
    mip_gap : float
        What the solver leaves open between its best and what it can prove [1]; NaN where none is used.
    status : str
        Of the rules, as in `adlkit.AllocationResult`: "met", or "short" where a residual is left, beyond 1e-6. Of the
        program `min_max`, as in `adlkit.CrossMarginResult`: "optimal": shown to be the best. "not converged": the time
        ended before that; the best lots that were found meet the target, and `mip_gap` holds; none may have been found.
        "infeasible": no whole lots within room and caps bring the target; none are closed, all is `residual`. "failed":
        the solver broke down, see `message`.
    message : str
        The solver's own words; empty where none is used.

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> index = pd.MultiIndex.from_tuples([("ann", "BTC"), ("bob", "BTC")], names=["account", "symbol"])
    >>> gap = pd.Series({"BTC": 3.0}).rename_axis("symbol")
    >>> result = adl.integer.round_money(pd.Series([7.0, 4.0], index=index), room=pd.Series(5.0, index=index), gap=gap)
    >>> result.lots.tolist(), result.counted, result.overshoot
    ([3, 1], 12.0, 1.0)
    """

    lots: pd.Series
    money: pd.Series
    target: float
    counted: float
    worst_burden: float
    mip_gap: float
    status: str
    message: str

    @property
    def taken(self) -> pd.Series:
        """Lots that each position gives, whole and > 0, by (account, symbol); without those that give none."""
        return self.lots[self.lots > 0].rename("taken")

    @property
    def residual(self) -> float:
        """Money asked for and not brought [ccy]."""
        return max(self.target - self.counted, 0.0)

    @property
    def overshoot(self) -> float:
        """Money brought beyond the target [ccy]."""
        return max(self.counted - self.target, 0.0)

    def summary(self) -> pd.Series:
        """Positions and how many give, lots, target, counted, residual, overshoot, worst burden."""
        return pd.Series(
            {
                "positions": float(len(self.lots)),
                "giving": float((self.lots > 0).sum()),
                "lots": float(self.lots.sum()),
                "target": self.target,
                "counted": self.counted,
                "residual": self.residual,
                "overshoot": self.overshoot,
                "worst burden": self.worst_burden,
            }
        )


class Positions(NamedTuple):
    """Checked arrays of positions: whole lots, exact room, money per lot, account and symbol of each row."""

    labels: pd.Index
    whole: Floats
    room: Floats
    gap: Floats
    account: Groups
    accounts: pd.Index
    symbol: Groups
    symbols: pd.Index


def contract_pro_rata(room: pd.Series, target: pd.Series, *, gap: pd.Series) -> IntegerResult:
    """Share the lots of each symbol in proportion to position size, remainders by largest fraction, in one pass.

    Parameters
    ----------
    room : Series, index (account, symbol)
        Position sizes [lots], not rounded.
    target : Series, index by symbol
        Money asked of each symbol [ccy]; target / gap is rounded up to whole lots.
    gap : Series, index by symbol
        Money per lot, > 0 [ccy].

    Returns
    -------
    IntegerResult
        A residual is left where positions are full: remainders are handed out once, one lot each.
        Positions below one lot are not eligible and do not count in the shares. Equal fractions go to the earlier row.

    Raises
    ------
    AllocationError
        If indices do not match, or a number is NaN, infinite or negative.

    References
    ----------
    .. [1] pluriholonomic/autodeleveraging-analysis, contracts_pro_rata_close_integer (which then cuts the money of an
       account at its cap: a matter of what it owes, not of what is closed).

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> index = pd.MultiIndex.from_product([["a", "b", "c", "d"], ["BTC"]], names=["account", "symbol"])
    >>> one = pd.Series({"BTC": 1.0}).rename_axis("symbol")
    >>> adl.integer.contract_pro_rata(pd.Series([3.7, 2.2, 0.6, 1.0], index=index), 3.3 * one, gap=one).lots.tolist()
    [2, 1, 0, 1]
    """
    held = _positions(room, gap)
    asked = _by_label("target", target, held.symbols)
    price = held.symbol.first(held.gap)
    wanted = np.ceil(asked / price - ROUNDING)
    weight = np.where(held.whole >= 1, held.room, 0.0)
    total = held.symbol.total(weight)
    share = np.divide(wanted, total, out=np.zeros_like(total), where=total > 0)
    ideal = weight * share[held.symbol.codes]
    lots = rules.largest_remainder(np.minimum(ideal, held.whole), wanted, held.whole, held.symbol)
    return _result(held, lots, float(_amounts("target", target).sum()))


def round_money(target: pd.Series, *, room: pd.Series, gap: pd.Series) -> IntegerResult:
    """Round money asked of each position to whole lots: down first, then one lot more where most is missing.

    Parameters
    ----------
    target : Series, index of `room`
        Money asked of each position [ccy].
    room : Series, index (account, symbol)
        [lots].
    gap : Series, index by symbol
        Money per lot, > 0 [ccy].

    Returns
    -------
    IntegerResult
        While the sum is short by more than 1e-6, the position with the most lots still missing (and room) gives one
        more. Equal ones: the earlier row.

    Raises
    ------
    AllocationError
        If indices do not match, or a number is NaN, infinite or negative.

    References
    ----------
    .. [1] pluriholonomic/autodeleveraging-analysis, rounded_wealth_pro_rata_to_contracts.

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> index = pd.MultiIndex.from_tuples([("ann", "BTC"), ("bob", "ETH")], names=["account", "symbol"])
    >>> gap = pd.Series({"BTC": 3.0, "ETH": 4.0}).rename_axis("symbol")
    >>> result = adl.integer.round_money(pd.Series(10.0, index=index), room=pd.Series(5.0, index=index), gap=gap)
    >>> result.lots.tolist(), result.counted
    ([3, 3], 21.0)
    """
    held = _positions(room, gap)
    if not target.index.equals(room.index):
        raise AllocationError("target must be a Series on the index of room")
    asked = _amounts("target", target)
    one_pool = Groups(np.zeros(len(asked), dtype=np.intp), 1)
    return _result(held, _rounded(held, asked, one_pool), float(asked.sum()))


def min_max(
    room: pd.Series,
    target: float,
    *,
    gap: pd.Series,
    equity: pd.Series,
    cap: pd.Series | None = None,
    time_limit: float = 30.0,
) -> IntegerResult:
    r"""Whole lots that bring the target with the smallest possible largest burden, money / equity of an account.

    Parameters
    ----------
    room : Series, index (account, symbol)
        [lots].
    target : float
        Money asked of all together [ccy].
    gap : Series, index by symbol
        Money per lot, > 0 [ccy].
    equity : Series, index by account
        [ccy].
    cap : Series, index by account, optional
        Most money an account may bring [ccy]. The published program has burdens of at most 1: give the equities.
    time_limit : float, default 30
        Seconds for the solver.

    Returns
    -------
    IntegerResult
        With the solver's status, message and MIP gap, all of the burden. Of all answers with the smallest burden, one
        that brings least money, as far as the rest of the time shows. Without an answer ("infeasible", or none found in
        time) no lots at all: never another method's answer.

    Raises
    ------
    AllocationError
        If indices do not match, or a number is NaN, infinite or (but for equity) negative.

    Notes
    -----
    .. math:: \min z \quad \text{s.t.} \quad \sum_{ij} k_{ij} g_j \ge B, \quad \sum_j k_{ij} g_j \le z E_i, \quad
        0 \le k_{ij} \le \lfloor room_{ij} \rfloor

    Mixed-integer program, solved by HiGHS. An account with equity <= 0 has no burden to speak of; as in [1]_ it is not
    bounded, so that it gives first. The shipped series of [1]_ under this name came from its fallback, `fixed_point`.

    References
    ----------
    .. [1] pluriholonomic/autodeleveraging-analysis, _fixed_point_ilp_integer_contracts; arXiv 2602.15182, eq. 8.

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> index = pd.MultiIndex.from_product([["ann", "bob"], ["BTC"]], names=["account", "symbol"])
    >>> gap, equity = pd.Series({"BTC": 3.0}).rename_axis("symbol"), pd.Series({"ann": 20.0, "bob": 10.0})
    >>> result = adl.integer.min_max(pd.Series([9.0, 9.0], index=index), 10.0, gap=gap, equity=equity)
    >>> result.lots.tolist(), result.worst_burden, result.status
    ([3, 1], 0.45, 'optimal')
    """
    held = _positions(room, gap)
    owned = _by_label("equity", equity, held.accounts, may_be_negative=True)
    most = _caps(cap, held)
    _check_target(target)
    if not time_limit > 0:
        raise AllocationError("time_limit must be above zero")
    if target == 0:
        return _result(held, np.zeros(len(held.whole)), 0.0, owned, status=OPTIMAL, message="nothing asked")
    lots, found = _program(held, float(target), owned, most, time_limit)
    status, words = STATUS.get(found.status, FAILED), str(found.message)
    above = _proved_gap(held, lots, owned, float(target), found)
    if status == OPTIMAL and above > PROVED:
        status, words = NOT_CONVERGED, f"the burden is {above:.2g} above the bound that was proved"
    return _result(held, lots, float(target), owned, mip_gap=above, status=status, message=words)


def fixed_point(
    room: pd.Series, target: float, *, gap: pd.Series, equity: pd.Series, cap: pd.Series | None = None
) -> IntegerResult:
    """Round a pro rata sharing to whole lots, scaled up until it brings the target.

    Parameters
    ----------
    room : Series, index (account, symbol)
        [lots].
    target : float
        Money asked of all together [ccy].
    gap : Series, index by symbol
        Money per lot, > 0 [ccy].
    equity : Series, index by account
        [ccy]; only for the burden that is reported.
    cap : Series, index by account, optional
        Most money that counts for an account [ccy]; the source has min(profit, equity), not below zero.

    Returns
    -------
    IntegerResult
        Each account is asked for scale x target in proportion to its capacity min(room x gap, cap), up to it; its part
        is shared over its symbols by room x gap and rounded as in `round_money`. The scale is 1, doubled up to 64 until
        the target is met, then bisected 18 times. Lots bring what they bring, but an account counts up to its cap only.

    Raises
    ------
    AllocationError
        If indices do not match, or a number is NaN, infinite or (but for equity) negative.

    References
    ----------
    .. [1] pluriholonomic/autodeleveraging-analysis, fallback of _fixed_point_ilp_integer_contracts: what its "min-max
       ILP" series were made with.

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> index = pd.MultiIndex.from_product([["ann", "bob"], ["BTC"]], names=["account", "symbol"])
    >>> gap, equity = pd.Series({"BTC": 3.0}).rename_axis("symbol"), pd.Series({"ann": 20.0, "bob": 10.0})
    >>> result = adl.integer.fixed_point(pd.Series([9.0, 9.0], index=index), 10.0, gap=gap, equity=equity)
    >>> result.lots.tolist(), result.worst_burden
    ([2, 2], 0.6)
    """
    held = _positions(room, gap)
    owned = _by_label("equity", equity, held.accounts, may_be_negative=True)
    most = _caps(cap, held)
    _check_target(target)
    enough = target - rules.NEGLIGIBLE
    scale, lots = 1.0, _scaled(held, target, most)
    while _counted(held, lots, most) < enough and scale < MAX_SCALE:
        scale *= 2
        lots = _scaled(held, scale * target, most)
    low, high = scale / 2, scale
    if scale > 1 and _counted(held, lots, most) >= enough:
        for _ in range(N_BISECTIONS):
            middle = (low + high) / 2
            tried = _scaled(held, middle * target, most)
            is_enough = _counted(held, tried, most) >= enough
            low, high, lots = (low, middle, tried) if is_enough else (middle, high, lots)
    return _result(held, lots, float(target), owned, counted=_counted(held, lots, most))


# Input and output


def _positions(room: pd.Series, gap: pd.Series) -> Positions:
    if list(room.index.names) != ["account", "symbol"] or room.index.has_duplicates or not len(room):
        raise AllocationError("room must be a Series on (account, symbol), each position once")
    account, accounts = labelled_groups(room.index, ["account"])
    symbol, symbols = labelled_groups(room.index, ["symbol"])
    sizes, price = _amounts("room", room), _by_label("gap", gap, symbols)
    if (price == 0).any():
        raise AllocationError("gap must be above zero: lots that bring no money cannot meet a target")
    whole = np.floor(sizes + ROUNDING)
    return Positions(room.index, whole, sizes, price[symbol.codes], account, accounts, symbol, symbols)


def _by_label(what: str, values: pd.Series, labels: pd.Index, *, may_be_negative: bool = False) -> Floats:
    if values.index.has_duplicates or not labels.isin(values.index).all():
        raise AllocationError(f"{what} must give one number for each {labels.name} of room")
    return _amounts(what, values.reindex(labels), may_be_negative=may_be_negative)


def _amounts(what: str, values: pd.Series, *, may_be_negative: bool = False) -> Floats:
    numbers = values.to_numpy(dtype=float)
    fine = np.isfinite(numbers) & (may_be_negative | (numbers >= 0))
    if not fine.all():
        words = "NaN or infinite" if may_be_negative else "NaN, infinite or below zero"
        raise AllocationError(f"{what}: {int((~fine).sum())} values are {words}")
    return numbers


def _caps(cap: pd.Series | None, held: Positions) -> Floats:
    return np.full(held.account.size, np.inf) if cap is None else _by_label("cap", cap, held.accounts)


def _check_target(target: float) -> None:
    if not (np.isfinite(target) and target >= 0):
        raise AllocationError("target must be 0 or more, and finite")


def _result(
    held: Positions,
    lots: Floats,
    target: float,
    owned: Floats | None = None,
    *,
    counted: float | None = None,
    mip_gap: float | None = None,
    status: str | None = None,
    message: str = "",
) -> IntegerResult:
    money = lots * held.gap
    brought = float(money.sum()) if counted is None else counted
    return IntegerResult(
        lots=pd.Series(lots.astype(np.int64), index=held.labels, name="lots"),
        money=pd.Series(money, index=held.labels, name="money"),
        target=target,
        counted=brought,
        worst_burden=float("nan") if owned is None else _worst_burden(held, lots, owned),
        mip_gap=float("nan") if mip_gap is None else float(mip_gap),
        status=status or (MET if target - brought <= rules.NEGLIGIBLE else SHORT),
        message=message,
    )


def _worst_burden(held: Positions, lots: Floats, owned: Floats) -> float:
    solvent = owned > 0
    paid = held.account.total(lots * held.gap)
    return float(np.max(paid[solvent] / owned[solvent], initial=0.0))


# Rounding


def _rounded(held: Positions, asked: Floats, pool: Groups) -> Floats:
    """Money to whole lots: down, then one lot more to those with most lots missing until their pool is served.

    After its extra lot nothing is missing of a position, so that each gets one at most and one pass will do.
    """
    ideal = np.minimum(asked / held.gap, held.whole)
    whole = np.floor(ideal + ROUNDING)
    room = np.where(ideal - whole > ROUNDING, held.whole, whole)  # where no lot is missing, none is added
    return rules.largest_remainder(ideal, pool.total(asked), room, pool, worth=held.gap)


def _scaled(held: Positions, target: float, most: Floats) -> Floats:
    worth = held.whole * held.gap
    of_account = held.account.total(worth)
    capacity = np.minimum(of_account, most)
    share = np.divide(rules.pro_rata(target, capacity), of_account, out=np.zeros_like(of_account), where=of_account > 0)
    return _rounded(held, worth * share[held.account.codes], held.account)


def _counted(held: Positions, lots: Floats, most: Floats) -> float:
    return float(np.minimum(held.account.total(lots * held.gap), most).sum())


# The program


def _program(held: Positions, target: float, owned: Floats, most: Floats, seconds: float) -> tuple[Floats, Any]:
    """Lots of the smallest largest burden, and of those, in the time that is left, one that brings least money."""
    began = time.monotonic()
    found = _solve(held, target, owned, most, burden=None, seconds=seconds)
    lots = _whole_lots(held, found)
    if found.status != 0:
        return lots, found
    left = max(seconds - (time.monotonic() - began), LEAST_TIME)
    burden = _worst_burden(held, lots, owned)
    thrifty = _whole_lots(held, _solve(held, target, owned, most, burden=burden, seconds=left))
    is_better = target * (1 - ROUNDING) <= held.gap @ thrifty < held.gap @ lots
    return (thrifty if is_better else lots), found


def _solve(held: Positions, target: float, owned: Floats, most: Floats, *, burden: float | None, seconds: float) -> Any:
    """Smallest largest burden; or, for a given burden, least money. Money is in units of the target."""
    from scipy import optimize, sparse  # loaded when first asked for: they take longer than all of adlkit

    n, price = len(held.whole), held.gap / target
    payers = sparse.csr_array((price, (held.account.codes, np.arange(n))), shape=(held.account.size, n))
    solvent = owned > 0
    limits = most / target if burden is None else np.where(solvent, np.minimum(most, burden * owned), most) / target
    rows = [optimize.LinearConstraint(np.r_[price, 0.0][None], 1.0, np.inf)]
    if np.isfinite(limits).any():
        bounded = np.flatnonzero(np.isfinite(limits))
        ahead = sparse.hstack([payers[bounded], sparse.csr_array((len(bounded), 1))])
        rows.append(optimize.LinearConstraint(ahead.tocsr(), -np.inf, limits[bounded] * (1 + ROUNDING)))
    if burden is None and solvent.any():
        parts = owned[solvent] / owned[solvent].sum()  # the burden in units of target / all equity: near 1 for HiGHS
        shares = sparse.hstack([payers[solvent], sparse.csr_array(-parts[:, None])])
        rows.append(optimize.LinearConstraint(shares.tocsr(), -np.inf, 0.0))
    return optimize.milp(
        np.r_[np.zeros(n), 1.0] if burden is None else np.r_[price, 0.0],
        integrality=np.r_[np.ones(n), 0.0],
        bounds=optimize.Bounds(np.zeros(n + 1), np.r_[held.whole, np.inf]),
        constraints=rows,
        options={"time_limit": seconds, "mip_rel_gap": 0.0},
    )


def _proved_gap(held: Positions, lots: Floats, owned: Floats, target: float, found: Any) -> float:
    """How far the largest burden is above the bound that the solver proved [1]; NaN without a solution."""
    if found.x is None or not (owned > 0).any():
        return float("nan") if found.x is None else 0.0
    bound = found.mip_dual_bound * target / owned[owned > 0].sum()
    burden = _worst_burden(held, lots, owned)
    return float(max(burden / bound - 1.0, 0.0)) if bound > 0 else float(burden > 0)


def _whole_lots(held: Positions, found: Any) -> Floats:
    """Lots of a solution; none without one."""
    return np.zeros(len(held.whole)) if found.x is None else np.clip(np.rint(found.x[:-1]), 0.0, held.whole)
