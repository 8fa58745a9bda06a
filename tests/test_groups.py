"""Groups by integer codes: against NumPy's and pandas' own ways."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from strategies import panels

from adlkit import groups
from adlkit.groups import labelled_groups, occurring, sorted_within

codes = st.lists(st.integers(0, 5), max_size=30)


@given(codes=codes, seed=st.integers(0, 99), few=st.integers(1, 4))
def test_rows_are_sorted_by_group_and_keys_as_by_lexsort(codes, seed, few):
    rng = np.random.default_rng(seed)
    code = np.array(codes, dtype=np.intp)
    first, second = (rng.integers(few, size=len(code)).astype(float) for _ in range(2))
    last = rng.permutation(len(code))
    expected = np.lexsort((last, second, first, code))
    assert sorted_within(code, first, lambda: (second, last)).tolist() == expected.tolist()


@pytest.mark.parametrize("n_groups", [1, 1_000, groups.MANY + 1, 70_000])
def test_many_groups_are_sorted_like_few(n_groups):
    rng = np.random.default_rng(n_groups)
    code = rng.integers(n_groups, size=100_000)
    key, last = np.round(rng.random(100_000), 3), rng.permutation(100_000)
    expected = np.lexsort((last, key, code))
    assert (sorted_within(code, key, lambda: (last,)) == expected).all()


def test_infinite_keys_tie():
    key = np.array([-np.inf, -np.inf, 1.0, -np.inf])
    assert sorted_within(np.zeros(4, dtype=np.intp), key, lambda: (np.array([2, 1, 0, 3]),)).tolist() == [1, 0, 3, 2]


@given(codes=codes)
def test_the_codes_that_occur_are_those_of_unique(codes):
    code = np.array(codes, dtype=np.intp)
    expected = np.unique(code, return_inverse=True)
    assert [found.tolist() for found in occurring(code)] == [found.tolist() for found in expected]


@given(panel=panels(), names=st.sampled_from([["account"], ["symbol"], ["account", "symbol"]]))
def test_labels_and_sums_of_groups_are_those_of_pandas(panel, names):
    names = [*(["time"] if "time" in panel.index.names else []), *names]
    expected = panel["collateral"].groupby(level=names if len(names) > 1 else names[0], observed=True).sum()
    found, labels = labelled_groups(panel.index, names)
    measured = pd.Series(found.total(panel["collateral"].to_numpy()), index=labels, name="collateral")
    pd.testing.assert_series_equal(measured, expected)


def test_labels_that_no_row_uses_are_no_groups():
    index = pd.MultiIndex.from_tuples([("b", "x"), ("a", "y"), ("c", "x")], names=["account", "symbol"])
    found, labels = labelled_groups(index[index.get_level_values("symbol") == "x"], ["account"])
    assert labels.tolist() == ["b", "c"]
    assert found.codes.tolist() == [0, 1]
    assert found.size == 2
