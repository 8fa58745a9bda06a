"""Venue rules: the facts that venues state, price rules by hand, and which rules are refused."""

from __future__ import annotations

import re
from dataclasses import replace

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from hypothesis import given

import adlkit as adl
from adlkit.errors import VenueError
from adlkit.fill_prices import TradePrices
from adlkit.venues import PartialLiquidation, VenueRules

NAMES = [
    *("aster", "binance", "bitget", "bitmex", "bybit", "dydx_v4", "ethereal", "extended", "gate", "htx"),
    *("hyperliquid", "kucoin", "mexc", "okx"),
]
PLAIN = VenueRules(name="plain", valid_from="", source="test", policy=adl.Policy(adl.scores.bitmex))
FUND, VAULT = "insurance fund", "backstop vault"

values = st.floats(-1e6, 1e6)


def buffer_facts(venue: VenueRules) -> list[tuple[str, str]]:
    return [(type(buffer).__name__, buffer.name) for buffer in venue.buffers]


# named venues ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_a_named_venue_says_where_its_rules_stand_and_what_was_assumed(name):
    venue = adl.venues.by_name(name)
    assert venue is getattr(adl.venues, name)
    assert venue.name
    assert re.search(r"https://|/protocol/|protocol/x/clob", venue.source)
    assert venue.assumptions
    assert all(len(text) > 20 for text in venue.assumptions)
    assert re.fullmatch(r"(20\d\d(-\d\d)?)?", venue.valid_from)


@pytest.mark.parametrize("name", NAMES)
def test_a_named_venue_has_no_money_of_its_own(name):
    """Balances are those of the case; they are not part of a venue's rules."""
    venue = adl.venues.by_name(name)
    assert [getattr(buffer, "balance", getattr(buffer, "equity", None)) for buffer in venue.buffers] == [0.0]


@pytest.mark.parametrize("name", NAMES)
def test_a_named_venue_runs_an_event(name):
    panel = adl.load_dataset("four_accounts")
    other = {"previous_marks": {"BTC": 71.0}, "oracles": {"BTC": 72.0}}
    event = adl.run_event(panel, {"BTC": 70.0}, venue=adl.venues.by_name(name), **other)
    assert event.fills["qty"].sum() == 2.0, "ann is long 2, bankrupt at 80, and no buffer has money"
    price = {"hyperliquid": 71.0, "okx": 70.0, "ethereal": 72.0}.get(name, 80.0)
    assert event.fills["price"].tolist() == pytest.approx([price] * len(event.fills))


@pytest.mark.parametrize("name", NAMES)
def test_a_named_venue_scores_every_position_of_a_panel_of_winners_and_losers(name):
    panel = adl.load_dataset("four_accounts")
    score = adl.venues.by_name(name).policy.score(panel)
    assert score.index.equals(panel.index)
    assert score.drop("ann").notna().all()


@pytest.mark.parametrize(
    ("name", "score"),
    [
        ("bitmex", adl.scores.bitmex),
        ("binance", adl.scores.binance),
        ("bybit", adl.scores.bitmex),
        ("hyperliquid", adl.scores.hyperliquid_documented),
        ("gate", adl.scores.bitget),
        *((name, getattr(adl.scores, name)) for name in ("okx", "htx", "bitget", "kucoin", "mexc")),
        *((name, getattr(adl.scores, name)) for name in ("aster", "extended", "ethereal")),
    ],
)
def test_a_named_venue_ranks_by_the_score_it_documents(name, score):
    assert adl.venues.by_name(name).policy.score is score


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("bybit", "publishes no formula"),
        ("gate", "publishes no formula: scores.bitget stands in"),
        ("okx", "secondary source"),
        ("htx", "the fill price is not known"),
        ("aster", "the fill price is not stated"),
        ("bitget", "isolated margin is not published"),
        ("ethereal", "newest account"),
        ("bybit", "direction of adlRankIndicator is not stated"),
        ("htx", "direction of adl_risk_percent is not stated"),
        ("kucoin", "direction of delevPercentage is not stated"),
    ],
)
def test_a_venue_says_what_stands_in_for_what_is_not_published(name, words):
    assert any(words in text for text in adl.venues.by_name(name).assumptions)


def test_dydx_walks_from_a_random_start_and_not_by_profit():
    panel = adl.load_dataset("four_accounts")
    start = adl.venues.dydx_v4.policy.score
    pd.testing.assert_series_equal(start(panel), adl.scores.random_start(seed=0)(panel))
    richer = panel.assign(collateral=panel["collateral"] * 10)
    pd.testing.assert_series_equal(start(richer), start(panel))


@pytest.mark.parametrize("name", NAMES)
def test_every_named_venue_closes_its_queue_from_the_front(name):
    policy = adl.venues.by_name(name).policy
    assert policy.rule is adl.rules.queue
    assert policy.weight is None


@pytest.mark.parametrize(
    ("name", "fill_price"),
    [
        ("bitmex", adl.venues.at_close_out),
        ("binance", adl.venues.at_close_out),
        ("bybit", adl.venues.at_close_out),
        ("dydx_v4", adl.venues.at_close_out),
        ("hyperliquid", adl.venues.at_previous_mark),
        ("okx", adl.venues.at_mark),
        ("ethereal", adl.venues.at_capped_oracle),
        *((name, adl.venues.at_close_out) for name in ("bitget", "extended", "gate", "kucoin", "mexc")),
    ],
)
def test_a_named_venue_fills_at_the_price_it_documents(name, fill_price):
    assert adl.venues.by_name(name).fill_price is fill_price


def test_hyperliquid_needs_the_marks_before_the_event():
    panel = adl.load_dataset("four_accounts")
    with pytest.raises(VenueError, match="fills at previous marks: pass previous_marks"):
        adl.run_event(panel, {"BTC": 70.0}, venue=adl.venues.hyperliquid)


def test_hyperliquid_sends_a_fifth_of_large_positions_first():
    assert adl.venues.hyperliquid.partial == PartialLiquidation(above=100_000.0, fraction=0.2)


def test_hyperliquid_hands_whole_accounts_below_two_thirds_of_their_margin_to_its_vault():
    venue = adl.venues.hyperliquid
    assert buffer_facts(venue) == [("BackstopVault", VAULT)]
    assert venue.buffers[0].threshold == 2 / 3
    assert venue.buffers[0].takes_accounts
    assert not venue.buffers[0].is_netting


def test_binance_takes_positions_over_up_to_a_net_notional_of_all_its_fund():
    venue = adl.venues.binance
    assert buffer_facts(venue) == [("BackstopVault", FUND)]
    assert venue.buffers[0].is_netting
    assert venue.buffers[0].max_leverage == 1.0
    assert not venue.buffers[0].takes_accounts


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"binance", "hyperliquid"}))
def test_an_insurance_fund_stands_between_the_book_and_deleveraging(name):
    assert buffer_facts(adl.venues.by_name(name)) == [("InsuranceFund", FUND)]


@pytest.mark.parametrize(
    ("name", "surplus_to", "fee_rate", "fee_to"),
    [
        ("bitmex", FUND, 0.0, ""),
        ("bybit", FUND, 0.0, ""),
        ("binance", "account", 0.005, FUND),
        ("dydx_v4", "account", 0.015, FUND),
        ("hyperliquid", "account", 0.0, ""),
        *((name, FUND, 0.0, "") for name in ("okx", "bitget")),
        *((name, "account", 0.0, "") for name in ("htx", "gate", "kucoin", "mexc", "aster", "extended", "ethereal")),
    ],
)
def test_surplus_and_fees_go_where_the_venue_says(name, surplus_to, fee_rate, fee_to):
    venue = adl.venues.by_name(name)
    assert (venue.surplus_to, venue.fee_rate, venue.fee_to) == (surplus_to, fee_rate, fee_to)


@pytest.mark.parametrize(
    ("name", "solvent"),
    [
        *(
            (name, True)
            for name in ("bitmex", "binance", "bybit", "okx", "htx", "bitget", "gate", "kucoin", "extended")
        ),
        *((name, False) for name in ("dydx_v4", "hyperliquid", "mexc", "aster", "ethereal")),
    ],
)
def test_venues_with_a_negative_equity_trigger_do_not_deleverage_solvent_accounts(name, solvent):
    assert adl.venues.by_name(name).deleverages_solvent is solvent


@pytest.mark.parametrize("name", NAMES)
def test_only_hyperliquid_liquidates_in_parts_and_only_bitmex_weighs_its_lights(name):
    venue = adl.venues.by_name(name)
    assert (venue.partial is not None) == (name == "hyperliquid")
    assert venue.is_contract_weighted == (name == "bitmex")
    assert venue.n_lights == 5
    assert venue.limit is adl.venues.at_close_out


@pytest.mark.parametrize("name", ["is_contract_weighted", "n_lights"])
def test_what_follows_from_the_indicator_is_not_set_beside_it(name):
    with pytest.raises(AttributeError):
        setattr(PLAIN, name, 3)
    with pytest.raises(TypeError, match=name):
        replace(PLAIN, **{name: 3})


def test_lights_follow_from_the_indicator():
    venue = replace(PLAIN, indicator=adl.Indicator(front=4.0, n_lights=4, counts="contracts"))
    assert (venue.n_lights, venue.is_contract_weighted) == (4, True)
    assert (PLAIN.n_lights, PLAIN.is_contract_weighted) == (5, False)


def test_an_unknown_venue_is_refused_with_a_list_of_the_known_ones():
    with pytest.raises(VenueError, match=re.escape(f"unknown venue 'ftx'; known: {NAMES}")):
        adl.venues.by_name("ftx")


@pytest.mark.parametrize("name", ["BitMEX", "", "VenueRules", "at_mark"])
def test_only_venues_have_a_name_and_it_is_spelled_as_in_the_module(name):
    with pytest.raises(VenueError, match="unknown venue"):
        adl.venues.by_name(name)


# rules as values -------------------------------------------------------------------------------------------------


def test_other_buffers_make_another_venue_and_leave_the_rest_as_it_was():
    fund, vault = adl.InsuranceFund(5.0), adl.BackstopVault(7.0)
    venue = adl.venues.bitmex.with_buffers(vault, fund)
    assert venue.buffers == (vault, fund)
    assert replace(venue, buffers=adl.venues.bitmex.buffers) == adl.venues.bitmex
    assert adl.venues.bitmex.buffers[0].balance == 0.0


def test_a_venue_may_have_no_buffers_and_margin_tiers():
    tiers = pd.DataFrame({"symbol": ["BTC"], "floor": [0.0], "rate": [0.01], "deduction": [0.0]})
    venue = adl.venues.hyperliquid.with_buffers().with_tiers(tiers)
    assert venue.buffers == ()
    assert venue.tiers is tiers
    assert adl.venues.hyperliquid.tiers is None


def test_plain_rules_keep_surplus_with_the_account_and_protect_winners():
    assert PLAIN.surplus_to == "account"
    assert PLAIN.protects_winners
    assert not PLAIN.deleverages_solvent
    assert PLAIN.fill_price is PLAIN.limit is adl.venues.at_close_out
    assert (PLAIN.buffers, PLAIN.partial, PLAIN.tiers, PLAIN.fee_rate) == ((), None, None, 0.0)


@pytest.mark.parametrize("receiver", [adl.InsuranceFund(0.0, name="pot"), adl.BackstopVault(0.0, name="pot")])
def test_funds_and_vaults_may_receive_surplus_and_fees(receiver):
    venue = replace(PLAIN, buffers=(receiver,), surplus_to="pot")
    assert replace(venue, surplus_to="account", fee_rate=0.01, fee_to="pot").fee_to == "pot"


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"buffers": (adl.InsuranceFund(1.0), adl.InsuranceFund(2.0))}, "plain: buffers need names of their own"),
        ({"buffers": (adl.InsuranceFund(1.0, name="x"), adl.BackstopVault(2.0, name="x"))}, r"got \['x', 'x'\]"),
        *(
            ({"buffers": (adl.InsuranceFund(1.0, name=name),)}, f"names of their own, apart from .*; got .'{name}'")
            for name in ("account", "book", "adl", "open", "residual", "settlement", "winners", "liquidated accounts")
        ),
        ({"surplus_to": FUND}, r"plain pays surplus or fees to \['insurance fund'\], none of its buffers \[\]; add it"),
        ({"surplus_to": "pot", "buffers": (adl.InsuranceFund(1.0),)}, r"to \['pot'\], none of its buffers \['insur"),
        ({"fee_rate": 0.01}, r"pays surplus or fees to \[''\]"),
        ({"fee_rate": 0.01, "fee_to": FUND}, r"pays surplus or fees to \['insurance fund'\]"),
        ({"policy": adl.scores.bitmex}, "policy must be a Policy"),
        ({"indicator": "lights"}, "indicator must be an adl.Indicator"),
        ({"fill_price": "mark"}, "fill_price must be a price rule"),
        ({"limit": None}, "limit must be a price rule"),
        ({"buffers": ("fund",)}, r"\['fund'\] are no buffers"),
        (
            {"fee_rate": -0.01, "fee_to": FUND, "buffers": (adl.InsuranceFund(1.0),)},
            r"fee_rate must be within \[0, 1\)",
        ),
        ({"fee_rate": 1.0, "fee_to": FUND, "buffers": (adl.InsuranceFund(1.0),)}, r"within \[0, 1\), got 1.0"),
        ({"fee_rate": np.nan, "fee_to": FUND, "buffers": (adl.InsuranceFund(1.0),)}, r"within \[0, 1\), got nan"),
    ],
)
def test_rules_without_sense_are_refused(facts, message):
    with pytest.raises(VenueError, match=message):
        replace(PLAIN, **facts)


def test_a_venue_that_pays_its_fund_cannot_lose_it():
    with pytest.raises(VenueError, match=r"BitMEX pays surplus or fees to \['insurance fund'\]"):
        adl.venues.bitmex.with_buffers()


@pytest.mark.parametrize(
    ("above", "fraction"), [(-1.0, 0.2), (np.nan, 0.2), (0.0, 0.0), (0.0, 1.1), (0.0, -0.2), (0.0, np.nan)]
)
def test_a_partial_liquidation_without_sense_is_refused(above, fraction):
    with pytest.raises(VenueError, match="partial liquidation needs above >= 0 and 0 < fraction <= 1, got"):
        PartialLiquidation(above=above, fraction=fraction)


@pytest.mark.parametrize("fraction", [1e-9, 1.0])
def test_a_partial_liquidation_sends_something_and_at_most_all(fraction):
    assert PartialLiquidation(above=0.0, fraction=fraction).fraction == fraction


# price rules -----------------------------------------------------------------------------------------------------

# Two longs and two shorts, bankrupt and not: close-out 110 / 90 of a long, 90 / 110 of a short, mark 100.
PRICES = TradePrices(
    side=np.array([1.0, 1.0, -1.0, -1.0]),
    close_out=np.array([110.0, 90.0, 90.0, 110.0]),
    mark=np.full(4, 100.0),
    previous_mark=np.full(4, 105.0),
    oracle=np.array([102.0, 102.0, 102.0, 102.0]),
)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (adl.venues.at_close_out, [110.0, 90.0, 90.0, 110.0]),
        (adl.venues.at_mark, [100.0] * 4),
        (adl.venues.at_previous_mark, [105.0] * 4),
        (adl.venues.at_oracle, [102.0] * 4),
        (adl.venues.at_capped_oracle, [102.0, 90.0, 102.0, 110.0]),  # a long sells at 90 at most, a short buys from 110
        (adl.venues.without_limit, [-np.inf, -np.inf, np.inf, np.inf]),
    ],
)
def test_a_price_rule_gives_one_value_per_position(rule, expected):
    assert rule(PRICES).tolist() == expected


def test_a_capped_oracle_is_the_documented_mark_capped_at_the_bankruptcy_price():
    """Ethereal: long 10 from 4000 with 2000 of collateral, bankrupt at 3800; oracle 3600 is used, 3900 is capped."""
    long = replace(PRICES, side=np.ones(1), close_out=np.array([3800.0]))
    assert adl.venues.at_capped_oracle(replace(long, oracle=np.array([3600.0]))).tolist() == [3600.0]
    assert adl.venues.at_capped_oracle(replace(long, oracle=np.array([3900.0]))).tolist() == [3800.0]


@given(side=st.sampled_from([-1.0, 1.0]), close_out=values, oracle=values)
def test_a_capped_oracle_is_never_better_for_the_liquidated_than_close_out_or_oracle(side, close_out, oracle):
    prices = replace(PRICES, side=np.array([side]), close_out=np.array([close_out]), oracle=np.array([oracle]))
    fill = adl.venues.at_capped_oracle(prices).item()
    assert fill == (min(close_out, oracle) if side > 0 else max(close_out, oracle))


@pytest.mark.parametrize(
    ("rule", "missing", "message"),
    [
        (adl.venues.at_previous_mark, "previous_mark", "fills at previous marks: pass previous_marks"),
        (adl.venues.at_oracle, "oracle", "fills at oracle prices: pass oracles"),
        (adl.venues.at_capped_oracle, "oracle", "fills at oracle prices: pass oracles"),
    ],
)
def test_a_price_that_was_not_given_is_named(rule, missing, message):
    with pytest.raises(VenueError, match=message):
        rule(replace(PRICES, **{missing: None}))
    panel = adl.load_dataset("four_accounts")
    with pytest.raises(VenueError, match=message):
        adl.run_event(panel, {"BTC": 70.0}, venue=replace(PLAIN, fill_price=rule))


def test_a_market_order_trades_at_any_price_and_the_account_owes_the_difference():
    """ann, long 2 and bankrupt at 80, sells at 75 and 60: 5 and 20 are owed, and no fund pays them."""
    panel = adl.load_dataset("four_accounts")
    bids = pd.DataFrame({"price": [75.0, 60.0], "qty": [1.0, 1.0]})
    books = {"BTC": adl.OrderBook(bids, pd.DataFrame({"price": [80.0], "qty": [1.0]}))}
    stop, market = (
        adl.run_event(panel, {"BTC": 70.0}, venue=replace(PLAIN, limit=limit), books=books)
        for limit in (adl.venues.at_close_out, adl.venues.without_limit)
    )
    assert stop.positions["book"].sum() == 0.0
    assert market.positions.loc[("ann", "BTC"), "book"] == 2.0
    assert market.ledger["residual"].sum() == pytest.approx(-(5.0 + 20.0))
    assert adl.equity(market.panel)["ann"].item() == pytest.approx(0.0)


def test_a_policy_that_takes_money_is_no_policy_of_a_venue():
    with pytest.raises(VenueError, match="this policy takes money"):
        replace(PLAIN, policy=adl.policies.profit_pro_rata)
