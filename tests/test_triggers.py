"""What each price liquidates: by hand, against direct counts, and errors."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from strategies import panels, tiers

import adlkit as adl
from adlkit.errors import CurveError, PanelError

few = settings(max_examples=20)


@pytest.fixture
def toy() -> pd.DataFrame:
    """Maintenance 5%: ann, long 2, at 80 / 0.95; cat, short 1, at 120 / 1.05; bob, short 2, at 130 / 1.05."""
    return adl.mark_to(adl.load_dataset("four_accounts"), {"BTC": 100.0})


def inverse_panel() -> pd.DataFrame:
    """A long of 100 USD at 100 with 0.5 coins: equity 1.5 - 100 / p, margin 2 / p, so liquidated at 102 / 1.5 = 68."""
    row = {"account": "ann", "symbol": "BTC", "qty": 100.0, "entry_price": 100.0, "mark_price": 100.0}
    frame = pd.DataFrame([row | {"collateral": 0.5, "maintenance_rate": 0.02, "contract": "inverse"}])
    return adl.build_panel(frame)


def test_longs_are_liquidated_at_their_price_and_below_shorts_at_theirs_and_above(toy):
    curve = adl.liquidation_curve(toy)
    ann, cat, bob = 80 / 0.95, 120 / 1.05, 130 / 1.05
    prices = np.array([[60.0, ann, ann + 1e-9], [cat - 1e-9, cat, bob]])
    assert curve.qty(prices, side="long").tolist() == [[2.0, 2.0, 0.0], [0.0, 0.0, 0.0]]
    assert curve.qty(prices, side="short").tolist() == [[0.0, 0.0, 0.0], [0.0, 1.0, 3.0]]
    assert curve.n(prices, side="short").tolist() == [[0, 0, 0], [0, 1, 2]]
    assert curve.notional(60.0, side="long") == 120.0


def test_an_inverse_contract_is_worth_fewer_coins_the_higher_the_price():
    curve = adl.liquidation_curve(inverse_panel())
    assert curve.qty([67.9, 68.1], side="long").tolist() == [100.0, 0.0]
    assert curve.notional(50.0, side="long") == 2.0


def test_a_position_below_its_margin_counts_at_the_mark_and_up_to_where_it_would_be_safe(toy):
    curve = adl.liquidation_curve(adl.mark_to(toy, {"BTC": 70.0}))
    assert curve.qty([70.0, 84.0, 85.0], side="long").tolist() == [2.0, 2.0, 0.0]


def test_a_position_without_leverage_is_never_liquidated(toy):
    assert adl.liquidation_curve(toy.assign(collateral=1e6)).qty([1e-6, 1e3], side="long").tolist() == [0.0, 0.0]


def test_the_summary_and_the_figure_tell_what_moves_liquidate(toy):
    curve = adl.liquidation_curve(toy)
    summary = curve.summary()
    assert summary["mark price"] == 100.0
    assert summary["long contracts, 20% away"] == 2.0
    assert summary["short contracts, 20% away"] == 1.0
    assert summary["short contracts, at some price"] == 3.0
    ax = curve.plot()
    assert ax.get_title(loc="left") == "BTC: 10% down liquidates 0 long contracts, 10% up 0 short"
    longs = ax.get_lines()[0].get_xydata()
    assert longs[longs[:, 0] > -0.157, 1].max() == 0.0
    assert longs[longs[:, 0] < -0.16, 1].min() == 2.0


def below_margin(panel: pd.DataFrame) -> pd.Series:
    """Equity less maintenance margin of each account."""
    summary = adl.account_summary(panel)
    return summary["equity"] - summary["maintenance_margin"]


def assert_counts_are_direct(panel: pd.DataFrame, move: float, tier_table: pd.DataFrame | None) -> None:
    symbol = panel.index.unique("symbol")[0]
    marks = adl.mark_prices(panel)
    marks[symbol] *= move
    moved = adl.mark_to(panel, marks, tiers=tier_table)
    spare = below_margin(moved).reindex(moved.index.get_level_values("account")).to_numpy()
    size = adl.account_summary(moved)["notional"].reindex(moved.index.get_level_values("account")).to_numpy()
    own = (moved.index.get_level_values("symbol") == symbol) & (moved["qty"] != 0).to_numpy()
    assume((np.abs(spare[own]) > 1e-9 * size[own]).all())  # at its very price a position depends on rounding
    curve = adl.liquidation_curve(panel, symbol=symbol, tiers=tier_table)
    for side, sign in (("long", 1.0), ("short", -1.0)):
        expected = moved["qty"].abs()[own & (spare < 0) & (np.sign(moved["qty"]) == sign).to_numpy()].sum()
        assert curve.qty(marks[symbol], side=side) == pytest.approx(expected, rel=1e-12)


@few
@given(panel=panels(has_time=False, has_deductions=False), move=st.floats(0.3, 3.0))
def test_contracts_are_those_of_accounts_below_their_margin(panel, move):
    assert_counts_are_direct(panel, move, None)


@few
@given(panel=panels(has_time=False), tier_table=tiers(), move=st.floats(0.3, 3.0))
def test_with_tiers_the_margin_is_that_of_the_price_itself(panel, tier_table, move):
    panel = adl.mark_to(panel, adl.mark_prices(panel), tiers=tier_table)
    assert_counts_are_direct(panel, move, tier_table)


@given(panel=panels(has_time=False, has_deductions=False), seed=st.integers(0, 99))
def test_row_order_is_irrelevant_and_the_panel_stays_as_it_is(panel, seed):
    symbol, before = panel.index.unique("symbol")[0], panel.copy(deep=True)
    prices = panel["mark_price"].iloc[0] * np.linspace(0.2, 3.0, 57)
    one = adl.liquidation_curve(panel, symbol=symbol).qty(prices, side="long")
    other = adl.liquidation_curve(panel.sample(frac=1.0, random_state=seed), symbol=symbol).qty(prices, side="long")
    np.testing.assert_allclose(one, other, rtol=1e-12)
    pd.testing.assert_frame_equal(panel, before)


# Errors


@pytest.mark.parametrize("price", [0.0, -1.0, np.nan, np.inf])
def test_prices_must_be_finite_and_above_zero(toy, price):
    with pytest.raises(CurveError, match=r"prices must be finite and above zero; 1 of 2"):
        adl.liquidation_curve(toy).qty([90.0, price], side="long")


def test_text_is_no_price_and_a_side_has_a_name(toy):
    curve = adl.liquidation_curve(toy)
    with pytest.raises(CurveError, match="need numbers"):
        curve.qty("90", side="long")
    with pytest.raises(CurveError, match="side must be 'long' or 'short', got 'down'"):
        curve.qty(90.0, side="down")


def test_the_symbol_must_be_clear_and_the_moment_one(toy):
    with pytest.raises(CurveError, match=r"unknown symbol 'ETH'; known: \['BTC'\]"):
        adl.liquidation_curve(toy, symbol="ETH")
    two = pd.concat([toy, toy.rename(index={"BTC": "ETH"})])
    with pytest.raises(CurveError, match=r"2 symbols, name one of them: \['BTC', 'ETH'\]"):
        adl.liquidation_curve(two)
    timed = pd.concat({pd.Timestamp("2025-10-10", tz="UTC").as_unit("us"): toy}, names=["time"])
    with pytest.raises(PanelError, match="one moment"):
        adl.liquidation_curve(timed)
