"""Quantitative analysis of auto-deleveraging (ADL) on crypto perpetual futures."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from adlkit import errors, indicators, policies, rules, scores, severity, sources, venues
from adlkit.allocation import AllocationResult, allocate, haircut, to_lots
from adlkit.book import OrderBook
from adlkit.budgets import Budget
from adlkit.buffers import BackstopVault, InsuranceFund, ProgrammaticLiquidity
from adlkit.cascade import CascadeCurve, cascade_curve
from adlkit.curves import ShortfallCurve, shortfall_curve
from adlkit.data import dataset_names, load_dataset
from adlkit.distance import distance_to_adl, my_position
from adlkit.event import EventResult, run_event
from adlkit.indicators import Indicator
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
from adlkit.policies import Policy
from adlkit.ranking import adl_queue, lights, quantile, rank
from adlkit.reach import adl_price, adl_reach
from adlkit.triggers import LiquidationCurve, liquidation_curve
from adlkit.venues import VenueRules
from adlkit.venues.screen import indicator

if TYPE_CHECKING:
    from adlkit import integer, metrics, price_models, tails
    from adlkit.comparison import RuleComparison, ScoreComparison, compare_rules, compare_scores
    from adlkit.cross_margin import CrossMarginResult, cvar_cutoff, factor_water_fill, shadow_price
    from adlkit.laboratory import Counterexample, check_properties, find_counterexample
    from adlkit.tails import TailFit, fit_tail, worst_moves

__version__ = "0.3.0"

__all__ = [
    "AllocationResult",
    "BackstopVault",
    "Budget",
    "CascadeCurve",
    "Counterexample",
    "CrossMarginResult",
    "EventResult",
    "Indicator",
    "InsuranceFund",
    "LiquidationCurve",
    "OrderBook",
    "Policy",
    "ProgrammaticLiquidity",
    "RuleComparison",
    "ScoreComparison",
    "ShortfallCurve",
    "TailFit",
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
    "check_properties",
    "close_out_price",
    "compare_rules",
    "compare_scores",
    "cvar_cutoff",
    "dataset_names",
    "distance_to_adl",
    "effective_leverage",
    "equity",
    "errors",
    "factor_water_fill",
    "find_counterexample",
    "fit_tail",
    "haircut",
    "indicator",
    "indicators",
    "integer",
    "lights",
    "liquidation_curve",
    "liquidation_price",
    "load_dataset",
    "maintenance_margin",
    "margin_neutral_price",
    "margin_ratio",
    "mark_prices",
    "mark_to",
    "metrics",
    "my_position",
    "notional",
    "open_interest_gap",
    "policies",
    "price_models",
    "quantile",
    "rank",
    "rules",
    "run_event",
    "scores",
    "severity",
    "shadow_price",
    "shortfall",
    "shortfall_curve",
    "sources",
    "tails",
    "to_lots",
    "unrealized_pnl",
    "venues",
    "worst_moves",
]

_LATER = {
    "Counterexample": "laboratory",
    "CrossMarginResult": "cross_margin",
    "RuleComparison": "comparison",
    "ScoreComparison": "comparison",
    "TailFit": "tails",
    "build_events_report": "report",
    "build_report": "report",
    "check_properties": "laboratory",
    "compare_rules": "comparison",
    "compare_scores": "comparison",
    "cvar_cutoff": "cross_margin",
    "factor_water_fill": "cross_margin",
    "find_counterexample": "laboratory",
    "fit_tail": "tails",
    "integer": "integer",
    "metrics": "metrics",
    "plotting": "plotting",
    "price_models": "price_models",
    "report": "report",
    "shadow_price": "cross_margin",
    "tails": "tails",
    "worst_moves": "tails",
}
"""Names that are loaded when first asked for, and where they live: drawing, and what not every session uses."""


def __getattr__(name: str) -> Any:
    """Load a name of `_LATER`."""
    if name not in _LATER:
        raise AttributeError(f"module 'adlkit' has no attribute {name!r}")
    module = importlib.import_module(f"adlkit.{_LATER[name]}")
    return module if name == _LATER[name] else getattr(module, name)


def __dir__() -> list[str]:
    return sorted({*__all__, *_LATER})
