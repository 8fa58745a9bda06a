"""Quantitative analysis of auto-deleveraging (ADL) on crypto perpetual futures."""

from __future__ import annotations

import importlib
from typing import Any

from adlkit import errors, rules, scores, sources, venues
from adlkit.allocation import AllocationResult, Policy, allocate, haircut, to_lots
from adlkit.book import OrderBook
from adlkit.buffers import BackstopVault, InsuranceFund, ProgrammaticLiquidity
from adlkit.cascade import CascadeCurve, cascade_curve
from adlkit.cross_margin import CrossMarginResult, cvar_cutoff, factor_water_fill, shadow_price
from adlkit.curves import ShortfallCurve, shortfall_curve
from adlkit.data import dataset_names, load_dataset
from adlkit.distance import distance_to_adl, my_position
from adlkit.event import EventResult, run_event
from adlkit.integer import IntegerResult, contract_pro_rata, fixed_point, min_max, round_money
from adlkit.margin import (
    account_summary,
    bankruptcy_price,
    close_out_price,
    effective_leverage,
    equity,
    liquidation_price,
    maintenance_margin,
    margin_neutral_price,
    margin_ratio,
    notional,
    shortfall,
    unrealized_pnl,
)
from adlkit.panel import build_panel, check_panel, mark_prices, mark_to, open_interest_gap
from adlkit.price_models import Gaussian, OneFactor, Scenarios, gauss_hermite
from adlkit.ranking import adl_queue, lights, quantile, rank
from adlkit.reach import adl_price, adl_reach
from adlkit.triggers import LiquidationCurve, liquidation_curve
from adlkit.venues import VenueRules

__version__ = "0.2.0"

__all__ = [
    "AllocationResult",
    "BackstopVault",
    "CascadeCurve",
    "CrossMarginResult",
    "EventResult",
    "Gaussian",
    "InsuranceFund",
    "IntegerResult",
    "LiquidationCurve",
    "OneFactor",
    "OrderBook",
    "Policy",
    "ProgrammaticLiquidity",
    "Scenarios",
    "ShortfallCurve",
    "VenueRules",
    "account_summary",
    "adl_price",
    "adl_queue",
    "adl_reach",
    "allocate",
    "bankruptcy_price",
    "build_panel",
    "cascade_curve",
    "check_panel",
    "close_out_price",
    "contract_pro_rata",
    "cvar_cutoff",
    "dataset_names",
    "distance_to_adl",
    "effective_leverage",
    "equity",
    "errors",
    "factor_water_fill",
    "fixed_point",
    "gauss_hermite",
    "haircut",
    "lights",
    "liquidation_curve",
    "liquidation_price",
    "load_dataset",
    "maintenance_margin",
    "margin_neutral_price",
    "margin_ratio",
    "mark_prices",
    "mark_to",
    "min_max",
    "my_position",
    "notional",
    "open_interest_gap",
    "quantile",
    "rank",
    "round_money",
    "rules",
    "run_event",
    "scores",
    "shadow_price",
    "shortfall",
    "shortfall_curve",
    "sources",
    "to_lots",
    "unrealized_pnl",
    "venues",
]

_DRAWING = {
    "plotting": "adlkit.plotting",
    "report": "adlkit.report",
    "build_report": "adlkit.report",
    "build_events_report": "adlkit.report",
}


def __getattr__(name: str) -> Any:
    """Load what draws, and with it matplotlib, when it is first asked for."""
    if name not in _DRAWING:
        raise AttributeError(f"module 'adlkit' has no attribute {name!r}")
    module = importlib.import_module(_DRAWING[name])
    return module if _DRAWING[name].endswith(f".{name}") else getattr(module, name)


def __dir__() -> list[str]:
    return sorted([*__all__, *_DRAWING])
