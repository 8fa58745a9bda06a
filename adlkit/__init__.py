"""Quantitative analysis of auto-deleveraging (ADL) on crypto perpetual futures."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from adlkit import errors, exits, indicators, policies, rules, scores, severity, sources, venues
from adlkit.allocation import AllocationResult, allocate, haircut, to_lots
from adlkit.book import OrderBook
from adlkit.budgets import Budget
from adlkit.buffers import BackstopVault, Holding, InsuranceFund, ProgrammaticLiquidity
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
    from adlkit import frequency, integer, metrics, price_models, rates, tails
    from adlkit.clustering import episode_sweep, episodes
    from adlkit.comparison import RuleComparison, ScoreComparison, compare_rules, compare_scores
    from adlkit.cross_margin import CrossMarginResult, cvar_cutoff, factor_water_fill, shadow_price
    from adlkit.frequency import (
        BufferCurve,
        BufferSize,
        FrequencyResult,
        MarketFactor,
        adl_frequency,
        buffer_curve,
        frequency_sensitivity,
        size_buffer,
    )
    from adlkit.laboratory import Counterexample, check_properties, find_counterexample
    from adlkit.markout import MarkoutResult, markouts
    from adlkit.paths import PricePaths, crash_paths, price_path, volume_path
    from adlkit.rates import RateResult, episode_rate
    from adlkit.simulation import (
        CapacityCurve,
        EnsembleResult,
        OutcomeRegression,
        SimulationResult,
        capacity_curve,
        outcome_regression,
        simulate,
        simulate_ensemble,
        simulated_break_even,
    )
    from adlkit.stress import scale_leverage
    from adlkit.tails import TailFit, fit_tail, worst_moves
    from adlkit.vault import (
        VaultPnl,
        VaultRisk,
        break_even_discount,
        break_even_rebound,
        takeover_profit,
        vault_pnl,
        vault_risk,
    )

__version__ = "0.4.0"

__all__ = [
    "AllocationResult",
    "BackstopVault",
    "Budget",
    "BufferCurve",
    "BufferSize",
    "CapacityCurve",
    "CascadeCurve",
    "Counterexample",
    "CrossMarginResult",
    "EnsembleResult",
    "EventResult",
    "FrequencyResult",
    "Holding",
    "Indicator",
    "InsuranceFund",
    "LiquidationCurve",
    "MarketFactor",
    "MarkoutResult",
    "OrderBook",
    "OutcomeRegression",
    "Policy",
    "PricePaths",
    "ProgrammaticLiquidity",
    "RateResult",
    "RuleComparison",
    "ScoreComparison",
    "ShortfallCurve",
    "SimulationResult",
    "TailFit",
    "VaultPnl",
    "VaultRisk",
    "VenueRules",
    "account_summary",
    "adl_frequency",
    "adl_price",
    "adl_queue",
    "adl_reach",
    "allocate",
    "bankruptcy_price",
    "break_even_discount",
    "break_even_rebound",
    "buffer_curve",
    "build_panel",
    "capacity_curve",
    "cascade_curve",
    "check_panel",
    "check_properties",
    "close_out_price",
    "compare_rules",
    "compare_scores",
    "crash_paths",
    "cvar_cutoff",
    "dataset_names",
    "distance_to_adl",
    "effective_leverage",
    "episode_rate",
    "episode_sweep",
    "episodes",
    "equity",
    "errors",
    "exits",
    "factor_water_fill",
    "find_counterexample",
    "fit_tail",
    "frequency",
    "frequency_sensitivity",
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
    "markouts",
    "metrics",
    "my_position",
    "notional",
    "open_interest_gap",
    "outcome_regression",
    "policies",
    "price_models",
    "price_path",
    "quantile",
    "rank",
    "rates",
    "rules",
    "run_event",
    "scale_leverage",
    "scores",
    "severity",
    "shadow_price",
    "shortfall",
    "shortfall_curve",
    "simulate",
    "simulate_ensemble",
    "simulated_break_even",
    "size_buffer",
    "sources",
    "tails",
    "takeover_profit",
    "to_lots",
    "unrealized_pnl",
    "vault_pnl",
    "vault_risk",
    "venues",
    "volume_path",
    "worst_moves",
]

_LATER = {
    "BufferCurve": "frequency",
    "BufferSize": "frequency",
    "CapacityCurve": "simulation",
    "Counterexample": "laboratory",
    "CrossMarginResult": "cross_margin",
    "EnsembleResult": "simulation",
    "FrequencyResult": "frequency",
    "MarketFactor": "frequency",
    "MarkoutResult": "markout",
    "OutcomeRegression": "simulation",
    "PricePaths": "paths",
    "RateResult": "rates",
    "RuleComparison": "comparison",
    "ScoreComparison": "comparison",
    "SimulationResult": "simulation",
    "TailFit": "tails",
    "VaultPnl": "vault",
    "VaultRisk": "vault",
    "adl_frequency": "frequency",
    "break_even_discount": "vault",
    "break_even_rebound": "vault",
    "buffer_curve": "frequency",
    "build_events_report": "report",
    "build_report": "report",
    "capacity_curve": "simulation",
    "check_properties": "laboratory",
    "compare_rules": "comparison",
    "compare_scores": "comparison",
    "crash_paths": "paths",
    "cvar_cutoff": "cross_margin",
    "episode_rate": "rates",
    "episode_sweep": "clustering",
    "episodes": "clustering",
    "factor_water_fill": "cross_margin",
    "find_counterexample": "laboratory",
    "fit_tail": "tails",
    "frequency": "frequency",
    "frequency_sensitivity": "frequency",
    "integer": "integer",
    "markouts": "markout",
    "metrics": "metrics",
    "outcome_regression": "simulation",
    "plotting": "plotting",
    "price_models": "price_models",
    "price_path": "paths",
    "rates": "rates",
    "report": "report",
    "scale_leverage": "stress",
    "shadow_price": "cross_margin",
    "simulate": "simulation",
    "simulate_ensemble": "simulation",
    "simulated_break_even": "simulation",
    "size_buffer": "frequency",
    "tails": "tails",
    "takeover_profit": "vault",
    "vault_pnl": "vault",
    "vault_risk": "vault",
    "volume_path": "paths",
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
