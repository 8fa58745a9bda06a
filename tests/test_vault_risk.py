"""Risk of a vault: worked by hand, and against plain loops over random paths."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from hypothesis import given

import adlkit as adl
from adlkit.errors import MetricError

START = pd.Timestamp("2025-10-10T21:00:00Z").as_unit("us")


def paths(*levels, step="h"):
    """Equity by (path, time) from lists, each from the same start."""
    series = [
        pd.Series(x, index=pd.date_range(START, periods=len(x), freq=step, unit="us"), dtype=float) for x in levels
    ]
    return pd.concat(dict(enumerate(series)), names=["path", "time"])


def outcomes(*profits):
    return paths(*[[0.0, profit] for profit in profits])


def test_drawdown_and_time_under_water_are_those_worked_by_hand():
    # Peak 100, back at 100 after 2 h; peak 120 at 3 h, never back: 40 below it, 2 h until the end.
    equity = pd.Series(
        [100.0, 70.0, 100.0, 120.0, 80.0, 110.0], index=pd.date_range(START, periods=6, freq="h", unit="us")
    )
    row = adl.vault_risk(equity).by_path.loc[0]
    assert (row["profit"], row["least_equity"], row["max_drawdown"]) == (10.0, 70.0, 40.0)
    assert row["max_drawdown_share"] == pytest.approx(40 / 120)
    assert row["longest_under_water"] == pd.Timedelta("2h")
    assert row["time_under_water"] == pd.Timedelta("4h")


def test_the_largest_share_of_a_peak_need_not_be_the_largest_amount():
    row = adl.vault_risk(paths([10.0, 4.0, 100.0, 90.0])).by_path.loc[0]
    assert (row["max_drawdown"], row["max_drawdown_share"]) == (10.0, 0.6)


def test_a_share_of_no_equity_is_undefined():
    assert np.isnan(adl.vault_risk(paths([0.0, 5.0, 1.0])).by_path["max_drawdown_share"][0])


def test_ruin_is_equity_below_zero_at_any_time():
    table = adl.vault_risk(paths([1.0, -0.5, 2.0], [1.0, 0.0, 2.0])).by_path
    assert table["is_ruined"].tolist() == [True, False]


def test_a_margin_call_is_equity_below_the_margin_of_its_time():
    equity = paths([5.0, 4.0, 9.0], [5.0, 4.0, 9.0])
    margin = pd.Series([4.0, 4.0, 4.0, 4.0, 4.5, 0.0], index=equity.index)
    risk = adl.vault_risk(equity, margin=margin)
    assert risk.by_path["has_margin_call"].tolist() == [False, True]
    assert risk.summary()["probability of margin call"] == 0.5


def test_without_a_margin_calls_are_unknown():
    risk = adl.vault_risk(paths([5.0, 4.0]))
    assert risk.by_path["has_margin_call"].isna().all()
    assert risk.probability("has_margin_call").isna().all()


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        (0.75, 6.0),  # the worst of four
        (0.5, 4.0),  # the worst two: (6 + 2) / 2
        (0.6, 4.5),  # the worst and 0.6 of the next: (6 + 0.6 x 2) / 1.6
    ],
)
def test_expected_shortfall_is_the_mean_of_the_worst(level, expected):
    found = adl.vault_risk(outcomes(3.0, -6.0, -2.0, 10.0), level=level).expected_shortfall
    assert found == pytest.approx(expected)


# R, help of binom.test: 682 successes in 925 trials (Conover 1971, p. 97), 95% interval 0.7076683 to 0.7654066.
# Rule of three, exact: none in 10 gives up to 1 - 0.025^(1/10); all in 10 the mirror image.
@pytest.mark.parametrize(
    ("ruined", "count", "low", "high"),
    [(682, 925, 0.7076683, 0.7654066), (0, 10, 0.0, 1 - 0.025**0.1), (10, 10, 0.025**0.1, 1.0)],
)
def test_the_interval_of_a_probability_is_the_exact_one(ruined, count, low, high):
    risk = adl.vault_risk(outcomes(*([-1.0] * ruined), *([1.0] * (count - ruined))))
    found = risk.probability("is_ruined")
    assert found["estimate"] == pytest.approx(ruined / count)
    assert (found["low"], found["high"]) == pytest.approx((low, high), abs=1e-7)


def test_a_series_by_time_is_path_zero():
    one = paths([3.0, 1.0, 2.0])
    pd.testing.assert_frame_equal(adl.vault_risk(one.droplevel("path")).by_path, adl.vault_risk(one).by_path)


@given(st.lists(st.lists(st.integers(-3, 8), min_size=1, max_size=7), min_size=1, max_size=4))
def test_each_path_is_as_a_plain_loop_finds_it(levels):
    table = adl.vault_risk(paths(*levels)).by_path
    for number, path in enumerate(levels):
        drawdown, spells, spell = 0.0, [0], 0
        for place in range(len(path)):
            peak = max(path[: place + 1])
            drawdown = max(drawdown, peak - path[place])
            was_under = place > 0 and path[place - 1] < max(path[:place])
            spell = spell + 1 if was_under or (place > 0 and path[place] < peak) else 0
            spells.append(spell)
            spell = spell if path[place] < peak else 0
        row = table.loc[number]
        assert (row["profit"], row["least_equity"]) == (path[-1] - path[0], min(path))
        assert row["max_drawdown"] == drawdown
        assert row["longest_under_water"] == pd.Timedelta(hours=max(spells))
        assert row["is_ruined"] == (min(path) < 0)


@given(st.lists(st.integers(-20, 20), min_size=1, max_size=12), st.floats(0.05, 0.95))
def test_expected_shortfall_lies_between_the_mean_and_the_worst_loss_and_moves_with_money(profits, level):
    found = adl.vault_risk(outcomes(*profits), level=level).expected_shortfall
    assert -np.mean(profits) - 1e-9 <= found <= -min(profits) + 1e-9
    shifted = adl.vault_risk(outcomes(*[profit - 5 for profit in profits]), level=level).expected_shortfall
    assert shifted == pytest.approx(found + 5)


GOOD = paths([1.0, 2.0])


@pytest.mark.parametrize(
    ("equity", "options", "match"),
    [
        (GOOD.to_frame(), {}, "Series"),
        (GOOD.iloc[:0], {}, "one row"),
        (GOOD.reset_index(drop=True), {}, "datetimes"),
        (GOOD.rename_axis(["run", "time"]), {}, "index levels"),
        (GOOD.iloc[::-1], {}, "ascending"),
        (paths([1.0, 2.0], [1.0, 2.0]).iloc[[0, 2, 1, 3]], {}, "stand together"),
        (GOOD * np.nan, {}, "NaN"),
        (GOOD, {"level": 1.0}, "level"),
        (GOOD, {"margin": -GOOD}, "margin"),
        (GOOD, {"margin": GOOD.droplevel("path")}, "index of equity"),
    ],
)
def test_equity_that_cannot_be_read_is_refused(equity, options, match):
    with pytest.raises(MetricError, match=match):
        adl.vault_risk(equity, **options)


def test_an_unknown_probability_is_refused():
    with pytest.raises(MetricError, match="has_margin_call"):
        adl.vault_risk(GOOD).probability("profit")
