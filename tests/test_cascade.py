"""Liquidation and cascade curves: cases by hand, laws against brute force, and what is refused."""

from __future__ import annotations

from collections.abc import Callable

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from strategies import BOTH, INVERSE, LINEAR, few, panels, tiers

import adlkit as adl
from adlkit.errors import BookError, CurveError, PanelError

Impact = Callable[[np.ndarray], np.ndarray]
ROUNDING = 1e-12
OFF_GRID = 1.000123456789
"""Keeps prices away from liquidation prices, where equality is a matter of rounding."""


def levels(*rows: tuple[float, float]) -> pd.DataFrame:
    """One side of a book: (price, qty) of each level."""
    return pd.DataFrame(rows, columns=["price", "qty"]).astype(float)


def market(*positions: tuple[float, float], contract: str = "linear") -> pd.DataFrame:
    """One isolated account for each (signed qty, liquidation price); mark 100, no maintenance margin."""
    qty, price = (np.array(column, dtype=float) for column in zip(*positions, strict=True))
    cash = qty * (100.0 - price) if contract == "linear" else qty * (1.0 / price - 1.0 / 100.0)
    frame = pd.DataFrame({"account": [f"a{place}" for place in range(len(qty))], "symbol": "BTC", "qty": qty})
    return adl.build_panel(frame.assign(entry_price=100.0, mark_price=100.0, collateral=cash, contract=contract))


LONGS, SHORTS = [(5, 95), (10, 88), (10, 70)], [(-4, 106), (-6, 112), (-10, 140)]
PANEL = market(*LONGS, *SHORTS)
BOOK = adl.OrderBook(levels((0.99, 5), (0.90, 10), (0.80, 5)), levels((1.02, 4), (1.05, 6)), is_relative=True)


def linear(contracts):
    """1 quote per contract: the linear impact of literature."""
    return 1.0 * contracts


def square_root(contracts):
    return 2.0 * np.sqrt(contracts)


def nothing(contracts):
    return 0.0 * contracts


# liquidation curve, by hand --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("side", "price", "qty", "n"),
    [
        ("long", 95.01, 0, 0),
        ("long", 95, 5, 1),  # at the liquidation price
        ("long", 88.01, 5, 1),
        ("long", 88, 15, 2),
        ("long", 1e-300, 25, 3),
        ("short", 105.99, 0, 0),
        ("short", 106, 4, 1),
        ("short", 1e300, 20, 3),
    ],
)
def test_a_price_liquidates_the_positions_whose_liquidation_price_it_has_reached(side, price, qty, n):
    curve = adl.liquidation_curve(PANEL)
    assert curve.qty(price, side=side) == qty
    assert curve.n(price, side=side) == n
    assert curve.notional(price, side=side) == qty * price


def test_inverse_contracts_are_worth_coins():
    """2 contracts of 1 USD, closed at 80: 0.025 coins."""
    curve = adl.liquidation_curve(market((2, 80), (-3, 125), contract="inverse"))
    assert curve.qty(79.99, side="long") == 2
    assert curve.notional(79.0, side="long") == pytest.approx(2 / 79)
    assert curve.notional(125.01, side="short") == pytest.approx(3 / 125.01)


def test_a_position_below_its_margin_counts_at_the_mark_and_until_it_would_be_safe():
    """Liquidation prices 110 of a long and 90 of a short: both should be gone at the mark of 100."""
    curve = adl.liquidation_curve(market((2, 110), (-3, 90)))
    assert curve.qty(np.array([50, 100, 110, 110.1]), side="long").tolist() == [2, 2, 2, 0]
    assert curve.qty(np.array([89.9, 90, 100, 500]), side="short").tolist() == [0, 3, 3, 3]


def test_positions_that_no_price_or_every_price_liquidates_are_counted_so():
    """Cash for every fall; inverse short with coins for every rise: its liquidation price lies beyond inf."""
    safe = market((2, -10), (0.0, 50))
    assert adl.liquidation_price(safe).tolist()[0] == 0
    assert adl.liquidation_curve(safe).qty(1e-300, side="long") == 0
    coins = pd.DataFrame({"account": ["ann", "bob"], "symbol": "BTC", "qty": [100.0, -100.0], "entry_price": 100.0})
    coins = adl.build_panel(coins.assign(mark_price=100.0, collateral=[-1.5, 2.5], contract="inverse"))
    assert adl.liquidation_price(coins).tolist() == [np.inf, np.inf]
    curve = adl.liquidation_curve(coins)
    assert (curve.qty(1e300, side="long"), curve.qty(1e300, side="short")) == (100, 0)


def test_a_side_without_positions_is_never_liquidated():
    curve = adl.cascade_curve(market((2, 80)), impact=linear)
    assert curve.liquidations.qty(1e9, side="short") == 0
    assert (curve.price(1e9), curve.forced_qty(1e9), curve.runaway_price(side="up")) == (1e9, 0, np.inf)


# cascades, by hand -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shocked", "price", "forced"),
    [
        # falls: 5 contracts at 95, 10 at 88, 10 at 70; thresholds 95, 88 + 5 = 93, 70 + 15 = 85
        (100, 100, 0),
        (95.5, 95.5, 0),
        (95, 90, 5),
        (94, 89, 5),  # 94 - 5 = 89 does not reach 88
        (93, 78, 15),  # 93 - 5 = 88 does: 93 - 15
        (86, 71, 15),
        (85, 60, 25),  # 85 - 15 = 70: 85 - 25
        (26, 1, 25),
        (25, 0, 25),
        (1, 0, 25),
        # rises: 4 at 106, 6 at 112, 10 at 140; thresholds 106, 112 - 4 = 108, 140 - 10 = 130
        (105, 105, 0),
        (106, 110, 4),
        (108, 118, 10),
        (129, 139, 10),
        (130, 150, 20),
        (1000, 1020, 20),
    ],
)
def test_a_linear_impact_carries_the_mark_from_one_position_to_the_next(shocked, price, forced):
    curve = adl.cascade_curve(PANEL, impact=linear)
    assert curve.price(shocked) == pytest.approx(price, rel=ROUNDING)
    assert curve.forced_qty(shocked) == forced
    assert curve.is_runaway(shocked) is (price == 0)


def test_a_linear_fall_runs_away_where_all_that_is_sold_is_worth_the_shocked_price():
    """max of min(95, 5), min(93, 15), min(85, 25); rises end at finite prices."""
    curve = adl.cascade_curve(PANEL, impact=linear)
    assert curve.runaway_price(side="down") == 25
    assert curve.runaway_price(side="up") == np.inf


def test_amplification_is_the_whole_move_per_exogenous_move():
    """93 ends at 78: 22 / 7. 108 ends at 118: 18 / 8. 90.0 at 85: 15 / 10. The mark has no move."""
    curve = adl.cascade_curve(PANEL, impact=linear)
    expected = [22 / 7, 18 / 8, 1.0, np.nan, 100 / 99]
    answer = curve.amplification(np.array([93, 108, 96, 100, 1.0]))
    assert answer.tolist() == pytest.approx(expected, rel=ROUNDING, nan_ok=True)


def test_local_amplification_is_further_impact_per_further_move():
    """94 ends at 89, 2% further is 87.22: 10 more contracts. 107 ends at 111, 2% further 113.22: 6 more."""
    curve = adl.cascade_curve(PANEL, impact=linear)
    assert curve.local_amplification(94, width=0.02) == pytest.approx(10 / 1.78, rel=ROUNDING)
    assert curve.local_amplification(107, width=0.02) == pytest.approx(6 / 2.22, rel=ROUNDING)
    assert curve.local_amplification(94, width=0.01) == 0  # 88.11
    assert np.isnan(curve.local_amplification(20))  # has run away


def test_a_square_root_impact_by_hand():
    """4 contracts at 95, 5 at 90: impacts 2 x 2 = 4 and 2 x 3 = 6, so thresholds 95 and 94."""
    curve = adl.cascade_curve(market((4, 95), (5, 90)), impact=square_root)
    assert curve.price(np.array([96, 95, 94.5, 94, 50])).tolist() == pytest.approx([96, 91, 90.5, 88, 44])
    assert curve.runaway_price(side="down") == pytest.approx(6)


def test_a_large_position_takes_the_ones_behind_it_along():
    """10 contracts at 95, 1 at 94: the second threshold, 94 + 10, lies above the first, and waits for it."""
    curve = adl.cascade_curve(market((10, 95), (1, 94)), impact=linear)
    assert curve.forced_qty(np.array([95.5, 95])).tolist() == [0, 11]
    assert curve.price(95.0) == pytest.approx(84)


def test_positions_below_their_margin_are_sold_at_the_mark_already():
    """5 contracts are due at the mark: the fall of zero ends at 95. A rise forces shorts only."""
    curve = adl.cascade_curve(market((5, 120), (10, 60)), impact=linear)
    assert curve.price(np.array([100, 90, 100.1])).tolist() == pytest.approx([95, 85, 100.1])
    heavy = adl.cascade_curve(market((5, 120)), impact=lambda contracts: 30.0 * contracts)
    assert (heavy.price(100.0), heavy.runaway_price(side="down")) == (0, 100)


@pytest.mark.parametrize(
    ("shocked", "price", "forced"),
    [
        # falls: 5 contracts reach 1%, 15 reach 10%, 25 are more than the book: thresholds 95, 88 / 0.99, 70 / 0.9
        (96, 96, 0),
        (95, 0.99 * 95, 5),
        (88.9, 0.99 * 88.9, 5),
        (88.8, 0.90 * 88.8, 15),
        (77.8, 0.90 * 77.8, 15),
        (77.7, 0, 25),
        # rises: 4 reach 2%, 10 reach 5%, 20 are more than the book: thresholds 106, 112 / 1.02, 140 / 1.05
        (107, 1.02 * 107, 4),
        (109.7, 1.02 * 109.7, 4),
        (109.9, 1.05 * 109.9, 10),
        (133.3, 1.05 * 133.3, 10),
        (133.4, np.inf, 20),
    ],
)
def test_a_book_moves_the_mark_to_the_last_level_touched(shocked, price, forced):
    curve = adl.cascade_curve(PANEL, books={"BTC": BOOK, "ETH": BOOK})
    assert curve.price(shocked) == pytest.approx(price, rel=ROUNDING)
    assert curve.forced_qty(shocked) == forced
    assert curve.is_runaway(shocked) is (price in (0, np.inf))


def test_a_book_runs_away_where_it_is_empty():
    curve = adl.cascade_curve(PANEL, books={"BTC": BOOK})
    assert curve.runaway_price(side="down") == pytest.approx(70 / 0.9, rel=ROUNDING)
    assert curve.runaway_price(side="up") == pytest.approx(140 / 1.05, rel=ROUNDING)
    assert curve.amplification(140.0) == np.inf
    assert curve.local_amplification(77.8, width=0.02) == pytest.approx(0.9 / (0.9 * 0.02), rel=ROUNDING)
    assert curve.local_amplification(133.3, width=0.02) == np.inf
    assert np.isnan(curve.local_amplification(140.0))


def test_real_levels_keep_their_distance_in_percent_from_their_centre():
    real = adl.OrderBook(levels((198, 5), (180, 10)), levels((202, 4), (210, 6)))  # around 200
    relative = adl.OrderBook(levels((0.99, 5), (0.90, 10)), levels((1.01, 4), (1.05, 6)), is_relative=True)
    shocked = np.linspace(50.3, 150.3, 101)
    ends = [adl.cascade_curve(PANEL, books={"BTC": book}).price(shocked) for book in (real, relative)]
    np.testing.assert_allclose(ends[0], ends[1], rtol=ROUNDING)


def test_an_empty_side_of_a_book_takes_nothing():
    one_sided = adl.OrderBook(levels((0.5, 100)), levels(), is_relative=True)
    curve = adl.cascade_curve(PANEL, books={"BTC": one_sided})
    assert (curve.price(105.0), curve.price(106.0), curve.runaway_price(side="up")) == (105, np.inf, 106)


def test_an_infinite_impact_runs_away():
    """More than 10 contracts are more than anybody takes."""
    curve = adl.cascade_curve(PANEL, impact=lambda contracts: np.where(contracts > 10, np.inf, contracts))
    assert (curve.price(93.0), curve.price(93.5), curve.runaway_price(side="down")) == (0, 88.5, 93)
    assert (curve.price(130.0), curve.price(129.0), curve.runaway_price(side="up")) == (np.inf, 139, 130)


def test_the_distance_of_a_level_by_hand():
    qty = np.array([0, 1, 5, 5.1, 15, 20, 20.1])
    assert BOOK.distance(qty, side=1.0).tolist() == pytest.approx([0, 0.01, 0.01, 0.1, 0.1, 0.2, 1])
    assert BOOK.distance(np.array([0, 4, 4.1, 11]), side=-1.0).tolist() == pytest.approx([0, 0.02, 0.05, np.inf])


# results ---------------------------------------------------------------------------------------------------------


def test_one_price_gives_a_python_number_and_an_array_its_shape():
    curve = adl.cascade_curve(PANEL, impact=linear)
    liquidations = curve.liquidations
    answers = {
        float: [curve.price, curve.forced_qty, curve.amplification, curve.local_amplification],
        bool: [curve.is_runaway],
    }
    answers[float] += [lambda x: liquidations.qty(x, side="long"), lambda x: liquidations.notional(x, side="short")]
    answers[int] = [lambda x: liquidations.n(x, side="long")]
    for kind, methods in answers.items():
        for method in methods:
            assert type(method(90)) is kind
            assert type(method(np.float64(90.0))) is kind
            table = np.array([[90.0, 100.0, 110.0], [80.0, 120.0, 1.0]])
            np.testing.assert_array_equal(method(table), [[method(x) for x in row] for row in table.tolist()])
            assert method(np.zeros((0, 2))).shape == (0, 2)


def test_summaries_hold_raw_numbers():
    curve = adl.cascade_curve(PANEL, impact=linear)
    summary = curve.summary()
    assert summary["runaway price, down"] == 25
    assert summary["end of a fall of 10%"] == curve.price(90.0)
    assert summary["end of a rise of 20%"] == 130
    assert curve.liquidations.summary()["long contracts, 20% away"] == 15
    assert curve.liquidations.summary()["short contracts, at some price"] == 20
    assert repr(curve).startswith("CascadeCurve\nmark price ")
    assert repr(curve.liquidations).startswith("LiquidationCurve\n")


def test_one_of_several_symbols_moves_and_cross_accounts_keep_the_rest():
    panel, limits = adl.load_dataset("synthetic_crash"), adl.load_dataset("synthetic_crash_tiers")
    curve = adl.liquidation_curve(panel, symbol="ETH", tiers=limits)
    price = adl.liquidation_price(panel, tiers=limits).xs("ETH", level="symbol")
    qty = panel["qty"].xs("ETH", level="symbol")
    assert (curve.symbol, curve.mark_price, curve.is_inverse) == ("ETH", 4000.0, False)
    assert curve.qty(3000.0, side="long") == pytest.approx(qty[(qty > 0) & (price >= 3000.0)].sum(), rel=1e-9)


# laws ------------------------------------------------------------------------------------------------------------


def moved(panel: pd.DataFrame) -> str:
    """The symbol that moves: the first one."""
    return str(panel.index.unique("symbol")[0])


def impact_of(panel: pd.DataFrame, strength: float, power: float) -> Impact:
    """All contracts of the first symbol move its mark by `strength` [1]."""
    rows = panel.xs(moved(panel), level="symbol")
    size = max(float(rows["qty"].abs().sum()), 1.0)
    mark = float(rows["mark_price"].iloc[0])
    return lambda contracts: strength * mark * (contracts / size) ** power


def book_of(panel: pd.DataFrame, depth: float, exponent: float) -> adl.OrderBook:
    """Within 10% rest `depth` x all contracts of the first symbol."""
    size = max(float(panel.xs(moved(panel), level="symbol")["qty"].abs().sum()), 1.0)
    return adl.OrderBook.power_law(depth * size * 0.1**exponent, exponent)


@st.composite
def cases(draw: st.DrawFn) -> tuple[pd.DataFrame, dict]:
    """A panel, and an impact or a book for its first symbol."""
    panel = draw(panels(has_time=False))
    if draw(st.booleans()):
        strength, power = draw(st.sampled_from([0.0, 0.0317, 0.213, 1.37])), draw(st.sampled_from([0.5, 1.0, 2.0]))
        given_impact = {"impact": impact_of(panel, strength, power)}
    else:
        depth, exponent = draw(st.sampled_from([0.113, 1.07, 9.1])), draw(st.sampled_from([0.5, 1.0, 2.0]))
        given_impact = {"books": {moved(panel): book_of(panel, depth, exponent)}}
    return panel, {"symbol": moved(panel), **given_impact}


def shocks(panel: pd.DataFrame) -> np.ndarray:
    """Shocked prices around the mark, off the grid of round numbers."""
    mark = float(panel.xs(moved(panel), level="symbol")["mark_price"].iloc[0])
    return mark * OFF_GRID * np.r_[0.001, np.linspace(0.03, 0.99, 17), np.linspace(1.01, 2.0, 17), 7.0]


class Reference:
    """The definition, position by position: no sorting, no thresholds."""

    def __init__(self, panel: pd.DataFrame, arguments: dict) -> None:
        rows = panel.xs(arguments["symbol"], level="symbol")
        self.qty = rows["qty"].to_numpy()
        self.limit = adl.liquidation_price(panel).xs(arguments["symbol"], level="symbol").to_numpy()
        self.mark = float(rows["mark_price"].iloc[0])
        self.arguments = arguments

    def forced(self, price: float, side: float) -> float:
        """Contracts of one side at or past their liquidation price; those no price above zero reaches never are."""
        is_past = (self.limit >= price) & (self.limit > 0) if side > 0 else self.limit <= price
        is_past &= np.isfinite(self.limit) | (side > 0)
        return float(np.abs(self.qty[(side * self.qty > 0) & is_past]).sum())

    def end(self, shocked: float, contracts: float, side: float) -> float:
        """Where the mark is once so many contracts have moved it, floored at 0."""
        if "impact" in self.arguments:
            distance = float(self.arguments["impact"](np.array([contracts]))[0])
        else:
            distance = shocked * self.level(contracts, side)
        return max(shocked - side * distance, 0.0)

    def level(self, contracts: float, side: float) -> float:
        """Distance of the level where the last contract fills, level by level."""
        book = self.arguments["books"][self.arguments["symbol"]]
        if contracts == 0:
            return 0.0
        filled = 0.0
        for price, size in (book.bids if side > 0 else book.asks).to_numpy().tolist():
            filled += size
            if filled >= contracts:
                return side * (1.0 - price)
        return 1.0 if side > 0 else np.inf

    def iterated(self, shocked: float) -> float:
        """p <- x - I(F(p)) from x, until nothing changes."""
        side, price = (1.0 if shocked <= self.mark else -1.0), shocked
        while (further := self.end(shocked, self.forced(price, side), side)) != price:
            assert side * further < side * price
            price = further
        return price

    def outermost(self, shocked: float) -> float:
        """Fixed point nearest to the shocked price among the states of every possible number of liquidations."""
        side = 1.0 if shocked <= self.mark else -1.0
        states = {self.forced(price, side) for price in (*self.limit[self.limit >= 0], shocked, 0.0, np.inf)}
        ends = {self.end(shocked, contracts, side) for contracts in states | {0.0}}
        fixed = [end for end in ends if self.end(shocked, self.forced(end, side), side) == end]
        return max(fixed) if side > 0 else min(fixed)


@given(case=cases())
def test_the_end_is_the_least_cascade_by_brute_force_and_by_iteration(case):
    panel, arguments = case
    reference, shocked = Reference(panel, arguments), shocks(panel)
    ends = adl.cascade_curve(panel, **arguments).price(shocked)
    np.testing.assert_allclose(ends, [reference.iterated(x) for x in shocked.tolist()], rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(ends, [reference.outermost(x) for x in shocked.tolist()], rtol=1e-9, atol=1e-9)


@given(case=cases())
def test_forced_contracts_are_those_that_the_end_of_the_cascade_liquidates(case):
    panel, arguments = case
    curve, shocked = adl.cascade_curve(panel, **arguments), shocks(panel)
    ends = curve.price(shocked)
    settled, is_fall = (ends > 0) & np.isfinite(ends), shocked <= curve.liquidations.mark_price
    for side, rows in (("long", settled & is_fall), ("short", settled & ~is_fall)):
        expected = curve.liquidations.qty(ends[rows], side=side)
        np.testing.assert_allclose(curve.forced_qty(shocked[rows]), expected, rtol=1e-9)


@given(panel=panels(has_time=False))
def test_without_impact_the_mark_ends_at_the_shock_and_liquidations_are_those_of_its_price(panel):
    curve = adl.cascade_curve(panel, symbol=moved(panel), impact=nothing)
    shocked = shocks(panel)
    down, up = shocked[shocked <= curve.liquidations.mark_price], shocked[shocked > curve.liquidations.mark_price]
    assert curve.price(shocked).tolist() == shocked.tolist()
    assert curve.forced_qty(down).tolist() == curve.liquidations.qty(down, side="long").tolist()
    assert curve.forced_qty(up).tolist() == curve.liquidations.qty(up, side="short").tolist()
    assert not curve.is_runaway(shocked).any()
    assert (curve.local_amplification(shocked) == 0).all()
    np.testing.assert_allclose(curve.amplification(shocked), 1.0)


@given(case=cases())
def test_a_deeper_shock_never_ends_nearer_and_no_cascade_helps(case):
    panel, arguments = case
    curve, shocked = adl.cascade_curve(panel, **arguments), shocks(panel)
    ends, is_fall = curve.price(shocked), shocked <= curve.liquidations.mark_price
    assert (ends[1:] >= ends[:-1]).all()
    assert (ends[is_fall] <= shocked[is_fall]).all()
    assert (ends[~is_fall] >= shocked[~is_fall]).all()
    assert (curve.amplification(shocked) >= 1 - 1e-9).all()


@given(panel=panels(has_time=False), strength=st.floats(0.0, 2.0), more=st.floats(1.0, 3.0))
def test_more_impact_never_ends_nearer(panel, strength, more):
    shocked = shocks(panel)
    weak, strong = (
        adl.cascade_curve(panel, symbol=moved(panel), impact=impact_of(panel, size, 1.0))
        for size in (strength, strength * more)
    )
    is_fall = shocked <= weak.liquidations.mark_price
    assert (np.where(is_fall, 1, -1) * (weak.price(shocked) - strong.price(shocked)) >= 0).all()
    assert (weak.forced_qty(shocked) <= strong.forced_qty(shocked)).all()
    assert weak.runaway_price(side="down") <= strong.runaway_price(side="down")


@given(case=cases())
def test_shocks_run_away_from_the_runaway_price_on(case):
    panel, arguments = case
    curve, shocked = adl.cascade_curve(panel, **arguments), shocks(panel)
    is_fall, mark = shocked <= curve.liquidations.mark_price, curve.liquidations.mark_price
    down, up = curve.runaway_price(side="down"), curve.runaway_price(side="up")
    assert 0 <= down <= mark <= up
    expected = np.where(is_fall, shocked <= down, shocked >= up)
    assert curve.is_runaway(shocked).tolist() == expected.tolist()
    if down > 0:
        assert curve.price(down * (1 - 1e-9)) == 0
    if down < mark / OFF_GRID:
        assert curve.price(max(down, 1e-6 * mark) * (1 + 1e-9)) > 0


@given(case=cases(), width=st.sampled_from([0.0113, 0.117, 0.331]))
def test_local_amplification_is_the_difference_quotient_of_the_impact(case, width):
    panel, arguments = case
    curve, reference = adl.cascade_curve(panel, **arguments), Reference(panel, arguments)
    for x in shocks(panel).tolist():
        side, end = (1.0 if x <= reference.mark else -1.0), float(curve.price(x))
        if 0 < end < np.inf:
            near, far = (reference.forced(price, side) for price in (end, end * (1 - side * width)))
            assume(np.isinf(reference.limit).any() or (np.abs(reference.limit / end - 1) > 1e-9).all())
            if "impact" in arguments:
                move = np.diff(arguments["impact"](np.array([near, far])))[0]
            else:
                move = x * (reference.level(far, side) - reference.level(near, side))
            answer = curve.local_amplification(x, width=width)
            assert answer == pytest.approx(move / (end * width), rel=1e-6, abs=1e-9)


@given(case=cases(), seed=st.integers(0, 99))
def test_the_order_of_rows_does_not_matter_and_nothing_is_changed(case, seed):
    panel, arguments = case
    before, shocked = panel.copy(deep=True), shocks(panel)
    asked = shocked.copy()
    curve = adl.cascade_curve(panel, **arguments)
    shuffled = panel.iloc[np.random.default_rng(seed).permutation(len(panel))]
    other = adl.cascade_curve(shuffled, **arguments)
    for method in ("price", "forced_qty", "amplification", "local_amplification", "is_runaway"):
        first, second = getattr(curve, method)(shocked), getattr(other, method)(shocked)
        np.testing.assert_allclose(first, second, rtol=1e-9, atol=1e-12)
    pd.testing.assert_frame_equal(panel, before)
    assert shocked.tolist() == asked.tolist()


def counted(panel: pd.DataFrame, symbol: str, price: float, limits: pd.DataFrame | None) -> tuple[float, float]:
    """Long and short contracts of accounts below their maintenance margin with the symbol's mark at `price`."""
    marks = adl.mark_prices(panel)
    marks[symbol] = price
    marked = adl.mark_to(panel, marks, tiers=limits)
    margin = adl.maintenance_margin(marked).groupby(level="account").transform("sum")
    rows = marked[(adl.equity(marked) < margin).to_numpy()]
    qty = rows["qty"][rows.index.get_level_values("symbol") == symbol]
    return float(qty[qty > 0].sum()), float(-qty[qty < 0].sum())


@pytest.mark.parametrize("kind", [LINEAR, INVERSE, BOTH])
@pytest.mark.parametrize("has_tiers", [False, True])
@few
@given(data=st.data())
def test_the_curve_counts_accounts_below_their_margin_after_re_marking(kind, has_tiers, data):
    panel = data.draw(panels(kind=kind, has_time=False, has_deductions=False))
    limits = data.draw(tiers()) if has_tiers else None
    symbol = moved(panel)
    curve = adl.liquidation_curve(panel, symbol=symbol, tiers=limits)
    near = adl.liquidation_price(panel, tiers=limits).xs(symbol, level="symbol").to_numpy()
    for share in (0.06, 0.5, 0.83, 1.0, 1.21, 2.3, 9.0):
        price = curve.mark_price * share * OFF_GRID
        if not (np.abs(near - price) <= 1e-6 * price).any():
            longs, shorts = counted(panel, symbol, price, limits)
            assert curve.qty(price, side="long") == pytest.approx(longs)
            assert curve.qty(price, side="short") == pytest.approx(shorts)


@given(panel=panels(has_time=False))
def test_a_smaller_book_holds_no_more(panel):
    """Distance of the level of each contract rises with contracts and falls with depth."""
    thin, deep = book_of(panel, 0.3, 1.0), book_of(panel, 3.0, 1.0)
    qty = np.linspace(0.0, float(thin.bids["qty"].sum()) * 1.2, 50)
    for side in (1.0, -1.0):
        distance = thin.distance(qty, side=side)
        assert (distance[1:] >= distance[:-1]).all()
        assert (distance >= deep.distance(qty, side=side)).all()


# errors ----------------------------------------------------------------------------------------------------------

SEVERAL = adl.load_dataset("synthetic_crash")


def shrinking(contracts):
    return np.minimum(contracts, 20.0 - contracts)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({}, CurveError, r"give either books=.* or impact=, .*: neither"),
        ({"impact": linear, "books": {"BTC": BOOK}}, CurveError, "give either .*: both"),
        ({"impact": 0.5}, CurveError, "impact must be callable, array of contracts .*; got a float"),
        ({"impact": shrinking}, CurveError, r"impact 'shrinking' decreases from 5 at 15 contracts to -5 at 25; more"),
        ({"impact": lambda q: q + 1.0}, CurveError, r"impact '<lambda>' is 1 at 0 contracts; it must be 0"),
        ({"impact": lambda q: q * np.nan}, CurveError, r"impact '<lambda>' is NaN at 0 contracts"),
        ({"impact": lambda _: 0.0}, CurveError, r"must return a number per quantity: asked for 4, got shape \(\)"),
        ({"impact": lambda q: q.astype(str)}, CurveError, "must return a number per quantity: .* of <U"),
        ({"books": [BOOK]}, BookError, "books must map symbols to OrderBook, .*; got a list"),
        ({"books": {"ETH": BOOK}}, BookError, r"no book for 'BTC', only for \['ETH'\]; add it, or give impact="),
        ({"books": {}}, BookError, r"no book for 'BTC', only for \[\]"),
        ({"books": {"BTC": 5.0}}, BookError, r"book of 'BTC' is no OrderBook; build it with"),
        ({"books": {"BTC": adl.OrderBook(levels((99, 1)), levels())}}, BookError, "empty side has no centre"),
        (
            {"books": {"BTC": adl.OrderBook(levels((1.01, 9)), levels((1.02, 9)), is_relative=True)}},
            CurveError,
            r"book of 'BTC' decreases from 0 at 0 contracts to -0.01 at 5",
        ),
        ({"impact": linear, "symbol": "XRP"}, CurveError, r"unknown symbol 'XRP'; known: \['BTC'\]"),
        ({"impact": linear, "tiers": pd.DataFrame({"floor": [0.0]})}, PanelError, "tiers"),
    ],
)
def test_what_no_cascade_can_be_made_of_is_refused_in_words(arguments, error, message):
    with pytest.raises(error, match=message):
        adl.cascade_curve(PANEL, **arguments)


def test_an_object_that_is_called_is_named_by_its_type():
    class Depth:
        def __call__(self, contracts):
            return -contracts

    with pytest.raises(CurveError, match="impact 'Depth' decreases from 0 at 0 contracts to -5 at 5"):
        adl.cascade_curve(PANEL, impact=Depth())


def test_an_impact_may_change_what_it_is_given():
    def hasty(contracts):
        contracts *= 0.0
        return contracts

    assert adl.cascade_curve(PANEL, impact=hasty).forced_qty(50.0) == 25


def test_several_symbols_need_a_choice():
    with pytest.raises(CurveError, match=r"the panel has 4 symbols, name one of them: \['BTC'"):
        adl.liquidation_curve(SEVERAL)
    many = pd.DataFrame({"account": "ann", "symbol": [f"S{i:02d}" for i in range(12)], "qty": 1.0})
    many = adl.build_panel(many.assign(entry_price=1.0, mark_price=1.0, collateral=1.0))
    with pytest.raises(CurveError, match=r"unknown symbol 'BTC'; known: \['S00', .*'S09'\] \.\.\."):
        adl.liquidation_curve(many, symbol="BTC")


def test_a_symbol_that_was_selected_away_is_unknown():
    with pytest.raises(CurveError, match=r"unknown symbol 'ETH'; known: \['BTC'\]"):
        adl.liquidation_curve(SEVERAL[SEVERAL.index.get_level_values("symbol") == "BTC"], symbol="ETH")


@pytest.mark.parametrize("build", [adl.liquidation_curve, lambda panel: adl.cascade_curve(panel, impact=linear)])
def test_a_curve_takes_one_moment_of_a_panel(build):
    timed = PANEL.reset_index().assign(time=pd.Timestamp("2025-10-10T21:16:04Z"))
    with pytest.raises(PanelError, match=r"a curve takes one moment; select it, e\.g\. panel\.xs\(time"):
        build(adl.build_panel(timed))


@pytest.mark.parametrize(
    ("price", "message"),
    [
        (0.0, "prices must be finite and above zero; 1 of 1 are not, first 0"),
        ([90.0, -1.0, np.nan], "2 of 3 are not, first -1"),
        (np.inf, "1 of 1 are not, first inf"),
        (np.nan, "first nan"),
        ("90", "prices are of type <U2, need numbers"),
        (True, "prices are of type bool, need numbers"),
        (None, "prices are of type object, need numbers"),
    ],
)
def test_prices_are_finite_and_above_zero(price, message):
    curve = adl.cascade_curve(PANEL, impact=linear)
    methods = [curve.price, curve.forced_qty, curve.is_runaway, curve.amplification, curve.local_amplification]
    methods += [lambda x: curve.liquidations.qty(x, side="long"), lambda x: curve.liquidations.n(x, side="long")]
    methods += [lambda x: curve.liquidations.notional(x, side="long")]
    for method in methods:
        with pytest.raises(CurveError, match=message):
            method(price)


def test_sides_and_widths_are_checked():
    curve = adl.cascade_curve(PANEL, impact=linear)
    with pytest.raises(CurveError, match="side must be 'long' or 'short', got 'buy'"):
        curve.liquidations.qty(90.0, side="buy")
    with pytest.raises(CurveError, match="side must be 'down' or 'up', got 'long'"):
        curve.runaway_price(side="long")
    for width in (0.0, 1.0, -0.1, np.nan):
        with pytest.raises(CurveError, match=r"width must be within \(0, 1\), got"):
            curve.local_amplification(90.0, width=width)


def test_a_curve_error_is_a_value_error():
    assert issubclass(CurveError, ValueError)


# More by hand, with tiers, and the figure


@pytest.mark.parametrize(
    ("shocked", "price", "forced"),
    [
        # ann's 2 longs at 80 / 0.95 = 84.21; dee never; cat's short at 120 / 1.05 = 114.29, bob's 2 at 130 / 1.05 - 5
        (84.3, 84.3, 0),
        (84.2, 74.2, 2),
        (10.1, 0.1, 2),
        (10, 0, 2),
        (114, 114, 0),
        (115, 120, 1),
        (118.8, 123.8, 1),
        (118.9, 133.9, 3),
    ],
)
def test_four_accounts_at_an_impact_of_5_end_where_it_is_worked_out_by_hand(shocked, price, forced):
    toy = adl.mark_to(adl.load_dataset("four_accounts"), {"BTC": 100.0})
    curve = adl.cascade_curve(toy, impact=lambda contracts: 5.0 * contracts)
    assert curve.price(shocked) == pytest.approx(price, rel=1e-9)
    assert curve.forced_qty(shocked) == forced
    assert curve.amplification(shocked) == pytest.approx((100 - price) / (100 - shocked), rel=1e-9)
    assert (curve.runaway_price(side="down"), curve.runaway_price(side="up")) == (10, np.inf)


def test_inverse_contracts_cascade_by_contracts_as_linear_ones_do():
    """2 at 80, 3 at 70; shorts 3 at 125. Impact 1: thresholds 80 and 72. Book: 5 fit the level at 1%, 70 / 0.99."""
    panel = market((2, 80), (3, 70), (-3, 125), contract="inverse")
    curve, shocked = adl.cascade_curve(panel, impact=linear), np.array([80.1, 79.9, 72.1, 71.9, 124.9, 125.1])
    assert curve.price(shocked).tolist() == pytest.approx([80.1, 77.9, 70.1, 66.9, 124.9, 128.1])
    assert curve.forced_qty(shocked).tolist() == [0, 2, 2, 5, 0, 3]
    curve, shocked = adl.cascade_curve(panel, books={"BTC": BOOK}), np.array([79.9, 70.8, 70.7, 125.1])
    assert curve.forced_qty(shocked).tolist() == [2, 2, 5, 3]
    assert curve.price(shocked).tolist() == pytest.approx((shocked * [0.99, 0.99, 0.99, 1.02]).tolist())


def test_shorts_below_their_margin_are_bought_in_by_any_rise():
    """4 are due at the mark: every rise moves 4 further, a fall of zero nothing."""
    curve = adl.cascade_curve(market((-4, 90)), impact=linear)
    assert curve.price(np.array([100, 100.1, 120])).tolist() == pytest.approx([100, 104.1, 124])
    endless = adl.cascade_curve(market((-4, 90)), impact=lambda contracts: np.where(contracts > 0, np.inf, 0.0))
    assert (endless.price(100.1), endless.runaway_price(side="up")) == (np.inf, 100)


@few
@given(panel=panels(has_time=False), limits=tiers(), strength=st.sampled_from([0.0317, 0.213, 1.37]))
def test_with_tiers_the_end_is_what_iterating_the_liquidation_curve_comes_to(panel, limits, strength):
    """p <- max(0, x - I(F(p))) from x; at 0 every long counts that some price liquidates."""
    panel = adl.mark_to(panel, adl.mark_prices(panel), tiers=limits)
    impact = impact_of(panel, strength, 0.5)
    curve = adl.cascade_curve(panel, symbol=moved(panel), impact=impact, tiers=limits)
    counts, mark = adl.liquidation_curve(panel, symbol=moved(panel), tiers=limits), curve.liquidations.mark_price
    all_longs = counts.summary()["long contracts, at some price"]
    for x in shocks(panel).tolist():
        name, side = ("long", 1.0) if x <= mark else ("short", -1.0)
        price, last = x, None
        while price != last:
            last, qty = price, counts.qty(price, side=name) if price > 0 else all_longs
            price = max(0.0, x - side * float(impact(np.array([qty]))[0]))
        assert curve.price(x) == pytest.approx(price, rel=1e-9, abs=1e-9 * mark)


def test_the_figure_says_where_a_fall_of_20_percent_ends_and_draws_the_curve():
    """80 ends at 80 - 25 = 55, and falls to 25 run away."""
    curve = adl.cascade_curve(PANEL, impact=linear)
    ax = curve.plot()
    assert ax.get_title(loc="left") == "BTC: a fall of 20% ends at −45%; falls beyond −75% run away"
    drawn = ax.get_lines()[1].get_xydata()
    drawn = drawn[~np.isnan(drawn).any(axis=1)]
    assert len(drawn) > 1000
    np.testing.assert_allclose(drawn[:, 1], curve.price(100.0 * (1 + drawn[:, 0])) / 100 - 1, atol=ROUNDING)
