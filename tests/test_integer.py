"""Integer policies: documented cases, whole lots, and a program that no other answer beats."""

from __future__ import annotations

import itertools
from typing import Any, NamedTuple

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from golden_cases import close_to, golden_ids, golden_rows, numbers
from hypothesis import given
from strategies import few

import adlkit as adl
from adlkit.errors import AllocationError

SYMBOLS = ["BTC", "ETH"]


class Call(NamedTuple):
    room: pd.Series
    target: float
    gap: pd.Series
    equity: pd.Series

    @property
    def most(self) -> float:
        """Money that all whole lots bring."""
        return float((np.floor(self.room) * gap_of(self)).sum())


def gap_of(call: Call) -> np.ndarray:
    """Money per lot of each position."""
    return call.gap.reindex(call.room.index.get_level_values("symbol")).to_numpy()


def positions(sizes: list[float], symbols: list[str]) -> pd.Series:
    accounts = [f"a{i}" for i in range(len(sizes))]
    index = pd.MultiIndex.from_arrays([accounts, symbols], names=["account", "symbol"])
    return pd.Series(sizes, index=index, dtype=float)


def by_symbol(values: list[float], symbols: list[str] = SYMBOLS) -> pd.Series:
    return pd.Series(values, index=pd.Index(symbols, name="symbol"), dtype=float)


@st.composite
def calls(draw: st.DrawFn, *, max_lots: int = 6) -> Call:
    """Up to three accounts in two symbols; targets within what whole lots bring."""
    n = draw(st.integers(1, 3))
    tenths = draw(st.lists(st.integers(0, 10 * max_lots), min_size=2 * n, max_size=2 * n))
    index = pd.MultiIndex.from_product([[f"a{i}" for i in range(n)], SYMBOLS], names=["account", "symbol"])
    room = pd.Series(np.array(tenths) / 10, index=index)
    gap = by_symbol(draw(st.lists(st.integers(1, 5), min_size=2, max_size=2)))
    owned = draw(st.lists(st.integers(1, 40), min_size=n, max_size=n))
    call = Call(room, 0.0, gap, pd.Series(owned, index=[f"a{i}" for i in range(n)], dtype=float))
    return call._replace(target=draw(st.integers(0, 8)) / 8 * call.most)


def program(call: Call, **options: Any) -> adl.integer.IntegerResult:
    return adl.integer.min_max(call.room, call.target, gap=call.gap, equity=call.equity, **options)


def scaled(call: Call, **options: Any) -> adl.integer.IntegerResult:
    return adl.integer.fixed_point(call.room, call.target, gap=call.gap, equity=call.equity, **options)


def burden(call: Call, lots: np.ndarray) -> float:
    money = pd.Series(lots * gap_of(call), index=call.room.index).groupby(level="account").sum()
    return float((money / call.equity).max())


# Golden


@pytest.mark.parametrize("case", golden_ids("integer"))
def test_policy_closes_the_documented_lots(case):
    row = golden_rows("integer", case).iloc[0]
    symbols = row["symbol"].split()
    room = positions(numbers(row["room"]), symbols)
    gap, target = by_symbol(numbers(row["gap"]), list(dict.fromkeys(symbols))), numbers(row["target"])
    if row["policy"] == "contract_pro_rata":
        result = adl.integer.contract_pro_rata(room, by_symbol(target, list(gap.index)), gap=gap)
    elif row["policy"] == "round_money":
        result = adl.integer.round_money(pd.Series(target, index=room.index), room=room, gap=gap)
    else:
        equity = pd.Series(numbers(row["equity"]), index=room.index.get_level_values("account"))
        result = getattr(adl.integer, row["policy"])(room, target[0], gap=gap, equity=equity)
    assert result.lots.tolist() == numbers(row["lots"])
    assert result.counted == close_to(row["counted"], row)
    assert np.isnan(row["worst_burden"]) or result.worst_burden == close_to(row["worst_burden"], row)


# Laws


@given(calls())
@few
def test_lots_are_whole_and_within_the_room(call):
    shares = pd.Series(call.target * call.room / max(call.room.sum(), 1e-9), index=call.room.index)
    results = [
        adl.integer.contract_pro_rata(call.room, by_symbol([call.target / 2] * 2), gap=call.gap),
        adl.integer.round_money(shares, room=call.room, gap=call.gap),
        program(call),
        scaled(call),
    ]
    for result in results:
        assert result.lots.dtype == np.int64
        assert (result.lots >= 0).all()
        assert (result.lots <= np.floor(call.room + 1e-9)).all()
        assert result.money.tolist() == pytest.approx((result.lots * gap_of(call)).tolist())
        assert result.taken.tolist() == [lots for lots in result.lots if lots]
        assert result.counted + result.residual - result.overshoot == pytest.approx(result.target)


@given(calls())
def test_rules_say_whether_they_met_the_target(call):
    rounded = adl.integer.contract_pro_rata(call.room, by_symbol([call.target / 2] * 2), gap=call.gap)
    for result in (rounded, scaled(call)):
        assert result.status == ("met" if result.counted >= result.target - 1e-6 else "short")


@given(calls())
def test_rounding_money_overshoots_by_less_than_a_lot(call):
    shares = pd.Series(call.target * call.room / max(call.room.sum(), 1e-9), index=call.room.index)
    result = adl.integer.round_money(shares, room=call.room, gap=call.gap)
    assert result.overshoot < call.gap.max()


@given(calls())
def test_pro_rata_hands_out_all_lots_unless_positions_are_full(call):
    target = by_symbol([call.target / 2] * 2)
    result = adl.integer.contract_pro_rata(call.room, target, gap=call.gap)
    for symbol in SYMBOLS:
        lots, room = (values.xs(symbol, level="symbol") for values in (result.lots, call.room))
        wanted = np.ceil(target[symbol] / call.gap[symbol] - 1e-9)
        assert lots.sum() <= wanted
        if lots.sum() < wanted:  # one pass of remainders: at least one position stopped at its whole lots
            assert (lots == np.floor(room + 1e-9))[room >= 1].any() or not (room >= 1).any()


@given(calls(max_lots=3))
@few
def test_the_program_is_the_best_of_all_answers(call):
    spaces = [range(int(lots) + 1) for lots in np.floor(call.room + 1e-9)]
    answers = [np.array(lots) for lots in itertools.product(*spaces)]
    enough = [lots for lots in answers if lots @ gap_of(call) >= call.target - 1e-9]
    best = min(burden(call, lots) for lots in enough)
    least = min(lots @ gap_of(call) for lots in enough if burden(call, lots) <= best + 1e-9)
    result = program(call)
    assert result.status == "optimal"
    assert result.residual == pytest.approx(0.0, abs=1e-6)
    assert result.worst_burden == pytest.approx(best, rel=1e-6, abs=1e-9)
    assert result.counted == pytest.approx(least, rel=1e-6)


@given(calls())
@few
def test_the_program_is_not_worse_than_the_fixed_point(call):
    rounded = scaled(call)
    if rounded.residual <= 1e-6:
        assert program(call).worst_burden <= rounded.worst_burden * (1 + 1e-6) + 1e-9


@given(calls())
def test_the_fixed_point_meets_the_target_where_whole_lots_can(call):
    assert scaled(call).residual <= 1e-6 or call.target > 0.9 * call.most


# Answers that say what they are


def a_call(target: float) -> Call:
    equity = pd.Series({"a0": 20.0, "a1": 10.0})
    return Call(positions([9.0, 9.0], ["BTC", "BTC"]), target, by_symbol([3.0], ["BTC"]), equity)


def test_whole_contracts_join_a_comparison_of_policies():
    panel = adl.load_dataset("four_accounts")
    need = pd.Series({("BTC", "short"): 2.0}).rename_axis(["symbol", "side"])
    size = panel["qty"].loc[panel["qty"] < 0].abs()
    whole = adl.integer.contract_pro_rata(size, by_symbol([2.0], ["BTC"]), gap=by_symbol([1.0], ["BTC"]))
    compared = adl.compare_rules(panel, need, {"queue": adl.policies.profit_queue})
    joined = compared.with_allocation("whole", whole.taken)
    assert joined.taken["whole"].tolist() == [0.0, 1.0, 1.0, 0.0]  # shorts of 2 and 1: 4/3 and 2/3, rounded
    assert joined.residual["whole"].tolist() == [0.0]


def test_full_positions_leave_a_rule_short():
    room, gap = positions([1.9, 1.9], ["BTC", "BTC"]), by_symbol([1.0], ["BTC"])
    for target, status, left in [(2.0, "met", 0.0), (4.0, "short", 2.0)]:
        result = adl.integer.contract_pro_rata(room, by_symbol([target], ["BTC"]), gap=gap)
        assert (result.status, result.residual) == (status, left)


def test_what_a_full_position_cannot_bring_is_not_asked_of_those_who_miss_no_lot():
    room, gap = positions([1.0, 5.0], ["BTC", "BTC"]), by_symbol([3.0], ["BTC"])
    result = adl.integer.round_money(pd.Series([9.0, 6.0], index=room.index), room=room, gap=gap)
    assert (result.lots.tolist(), result.status, result.residual) == ([1, 2], "short", 6.0)


def test_a_target_beyond_all_lots_is_infeasible_and_closes_nothing():
    result = program(a_call(60.0))
    assert (result.status, result.lots.sum(), result.residual) == ("infeasible", 0, 60.0)
    assert "infeasible" in result.message.lower()


def test_burdens_may_exceed_one_unless_capped_as_published():
    call = a_call(45.0)
    assert program(call).worst_burden > 1
    assert program(call, cap=call.equity).status == "infeasible"


def test_an_account_without_equity_gives_first():
    call = a_call(12.0)._replace(equity=pd.Series({"a0": -5.0, "a1": 10.0}))
    result = program(call)
    assert (result.lots.tolist(), result.worst_burden) == ([4, 0], 0.0)


def test_no_time_is_no_answer_or_an_incumbent_but_never_a_claim_of_optimality():
    rng = np.random.default_rng(1)
    n = 300
    room = pd.Series(
        rng.integers(1, 40, 2 * n).astype(float),
        index=pd.MultiIndex.from_product([range(n), SYMBOLS], names=["account", "symbol"]),
    )
    gap, equity = by_symbol([7.3, 11.9]), pd.Series(rng.uniform(10, 1000, n), index=range(n))
    result = adl.integer.min_max(room, 20_000.0, gap=gap, equity=equity, time_limit=1e-4)
    assert result.status == "not converged"
    assert result.lots.sum() == 0 or result.counted >= 20_000.0 * (1 - 1e-6)


def test_money_counts_up_to_the_cap_only():
    call = a_call(12.0)
    result = scaled(call, cap=pd.Series({"a0": 4.0, "a1": 10.0}))
    counted = min(float(result.money.iloc[0]), 4.0) + min(float(result.money.iloc[1]), 10.0)
    assert result.counted == pytest.approx(counted)


def test_small_positions_take_part_in_small_lots():
    # 0.6 coins: no whole coin, but six lots of a tenth
    one, tenth = positions([0.6], ["BTC"]), positions([6.0], ["BTC"])
    gap = by_symbol([10.0], ["BTC"])
    assert adl.integer.contract_pro_rata(one, by_symbol([5.0], ["BTC"]), gap=gap).residual == 5.0
    assert adl.integer.contract_pro_rata(tenth, by_symbol([5.0], ["BTC"]), gap=gap / 10).lots.tolist() == [5]


# Errors


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"room": pd.Series([1.0])}, "room must be a Series on"),
        ({"room": positions([-1.0, 2.0], ["BTC", "BTC"])}, "room: 1 values are NaN, infinite or below zero"),
        ({"gap": by_symbol([0.0], ["BTC"])}, "gap must be above zero"),
        ({"gap": by_symbol([1.0], ["ETH"])}, "gap must give one number for each symbol"),
        ({"equity": pd.Series({"a0": 1.0})}, "equity must give one number for each account"),
        ({"equity": pd.Series({"a0": 1.0, "a1": np.nan})}, "equity: 1 values are NaN or infinite"),
        ({"target": -1.0}, "target must be 0 or more"),
        ({"target": np.inf}, "target must be 0 or more, and finite"),
    ],
)
@pytest.mark.parametrize("policy", [adl.integer.min_max, adl.integer.fixed_point], ids=lambda policy: policy.__name__)
def test_faulty_input_is_refused(policy, change, words):
    given_ = a_call(6.0)._replace(**change)
    with pytest.raises(AllocationError, match=words):
        policy(given_.room, given_.target, gap=given_.gap, equity=given_.equity)


def test_the_program_needs_time():
    with pytest.raises(AllocationError, match="time_limit must be above zero"):
        program(a_call(6.0), time_limit=0.0)


def test_money_must_be_asked_of_the_same_positions():
    call = a_call(6.0)
    with pytest.raises(AllocationError, match="on the index of room"):
        adl.integer.round_money(pd.Series([1.0, 2.0]), room=call.room, gap=call.gap)


@pytest.mark.parametrize(
    ("gap", "target", "room", "equity", "burden"),
    [
        (1.0, 30.0, 50.0, (1e7, 2e7), 1e-6),
        (0.1, 1000.0, 1e5, (1e6, 2e6), 1000.0 / 3e6),
        (0.01, 12345.6789, 2e6, (1e5, 2e5), 12345.6789 / 3e5),
        (1e4, 3e7, 5e4, (1e3, 2e3), 1e4),
    ],
)
def test_the_smallest_burden_is_found_at_any_size_of_equity(gap, target, room, equity, burden):
    """Two accounts, the second twice as rich: it gives twice as much, to within a lot."""
    held, price = positions([room, room], ["BTC", "BTC"]), by_symbol([gap], ["BTC"])
    owned = pd.Series(equity, index=held.index.get_level_values("account"))
    result = adl.integer.min_max(held, target, gap=price, equity=owned)
    assert result.status == "optimal"
    assert burden * (1 - 1e-9) <= result.worst_burden <= burden + gap / equity[0]


def test_what_is_asked_of_a_symbol_that_nobody_holds_is_left_over():
    room = positions([9.0], ["BTC"])
    result = adl.integer.contract_pro_rata(
        room, by_symbol([3.0, 5.0], ["BTC", "ETH"]), gap=by_symbol([1.0, 1.0], ["BTC", "ETH"])
    )
    assert (result.target, result.counted, result.residual, result.status) == (8.0, 3.0, 5.0, "short")
