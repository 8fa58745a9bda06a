"""Scores side by side, and policies side by side."""

from __future__ import annotations

from adlkit.comparison.allocations import RuleComparison, compare_rules
from adlkit.comparison.queues import ScoreComparison, compare_scores

__all__ = ["RuleComparison", "ScoreComparison", "compare_rules", "compare_scores"]
