"""What deleveraging does to a venue's business afterwards: participation, churn, revenue, recovery.

These are models of behaviour with assumed sensitivities, not estimates from data; defaults are those of the
sources.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from adlkit.errors import MetricError
from adlkit.metrics.inputs import aligned, finite, nonnegative, on_index, within


def participation(haircut_rate: pd.Series, *, sensitivity: float = 5.0) -> pd.Series:
    """Part of its activity that each user keeps after its haircuts: exp(-sensitivity x haircut rate) for each hit.

    Parameters
    ----------
    haircut_rate : Series, one row per hit
        Haircut / capacity [1], >= 0; its index names the user (and symbol), who may be hit repeatedly, and with 0
        where never.
    sensitivity : float, default 5
        >= 0. The published average participation was run with 8.

    Returns
    -------
    Series, one row per label of the index
        0 .. 1; the published figure is its mean over all.

    Raises
    ------
    MetricError
        If a rate or the sensitivity is not finite or negative.

    References
    ----------
    .. [1] github.com/pluriholonomic/autodeleveraging-analysis (queue pipeline), for arXiv 2512.01112.

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> adl.metrics.participation(pd.Series([0.1, 0.1, 0.0], index=["ann", "ann", "bob"])).round(4).to_dict()
    {'ann': 0.3679, 'bob': 1.0}
    """
    nonnegative("haircut_rate", haircut_rate)
    total = haircut_rate.groupby(level=list(range(haircut_rate.index.nlevels))).sum()
    kept = np.exp(-nonnegative("sensitivity", sensitivity) * total.to_numpy(dtype=float))
    return pd.Series(kept, index=total.index, name="participation")


def churn(haircut_rate: pd.Series, *, sensitivity: float = 5.0) -> pd.Series:
    """Probability that a user leaves after a haircut: 1 - exp(-sensitivity x haircut rate).

    Parameters
    ----------
    haircut_rate : Series by user
        Haircut / capacity [1], >= 0.
    sensitivity : float, default 5
        >= 0.

    Returns
    -------
    Series by user
        0 .. 1.

    Raises
    ------
    MetricError
        If a rate or the sensitivity is not finite or negative.

    References
    ----------
    .. [1] arXiv 2512.01112, empirical appendix: a haircut of 10% gives 39.3%, one of 20% gives 63.2%.

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> adl.metrics.churn(pd.Series([0.1, 0.2])).round(3).tolist()
    [0.393, 0.632]
    """
    leaving = -np.expm1(-nonnegative("sensitivity", sensitivity) * nonnegative("haircut_rate", haircut_rate))
    return pd.Series(leaving, index=haircut_rate.index, name="churn")


def revenue_loss(
    amount: pd.Series,
    churn: pd.Series,
    *,
    days: float = 730.0,
    funding_rate: float = 1.5e-5,
    turnover: float = 1.0,
    fee: float = 4e-4,
) -> float:
    """Revenue that a venue loses with the users who leave.

    Parameters
    ----------
    amount : Series by user
        Endowment of each user [ccy], >= 0, that would have paid funding and fees.
    churn : Series by user
        `churn`, within 0 .. 1, on the same index.
    days : float, default 730
        How long the users would have stayed.
    funding_rate : float, default 1.5e-5
        Hourly funding; its absolute value counts.
    turnover : float, default 1
        Traded per day and unit of endowment [1/day].
    fee : float, default 4e-4
        Fee per unit traded [1].

    Returns
    -------
    float
        days x (24 abs(funding_rate) + turnover x fee) x sum of amount x churn [ccy]. Counting all funding as
        revenue of the venue is the source's assumption; most venues pass it on.

    Raises
    ------
    MetricError
        If a number is not finite or negative, a churn is above 1, or the indices differ.

    References
    ----------
    .. [1] arXiv 2512.01112, empirical appendix.

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> round(adl.metrics.revenue_loss(pd.Series([100.0]), pd.Series([0.5])), 4)
    27.74
    """
    leaving = nonnegative("churn", on_index("churn", churn, "amount", amount.index))
    if (leaving > 1).any():
        raise MetricError("churn must be within [0, 1]")
    aligned(days=days, funding_rate=funding_rate, turnover=turnover, fee=fee)
    rate = 24.0 * abs(funding_rate) + turnover * fee
    return float(days * rate * (nonnegative("amount", amount) @ leaving))


def lifetime_value(equity: pd.DataFrame, revenue_rate: pd.DataFrame, *, discount: float) -> float:
    """Discounted revenue of all users.

    Parameters
    ----------
    equity : DataFrame, rounds x users
        Equity at the start of each round [ccy], in time order from round 0.
    revenue_rate : DataFrame, rounds x users
        Revenue of the venue per unit of equity in the round [1], after the reaction to haircuts; same labels.
    discount : float
        Factor beta per round, within 0 .. 1.

    Returns
    -------
    float
        Sum over t of discount^t x sum of equity x rate [ccy].

    Raises
    ------
    MetricError
        If a number is not finite, the labels differ, or the discount is outside [0, 1].

    References
    ----------
    .. [1] arXiv 2512.01112, LTV.

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> equity = pd.DataFrame({"ann": [10.0, 8.0]})
    >>> round(adl.metrics.lifetime_value(equity, 0.0 * equity + 0.1, discount=0.5), 4)
    1.4
    """
    if not (equity.index.equals(revenue_rate.index) and equity.columns.equals(revenue_rate.columns)):
        raise MetricError("revenue_rate must have the rounds and users of equity")
    revenue = (equity * revenue_rate).sum(axis=1, skipna=False)
    beta = within("discount", discount, 0.0, 1.0)
    return float(finite("revenue", revenue) @ beta ** np.arange(len(revenue)))


def time_to_solvency(fund: pd.Series, *, level: float) -> float:
    """First time at which the insurance fund is back at a level.

    Parameters
    ----------
    fund : Series, index = elapsed time, ascending numbers
        Balance of the fund [ccy].
    level : float
        [ccy].

    Returns
    -------
    float
        In the unit of the index; inf if never.

    Raises
    ------
    MetricError
        If a number is not finite or times do not ascend.

    References
    ----------
    .. [1] arXiv 2512.01112, recovery clocks (solvency).

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> adl.metrics.time_to_solvency(pd.Series({0.0: 1.0, 1.0: 3.0, 2.0: 6.0}), level=5.0)
    2.0
    """
    times, values = finite("times", fund.index.to_series()), finite("fund", fund)
    if (np.diff(times) <= 0).any():
        raise MetricError("times must ascend")
    reached = np.flatnonzero(values >= level)
    return float(times[reached[0]]) if len(reached) else math.inf


def time_to_revenue(value: pd.Series, *, before: float, tolerance: float) -> float:
    """First time at which expected lifetime value is back near what it was.

    Parameters
    ----------
    value : Series, index = elapsed time, ascending numbers
        Expected `lifetime_value` from each time on [ccy].
    before : float
        The same before the event [ccy].
    tolerance : float
        Part of it that may be missing, within 0 .. 1.

    Returns
    -------
    float
        First time with value >= (1 - tolerance) x before; inf if never.

    Raises
    ------
    MetricError
        If a number is not finite, times do not ascend, or the tolerance is outside [0, 1].

    References
    ----------
    .. [1] arXiv 2512.01112, recovery clocks (revenue).

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> adl.metrics.time_to_revenue(pd.Series({0.0: 6.0, 7.0: 9.0}), before=10.0, tolerance=0.1)
    7.0
    """
    return time_to_solvency(value, level=(1.0 - within("tolerance", tolerance, 0.0, 1.0)) * before)


def next_step_deficit(notional: pd.Series, equity: pd.Series, returns: pd.DataFrame) -> float:
    """Expected deficit of the next step, given what deleveraging left open.

    Parameters
    ----------
    notional, equity : Series by account
        After deleveraging [ccy]; notional >= 0, on one index.
    returns : DataFrame, scenarios x accounts
        Return Z of each account's position per unit of notional [1], equally likely; a short gains when its
        price falls. Columns in the order of the accounts.

    Returns
    -------
    float
        Sum over accounts of E[(equity + notional x Z)-] [ccy]: as notional x E[(1 / leverage + Z)-], and defined
        without equity too, where the paper's form divides by it.

    Raises
    ------
    MetricError
        If a number is not finite, a notional is negative, there is no scenario, or the labels differ.

    References
    ----------
    .. [1] arXiv 2512.01112, section 7 (one-step deficit).

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> returns = pd.DataFrame({"ann": [-0.2, 0.2]})
    >>> adl.metrics.next_step_deficit(pd.Series({"ann": 100.0}), pd.Series({"ann": 10.0}), returns)
    5.0
    """
    aligned(notional=notional, equity=equity)
    if not returns.columns.equals(notional.index) or len(returns) == 0:
        raise MetricError("returns needs one column per account, in their order, and one scenario or more")
    moves = returns.to_numpy(dtype=float)
    if not np.isfinite(moves).all():
        raise MetricError("returns has values that are NaN or infinite")
    after = equity.to_numpy(dtype=float) + nonnegative("notional", notional) * moves
    return float(np.maximum(-after, 0.0).mean(axis=0).sum())
