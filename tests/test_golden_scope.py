"""Every documented example is accounted for: driven by a test, or left out for a reason that is written down."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path

import pandas as pd
import pytest
from golden_cases import GOLDEN, golden

TESTS = Path(__file__).parent
FILES = sorted(path.stem for path in GOLDEN.glob("*.csv") if path.stem != "scope")
SCOPE = golden("scope")
READERS = {
    "adl_allocation": {
        "test_allocation.test_the_queue_is_deleveraged_as_documented_at_the_bankruptcy_price",
        "test_event.test_bitmex_example_takes_the_first_two_of_the_queue",
    },
    "adl_rank": {
        "test_indicators.test_the_documented_percentiles_count_contracts",
        "test_ranking.test_rank_and_percentile_are_the_documented_ones",
        "test_ranking.test_lights_that_count_accounts_differ_from_the_documented_ones",
    },
    "adl_settlement": {
        "test_event.test_deleveraging_settles_as_documented",
        "test_margin.test_bankruptcy_price_and_shortfall_before_a_settlement_are_the_documented_ones",
    },
    "bankruptcy_price": {"test_margin.test_bankruptcy_price_is_the_documented_one"},
    "bankruptcy_quote": {"test_margin.test_a_close_at_the_close_out_price_receives_the_documented_quote"},
    "cross_margin": {
        "test_cross_margin.test_allocation_is_the_published_one",
        "test_cross_margin.test_factor_and_leverages_of_the_published_book",
        "test_cross_margin.test_the_published_method_fails_at_twenty_where_the_optimum_exists",
    },
    "frequency": {
        "test_frequency.test_the_fund_of_a_return_period_is_that_of_the_formula",
        "test_frequency.test_the_rate_at_a_buffer_is_that_of_the_formula",
    },
    "insurance_fund": {
        "test_event.test_fund_gains_or_pays_as_documented",
        "test_margin.test_profit_equity_and_bankruptcy_price_at_a_fill_are_the_documented_ones",
    },
    "integer": {"test_integer.test_policy_closes_the_documented_lots"},
    "liquidation_price": {"test_margin.test_liquidation_price_is_the_documented_one"},
    "lots": {"test_rules.test_whole_lots_are_the_documented_ones"},
    "maintenance_amount": {"test_tiers.test_only_the_documented_deduction_joins_the_tiers"},
    "maintenance_margin": {"test_margin.test_maintenance_margin_is_the_documented_one"},
    "metrics": {"test_metrics_golden.test_metric_is_the_stated_one"},
    "metrics_waves": {
        "test_metrics_rounds.test_the_published_deficit_counts_its_repeated_balance_once",
        "test_metrics_golden.test_objectives_of_the_published_waves_are_those_of_the_published_table",
        "test_metrics_golden.test_ratios_of_the_published_waves_fit_together",
        "test_metrics_golden.test_severities_of_the_published_waves_are_the_published_ones",
        "test_metrics_golden.test_totals_of_the_published_waves_are_the_published_ones",
    },
    "pnl": {"test_margin.test_unrealized_pnl_is_the_documented_one"},
    "properties": {
        "test_laboratory.test_a_policy_has_the_published_property_or_the_disagreement_is_explained",
        "test_laboratory.test_levered_pro_rata_has_the_properties_of_risk_aware_pro_rata_in_the_published_table",
    },
    "rates": {"test_rates.test_interval_is_the_published_one"},
    "rules": {
        "test_rules.test_allocation_by_a_rule_leaves_the_documented_residual",
        "test_rules.test_rule_takes_the_documented_amounts",
    },
    "scores": {
        "test_scores.test_score_is_the_published_one",
        "test_scores.test_the_two_hyperliquid_indices_disagree_about_the_front",
    },
    "tails": {
        "test_tails.test_distances_to_the_fit_are_those_of_scipy",
        "test_tails.test_estimates_are_those_of_other_programs_and_by_hand",
    },
    "waterfall": {
        "test_event.test_bitmex_limits_its_liquidation_order_at_the_bankruptcy_price",
        "test_event.test_book_fills_and_leaves_what_the_venue_reports",
        "test_margin.test_the_limit_of_a_liquidation_order_is_the_documented_close_out_price",
    },
    "waves": {
        "test_clustering.test_the_published_clusters_by_coin_are_found_again_and_make_the_published_waves",
        "test_clustering.test_the_published_waves_are_episodes_with_a_gap_of_five_seconds",
        "test_clustering.test_the_deficit_of_the_published_waves_counts_the_balance_of_the_vault_once",
    },
}
"""Which tests read which golden file: all of them, and no others."""


def files_read(function: ast.FunctionDef) -> set[str]:
    """Golden files that a test names in a call of `golden`, `golden_ids` or `golden_rows`, its decorators included."""
    calls = [node for node in ast.walk(function) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
    words = [call.args[0] for call in calls if call.func.id.startswith("golden") and call.args]
    return {word.value for word in words if isinstance(word, ast.Constant)}


def readers() -> dict[str, set[str]]:
    """Golden file -> the tests that read it, as found in their source."""
    found: dict[str, set[str]] = {}
    for path in TESTS.glob("test_*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                for name in files_read(node):
                    found.setdefault(name, set()).add(f"{path.stem}.{node.name}")
    return found


def parameters(test: str) -> set[str]:
    """Every text that a test is parametrized over."""
    module, function = test.split(".")
    marks = getattr(getattr(importlib.import_module(module), function), "pytestmark", [])
    return {value for mark in marks if mark.name == "parametrize" for value in mark.args[1] if isinstance(value, str)}


def test_each_golden_file_is_read_by_exactly_the_tests_named():
    assert readers() == READERS


@pytest.mark.parametrize("name", FILES)
def test_every_id_of_a_golden_file_is_driven_by_a_test(name):
    driven = set().union(*(parameters(test) for test in READERS[name]))
    assert set(golden(name)["id"]) - driven == set()


@pytest.mark.parametrize("name", FILES)
def test_every_golden_row_names_its_source_and_tolerance(name):
    rows = golden(name)
    assert rows[["id", "source", "tolerance", "is_relative"]].notna().all(axis=None)
    assert (rows["tolerance"] >= 0).all()
    assert rows["is_relative"].dtype == bool


def test_every_documented_example_stands_once_in_the_scope():
    assert SCOPE["id"].is_unique
    assert set(SCOPE["status"]) == {"in_scope", "out_of_scope", "contradictory"}


@pytest.mark.parametrize("case", SCOPE.loc[SCOPE["status"] == "in_scope", "id"])
def test_an_example_in_scope_is_in_the_golden_file_that_it_names(case):
    row = SCOPE.set_index("id").loc[case]
    name = row["golden_file"].removesuffix(".csv")
    assert name in FILES
    assert case in set(golden(name)["id"])


@pytest.mark.parametrize("case", SCOPE.loc[SCOPE["status"] != "in_scope", "id"])
def test_an_example_that_is_left_out_has_a_reason_and_is_in_no_file(case):
    row = SCOPE.set_index("id").loc[case]
    assert len(row["reason"]) > 20
    assert pd.isna(row["golden_file"])
    assert all(case not in set(golden(name)["id"]) for name in FILES)


def test_the_readme_lists_every_golden_file():
    text = (GOLDEN / "README.md").read_text(encoding="utf-8")
    assert [name for name in [*FILES, "scope"] if f"`{name}.csv`" not in text] == []
