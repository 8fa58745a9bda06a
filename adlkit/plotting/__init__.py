"""Figures of results: each function takes what was computed, draws it on one pair of axes, and returns them.

Colours are fixed per stage and safe for colour-blind readers; titles say what was found. Nothing is shown, saved or
styled globally: pass `ax` to compose figures. Names of accounts are data, so they are drawn as plain text.
"""

from __future__ import annotations

from adlkit.plotting.allocation import plot_allocation
from adlkit.plotting.comparison import plot_agreement, plot_deciles, plot_front, plot_lorenz, plot_properties
from adlkit.plotting.curves import plot_cascade_curve, plot_liquidation_curve, plot_shortfall_curve
from adlkit.plotting.distance import plot_distance, plot_reach
from adlkit.plotting.events import (
    currency,
    plot_event_symbols,
    plot_event_times,
    plot_payers,
    plot_shortfall,
    plot_stages,
    stage_colours,
    stage_name,
)
from adlkit.plotting.figure import figure_size
from adlkit.plotting.frequency import plot_buffer_curve, plot_buffer_size, plot_frequency, plot_sensitivity
from adlkit.plotting.markouts import plot_markouts
from adlkit.plotting.paths import plot_paths
from adlkit.plotting.rates import plot_rates, plot_record, plot_regression, plot_waiting_times
from adlkit.plotting.simulation import plot_capacity, plot_ensemble, plot_outcome_regression, plot_timeline
from adlkit.plotting.tails import (
    plot_mean_excess,
    plot_return_levels,
    plot_tail_quantiles,
    plot_threshold_stability,
)
from adlkit.plotting.vault import plot_attribution, plot_break_even, plot_equity, plot_vault_risk
from adlkit.plotting.words import percent, plain, short

__all__ = [
    "currency",
    "figure_size",
    "percent",
    "plain",
    "plot_agreement",
    "plot_allocation",
    "plot_attribution",
    "plot_break_even",
    "plot_buffer_curve",
    "plot_buffer_size",
    "plot_capacity",
    "plot_cascade_curve",
    "plot_deciles",
    "plot_distance",
    "plot_ensemble",
    "plot_equity",
    "plot_event_symbols",
    "plot_event_times",
    "plot_frequency",
    "plot_front",
    "plot_liquidation_curve",
    "plot_lorenz",
    "plot_markouts",
    "plot_mean_excess",
    "plot_outcome_regression",
    "plot_paths",
    "plot_payers",
    "plot_properties",
    "plot_rates",
    "plot_reach",
    "plot_record",
    "plot_regression",
    "plot_return_levels",
    "plot_sensitivity",
    "plot_shortfall",
    "plot_shortfall_curve",
    "plot_stages",
    "plot_tail_quantiles",
    "plot_threshold_stability",
    "plot_timeline",
    "plot_vault_risk",
    "plot_waiting_times",
    "short",
    "stage_colours",
    "stage_name",
]
