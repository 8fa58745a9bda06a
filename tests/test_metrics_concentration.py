"""Who pays: laws of concentration measures, ties, and bad input."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from strategies import capacities

from adlkit import metrics
from adlkit.errors import MetricError

MEASURES = [metrics.gini, metrics.hhi, metrics.top_share]


@given(amounts=capacities())
def test_gini_is_twice_the_area_between_diagonal_and_lorenz_curve(amounts):
    curve = metrics.lorenz(amounts)
    if amounts.sum() == 0:
        assert np.isnan(metrics.gini(amounts))
        assert curve["amount"].isna().sum() == len(amounts)
    else:
        area = np.trapezoid(curve["amount"], curve["payers"])
        assert metrics.gini(amounts) == pytest.approx(1 - 2 * area, abs=1e-9)


@pytest.mark.parametrize("measure", MEASURES)
@given(amounts=capacities(), factor=st.floats(0.01, 100.0))
def test_concentration_depends_on_shares_only_and_not_on_the_order_of_rows(measure, amounts, factor):
    before = amounts.copy()
    expected = pytest.approx(measure(amounts), rel=1e-9, abs=1e-9, nan_ok=True)
    assert measure(amounts[::-1] * factor) == expected
    pd.testing.assert_series_equal(amounts, before)


@given(n=st.integers(1, 50))
def test_bounds_are_reached_by_equal_payers_and_by_a_single_one(n):
    equal, single = pd.Series(np.full(n, 3.0)), pd.Series(np.eye(n)[0])
    assert metrics.gini(equal) == pytest.approx(0.0, abs=1e-12)
    assert metrics.gini(single) == pytest.approx(1 - 1 / n)
    assert metrics.hhi(equal) == pytest.approx(1 / n)
    assert metrics.hhi(single) == 1.0
    assert metrics.top_share(single) == 1.0


@given(amounts=capacities(min_size=2), share=st.floats(0.01, 1.0))
def test_top_share_is_what_the_lorenz_curve_leaves(amounts, share):
    n = len(amounts)
    count = next(k for k in range(1, n + 1) if k >= share * n - 1e-9)
    below = metrics.lorenz(amounts)["amount"].iloc[n - count]
    expected = 1 - below if amounts.sum() > 0 else np.nan
    assert metrics.top_share(amounts, share=share) == pytest.approx(expected, abs=1e-9, nan_ok=True)


@given(amounts=capacities(min_size=0, max_size=30), data=st.data(), n_groups=st.integers(1, 10))
def test_groups_hold_every_payer_once_and_keep_ties_together(amounts, data, n_groups):
    keys = data.draw(st.lists(st.integers(0, 5), min_size=len(amounts), max_size=len(amounts)))
    key = pd.Series(keys, index=amounts.index, dtype=float)
    table = metrics.by_decile(amounts, key, n_groups=n_groups)
    assert table["n"].sum() == len(amounts)
    assert table["amount"].sum() == pytest.approx(amounts.sum())
    assert len(table) == n_groups
    assert (table["n"] > 0).sum() <= key.nunique()


@given(n=st.integers(1, 8), n_groups=st.integers(1, 10))
def test_distinct_keys_make_equal_groups_from_small_to_large(n, n_groups):
    key = pd.Series(np.arange(float(n * n_groups)))[::-1]
    table = metrics.by_decile(key, key, n_groups=n_groups)
    assert table["n"].tolist() == [n] * n_groups
    assert table["amount"].is_monotonic_increasing


def test_nobody_pays_is_undefined():
    nobody = pd.Series([], dtype=float)
    assert [np.isnan(measure(nobody)) for measure in MEASURES] == [True] * 3
    assert metrics.lorenz(nobody).to_dict("list") == {"payers": [0.0], "amount": [0.0]}
    assert metrics.by_decile(pd.Series([0.0, 0.0]), pd.Series([1.0, 2.0]))["share"].isna().all()


@pytest.mark.parametrize("measure", [*MEASURES, metrics.lorenz])
@pytest.mark.parametrize("bad", [-1.0, np.nan, np.inf])
def test_amounts_must_be_finite_and_not_negative(measure, bad):
    with pytest.raises(MetricError, match="amounts: 1 values"):
        measure(pd.Series([1.0, bad]))


def test_faulty_options_are_refused():
    amounts = pd.Series([1.0, 2.0])
    with pytest.raises(MetricError, match=r"share must be within \(0, 1\]"):
        metrics.top_share(amounts, share=0.0)
    with pytest.raises(MetricError, match="n_groups must be 1 or more"):
        metrics.by_decile(amounts, amounts, n_groups=0)
    with pytest.raises(MetricError, match="key: 1 values are NaN"):
        metrics.by_decile(amounts, pd.Series([1.0, np.nan]))
    with pytest.raises(MetricError, match="key must be a Series on the index of amounts"):
        metrics.by_decile(amounts, pd.Series([1.0, 2.0], index=[5, 6]))
    with pytest.raises(MetricError, match="amounts must be numbers"):
        metrics.gini(pd.Series(["a", "b"]))
