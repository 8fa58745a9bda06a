"""Metrics of one allocation: what was taken against what was needed, and what it left of the winners.

All amounts of one call are in one unit: money of equity, of profit, of price concession, or contracts. The literature
mixes them, and sums of one event differ by two orders of magnitude for that reason alone.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from adlkit.contracts import Floats
from adlkit.metrics.inputs import Money, aligned, nonnegative, on_index, within

SLACK = 1e-12
"""Relative slack of comparisons between sums of floats."""


def residual_deficit(taken: Money, deficit: Money, *, fund: float = 0.0) -> Money:
    """Deficit that neither the fund nor the haircuts cover: (deficit - fund - taken)+.

    Parameters
    ----------
    taken, deficit : float, or Series by round
        Taken in total, and the deficit of the same round, in one unit.
    fund : float, default 0
        What the insurance fund pays in each round.

    Returns
    -------
    float or Series, as `taken`
        Never negative.

    Raises
    ------
    MetricError
        If a number is not finite, or the Series have different indices.

    References
    ----------
    .. [1] T. Chitra, Autodeleveraging: Impossibilities and Optimization, arXiv 2512.01112.

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.metrics.residual_deficit(6.0, 15.0, fund=2.0)
    7.0
    """
    aligned(taken=taken, deficit=deficit, fund=fund)
    return _positive(deficit - fund - taken)


def overshoot(taken: Money, reference: Money) -> Money:
    """What was taken above a reference: (taken - reference)+.

    Parameters
    ----------
    taken : float, or Series by round
        Taken in total.
    reference : float, or Series by round
        The deficit (as in the queue pipeline of the code behind [1]_), or the budget that was needed (as in [2]_):
        the two differ by the severity, so say which.

    Returns
    -------
    float or Series, as `taken`
        Never negative; the sum over rounds is not the positive part of the summed difference.

    Raises
    ------
    MetricError
        As in `residual_deficit`.

    References
    ----------
    .. [1] arXiv 2512.01112, whose overshoot against the needed budget is signed: see `signed_overshoot`.
    .. [2] T. Chitra, N. Thogiti, M. Trujillo, V. Xu, Autodeleveraging as Online Learning, arXiv 2602.15182, section
       3.7. Its text gives 45.0 M as positive part for 2025-10-10; that is the signed sum, the positive part of the
       published table is 49.4 M.

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.metrics.overshoot(6.0, 5.0)
    1.0
    """
    aligned(taken=taken, reference=reference)
    return _positive(taken - reference)


def undershoot(taken: Money, needed: Money) -> Money:
    """What was taken too little: (needed - taken)+.

    Parameters
    ----------
    taken, needed : float, or Series by round
        Taken in total, and the budget that was needed.

    Returns
    -------
    float or Series, as `taken`
        Never negative.

    Raises
    ------
    MetricError
        As in `residual_deficit`.

    References
    ----------
    .. [1] arXiv 2602.15182, section 3.7.

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.metrics.undershoot(3.0, 5.0)
    2.0
    """
    aligned(taken=taken, needed=needed)
    return _positive(needed - taken)


def signed_overshoot(taken: Money, needed: Money) -> Money:
    """Taken minus needed, with its sign: rounds of too much and too little cancel in its sum.

    Parameters
    ----------
    taken, needed : float, or Series by round
        As in `undershoot`.

    Returns
    -------
    float or Series, as `taken`
        Below zero where too little was taken.

    Raises
    ------
    MetricError
        As in `residual_deficit`.

    References
    ----------
    .. [1] arXiv 2512.01112, empirical appendix ("overshoot", not a positive part).

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.metrics.signed_overshoot(3.0, 5.0)
    -2.0
    """
    aligned(taken=taken, needed=needed)
    return taken - needed


def tracking_error(taken: Money, needed: Money) -> Money:
    """Distance between what was taken and what was needed: abs(taken - needed).

    Parameters
    ----------
    taken, needed : float, or Series by round
        As in `undershoot`.

    Returns
    -------
    float or Series, as `taken`
        `overshoot` + `undershoot`.

    Raises
    ------
    MetricError
        As in `residual_deficit`.

    References
    ----------
    .. [1] arXiv 2602.15182, section 3.7.

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.metrics.tracking_error(3.0, 5.0)
    2.0
    """
    aligned(taken=taken, needed=needed)
    return abs(taken - needed)


def feasible_mass(capacity: pd.Series, deficit: float) -> float:
    """Part of a deficit that the winners can cover at all: min(deficit, sum of capacities).

    Parameters
    ----------
    capacity : Series
        The most each winner can give, >= 0.
    deficit : float
        In the same unit, >= 0.

    Returns
    -------
    float
        In the same unit.

    Raises
    ------
    MetricError
        If an amount is NaN, infinite or below zero.

    References
    ----------
    .. [1] arXiv 2512.01112, empirical appendix.

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> adl.metrics.feasible_mass(pd.Series([8.0, 4.0, 0.5]), 15.0)
    12.5
    """
    return float(min(nonnegative("deficit", deficit), nonnegative("capacity", capacity).sum()))


def structural_residual(capacity: pd.Series, deficit: float) -> float:
    """Part of a deficit that no allocation can cover: deficit - `feasible_mass`.

    Parameters
    ----------
    capacity, deficit
        As in `feasible_mass`.

    Returns
    -------
    float
        In the same unit, never negative.

    Raises
    ------
    MetricError
        As in `feasible_mass`.

    References
    ----------
    .. [1] arXiv 2512.01112, empirical appendix.

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> adl.metrics.structural_residual(pd.Series([8.0, 4.0, 0.5]), 15.0)
    2.5
    """
    return float(deficit) - feasible_mass(capacity, deficit)


def ptsr(taken: pd.Series, capacity: pd.Series, deficits: pd.Series, *, severity: float) -> float:
    """PTSR of the paper: largest capacity left / budget.

    Parameters
    ----------
    taken, capacity : Series
        What each winner gives and could have given, on one index, >= 0, in one unit.
    deficits : Series
        What each loser lacks, >= 0, in the same unit.
    severity : float
        Share theta of the deficit that is to be taken, [0, 1]: the budget is theta x sum of `deficits`.

    Returns
    -------
    float
        [1]; NaN where the budget is zero. The paper takes the expectation over rounds: the mean of this.

    Raises
    ------
    MetricError
        If an amount is not finite or negative, indices differ, or the severity is outside [0, 1].

    References
    ----------
    .. [1] arXiv 2512.01112, where it is E[upsilon / (theta D)]; the code behind it divides by what is left of the
       deficit, see `ptsr_remaining`. The two agree at a severity of one half only.

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> capacity, deficits = pd.Series([8.0, 4.0, 0.5]), pd.Series([12.0, 3.0])
    >>> round(adl.metrics.ptsr(0.48 * capacity, capacity, deficits, severity=0.4), 5)
    0.69333
    """
    budget = within("severity", severity, 0.0, 1.0) * nonnegative("deficits", deficits).sum()
    return _ratio(_largest_left(taken, capacity), budget)


def ptsr_remaining(taken: pd.Series, capacity: pd.Series, deficits: pd.Series) -> float:
    """PTSR of the code: largest capacity left / deficit left.

    Parameters
    ----------
    taken, capacity, deficits
        As in `ptsr`.

    Returns
    -------
    float
        [1]; NaN where at least the whole deficit was taken.

    Raises
    ------
    MetricError
        As in `ptsr`.

    References
    ----------
    .. [1] github.com/pluriholonomic/autodeleveraging-analysis, policy_per_wave.py; differs from the paper, see `ptsr`.

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> capacity, deficits = pd.Series([8.0, 4.0, 0.5]), pd.Series([12.0, 3.0])
    >>> round(adl.metrics.ptsr_remaining(0.48 * capacity, capacity, deficits), 5)
    0.46222
    """
    left = nonnegative("deficits", deficits).sum() - nonnegative("taken", taken).sum()
    return _ratio(_largest_left(taken, capacity), left)


def pmr(taken: pd.Series, capacity: pd.Series, deficits: pd.Series, *, severity: float) -> float:
    """PMR of the paper: largest capacity left / (severity x largest deficit).

    Parameters
    ----------
    taken, capacity, deficits, severity
        As in `ptsr`.

    Returns
    -------
    float
        [1]; NaN where the severity or the largest deficit is zero.

    Raises
    ------
    MetricError
        As in `ptsr`.

    References
    ----------
    .. [1] arXiv 2512.01112, "PMR"; the code behind it differs, see `pmr_remaining`.

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> capacity, deficits = pd.Series([8.0, 4.0, 0.5]), pd.Series([12.0, 3.0])
    >>> round(adl.metrics.pmr(0.48 * capacity, capacity, deficits, severity=0.4), 5)
    0.86667
    """
    largest = nonnegative("deficits", deficits).max(initial=0.0)
    return _ratio(_largest_left(taken, capacity), within("severity", severity, 0.0, 1.0) * largest)


def pmr_remaining(taken: pd.Series, capacity: pd.Series, deficits: pd.Series) -> float:
    """PMR of the code: largest capacity left / (share of deficit left x largest deficit).

    Parameters
    ----------
    taken, capacity, deficits
        As in `ptsr`.

    Returns
    -------
    float
        [1]; NaN where at least the whole deficit was taken.

    Raises
    ------
    MetricError
        As in `ptsr`.

    References
    ----------
    .. [1] github.com/pluriholonomic/autodeleveraging-analysis, policy_per_wave.py; differs from the paper, see `pmr`.

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> capacity, deficits = pd.Series([8.0, 4.0, 0.5]), pd.Series([12.0, 3.0])
    >>> round(adl.metrics.pmr_remaining(0.48 * capacity, capacity, deficits), 5)
    0.57778
    """
    losses = nonnegative("deficits", deficits)
    total = losses.sum()
    share_left = max(total - nonnegative("taken", taken).sum(), 0.0) / total if total > 0 else 0.0
    return _ratio(_largest_left(taken, capacity), share_left * losses.max(initial=0.0))


def rd_nse(taken: pd.Series, capacity: pd.Series, deficits: pd.Series) -> float:
    """Largest capacity left / (largest capacity left + deficit left).

    Parameters
    ----------
    taken, capacity, deficits
        As in `ptsr`.

    Returns
    -------
    float
        [1]; above 1 where more than the deficit was taken, and NaN where the sum below is then not positive. Equal
        to r / (1 + r) with r = `ptsr_remaining` where that is defined.

    Raises
    ------
    MetricError
        As in `ptsr`.

    References
    ----------
    .. [1] github.com/pluriholonomic/autodeleveraging-analysis, plots.py and policy_per_wave.py ("RD-NSE"); in the
       code only, no paper defines it.

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> capacity, deficits = pd.Series([8.0, 4.0, 0.5]), pd.Series([12.0, 3.0])
    >>> round(adl.metrics.rd_nse(0.48 * capacity, capacity, deficits), 5)
    0.31611
    """
    left = nonnegative("deficits", deficits).sum() - nonnegative("taken", taken).sum()
    largest = _largest_left(taken, capacity)
    return _ratio(largest, largest + left)


def max_burden(taken: pd.Series, base: pd.Series) -> float:
    """Largest share of its base that any account gives.

    Parameters
    ----------
    taken : Series
        What each gives, >= 0.
    base : Series
        What it is measured by, on the same index and in the same unit: equity (arXiv 2512.01112) or capacity (arXiv
        2602.15182); the two name different accounts, so choose.

    Returns
    -------
    float
        [1]; 0 where nobody gives, inf where an account with a base of zero or below gives. The code behind the
        papers clips it to [0, 1], and one of them adds a small number to the base instead of the inf.

    Raises
    ------
    MetricError
        If a number is not finite, `taken` is negative, or the indices differ.

    References
    ----------
    .. [1] github.com/pluriholonomic/autodeleveraging-analysis ("max_pct"): over equity at the end of the wave for
       production, over the largest equity seen in the wave for benchmarks.

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> adl.metrics.max_burden(pd.Series([4.8, 2.4, 0.3]), pd.Series([10.0, 5.0, 1.0]))
    0.48
    """
    aligned(taken=taken, base=base)
    gives = nonnegative("taken", taken) > 0
    has_base = base.to_numpy() > 0
    if (gives & ~has_base).any():
        return math.inf
    return float((taken[gives] / base[gives]).max()) if gives.any() else 0.0


def fairness_gap(burden: Money, reference: Money, needed: Money) -> Money:
    """Distance of the largest burden from that of a reference policy, in money: abs(burden - reference) x needed.

    Parameters
    ----------
    burden, reference : float, or Series by round
        `max_burden` of the policy and of the reference [1], over the same base.
    needed : float, or Series by round
        Budget that was needed.

    Returns
    -------
    float or Series, as `burden`
        In the unit of `needed`. A policy that is fairer than the reference has a gap too.

    Raises
    ------
    MetricError
        As in `residual_deficit`.

    References
    ----------
    .. [1] arXiv 2512.01112; arXiv 2602.15182, equation 23. Its published reference, named integer programme, is a
       rounding with values that no optimum can have: the published gaps are no distance to an optimum.

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.metrics.fairness_gap(0.5, 0.25, 8.0)
    2.0
    """
    aligned(burden=burden, reference=reference, needed=needed)
    return abs(burden - reference) * needed


def total_objective(
    taken: pd.Series,
    needed: pd.Series,
    burden: pd.Series,
    reference: pd.Series,
    *,
    fairness_weight: float = 1.0,
) -> float:
    """Tracking error plus weighted fairness gap, summed over rounds.

    Parameters
    ----------
    taken, needed, burden, reference : Series by round
        As in `tracking_error` and `fairness_gap`, on one index.
    fairness_weight : float, default 1
        Weight lambda >= 0 of the fairness gap.

    Returns
    -------
    float
        In the unit of `taken`.

    Raises
    ------
    MetricError
        As in `residual_deficit`, or if the weight is negative.

    References
    ----------
    .. [1] arXiv 2602.15182, equation 23 and table 2.

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> one = pd.Series([1.0])
    >>> adl.metrics.total_objective(3.0 * one, 5.0 * one, 0.5 * one, 0.3 * one)
    3.0
    """
    weight = float(nonnegative("fairness_weight", fairness_weight))
    aligned(taken=taken, needed=needed, burden=burden, reference=reference)
    return float((tracking_error(taken, needed) + weight * fairness_gap(burden, reference, needed)).sum())


def order_flips(endowment: pd.Series, taken: pd.Series) -> float:
    """Share of neighbours, by endowment before, of whom the richer is the poorer after.

    Parameters
    ----------
    endowment : Series
        What each winner has before.
    taken : Series
        What it gives, >= 0, on the same index and in the same unit.

    Returns
    -------
    float
        Flipped pairs / (n - 1) [1]; NaN for fewer than two winners. Equal endowments cannot flip; among equals the
        order after decides who neighbours the next richer and poorer, so the order of rows never matters.

    Raises
    ------
    MetricError
        If a number is not finite, `taken` is negative, or the indices differ.

    References
    ----------
    .. [1] arXiv 2602.15182, section 5.2 ("monotonicity violation rate"; its code is not published).

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> adl.metrics.order_flips(pd.Series([8.0, 4.0, 0.5]), pd.Series([7.5, 0.0, 0.0]))
    0.5
    """
    aligned(endowment=endowment, taken=taken)
    before = endowment.to_numpy(dtype=float)
    after = before - nonnegative("taken", taken)
    order = np.lexsort((after, before))
    flips = (np.diff(before[order]) > 0) & (np.diff(after[order]) < 0)
    return float(flips.mean()) if len(flips) else math.nan


def is_majorized(first: pd.Series, second: pd.Series) -> bool:
    """Tell whether the burdens of `first` are weakly submajorised by those of `second`: it is at least as fair.

    Parameters
    ----------
    first, second : Series
        Burdens (e.g. haircut fractions) of the same accounts under two policies, on one index.

    Returns
    -------
    bool
        Whether, for every k, the k largest of `first` add up to no more than the k largest of `second` (to 1e-12 of
        the sum of absolute burdens). Then every increasing, convex and symmetric cost is no higher. Two policies
        may be unordered: False both ways.

    Raises
    ------
    MetricError
        If a number is not finite or the indices differ.

    References
    ----------
    .. [1] A. W. Marshall, I. Olkin, B. C. Arnold, Inequalities: Theory of Majorization and Its Applications (2011),
       definition 1.A.2; used in arXiv 2512.01112.

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> even, greedy = pd.Series([0.6, 0.6, 0.6]), pd.Series([0.9375, 0.0, 0.0])
    >>> adl.metrics.is_majorized(even, greedy), adl.metrics.is_majorized(greedy, even)
    (False, False)
    """
    aligned(first=first, second=second)
    one, two = (np.cumsum(np.sort(burden.to_numpy(dtype=float))[::-1]) for burden in (first, second))
    slack = SLACK * (first.abs().sum() + second.abs().sum())
    return bool((one <= two + slack).all())


def _positive(amount: Money) -> Money:
    return amount.clip(lower=0.0) if isinstance(amount, pd.Series) else max(amount, 0.0)


def _largest_left(taken: pd.Series, capacity: pd.Series) -> float:
    """Largest positive part of capacity - taken."""
    left: Floats = nonnegative("capacity", capacity) - nonnegative(
        "taken", on_index("taken", taken, "capacity", capacity.index)
    )
    return float(left.max(initial=0.0))


def _ratio(part: float, whole: float) -> float:
    return float(part / whole) if whole > 0 else math.nan
