"""Metrics of queues, allocations and events: plain functions, each with its formula and source.

Who pays (`gini`, `lorenz`, `hhi`, `top_share`, `by_decile`), how far queues agree (`kendall_tau`, `spearman`,
`rank_biased_overlap`, `front_overlap`), how predictable they are (`light_persistence`, `rank_churn`, `brier_score`),
which hedges break (`hedge_break`), and the metrics of the literature (`catalogue`).

>>> import pandas as pd
>>> from adlkit import metrics
>>> metrics.gini(pd.Series([0.0, 0.0, 0.0, 8.0]))
0.75
"""

from __future__ import annotations

from adlkit.metrics.agreement import front_overlap, kendall_tau, rank_agreement, rank_biased_overlap, spearman
from adlkit.metrics.allocation import (
    fairness_gap,
    feasible_mass,
    is_majorized,
    max_burden,
    order_flips,
    overshoot,
    pmr,
    pmr_remaining,
    ptsr,
    ptsr_remaining,
    rd_nse,
    residual_deficit,
    signed_overshoot,
    structural_residual,
    total_objective,
    tracking_error,
    undershoot,
)
from adlkit.metrics.catalogue import catalogue
from adlkit.metrics.concentration import by_decile, gini, hhi, lorenz, top_share
from adlkit.metrics.events import (
    adl_share,
    classify_users,
    forgone,
    full_closures,
    jaccard,
    markout_parts,
    naive_profit,
    needed_budget,
    net_undo_fraction,
    overcollateralization,
    production_haircut,
    signed_needed_budget,
    undo_fraction,
)
from adlkit.metrics.hedges import hedge_break
from adlkit.metrics.inputs import MetricError
from adlkit.metrics.queues import brier_score, light_persistence, rank_churn
from adlkit.metrics.retention import (
    churn,
    lifetime_value,
    next_step_deficit,
    participation,
    revenue_loss,
    time_to_revenue,
    time_to_solvency,
)
from adlkit.metrics.risk import distance_to_default, distance_to_liquidation, factor_leverage, post_adl_risk
from adlkit.metrics.rounds import (
    clipped_severity,
    cumulative_undershoot,
    discounted_overshoot,
    dynamic_regret,
    is_static_enough,
    leverage_masses,
    price_of_anarchy,
    rank_stability,
    round_loss_asymmetric,
    round_loss_deployed,
    severity,
    severity_envelope,
    severity_load,
    static_regret,
)

__all__ = [
    "MetricError",
    "adl_share",
    "brier_score",
    "by_decile",
    "catalogue",
    "churn",
    "classify_users",
    "clipped_severity",
    "cumulative_undershoot",
    "discounted_overshoot",
    "distance_to_default",
    "distance_to_liquidation",
    "dynamic_regret",
    "factor_leverage",
    "fairness_gap",
    "feasible_mass",
    "forgone",
    "front_overlap",
    "full_closures",
    "gini",
    "hedge_break",
    "hhi",
    "is_majorized",
    "is_static_enough",
    "jaccard",
    "kendall_tau",
    "leverage_masses",
    "lifetime_value",
    "light_persistence",
    "lorenz",
    "markout_parts",
    "max_burden",
    "naive_profit",
    "needed_budget",
    "net_undo_fraction",
    "next_step_deficit",
    "order_flips",
    "overcollateralization",
    "overshoot",
    "participation",
    "pmr",
    "pmr_remaining",
    "post_adl_risk",
    "price_of_anarchy",
    "production_haircut",
    "ptsr",
    "ptsr_remaining",
    "rank_agreement",
    "rank_biased_overlap",
    "rank_churn",
    "rank_stability",
    "rd_nse",
    "residual_deficit",
    "revenue_loss",
    "round_loss_asymmetric",
    "round_loss_deployed",
    "severity",
    "severity_envelope",
    "severity_load",
    "signed_needed_budget",
    "signed_overshoot",
    "spearman",
    "static_regret",
    "structural_residual",
    "time_to_revenue",
    "time_to_solvency",
    "top_share",
    "total_objective",
    "tracking_error",
    "undershoot",
    "undo_fraction",
]
