"""Figures of rates say what was computed."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

import adlkit as adl
from adlkit import plotting, rates


@pytest.fixture(autouse=True)
def _closed_figures():
    yield
    plt.close("all")


def texts(ax):
    return [text.get_text() for text in ax.texts]


def test_record_draws_every_entry_with_a_date_on_the_line_of_its_group():
    record = adl.load_dataset("adl_episodes")
    ax = plotting.plot_record(record)
    assert sum(len(marks.get_offsets()) for marks in ax.collections) == record["start"].notna().sum() == 44
    names = [label.get_text() for label in ax.get_yticklabels()]
    assert names[0] == "BitVC"
    assert set(names) == set(record.dropna(subset="start")["venue"])
    legend = [text.get_text() for text in ax.get_legend().get_texts()]
    assert legend[-3:] == ["primary", "secondary", "claimed"]
    assert set(legend[:-3]) == {kind.replace("_", " ") for kind in record["kind"]}


def test_record_without_dates_says_so():
    record = adl.load_dataset("adl_episodes").iloc[[6]]
    assert plotting.plot_record(record).get_title(loc="left") == "No episode with a date"


def test_rates_are_drawn_at_their_values_and_none_as_a_bound():
    result = adl.episode_rate(pd.Series({"a": 4, "b": 0}), 10.0, unit="venue-year")
    ax = result.plot()
    bar, dot, bound = ax.lines
    assert bar.get_xdata() == pytest.approx(result.table.loc["a", ["low", "high"]].tolist())
    assert dot.get_xdata() == pytest.approx([0.4])
    assert bound.get_xdata() == pytest.approx([0.0, -np.log(0.05) / 10])
    assert texts(ax) == ["0.4 (4 in 10)", "none in 10: below 0.3"]
    only_none = adl.episode_rate(0, 10.0, unit="year").plot()
    assert only_none.get_title(loc="left") == "no events; below 0.3 per year at 95%"


def test_a_rate_without_an_upper_end_is_drawn():
    ax = rates.censored_rate(60, 60).plot()
    assert np.isfinite(ax.get_xlim()).all()


def test_waiting_times_are_steps_against_the_exponential_of_their_mean():
    starts = pd.Series(pd.to_datetime(["2025-01-01", "2025-01-02", "2025-01-05", "2025-01-06", "2025-01-09"]))
    curve, steps, *_ = rates.waiting_times(starts).plot().lines
    assert steps.get_xdata().tolist() == [0.0, 1.0, 1.0, 3.0, 3.0]
    assert steps.get_ydata().tolist() == [1.0, 0.75, 0.5, 0.25, 0.0]
    assert curve.get_ydata() == pytest.approx(np.exp(-curve.get_xdata() / 2.0))


def test_residuals_of_all_periods_are_drawn():
    data = pd.DataFrame({"n": [0, 3, 8, 4, 0, 2], "days": 30.0, "crash": [0, 0, 1, 1, 0, 1]})
    fit = rates.poisson_regression(data, count="n", exposure="days", drivers=["crash"])
    idle, busy = fit.plot().collections
    drawn = np.concatenate([np.asarray(marks.get_offsets()) for marks in (idle, busy)])
    expected = pd.concat([fit.fitted[data["n"] == 0], fit.fitted[data["n"] > 0]])[["expected", "pearson"]]
    assert drawn == pytest.approx(expected.to_numpy())
