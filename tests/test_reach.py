"""The price at which the queue reaches a position: by hand, against whole events, and its laws."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from random_events import random_books, random_event

import adlkit as adl
from adlkit.errors import BookError, CurveError, PanelError

MOVES = (0.02, 0.05, 0.1, 0.2, 0.4, 0.8, 2.0)
seeds = st.integers(0, 2**32 - 1)
few = settings(max_examples=8)
fixed = adl.scores.fixed_order(lambda panel: -panel["entry_price"])


def listed(panel: pd.DataFrame) -> pd.Series:
    """The order of `fixed`, by a score that does not say that it is fixed."""
    return -panel["entry_price"]


def venue(*buffers: Any, score: Any = fixed, **rules: Any) -> adl.VenueRules:
    made = {"protects_winners": False, **rules}
    return adl.VenueRules("test", "", "made up", policy=adl.Policy(score), buffers=buffers, **made)


def position(account: str, qty: float, *, broke_at: float, entry: float = 100.0, symbol: str = "BTC") -> dict[str, Any]:
    """A position that is bankrupt at a price, bought or sold at `entry`."""
    return {
        "account": account,
        "symbol": symbol,
        "qty": qty,
        "entry_price": entry,
        "mark_price": 100.0,
        "collateral": qty * (entry - broke_at),
    }


def market(*shorts: float) -> pd.DataFrame:
    """Longs of 1, 2 and 4 contracts, bankrupt at 90, 80 and 70, against shorts far from bankruptcy, in queue order."""
    rows = [position("l1", 1.0, broke_at=90.0), position("l2", 2.0, broke_at=80.0), position("l3", 4.0, broke_at=70.0)]
    rows += [position(f"s{n}", -qty, broke_at=1e4, entry=100.0 + n) for n, qty in enumerate(shorts)]
    return adl.build_panel(pd.DataFrame(rows))


def of_shorts(column: pd.Series) -> list[float]:
    return column[column.index.get_level_values("account").str.startswith("s")].tolist()


# By hand: contracts bankrupt in all are 1 below 90, 3 below 80 and 7 below 70


@pytest.mark.parametrize("score", [fixed, listed])
def test_the_queue_reaches_a_position_where_the_need_exceeds_what_stands_ahead(score):
    reach = adl.adl_reach(market(2.0, 1.0, 3.0, 5.0), venue=venue(score=score))
    assert of_shorts(reach["adl_price"]) == pytest.approx([90.0, 80.0, 70.0, 70.0], rel=2e-6)
    assert of_shorts(reach["closed_price"]) == pytest.approx([80.0, 80.0, 70.0, np.nan], rel=2e-6, nan_ok=True)
    assert not reach["is_released"].any()


@pytest.mark.parametrize("score", [fixed, listed])
def test_a_rise_is_the_mirror_image(score):
    panel = market(2.0, 1.0, 3.0, 5.0)
    mirrored = panel.assign(qty=-panel["qty"], collateral=panel["collateral"])
    reach = adl.adl_reach(mirrored, venue=venue(score=score))
    assert of_shorts(reach["adl_price"]) == pytest.approx([110.0, 120.0, 130.0, 130.0], rel=2e-6)
    assert of_shorts(reach["closed_price"]) == pytest.approx([120.0, 120.0, 130.0, np.nan], rel=2e-6, nan_ok=True)


def test_a_closed_form_is_exact_and_a_search_tells_how_wide_its_answer_is():
    exact, searched = (adl.adl_reach(market(2.0, 1.0), venue=venue(score=score)) for score in (fixed, listed))
    assert of_shorts(exact["adl_price"]) == [90.0, 80.0]
    assert of_shorts(exact["width"]) == [0.0, 0.0]
    assert (np.array(of_shorts(searched["width"])) > 0).all()
    assert (np.array(of_shorts(searched["width"])) <= 1e-6).all()


def test_winners_whose_counterparties_cannot_go_bankrupt_are_never_reached():
    safe = market(2.0).assign(collateral=1e6)
    for score in (fixed, listed):
        assert np.isnan(of_shorts(adl.adl_price(safe, venue=venue(score=score)))).all()


def test_a_position_that_an_event_takes_from_already_is_reached_at_the_present_mark():
    panel = adl.mark_to(market(2.0, 1.0), {"BTC": 85.0})
    reach = adl.adl_reach(panel, venue=venue())
    assert reach.loc[("s0", "BTC"), ["adl_price", "width"]].tolist() == [85.0, 0.0]
    assert reach.at[("s1", "BTC"), "adl_price"] == pytest.approx(80.0, rel=2e-6)


def test_a_vault_keeps_the_queue_away_and_lets_it_go_where_its_room_buys_more():
    """One long of 4, bankrupt at 80; a vault takes 200 of notional: 2.5 contracts at 80, 3 at 66.67, 4 at 50.

    So the need is 1.5 at 80: the first short (1 contract) is closed, the second begins to be; below 66.67, where the
    need is less than 1, the second is left alone, and below 50 everybody.
    """
    rows = [position("l", 4.0, broke_at=80.0)]
    rows += [position(f"s{n}", -1.0, broke_at=1e4, entry=100.0 + n) for n in range(3)]
    vault = adl.BackstopVault(equity=1e4, max_leverage=0.02)
    reach = adl.adl_reach(adl.build_panel(pd.DataFrame(rows)), venue=venue(vault))
    assert of_shorts(reach["adl_price"]) == pytest.approx([80.0, 80.0, np.nan], rel=2e-6, nan_ok=True)
    assert of_shorts(reach["closed_price"]) == pytest.approx([80.0, np.nan, np.nan], rel=2e-6, nan_ok=True)
    assert of_shorts(reach["is_released"]) == [True, True, False]


def test_a_book_keeps_the_queue_away_until_its_depth_is_used_up():
    """Market orders of 1 and 2 contracts meet a depth of 2.5: all of the first, 1.5 of the second; then of 4 more."""
    level = pd.DataFrame({"price": [0.999], "qty": [2.5]})
    book = adl.OrderBook(level, pd.DataFrame({"price": [1.001], "qty": [1.0]}), is_relative=True)
    rules = venue(limit=adl.venues.without_limit)
    reach = adl.adl_reach(market(0.4, 1.0), venue=rules, books={"BTC": book})
    assert of_shorts(reach["adl_price"]) == pytest.approx([80.0, 80.0], rel=2e-6)
    assert of_shorts(reach["closed_price"]) == pytest.approx([80.0, 70.0], rel=2e-6)


def test_a_venue_that_deleverages_solvent_accounts_reaches_the_queue_at_liquidation_prices():
    """Maintenance 10%: a long that is bankrupt at 80 is liquidated where p - 80 = p / 10."""
    panel = market(1.0, 2.0, 5.0).assign(maintenance_rate=0.1)
    for score in (fixed, listed):
        prices = of_shorts(adl.adl_price(panel, venue=venue(score=score, deleverages_solvent=True)))
        assert prices == pytest.approx([100.0, 80.0 / 0.9, 70.0 / 0.9], rel=2e-6)


def test_protected_winners_are_passed_over():
    """The first short is bankrupt at 101: it cannot bear to buy at 110 from the long that is bankrupt there."""
    rows = [position("l", 1.0, broke_at=110.0), position("s0", -1.0, broke_at=101.0)]
    rows += [position("s1", -1.0, broke_at=1e4, entry=101.0)]
    panel = adl.build_panel(pd.DataFrame(rows))
    assert of_shorts(adl.adl_price(panel, venue=venue())) == pytest.approx([100.0, 101.0])  # s0 is gone from 101 on
    assert of_shorts(adl.adl_price(panel, venue=venue(protects_winners=True))) == pytest.approx(
        [np.nan, 100.0], nan_ok=True
    )


def test_only_one_symbol_is_looked_at_if_it_is_named():
    frame = pd.concat([market(2.0, 1.0).reset_index(), market(1.0).reset_index().assign(symbol="ETH")])
    panel = adl.build_panel(frame.assign(account=frame["account"] + "/" + frame["symbol"]))
    both, one = adl.adl_reach(panel, venue=venue()), adl.adl_reach(panel, venue=venue(), symbol="ETH")
    is_eth = panel.index.get_level_values("symbol") == "ETH"
    pd.testing.assert_frame_equal(one[is_eth], both[is_eth])
    assert one.loc[~is_eth, "adl_price"].isna().all()
    assert both.loc[("s0/BTC", "BTC"), "adl_price"] == 90.0


def test_an_inverse_market_is_reached_at_its_bankruptcy_prices():
    """A long of 100 USD at 100 with half a coin is bankrupt where 100 / p = 1.5, at 66.67."""
    rows = [
        {"account": "l", "qty": 100.0, "collateral": 0.5},
        {"account": "s0", "qty": -60.0, "collateral": 10.0},
        {"account": "s1", "qty": -60.0, "collateral": 10.0},
    ]
    frame = pd.DataFrame(rows).assign(symbol="BTC", entry_price=100.0, mark_price=100.0, contract="inverse")
    for score in (fixed, listed):
        reach = adl.adl_reach(adl.build_panel(frame), venue=venue(score=score))
        assert of_shorts(reach["adl_price"]) == pytest.approx([100.0 / 1.5] * 2, rel=2e-6)
        assert of_shorts(reach["closed_price"]) == pytest.approx([100.0 / 1.5, np.nan], rel=2e-6, nan_ok=True)


# Against whole events


def random_case(seed: int) -> tuple[pd.DataFrame, dict[str, Any]]:
    """A panel at its present marks, with rules, buffers and books that go by distance from the mark."""
    panel, inputs = random_event(seed)
    panel = panel.assign(maintenance_deduction=0.0)  # without tiers it would bound the marks
    books = random_books(np.random.default_rng(seed), panel, adl.mark_prices(panel))
    return panel, {"venue": inputs["venue"], "books": {name: book.relative() for name, book in books.items()}}


def taken(panel: pd.DataFrame, case: dict[str, Any], symbol: str, price: float) -> pd.Series:
    """What an event takes from each winner after one symbol has come to `price` in small steps."""
    marks = adl.mark_prices(panel)
    marks[symbol] = price
    return adl.run_event(panel, marks, previous_marks=marks, oracles=marks, **case).positions["deleveraged"]


@few
@given(seed=seeds)
def test_an_event_takes_from_a_position_at_its_adl_price_and_not_at_the_near_end_of_its_width(seed):
    panel, case = random_case(seed)
    reach = adl.adl_reach(panel, moves=MOVES, **case)
    for key, row in reach[reach["adl_price"].notna()].head(12).iterrows():
        mark = panel.at[key, "mark_price"]
        move = row["adl_price"] / mark - 1.0
        assert taken(panel, case, key[1], row["adl_price"])[key] > 0
        if row["width"] > 0:
            nearer = mark * (1.0 + np.sign(move) * (abs(move) - row["width"]))
            assert taken(panel, case, key[1], nearer)[key] == 0


@few
@given(seed=seeds)
def test_no_event_on_the_grid_takes_from_a_position_before_its_adl_price(seed):
    panel, case = random_case(seed)
    reach = adl.adl_reach(panel, moves=MOVES, **case)
    distance = (reach["adl_price"] / panel["mark_price"] - 1.0).abs()
    symbol = panel.index.get_level_values("symbol")
    for name, mark in adl.mark_prices(panel).items():
        for move in (*MOVES, *(-move for move in MOVES if move < 1)):
            hit = (taken(panel, case, name, mark * (1.0 + move)) > 0) & (symbol == name)
            assert (distance[hit] <= abs(move) * (1 + 1e-12)).all()


@few
@given(seed=seeds)
def test_the_closed_form_is_what_a_search_finds(seed):
    panel = random_event(seed)[0]
    panel = panel.assign(maintenance_deduction=0.0)
    solvent = adl.equity(panel) > 1.5 * adl.maintenance_margin(panel).groupby(level="account").transform("sum")
    panel = panel[solvent & (adl.equity(panel) > 0)]
    assume(len(panel) > 4)
    rules = venue(score=adl.scores.fixed_order(lambda rows: pd.Series(order(rows), index=rows.index)))
    hidden = venue(score=lambda rows: pd.Series(order(rows), index=rows.index))
    exact, searched = adl.adl_reach(panel, venue=rules), adl.adl_reach(panel, venue=hidden)
    near = searched["width"].fillna(0.0) <= 1e-6
    near &= exact["adl_price"].between(panel["mark_price"] * 0.06, panel["mark_price"] * 9.9)
    assume(near.any())
    assert searched["adl_price"][near].tolist() == pytest.approx(exact["adl_price"][near].tolist(), rel=5e-6)


def order(rows: pd.DataFrame) -> np.ndarray:
    """A fixed order of accounts that has nothing to do with prices."""
    number = rows.index.get_level_values("account").str[1:].astype(int)
    return np.asarray((number * 7919) % 1009, dtype=float)


@few
@given(seed=seeds)
def test_row_order_is_irrelevant_and_inputs_stay_as_they_are(seed):
    panel, case = random_case(seed)
    before = panel.copy(deep=True)
    one = adl.adl_reach(panel, moves=MOVES, **case)
    pd.testing.assert_frame_equal(panel, before)
    other = adl.adl_reach(panel.sample(frac=1.0, random_state=seed), moves=MOVES, **case).reindex(panel.index)
    assert other["adl_price"].tolist() == pytest.approx(one["adl_price"].tolist(), rel=5e-6, nan_ok=True)


def test_tiers_of_the_venue_hold_at_every_price():
    panel = adl.load_dataset("synthetic_crash").assign(settlement="USD")
    rules = adl.venues.bitmex.with_tiers(adl.load_dataset("synthetic_crash_tiers"))
    doge = panel[panel.index.get_level_values("symbol") == "DOGE"]
    doge = doge[adl.equity(panel).reindex(doge.index) > 0]
    reach = adl.adl_reach(doge, venue=rules, moves=(0.1, 0.3))
    key = reach["adl_price"].idxmin()
    price = float(reach.at[key, "adl_price"])
    event = adl.run_event(doge, {"DOGE": price}, venue=rules)
    assert event.positions.at[key, "deleveraged"] > 0


@pytest.mark.parametrize("score", [fixed, listed])
def test_a_tier_that_is_entered_on_the_way_counts(score):
    """2 long with an equity of 2 p - 120: below 75 the margin is 5% of 2 p, so liquidated at 120 / 1.9, not at 62.5."""
    tiers = pd.DataFrame({"symbol": "BTC", "floor": [0.0, 150.0], "rate": [0.05, 0.1], "deduction": [0.0, 7.5]})
    rows = [position("l", 2.0, broke_at=60.0), position("s0", -1.0, broke_at=1e4)]
    panel = adl.build_panel(pd.DataFrame(rows), tiers=tiers)
    reach = adl.adl_reach(panel, venue=venue(score=score, deleverages_solvent=True, tiers=tiers), moves=(0.2, 0.5))
    assert of_shorts(reach["adl_price"]) == pytest.approx([120.0 / 1.9], rel=2e-6)


def test_without_tiers_a_deduction_bounds_the_moves():
    """A deduction of half the margin: below half of the mark the margin of that long would be negative."""
    panel = market(1.0, 2.0).assign(maintenance_rate=0.01)
    panel.loc[("l3", "BTC"), "maintenance_deduction"] = 0.5 * 4.0
    for score in (fixed, listed):
        with pytest.raises(PanelError, match=r"margins of BTC fall below zero .* pass the tiers"):
            adl.adl_reach(panel, venue=venue(score=score))
        near = adl.adl_reach(panel, venue=venue(score=score), moves=(0.25, 0.5))
        assert of_shorts(near["adl_price"]) == pytest.approx([90.0, 80.0], rel=2e-6)


def test_nothing_is_looked_at_beyond_the_furthest_move():
    for score in (fixed, listed):
        near = adl.adl_reach(market(1.0, 2.0), venue=venue(score=score), moves=(0.15,))
        assert of_shorts(near["adl_price"]) == pytest.approx([90.0, np.nan], rel=2e-6, nan_ok=True)


def test_the_nearest_kinks_are_looked_at_however_small_they_are():
    """One long of 4, bankrupt at 97.9, before forty of 10; the vault takes 390 of notional, all but 0.016 of the 4."""
    rows = [position("l0", 4.0, broke_at=97.9)]
    rows += [position(f"l{n}", 10.0, broke_at=60.0 + n / 100) for n in range(1, 41)]
    rows += [position("s0", -500.0, broke_at=1e4)]
    vault = adl.BackstopVault(equity=390.0, max_leverage=1.0)
    reach = adl.adl_reach(adl.build_panel(pd.DataFrame(rows)), venue=venue(vault, score=listed))
    assert reach.at[("s0", "BTC"), "adl_price"] == pytest.approx(97.9, rel=2e-6)


@pytest.mark.parametrize("rule", [adl.rules.pro_rata, adl.rules.water_fill])
def test_a_rule_that_asks_everybody_reaches_everybody_with_the_first_need(rule):
    panel = market(2.0, 1.0)
    policy = adl.Policy(
        listed, rule, adl.notional if rule is adl.rules.pro_rata else lambda rows: 1.0 + 0.0 * rows["qty"]
    )
    prices = adl.adl_price(panel, venue=replace(venue(), policy=policy))
    assert of_shorts(prices)[0] == pytest.approx(90.0, rel=2e-6)
    if rule is adl.rules.pro_rata:
        assert of_shorts(prices)[1] == pytest.approx(90.0, rel=2e-6)


# Errors


@pytest.mark.parametrize("move", [0.0, -0.1, np.nan, np.inf])
def test_moves_must_be_finite_and_above_zero(move):
    with pytest.raises(CurveError, match="moves must be finite and above zero"):
        adl.adl_price(market(1.0), venue=venue(), moves=[move])


def test_a_panel_of_several_times_is_refused():
    panel = pd.concat({pd.Timestamp("2025-10-10", tz="UTC").as_unit("us"): market(1.0)}, names=["time"])
    with pytest.raises(PanelError, match="one moment"):
        adl.adl_price(panel, venue=venue())


def test_an_unknown_symbol_is_named():
    with pytest.raises(CurveError, match=r"unknown symbol 'ETH'; known: \['BTC'\]"):
        adl.adl_reach(market(1.0), venue=venue(), symbol="ETH")


def test_a_real_book_with_an_empty_side_has_no_centre():
    level = pd.DataFrame({"price": [99.0], "qty": [1.0]})
    book = adl.OrderBook(level, level.iloc[:0])
    with pytest.raises(BookError, match="no centre"):
        adl.adl_price(market(1.0), venue=venue(), books={"BTC": book})
