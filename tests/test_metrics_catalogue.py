"""The catalogue of metrics names what is there, and every public metric says what it is."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys

import pytest

from adlkit import metrics

FUNCTIONS = metrics.__all__
TABLE = metrics.catalogue()


def test_every_metric_of_the_literature_has_a_row():
    assert TABLE.index.tolist() == [f"M{i}" for i in range(1, 38)]
    assert (TABLE["source"].str.len() > 0).all()


@pytest.mark.parametrize("metric", TABLE.index)
def test_a_metric_is_a_function_that_exists_or_has_a_reason(metric):
    names = TABLE.loc[metric, "here"].split()
    assert names or TABLE.loc[metric, "note"]
    assert {name.removeprefix("metrics.") for name in names} <= set(FUNCTIONS)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_metric_says_what_it_takes_and_returns_and_shows_how(name):
    doc = inspect.getdoc(getattr(metrics, name)) or ""
    assert re.match(r"\S[^\n]*\.\n", doc)
    wanted = ["Returns", "Examples"] if name == "catalogue" else ["Parameters", "Returns", "Examples"]
    assert [section for section in wanted if f"\n{section}\n---" not in doc] == []


def test_metrics_do_not_load_scipy_stats_before_it_is_needed():
    code = "import sys, adlkit; sys.exit('scipy.stats' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
