"""How far queues agree: laws against plain Python definitions, positions in one queue only, bad ranks."""

from __future__ import annotations

import math
from collections import Counter
from functools import partial

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from hypothesis import given

from adlkit import metrics
from adlkit.errors import MetricError

NAMES = list("abcdefgh")
SYMMETRIC = [metrics.kendall_tau, metrics.spearman, metrics.rank_biased_overlap]
queues = st.lists(st.sampled_from(NAMES), unique=True, max_size=len(NAMES))


def ranks(queue: list[str]) -> pd.Series:
    """Rank of each name; NaN for those not in the queue."""
    return pd.Series({name: queue.index(name) + 1.0 if name in queue else np.nan for name in NAMES})


def overlap_of_prefixes(one: list[str], two: list[str], persistence: float) -> float:
    """Rank-biased overlap with the longer queue seen whole and the shorter one extended at its agreement."""
    short, long = sorted((one, two), key=len)
    shared = {d: len(set(short[:d]) & set(long[:d])) for d in range(1, len(long) + 1)}
    ahead = shared[len(short)] / len(short)
    assumed = {d: x + ahead * max(d - len(short), 0) for d, x in shared.items()}
    weighed = sum((1 - persistence) * persistence ** (d - 1) * x / d for d, x in assumed.items())
    return weighed + persistence ** len(long) * assumed[len(long)] / len(long)


@given(one=queues.filter(len), two=queues.filter(len), persistence=st.floats(0.05, 0.99))
def test_rank_biased_overlap_is_that_of_growing_prefixes(one, two, persistence):
    measured = metrics.rank_biased_overlap(ranks(one), ranks(two), persistence=persistence)
    assert measured == pytest.approx(overlap_of_prefixes(one, two, persistence), abs=1e-9)
    assert -1e-9 <= measured <= 1 + 1e-9


@pytest.mark.parametrize("statistic", SYMMETRIC)
@given(one=queues, two=queues)
def test_agreement_does_not_depend_on_which_queue_comes_first_nor_on_the_order_of_rows(statistic, one, two):
    first, second = ranks(one), ranks(two)
    measured = pytest.approx(statistic(first, second), abs=1e-12, nan_ok=True)
    assert statistic(second, first) == measured
    assert statistic(first[::-1], second[::-1]) == measured


@pytest.mark.parametrize("statistic", SYMMETRIC)
@given(one=queues.filter(lambda queue: len(queue) > 1))
def test_a_queue_agrees_with_itself(statistic, one):
    assert statistic(ranks(one), ranks(one)) == pytest.approx(1.0)


@given(one=queues.filter(lambda queue: len(queue) > 1))
def test_reversed_queues_are_opposite(one):
    assert metrics.kendall_tau(ranks(one), ranks(one[::-1])) == pytest.approx(-1.0)
    assert metrics.spearman(ranks(one), ranks(one[::-1])) == pytest.approx(-1.0)


@given(one=queues, two=queues)
def test_rank_correlations_compare_positions_in_both_queues_only(one, two):
    both = [name for name in NAMES if name in one and name in two]
    kept = [ranks([name for name in queue if name in both])[both] for queue in (one, two)]
    for statistic in (metrics.kendall_tau, metrics.spearman):
        measured = statistic(ranks(one), ranks(two))
        assert measured == pytest.approx(statistic(*kept), abs=1e-12, nan_ok=True)
        assert math.isnan(measured) == (len(both) < 2)


@given(one=queues, two=queues, sizes=st.lists(st.integers(0, 4), min_size=8, max_size=8), depth=st.integers(1, 32))
def test_front_overlap_counts_the_contracts_in_both_fronts(one, two, sizes, depth):
    weight = pd.Series(sizes, index=NAMES, dtype=float)
    total = weight[[name for name in NAMES if name in {*one, *two}]].sum()
    if depth > total:
        return
    fronts = [Counter([name for name in queue for _ in range(int(weight[name]))][:depth]) for queue in (one, two)]
    measured = metrics.front_overlap(ranks(one), ranks(two), weight=weight, share=depth / total)
    assert measured == pytest.approx((fronts[0] & fronts[1]).total() / depth)


def test_queues_with_nothing_to_compare_are_undefined():
    empty, one = ranks([]), ranks(["a"])
    tied = pd.Series(1.0, index=NAMES)
    assert math.isnan(metrics.kendall_tau(tied, ranks(NAMES)))
    assert math.isnan(metrics.spearman(tied, ranks(NAMES)))
    assert math.isnan(metrics.rank_biased_overlap(empty, one))
    assert math.isnan(metrics.front_overlap(empty, empty, weight=tied, share=0.5))
    assert metrics.rank_biased_overlap(one, ranks(["b"])) == 0.0


def test_ties_are_those_of_tau_b():
    # Kendall 1945: one tied pair in the first ranking; 5 concordant, none discordant: 5 / sqrt(5 x 6)
    assert metrics.kendall_tau(pd.Series([1.0, 2.0, 2.0, 4.0]), pd.Series([1.0, 2.0, 3.0, 4.0])) == pytest.approx(
        5 / math.sqrt(30)
    )


def test_agreement_of_several_queues_is_a_symmetric_table():
    table = pd.DataFrame({"x": ranks(NAMES), "y": ranks(NAMES[::-1]), "z": ranks(NAMES[:3])})
    front = partial(metrics.front_overlap, weight=pd.Series(1.0, index=NAMES), share=0.25)
    measured = metrics.rank_agreement(table, statistic=front)
    assert measured.loc["x"].tolist() == [1.0, 0.0, 1.0]
    pd.testing.assert_frame_equal(measured, measured.T)
    with pytest.raises(MetricError, match="two columns of one name"):
        metrics.rank_agreement(table.set_axis(["x", "x", "z"], axis=1), statistic=front)


@pytest.mark.parametrize("bad", [[1.0, 1.0], [1.0, 3.0], [0.0, 1.0], [0.5, 1.0], [1.0, np.inf], [-1.0, 1.0]])
def test_an_overlap_needs_the_ranks_of_one_queue_without_ties(bad):
    with pytest.raises(MetricError, match=r"first must rank one queue 1, 2, ..., 2"):
        metrics.rank_biased_overlap(pd.Series(bad), pd.Series([1.0, 2.0]))
    with pytest.raises(MetricError, match=r"second must rank one queue"):
        metrics.front_overlap(pd.Series([1.0, 2.0]), pd.Series(bad), weight=pd.Series([1.0, 1.0]), share=0.5)


@pytest.mark.parametrize("statistic", SYMMETRIC)
def test_ranks_must_share_an_index(statistic):
    with pytest.raises(MetricError, match="second must be a Series on the index of first"):
        statistic(pd.Series([1.0, 2.0]), pd.Series([1.0, 2.0], index=[3, 4]))


def test_faulty_options_are_refused():
    one = pd.Series([1.0, 2.0])
    with pytest.raises(MetricError, match="persistence must be within"):
        metrics.rank_biased_overlap(one, one, persistence=1.0)
    with pytest.raises(MetricError, match="share must be within"):
        metrics.front_overlap(one, one, weight=one, share=0.0)
    with pytest.raises(MetricError, match="weight: 1 values are below zero"):
        metrics.front_overlap(one, one, weight=pd.Series([1.0, -1.0]), share=0.5)
