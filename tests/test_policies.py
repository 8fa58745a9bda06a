"""Policies on panels: worked examples of the papers, need by market, units, and what is refused."""

from __future__ import annotations

from functools import reduce

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from strategies import few, panels

import adlkit as adl
from adlkit import policies, rules
from adlkit.errors import AllocationError


def book(collateral: list[float], profit: list[float], *, size: float = 1.0) -> pd.DataFrame:
    """Shorts of one symbol at 10 with this cash and this profit; accounts a, b, c, ..."""
    names = [chr(ord("a") + i) for i in range(len(profit))]
    entry = 10.0 + np.array(profit) / size
    frame = pd.DataFrame({"account": names, "qty": -size, "entry_price": entry, "collateral": collateral})
    return adl.build_panel(frame.assign(symbol="BTC", mark_price=10.0))


T1 = book([2.0, 1.0, 0.5], [8.0, 4.0, 0.5])
"""Winners of the example in arXiv 2512.01112, section 2.6: profits 8, 4 and 0.5, equities 10, 5 and 1."""


def taken(policy: adl.Policy, panel: pd.DataFrame, need: float) -> list[float]:
    return policy.allocate(panel, need).taken.reindex(panel.index).tolist()


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (adl.Policy(policies.profit, endowment=policies.profit, numeraire="pnl"), [7.5, 0.0, 0.0]),
        (policies.profit_pro_rata, [4.8, 2.4, 0.3]),
        (policies.capped_pro_rata(), [4.8, 2.4, 0.3]),
        # haircuts at most 1/2, 1/2, 1/2: 4 + 2 + 0.25 is all there is
        (policies.capped_pro_rata(most=0.5), [4.0, 2.0, 0.25]),
        # everyone keeps an equity of 3: caps 7, 2, 0, so the common rate is 5.5 / 8 of the first after 2 of the second
        (policies.capped_pro_rata(floor=3.0), [5.5, 2.0, 0.0]),
        (policies.equity_pro_rata, [7.5 * 10 / 16, 7.5 * 5 / 16, 7.5 / 16]),
        # notional 10 each over cash 2, 1, 0.5: leverage 5, 10, 20; weights 40, 40, 10, the third full at 0.5
        (policies.levered_pro_rata, [3.5, 3.5, 0.5]),
        # notional 10 over equity 10, 5, 1: leverage 1, 2, 10; weights l**2 x profit 8, 16, 50
        (policies.risk_aware(policies.power_kernel(1.0)), [3.0, 4.0, 0.5]),
        # only leverage above 1.5: weights 0, 2 x 0.5 x 4, 10 x 8.5 x 0.5; both are full at 4.5
        (policies.risk_aware(policies.tail_kernel(1.5)), [0.0, 4.0, 0.5]),
        # notional 10 x 80% at stake each: all alike, cut off at profits 8, 4 and 0.5
        (policies.vector_descent(concession=0.8), [2.5, 2.5, 0.5]),
    ],
)
def test_the_published_rules_share_7_and_a_half_as_worked_by_hand(policy, expected):
    assert taken(policy, T1, 7.5) == pytest.approx(expected)


def test_levered_pro_rata_meets_the_budget_that_the_printed_formula_misses():
    """Printed: l w / S x budget / S with S = sum of l w = 90; here it would take 7.5 / 90 of the budget."""
    assert sum(taken(policies.levered_pro_rata, T1, 7.5)) == pytest.approx(7.5)


def test_a_normal_kernel_is_the_expected_shortfall_per_equity():
    """E[(1/l + Z)-] x l, by a sum over the normal distribution."""
    volatility, leverage = 0.2, np.array([0.5, 2.0, 5.0, 20.0])
    moves = np.linspace(-10, 10, 400_001) * volatility
    density = np.exp(-0.5 * (moves / volatility) ** 2) / (volatility * np.sqrt(2 * np.pi))
    step = moves[1] - moves[0]
    expected = [each * (np.maximum(-(1 / each + moves), 0.0) * density).sum() * step for each in leverage]
    assert policies.normal_kernel(volatility)(leverage) == pytest.approx(expected, rel=1e-6)
    assert policies.normal_kernel(volatility)(np.array([0.0])).tolist() == [0.0]


def test_greedy_by_weight_leaves_less_risk_than_the_kernel_that_is_called_optimal():
    """Two equal profits, weights 2 and 1, need 1: greedy leaves 1 x 1, pro rata by weight 2 x 1/3 + 1 x 2/3 = 4/3."""
    weight = np.array([2.0, 1.0])
    by_weight = rules.pro_rata(1.0, [1.0, 1.0], weight)
    greedy = rules.queue(1.0, [1.0, 1.0])
    assert weight @ (1 - by_weight) == pytest.approx(4 / 3)
    assert weight @ (1 - greedy) == pytest.approx(1.0)


def test_cash_lent_by_a_profit_is_no_equity():
    assert policies.safe_profit(book([-3.0, 1.0], [8.0, 4.0])).tolist() == [5.0, 4.0]


@few
@given(panel=panels())
def test_shared_equity_adds_up_to_the_equity_of_each_account(panel):
    keys = [name for name in panel.index.names if name != "symbol"]
    held = adl.notional(panel).groupby(level=keys).transform("sum") > 0
    owned = adl.equity(panel)[held].clip(lower=0.0).groupby(level=keys).first()
    shared = policies.shared_equity(panel)[held].groupby(level=keys).sum()
    assert shared.to_numpy() == pytest.approx(owned.to_numpy(), rel=1e-9)


def test_a_floor_is_kept_by_the_account_and_not_by_each_position():
    """Shorts of BTC and ETH with a profit of 50 each and equity of 100: above a floor of 50 it can give 50."""
    frame = pd.DataFrame({"account": "a", "symbol": ["BTC", "ETH"], "qty": -10.0, "entry_price": 15.0})
    panel = adl.build_panel(frame.assign(mark_price=10.0, collateral=0.0))
    assert policies.capped_pro_rata(floor=50.0).capacity(panel).tolist() == [25.0, 25.0]
    uneven = panel.assign(entry_price=[10.0, 15.0], collateral=[0.0, -20.0])  # profits 0 and 50, equity 30
    assert policies.safe_profit(uneven).tolist() == [0.0, 30.0]


def test_leverage_on_cash_is_that_of_the_account():
    """x: two shorts of 100 on 20 in cash; y: one of 100 on 10. Both are levered 10; profits 20, 20 and 20."""
    frame = pd.DataFrame(
        {"account": ["x", "x", "y"], "symbol": ["BTC", "ETH", "BTC"], "qty": -10.0, "entry_price": 12.0}
    )
    panel = adl.build_panel(frame.assign(mark_price=10.0, collateral=[20.0, 0.0, 10.0]))
    assert taken(policies.levered_pro_rata, panel, 12.0) == pytest.approx([4.0, 4.0, 4.0])


def test_a_position_of_a_cross_account_is_as_levered_as_the_account():
    """x: 10 BTC and 100 ETH on an equity of 80, levered 13.75; y: 10 BTC on 40, levered 2.5. x gives all 6."""
    frame = pd.DataFrame({"account": ["x", "x", "y"], "symbol": ["BTC", "ETH", "BTC"], "qty": [-10.0, -100.0, -10.0]})
    panel = adl.build_panel(frame.assign(entry_price=[12.0, 10.0, 12.0], mark_price=10.0, collateral=[60.0, 0.0, 20.0]))
    need = pd.Series({("BTC", "short"): 6.0}).rename_axis(["symbol", "side"])
    assert policies.water_filling.allocate(panel, need).taken.to_dict() == {("x", "BTC"): 6.0, ("y", "BTC"): 0.0}


def test_money_of_two_currencies_or_two_times_is_never_added():
    two = market().loc[["a", "c"]].assign(settlement=["USD", "BTC"], contract="linear")
    with pytest.raises(AllocationError, match=r"money in \['BTC', 'USD'\] cannot be added"):
        policies.profit_pro_rata.allocate(two, 1.0)
    times = [pd.Timestamp("2025-10-10T20:00Z"), pd.Timestamp("2025-10-10T21:00Z")]
    twice = pd.concat(dict.fromkeys(times, market()), names=["time"])
    with pytest.raises(AllocationError, match="money of several times"):
        policies.profit_pro_rata.allocate(twice, 1.0)


# Need by market


def market() -> pd.DataFrame:
    return adl.build_panel(
        pd.DataFrame(
            {
                "account": ["a", "b", "c", "d"],
                "symbol": ["BTC", "BTC", "ETH", "BTC"],
                "qty": [-2.0, -1.0, 3.0, 1.0],
                "entry_price": [12.0, 15.0, 8.0, 9.0],
                "mark_price": 10.0,
                "collateral": 10.0,
            }
        )
    )


def test_each_market_is_asked_for_its_own_need_and_others_for_nothing():
    need = pd.Series({("BTC", "short"): 2.5, ("ETH", "long"): 1.0}).rename_axis(["symbol", "side"])
    result = policies.profit_queue.allocate(market(), need)
    # return x leverage: a 2/12 x 20/14 = 0.238, b 5/15 x 10/15 = 0.222
    assert result.taken.to_dict() == {("a", "BTC"): 2.0, ("b", "BTC"): 0.5, ("c", "ETH"): 1.0}
    assert result.numeraire == "contracts"
    assert result.by_group["taken"].to_dict() == need.to_dict()


def test_a_flat_row_in_front_does_not_hide_a_side():
    panel = market().assign(qty=[0.0, -1.0, 3.0, 1.0])  # a is flat, before d who is long
    need = pd.Series({("BTC", "long"): 0.5}).rename_axis(["symbol", "side"])
    assert policies.leverage_queue.allocate(panel, need).taken.to_dict() == {("d", "BTC"): 0.5}


def test_contracts_of_two_markets_are_never_added():
    with pytest.raises(AllocationError, match="contracts of several markets cannot be added"):
        policies.profit_queue.allocate(market(), 2.0)
    by_symbol = pd.Series({"BTC": 1.0}).rename_axis("symbol")
    with pytest.raises(AllocationError, match="contracts of several markets"):
        policies.profit_queue.allocate(market(), by_symbol)


def test_money_may_be_asked_of_everyone_at_once():
    """Profits 4, 5, 6 and 1."""
    result = policies.profit_pro_rata.allocate(market(), 8.0)
    assert result.taken.droplevel("symbol").to_dict() == pytest.approx({"a": 2.0, "b": 2.5, "c": 3.0, "d": 0.5})


@pytest.mark.parametrize("need", [np.inf, np.nan, -1.0])
def test_a_need_that_is_no_amount_is_refused(need):
    with pytest.raises(AllocationError, match="need: 1 values are NaN, infinite or below zero"):
        policies.profit_pro_rata.allocate(market(), need)


def test_an_endowment_below_zero_is_refused():
    policy = adl.Policy(adl.scores.bitmex, endowment=lambda panel: -panel["qty"].abs(), numeraire="pnl")
    with pytest.raises(AllocationError, match="endowment: 4 values are NaN, infinite or below zero"):
        policy.allocate(market(), 1.0)


def test_what_is_no_function_is_refused_before_it_is_called():
    with pytest.raises(AllocationError, match="kernel and leverage must be functions"):
        policies.risk_aware(1.0)


def test_vector_descent_is_cut_off_at_equity_and_equity_pro_rata_asks_the_solvent_only():
    """a lives on its profit: profit 8, cash -3, equity 5. b has 4 and 1. At stake are 10 x 80% each, so 6 of each."""
    panel = book([-3.0, 1.0], [8.0, 4.0])
    assert taken(policies.vector_descent(concession=0.8), panel, 12.0) == [5.0, 4.0]
    broke = book([-9.0, 1.0], [8.0, 4.0])
    assert policies.equity_pro_rata.allocate(broke, 1.0).taken.index.get_level_values("account").tolist() == ["b"]


def test_caps_and_a_floor_leave_all_that_the_account_can_give():
    """Profits 10 and 10, equity 20, floor 10: if only the second may be taken, all of its 10 can."""
    frame = pd.DataFrame({"account": "a", "symbol": ["BTC", "ETH"], "qty": -10.0, "entry_price": 11.0})
    panel = adl.build_panel(frame.assign(mark_price=10.0, collateral=0.0))
    second = policies.capped_pro_rata(
        most=lambda panel: 1.0 * (panel.index.get_level_values("symbol") == "ETH"), floor=10
    )
    assert second.capacity(panel).tolist() == [0.0, 10.0]


def test_a_need_in_another_unit_is_refused():
    with pytest.raises(AllocationError, match="takes 'pnl', but 'contracts' are needed"):
        policies.profit_pro_rata.allocate(market(), adl.Budget(1.0, "contracts"))


@pytest.mark.parametrize("names", [["venue"], [None], ["account"]])
def test_a_need_by_unknown_levels_is_refused(names):
    with pytest.raises(AllocationError, match="named by levels of"):
        policies.profit_queue.allocate(market(), pd.Series([1.0], index=pd.Index(["a"]).set_names(names)))


def test_a_side_that_is_none_is_refused():
    need = pd.Series({("BTC", "shrt"): 2.0}).rename_axis(["symbol", "side"])
    with pytest.raises(AllocationError, match=r"must be 'long' or 'short', got \['shrt'\]"):
        policies.profit_queue.allocate(market(), need)


def test_a_policy_is_shown_by_the_names_of_its_functions():
    assert repr(policies.water_filling) == (
        "Policy(score=account_leverage, rule=water_fill, weight=shared_equity, numeraire=contracts, name=water-filling)"
    )
    assert repr(policies.profit_pro_rata).startswith("Policy(score=solvent notional, rule=pro_rata, endowment=profit,")


@pytest.mark.parametrize(
    "parts",
    [
        {"endowment": policies.profit},
        {"numeraire": "pnl"},
        {"endowment": policies.profit, "numeraire": "gold"},
        {"endowment": policies.profit, "numeraire": "contracts"},
    ],
)
def test_endowment_and_numeraire_come_together(parts):
    with pytest.raises(AllocationError, match="numeraire must be"):
        adl.Policy(adl.scores.bitmex, **parts)


@pytest.mark.parametrize("options", [{"most": 1.5}, {"most": -0.1}, {"floor": -1.0}, {"floor": np.nan}])
def test_caps_that_are_none_are_refused(options):
    with pytest.raises(AllocationError, match="need 0 <= most <= 1"):
        policies.capped_pro_rata(**options)


@few
@given(panel=panels(kind="linear", has_time=False))
def test_contracts_of_a_queue_close_in_the_order_of_the_ranks(panel):
    """What `rank` puts first is closed in full before the next gives anything."""
    size = panel["qty"].abs().groupby([panel.index.get_level_values("symbol"), np.sign(panel["qty"])]).sum()
    sides = {1.0: "long", -1.0: "short"}
    need = pd.Series({(symbol, sides[side]): 0.6 * qty for (symbol, side), qty in size.items() if side})
    if not len(need):
        return
    result = policies.profit_queue.allocate(panel, need.rename_axis(["symbol", "side"]))
    ranks = adl.rank(panel, score=adl.scores.bitmex).reindex(result.taken.index)
    for _, rows in result.taken.groupby(result._groups.codes):
        order = rows.index[ranks[rows.index].argsort()]
        full = (result.taken == result.capacity)[order]
        assert not (result.taken[order].gt(0) & ~full.shift(fill_value=True).cummin()).any()


# The catalogue


def test_the_catalogue_lists_all_published_rules_and_where_they_are():
    table = policies.catalogue()
    assert table.index.tolist() == [f"A{i}" for i in range(1, 24)]
    for name in table["here"]:
        if name:
            assert callable(found := reduce(getattr, name.split("."), adl)) or isinstance(found, adl.Policy)
    assert table.loc[table["here"] == "", "note"].str.startswith("left out: ").all()
