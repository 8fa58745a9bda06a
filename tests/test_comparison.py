"""Scores side by side, policies side by side: who pays, which hedges break, what risk remains."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from strategies import few, panels

import adlkit as adl
from adlkit import policies
from adlkit.comparison.allocations import settled
from adlkit.comparison.payers import weighted_median
from adlkit.errors import AllocationError, MetricError, ScoreError

SCORES = {"BitMEX": adl.scores.bitmex, "return": adl.scores.return_only, "leverage": adl.effective_leverage}


def shorts(**accounts: tuple[float, float, float]) -> pd.DataFrame:
    """Shorts of BTC at 10 from account = (contracts, entry, cash)."""
    facts = [(name, -size, entry, cash) for name, (size, entry, cash) in accounts.items()]
    frame = pd.DataFrame(facts, columns=["account", "qty", "entry_price", "collateral"])
    return adl.build_panel(frame.assign(symbol="BTC", mark_price=10.0))


FOUR = shorts(a=(4, 20, 0), b=(3, 15, 45), c=(2, 11, 3), d=(1, 12, 8))
"""Returns 1/2, 1/3, 1/11, 1/6; equities 40, 60, 5, 10; leverages 1, 1/2, 4, 1; profits 40, 15, 2, 2."""


# Scores


def test_ranks_are_those_of_each_score():
    """Return x leverage: 0.5, 0.167, 0.364, 0.167, the tie to the larger notional; leverage ties a before d."""
    compared = adl.compare_scores(FOUR, SCORES)
    assert compared.ranks["BitMEX"].tolist() == [1, 3, 2, 4]
    assert compared.ranks["return"].tolist() == [1, 2, 4, 3]
    assert compared.ranks["leverage"].tolist() == [2, 4, 1, 3]


def test_agreement_is_kendalls_tau_of_each_pair():
    """BitMEX a c b d, return a b d c: pairs c-b and c-d stand the other way round, so tau = (4 - 2) / 6."""
    table = adl.compare_scores(FOUR, SCORES).agreement()
    assert table.loc["BitMEX", "return"] == pytest.approx(1 / 3)
    assert np.diag(table).tolist() == [1.0, 1.0, 1.0]
    assert table.equals(table.T)


def test_agreement_is_averaged_over_queues_by_their_positions():
    """Four shorts with tau 1/3 and two longs with tau -1: (4 x 1/3 - 2) / 6."""
    longs = FOUR.iloc[:2].assign(qty=[1.0, 1.0], entry_price=[8.0, 9.0], collateral=[50.0, 1.0])
    longs.index = pd.MultiIndex.from_tuples([("x", "BTC"), ("y", "BTC")], names=FOUR.index.names)
    both = pd.concat([FOUR, longs])
    ranks = adl.compare_scores(both, SCORES).ranks.loc[["x", "y"]]
    assert (ranks["BitMEX"].tolist(), ranks["return"].tolist()) == ([2, 1], [1, 2])
    table = adl.compare_scores(both, SCORES).agreement()
    assert table.loc["BitMEX", "return"] == pytest.approx((4 / 3 - 2) / 6)


def test_the_first_share_of_contracts_is_closed_in_queue_order():
    """Half of ten contracts: BitMEX a and one of c; return a and one of b; leverage c and three of a."""
    closed = adl.compare_scores(FOUR, SCORES).closed(share=0.5)
    assert closed["BitMEX"].tolist() == [4, 0, 1, 0]
    assert closed["return"].tolist() == [4, 1, 0, 0]
    assert closed["leverage"].tolist() == [3, 0, 2, 0]


def test_fronts_overlap_by_the_contracts_that_both_close():
    """Of five contracts BitMEX and return share the four of a; BitMEX and leverage three of a and one of c."""
    table = adl.compare_scores(FOUR, SCORES).front_overlap(share=0.5)
    assert table.loc["BitMEX", "return"] == pytest.approx(4 / 5)
    assert table.loc["BitMEX", "leverage"] == pytest.approx(4 / 5)
    assert table.loc["return", "leverage"] == pytest.approx(3 / 5)


def test_payers_of_a_front():
    """BitMEX closes 40 of a and 10 of c: shares 0, 0, 1/5, 4/5 have a Gini of 0.65; a's leverage 1, return 1/2."""
    row = adl.compare_scores(FOUR, SCORES).payers(share=0.5).loc["BitMEX"]
    assert row.to_dict() == pytest.approx(
        {
            "accounts": 2,
            "gini": 0.65,
            "top_1_percent": 0.8,
            "median_leverage": 1.0,
            "median_return": 0.5,
            "losers": 0.0,
        }
    )


def test_deciles_of_a_front():
    table = adl.compare_scores(FOUR, SCORES).by_decile("leverage", share=0.5)
    assert table["leverage"].sum() == pytest.approx(1.0)
    assert table.loc[10, "leverage"] == 0.0
    assert table.loc[9, "leverage"] == pytest.approx(2 / 5)  # c, the last of four: middle of the top quarter


def test_one_side_alone_leaves_the_other_out():
    panel = adl.load_dataset("four_accounts")
    compared = adl.compare_scores(panel, SCORES).on("short")
    assert compared.ranks["BitMEX"].isna().tolist() == [True, False, False, True]
    assert (compared.closed(share=1.0)["BitMEX"] > 0).tolist() == [False, True, True, False]
    with pytest.raises(ScoreError, match="side must be 'long' or 'short'"):
        compared.on("down")


def test_the_front_of_a_market_holds_whoever_is_first_under_any_score():
    table = adl.compare_scores(FOUR, SCORES).front(("BTC", "short"), n=1)
    assert table.index.get_level_values("account").tolist() == ["a", "c"]
    with pytest.raises(ScoreError, match="nobody is 'long' in 'BTC'"):
        adl.compare_scores(FOUR, SCORES).front(("BTC", "long"))


def test_hedges_that_a_front_breaks():
    """ann holds 100 of BTC long and 100 of ETH short: closing the ETH shorts leaves her with one leg."""
    frame = pd.DataFrame(
        {"account": ["ann", "ann"], "symbol": ["BTC", "ETH"], "qty": [10.0, -20.0], "entry_price": [9.0, 6.0]}
    ).assign(mark_price=[10.0, 5.0], collateral=[50.0, 0.0])
    compared = adl.compare_scores(adl.build_panel(frame), {"BitMEX": adl.scores.bitmex}).on("short")
    assert compared.hedges(share=0.5).loc["BitMEX"].to_dict() == {
        "hedged": 1,
        "broken": 1,
        "broken_money": 50.0,
        "net_change": 50.0,
    }


@few
@given(panel=panels(kind="linear"))
def test_each_share_closed_is_that_share_of_every_queue(panel):
    compared = adl.compare_scores(panel, {"BitMEX": adl.scores.bitmex})
    closed = compared.closed(share=0.3)["BitMEX"]
    keys = [panel.index.get_level_values(name) for name in panel.index.names if name != "account"]
    ranked = panel["qty"].abs().where(compared.ranks["BitMEX"].notna(), 0.0)
    queue = [*keys, panel["qty"] > 0]
    expected = 0.3 * ranked.groupby(queue).sum()
    assert closed.groupby(queue).sum().to_numpy() == pytest.approx(expected.to_numpy(), abs=1e-9)
    assert (closed <= panel["qty"].abs()).all()


def test_scores_that_are_none_are_refused():
    with pytest.raises(ScoreError, match="no scores to compare"):
        adl.compare_scores(FOUR, {})
    with pytest.raises(ScoreError, match=r"share must be within \[0, 1\]"):
        adl.compare_scores(FOUR, SCORES).closed(share=1.5)


def test_money_of_two_currencies_is_not_added():
    panel = FOUR.assign(settlement=["USD", "USD", "EUR", "EUR"], contract="linear")
    panel.index = panel.index.set_levels(["BTC", "ETH"], level="symbol", verify_integrity=False).set_codes(
        [0, 0, 1, 1], level="symbol"
    )
    with pytest.raises(MetricError, match="settles in"):
        adl.compare_scores(panel, SCORES).payers()


# Policies

QUEUES = {"profit": policies.profit_queue, "leverage": policies.leverage_queue, "water": policies.water_filling}


def test_each_policy_takes_what_it_takes_alone():
    compared = adl.compare_rules(FOUR, 5.0, QUEUES)
    assert compared.taken["profit"].tolist() == [4, 0, 1, 0]
    assert compared.taken["leverage"].tolist() == [3, 0, 2, 0]
    # leverages 1, 1/2, 4, 1 fall to l: 10 - 5 = 5 contracts left on equities 115 at l = 50 / 115
    left = 50.0 / 115.0
    assert compared.taken["water"].tolist() == pytest.approx([4 - 4 * left, 3 - 6 * left, 2 - left / 2, 1 - left])
    assert compared.residual.iloc[0].tolist() == [0.0, 0.0, 0.0]


def test_the_largest_part_of_equity_is_notional_closed_over_equity():
    """Profit: 10 of c on 5; leverage: 20 of c on 5."""
    table = adl.compare_rules(FOUR, 5.0, QUEUES).payers()
    assert table["largest_part_of_equity"].round(4).tolist() == [2.0, 4.0, 3.5652]


def test_what_cannot_be_taken_is_left_over():
    compared = adl.compare_rules(FOUR, 12.0, QUEUES)
    assert compared.residual.iloc[0].tolist() == pytest.approx([2.0, 2.0, 2.0])
    assert compared.payers()["least_met"].tolist() == pytest.approx([10 / 12] * 3)
    assert compared.taken.sum().tolist() == pytest.approx([10.0, 10.0, 10.0])


def test_money_of_pro_rata_follows_profits():
    """Profits 40, 15, 2 and 2: 5.9 is a tenth of them."""
    compared = adl.compare_rules(FOUR, 5.9, {"profit": policies.profit_pro_rata})
    assert compared.money["profit"].tolist() == pytest.approx([4.0, 1.5, 0.2, 0.2])
    with pytest.raises(AllocationError, match="break no hedges"):
        compared.hedges()


def test_risk_after_closing_is_the_shortfall_of_what_is_left():
    """At 20 each short loses 10 a contract: a, c and d are short of 0, 15 and 0 before; closing c and 3 of a: 0."""
    moves = pd.DataFrame({"BTC": [0.0, 1.0]})
    risk = adl.compare_rules(FOUR, 5.0, QUEUES).risk(moves, level=0.5)
    assert risk.loc["profit", "worst_shortfall"] == pytest.approx(5.0)  # c keeps one: 10 - 5
    assert risk.loc["leverage", "worst_shortfall"] == 0.0
    assert risk.loc["profit", "mean_shortfall"] == pytest.approx(2.5)


@few
@given(panel=panels(has_time=False))
def test_closing_at_the_mark_leaves_every_equity_as_it_was(panel):
    before = adl.equity(panel)
    after = adl.equity(settled(panel, 0.4 * panel["qty"].abs(), "contracts"))
    scale = panel["collateral"].abs().sum() + adl.notional(panel).sum() + adl.unrealized_pnl(panel).abs().sum()
    assert after.to_numpy() == pytest.approx(before.to_numpy(), abs=1e-12 * scale)


def test_money_taken_lowers_equity_by_as_much():
    after = settled(FOUR, pd.Series([1.0, 0.0, 2.0, 0.0], index=FOUR.index), "pnl")
    assert (adl.equity(FOUR) - adl.equity(after)).tolist() == [1.0, 0.0, 2.0, 0.0]


def test_an_allocation_worked_out_elsewhere_joins_the_comparison():
    extra = pd.Series([2.0, 2.0], index=FOUR.index[[1, 2]])
    compared = adl.compare_rules(FOUR, 5.0, QUEUES).with_allocation("mine", extra)
    assert compared.taken["mine"].tolist() == [0, 2, 2, 0]
    assert compared.residual["mine"].tolist() == [1.0]
    assert compared.payers().loc["mine", "accounts"] == 2


@pytest.mark.parametrize(
    ("name", "amounts", "message"),
    [
        ("profit", [1.0], "in the comparison already"),
        ("mine", [np.nan], "NaN, infinite or below zero"),
        ("mine", [-1.0], "NaN, infinite or below zero"),
        ("mine", [9.0], "more contracts are closed than are open"),
    ],
)
def test_an_allocation_that_does_not_fit_is_refused(name, amounts, message):
    extra = pd.Series(amounts, index=FOUR.index[:1])
    with pytest.raises(AllocationError, match=message):
        adl.compare_rules(FOUR, 5.0, QUEUES).with_allocation(name, extra)


def test_an_allocation_of_strangers_is_refused():
    extra = pd.Series([1.0], index=pd.MultiIndex.from_tuples([("zoe", "BTC")], names=FOUR.index.names))
    with pytest.raises(AllocationError, match="not in the panel"):
        adl.compare_rules(FOUR, 5.0, QUEUES).with_allocation("mine", extra)


def test_residuals_are_told_by_market():
    """Two shorts of BTC and nobody short of ETH: the need there is not met at all."""
    need = pd.Series({("BTC", "short"): 5.0, ("ETH", "short"): 1.0}).rename_axis(["symbol", "side"])
    compared = adl.compare_rules(FOUR, need, QUEUES)
    assert compared.residual["profit"].tolist() == [0.0, 1.0]
    assert compared.payers()["least_met"].tolist() == [0.0, 0.0, 0.0]


def test_what_is_no_policy_is_refused():
    with pytest.raises(AllocationError, match=r"\['queue'\] are no policies"):
        adl.compare_rules(FOUR, 5.0, {"queue": adl.rules.queue})
    with pytest.raises(ScoreError, match="give a mapping of names to scores"):
        adl.compare_scores(FOUR, [adl.scores.bitmex])


def test_fronts_of_several_times_are_not_mixed():
    times = [pd.Timestamp("2025-10-10T20:00Z"), pd.Timestamp("2025-10-10T21:00Z")]
    panel = pd.concat(dict.fromkeys(times, FOUR), names=["time"])
    with pytest.raises(ScoreError, match="several times"):
        adl.compare_scores(panel, SCORES).front(("BTC", "short"))


@pytest.mark.parametrize("mixed", [{}, {"queue": policies.profit_queue, "money": policies.profit_pro_rata}])
def test_policies_of_two_units_are_not_compared(mixed):
    with pytest.raises(AllocationError, match="policies of one numeraire"):
        adl.compare_rules(FOUR, 5.0, mixed)


def test_an_unknown_key_of_deciles_is_refused():
    with pytest.raises(MetricError, match=r"unknown key 'age'; known: \['size', 'leverage', 'profit'\]"):
        adl.compare_rules(FOUR, 5.0, QUEUES).by_decile("age")


def test_half_of_the_weight_lies_below_the_weighted_median():
    assert weighted_median(np.array([3.0, 1.0, 2.0]), np.array([1.0, 1.0, 5.0])) == 2.0
    assert np.isnan(weighted_median(np.array([3.0]), np.array([0.0])))


def test_comparisons_introduce_themselves():
    assert "least overlap of the first 5%" in repr(adl.compare_scores(FOUR, SCORES))
    assert "least Gini" in repr(adl.compare_rules(FOUR, 5.0, QUEUES))


def test_positions_that_were_not_asked_cannot_join():
    panel = adl.load_dataset("four_accounts")
    need = pd.Series({("BTC", "short"): 1.0}).rename_axis(["symbol", "side"])
    compared = adl.compare_rules(panel, need, QUEUES)
    with pytest.raises(AllocationError, match="asked for nothing"):
        compared.with_allocation("wrong", pd.Series({("dee", "BTC"): 1.0}))
    with pytest.raises(AllocationError, match="give a mapping of names to policies"):
        adl.compare_rules(panel, need, [policies.profit_queue])


def test_losers_are_counted_by_the_notional_that_is_closed():
    """By leverage, c at a loss goes first and a after it: 20 of 30 closed was at a loss."""
    panel = shorts(a=(4, 20, 0), c=(2, 9, 8))
    row = adl.compare_scores(panel, {"leverage": adl.effective_leverage}).payers(share=0.5).loc["leverage"]
    assert row["losers"] == pytest.approx(2 / 3)


def test_fronts_of_queues_of_different_length_overlap_by_the_longer_one():
    """Bitfinex ranks the two winners, 6 contracts, BitMEX all three, 10: halves are 3 and 5, of them 3 in common."""
    panel = shorts(a=(4, 20, 0), b=(2, 12, 0), c=(4, 9, 30))
    compared = adl.compare_scores(panel, {"BitMEX": adl.scores.bitmex, "Bitfinex": adl.scores.bitfinex})
    assert compared.ranks["Bitfinex"].isna().tolist() == [False, False, True]
    assert compared.front_overlap(share=0.5).loc["BitMEX", "Bitfinex"] == pytest.approx(3 / 5)


def test_an_account_without_equity_is_the_most_levered_and_gives_without_end():
    """a has an equity of -15 and is drained first: its part of its equity is infinite, its leverage too."""
    panel = shorts(a=(10, 8, 5), b=(10, 12, 20))
    row = adl.compare_rules(panel, 10.0, {"water": policies.water_filling}).payers().loc["water"]
    assert row["largest_part_of_equity"] == np.inf
    assert row["median_leverage"] == np.inf
