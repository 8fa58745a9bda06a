"""Fills against later prices, reactions, shares, and what follows for the venue."""

from __future__ import annotations

import math

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from hypothesis import given

from adlkit import metrics
from adlkit.errors import MetricError

TIMES = pd.to_datetime(["2025-10-10T21:00Z", "2025-10-10T21:01Z", "2025-10-10T21:05Z"])
PRICES = pd.DataFrame({"BTC": [100.0, 90.0, 95.0], "ETH": [10.0, np.nan, 12.0]}, index=TIMES)
amount = st.floats(-1e3, 1e3)


def fills(**columns: object) -> pd.DataFrame:
    """One fill: a long of 2 BTC sold at 80 at 21:00."""
    return pd.DataFrame({"time": TIMES[:1], "symbol": "BTC", "qty": -2.0, "price": 80.0} | columns)


@given(qty=amount, price=amount, mark=amount, later=amount)
def test_markouts_add_up_and_the_signed_budget_is_the_immediate_one_given_up(qty, price, mark, later):
    columns = [pd.Series([value]) for value in (qty, price, mark, later)]
    parts = metrics.markout_parts(*columns[:2], mark=columns[2], later=columns[3]).iloc[0]
    assert parts["immediate"] + parts["opportunity"] == pytest.approx(parts["total"], abs=1e-6)
    given_up = metrics.signed_needed_budget(*columns[:2], mark=columns[2])
    assert given_up.item() == pytest.approx(qty * (price - mark), abs=1e-6)
    assert metrics.needed_budget(*columns[:2], mark=columns[2]).item() == abs(given_up.item())


def test_profit_forgone_uses_the_latest_price_at_or_before_the_horizon():
    found = metrics.forgone(fills(), PRICES, horizons=["0s", "1min", "4min", "5min"])
    assert found.iloc[0].tolist() == [40.0, 20.0, 20.0, 30.0]  # a long sold at 80 misses the way to 100, 90, 90, 95
    spared = metrics.forgone(fills(qty=2.0, price=95.0), PRICES, horizons=["0s", "1min"])
    assert spared.iloc[0].tolist() == [-10.0, 10.0]  # a short that bought at 95


def test_profit_forgone_is_unknown_outside_the_prices_and_where_they_are_missing():
    assert metrics.forgone(fills(), PRICES, horizons=["6min"]).isna().all(axis=None)
    assert metrics.forgone(fills(time=TIMES[:1] - pd.Timedelta("1h")), PRICES, horizons=["1min"]).isna().all(axis=None)
    gap = metrics.forgone(fills(symbol="ETH", price=8.0), PRICES, horizons=["0s", "2min", "5min"])
    assert gap.iloc[0].tolist() == pytest.approx([4.0, np.nan, 8.0], nan_ok=True)


@given(change=st.integers(1, 9), trades=st.lists(st.integers(-5, 5), max_size=5), sign=st.sampled_from([-1, 1]))
def test_the_net_undo_is_never_above_that_of_opposite_trades(change, trades, sign):
    delta = pd.Series({"e": float(sign * change), "quiet": 1.0})
    later = pd.Series([float(trade) for trade in trades], index=["e"] * len(trades), dtype=float)
    gross, net = metrics.undo_fraction(delta, later), metrics.net_undo_fraction(delta, later)
    assert gross["e"] == min(change, sum(abs(trade) for trade in trades if trade * sign < 0)) / change
    assert net["e"] == min(change, max(0, -sign * sum(trades))) / change
    assert net["e"] <= gross["e"]
    assert gross["quiet"] == net["quiet"] == 0.0


def test_users_are_strategic_or_passive_only_with_five_events():
    rows = [("few", True, True, 1.0)] * 4 + [("fast", True, True, 0.25)] * 3 + [("fast", False, True, 0.25)] * 2
    rows += [("idle", False, False, 0.0)] * 5
    table = metrics.classify_users(pd.DataFrame(rows, columns=["user", "traded_60s", "traded_300s", "undo"]))
    assert table["n"].to_dict() == {"fast": 5, "few": 4, "idle": 5}
    assert table["is_strategic"].to_dict() == {"fast": True, "few": False, "idle": False}
    assert table["is_passive"].to_dict() == {"fast": False, "few": False, "idle": True}
    assert table["score"].round(4).to_dict() == {"fast": 0.15, "few": 1.0, "idle": 0.0}


def test_shares_cover_symbols_of_either_kind():
    def made(rows: list[tuple[str, float, int]]) -> pd.DataFrame:
        return pd.DataFrame([(TIMES[t], s, n) for s, n, t in rows], columns=["time", "symbol", "notional"])

    found = metrics.adl_share(made([("BTC", 2.0, 2), ("SOL", 1.0, 0)]), made([("BTC", 8.0, 1), ("ETH", 4.0, 0)]))
    assert found["ratio"].tolist() == pytest.approx([0.25, 0.0, np.nan], nan_ok=True)
    assert found.loc["BTC", "lead"] == pd.Timedelta("4min")
    assert found["lead"].isna().tolist() == [False, True, True]


def test_sets_and_closures_of_nothing_are_undefined():
    empty = pd.Index([], dtype="str")
    assert math.isnan(metrics.jaccard(empty, empty))
    assert metrics.jaccard(pd.Index(["a"]), empty) == 0.0
    assert math.isnan(metrics.full_closures(pd.Series([0.0]), pd.Series([1.0])))


@given(rates=st.lists(st.floats(0.0, 1.0), min_size=1, max_size=6))
def test_participation_multiplies_over_hits_and_churn_is_its_complement(rates):
    hits = pd.Series(rates, index=["ann"] * len(rates))
    alone = 1.0 - metrics.churn(pd.Series(rates))
    assert metrics.participation(hits)["ann"] == pytest.approx(alone.prod())


def test_recovery_clocks_stop_at_the_first_time_or_never():
    fund = pd.Series([5.0, 1.0, 4.0, 9.0], index=[0.0, 1.0, 2.0, 3.0])
    assert metrics.time_to_solvency(fund[1:], level=4.0) == 2.0
    assert metrics.time_to_solvency(fund, level=10.0) == math.inf
    assert metrics.time_to_revenue(fund, before=10.0, tolerance=0.5) == 0.0


def test_next_step_deficit_counts_the_hole_that_is_there_already():
    notional, owned = pd.Series({"a": 100.0, "b": 0.0}), pd.Series({"a": 10.0, "b": -3.0})
    returns = pd.DataFrame({"a": [-0.2, 0.0], "b": [0.5, -0.5]})
    assert metrics.next_step_deficit(notional, owned, returns) == 5.0 + 3.0


def test_bad_input_is_refused():
    one = pd.Series([1.0])
    with pytest.raises(MetricError, match=r"fills misses columns \['price'\]"):
        metrics.forgone(fills().drop(columns="price"), PRICES, horizons=["1min"])
    with pytest.raises(MetricError, match=r"prices misses the symbols \['SOL'\]"):
        metrics.forgone(fills(symbol="SOL"), PRICES, horizons=["1min"])
    with pytest.raises(MetricError, match="ascending times"):
        metrics.forgone(fills(), PRICES[::-1], horizons=["1min"])
    with pytest.raises(MetricError, match=r"events has rows without \['user'\]"):
        metrics.classify_users(pd.DataFrame({"user": [None], "traded_60s": 1, "traded_300s": 1, "undo": 0.5}))
    with pytest.raises(MetricError, match="qty: 1 values are NaN"):
        metrics.needed_budget(pd.Series([np.nan]), one, mark=one)
    with pytest.raises(MetricError, match="none of them zero"):
        metrics.undo_fraction(0.0 * one, one)
    with pytest.raises(MetricError, match="events that are not in change"):
        metrics.undo_fraction(one, pd.Series([1.0], index=[9]))
    with pytest.raises(MetricError, match="ratio and observed must be above zero"):
        metrics.naive_profit(1.0, 0.0, observed=1.0)
    with pytest.raises(MetricError, match=r"churn must be within \[0, 1\]"):
        metrics.revenue_loss(one, 2.0 * one)
    with pytest.raises(MetricError, match="rounds and users of equity"):
        metrics.lifetime_value(pd.DataFrame({"a": [1.0]}), pd.DataFrame({"b": [1.0]}), discount=0.5)
    with pytest.raises(MetricError, match="times must ascend"):
        metrics.time_to_solvency(pd.Series([1.0, 2.0], index=[1.0, 0.0]), level=1.0)
    with pytest.raises(MetricError, match="one column per account"):
        metrics.next_step_deficit(one, one, pd.DataFrame({"x": [0.1]}))
