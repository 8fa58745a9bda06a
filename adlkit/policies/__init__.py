"""Whom a venue, or a paper, would deleverage: an order, a rule, a weight, and what can be taken, as one value.

A policy closes contracts, or takes money (`Policy.endowment`). The published ones are here by name; `catalogue` lists
all of them, with what is left out and why.
"""

from __future__ import annotations

from adlkit.policies.kernels import normal_kernel, power_kernel, tail_kernel
from adlkit.policies.listing import catalogue
from adlkit.policies.measures import account_leverage, cash_leverage, profit, safe_profit, shared_equity, solvent
from adlkit.policies.policy import CONTRACTS, Measure, Policy
from adlkit.policies.published import (
    capped_pro_rata,
    contract_pro_rata,
    equity_pro_rata,
    leverage_queue,
    levered_pro_rata,
    profit_pro_rata,
    profit_queue,
    risk_aware,
    vector_descent,
    water_filling,
)

__all__ = [
    "CONTRACTS",
    "Measure",
    "Policy",
    "account_leverage",
    "capped_pro_rata",
    "cash_leverage",
    "catalogue",
    "contract_pro_rata",
    "equity_pro_rata",
    "leverage_queue",
    "levered_pro_rata",
    "normal_kernel",
    "power_kernel",
    "profit",
    "profit_pro_rata",
    "profit_queue",
    "risk_aware",
    "safe_profit",
    "shared_equity",
    "solvent",
    "tail_kernel",
    "vector_descent",
    "water_filling",
]
