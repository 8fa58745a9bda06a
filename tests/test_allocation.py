"""Labelled allocation: targets by group, what is left over, whole lots, and what the fills cost."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from golden_cases import assert_golden, golden_ids, golden_panel, golden_rows
from hypothesis import given
from strategies import amounts, capacities, money, weights_of

import adlkit as adl
from adlkit.errors import AllocationError

RULES = [adl.rules.queue, adl.rules.pro_rata, adl.rules.water_fill]
every_rule = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)


def candidates(**groups: list[float]) -> pd.Series:
    """Capacities by (symbol, account), in queue order."""
    keys = [(symbol, f"a{i}") for symbol, values in groups.items() for i in range(len(values))]
    index = pd.MultiIndex.from_tuples(keys, names=["symbol", "account"])
    return pd.Series([value for values in groups.values() for value in values], index=index)


def targets(**groups: float) -> pd.Series:
    return pd.Series(groups, dtype=float).rename_axis("symbol")


# Golden


@pytest.mark.parametrize("case", golden_ids("adl_allocation"))
def test_the_queue_is_deleveraged_as_documented_at_the_bankruptcy_price(case):
    rows = golden_rows("adl_allocation", case)
    panel = golden_panel(rows)
    (bankrupt,) = (rows["role"] == "bankrupt").to_numpy().nonzero()[0]
    table = adl.adl_queue(panel, score=lambda _: panel["score"])  # the bankrupt one has no score
    (target,) = rows["target"].dropna().unique()
    taken = adl.allocate(target, table["qty"].abs()).taken.reindex(panel.index)
    assert taken.iloc[bankrupt : bankrupt + 1].isna().all()
    is_candidate = (rows["role"] == "candidate").to_numpy()
    assert_golden(taken[is_candidate], rows[is_candidate], "taken")
    closed = taken.fillna(panel["qty"].abs())
    assert_golden(panel["qty"].abs() - closed, rows, "remaining")
    fill = pd.Series(adl.close_out_price(panel).iloc[bankrupt], index=panel.index).where(closed > 0)
    assert_golden(fill, rows, "fill_price")


# One target


@every_rule
@given(target=money, capacity=capacities(), data=st.data())
def test_nothing_is_lost_or_created(rule, target, capacity, data):
    weight = data.draw(weights_of(capacity))
    result = adl.allocate(target, capacity, rule=rule, weight=weight)
    accounted = result.taken.sum() + result.residual - result.overshoot
    assert accounted == pytest.approx(target, rel=1e-9, abs=1e-9 * capacity.sum())
    assert result.overshoot == pytest.approx(0.0, abs=1e-9 * capacity.sum())
    assert result.taken.index.equals(capacity.index)


@every_rule
def test_a_target_beyond_all_capacity_is_left_over_and_never_silent(rule):
    capacity = pd.Series({"ann": 4.0, "bob": 8.0})
    result = adl.allocate(15.0, capacity, rule=rule, weight=pd.Series({"ann": 1.0, "bob": 1.0}))
    assert result.taken.tolist() == [4.0, 8.0]
    assert result.residual == 3.0
    assert result.summary()["residual"] == 3.0
    assert "residual     3\n" in repr(result)


def test_the_summary_adds_up_what_was_asked_and_given():
    result = adl.allocate(5.0, pd.Series([4.0, 8.0, 0.0]))
    assert result.summary().to_dict() == {
        "target": 5.0,
        "taken": 5.0,
        "residual": 0.0,
        "overshoot": 0.0,
        "candidates": 3.0,
        "giving": 2.0,
    }
    assert repr(result).startswith("AllocationResult\n")
    assert "<table" in result._repr_html_()


def test_nobody_to_ask_leaves_the_whole_target_over():
    result = adl.allocate(5.0, pd.Series([], dtype=float))
    assert (result.residual, result.taken.tolist()) == (5.0, [])


@given(target=money, capacity=capacities())
def test_inputs_are_not_changed(target, capacity):
    before = capacity.copy(deep=True)
    taken = adl.allocate(target, capacity).taken
    taken.iloc[:] = -1.0
    pd.testing.assert_series_equal(capacity, before)


# A target for each group


def test_a_target_by_symbol_is_served_from_that_symbol_alone():
    result = adl.allocate(targets(BTC=5.0, ETH=1.0), candidates(BTC=[4.0, 8.0], ETH=[0.25, 0.5]))
    assert result.taken.to_dict() == {("BTC", "a0"): 4.0, ("BTC", "a1"): 1.0, ("ETH", "a0"): 0.25, ("ETH", "a1"): 0.5}
    assert result.by_group.to_dict("index") == {
        "BTC": {"target": 5.0, "capacity": 12.0, "taken": 5.0, "residual": 0.0, "overshoot": 0.0},
        "ETH": {"target": 1.0, "capacity": 0.75, "taken": 0.75, "residual": 0.25, "overshoot": 0.0},
    }
    assert result.residual == 0.25


def test_groups_need_not_stand_together_and_keep_their_queue_order():
    capacity = candidates(BTC=[4.0, 8.0], ETH=[0.25, 0.5])
    mixed = capacity.iloc[[2, 0, 3, 1]]
    at_once = adl.allocate(targets(BTC=5.0, ETH=0.5), capacity).taken
    pd.testing.assert_series_equal(
        adl.allocate(targets(ETH=0.5, BTC=5.0), mixed).taken.reindex(capacity.index), at_once
    )


def test_a_target_may_stand_on_two_levels_in_any_order():
    index = pd.MultiIndex.from_product(
        [["t1", "t2"], ["BTC", "ETH"], ["ann", "bob"]], names=["time", "symbol", "account"]
    )
    capacity = pd.Series(1.0, index=index)
    asked = pd.Series(
        [1.5, 0.5, 2.0, 3.0],
        index=pd.MultiIndex.from_product([["BTC", "ETH"], ["t1", "t2"]], names=["symbol", "time"]),
    )
    result = adl.allocate(asked, capacity)
    assert result.taken.tolist() == [1.0, 0.5, 1.0, 1.0, 0.5, 0.0, 1.0, 1.0]
    assert result.by_group["residual"].to_dict() == {
        ("BTC", "t1"): 0.0,
        ("BTC", "t2"): 0.0,
        ("ETH", "t1"): 0.0,
        ("ETH", "t2"): 1.0,
    }


def test_a_group_that_nobody_can_serve_is_left_over():
    result = adl.allocate(targets(BTC=5.0, SOL=2.0), candidates(BTC=[8.0]))
    assert result.by_group["residual"].to_dict() == {"BTC": 0.0, "SOL": 2.0}
    assert result.residual == 2.0


@every_rule
@given(data=st.data())
def test_each_group_gets_what_it_gets_alone(rule, data):
    groups = {name: data.draw(capacities(max_size=4)).tolist() for name in ("BTC", "ETH", "SOL")}
    capacity = candidates(**groups)
    weight = data.draw(weights_of(capacity))
    asked = targets(**{name: data.draw(money) for name in groups})
    taken = adl.allocate(asked, capacity, rule=rule, weight=weight).taken
    for name in groups:
        alone = adl.allocate(asked[name], capacity[[name]], rule=rule, weight=weight[[name]])
        assert taken[[name]].tolist() == alone.taken.tolist()


# Rules of the user's own


def test_a_rule_may_be_any_function_of_arrays():
    def equal_share(target, capacity, _, group):
        return np.minimum(capacity, np.bincount(group, minlength=len(target))[group] ** -1.0 * target[group])

    result = adl.allocate(6.0, pd.Series([1.0, 8.0, 8.0]), rule=equal_share)
    assert result.taken.tolist() == [1.0, 2.0, 2.0]
    assert result.residual == 1.0


def test_a_rule_that_takes_more_than_the_target_shows_an_overshoot():
    result = adl.allocate(6.0, pd.Series([4.0, 8.0]), rule=lambda _, capacity, *__: capacity)
    assert (result.overshoot, result.residual) == (6.0, 0.0)


@pytest.mark.parametrize(
    ("given_back", "message"),
    [
        (lambda capacity: capacity + 1.0, "took less than 0 or more than capacity"),
        (lambda capacity: capacity - 10.0, "took less than 0 or more than capacity"),
        (lambda capacity: capacity * np.nan, "took less than 0 or more than capacity"),
        (lambda capacity: capacity[:1], "did not return one number per candidate"),
        (lambda _: 1.0, "did not return one number per candidate"),
        (lambda capacity: np.r_[capacity, 1.0], "did not return one number per candidate"),
    ],
)
def test_a_rule_that_breaks_its_bounds_is_refused_by_name(given_back, message):
    def broken(_, capacity, *__):
        return given_back(capacity)

    with pytest.raises(AllocationError, match=f"rule 'broken' {message}"):
        adl.allocate(1.0, pd.Series([4.0, 8.0]), rule=broken)


# Errors


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, -1.0])
def test_a_capacity_or_target_that_is_not_a_finite_amount_is_refused(bad):
    with pytest.raises(AllocationError, match="capacity: 1 values are NaN, infinite or below zero"):
        adl.allocate(1.0, pd.Series([4.0, bad]))
    with pytest.raises(AllocationError, match="target: 1 values are NaN, infinite or below zero"):
        adl.allocate(bad, pd.Series([4.0, 8.0]))
    with pytest.raises(AllocationError, match="target: 1 values are NaN, infinite or below zero"):
        adl.allocate(targets(BTC=bad, ETH=1.0), candidates(BTC=[1.0], ETH=[1.0]))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_weight_that_is_not_finite_is_refused(bad):
    with pytest.raises(AllocationError, match="weight: 1 values are NaN or infinite"):
        adl.allocate(1.0, pd.Series([4.0, 8.0]), rule=adl.rules.pro_rata, weight=pd.Series([1.0, bad]))


@pytest.mark.parametrize("index", [[1, 0], [0, 1, 2], [0, 2]])
def test_a_weight_on_another_index_is_refused(index):
    weight = pd.Series(1.0, index=index)
    with pytest.raises(AllocationError, match="weight must be a Series on the index of capacity"):
        adl.allocate(1.0, pd.Series([4.0, 8.0]), rule=adl.rules.pro_rata, weight=weight)


def test_a_group_without_a_target_is_refused():
    with pytest.raises(AllocationError, match="no target for group 'ETH'; give 0 where nothing is needed"):
        adl.allocate(targets(BTC=1.0), candidates(BTC=[1.0], ETH=[1.0]))


@pytest.mark.parametrize("name", [None, "coin"])
def test_a_target_on_a_level_that_capacity_has_not_is_refused(name):
    with pytest.raises(
        AllocationError,
        match=r"levels \[.*\] of target are none of capacity's \['symbol', 'account'\]; name them alike",
    ):
        adl.allocate(targets(BTC=1.0).rename_axis(name), candidates(BTC=[1.0]))


def test_a_group_with_two_targets_is_refused():
    with pytest.raises(AllocationError, match="target has a group twice"):
        adl.allocate(pd.concat([targets(BTC=1.0)] * 2), candidates(BTC=[1.0]))


def test_water_filling_without_a_weight_is_refused():
    with pytest.raises(AllocationError, match="levels by a weight"):
        adl.allocate(1.0, pd.Series([4.0, 8.0]), rule=adl.rules.water_fill)


@pytest.mark.parametrize("options", [{"score": "bitmex"}, {"score": adl.scores.bitmex, "rule": "queue"}])
def test_a_policy_of_names_instead_of_functions_is_refused(options):
    with pytest.raises(AllocationError, match=r"(score|rule) must be a function, got '(bitmex|queue)'"):
        adl.Policy(**options)


# Whole lots


@given(capacity=capacities(), lot=st.sampled_from([0.001, 0.5, 1.0, 3.0]), share=st.floats(0, 1))
def test_whole_lots_meet_the_target_exactly_within_a_lot_of_each_share(capacity, lot, share):
    room = lot * np.floor(capacity / lot)
    target = lot * np.floor(share * room.sum() / lot + 1e-6)
    taken = adl.allocate(min(target, room.sum()), room, rule=adl.rules.pro_rata).taken
    lots = adl.to_lots(taken, lot=lot, target=target, capacity=room) / lot
    assert lots.tolist() == pytest.approx(np.rint(lots).tolist(), abs=1e-9)
    assert lots.sum() * lot == pytest.approx(target, rel=1e-12)
    assert ((lots * lot - taken).abs() <= lot * (1 + 1e-6)).all()
    assert (lots * lot <= room * (1 + 1e-12)).all()


def test_equal_remainders_go_to_the_earlier_row():
    taken = pd.Series({"ann": 1.5, "bob": 1.5, "cat": 1.5, "dee": 1.5})
    assert adl.to_lots(taken, lot=1.0, target=6.0).tolist() == [2.0, 2.0, 1.0, 1.0]


def test_nobody_is_rounded_up_beyond_capacity_or_from_nothing():
    taken = pd.Series({"ann": 1.9, "bob": 0.6, "cat": 0.5, "dee": 0.0})
    capacity = pd.Series({"ann": 1.95, "bob": 5.0, "cat": 5.0, "dee": 5.0})
    assert adl.to_lots(taken, lot=1.0, target=3.0, capacity=capacity).tolist() == [1.0, 1.0, 1.0, 0.0]


def test_lots_and_targets_may_differ_between_groups():
    taken = candidates(BTC=[0.15, 0.15], ETH=[1.5, 0.5])
    lot = pd.Series([0.1, 0.1, 1.0, 1.0], index=taken.index)
    lots = adl.to_lots(taken, lot=lot, target=targets(BTC=0.3, ETH=2.0))
    assert lots.tolist() == pytest.approx([0.2, 0.1, 2.0, 0.0])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lot": 0.0, "target": 2.0}, "lot must be finite and above zero"),
        ({"lot": -1.0, "target": 2.0}, "lot must be finite and above zero"),
        ({"lot": np.nan, "target": 2.0}, "lot must be finite and above zero"),
        ({"lot": pd.Series([1.0, 2.0]), "target": 2.0}, "lot must be the same for all rows of a group"),
        ({"lot": 1.0, "target": 1.5}, "target is not a whole number of lots; round it down"),
        ({"lot": 1.0, "target": 5.0}, "whole lots cannot meet the target"),
        ({"lot": 1.0, "target": 0.0}, "whole lots cannot meet the target"),
        ({"lot": 1.0, "target": np.nan}, "target: 1 values are NaN"),
        ({"lot": 1.0, "target": 2.0, "capacity": pd.Series([0.5, 0.5])}, "whole lots cannot meet the target"),
        ({"lot": 1.0, "target": 2.0, "capacity": pd.Series([5.0, np.nan])}, "whole lots cannot meet the target"),
        ({"lot": 1.0, "target": 2.0, "capacity": pd.Series([5.0, 0.5])}, "whole lots cannot meet the target"),
        (
            {"lot": 1.0, "target": 2.0, "capacity": pd.Series([5.0, 5.0], index=[1, 0])},
            "capacity must be a Series on the",
        ),
        ({"lot": pd.Series([1.0, 1.0], index=[1, 0]), "target": 2.0}, "lot must be a Series on the index of taken"),
    ],
)
def test_lots_that_cannot_be_handed_out_are_refused(options, message):
    with pytest.raises(AllocationError, match=message):
        adl.to_lots(pd.Series([1.0, 1.2]), **options)


# Haircuts


def event(*, side: float, contract: str, sizes: list[float], loss: float) -> pd.DataFrame:
    """A bankrupt isolated position, whose collateral covers all but a part of its loss, and winners against it."""
    unit = 1.0 if contract == "linear" else 1000.0
    mark = 100.0
    entry = mark * (1.2 if side > 0 else 0.8)
    worth = (lambda price: price) if contract == "linear" else (lambda price: -1.0 / price)
    cash = -side * unit * (worth(mark) - worth(entry)) * (1 - loss)
    rows = [{"account": "bankrupt", "qty": side * unit, "entry_price": entry, "collateral": cash}]
    rows += [
        {"account": f"w{i}", "qty": -side * unit * size, "entry_price": entry, "collateral": 1.0}
        for i, size in enumerate(sizes)
    ]
    return adl.build_panel(pd.DataFrame(rows).assign(symbol="BTC", mark_price=mark, contract=contract))


@pytest.mark.parametrize("rule", [adl.rules.queue, adl.rules.pro_rata])
@given(
    side=st.sampled_from([1.0, -1.0]),
    contract=st.sampled_from(["linear", "inverse"]),
    sizes=st.lists(st.floats(0.25, 2.0), min_size=4, max_size=6),
    loss=st.floats(0.01, 0.9),
)
def test_haircuts_at_an_isolated_bankruptcy_price_add_up_to_the_shortfall(rule, side, contract, sizes, loss):
    panel = event(side=side, contract=contract, sizes=sizes, loss=loss)
    owed = adl.shortfall(panel)["bankrupt"]
    assert owed > 0
    winners = adl.adl_queue(panel.iloc[1:], score=adl.scores.return_only)
    closed = adl.allocate(panel["qty"].abs().iloc[0], winners["qty"].abs(), rule=rule).taken
    paid = adl.haircut(panel, closed, price=adl.bankruptcy_price(panel).iloc[0])
    assert paid.sum() == pytest.approx(owed, rel=1e-9)
    assert (paid >= 0).all()


@given(part=amounts, price=st.floats(1.0, 1e6))
def test_a_haircut_is_what_the_mark_would_have_paid_more(part, price):
    panel = adl.load_dataset("four_accounts")  # marks 70; cat is short 1, dee long 1
    closed = pd.Series({("cat", "BTC"): part / 1e6, ("dee", "BTC"): part / 1e6})
    short, long = adl.haircut(panel, closed, price=price)
    assert short == pytest.approx(-long)
    assert short == pytest.approx(part / 1e6 * (price - 70.0), abs=1e-9)


def test_a_haircut_at_the_mark_is_nothing_and_fills_may_differ_between_rows():
    panel = adl.load_dataset("four_accounts")
    closed = pd.Series({("bob", "BTC"): 2.0, ("cat", "BTC"): 1.0})
    assert adl.haircut(panel, closed, price=70.0).tolist() == [0.0, 0.0]
    fills = pd.Series([80.0, 60.0], index=closed.index)
    assert adl.haircut(panel, closed, price=fills).tolist() == [20.0, -10.0]


@pytest.mark.parametrize(
    ("closed", "price", "message"),
    [
        ({("eve", "BTC"): 1.0}, 80.0, "closed has rows that are not in the panel"),
        ({("cat", "BTC"): 1.5}, 80.0, "closed is larger than the open position"),
        ({("cat", "BTC"): -1.0}, 80.0, "closed: 1 values are NaN, infinite or below zero"),
        ({("cat", "BTC"): np.nan}, 80.0, "closed: 1 values are NaN, infinite or below zero"),
        (
            {("bob", "BTC"): 1.0, ("cat", "BTC"): 1.0},
            pd.Series({("cat", "BTC"): 80.0, ("bob", "BTC"): 60.0}),
            "price must be a Series on the index of closed",
        ),
    ],
)
def test_a_close_that_the_panel_cannot_have_is_refused(closed, price, message):
    with pytest.raises(AllocationError, match=message):
        adl.haircut(adl.load_dataset("four_accounts"), pd.Series(closed), price=price)


@pytest.mark.parametrize("scale", [1e-9, 1e-3, 1.0])
def test_a_small_target_before_a_large_capacity_is_met_exactly(scale):
    for capacity in ([scale, 1e6], [scale, 1e12]):
        result = adl.allocate(scale, pd.Series(capacity))
        assert result.taken.tolist() == [scale, 0.0]
        assert result.overshoot == 0.0


def test_water_filling_meets_a_small_target_of_large_capacities():
    result = adl.allocate(0.1, pd.Series([1e9, 1e9]), rule=adl.rules.water_fill, weight=pd.Series([1.0, 2.0]))
    assert result.taken.sum() == pytest.approx(0.1, rel=1e-12)


def test_weighted_pro_rata_keeps_its_budget_over_magnitudes():
    taken = adl.rules.pro_rata(1.09e-9, [1.19e-7, 3.4e9], [2.7e8, 0.011])
    assert taken.sum() == pytest.approx(1.09e-9, rel=1e-12)
