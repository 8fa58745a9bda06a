"""A laboratory of policies: which properties they have, shown by small markets in which they do not."""

from __future__ import annotations

from adlkit.laboratory.search import Counterexample, check_properties, find_counterexample

__all__ = ["Counterexample", "check_properties", "find_counterexample"]
