"""The shortfall curve: worked cases, and the law that it is the sum over re-marked accounts."""

from __future__ import annotations

from collections.abc import Iterator

import hypothesis.strategies as st
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from strategies import LINEAR, few, panels

import adlkit as adl
from adlkit.errors import CurveError

ROUNDING = 1e-9
BETAS = {"BTC": 1.0, "ETH": -0.5, "SOL": 1.6}


def one(account: str = "ann", symbol: str = "BTC", **facts: object) -> pd.DataFrame:
    """One position as a frame."""
    return pd.DataFrame({"account": [account], "symbol": symbol, **facts})


@pytest.fixture(scope="module")
def four():
    """At 70: ann long 2 (bankrupt below 80), dee long 1 (never); bob short 2 (above 130), cat short 1 (above 120)."""
    return adl.shortfall_curve(adl.load_dataset("four_accounts"))


# Golden


def test_four_accounts_owe_what_is_worked_out_by_hand(four):
    """Ann owes 2 x (80 - p); cat p - 120 and bob 2 x (p - 130)."""
    assert four.shortfall([10.0, 70.0, 80.0, 100.0, 120.0, 125.0, 140.0]).tolist() == [140, 20, 0, 0, 0, 5, 40]
    assert four.slope([10.0, 80.0, 100.0, 120.0, 125.0, 130.0, 140.0]).tolist() == [-2, 0, 0, 0, 1, 1, 3]
    assert four.bankrupt_qty([10.0, 80.0, 100.0, 125.0, 140.0]).tolist() == [2, 0, 0, 1, 3]
    assert four.bankrupt_notional([10.0, 80.0, 100.0, 125.0, 140.0]).tolist() == [20, 0, 0, 125, 420]
    assert four.n_bankrupt([10.0, 80.0, 100.0, 125.0, 140.0]).tolist() == [1, 0, 0, 1, 2]


def test_four_accounts_reach_an_amount_at_the_prices_worked_out_by_hand(four):
    """20 is owed at the mark; downwards it grows by 2 per unit; upwards it shrinks first, and is 25 again at 135."""
    assert four.price_at([10.0, 20.0, 40.0, 160.0, 161.0], side="down").tolist() == [70.0, 70.0, 60.0, 0.0, 0.0]
    assert four.price_at([10.0, 20.0, 25.0, 40.0], side="up").tolist() == pytest.approx([70.0, 400 / 3, 135.0, 140.0])


def test_kinks_of_four_accounts_are_their_bankruptcy_prices(four):
    expected = pd.DataFrame(
        {
            "side": pd.array(["long", "short", "short", "long"], dtype="str"),
            "price": [80.0, 130.0, 120.0, 0.0],
            "qty": [2.0, -2.0, -1.0, 1.0],
        },
        index=pd.Index(["ann", "bob", "cat", "dee"], name="account", dtype="str"),
    )
    pd.testing.assert_frame_equal(four.kinks, expected)


def test_summary_states_what_four_accounts_owe_now_and_after_moves(four):
    """Nobody but ann, who is bankrupt already, can be hurt by a fall; cat is next at 120, 71.4% above 70."""
    assert four.summary().to_dict() == pytest.approx(
        {
            "accounts": 4.0,
            "bankrupt now": 1.0,
            "shortfall now": 20.0,
            "nearest bankruptcy down [%]": np.nan,
            "nearest bankruptcy up [%]": 100 * 50 / 70,
            "shortfall after -10%": 34.0,
            "shortfall after -20%": 48.0,
            "shortfall after +10%": 6.0,
            "shortfall after +20%": 0.0,
        },
        nan_ok=True,
    )
    assert repr(four).splitlines()[:2] == ["ShortfallCurve", "accounts                           4"]


def test_an_inverse_curve_is_worked_out_by_hand():
    """Long 1000 at 8000 with 0.025 coins: equity 0.025 + 1000 (1/8000 - 1/p) = 0.15 - 1000/p, zero at 6666.67.

    Short 1000 with 0.025: 0.025 - 1000 (1/8000 - 1/p) = 1000/p - 0.1, zero at 10,000; at inf it owes 0.1.
    """
    facts = {"entry_price": 8000.0, "mark_price": 8000.0, "collateral": 0.025, "contract": "inverse"}
    panel = adl.build_panel(pd.concat([one(qty=1000.0, **facts), one("bob", qty=-1000.0, **facts)]))
    curve = adl.shortfall_curve(panel)
    assert curve.shortfall([5000.0, 8000.0, 20_000.0]).tolist() == pytest.approx([0.05, 0.0, 0.05])
    assert curve.slope([5000.0, 8000.0, 20_000.0]).tolist() == pytest.approx([-1000 / 5000**2, 0, 1000 / 20_000**2])
    assert curve.bankrupt_notional([5000.0, 8000.0, 20_000.0]).tolist() == pytest.approx([0.2, 0.0, 0.05])
    assert curve.kinks["price"].to_dict() == pytest.approx({"ann": 1000 / 0.15, "bob": 10_000.0})
    assert curve.price_at([0.0, 0.05], side="down").tolist() == pytest.approx([1000 / 0.15, 5000.0])
    assert curve.price_at([0.0, 0.05, 0.1, 0.2], side="up").tolist() == pytest.approx([10_000, 20_000, np.inf, np.inf])


def test_a_cross_account_along_a_factor_is_worked_out_by_hand():
    """Long 2 BTC at 100, short 10 ETH at 20, cash 50; betas 1 and 1.5: equity 50 + 200 f - 300 f, zero at f = 0.5.

    Cid holds 1 BTC long with 40 in cash: zero at f = -0.4. At f = 0.6 ann owes 10 and holds 2 x 160 and 10 x 38.
    """
    facts = {"entry_price": 100.0, "mark_price": 100.0}
    frame = pd.concat(
        [
            one(qty=2.0, collateral=50.0, **facts),
            one(symbol="ETH", qty=-10.0, entry_price=20.0, mark_price=20.0, collateral=0.0),
            one("cid", qty=1.0, collateral=40.0, **facts),
        ]
    )
    curve = adl.shortfall_curve(adl.build_panel(frame), factor={"ETH": 1.5, "BTC": 1.0})
    assert curve.shortfall([-0.5, 0.0, 0.5, 0.6]).tolist() == pytest.approx([10.0, 0.0, 0.0, 10.0])
    assert curve.slope([-0.5, 0.0, 0.6]).tolist() == pytest.approx([-100.0, 0.0, 100.0])
    assert curve.n_bankrupt([-0.5, 0.0, 0.5, 0.6]).tolist() == [1, 0, 0, 1]
    assert curve.bankrupt_notional([-0.5, 0.0, 0.6]).tolist() == pytest.approx([50.0, 0.0, 320.0 + 380.0])
    assert curve.price_at([0.0, 10.0], side="up").tolist() == pytest.approx([0.5, 0.6])
    assert curve.price_at([10.0, 1000.0], side="down").tolist() == pytest.approx([-0.5, -1 / 1.5])
    assert curve.kinks.to_dict("index") == {
        "ann": {"side": "short", "shock": pytest.approx(0.5), "exposure": -100.0},
        "cid": {"side": "long", "shock": pytest.approx(-0.4), "exposure": 100.0},
    }
    assert curve.move_range == pytest.approx((-1 / 1.5, np.inf))


def test_an_account_without_exposure_owes_the_same_at_every_price():
    """Eve is 5 short on ETH alone; her debt is part of BTC's curve, for both settle in one currency."""
    facts = {"entry_price": 100.0, "mark_price": 100.0}
    eve = one("eve", "ETH", qty=1.0, entry_price=30.0, mark_price=20.0, collateral=5.0)
    curve = adl.shortfall_curve(adl.build_panel(pd.concat([one(qty=1.0, collateral=10.0, **facts), eve])), symbol="BTC")
    assert curve.shortfall([80.0, 100.0, 1000.0]).tolist() == [15.0, 5.0, 5.0]
    assert curve.n_bankrupt([80.0, 100.0, 1000.0]).tolist() == [2, 1, 1]
    assert curve.bankrupt_qty([80.0, 1000.0]).tolist() == [1.0, 0.0]
    assert curve.price_at([4.0, 5.0, 7.0], side="down").tolist() == [100.0, 90.0, 88.0]
    assert list(curve.kinks.index) == ["ann"]


def test_coins_are_never_added():
    """BTC's curve leaves out what is margined in ETH, with or without a column that says so."""
    facts = {"entry_price": 100.0, "mark_price": 100.0, "collateral": -1.0, "contract": "inverse"}
    frame = pd.concat([one(qty=10.0, **facts), one("bob", "ETH", qty=10.0, **facts)])
    for rows in (frame, frame.assign(settlement=frame["symbol"])):
        curve = adl.shortfall_curve(adl.build_panel(rows), symbol="BTC")
        assert curve.shortfall(100.0) == pytest.approx(1.0)
        assert curve.n_bankrupt(100.0) == 1
    assert curve.currency == "BTC"
    mixed = pd.concat([frame, one("cid", "SOL", **{**facts, "contract": "linear"}, qty=1.0)])
    assert adl.shortfall_curve(adl.build_panel(mixed), symbol="SOL").n_bankrupt(100.0) == 1


def test_contracts_too_small_to_matter_leave_the_shortfall_finite():
    """1e-300 contracts with a debt of 3: bankrupt wherever the price is; with money: never."""
    facts = {"entry_price": 100.0, "mark_price": 100.0}
    rows = [one("dust", qty=1e-300, collateral=-3.0, **facts), one("rich", qty=-1e-300, collateral=3.0, **facts)]
    curve = adl.shortfall_curve(adl.build_panel(pd.concat([one(qty=1.0, collateral=10.0, **facts), *rows])))
    assert curve.shortfall([1.0, 80.0, 1e6]).tolist() == [92.0, 13.0, 3.0]
    assert curve.kinks["price"].to_dict() == {"ann": 90.0, "dust": np.inf, "rich": np.inf}
    assert curve.price_at(3.0, side="up") == np.inf


# Laws: the sum over re-marked accounts


def moments(panel: pd.DataFrame, symbol: str) -> Iterator[pd.DataFrame]:
    """The panel at each time at which it holds the symbol; without margins, which a re-mark may turn negative."""
    bare = panel.assign(maintenance_rate=0.0, maintenance_deduction=0.0)
    if "time" not in panel.index.names:
        yield bare
        return
    for time in sorted(panel.index.unique("time")):
        alone = bare.xs(time, level="time")
        if symbol in alone.index.unique("symbol"):
            yield alone


def of_one_coin(panel: pd.DataFrame, symbol: str) -> pd.DataFrame:
    coin = panel["settlement"] if "settlement" in panel else pd.Series("", index=panel.index)
    return panel[coin == coin.xs(symbol, level="symbol").iloc[0]]


class Direct:
    """One price, one moment: every account re-marked and added up."""

    def __init__(self, panel: pd.DataFrame, marks: pd.Series, symbol: str | None) -> None:
        counted = panel if symbol is None else of_one_coin(panel, symbol)
        marked = adl.mark_to(counted, marks[counted.index.unique("symbol")])
        money = adl.equity(marked).groupby(level="account").first()
        own = marked if symbol is None else marked[marked.index.get_level_values("symbol") == symbol]
        held = own["qty"].abs().groupby(level="account").sum().reindex(money.index, fill_value=0.0)
        size = adl.notional(own).groupby(level="account").sum().reindex(money.index, fill_value=0.0)
        parts = adl.notional(counted), adl.notional(marked), adl.unrealized_pnl(marked), marked["collateral"]
        scale = sum(part.abs() for part in parts).groupby(level="account").sum() + 1e-300
        self.gross = scale.sum()
        self.shortfall = adl.shortfall(marked).sum()
        broke, unsure = money < 0, money.abs() <= ROUNDING * scale
        self.counts = [
            (values[broke & ~unsure].sum(), values[broke | unsure].sum()) for values in (broke | True, held, size)
        ]

    def agrees(self, shortfall: float, counts: list[float]) -> None:
        assert shortfall == pytest.approx(self.shortfall, rel=1e-9, abs=1e-12 * self.gross)
        for found, (least, most) in zip(counts, self.counts, strict=True):
            assert least * (1 - 1e-9) - 1e-12 * self.gross <= found <= most * (1 + 1e-9) + 1e-12 * self.gross


def symbols_of(panel: pd.DataFrame) -> list[str]:
    return sorted(panel.index.unique("symbol"))


def points(panel: pd.DataFrame, symbol: str, kinks: np.ndarray) -> np.ndarray:
    """Prices on both sides of everything, the marks, and the kinks themselves."""
    marks = panel["mark_price"].xs(symbol, level="symbol").unique()
    kinks = np.unique(kinks[np.isfinite(kinks) & (kinks > 0)])
    return np.r_[0.1, marks, 0.7 * marks, 1.31 * marks, 1e4, kinks, 0.999 * kinks, 1.001 * kinks]


@given(panel=panels(), pick=st.integers(0, 2))
@settings(max_examples=30)
def test_the_curve_is_the_sum_over_re_marked_accounts(panel, pick):
    """At prices between kinks and exactly at them, of linear, inverse and mixed panels, with and without times."""
    symbol = symbols_of(panel)[pick % len(symbols_of(panel))]
    curve = adl.shortfall_curve(panel, symbol=symbol)
    prices = points(panel, symbol, curve.kinks["price"].to_numpy())
    asked = prices if curve.times is None else prices[:, None]
    methods = curve.shortfall, curve.n_bankrupt, curve.bankrupt_qty, curve.bankrupt_notional
    answers = [method(asked) for method in methods]
    for place, alone in enumerate(moments(panel, symbol)):
        for row, price in enumerate(prices):
            direct = Direct(alone, adl.mark_prices(alone).where(lambda marks: marks.index != symbol, price), symbol)
            owed, *counts = [answer[row] if curve.times is None else answer[row, place] for answer in answers]
            direct.agrees(owed, counts)


@given(panel=panels(kind=LINEAR), tenths=st.lists(st.integers(-20, 20), min_size=3, max_size=3))
@settings(max_examples=30)
def test_a_factor_curve_is_the_sum_over_re_marked_accounts(panel, tenths):
    betas = pd.Series(np.array(tenths) / 10, index=["BTC", "ETH", "SOL"])[symbols_of(panel)]
    curve = adl.shortfall_curve(panel, factor=betas)
    kinks = curve.kinks["shock"].to_numpy()
    low, high = curve.move_range
    shocks = np.r_[np.linspace(-0.45, 0.45, 7), kinks, kinks + 1e-3]
    shocks = np.unique(shocks[(shocks > low) & (shocks < high) & (np.abs(shocks) < 100)])
    shocks = shocks[[(1 + betas * shock > 0).all() for shock in shocks]]  # of flat rows too, for they are re-marked
    asked = shocks if curve.times is None else shocks[:, None]
    answers = [method(asked) for method in (curve.shortfall, curve.n_bankrupt, curve.bankrupt_notional)]
    for place, alone in enumerate(moments(panel, symbols_of(panel)[0])):
        marks = adl.mark_prices(alone)
        for row, shock in enumerate(shocks):
            direct = Direct(alone, marks * (1 + betas[marks.index] * shock), None)
            owed, count, size = [answer[row] if curve.times is None else answer[row, place] for answer in answers]
            del direct.counts[1]
            direct.agrees(owed, [count, size])


@given(panel=panels(kind=LINEAR), pick=st.integers(0, 2))
@few
def test_a_factor_that_moves_one_symbol_is_the_curve_of_that_symbol(panel, pick):
    symbol = symbols_of(panel)[pick % len(symbols_of(panel))]
    panel = panel[panel.index.get_level_values("symbol") == symbol]
    along, alone = adl.shortfall_curve(panel, factor={symbol: 1.0}), adl.shortfall_curve(panel)
    shocks = np.array([-0.9, -0.31, 0.0, 0.17, 2.0])
    asked = shocks if alone.times is None else shocks[:, None]
    scale = ROUNDING * (adl.notional(panel).sum() + panel["collateral"].abs().sum())
    np.testing.assert_allclose(along.shortfall(asked), alone.shortfall(alone.moved(asked)), rtol=1e-9, atol=scale)
    for side in ("down", "up"):
        amounts = along.shortfall(asked) + 1.0
        prices = np.maximum(alone.moved(along.price_at(amounts, side=side)), 0.0)  # without a position: -inf
        np.testing.assert_allclose(prices, alone.price_at(amounts, side=side), rtol=1e-9, atol=1e-9)


# Laws of the shape


@given(panel=panels(), pick=st.integers(0, 2))
def test_the_shortfall_is_convex_in_the_value_of_a_contract(panel, pick):
    symbol = symbols_of(panel)[pick % len(symbols_of(panel))]
    curve = adl.shortfall_curve(panel, symbol=symbol)
    prices = np.geomspace(1.0, 1e4, 200)
    is_inverse = "contract" in panel and (panel["contract"].xs(symbol, level="symbol") == "inverse").all()
    values = -1 / prices if is_inverse else prices
    owed = curve.shortfall(prices[:, None] if curve.times is not None else prices)
    slopes = np.diff(owed, axis=0) / (np.diff(values)[:, None] if curve.times is not None else np.diff(values))
    step = ROUNDING * (np.abs(owed).max() / np.diff(values).min() + 1)
    assert (np.diff(slopes, axis=0) >= -step).all()


@given(panel=panels(), pick=st.integers(0, 2))
def test_the_slope_is_what_the_shortfall_does_next_to_a_price(panel, pick):
    """Between two neighbouring kinks, where it is linear in V."""
    symbol = symbols_of(panel)[pick % len(symbols_of(panel))]
    panel = panel.xs(panel.index.unique("time")[0], level="time") if "time" in panel.index.names else panel
    if symbol not in symbols_of(panel):
        return
    curve = adl.shortfall_curve(panel, symbol=symbol)
    kinks = curve.kinks["price"].to_numpy()
    edges = np.unique(np.r_[1.0, kinks[(kinks > 1.0) & (kinks < 1e4)], 1e4])
    wide = np.flatnonzero(np.diff(edges) > 1e-3 * edges[1:])
    left, right = edges[wide] * (1 + 1e-9), edges[wide + 1] * (1 - 1e-9)
    middle = np.sqrt(left * right)
    rise = (curve.shortfall(right) - curve.shortfall(left)) / (right - left)
    is_inverse = "contract" in panel and (panel["contract"].xs(symbol, level="symbol") == "inverse").all()
    slope = curve.slope(middle) * (middle**2 / (left * right) if is_inverse else 1.0)
    scale = (curve.shortfall(left) + curve.shortfall(right)) / (right - left)
    np.testing.assert_allclose(rise, slope, rtol=1e-6, atol=1e-9 * max(scale.max(initial=0.0), 1e-300))


@given(panel=panels(), pick=st.integers(0, 2), share=st.lists(st.floats(0, 3), min_size=1, max_size=5))
def test_the_shortfall_at_the_price_of_an_amount_is_the_amount(panel, pick, share):
    """Unless the mark is above it already, or no price of that side reaches it."""
    symbol = symbols_of(panel)[pick % len(symbols_of(panel))]
    curve = adl.shortfall_curve(panel, symbol=symbol)
    now = np.atleast_1d(curve.shortfall(curve.moved(0.0)))
    mark = np.broadcast_to(curve.moved(0.0), now.shape)
    gross = float(adl.notional(panel).sum() + panel["collateral"].abs().sum())
    amounts = np.array(share)[:, None] * now + np.array(share)[:, None] * gross / 10
    for side, far in (("down", 1e-9), ("up", 1e12)):
        prices = curve.price_at(amounts if curve.times is not None else amounts[:, 0], side=side)
        prices = prices.reshape(amounts.shape)
        beyond = prices <= mark if side == "down" else prices >= mark
        assert beyond.all()
        is_end = (prices == 0) | (prices == np.inf)
        asked = np.where(is_end, far, prices)
        owed = curve.shortfall(asked if curve.times is not None else asked[:, 0]).reshape(amounts.shape)
        at_mark = amounts < now
        assert (prices[at_mark] == np.broadcast_to(mark, prices.shape)[at_mark]).all()
        assert (owed[is_end] <= amounts[is_end] * (1 + 1e-6) + 1e-6 * gross).all()
        inside = ~at_mark & ~is_end
        np.testing.assert_allclose(owed[inside], amounts[inside], rtol=1e-9, atol=1e-12 * gross)
        step = np.where(inside, prices * (0.9 if side == "down" else 1.1), asked)
        after = curve.shortfall(step if curve.times is not None else step[:, 0]).reshape(amounts.shape)
        assert (after[inside] > amounts[inside]).all(), "furthest"


@given(panel=panels(), pick=st.integers(0, 2))
@few
def test_kinks_are_the_bankruptcy_prices(panel, pick):
    symbol = symbols_of(panel)[pick % len(symbols_of(panel))]
    kinks = adl.shortfall_curve(panel, symbol=symbol).kinks
    expected = adl.bankruptcy_price(panel).xs(symbol, level="symbol").dropna().sort_index()
    np.testing.assert_allclose(kinks["price"], expected, rtol=1e-9, atol=1e-9)
    assert kinks.index.equals(expected.index)
    assert (kinks["qty"] == panel["qty"].xs(symbol, level="symbol")[kinks.index]).all()
    assert (kinks["side"] == np.where(kinks["qty"] > 0, "long", "short")).all()


# Laws of panels


def answers_of(curve: adl.ShortfallCurve, marks: np.ndarray) -> list[np.ndarray]:
    """All answers at moves of the marks."""
    prices = np.outer([0.5, 0.93, 1.0, 1.08, 3.0], marks)
    amounts = np.outer([0.0, 0.3, 7.0], marks)
    asked = [curve.shortfall, curve.slope, curve.n_bankrupt, curve.bankrupt_qty, curve.bankrupt_notional]
    paths = [curve.price_at(amounts, side=side) for side in ("down", "up")]
    return [*(method(prices) for method in asked), *paths]


@given(panel=panels(has_time=True), pick=st.integers(0, 2))
@few
def test_many_times_at_once_are_each_time_alone(panel, pick):
    symbol = symbols_of(panel)[pick % len(symbols_of(panel))]
    curve = adl.shortfall_curve(panel, symbol=symbol)
    marks = np.atleast_1d(curve.moved(0.0))
    together = answers_of(curve, marks)
    for place, time in enumerate(curve.times):
        alone = panel.xs(time, level="time")
        single = adl.shortfall_curve(panel[panel.index.get_level_values("time") == time], symbol=symbol)
        for found, kept, flat in zip(
            together,
            answers_of(single, marks[[place]]),
            answers_of(adl.shortfall_curve(alone, symbol=symbol), marks[[place]]),
            strict=True,
        ):
            np.testing.assert_allclose(found[:, [place]], kept, rtol=1e-12)
            np.testing.assert_allclose(found[:, [place]], flat, rtol=1e-12)


@given(panel=panels(kind=LINEAR, has_time=True))
@few
def test_many_times_along_a_factor_are_each_time_alone(panel):
    betas = {name: BETAS[name] for name in symbols_of(panel)}
    curve = adl.shortfall_curve(panel, factor=betas)
    shocks = np.array([-0.3, 0.0, 0.1])
    for place, time in enumerate(curve.times):
        alone = panel.xs(time, level="time")
        single = adl.shortfall_curve(alone, factor={name: BETAS[name] for name in symbols_of(alone)})
        for name in ("shortfall", "slope", "n_bankrupt", "bankrupt_notional"):
            found = getattr(curve, name)(shocks[:, None])[:, place]
            np.testing.assert_allclose(found, getattr(single, name)(shocks), rtol=1e-12)
        for side in ("down", "up"):
            found = curve.price_at([[1.0], [30.0]], side=side)[:, place]
            np.testing.assert_allclose(found, single.price_at([1.0, 30.0], side=side), rtol=1e-12)


@given(panel=panels(), pick=st.integers(0, 2))
@few
def test_the_order_of_rows_does_not_matter(panel, pick):
    symbol = symbols_of(panel)[pick % len(symbols_of(panel))]
    shuffled = panel.iloc[np.random.default_rng(7).permutation(len(panel))]
    curves = [adl.shortfall_curve(rows, symbol=symbol) for rows in (panel, shuffled)]
    prices = np.outer([0.5, 0.93, 1.0, 1.08, 3.0], np.atleast_1d(curves[0].moved(0.0)))
    gross = float(adl.notional(panel).sum() + panel["collateral"].abs().sum())
    found, expected = (curve.shortfall(prices) for curve in curves)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12 * gross)
    pd.testing.assert_frame_equal(curves[1].kinks, curves[0].kinks, rtol=1e-9)


@given(panel=panels(), pick=st.integers(0, 2))
@few
def test_inputs_are_never_changed_and_later_changes_of_them_do_not_matter(panel, pick):
    symbol = symbols_of(panel)[pick % len(symbols_of(panel))]
    before, prices, amounts = panel.copy(deep=True), np.array([[3.0], [2.0], [1e3]]), np.array([[2.0], [1.0]])
    curve = adl.shortfall_curve(panel, symbol=symbol)
    first = [curve.shortfall(prices), curve.slope(prices), curve.bankrupt_notional(prices)]
    curve.n_bankrupt(prices), curve.price_at(amounts, side="up"), curve.summary()
    pd.testing.assert_frame_equal(panel, before)
    assert prices.ravel().tolist() == [3.0, 2.0, 1e3]
    assert amounts.ravel().tolist() == [2.0, 1.0]
    kinks = curve.kinks
    panel["qty"] = 0.0
    pd.testing.assert_frame_equal(curve.kinks, kinks)
    first[0][:] = -1.0  # writing into an answer must not reach the curve
    assert (curve.shortfall(prices) >= 0).all()


# Shapes


def timed() -> pd.DataFrame:
    """Four accounts at two times, the marks 70 and 90; and a third time that does not hold BTC."""
    four = adl.load_dataset("four_accounts").reset_index()
    later = four.assign(mark_price=90.0)
    other = one(symbol="ETH", qty=1.0, entry_price=10.0, mark_price=10.0, collateral=1.0)
    hours = pd.to_datetime(["2025-10-10T21:00Z", "2025-10-10T20:00Z", "2025-10-10T22:00Z"])
    frames = [frame.assign(time=hour) for frame, hour in zip((later, four, other), hours, strict=True)]
    return adl.build_panel(pd.concat(frames).fillna({"maintenance_rate": 0.0, "maintenance_deduction": 0.0}))


def test_answers_have_the_shape_of_what_is_asked(four):
    grid = np.array([[60.0, 70.0], [125.0, 140.0], [90.0, 10.0]])
    assert four.shortfall(grid).tolist() == [[40.0, 20.0], [5.0, 40.0], [0.0, 140.0]]
    assert four.shortfall(pd.Series([60, 70])).tolist() == [40.0, 20.0]
    assert four.shortfall([]).shape == (0,)
    assert four.price_at(np.array([[40.0], [20.0]]), side="down").tolist() == [[60.0], [70.0]]
    assert four.times is None


@pytest.mark.parametrize("name", ["shortfall", "slope", "bankrupt_qty", "bankrupt_notional", "moved"])
def test_a_number_is_answered_by_a_python_number(four, name):
    assert type(getattr(four, name)(70)) is float
    assert type(four.n_bankrupt(70.0)) is int
    assert type(four.price_at(np.float64(30.0), side="up")) is float


def test_prices_are_broadcast_against_times_along_the_last_axis():
    curve = adl.shortfall_curve(timed(), symbol="BTC")
    assert [time.hour for time in curve.times] == [20, 21]
    assert curve.shortfall(70.0).tolist() == [20.0, 20.0]
    assert curve.shortfall([70.0, 60.0]).tolist() == [20.0, 40.0]
    assert curve.shortfall([[70.0], [60.0], [10.0]]).tolist() == [[20.0, 20.0], [40.0, 40.0], [140.0, 140.0]]
    assert curve.moved(-0.5).tolist() == [35.0, 45.0]
    assert curve.price_at(0.0, side="down").tolist() == [70.0, 80.0]
    assert curve.price_at([[20.0], [40.0]], side="down").tolist() == [[70.0, 70.0], [60.0, 60.0]]
    assert curve.kinks.index.names == ["time", "account"]
    assert curve.kinks["price"].tolist() == [80.0, 130.0, 120.0, 0.0] * 2


def test_a_summary_of_times_is_that_of_the_last_one_and_says_so():
    curve = adl.shortfall_curve(timed(), symbol="BTC")
    summary = curve.summary()
    assert summary["bankrupt now, last time"] == 0
    assert summary["nearest bankruptcy down [%], last time"] == pytest.approx(-100 / 9)
    assert curve.latest.summary().add_suffix(", last time").equals(summary)
    along = adl.shortfall_curve(timed(), factor={"BTC": 1.0, "ETH": 6.0})
    assert along.summary()["accounts, last time"] == 1
    assert np.isnan(along.summary()["shortfall after -20%, last time"]), "out of range"


# Figures


def test_the_figure_draws_the_curve_and_says_what_a_fall_leaves(four):
    ax = four.plot()
    moves, owed = ax.lines[0].get_data()
    np.testing.assert_allclose(owed, four.shortfall(four.moved(moves / 100)))
    assert ax.get_title(loc="left") == "A fall of 20% leaves 48 owed by 1 account; a rise of 20% leaves 0"
    assert ax.get_xlabel() == "move of BTC from its mark"
    assert ax.get_ylabel() == "shortfall [ccy]"
    plt.close("all")


def test_the_figure_of_a_factor_stays_within_its_range_and_names_the_time():
    ax = adl.shortfall_curve(timed(), factor={"BTC": 1.0, "ETH": 6.0}).plot()
    assert ax.get_xlim()[0] > -100 / 6
    assert ax.get_xlabel() == "shock common to all symbols, at 2025-10-10 22:00 UTC"
    assert ax.get_title(loc="left").startswith("A fall of 8.3% leaves")
    plt.close("all")


# Errors


@pytest.mark.parametrize("price", [0.0, -1.0, np.nan, np.inf, [10.0, np.nan], -np.inf])
@pytest.mark.parametrize("name", ["shortfall", "slope", "bankrupt_qty", "bankrupt_notional", "n_bankrupt"])
def test_prices_that_are_none_are_refused(four, name, price):
    with pytest.raises(CurveError, match="prices must be finite and above zero, found"):
        getattr(four, name)(price)


@pytest.mark.parametrize("price", ["70", None, True, [70.0, None], np.array(["a"])])
def test_what_is_no_number_is_never_coerced(four, price):
    with pytest.raises(CurveError, match=r"prices are of type .*, need numbers"):
        four.shortfall(price)


@pytest.mark.parametrize("amount", [-1.0, np.nan, np.inf])
def test_amounts_that_are_none_are_refused(four, amount):
    with pytest.raises(CurveError, match="shortfalls must be finite and not below zero, found"):
        four.price_at(amount, side="up")


def test_an_unknown_direction_is_refused(four):
    with pytest.raises(CurveError, match="side is 'left', need 'down' or 'up'"):
        four.price_at(1.0, side="left")


def test_shocks_that_leave_no_mark_are_refused_with_the_range():
    curve = adl.shortfall_curve(timed(), factor={"BTC": -2.0, "ETH": 4.0})
    for shock in (-0.25, 0.5, np.nan, 7.0):
        with pytest.raises(CurveError, match=r"shocks must lie above -0.25 and below 0.5, .* found"):
            curve.shortfall(shock)


def test_a_symbol_without_a_position_does_not_limit_the_shocks():
    flat = one("bob", "ETH", qty=0.0, entry_price=10.0, mark_price=10.0, collateral=-4.0)
    panel = pd.concat([one(qty=1.0, entry_price=10.0, mark_price=10.0, collateral=5.0), flat])
    curve = adl.shortfall_curve(adl.build_panel(panel), factor={"BTC": 0.5, "ETH": 3.0})
    assert curve.move_range == (-2.0, np.inf)
    assert curve.shortfall([-1.5, 0.0]).tolist() == [6.5, 4.0]


def test_shapes_that_do_not_fit_the_times_are_refused():
    curve = adl.shortfall_curve(timed(), symbol="BTC")
    with pytest.raises(CurveError, match=r"shape \(3,\) does not fit 2 times along its last axis"):
        curve.shortfall([1.0, 2.0, 3.0])
    with pytest.raises(CurveError, match=r"shape \(3,\) does not fit 2 times"):
        curve.price_at([1.0, 2.0, 3.0], side="up")


def test_the_symbol_must_be_clear():
    with pytest.raises(CurveError, match=r"2 symbols, name one of them: \['BTC', 'ETH'\]"):
        adl.shortfall_curve(timed())
    with pytest.raises(CurveError, match=r"unknown symbol 'SOL'; known: \['BTC', 'ETH'\]"):
        adl.shortfall_curve(timed(), symbol="SOL")
    with pytest.raises(CurveError, match="give a symbol or a factor, not both"):
        adl.shortfall_curve(timed(), symbol="BTC", factor={"BTC": 1.0, "ETH": 1.0})


@pytest.mark.parametrize(
    ("factor", "message"),
    [
        ({"BTC": 1.0}, r"no beta for \['ETH'\]"),
        ({}, r"no beta for \['BTC', 'ETH'\]"),
        ({"BTC": 1.0, "ETH": 1.0, "SOL": 1.0}, r"symbols \['SOL'\] are not in the panel"),
        ({"BTC": 1.0, "ETH": np.nan}, r"betas of \['ETH'\] are not finite"),
        ({"BTC": 1.0, "ETH": np.inf}, r"betas of \['ETH'\] are not finite"),
        ({"BTC": "1", "ETH": "2"}, "dtype is .*, need numbers"),
        (pd.Series([1.0, 2.0], index=["BTC", "BTC"]), "a symbol stands twice"),
        (1.0, "give a Series or a mapping of symbol to beta, not a float"),
    ],
)
def test_faulty_betas_are_refused(factor, message):
    with pytest.raises(CurveError, match=message):
        adl.shortfall_curve(timed(), factor=factor)


def test_a_factor_takes_linear_panels_of_one_currency_only():
    facts = {"qty": 1.0, "entry_price": 10.0, "mark_price": 10.0, "collateral": 1.0}
    with pytest.raises(CurveError, match="linear contracts only"):
        adl.shortfall_curve(adl.build_panel(one(**facts, contract="inverse")), factor={"BTC": 1.0})
    frame = pd.concat([one(**facts, settlement="USDT"), one("bob", "ETH", **facts, settlement="USDC")])
    with pytest.raises(CurveError, match=r"one settlement currency, found \['USDC', 'USDT'\]"):
        adl.shortfall_curve(adl.build_panel(frame), factor={"BTC": 1.0, "ETH": 1.0})


def test_contracts_of_different_symbols_are_not_added():
    with pytest.raises(CurveError, match="use bankrupt_notional along a factor"):
        adl.shortfall_curve(timed(), factor={"BTC": 1.0, "ETH": 1.0}).bankrupt_qty(0.0)
