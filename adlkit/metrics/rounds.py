"""Metrics over several rounds of deleveraging: severities, regrets, losses, stability, discounting.

Amounts of one call are in one unit, and Series by round share one index.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from adlkit.errors import MetricError
from adlkit.metrics.agreement import spearman
from adlkit.metrics.inputs import aligned, finite, nonnegative, on_index, within


def severity_ratio(amount: pd.Series, deficit: pd.Series) -> pd.Series:
    """Share of the deficit that was taken, or needed, in each round.

    Parameters
    ----------
    amount, deficit : Series by round
        Taken (production severity) or needed budget, and the deficit, >= 0.

    Returns
    -------
    Series by round
        amount / deficit [1]; may exceed 1; NaN where there is no deficit.

    Raises
    ------
    MetricError
        If a number is not finite or negative, or the indices differ.

    References
    ----------
    .. [1] arXiv 2512.01112; arXiv 2602.15182. The published deficits of 2025-10-10 count one account in nine of
       sixteen rounds (98% of their sum), most likely the venue's own liquidator vault, so the published severities
       are too small.

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> adl.metrics.severity_ratio(pd.Series([3.0, 1.0, 0.0]), pd.Series([2.0, 4.0, 0.0])).tolist()
    [1.5, 0.25, nan]
    """
    part = nonnegative("amount", on_index("amount", amount, "deficit", deficit.index))
    whole = nonnegative("deficit", deficit)
    return pd.Series(part / np.where(whole > 0, whole, np.nan), index=deficit.index, name="severity")


def clipped_severity_ratio(amount: pd.Series, deficit: pd.Series) -> pd.Series:
    """As `severity_ratio`, but 1 where more than the deficit was taken.

    Parameters
    ----------
    amount, deficit
        As in `severity_ratio`.

    Returns
    -------
    Series by round
        [1], within 0 .. 1; NaN where there is no deficit.

    Raises
    ------
    MetricError
        As in `severity_ratio`.

    References
    ----------
    .. [1] github.com/pluriholonomic/autodeleveraging-analysis ("theta_prod_capped", "theta_needed_capped").

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> adl.metrics.clipped_severity_ratio(pd.Series([3.0, 1.0]), pd.Series([2.0, 4.0])).tolist()
    [1.0, 0.25]
    """
    return severity_ratio(amount, deficit).clip(upper=1.0)


def static_regret(losses: pd.Series, fixed: pd.DataFrame) -> float:
    """Loss above that of the best fixed choice in hindsight.

    Parameters
    ----------
    losses : Series by round
        Loss of the policy.
    fixed : DataFrame, rounds x choices
        Loss of each choice, had it been kept in all rounds: fixed actions (static regret), or the policies of a
        library (policy-class regret).

    Returns
    -------
    float
        Sum of the losses minus the smallest column sum; below zero where the policy beats every fixed choice.

    Raises
    ------
    MetricError
        If a loss is not finite, there is no choice, or the indices differ.

    References
    ----------
    .. [1] arXiv 2602.15182, section 3.

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> adl.metrics.static_regret(pd.Series([1.0, 3.0]), pd.DataFrame({"a": [0.0, 3.0], "b": [2.0, 2.0]}))
    1.0
    """
    if fixed.empty:
        raise MetricError("fixed has no choice to compare with")
    for name, column in fixed.items():
        aligned(losses=losses, **{f"fixed[{name!r}]": column})
    return float(losses.sum() - fixed.sum().min())


def dynamic_regret(losses: pd.Series, path: pd.Series) -> float:
    """Loss above that of a path of choices, one of its own for each round.

    Parameters
    ----------
    losses, path : Series by round
        Loss of the policy, and of the path, e.g. of the best choice of each round: ``fixed.min(axis=1)``.

    Returns
    -------
    float
        Sum of the differences. With `adlkit.metrics.tracking_error` as loss the best path has no loss, and the
        regret is the sum of the losses (tracking regret).

    Raises
    ------
    MetricError
        If a loss is not finite or the indices differ.

    References
    ----------
    .. [1] arXiv 2602.15182, section 3.

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> adl.metrics.dynamic_regret(pd.Series([1.0, 3.0]), pd.Series([0.0, 2.0]))
    2.0
    """
    aligned(losses=losses, path=path)
    return float((losses - path).sum())


def round_loss_asymmetric(
    taken: pd.Series, needed: pd.Series, unfairness: pd.Series, *, under: float, over: float, fairness: float
) -> pd.Series:
    """Loss of each round that weighs too little and too much apart.

    Parameters
    ----------
    taken, needed : Series by round
        Taken in total, and the budget that was needed.
    unfairness : Series by round
        Any measure of unfairness, e.g. `adlkit.metrics.max_burden` or a `gini`.
    under, over, fairness : float
        Weights >= 0 of the undershoot, the overshoot and the unfairness.

    Returns
    -------
    Series by round
        under x (needed - taken)+ + over x (taken - needed)+ + fairness x unfairness, in the unit of `taken` if
        `fairness` carries it.

    Raises
    ------
    MetricError
        If a number is not finite, a weight is negative, or the indices differ.

    References
    ----------
    .. [1] arXiv 2602.15182, section 3 (asymmetric loss); its deployed loss is `round_loss_deployed`.

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> taken, needed, gap = pd.Series([1.0, 4.0]), pd.Series([3.0, 3.0]), pd.Series([0.5, 0.5])
    >>> adl.metrics.round_loss_asymmetric(taken, needed, gap, under=2.0, over=1.0, fairness=2.0).tolist()
    [5.0, 2.0]
    """
    for name, weight in {"under": under, "over": over, "fairness": fairness}.items():
        nonnegative(name, weight)
    aligned(taken=taken, needed=needed, unfairness=unfairness)
    gap = taken - needed
    return under * (-gap).clip(lower=0.0) + over * gap.clip(lower=0.0) + fairness * unfairness


def round_loss_deployed(
    taken: pd.Series, needed: pd.Series, burden: pd.Series, *, tracking: float = 1.0, fairness: float = 1.0
) -> pd.Series:
    """Loss of each round as the learner of the paper minimises it.

    Parameters
    ----------
    taken, needed : Series by round
        Taken in total, and the budget that was needed.
    burden : Series by round
        `adlkit.metrics.max_burden` over capacity. The paper adds a small number to each capacity; leave accounts
        without capacity out instead.
    tracking, fairness : float, default 1
        Weights >= 0.

    Returns
    -------
    Series by round
        tracking x abs(taken - needed) + fairness x burden.

    Raises
    ------
    MetricError
        As in `round_loss_asymmetric`.

    References
    ----------
    .. [1] arXiv 2602.15182, section 3 (deployed loss).

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> adl.metrics.round_loss_deployed(pd.Series([1.0]), pd.Series([3.0]), pd.Series([0.5]), fairness=2.0).tolist()
    [3.0]
    """
    return round_loss_asymmetric(taken, needed, burden, under=tracking, over=tracking, fairness=fairness)


def cumulative_undershoot(taken: pd.Series, needed: pd.Series) -> float:
    """Budget that was missing over all rounds: sum of (needed - taken)+.

    Parameters
    ----------
    taken, needed : Series by round
        Taken in total, and the budget that was needed. With a forecast of the budget as `taken` this is the bound
        that the paper gives for a policy that takes what it forecasts.

    Returns
    -------
    float
        In the unit of `taken`; surpluses of other rounds do not offset it.

    Raises
    ------
    MetricError
        If a number is not finite or the indices differ.

    References
    ----------
    .. [1] arXiv 2602.15182, "cumulative execution failure" V_T.

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> adl.metrics.cumulative_undershoot(pd.Series([1.0, 9.0]), pd.Series([3.0, 3.0]))
    2.0
    """
    aligned(taken=taken, needed=needed)
    return float((needed - taken).clip(lower=0.0).sum())


def deficit_flow(stock: pd.DataFrame) -> pd.Series:
    """Deficit that arises in each round: what stays owed from one round to the next counts once.

    Parameters
    ----------
    stock : DataFrame, rounds in time order x accounts
        What each account is short of at each round [ccy], >= 0; NaN where it was not seen: its last stock stands.
        Leave backstop accounts out, or show them apart.

    Returns
    -------
    Series by round
        Sum over accounts of max(0, stock - stock of the round before) [ccy]; of the first round, its stock.

    Raises
    ------
    MetricError
        If a number is infinite or negative.

    Notes
    -----
    The sum of a stock over rounds counts one hole again and again: 98% of the deficit that arXiv 2512.01112 and
    2602.15182 sum over sixteen rounds of 2025-10-10 is one balance in nine of them.

    References
    ----------
    .. [1] github.com/pluriholonomic/autodeleveraging-analysis, wave table: one largest loss of 10,925,707.16.

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> adl.metrics.deficit_flow(pd.DataFrame({"a": [5.0, 5.0, 7.0], "b": [0.0, 1.0, 0.0]})).tolist()
    [5.0, 1.0, 2.0]
    """
    for account in stock.columns:
        nonnegative("stock", stock[account].dropna())
    last = stock.ffill().fillna(0.0)
    return last.diff().fillna(last.iloc[:1]).clip(lower=0.0).sum(axis=1).rename("deficit")


def severity_envelope(deficit: pd.Series, needed_severity: pd.Series) -> float:
    """Bound on the regret of the paper's severity learner on one path of deficits.

    Parameters
    ----------
    deficit : Series by round
        Deficit of each round, in time order, >= 0.
    needed_severity : Series by round
        Needed severity of each round [1], see `adlkit.severity.needed_severity`.

    Returns
    -------
    float
        sqrt((1 + 2 P) sum of deficit^2) with P the total variation of the severities, in the unit of `deficit`.
        The same account counted in several rounds raises it each time.

    Raises
    ------
    MetricError
        If a number is not finite or negative, or the indices differ.

    References
    ----------
    .. [1] arXiv 2602.15182, section 5.3: online gradient descent with the best fixed step on D x abs(theta - needed).

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> round(adl.metrics.severity_envelope(pd.Series([3.0, 4.0]), pd.Series([1.0, 0.0])), 4)
    8.6603
    """
    size = nonnegative("deficit", deficit)
    theta = nonnegative("needed_severity", on_index("needed_severity", needed_severity, "deficit", deficit.index))
    return float(np.sqrt((1.0 + 2.0 * np.abs(np.diff(theta)).sum()) * (size @ size)))


def rank_stability(burdens: pd.DataFrame) -> pd.Series:
    """Whether the same accounts bear the burden from round to round.

    Parameters
    ----------
    burdens : DataFrame, rounds x accounts
        Burden of each account, e.g. haircut / capacity [1], in time order; NaN for accounts that are not in a round.

    Returns
    -------
    Series, rounds from the second on
        Spearman correlation with the round before, over the accounts in both; NaN where it is undefined (fewer than
        two accounts, or all burdens equal). Its mean is the figure of the paper, whose text does not say which rank
        correlation it is, nor what happens to accounts that enter or leave.

    References
    ----------
    .. [1] arXiv 2602.15182, section 5.2 ("rank stability"; its code is not published).

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> burdens = pd.DataFrame({"ann": [0.1, 0.2, 0.9], "bob": [0.2, 0.4, 0.5], "cat": [0.3, 0.5, None]})
    >>> adl.metrics.rank_stability(burdens).round(4).tolist()
    [1.0, -1.0]
    """
    values = [spearman(burdens.iloc[i - 1], burdens.iloc[i]) for i in range(1, len(burdens))]
    return pd.Series(values, index=burdens.index[1:], name="rank_stability", dtype=float)


def discounted_overshoot(overshoot: pd.Series, *, half_life: float) -> float:
    """Average overshoot over evaluation horizons, weighted by an exponential that halves every `half_life`.

    Parameters
    ----------
    overshoot : Series, index = horizons
        Signed overshoot, evaluated at each horizon; the index is ascending numbers, e.g. ms, at least two of them.
    half_life : float
        > 0, in the unit of the index.

    Returns
    -------
    float
        Integral of overshoot x weight / integral of weight, both by the trapezoid rule on the given horizons: there
        is no tail beyond the last one. Minus the value at horizon 0 it is the discounted change; the smallest and
        largest value of the Series are the band of all half-lives.

    Raises
    ------
    MetricError
        If a number is not finite, the horizons are fewer than two or do not ascend, or the half-life is not > 0.

    References
    ----------
    .. [1] github.com/pluriholonomic/autodeleveraging-analysis (horizon sweep), for arXiv 2512.01112.

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> adl.metrics.discounted_overshoot(pd.Series({0.0: 3.0, 1.0: 0.0}), half_life=1.0)
    2.0
    """
    values = finite("overshoot", overshoot)
    horizons = finite("horizons", overshoot.index.to_series())
    if len(values) < 2 or (np.diff(horizons) <= 0).any() or not half_life > 0:
        raise MetricError("discounting needs two or more ascending horizons and a half-life above zero")
    weight = np.exp2(-horizons / half_life)
    return float(np.trapezoid(values * weight, horizons) / np.trapezoid(weight, horizons))


def leverage_masses(notional: pd.Series, equity: pd.Series) -> pd.Series:
    """Summed leverage of solvent and of insolvent accounts, and their ratio.

    Parameters
    ----------
    notional, equity : Series by account
        [ccy], one settlement currency, e.g. two columns of `adlkit.account_summary`; notional >= 0. Accounts with
        an equity of exactly zero belong to neither side.

    Returns
    -------
    Series
        ``winners``: sum of notional / equity where equity > 0; ``losers``: sum of notional / abs(equity) where it is
        below zero; ``imbalance``: winners / losers (NaN without losers). [1]

    Raises
    ------
    MetricError
        If a number is not finite, a notional is negative, or the indices differ.

    References
    ----------
    .. [1] arXiv 2512.01112 (l+, l-, Lambda). Its example states a ratio of 5.7: that is losers over winners
       (20.102 / 3.504), the inverse of the Lambda that it defines.

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> adl.metrics.leverage_masses(pd.Series([6.0, 4.0]), pd.Series([2.0, -2.0])).to_dict()
    {'winners': 3.0, 'losers': 2.0, 'imbalance': 1.5}
    """
    aligned(notional=notional, equity=equity)
    size, owned = nonnegative("notional", notional), equity.to_numpy(dtype=float)
    winners = float((size[owned > 0] / owned[owned > 0]).sum())
    losers = float((size[owned < 0] / -owned[owned < 0]).sum())
    return pd.Series({"winners": winners, "losers": losers, "imbalance": winners / losers if losers > 0 else math.nan})


def severity_load(endowment: pd.Series, *, severity: float, n_accounts: int) -> float:
    """Severity x number of accounts, in units of the extreme endowment: how hard rounds press on the richest winner.

    Parameters
    ----------
    endowment : Series
        Endowments of the k winners, >= 0, in units of a typical deficit per account, so that the load has no unit.
    severity : float
        Share theta of the deficit that is taken, >= 0.
    n_accounts : int
        All accounts n of the venue, winners or not.

    Returns
    -------
    float
        theta n / b, b the empirical quantile of order 1 - 1/k (the smallest endowment with at least that share of
        winners at or below it); NaN without winners or where b is zero. The ratio of fairness between the best
        dynamic and the best static severity grows like it where it diverges.

    Raises
    ------
    MetricError
        If a number is not finite or negative.

    References
    ----------
    .. [1] arXiv 2512.01112, price of anarchy of severities (kappa_n = theta_n n / b_n).

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> adl.metrics.severity_load(pd.Series([1.0, 2.0, 4.0, 50.0]), severity=0.5, n_accounts=16)
    2.0
    """
    values = np.sort(nonnegative("endowment", endowment))
    load = float(nonnegative("severity", severity)) * float(nonnegative("n_accounts", n_accounts))
    scale = values[max(len(values) - 2, 0)] if len(values) else 0.0  # order 1 - 1/k of k values: the last but one
    return float(load / scale) if scale > 0 else math.nan


def price_of_anarchy(dynamic: float, static: float) -> float:
    """Welfare of the best dynamic severity over that of the best static one.

    Parameters
    ----------
    dynamic, static : float
        Welfare > 0 under each, by one and the same measure.

    Returns
    -------
    float
        [1].

    Raises
    ------
    MetricError
        If a welfare is not finite or not above zero.

    References
    ----------
    .. [1] arXiv 2512.01112, PoA.

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.metrics.price_of_anarchy(3.0, 2.0)
    1.5
    """
    for name, welfare in {"dynamic": dynamic, "static": static}.items():
        if not (np.isfinite(welfare) and welfare > 0):
            raise MetricError(f"{name} must be finite and above zero, got {welfare!r}")
    return dynamic / static


def is_static_enough(load: float, imbalance: float, *, max_load: float, imbalance_range: tuple[float, float]) -> bool:
    """Screening rule of the paper: a static severity does, unless the load or the imbalance of leverage is extreme.

    Parameters
    ----------
    load : float
        `severity_load`.
    imbalance : float
        ``imbalance`` of `leverage_masses`.
    max_load : float
        Largest load that is tolerated; the paper leaves it to the venue.
    imbalance_range : tuple of float
        Smallest and largest imbalance that are tolerated.

    Returns
    -------
    bool
        load <= max_load and imbalance within the range; False if one of them is NaN.

    Raises
    ------
    MetricError
        If the range is empty.

    References
    ----------
    .. [1] arXiv 2512.01112, screening rule after the price of anarchy.

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.metrics.is_static_enough(2.0, 1.5, max_load=3.0, imbalance_range=(0.5, 2.0))
    True
    """
    low, high = imbalance_range
    within("lower end of imbalance_range", low, -math.inf, high)
    return bool(load <= max_load and low <= imbalance <= high)
