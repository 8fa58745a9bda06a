"""The published policies, each with its source; some are made from parameters."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from adlkit import rules, scores
from adlkit.errors import AllocationError
from adlkit.margin import effective_leverage, notional
from adlkit.policies.kernels import Kernel, power_kernel
from adlkit.policies.measures import account_leverage, cash_leverage, profit, room, safe_profit, shared_equity, solvent
from adlkit.policies.policy import Measure, Policy


def capped_pro_rata(*, most: float | Measure = 1.0, floor: float | None = None) -> Policy:
    """Make pro rata on profit with a largest haircut and a least equity.

    Parameters
    ----------
    most : float or callable, panel -> Series; default 1
        Largest haircut [1] of a profit, within [0, 1]; one for all, or one for each position.
    floor : float, optional
        Equity that each account keeps [ccy]; without it equity is not looked at.

    Returns
    -------
    Policy
        Takes min(t x profit, most x profit, equity - floor): one common haircut rate t up to each cap. A floor is per
        account, so an account that is split in two protects it twice.

    Raises
    ------
    AllocationError
        If the haircut or the floor is out of its range.

    References
    ----------
    .. [1] arXiv 2512.01112, capped pro rata. The main text minimises without weights or budget, whose solution is no
       haircut at all; the appendix has the programme solved here.

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.policies.capped_pro_rata(most=0.5).allocate(adl.load_dataset("four_accounts"), 45.0).taken.to_dict()
    {('bob', 'BTC'): 30.0, ('cat', 'BTC'): 15.0, ('dee', 'BTC'): 0.0}
    """
    if not ((callable(most) or 0 <= most <= 1) and (floor is None or 0 <= floor < np.inf)):
        raise AllocationError(f"need 0 <= most <= 1 and a finite floor of 0 or more, got {most!r} and {floor!r}")

    def capped(panel: pd.DataFrame) -> pd.Series:
        gain, share = profit(panel), most(panel) if callable(most) else most
        if not np.logical_and(share >= 0, share <= 1).all():
            raise AllocationError("most must be within [0, 1] for every position")
        cap = share * gain
        return (cap if floor is None else cap.clip(upper=room(panel, cap, floor=floor))).rename("capped")

    return Policy(solvent(notional), rules.pro_rata, profit, capped, "pnl", "capped pro rata")


def risk_aware(kernel: Kernel, *, leverage: Measure = effective_leverage) -> Policy:
    """Make pro rata on profit times a weight of leverage.

    Parameters
    ----------
    kernel : callable, leverage -> weight
        E.g. `power_kernel`, `tail_kernel`, `normal_kernel`.
    leverage : callable, default `adlkit.effective_leverage`
        Leverage that the kernel reads; an account for which it is undefined is not asked.

    Returns
    -------
    Policy
        Takes min(t x kernel(l) x profit, profit).

    Raises
    ------
    AllocationError
        If the kernel or the leverage is no function.

    References
    ----------
    .. [1] arXiv 2512.01112, section 7 (risk-aware pro rata).

    Examples
    --------
    >>> import adlkit as adl
    >>> policy = adl.policies.risk_aware(adl.policies.power_kernel(1.0))
    >>> policy.allocate(adl.load_dataset("four_accounts"), 30.0).taken.round(3).tolist()
    [12.558, 17.442, 0.0]
    """
    if not (callable(kernel) and callable(leverage)):
        raise AllocationError(f"kernel and leverage must be functions, got {kernel!r} and {leverage!r}")

    def weighted(panel: pd.DataFrame) -> pd.Series:
        risk = leverage(panel)
        known = risk.notna().to_numpy()
        weight = np.zeros(len(panel))
        weight[known] = kernel(risk.to_numpy()[known])
        return pd.Series(weight * profit(panel).to_numpy(), index=panel.index, name="weight")

    return Policy(solvent(leverage), rules.pro_rata, weighted, profit, "pnl", "risk-aware pro rata")


def contract_pro_rata(*, lot: float) -> Policy:
    """Make pro rata in contracts, in whole lots: a partial tear-up.

    Parameters
    ----------
    lot : float
        Size of one lot [contracts].

    Returns
    -------
    Policy
        Closes each position of the side in proportion to its size, rounded by largest remainder.

    Raises
    ------
    AllocationError
        If the lot is out of its range.

    References
    ----------
    .. [1] CPMI-IOSCO, "Recovery of financial market infrastructures" (partial tear-up); arXiv 2602.15182 in lots.

    Examples
    --------
    >>> import adlkit as adl
    >>> panel = adl.load_dataset("four_accounts").query("qty < 0")
    >>> adl.policies.contract_pro_rata(lot=0.5).allocate(panel, 1.5).taken.tolist()
    [1.0, 0.5]
    """
    return Policy(solvent(notional), rules.in_lots(rules.pro_rata, lot=lot), name="pro rata in lots")


def vector_descent(*, concession: float) -> Policy:
    """Make the policy that the published code runs as vector mirror descent.

    Parameters
    ----------
    concession : float
        Price given up per contract, as a share of the mark [1], > 0: what is at stake is notional x concession.

    Returns
    -------
    Policy
        Price concession, which grows with the square of what is at stake and is cut off at `safe_profit`, see
        `adlkit.rules.squared`.

    Raises
    ------
    AllocationError
        If the concession is out of its range.

    References
    ----------
    .. [1] github:pluriholonomic/autodeleveraging-analysis, vector mirror descent.

    Examples
    --------
    >>> import adlkit as adl
    >>> policy = adl.policies.vector_descent(concession=0.1)
    >>> policy.allocate(adl.load_dataset("four_accounts"), 5.0).taken.round(4).tolist()
    [3.3333, 0.8333, 0.0]
    """
    if not 0 < concession < np.inf:
        raise AllocationError(f"concession must be finite and above zero, got {concession!r}")

    def stake(panel: pd.DataFrame) -> pd.Series:
        return concession * notional(panel)

    return Policy(solvent(profit), rules.squared, stake, safe_profit, "concession", "vector descent as coded")


profit_queue = Policy(scores.bitmex, name="queue by profit")
"""Contracts of the highest return x leverage first: BitMEX's formula, and most venues' with another leverage."""

leverage_queue = Policy(effective_leverage, name="queue by leverage")
"""Contracts of the most levered first."""

profit_pro_rata = Policy(solvent(notional), rules.pro_rata, None, profit, "pnl", "pro rata on profit")
"""One haircut rate on every profit."""

levered_pro_rata = replace(risk_aware(power_kernel(0.0), leverage=cash_leverage), name="levered pro rata")
"""Haircut rates in proportion to leverage on posted cash; an account without cash has none, and is not asked."""

equity_pro_rata = Policy(solvent(notional), rules.pro_rata, None, shared_equity, "equity", "pro rata on equity")
"""One haircut rate on the equity of every account: a socialised loss."""

water_filling = Policy(account_leverage, rules.water_fill, shared_equity, name="water-filling")
"""Contracts of the most levered, until all that give are equally levered; accounts without equity first.

A position counts with its share of the account's equity, so it is as levered as the account. Offsetting positions are
not netted: `adlkit.factor_water_fill` does that.
"""
