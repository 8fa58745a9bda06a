"""The laboratory of policies: the published table of properties, the published counterexamples, and the search."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from golden_cases import golden, golden_ids, golden_rows

import adlkit as adl
from adlkit import policies, rules
from adlkit.errors import AllocationError
from adlkit.laboratory import markets
from adlkit.laboratory.properties import PROPERTIES


def half_of_large_returns(panel: pd.DataFrame) -> pd.Series:
    """Caps that a split does not move: half of a profit of more than 30% of the mark, else all of it."""
    return 1.0 - 0.5 * (panel["entry_price"] > 1.3 * panel["mark_price"])


POLICIES = {
    "queue by profit": policies.profit_queue,
    "queue by leverage": policies.leverage_queue,
    "pro rata on profit": policies.profit_pro_rata,
    "capped": policies.capped_pro_rata(most=half_of_large_returns),
    "levered and risk-aware": policies.risk_aware(policies.power_kernel(1.0)),
    "equity pro rata": policies.equity_pro_rata,
    "contract pro rata": policies.contract_pro_rata(lot=2.0),
    "vector descent as coded": policies.vector_descent(concession=0.1),
    "water-filling": policies.water_filling,
}
FLOOR = policies.capped_pro_rata(floor=5.0)
VERDICT = {"yes": "no violation", "no": "violated"}


@pytest.fixture(scope="module")
def tables() -> dict[str, pd.DataFrame]:
    return {name: adl.check_properties(policy) for name, policy in POLICIES.items()}


# The published table


@pytest.mark.parametrize("case", golden_ids("properties"))
def test_a_policy_has_the_published_property_or_the_disagreement_is_explained(tables, case):
    row = golden_rows("properties", case).iloc[0]
    found = tables[row["policy"]].loc[row["property"], "verdict"]
    agrees = found == VERDICT[row["has_it"]]
    assert agrees == pd.isna(row["disagreement"]), f"{row['policy']}: {row['property']} is {found}"


def test_levered_pro_rata_has_the_properties_of_risk_aware_pro_rata_in_the_published_table(tables):
    asked = golden("properties").query("policy == 'levered and risk-aware'")["property"]
    levered = adl.check_properties(policies.levered_pro_rata).loc[asked, "verdict"]
    assert levered.tolist() == tables["levered and risk-aware"].loc[asked, "verdict"].tolist()


# The published counterexamples: found, and confirmed to the digit


def shorts(*, entry: float = 12.5, **accounts: tuple[float, float]) -> pd.DataFrame:
    """Shorts of one symbol at 10 from account = (contracts, equity)."""
    rows = [
        {"account": name, "qty": -size, "collateral": owned - (entry - 10.0) * size}
        for name, (size, owned) in accounts.items()
    ]
    return adl.build_panel(pd.DataFrame(rows).assign(symbol="BTC", entry_price=entry, mark_price=10.0))


def taken(policy: adl.Policy, panel: pd.DataFrame, need: float) -> list[float]:
    """What each row of the panel gives."""
    return policy.allocate(panel, need).taken.reindex(panel.index).round(4).tolist()


def test_splitting_pays_in_a_queue_by_profit_and_not_under_water_filling(tables):
    whole, split = shorts(one=(10, 25), two=(10, 20)), shorts(one=(10, 25), two_a=(4, 2), two_b=(6, 18))
    assert taken(policies.profit_queue, whole, 8.0) == [0.0, 8.0]
    assert taken(policies.profit_queue, split, 8.0) == [4.0, 4.0, 0.0]
    assert taken(policies.water_filling, whole, 8.0) == [3.3333, 4.6667]
    assert taken(policies.water_filling, split, 8.0) == [3.3333, 3.4667, 1.2]
    assert tables["queue by profit"].loc["free split", "verdict"] == "violated"


def test_two_halves_of_a_need_are_not_the_whole_in_a_queue_by_leverage(tables):
    at_once = shorts(one=(10, 20), two=(10, 25))
    assert taken(policies.leverage_queue, at_once, 8.0) == [8.0, 0.0]
    assert taken(policies.leverage_queue, at_once, 4.0) == [4.0, 0.0]
    assert taken(policies.leverage_queue, shorts(one=(6, 20), two=(10, 25)), 4.0) == [0.0, 4.0]
    assert tables["queue by leverage"].loc["path independence", "verdict"] == "violated"


def test_splitting_pays_under_vector_descent_as_coded(tables):
    assert rules.squared(10.0, [60.0, 40.0], [60.0, 40.0]).round(3).tolist() == [6.923, 3.077]
    assert rules.squared(10.0, [30.0, 30.0, 40.0], [30.0, 30.0, 40.0])[:2].sum() == pytest.approx(5.294, abs=5e-4)
    assert tables["vector descent as coded"].loc["even split", "verdict"] == "violated"


def test_a_wash_trade_takes_profit_out_of_the_pool_of_pro_rata_on_profit():
    """Profits 8, 4 and 0.5: 7.5 takes 4.8 of the first; once it has realised its profit, nothing."""
    panel = pd.DataFrame(
        {"account": ["a", "b", "c"], "symbol": "BTC", "qty": -1.0, "entry_price": [18.0, 14.0, 10.5]}
    ).assign(mark_price=10.0, collateral=[2.0, 1.0, 0.5])
    washed = panel.assign(entry_price=[10.0, 14.0, 10.5], collateral=[10.0, 1.0, 0.5])
    assert taken(policies.profit_pro_rata, adl.build_panel(panel), 7.5) == [4.8, 2.4, 0.3]
    assert taken(policies.profit_pro_rata, adl.build_panel(washed), 7.5) == [0.0, 4.0, 0.5]


@pytest.mark.parametrize("n_accounts", [1, 2, 4])
def test_each_of_several_accounts_protects_a_floor_of_equity(n_accounts):
    """20 contracts with a profit of 50 and equity of 60: k accounts keep k floors of 20."""
    policy = policies.capped_pro_rata(floor=20.0)
    whole = {f"a{i}": (20.0 / n_accounts, 60.0 / n_accounts) for i in range(n_accounts)}
    capacity = policy.capacity(shorts(**whole)).sum()
    assert capacity == pytest.approx(min(50.0, 60.0 - 20.0 * n_accounts) if 20.0 * n_accounts < 60.0 else 0.0)


def test_a_floor_is_found_to_be_gamed_by_splitting():
    assert adl.find_counterexample(FLOOR, "even split") is not None


def test_whole_lots_by_largest_remainder_can_take_less_when_more_is_needed(tables):
    panel = shorts(a=(6, 60), b=(6, 60), c=(2, 60))
    policy = policies.contract_pro_rata(lot=1.0)
    assert taken(policy, panel, 10.0) == [4.0, 4.0, 2.0]
    assert taken(policy, panel, 11.0) == [5.0, 5.0, 1.0]
    assert tables["contract pro rata"].loc["monotone in need", "verdict"] == "violated"


# The search


def test_a_counterexample_violates_its_property_when_it_is_worked_out_by_hand():
    """Scores, order and what each gives, from the table alone: return x notional / equity, first come, first served."""
    found = adl.find_counterexample(policies.profit_queue, "free split")
    before, after = found.before, found.after
    held = ["qty", "collateral"]
    assert after.loc[["a", "e"], held].sum().tolist() == before.loc["a", held].tolist()
    for table in (before, after):
        gain = (table["entry_price"] - 10.0) / table["entry_price"]
        score = gain * table["qty"].abs() * 10.0 / table["equity"]
        assert score.tolist() == pytest.approx(table["score"].tolist())
        left, given = found.need, {}
        for name in score.sort_values(ascending=False).index:
            given[name] = min(left, -table.loc[name, "qty"])
            left -= given[name]
        assert table["taken"].to_dict() == given
    assert after.loc[["a", "e"], "taken"].sum() < before.loc["a", "taken"]


@pytest.mark.parametrize("name", ["queue by profit", "contract pro rata", "vector descent as coded"])
def test_counterexamples_are_small_and_round(tables, name):
    for each in tables[name].query("verdict == 'violated'").index:
        found = adl.find_counterexample(POLICIES[name], each)
        assert len(found.before) <= (4 if name == "contract pro rata" else 3)
        assert set(found.before["qty"].abs()) <= set(markets.QTY)
        assert str(found) == tables[name].loc[each, "counterexample"]


def test_the_same_seed_finds_the_same_and_another_seed_the_same_verdicts():
    policy = policies.leverage_queue
    first, second = (adl.check_properties(policy, n_markets=1000) for _ in range(2))
    pd.testing.assert_frame_equal(first, second)
    other = adl.check_properties(policy, n_markets=1000, seed=1)
    assert other["verdict"].tolist() == first["verdict"].tolist()


def test_a_policy_that_misses_its_need_or_takes_too_much_is_caught():
    def half(target, capacity, weight=None, group=None):
        return 0.5 * rules.queue(target, capacity, weight, group)

    def too_much(_target, capacity, *_):
        return 2.0 * np.asarray(capacity)

    verdicts = adl.check_properties(adl.Policy(adl.scores.bitmex, half), n_markets=200)["verdict"]
    assert verdicts["budget balance"] == "violated"
    with pytest.raises(AllocationError, match="less than 0 or more than capacity"):
        adl.check_properties(adl.Policy(adl.scores.bitmex, too_much), n_markets=200)


def test_water_filling_leaves_no_more_than_the_best_closing_at_any_price():
    """Shorts of 10 and 10 at 10, equities 20 and 30; need 8. At 13 they lack 10 and 0, at 20 they lack 80 and 70."""
    panel = shorts(a=(10, 20), b=(10, 30))
    given = dict(zip("ab", taken(policies.water_filling, panel, 8.0), strict=True))
    assert given == {"a": 5.2, "b": 2.8}
    for loss in (1.0, 3.0, 4.2, 10.0):
        left = {a: max(loss * (10 - a) - 20, 0) + max(loss * (2 + a) - 30, 0) for a in np.linspace(0, 8, 81)}
        ours = max(loss * (10 - given["a"]) - 20, 0) + max(loss * (10 - given["b"]) - 30, 0)
        assert ours <= min(left.values()) + 1e-9


def test_accounts_without_equity_are_closed_first_under_water_filling():
    panel = adl.build_panel(
        pd.DataFrame(
            {"account": ["a", "b"], "qty": -10.0, "entry_price": [8.0, 12.0], "collateral": [5.0, 20.0]}
        ).assign(symbol="BTC", mark_price=10.0)
    )
    assert taken(policies.water_filling, panel, 10.0) == [10.0, 0.0]


def test_a_score_with_a_unit_in_it_depends_on_the_unit_of_money():
    found = adl.find_counterexample(adl.Policy(adl.scores.binance_2019), "unit of money")
    assert found is not None
    assert adl.find_counterexample(adl.Policy(adl.scores.bitmex), "unit of money") is None


def test_an_unknown_property_is_refused_with_the_known_ones():
    with pytest.raises(AllocationError, match=r"unknown property 'kind'.*budget balance"):
        adl.find_counterexample(policies.profit_queue, "kind")


def test_no_policy_and_no_markets_are_refused():
    with pytest.raises(AllocationError, match="give a policy"):
        adl.check_properties(rules.queue)
    with pytest.raises(AllocationError, match="n_markets must be 1 or more"):
        adl.check_properties(policies.profit_queue, n_markets=0)


def test_markets_that_do_not_fit_are_not_counted_as_passed():
    nobody = adl.Policy(lambda panel: 0.0 * panel["qty"] + np.nan)
    table = adl.check_properties(nobody, n_markets=50)
    assert set(table["verdict"]) == {"not tried"}
    assert table["tried"].tolist() == [0] * len(table)
    tried = adl.check_properties(policies.profit_queue, n_markets=200)["tried"]
    assert tried["anonymity"] > tried["wash trade"] > 0  # ties count there


def test_shortfall_is_not_defined_for_policies_that_take_money(tables):
    with pytest.raises(AllocationError, match="speaks only of policies that close contracts"):
        adl.find_counterexample(policies.profit_pro_rata, "least shortfall")
    assert tables["pro rata on profit"].loc["least shortfall", "verdict"] == "not defined"


def test_every_property_is_a_sentence_with_its_own_name():
    assert len({each.name for each in PROPERTIES}) == len(PROPERTIES)
    assert all(each.statement.endswith(".") for each in PROPERTIES)


def test_markets_without_anyone_in_them_are_no_error():
    nobody = markets.markets_of(np.zeros((2, len(markets.LISTS)), dtype=np.intp))
    assert nobody.taken(policies.profit_queue).sum() == 0.0
