"""How far a market is from ADL, in money and in contracts, and where one position stands: by hand, laws, errors."""

from __future__ import annotations

from dataclasses import replace

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from random_events import random_books, random_event
from strategies import panels

import adlkit as adl
from adlkit.errors import CurveError, PanelError

few = settings(max_examples=8)
seeds = st.integers(0, 2**32 - 1)
TIMES = pd.to_datetime(["2025-10-10T21:00:00Z", "2025-10-10T21:10:00Z"]).as_unit("us")


@pytest.fixture
def toy() -> pd.DataFrame:
    """Ann, long 2, is bankrupt at 80; bob, short 2, at 130; cat, short 1, at 120; dee, long 1, never."""
    return adl.mark_to(adl.load_dataset("four_accounts"), {"BTC": 100.0})


def snapshots(panel: pd.DataFrame) -> pd.DataFrame:
    marked = {time: adl.mark_to(panel, {"BTC": mark}) for time, mark in zip(TIMES, (100.0, 90.0), strict=True)}
    return pd.concat(marked, names=["time"])


# Money, by hand: the shortfall is 2 (80 - p) below 80, p - 120 above 120, and 2 (p - 130) more above 130


@pytest.mark.parametrize(
    ("buffer", "down", "up"), [(0.0, 80.0, 120.0), (10.0, 75.0, 130.0), (40.0, 60.0, 140.0), (160.0, 0.0, 180.0)]
)
def test_the_distance_in_money_is_where_the_shortfall_exceeds_the_buffer(toy, buffer, down, up):
    table = adl.distance_to_adl(toy, buffer=buffer)
    assert table["price"].to_dict() == pytest.approx({("BTC", "long"): down, ("BTC", "short"): up})
    expected = [np.inf if down == 0 else 100.0 - down, up - 100.0]
    assert table["percent"].tolist() == pytest.approx(expected)
    assert table["sigmas"].isna().all()


def test_a_need_that_exists_already_is_no_distance(toy):
    table = adl.distance_to_adl(adl.mark_to(toy, {"BTC": 70.0}), buffer=19.0, sigma=0.1)
    assert table["percent"].tolist() == [0.0, 0.0]
    assert table["sigmas"].tolist() == [0.0, 0.0]
    assert table["price"].tolist() == [70.0, 70.0]


def test_sigmas_are_log_moves_over_the_deviation(toy):
    table = adl.distance_to_adl(toy, buffer=10.0, sigma=pd.Series({"BTC": 0.05}).rename_axis("symbol"))
    assert table["sigmas"].tolist() == pytest.approx([-np.log(0.75) / 0.05, np.log(1.3) / 0.05])
    assert adl.distance_to_adl(toy, buffer=1e9, sigma=0.05)["sigmas"].tolist()[0] == np.inf


def test_many_snapshots_give_a_distance_at_each_time(toy):
    table = adl.distance_to_adl(snapshots(toy), buffer=10.0)
    assert table.index.names == ["time", "symbol", "side"]
    assert table["percent"].tolist() == pytest.approx([25.0, 30.0, 100 * (1 - 75 / 90), 100 * (130 / 90 - 1)])


def test_a_buffer_may_change_with_time(toy):
    fund = pd.Series([10.0, 0.0], index=pd.Index(TIMES, name="time"))
    prices = adl.distance_to_adl(snapshots(toy), buffer=fund)["price"]
    assert prices.tolist() == pytest.approx([75.0, 130.0, 80.0, 120.0])


@few
@given(panel=panels(kind="linear", has_time=False) | panels(kind="inverse", has_time=False), buffer=st.floats(1.0, 1e4))
def test_within_the_distance_in_money_accounts_owe_at_most_the_buffer_and_beyond_it_more(panel, buffer):
    panel = panel.assign(maintenance_deduction=0.0)
    marks = adl.mark_prices(panel)
    table = adl.distance_to_adl(panel, buffer=buffer)
    for (symbol, side), row in table[np.isfinite(table["percent"]) & (table["percent"] > 0)].iterrows():
        outward = -1.0 if side == "long" else 1.0
        for sign in (-1.0, 1.0):
            moved = marks.where(marks.index != symbol, row["price"] * (1 + 1e-6 * sign * outward))
            owed = adl.shortfall(adl.mark_to(panel, moved)).sum()
            assert sign * (owed - buffer) >= -1e-9 * (buffer + owed)


# Contracts


def test_the_distance_in_contracts_is_where_an_event_deleverages_somebody(toy):
    venue = replace(adl.venues.bitmex, deleverages_solvent=False)
    table = adl.distance_to_adl(toy, venue=venue, sigma=0.1)
    assert table["price"].tolist() == pytest.approx([80.0, 120.0], rel=2e-6)
    assert table["percent"].tolist() == pytest.approx([20.0, 20.0], rel=1e-5)
    assert table["sigmas"].tolist() == pytest.approx([-np.log(0.8) / 0.1, np.log(1.2) / 0.1], rel=1e-5)


def test_a_vault_runs_out_of_notional_long_before_it_runs_out_of_money(toy):
    """A vault of 10,000 at a leverage of 0.01 holds 100 of notional: less than ann's two contracts at 80."""
    vault = adl.BackstopVault(equity=1e4, max_leverage=0.01)
    venue = adl.VenueRules("test", "", "made up", policy=adl.Policy(adl.scores.bitmex), buffers=(vault,))
    assert adl.distance_to_adl(toy, venue=venue)["price"].tolist()[0] == pytest.approx(80.0, rel=2e-6)
    assert adl.distance_to_adl(toy, buffer=1e4)["percent"].tolist()[0] == np.inf


def test_a_market_that_is_never_deleveraged_is_infinitely_far(toy):
    vault = adl.BackstopVault(equity=1e9, max_leverage=10.0)
    venue = adl.VenueRules("test", "", "made up", policy=adl.Policy(adl.scores.bitmex), buffers=(vault,))
    table = adl.distance_to_adl(toy, venue=venue)
    assert table["percent"].tolist() == [np.inf, np.inf]
    assert table["price"].tolist() == [0.0, np.inf]


@few
@given(seed=seeds)
def test_events_deleverage_somebody_at_the_distance_in_contracts_and_nobody_just_before_it(seed):
    panel, inputs = random_event(seed)
    panel = panel.assign(maintenance_deduction=0.0)
    present = adl.mark_prices(panel)
    books = random_books(np.random.default_rng(seed), panel, present)
    case = {"venue": inputs["venue"], "books": {name: book.relative() for name, book in books.items()}}
    table = adl.distance_to_adl(panel, moves=(0.02, 0.1, 0.3, 0.8, 2.0), **case)

    def closes(symbol: str, side: str, price: float) -> bool:
        marks = present.where(present.index != symbol, price)
        event = adl.run_event(panel, marks, previous_marks=marks, oracles=marks, **case)
        return bool(((event.fills["symbol"] == symbol) & (event.fills["side"] == side)).any())

    for (symbol, side), row in table[np.isfinite(table["percent"])].iterrows():
        assert closes(symbol, side, row["price"])
        if row["width"] > 0:
            move = row["price"] / row["mark_price"] - 1.0
            nearer = row["mark_price"] * (1.0 + np.sign(move) * (abs(move) - row["width"]))
            assert not closes(symbol, side, nearer)


def test_the_distance_in_contracts_is_the_nearest_adl_price_and_as_exactly_known(toy):
    venue = replace(adl.venues.bitmex, deleverages_solvent=False)
    table, reach = adl.distance_to_adl(toy, venue=venue), adl.adl_reach(toy, venue=venue)
    keys = [("cat", "BTC"), ("ann", "BTC")]
    assert table["price"].tolist() == [reach["adl_price"][key] for key in keys]
    assert table["width"].tolist() == [reach["width"][key] for key in keys]
    assert adl.distance_to_adl(toy, buffer=10.0)["width"].tolist() == [0.0, 0.0]


# One position


def test_my_position_is_what_the_measures_say(toy):
    venue = replace(adl.venues.bitmex, deleverages_solvent=False)
    mine = adl.my_position(toy, ("cat", "BTC"), venue=venue)
    assert mine.name == "cat BTC"
    assert mine[["qty", "entry_price", "mark_price", "notional"]].tolist() == [-1.0, 100.0, 100.0, 100.0]
    assert mine["liquidation_price"] == adl.liquidation_price(toy)["cat", "BTC"]
    assert mine["bankruptcy_price"] == 120.0
    assert mine[["adl_price", "closed_price", "is_released"]].tolist() == pytest.approx([80.0, 80.0, 0.0], rel=2e-6)
    assert mine[["rank", "lights", "contracts_ahead", "contracts_in_queue"]].tolist() == [2.0, 1.0, 2.0, 3.0]
    assert mine["profit_at_risk"] == pytest.approx(20.0, rel=1e-5)


def test_a_position_that_is_in_no_queue_has_no_place_in_it(toy):
    """At 70 ann is bankrupt; above 100 she has a profit, and from 114.3 on, where cat is liquidated, she is reached."""
    mine = adl.my_position(adl.mark_to(toy, {"BTC": 70.0}), ("ann", "BTC"), venue=adl.venues.bitmex)
    assert mine[["rank", "lights", "contracts_ahead"]].isna().all()
    assert mine["contracts_in_queue"] == 1.0
    assert mine["adl_price"] == pytest.approx(120.0 / 1.05, rel=2e-6)


def test_a_position_that_is_never_reached_has_no_profit_at_risk(toy):
    vault = adl.BackstopVault(equity=1e9, max_leverage=10.0)
    venue = adl.VenueRules("test", "", "made up", policy=adl.Policy(adl.scores.bitmex), buffers=(vault,))
    assert adl.my_position(toy, ("bob", "BTC"), venue=venue)[["adl_price", "profit_at_risk"]].isna().all()


def test_accounts_in_liquidation_stand_in_no_queue():
    """s1 is 3% from bankruptcy at a margin of 5%: nobody stands ahead of s2."""
    row = {"symbol": "BTC", "entry_price": 100.0, "mark_price": 100.0, "maintenance_rate": 0.05}
    rows = [{"account": "l", "qty": 6.0, "collateral": 300.0}, {"account": "s1", "qty": -3.0, "collateral": 9.0}]
    rows += [{"account": "s2", "qty": -3.0, "collateral": 300.0}]
    panel = adl.build_panel(pd.DataFrame([row | more for more in rows]))
    venue = adl.VenueRules("test", "", "made up", policy=adl.Policy(adl.effective_leverage))
    assert adl.my_position(panel, ("s2", "BTC"), venue=venue)[["rank", "contracts_ahead"]].tolist() == [1.0, 0.0]
    mine = adl.my_position(panel, ("s1", "BTC"), venue=venue)
    assert np.isnan(mine["rank"])
    assert mine["contracts_in_queue"] == 3.0


def test_one_buffer_does_not_pay_in_several_currencies():
    row = {"qty": 1.0, "entry_price": 100.0, "mark_price": 100.0, "collateral": 20.0}
    coins = [
        {"account": "a", "symbol": "BTC", "settlement": "USD"},
        {"account": "b", "symbol": "ETH", "settlement": "EUR"},
    ]
    panel = adl.build_panel(pd.DataFrame([row | coin for coin in coins]))
    with pytest.raises(CurveError, match=r"several currencies, found \['EUR', 'USD'\]"):
        adl.distance_to_adl(panel, buffer=10.0)
    buffers = pd.Series({"BTC": 10.0, "ETH": 20.0}).rename_axis("symbol")
    falls = adl.distance_to_adl(panel, buffer=buffers)["price"].xs("long", level="side")
    assert falls.to_dict() == {"BTC": 70.0, "ETH": 60.0}


@pytest.mark.parametrize("key", [("eve", "BTC"), ("ann", "ETH"), ("ann",), "ann", ["ann", "BTC"]])
def test_a_position_that_is_not_there_is_named(toy, key):
    with pytest.raises(PanelError, match="no position"):
        adl.my_position(toy, key, venue=adl.venues.bitmex)


# Errors


@pytest.mark.parametrize(
    ("given_", "message"),
    [
        ({}, "give either buffer="),
        ({"buffer": 1.0, "venue": adl.venues.bitmex}, "give either buffer="),
        ({"buffer": 1.0, "books": {}}, "books belong to a distance in contracts"),
        ({"buffer": -1.0}, "buffer must be finite and not below zero"),
        ({"buffer": np.nan}, "buffer must be finite and not below zero"),
        ({"buffer": pd.Series({"ETH": 1.0}).rename_axis("symbol")}, r"buffer: nothing given for \['BTC'\]"),
        ({"buffer": pd.Series({"BTC": 1.0})}, "buffer: index levels are"),
        ({"buffer": np.inf}, "buffer must be finite and not below zero"),
        ({"buffer": "2"}, "buffer are of type"),
        ({"buffer": True}, "buffer are of type"),
        ({"buffer": 1.0, "sigma": 0.0}, "sigma must be above zero"),
        ({"buffer": 1.0, "sigma": -0.1}, "sigma must be finite and not below zero"),
    ],
)
def test_what_cannot_be_measured_is_refused(toy, given_, message):
    with pytest.raises(CurveError, match=message):
        adl.distance_to_adl(toy, **given_)
