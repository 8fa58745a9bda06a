"""Who pays: worked cases of every rule, the laws that all of them keep, and the ones that tell them apart."""

from __future__ import annotations

import inspect
from fractions import Fraction

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from golden_cases import close_to, golden_ids, golden_rows, numbers
from hypothesis import given
from strategies import amounts, capacities, money, weights_of

import adlkit as adl
from adlkit import rules
from adlkit.errors import AllocationError

RULES = [rules.queue, rules.pro_rata, rules.water_fill]
every_rule = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
DIGITS = 1e-12


@st.composite
def calls(draw: st.DrawFn, *, positive: bool = False) -> tuple[float, np.ndarray, np.ndarray]:
    """A target, capacities in queue order, and weights (equities), which may be zero or negative."""
    capacity = draw(capacities())
    weight = draw(weights_of(capacity))
    return draw(money), capacity.to_numpy(), (weight.abs() + 1.0 if positive else weight).to_numpy()


def reachable(rule: rules.Rule, capacity: np.ndarray, weight: np.ndarray | None) -> float:
    """What a rule can take at most: pro rata takes nothing where the weight is zero or less."""
    return capacity[weight > 0].sum() if rule is rules.pro_rata and weight is not None else capacity.sum()


def exact_pro_rata(target: float, capacity: np.ndarray, weight: np.ndarray) -> list[float]:
    """In fractions: fill up those that are full first, share what is left by weight."""
    left, taken = Fraction(target), [Fraction(0)] * len(capacity)
    active = [i for i in range(len(capacity)) if weight[i] > 0]
    while active:
        level = left / sum(Fraction(weight[i]) for i in active)
        full = [i for i in active if Fraction(capacity[i]) <= level * Fraction(weight[i])]
        for i in full or active:
            taken[i] = Fraction(capacity[i]) if full else level * Fraction(weight[i])
        left -= sum(taken[i] for i in full)
        active = [i for i in active if i not in full] if full else []
    return [float(share) for share in taken]


def exact_water_fill(target: float, capacity: np.ndarray, weight: np.ndarray) -> list[float]:
    """In fractions, by the closed form of literature on leverage draining: of the k most levered, keep l x equity."""
    broke = [i for i in range(len(capacity)) if weight[i] <= 0]
    room = sum((Fraction(capacity[i]) for i in broke), Fraction(0))
    taken = [Fraction(0)] * len(capacity)
    for i in broke:
        taken[i] = Fraction(capacity[i]) * min(Fraction(1), Fraction(target) / room) if room else Fraction(0)
    left = max(Fraction(target) - room, Fraction(0))
    levered = {i: Fraction(capacity[i]) / Fraction(weight[i]) for i in range(len(capacity)) if weight[i] > 0}
    order = sorted(levered, key=lambda i: -levered[i])
    for k in range(1, len(order) + 1):
        top = order[:k]
        level = (sum(Fraction(capacity[i]) for i in top) - left) / sum(Fraction(weight[i]) for i in top)
        following = levered[order[k]] if k < len(order) else Fraction(0)
        if level >= following or k == len(order):
            for i in top:
                taken[i] = Fraction(capacity[i]) - max(level, Fraction(0)) * Fraction(weight[i])
            break
    return [float(share) for share in taken]


# Golden


@pytest.mark.parametrize("case", golden_ids("rules"))
def test_rule_takes_the_documented_amounts(case):
    row = golden_rows("rules", case).iloc[0]
    weight = None if pd.isna(row["weight"]) else numbers(row["weight"])
    taken = getattr(rules, row["rule"])(row["target"], numbers(row["capacity"]), weight)
    assert taken.tolist() == close_to(numbers(row["expected"]), row)


@pytest.mark.parametrize("case", golden_ids("rules"))
def test_allocation_by_a_rule_leaves_the_documented_residual(case):
    row = golden_rows("rules", case).iloc[0]
    capacity = pd.Series(numbers(row["capacity"]))
    weight = None if pd.isna(row["weight"]) else pd.Series(numbers(row["weight"]))
    result = adl.allocate(row["target"], capacity, rule=getattr(rules, row["rule"]), weight=weight)
    assert result.taken.tolist() == close_to(numbers(row["expected"]), row)
    assert result.residual == close_to(row["residual"], row)
    assert result.overshoot == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("case", golden_ids("lots"))
def test_whole_lots_are_the_documented_ones(case):
    row = golden_rows("lots", case).iloc[0]
    taken, capacity = pd.Series(numbers(row["taken"])), pd.Series(numbers(row["capacity"]))
    lots = adl.to_lots(taken, lot=row["lot"], target=row["target"], capacity=capacity)
    assert lots.tolist() == close_to(numbers(row["expected"]), row)


# Laws of every rule


@every_rule
@given(call=calls())
def test_nobody_gives_less_than_nothing_or_more_than_capacity(rule, call):
    taken = rule(*call)
    assert (taken >= 0).all()
    assert (taken <= call[1]).all()


@every_rule
@given(call=calls())
def test_what_is_taken_is_the_target_or_all_that_can_be_reached(rule, call):
    target, capacity, weight = call
    expected = min(target, reachable(rule, capacity, weight))
    assert rule(*call).sum() == pytest.approx(expected, rel=DIGITS, abs=DIGITS * capacity.sum())


@every_rule
@given(call=calls())
def test_a_target_of_nothing_takes_nothing_and_one_beyond_reach_takes_everything(rule, call):
    _, capacity, weight = call
    assert not rule(0.0, capacity, weight).any()
    everything = capacity * (weight > 0) if rule is rules.pro_rata else capacity
    assert rule(capacity.sum() * 1.001, capacity, weight).tolist() == everything.tolist()


@every_rule
@given(call=calls(), more=money)
def test_a_larger_target_never_lowers_the_share_of_anyone(rule, call, more):
    target, capacity, weight = call
    slack = 10 * DIGITS * capacity.sum()
    assert (rule(target + more, capacity, weight) >= rule(target, capacity, weight) - slack).all()


def test_whole_lots_can_lower_a_share_when_the_target_grows():
    """The Alabama effect of largest remainders, which the law above does not hold for."""
    shares = [
        adl.to_lots(
            adl.allocate(target, pd.Series([6.0, 6.0, 2.0]), rule=rules.pro_rata).taken, lot=1.0, target=target
        ).tolist()
        for target in (10.0, 11.0)
    ]
    assert shares == [[4.0, 4.0, 2.0], [5.0, 5.0, 1.0]]


@every_rule
@given(call=calls(), power=st.integers(-20, 20))
def test_scaling_target_and_capacity_scales_what_is_taken(rule, call, power):
    """By a power of two, so that floating point scales exactly too."""
    target, capacity, weight = call
    factor = 2.0**power
    assert rule(factor * target, factor * capacity, weight).tolist() == (factor * rule(*call)).tolist()


@pytest.mark.parametrize("rule", [rules.pro_rata, rules.water_fill])
@given(call=calls(), power=st.integers(-20, 20))
def test_only_the_proportions_of_weights_matter(rule, call, power):
    target, capacity, weight = call
    assert rule(target, capacity, 2.0**power * weight).tolist() == rule(*call).tolist()


@pytest.mark.parametrize("rule", [rules.pro_rata, rules.water_fill])
@given(call=calls(), seed=st.integers(0, 9))
def test_the_order_of_candidates_does_not_matter_to_pro_rata_and_water_filling(rule, call, seed):
    target, capacity, weight = call
    order = np.random.default_rng(seed).permutation(len(capacity))
    slack = 10 * DIGITS * capacity.sum()
    assert rule(target, capacity[order], weight[order]) == pytest.approx(rule(*call)[order], rel=1e-9, abs=slack)


@every_rule
def test_inputs_may_be_lists_and_are_not_changed(rule):
    capacity, weight = np.array([1.0, 5.0]), np.array([2.0, 1.0])
    before = capacity.copy(), weight.copy()
    assert rule(3, capacity.tolist(), weight.tolist()).tolist() == rule(3.0, capacity, weight).tolist()
    assert (capacity.tolist(), weight.tolist()) == (before[0].tolist(), before[1].tolist())


@every_rule
def test_nobody_to_ask_is_no_error(rule):
    assert rule(5.0, [], []).tolist() == []


# Groups


@st.composite
def grouped(draw: st.DrawFn) -> list[tuple[float, np.ndarray, np.ndarray]]:
    """Calls of magnitudes 1e-3 to 1e12, some without candidates."""
    found = []
    for _ in range(draw(st.integers(1, 5))):
        scale = 10.0 ** draw(st.integers(-3, 12))
        capacity = draw(capacities(min_size=0, max_size=4))
        weight = draw(weights_of(capacity))
        target = draw(st.floats(0, 1.5)) * capacity.sum() * draw(st.sampled_from([1.0, 1e-9]))
        found.append((scale * target, scale * capacity.to_numpy(), weight.to_numpy()))
    return found


@every_rule
@given(parts=grouped())
def test_groups_served_at_once_give_to_the_last_digit_what_each_gives_alone(rule, parts):
    group = np.repeat(np.arange(len(parts)), [len(capacity) for _, capacity, _ in parts])
    target = np.array([part[0] for part in parts])
    at_once = rule(
        target, np.concatenate([part[1] for part in parts]), np.concatenate([part[2] for part in parts]), group
    )
    alone = np.concatenate([rule(*part) for part in parts])
    assert at_once.tolist() == alone.tolist()


@every_rule
def test_a_small_group_keeps_its_digits_behind_many_large_ones(rule):
    """A thousand groups of 1e12 in front of one that is asked for one millionth of its capacity."""
    group = np.repeat(np.arange(1001), 7)
    capacity = np.where(group < 1000, 1e12, 1e-3) * (1 + np.arange(len(group)) % 7 / 7)
    target = np.r_[np.full(1000, 3e12), 1e-9]
    taken = rule(target, capacity, capacity, group)
    assert taken[group == 1000].sum() == pytest.approx(1e-9, rel=1e-6)
    assert np.bincount(group, taken)[:1000] == pytest.approx(np.full(1000, 3e12), rel=1e-12)


# Laws of single rules


@given(call=calls())
def test_a_queue_takes_all_of_those_in_front_before_the_next(call):
    target, capacity, _ = call
    left, expected = target, []
    for room in capacity:
        expected.append(min(room, left))
        left -= expected[-1]
    assert rules.queue(target, capacity).tolist() == pytest.approx(expected, rel=1e-9, abs=DIGITS * capacity.sum())


@given(call=calls())
def test_pro_rata_is_the_exact_share_by_weight_up_to_capacity(call):
    _, capacity, _ = call
    assert rules.pro_rata(*call).tolist() == pytest.approx(
        exact_pro_rata(*call), rel=1e-9, abs=10 * DIGITS * capacity.sum()
    )


@given(call=calls())
def test_pro_rata_without_a_weight_is_by_capacity(call):
    target, capacity, _ = call
    assert rules.pro_rata(target, capacity).tolist() == rules.pro_rata(target, capacity, capacity).tolist()


@given(call=calls())
def test_water_filling_is_the_exact_draining_of_the_most_levered(call):
    _, capacity, _ = call
    assert rules.water_fill(*call).tolist() == pytest.approx(
        exact_water_fill(*call), rel=1e-9, abs=10 * DIGITS * capacity.sum()
    )


@given(call=calls(positive=True), seed=st.integers(0, 99))
def test_after_water_filling_no_later_price_has_a_smaller_total_shortfall(call, seed):
    """Shorts closed at the mark of 10: equity stays, contracts go. Any other way to close as many is tried."""
    target, capacity, weight = call
    rng = np.random.default_rng(seed)
    money_of = np.where(rng.random(len(weight)) < 0.2, -weight, weight)  # some are bankrupt already
    order = rng.permutation(len(capacity))
    others = [
        rules.pro_rata(target, capacity),
        rules.pro_rata(target, capacity, rng.random(len(capacity)) + 1e-3),
        rules.queue(target, capacity[order])[np.argsort(order)],
    ]
    drained = capacity - rules.water_fill(target, capacity, money_of)
    for price in (10.0, 10.5, 12.0, 20.0, 100.0, 1e4):
        least = np.maximum(drained * (price - 10.0) - money_of, 0.0).sum()
        for other in others:
            total = np.maximum((capacity - other) * (price - 10.0) - money_of, 0.0).sum()
            assert least <= total + 1e-9 * (capacity.sum() * price + np.abs(money_of).sum())


@given(call=calls(positive=True), share=st.floats(0, 1))
def test_water_filling_in_two_steps_is_water_filling_at_once(call, share):
    target, capacity, weight = call
    first = rules.water_fill(share * target, capacity, weight)
    second = rules.water_fill((1 - share) * target, capacity - first, weight)
    assert first + second == pytest.approx(rules.water_fill(*call), rel=1e-9, abs=100 * DIGITS * capacity.sum())


@given(call=calls(positive=True), part=amounts, own=amounts)
def test_splitting_an_account_never_pays_under_water_filling(call, part, own):
    """However position and equity are divided between the halves, together they give no less."""
    target, capacity, weight = call
    part, own = part / 1e6 * capacity[0], own / 1e6 * weight[0]
    before = rules.water_fill(*call)[0]
    split = rules.water_fill(
        target, np.r_[part, capacity[0] - part, capacity[1:]], np.r_[own, weight[0] - own, weight[1:]]
    )
    assert split[:2].sum() >= before - 100 * DIGITS * capacity.sum()


# Counterexamples


def shorts(**accounts: tuple[float, float]) -> pd.DataFrame:
    """Shorts of one symbol at 10, entered at 12.5, from account = (contracts, equity)."""
    rows = [
        {"account": name, "qty": -size, "collateral": owned - 2.5 * size} for name, (size, owned) in accounts.items()
    ]
    return adl.build_panel(pd.DataFrame(rows).assign(symbol="BTC", entry_price=12.5, mark_price=10.0))


def taken_from(panel: pd.DataFrame, target: float, *, policy: adl.Policy) -> dict[str, float]:
    """What each account gives up when `target` contracts are deleveraged."""
    queue = adl.adl_queue(panel, score=policy.score)
    weight = None if policy.weight is None else policy.weight(panel).reindex(queue.index)
    taken = adl.allocate(target, queue["qty"].abs(), rule=policy.rule, weight=weight).taken
    return taken.droplevel("symbol").round(4).to_dict()


BY_RETURN = adl.Policy(adl.scores.bitmex)
BY_LEVERAGE = adl.Policy(adl.effective_leverage)
DRAINING = adl.Policy(adl.scores.bitmex, rules.water_fill, adl.equity)


def test_splitting_an_account_saves_it_contracts_in_a_queue_but_not_under_water_filling():
    """Counterexample 1: scores 0.8 and 1.0; split into (4, equity 2) and (6, equity 18), scores 4.0 and 0.667."""
    whole = shorts(one=(10.0, 25.0), two=(10.0, 20.0))
    split = shorts(one=(10.0, 25.0), two_a=(4.0, 2.0), two_b=(6.0, 18.0))
    assert adl.scores.bitmex(whole).tolist() == pytest.approx([0.8, 1.0])
    assert adl.scores.bitmex(split).tolist() == pytest.approx([0.8, 4.0, 0.6667], abs=5e-5)
    assert taken_from(whole, 8.0, policy=BY_RETURN) == {"two": 8.0, "one": 0.0}
    assert taken_from(split, 8.0, policy=BY_RETURN) == {"two_a": 4.0, "one": 4.0, "two_b": 0.0}
    assert taken_from(whole, 8.0, policy=DRAINING) == {"two": 4.6667, "one": 3.3333}
    assert taken_from(split, 8.0, policy=DRAINING) == {"two_a": 3.4667, "one": 3.3333, "two_b": 1.2}


@pytest.mark.parametrize(
    ("policy", "at_once", "in_two_steps"),
    [
        (BY_LEVERAGE, {"one": 8.0, "two": 0.0}, {"one": 4.0, "two": 4.0}),
        (
            adl.Policy(adl.effective_leverage, rules.water_fill, adl.equity),
            {"one": 4.6667, "two": 3.3333},
            {"one": 4.6667, "two": 3.3333},
        ),
    ],
)
def test_a_queue_that_is_ranked_again_between_two_steps_takes_from_others(policy, at_once, in_two_steps):
    """Counterexample 2: closing at the mark keeps equity, so the first four contracts change the order."""
    sizes, owned = {"one": 10.0, "two": 10.0}, {"one": 20.0, "two": 25.0}
    assert taken_from(shorts(**{name: (sizes[name], owned[name]) for name in sizes}), 8.0, policy=policy) == at_once
    total = dict.fromkeys(sizes, 0.0)
    for _ in range(2):
        panel = shorts(**{name: (sizes[name] - total[name], owned[name]) for name in sizes})
        for name, contracts in taken_from(panel, 4.0, policy=policy).items():
            total[name] = round(total[name] + contracts, 4)
    assert total == in_two_steps


# Catalogue and errors


MAKERS = {"in_lots", "incentive_descent"}
"""Functions that make a rule."""


def test_the_catalogue_lists_every_rule_with_its_weight():
    defined = {
        name
        for name, thing in inspect.getmembers(rules, inspect.isfunction)
        if list(inspect.signature(thing).parameters) == ["target", "capacity", "weight", "group"]
    }
    catalogue = rules.catalogue()
    assert set(catalogue.index) == defined | MAKERS
    assert catalogue["what"].str.endswith(".").all()
    assert catalogue["weight"].str.len().gt(0).all()


@pytest.mark.parametrize("qty", [5819110.1, 0.3, 1234567.8])
def test_whole_lots_are_not_lost_to_the_last_digit_of_a_division(qty):
    assert rules.in_lots(rules.pro_rata, lot=0.1)(qty, [qty]).tolist() == pytest.approx([qty], rel=1e-12)
    one = pd.Series([qty])
    assert adl.to_lots(one, lot=0.1, target=qty, capacity=one).tolist() == pytest.approx([qty], rel=1e-12)


def test_equal_remainders_go_to_the_earlier_whatever_their_last_digits():
    """4 of 12 contracts: 4/3, 7/3 and 1/3, remainders one third each."""
    assert rules.in_lots(rules.pro_rata, lot=1.0)(4, [4, 7, 1]).tolist() == [2, 2, 0]


def test_money_has_no_lots_and_capacities_end():
    with pytest.raises(AllocationError, match="incentive_descent shares money"):
        rules.in_lots(rules.incentive_descent(utility=1, curvature=1), lot=1.0)
    with pytest.raises(AllocationError, match="squared shares money"):
        rules.in_lots(rules.squared, lot=1.0)
    with pytest.raises(AllocationError, match="capacities finite"):
        rules.pro_rata(1.0, [np.inf, 1.0])


def test_water_filling_without_a_weight_is_refused():
    with pytest.raises(AllocationError, match=r"levels by a weight, e\.g\. equity"):
        rules.water_fill(1.0, [1.0, 2.0], None)
