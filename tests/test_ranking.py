"""Queues: rank, quantile and lights, ties, groups, and scores of the user's own."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from golden_cases import assert_golden, golden_ids, golden_panel, golden_rows
from hypothesis import given
from strategies import few, panels

import adlkit as adl
from adlkit.errors import ScoreError

FACTS = {"entry_price": 100.0, "mark_price": 100.0, "collateral": 50.0}


def by_column(panel: pd.DataFrame) -> pd.Series:
    """A user's score: a column that the panel carries along."""
    return panel["score"]


def queue_of(**accounts: tuple[float, float]) -> pd.DataFrame:
    """Panel of one symbol from account = (qty, score)."""
    rows = [{"account": name, "qty": qty, "score": score, **FACTS} for name, (qty, score) in accounts.items()]
    return adl.build_panel(pd.DataFrame(rows).assign(symbol="BTC"))


@st.composite
def scored(draw: st.DrawFn) -> pd.DataFrame:
    """Panels with scores that often tie and are sometimes undefined."""
    panel = draw(panels())
    score = st.sampled_from([-1.0, -0.0, 0.0, 0.5, 2.0, math.inf, -math.inf, math.nan])
    return panel.assign(score=draw(st.lists(score, min_size=len(panel), max_size=len(panel))))


def sorted_queues(panel: pd.DataFrame) -> list[list[tuple]]:
    """The queues by a plain Python sort: keys of each, front first."""
    rows = panel.assign(size=adl.notional(panel)).to_dict("index")
    ranked = [key for key, row in rows.items() if row["qty"] != 0 and not math.isnan(row["score"])]

    def market(key: tuple) -> tuple:
        return (*key[:-2], key[-1], rows[key]["qty"] < 0)

    def place(key: tuple) -> tuple:
        return (-rows[key]["score"], -rows[key]["size"], key[-2])

    ranked.sort(key=lambda key: (market(key), place(key)))
    return [list(keys) for _, keys in itertools.groupby(ranked, key=market)]


def with_unsorted_levels(panel: pd.DataFrame) -> pd.DataFrame:
    """The same rows; the labels behind their index codes stand in reverse order."""
    index = panel.index
    levels = [level[::-1] for level in index.levels]
    codes = [len(level) - 1 - np.asarray(codes) for level, codes in zip(index.levels, index.codes, strict=True)]
    again = panel.set_axis(pd.MultiIndex(levels=levels, codes=codes, names=index.names))
    assert again.index.equals(index)
    return again


# Golden


@pytest.mark.parametrize("case", golden_ids("adl_rank"))
def test_rank_and_percentile_are_the_documented_ones(case):
    """The venue counts from the top in steps of 20%: five lights are the first 20% of contracts."""
    rows = golden_rows("adl_rank", case)
    panel = golden_panel(rows)
    assert_golden(adl.rank(panel, score=by_column), rows, "rank")
    lights = adl.lights(panel, score=by_column, weight=panel["qty"].abs())
    assert_golden((6 - lights) * 20, rows, "percentile_from_top")


def test_lights_that_count_accounts_differ_from_the_documented_ones():
    """Six accounts: cumulated shares 1/6 ... 6/6 give 5 4 3 2 1 1 lights."""
    panel = golden_panel(golden_rows("adl_rank", "bitmex_adl_quintile_01"))
    order = adl.rank(panel, score=by_column).sort_values().index
    assert adl.lights(panel, score=by_column)[order].tolist() == [5.0, 4.0, 3.0, 2.0, 1.0, 1.0]


# Order


@given(panel=scored())
def test_rank_is_that_of_a_plain_sort(panel):
    expected = {key: float(place) for queue in sorted_queues(panel) for place, key in enumerate(queue, start=1)}
    assert adl.rank(panel, score=by_column).dropna().to_dict() == expected


def test_ties_go_to_the_larger_notional_and_then_to_the_account_that_sorts_first():
    panel = queue_of(dee=(1.0, 5.0), cat=(2.0, 5.0), bob=(2.0, 5.0), ann=(1.0, 6.0), eve=(3.0, 4.0))
    assert adl.rank(panel, score=by_column).droplevel("symbol").to_dict() == {
        "ann": 1.0,
        "bob": 2.0,
        "cat": 3.0,
        "dee": 4.0,
        "eve": 5.0,
    }


def test_losers_are_sorted_with_their_sign_and_stand_behind_winners():
    panel = queue_of(ann=(1.0, -3.0), bob=(1.0, -0.1), cat=(1.0, 2.0), dee=(1.0, 0.0))
    assert adl.adl_queue(panel, score=by_column).index.get_level_values("account").tolist() == [
        "cat",
        "dee",
        "bob",
        "ann",
    ]


@given(panel=scored(), seed=st.integers(0, 9))
@few
def test_the_order_of_rows_and_of_index_labels_does_not_matter(panel, seed):
    shuffled = panel.iloc[np.random.default_rng(seed).permutation(len(panel))]
    weight = panel["qty"].abs() + 1.0
    table = adl.adl_queue(panel, score=by_column, weight=weight)
    for again in (shuffled, with_unsorted_levels(panel), with_unsorted_levels(shuffled)):
        for measure in (adl.rank, adl.quantile, adl.lights):
            pd.testing.assert_series_equal(
                measure(again, score=by_column).reindex(panel.index), measure(panel, score=by_column)
            )
        pd.testing.assert_frame_equal(adl.adl_queue(again, score=by_column, weight=weight.reindex(again.index)), table)


@given(panel=scored())
@few
def test_each_time_symbol_and_side_is_a_queue_of_its_own(panel):
    at_once = adl.rank(panel, score=by_column)
    levels = [name for name in panel.index.names if name != "account"]
    for _, rows in panel.groupby([*levels, panel["qty"] > 0]):
        pd.testing.assert_series_equal(adl.rank(rows, score=by_column), at_once.reindex(rows.index))
        ranked = at_once.reindex(rows.index[rows["qty"] != 0]).dropna()
        assert sorted(ranked) == list(range(1, len(ranked) + 1))


# quantile and lights


@given(panel=scored(), weighted=st.booleans())
def test_quantile_and_lights_are_the_exact_cumulated_shares(panel, weighted):
    """In fractions: quantile = share at or behind, lights = n + 1 - ceil(n x share at or ahead)."""
    weight = panel["qty"].abs() + 0.25
    measured = adl.quantile(panel, score=by_column, weight=weight if weighted else None)
    for n_lights in (1, 3, 5):
        lights = adl.lights(panel, score=by_column, weight=weight if weighted else None, n_lights=n_lights)
        for queue in sorted_queues(panel):
            mass = [Fraction(weight[key]) if weighted else Fraction(1) for key in queue]
            ahead = list(itertools.accumulate(mass))
            for key, own, cumulated in zip(queue, mass, ahead, strict=True):
                behind = (ahead[-1] - cumulated + own) / ahead[-1]
                assert measured[key] == pytest.approx(float(behind), rel=1e-12)
                assert lights[key] == n_lights + 1 - math.ceil(n_lights * cumulated / ahead[-1])


@given(panel=scored())
def test_the_front_of_every_queue_has_quantile_one_and_nobody_more(panel):
    quantile = adl.quantile(panel, score=by_column, weight=panel["qty"].abs() + 1 / 3)
    assert ((quantile.dropna() > 0) & (quantile.dropna() <= 1)).all()
    for queue in sorted_queues(panel):
        assert quantile[queue[0]] == 1.0


def test_a_queue_of_one_has_one_light_because_all_of_it_is_at_or_ahead():
    panel = queue_of(ann=(1.0, 5.0))
    assert adl.quantile(panel, score=by_column).tolist() == [1.0]
    assert adl.lights(panel, score=by_column).tolist() == [1.0]


def test_many_queues_at_once_keep_their_digits():
    """30,000 queues of ten equal positions each: every one has lights 5 5 4 4 3 3 2 2 1 1."""
    n = 30_000
    symbols = pd.Index([f"S{i:05d}" for i in range(n)])
    index = pd.MultiIndex(
        levels=[pd.Index([f"a{i}" for i in range(10)]), symbols],
        codes=[np.tile(np.arange(10), n), np.repeat(np.arange(n), 10)],
        names=["account", "symbol"],
    )
    columns = {"qty": 1.0, **FACTS, "maintenance_rate": 0.0, "maintenance_deduction": 0.0}
    panel = pd.DataFrame(columns, index=index).assign(score=np.tile(np.arange(10.0)[::-1], n))
    assert adl.lights(panel, score=by_column).to_numpy().reshape(n, 10).tolist() == [[5, 5, 4, 4, 3, 3, 2, 2, 1, 1]] * n


# adl_queue


def test_the_queue_table_is_sorted_by_market_then_longs_then_rank():
    frame = pd.concat([queue_of(ann=(1.0, 1.0), bob=(-1.0, 2.0), cat=(1.0, 3.0), dee=(1.0, np.nan)).reset_index()] * 2)
    frame["symbol"] = ["ETH"] * 4 + ["BTC"] * 4
    frame["time"] = pd.Timestamp("2025-10-10T21:00Z")
    table = adl.adl_queue(adl.build_panel(frame), score=by_column)
    assert [key[1:] for key in table.index] == [
        ("cat", "BTC"),
        ("ann", "BTC"),
        ("bob", "BTC"),
        ("cat", "ETH"),
        ("ann", "ETH"),
        ("bob", "ETH"),
    ]
    assert table["rank"].tolist() == [1, 2, 1] * 2
    assert table["side"].tolist() == ["long", "long", "short"] * 2
    assert table.columns.tolist() == [
        "side",
        "qty",
        "notional",
        "unrealized_pnl",
        "effective_leverage",
        "score",
        "rank",
        "quantile",
        "lights",
    ]
    assert table[["rank", "lights"]].dtypes.tolist() == [np.dtype("int64")] * 2


@given(panel=scored())
@few
def test_the_queue_table_says_what_the_measures_say(panel):
    weight = panel["qty"].abs() + 1.0
    table = adl.adl_queue(panel, score=by_column, weight=weight, n_lights=3)
    assert table.index.tolist() == [key for queue in sorted_queues(panel) for key in queue]
    pd.testing.assert_series_equal(table["rank"].astype(float), adl.rank(panel, score=by_column).reindex(table.index))
    for name, measure, options in (("quantile", adl.quantile, {}), ("lights", adl.lights, {"n_lights": 3})):
        values = measure(panel, score=by_column, weight=weight, **options).reindex(table.index)
        pd.testing.assert_series_equal(table[name].astype(float), values)
    for name in ("notional", "unrealized_pnl", "effective_leverage"):
        pd.testing.assert_series_equal(table[name], getattr(adl, name)(panel).reindex(table.index))


def test_nobody_in_a_queue_is_an_empty_table():
    panel = queue_of(ann=(1.0, np.nan), bob=(0.0, 3.0))
    assert adl.rank(panel, score=by_column).isna().all()
    assert adl.quantile(panel, score=by_column).isna().all()
    assert adl.lights(panel, score=by_column).isna().all()
    assert adl.adl_queue(panel, score=by_column).empty


# Scores of the user's own


def test_a_score_may_be_any_function_of_the_panel():
    panel = queue_of(ann=(1.0, 0.0), bob=(2.0, 0.0), cat=(3.0, 0.0))
    assert adl.rank(panel, score=lambda rows: rows["qty"]).tolist() == [3.0, 2.0, 1.0]
    assert adl.rank(panel, score=lambda rows: rows["qty"].astype(int)).tolist() == [3.0, 2.0, 1.0]
    assert adl.rank(panel, score=adl.notional).tolist() == [3.0, 2.0, 1.0]


@given(panel=scored())
@few
def test_ranking_never_changes_the_panel(panel):
    before = panel.copy(deep=True)
    adl.adl_queue(panel, score=by_column)
    pd.testing.assert_frame_equal(panel, before)


@pytest.mark.parametrize(
    ("score", "message"),
    [
        ("bitmex", "score must be a function of a panel, e.g. adl.scores.bitmex; got 'bitmex'"),
        (None, "score must be a function of a panel"),
        (lambda _: 1.0, "must be a Series on the index of the panel, got float"),
        (lambda panel: panel["qty"].to_numpy(), "must be a Series on the index of the panel, got ndarray"),
        (lambda panel: panel["qty"].iloc[1:], "must be a Series on the index of the panel"),
        (lambda panel: panel["qty"].iloc[::-1], "must be a Series on the index of the panel"),
        (lambda panel: panel["qty"].droplevel("symbol"), "must be a Series on the index of the panel"),
        (lambda panel: panel[["qty"]], "must be a Series on the index of the panel, got DataFrame"),
        (lambda panel: panel["qty"] > 0, "must be numbers, got dtype bool"),
        (lambda panel: panel["qty"].astype(str), "must be numbers, got dtype str"),
    ],
)
@pytest.mark.parametrize("use", [adl.rank, adl.quantile, adl.lights, adl.adl_queue])
def test_a_score_that_is_not_one_number_per_row_is_refused(use, score, message):
    with pytest.raises(ScoreError, match=message):
        use(queue_of(ann=(1.0, 0.0), bob=(2.0, 0.0)), score=score)


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        (lambda panel: panel["qty"] * 0, "weight must be finite and above zero for every position in a queue"),
        (lambda panel: panel["qty"] * -1, "weight must be finite and above zero"),
        (lambda panel: panel["qty"] * np.nan, "weight must be finite and above zero"),
        (lambda panel: panel["qty"] * np.inf, "weight must be finite and above zero"),
        (lambda panel: panel["qty"].iloc[::-1], "weight must be a Series on the index of the panel"),
        (lambda _: 1.0, "weight must be a Series on the index of the panel, got float"),
        (lambda panel: panel["qty"] > 0, "weight must be numbers, got dtype bool"),
    ],
)
@pytest.mark.parametrize("use", [adl.quantile, adl.lights, adl.adl_queue])
def test_a_weight_that_is_not_a_positive_number_per_row_is_refused(use, weight, message):
    panel = queue_of(ann=(1.0, 0.0), bob=(2.0, 0.0))
    with pytest.raises(ScoreError, match=message):
        use(panel, score=by_column, weight=weight(panel))


def test_a_weight_of_a_position_outside_every_queue_is_not_looked_at():
    panel = queue_of(ann=(1.0, 5.0), bob=(2.0, np.nan))
    assert adl.quantile(panel, score=by_column, weight=pd.Series([1.0, np.nan], index=panel.index)).iloc[0] == 1.0


@pytest.mark.parametrize("n_lights", [0, -1, 2.5])
def test_lights_that_cannot_be_counted_are_refused(n_lights):
    with pytest.raises(ValueError, match="n_lights must be 1 or more"):
        adl.lights(queue_of(ann=(1.0, 0.0)), score=by_column, n_lights=n_lights)
