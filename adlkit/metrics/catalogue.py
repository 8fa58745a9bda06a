"""Which metrics of the literature are here, under which names, and which are left out."""

from __future__ import annotations

import pandas as pd

P1 = "arXiv 2512.01112"
P2 = "arXiv 2602.15182"
P3 = "arXiv 2603.15963"
CODE = "github.com/pluriholonomic/autodeleveraging-analysis"
REPLAY = "github.com/ConejoCapital/HyperMultiAssetedADL"

ROWS = [
    ("M1", "budget and taken", "", "sums: theta x deficits.sum() and taken.sum()", P1),
    ("M2", "residual", "residual_deficit", "", P1),
    ("M3", "overshoot against the deficit", "overshoot", "", CODE),
    ("M4", "tracking error, overshoot, undershoot", "tracking_error overshoot undershoot", "", f"{P2} 3.7"),
    ("M5", "signed overshoot", "signed_overshoot", "", f"{P1}; {CODE}"),
    ("M6", "haircut by two-pass replay", "production_haircut", "the replay itself, which needs all fills", CODE),
    ("M7", "needed budget", "needed_budget signed_needed_budget", "", f"{P1}; {P2}"),
    ("M8", "severities", "severity_ratio clipped_severity_ratio", "", f"{P1}; {CODE}"),
    ("M9", "feasible mass, structural residual", "feasible_mass structural_residual", "", P1),
    ("M10", "PTSR", "ptsr ptsr_remaining", "", f"{P1}; {CODE}"),
    ("M11", "PMR", "pmr pmr_remaining", "", f"{P1}; {CODE}"),
    ("M12", "RD-NSE", "rd_nse", "", CODE),
    ("M13", "largest burden", "max_burden", "", f"{P1}; {P2}"),
    ("M14", "fairness gap", "fairness_gap", "", f"{P2} equation 23"),
    ("M15", "total objective", "total_objective", "", f"{P2} table 2"),
    ("M16", "regrets", "static_regret dynamic_regret", "", P2),
    ("M17", "losses of a round", "round_loss_asymmetric round_loss_deployed", "", P2),
    ("M18", "cumulative execution failure", "cumulative_undershoot", "its bound under linear impact: a product", P2),
    ("M19", "severity envelope", "severity_envelope", "", f"{P2} 5.3"),
    ("M20", "monotonicity violation rate", "order_flips", "", f"{P2} 5.2"),
    ("M21", "rank stability", "rank_stability", "", f"{P2} 5.2"),
    ("M22", "discounted overshoot", "discounted_overshoot", "", CODE),
    ("M23", "markout decomposition", "markout_parts forgone", "", f"{P1} appendix"),
    ("M24", "over-collateralisation", "overcollateralization", "", CODE),
    ("M25", "naive profit implied by an equity overshoot", "naive_profit", "", CODE),
    ("M26", "undo fraction", "undo_fraction net_undo_fraction", "", CODE),
    ("M27", "strategic and passive users", "classify_users", "", CODE),
    ("M28", "participation", "participation", "", CODE),
    ("M29", "churn and revenue loss", "churn revenue_loss", "", P1),
    ("M30", "lifetime value", "lifetime_value", "the accounting form of the trilemma proof, a bound", P1),
    ("M31", "recovery clocks", "time_to_solvency time_to_revenue", "", P1),
    ("M32", "next-step deficit", "next_step_deficit", "", f"{P1} section 7"),
    ("M33", "leverage masses", "leverage_masses", "", P1),
    ("M34", "severity load, price of anarchy", "severity_load price_of_anarchy is_static_enough", "", P1),
    ("M35", "tail risk after deleveraging", "post_adl_risk factor_leverage", "", P3),
    ("M36", "majorisation", "is_majorized", "", P1),
    (
        "M37",
        "event statistics",
        "adl_share full_closures jaccard",
        "per-second correlation and burst sizes: one-line pandas on the fills",
        REPLAY,
    ),
]


def catalogue() -> pd.DataFrame:
    """Metrics of the ADL literature: what each is called here, what is left out and why, and its source.

    Returns
    -------
    DataFrame, index ``id`` M1 .. M37
        ``what`` it measures; ``here``: names in adlkit, parted by spaces, or "" where it is left out; ``note``: which
        part is not here, and why; ``source``.

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.metrics.catalogue().loc["M10", "here"]
    'metrics.ptsr metrics.ptsr_remaining'
    """
    rows = [
        (key, what, " ".join(f"metrics.{name}" for name in names.split()), note, source)
        for key, what, names, note, source in ROWS
    ]
    return pd.DataFrame(rows, columns=["id", "what", "here", "note", "source"]).set_index("id")
