"""Who pays: rules that share a target among capacities.

A rule is a function of arrays, ``rule(target, capacity, weight, group) -> taken``, and does not know its unit:
contracts when positions close, ccy when money is taken.

target : float or array of shape (n_groups,)
    What is asked of each group, not negative. More than a group's capacity takes all of it.
capacity : array of shape (n,)
    The most each candidate can give, in queue order within its group.
weight : array of shape (n,), optional
    What shares or levels refer to; its meaning is the rule's.
group : array of shape (n,), optional
    Group number of each candidate, not decreasing; all candidates are one group without it. All groups are served at
    once with segment-wise cumulative sums.

Every rule returns 0 <= taken <= capacity with the sum of each group equal to the smaller of target and what the rule
can reach. `adlkit.allocate` is the labelled door to them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pandas as pd

from adlkit.contracts import Flags, Floats
from adlkit.errors import AllocationError
from adlkit.groups import Codes, Groups

Rule = Callable[..., Floats]
BISECTIONS = 60
NEGLIGIBLE = 1e-6
"""A group that misses no more than this is served in whole numbers: of lots, or of what they are worth [ccy]."""


def queue(
    target: npt.ArrayLike,
    capacity: npt.ArrayLike,
    weight: npt.ArrayLike | None = None,
    group: Codes | None = None,
) -> Floats:
    """First in the queue gives first, each up to its capacity; the last one gives in part.

    Parameters
    ----------
    target, capacity, weight, group
        See the module; the weight is not read.

    Returns
    -------
    array, shape of `capacity`
        What each gives.

    Raises
    ------
    AllocationError
        If a target, capacity or weight is out of its range, or the groups do not fit.

    References
    ----------
    .. [1] BitMEX, https://www.bitmex.com/app/autoDeleveragingExamples ; in money arXiv 2512.01112, 2.6.

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.rules.queue(7.5, [4.0, 8.0, 0.5]).tolist()
    [4.0, 3.5, 0.0]
    """
    target, capacity, groups = _segments(target, capacity, group)
    return np.clip(target[groups.codes] - groups.ahead(capacity), 0.0, capacity)


def pro_rata(
    target: npt.ArrayLike,
    capacity: npt.ArrayLike,
    weight: npt.ArrayLike | None = None,
    group: Codes | None = None,
) -> Floats:
    """Each gives in proportion to its weight, up to its capacity; what the full ones cannot give is shared again.

    Parameters
    ----------
    target, capacity, weight, group
        See the module; the weight is the capacity itself if not given. A candidate of weight 0 or less gives nothing.

    Returns
    -------
    array, shape of `capacity`
        min(capacity, t x weight), with t such that the group gives its target. O(n log n).

    Raises
    ------
    AllocationError
        If a target, capacity or weight is out of its range, or the groups do not fit.

    References
    ----------
    .. [1] arXiv 2512.01112, "wealth pro-rata" (weight = capacity) and "capped pro-rata".

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.rules.pro_rata(7.5, [8.0, 4.0, 0.5]).round(4).tolist()
    [4.8, 2.4, 0.3]
    """
    target, capacity, groups = _segments(target, capacity, group)
    share = capacity if weight is None else _weights(weight, capacity)
    gives = share > 0
    level = _level(lambda whole, _: target - whole, capacity[gives], share[gives], groups.of(gives))
    with np.errstate(invalid="ignore"):
        shared = level[groups.codes] * share
    return np.asarray(np.where(gives, np.minimum(capacity, shared), 0.0))


def water_fill(
    target: npt.ArrayLike, capacity: npt.ArrayLike, weight: npt.ArrayLike, group: Codes | None = None
) -> Floats:
    """Drain the most levered first: lower the highest capacity / weight until the target is reached.

    Parameters
    ----------
    target, capacity, weight, group
        See the module; the weight is the account's equity, so that capacity / weight is leverage up to the price.

    Returns
    -------
    array, shape of `capacity`
        (capacity - l x weight)+ with l such that the group gives its target. Candidates of weight <= 0 have no
        leverage below infinity and give first, in proportion to capacity.

    Raises
    ------
    AllocationError
        If a target, capacity or weight is out of its range, or the groups do not fit.

    Notes
    -----
    What is kept is capped pro rata: min(capacity, l x weight) sums to total capacity less target. Of all ways to close
    the target at the mark it has the smallest total shortfall at every later price [1]_.

    References
    ----------
    .. [1] arXiv 2603.15963, leverage draining (minimax leverage), one symbol and isolated margin.

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.rules.water_fill(8.0, [10.0, 6.0, 4.0], [20.0, 30.0, 40.0]).round(4).tolist()
    [6.8, 1.2, 0.0]
    """
    if weight is None:
        raise AllocationError("water_fill levels by a weight, e.g. equity; give one")
    target, capacity, groups = _segments(target, capacity, group)
    share = _weights(weight, capacity)
    solvent = share > 0
    if solvent.all():
        return _drained(target, capacity, share, groups)
    drained = pro_rata(target, np.where(solvent, 0.0, capacity), None, groups.codes)
    left = np.maximum(target - groups.total(drained), 0.0)
    drained[solvent] = _drained(left, capacity[solvent], share[solvent], groups.of(solvent))
    return drained


def _drained(target: Floats, capacity: Floats, weight: Floats, groups: Groups) -> Floats:
    """What water-filling takes where every weight is above 0."""
    asked = np.minimum(target, groups.total(capacity))
    level = _level(lambda _, rest: rest - asked, capacity, weight, groups)
    given = np.maximum(capacity - level[groups.codes] * weight, 0.0)
    total = groups.total(given)
    exact = np.divide(asked, total, out=np.ones(len(total)), where=total > 0)
    return np.asarray(np.minimum(given * exact[groups.codes], capacity))


def in_lots(rule: Rule, *, lot: float) -> Rule:
    """Make a rule that hands out whole lots: what `rule` takes, rounded by largest remainder.

    Parameters
    ----------
    rule : callable
        One of this module, or your own.
    lot : float
        Size of one lot [unit of the capacity], > 0.

    Returns
    -------
    callable
        A rule. Asks for no more than the whole lots of the target and of each capacity; a smaller rest stays open.
        Equal remainders go to the earlier candidate. A larger target can lower one share (the Alabama effect), and a
        position below one lot gives nothing.

    Raises
    ------
    AllocationError
        If `lot` is not finite and above zero, or the rule is one of money (`squared`, `incentive_descent`).

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.rules.in_lots(adl.rules.pro_rata, lot=1.0)(10.0, [6.0, 6.0, 2.0]).tolist()
    [4.0, 4.0, 2.0]
    """
    if not 0 < lot < np.inf:
        raise AllocationError(f"lot must be finite and above zero, got {lot!r}")
    if getattr(rule, "is_money", False):
        raise AllocationError(f"{rule.__name__} shares money and not contracts: it has no lots")

    def whole(
        target: npt.ArrayLike, capacity: npt.ArrayLike, weight: npt.ArrayLike | None = None, group: Codes | None = None
    ) -> Floats:
        target, capacity, groups = _segments(target, capacity, group)
        room = whole_lots(capacity / lot)
        asked = np.minimum(whole_lots(target / lot), groups.total(room))
        ideal = rule(asked, room, capacity / lot if weight is None else weight, groups.codes)
        return np.minimum(largest_remainder(ideal, np.rint(groups.total(ideal)), room, groups) * lot, capacity)

    whole.__name__ = f"{getattr(rule, '__name__', 'rule')}_in_lots"
    return whole


def whole_lots(lots: Floats) -> Floats:
    """Lots rounded down, but for the last digits of a division."""
    return np.asarray(np.floor(lots * (1.0 + 4.0 * np.finfo(float).eps) + 1e-9))


def largest_remainder(
    ideal: Floats, asked: Floats, room: Floats, groups: Groups, *, worth: float | Floats = 1.0
) -> Floats:
    """Whole numbers near `ideal` that bring each group what is `asked`, as far as `room` lets the rounded-up grow.

    One pass: in order of their remainders, equal ones in row order, each grows by one until the group is served. One
    counts for its `worth`; where that is not 1, the last to grow may bring more than was asked.
    """
    whole = whole_lots(ideal)
    can_grow = (whole + 1 <= room) & (ideal > 0)
    missing = asked - groups.total(whole * worth)
    remainder = np.round(ideal - whole, 9)  # equal ones differ in their last digits
    order = np.lexsort((-remainder, ~can_grow, groups.codes))
    ranked = Groups(groups.codes[order], groups.size)
    before = ranked.ahead(np.where(can_grow, worth, 0.0)[order])
    gains = np.zeros(len(ideal))
    gains[order] = can_grow[order] & (missing[ranked.codes] - before > NEGLIGIBLE)
    return whole + gains


def squared(
    target: npt.ArrayLike, capacity: npt.ArrayLike, weight: npt.ArrayLike, group: Codes | None = None
) -> Floats:
    """Vector mirror descent as its code runs: money grows with the square of size, then is cut off at capacity.

    Parameters
    ----------
    target, capacity, weight, group
        See the module; the weight d is the money at stake in each position (contracts x price concession).

    Returns
    -------
    array, shape of `capacity`
        min(capacity, min(d, t x d**2)), with t such that the part before the cut gives the target, at most all of d:
        what the cut loses stays open.

    Raises
    ------
    AllocationError
        If a target, capacity or weight is out of its range, or the groups do not fit.

    Notes
    -----
    The published code projects the origin once onto {0 <= h <= 1, d.h = target} with a gradient of zero. Its text
    describes another programme, see `incentive_descent` [1]_.

    References
    ----------
    .. [1] github:pluriholonomic/autodeleveraging-analysis, vector mirror descent; arXiv 2512.01112.

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.rules.squared(10.0, [60.0, 40.0], [60.0, 40.0]).round(3).tolist()
    [6.923, 3.077]
    """
    if weight is None:
        raise AllocationError("squared needs a weight: the money at stake in each position")
    target, capacity, groups = _segments(target, capacity, group)
    stake = np.maximum(_weights(weight, capacity), 0.0)
    return np.minimum(capacity, pro_rata(target, stake, stake**2, groups.codes))


cast(Any, squared).is_money = True


def incentive_descent(
    *, utility: float, curvature: float, ridge: float = 0.0, anchor: float = 0.0, pull: float = 0.0
) -> Rule:
    """Make the rule that solves the published programme of vector mirror descent exactly.

    Parameters
    ----------
    utility, curvature : float
        a and b of the disutility -a w (1 - exp(-b h)), >= 0.
    ridge, pull : float, default 0
        mu and phi, of ridge x h**2 and pull x (h - anchor)**2, >= 0.
    anchor : float, default 0
        Common haircut that `pull` draws to [1].

    Returns
    -------
    callable
        A rule on money: capacity is the endowment w, h = taken / w within [0, 1]; the weight is not read.

    Raises
    ------
    AllocationError
        If a coefficient is negative or not finite, or all that bend the programme are zero.

    Notes
    -----
    The source descends by projected gradient. With the budget met exactly, its terms in the sum of h w are constants,
    and the rest is separable: one multiplier orders all accounts, found here by bisection [1]_. The source publishes
    no coefficients.

    References
    ----------
    .. [1] arXiv 2512.01112, empirical appendix (vector mirror descent).

    Examples
    --------
    >>> import adlkit as adl
    >>> even = adl.rules.incentive_descent(utility=0.0, curvature=0.0, ridge=1.0)
    >>> even(7.5, [8.0, 4.0, 0.5]).round(3).tolist()
    [5.981, 1.495, 0.023]
    """
    terms = np.array([utility, curvature, ridge, pull, anchor])
    if not (np.isfinite(terms) & (terms >= 0)).all() or utility * curvature + ridge + pull == 0:
        raise AllocationError(f"need finite coefficients of 0 or more that bend the programme, got {terms.tolist()}")

    def slope(rate: Floats, owned: Floats) -> Floats:
        bent = -utility * curvature * owned * np.exp(-curvature * rate)
        return np.asarray(bent + 2.0 * ridge * rate + 2.0 * pull * (rate - anchor))

    def solved(
        target: npt.ArrayLike, capacity: npt.ArrayLike, weight: npt.ArrayLike | None = None, group: Codes | None = None
    ) -> Floats:
        target, capacity, groups = _segments(target, capacity, group)
        owned = np.where(capacity > 0, capacity, 1.0)

        def taken(level: Floats) -> Floats:
            rate = _bisected(lambda rate: slope(rate, owned) < level[groups.codes] * owned, np.zeros(len(owned)), 1.0)
            return rate * capacity

        lowest, highest = slope(np.zeros(len(owned)), owned) / owned, slope(np.ones(len(owned)), owned) / owned
        low = np.full(groups.size, min(lowest.min(initial=0.0), 0.0))
        width = max(highest.max(initial=0.0), 0.0) - low.min(initial=0.0)
        level = _bisected(lambda level: groups.total(taken(level)) < target, low, width)
        found = taken(level)
        gap = np.minimum(target, groups.total(capacity)) - groups.total(found)
        return np.clip(found + pro_rata(np.maximum(gap, 0.0), capacity - found, None, groups.codes), 0.0, capacity)

    solved.__name__ = "incentive_descent"
    cast(Any, solved).is_money = True
    return solved


def catalogue() -> pd.DataFrame:
    """All allocation rules of this module.

    Returns
    -------
    DataFrame, index ``rule`` (function name)
        ``what`` (first line of its docstring) and ``weight`` (what its weight means).

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.rules.catalogue().index.tolist()
    ['queue', 'pro_rata', 'water_fill', 'squared', 'in_lots', 'incentive_descent']
    """
    weights = {
        queue: "not read",
        pro_rata: "share of the target; capacity if not given",
        water_fill: "equity",
        squared: "money at stake",
        in_lots: "of the rule that is rounded",
        incentive_descent: "not read",
    }
    rows = [
        {"rule": rule.__name__, "what": (rule.__doc__ or "").splitlines()[0], "weight": text}
        for rule, text in weights.items()
    ]
    return pd.DataFrame(rows).set_index("rule")


def _level(asked: Callable[[Floats, Floats], Floats], capacity: Floats, weight: Floats, groups: Groups) -> Floats:
    """Level t of each group: min(capacity, t x weight) adds up to what is asked of the part that is not full.

    `asked` is given the capacity of the full and of the others. Newton's method on a concave, piecewise linear sum:
    the level rises until nobody else is full, each pass looking only at those who were not; in practice a few passes.
    """
    level, whole = np.zeros(groups.size), np.zeros(groups.size)
    while len(capacity):
        mass, rest = groups.total(weight), groups.total(capacity)
        np.divide(np.maximum(asked(whole, rest), 0.0), mass, out=level, where=mass > 0)
        is_open = capacity > level[groups.codes] * weight
        if is_open.all():
            return level
        whole += groups.of(~is_open).total(capacity[~is_open])
        capacity, weight, groups = capacity[is_open], weight[is_open], groups.of(is_open)
    return level


def _bisected(is_below: Callable[[Floats], Flags], low: Floats, width: float) -> Floats:
    """Largest point of each interval [low, low + width] that is still below its root."""
    step = np.full(len(low), float(width))
    for _ in range(BISECTIONS):
        step = step / 2.0
        low = np.where(is_below(low + step), low + step, low)
    return low


def _weights(weight: npt.ArrayLike, capacity: Floats) -> Floats:
    weights = np.asarray(weight, dtype=float)
    if weights.shape != capacity.shape or not np.isfinite(weights).all():
        raise AllocationError("weight must be one finite number per candidate")
    return weights


def _segments(target: npt.ArrayLike, capacity: npt.ArrayLike, group: Codes | None) -> tuple[Floats, Floats, Groups]:
    targets = np.atleast_1d(np.asarray(target, dtype=float))
    room = np.asarray(capacity, dtype=float)
    codes = np.zeros(len(room), dtype=np.intp) if group is None else np.asarray(group, dtype=np.intp)
    if not ((targets >= 0).all() and (room >= 0).all() and np.isfinite(room).all()):
        raise AllocationError("targets and capacities must be 0 or more and no NaN, capacities finite")
    if len(codes) != len(room) or (np.diff(codes) < 0).any() or (codes >= len(targets)).any() or (codes < 0).any():
        raise AllocationError("group must number the target of each candidate, and not decrease")
    return targets, room, Groups(codes, len(targets))
