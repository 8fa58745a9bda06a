"""The order book: sweeps by hand, power-law depth, other marks, and which books are refused."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from hypothesis import given

import adlkit as adl
from adlkit.book import NO_LADDER
from adlkit.errors import BookError

Levels = list[tuple[float, float]]
RELATIVE = 1e-12


def levels(*rows: tuple[float, float]) -> pd.DataFrame:
    """One side of a book: (price, qty) of each level."""
    return pd.DataFrame(rows, columns=["price", "qty"]).astype(float)


BIDS, ASKS = levels((98, 5), (99, 1), (95, 4)), levels((103, 6), (101, 2))  # in no order
NOTHING = levels()
BOOK = adl.OrderBook(BIDS, ASKS)


@st.composite
def sides(draw: st.DrawFn) -> tuple[Levels, Levels]:
    """Whole quantities at whole prices below and above 100; prices may repeat, one side may be empty."""
    bids = draw(st.lists(st.tuples(st.integers(50, 99), st.integers(1, 9)), max_size=6))
    asks = draw(st.lists(st.tuples(st.integers(101, 150), st.integers(1, 9)), min_size=not bids, max_size=6))
    return bids, asks


def swept_level_by_level(side: Levels, qty: int, limit: float | None, *, is_sale: bool) -> tuple[float, float]:
    """Contracts traded, and the sum of their prices."""
    traded = money = 0.0
    for price, size in sorted(side, reverse=is_sale):
        if limit is not None and (price < limit if is_sale else price > limit):
            break
        piece = min(size, qty - traded)
        traded, money = traded + piece, money + piece * price
    return traded, money


# sweeps ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("qty", "limit", "filled", "average_price", "unfilled"),
    [
        (-1, None, -1, 99.0, 0),
        (-3, None, -3, (99 + 2 * 98) / 3, 0),
        (-0.5, None, -0.5, 99.0, 0),
        (-10, None, -10, (99 + 5 * 98 + 4 * 95) / 10, 0),
        (-12, None, -10, (99 + 5 * 98 + 4 * 95) / 10, -2),  # deeper than the book
        (-3, 98.5, -1, 99.0, -2),
        (-3, 98, -3, (99 + 2 * 98) / 3, 0),  # a level at the limit trades
        (-3, 99.5, 0, np.nan, -3),
        (4, None, 4, (2 * 101 + 2 * 103) / 4, 0),
        (4, 102, 2, 101.0, 2),
        (4, 101, 2, 101.0, 2),
        (4, 100, 0, np.nan, 4),
        (100, None, 8, (2 * 101 + 6 * 103) / 8, 92),
        (0, None, 0, np.nan, 0),
    ],
)
def test_an_order_meets_the_best_levels_first_up_to_its_limit(qty, limit, filled, average_price, unfilled):
    fill = BOOK.sweep(qty, limit)
    assert fill == pytest.approx((filled, average_price, unfilled), rel=RELATIVE, nan_ok=True)


def test_the_order_of_levels_and_their_index_do_not_matter():
    other = adl.OrderBook(BIDS.sort_values("price").set_index("qty", drop=False), ASKS.iloc[::-1])
    for qty in (-10.0, -4.0, 2.5, 7.0):
        assert other.sweep(qty) == BOOK.sweep(qty)


def test_an_empty_side_fills_nothing():
    assert adl.OrderBook(BIDS, NOTHING).sweep(1.0) == pytest.approx((0.0, np.nan, 1.0), nan_ok=True)
    assert adl.OrderBook(NOTHING, ASKS).sweep(-1.0) == pytest.approx((0.0, np.nan, -1.0), nan_ok=True)


def test_further_columns_and_whole_numbers_are_welcome():
    book = adl.OrderBook(BIDS.astype(int).assign(venue="any"), ASKS.astype("float32"))
    assert book.sweep(-3.0).filled == -3.0


@given(book=sides(), qty=st.integers(0, 70), limit=st.none() | st.integers(45, 155), sale=st.booleans())
def test_a_sweep_is_what_trading_level_by_level_gives(book, qty, limit, sale):
    bids, asks = book
    fill = adl.OrderBook(levels(*bids), levels(*asks)).sweep(-float(qty) if sale else float(qty), limit)
    traded, money = swept_level_by_level(bids if sale else asks, qty, limit, is_sale=sale)
    assert abs(fill.filled) == traded
    assert abs(fill.unfilled) == qty - traded
    assert fill.average_price == pytest.approx(money / traded if traded else np.nan, rel=RELATIVE, nan_ok=True)


@given(book=sides(), scale=st.sampled_from([1e-6, 1e-3, 1e4, 1e9]), qty=st.integers(1, 70))
def test_a_book_in_other_units_fills_the_same_contracts_in_those_units(book, scale, qty):
    bids, asks = (levels(*side) for side in book)
    small = adl.OrderBook(bids, asks).sweep(-float(qty))
    large = adl.OrderBook(bids.assign(qty=bids["qty"] * scale), asks).sweep(-qty * scale)
    assert large.filled == pytest.approx(small.filled * scale, rel=RELATIVE)
    assert large.average_price == pytest.approx(small.average_price, rel=1e-9, nan_ok=True)


# ladders: what orders of the event meet --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("side", "is_inverse", "merit", "depth", "worth"),
    [
        (1.0, False, [99.0, 98.0, 95.0], [0.0, 1.0, 6.0, 10.0], [0.0, 99.0, 589.0, 969.0]),
        (-1.0, False, [-101.0, -103.0], [0.0, 2.0, 8.0], [0.0, 202.0, 820.0]),
    ],
)
def test_a_ladder_holds_cumulative_contracts_and_values_best_level_first(side, is_inverse, merit, depth, worth):
    ladder = BOOK.ladder(side, is_inverse=is_inverse)
    assert ladder.merit.tolist() == merit
    assert ladder.depth.tolist() == depth
    assert ladder.worth.tolist() == worth


def test_a_ladder_of_inverse_contracts_counts_coins():
    """10 and 20 contracts of 1 USD bid at 100 and 80: 0.1 and 0.25 coins; 8 offered at 125: 0.064 coins."""
    book = adl.OrderBook(levels((80, 20), (100, 10)), levels((125, 8)))
    longs, shorts = book.ladder(1.0, is_inverse=True), book.ladder(-1.0, is_inverse=True)
    assert longs.merit.tolist() == [-0.01, -0.0125]
    assert longs.depth.tolist() == [0.0, 10.0, 30.0]
    assert longs.worth.tolist() == pytest.approx([0.0, -0.1, -0.35], rel=RELATIVE)
    assert shorts.merit.tolist() == [0.008]
    assert shorts.worth.tolist() == pytest.approx([0.0, -0.064], rel=RELATIVE)
    assert longs.worth_of(np.array([5.0]), np.array([12.0])).tolist() == pytest.approx([-0.05 - 0.025], rel=RELATIVE)


def test_depth_at_a_limit_counts_the_level_at_the_limit():
    ladder = BOOK.ladder(1.0, is_inverse=False)
    limits = np.array([100.0, 99.0, 98.5, 98.0, 95.0, 1.0, -np.inf])
    assert ladder.depth_at(limits).tolist() == [0.0, 1.0, 1.0, 6.0, 10.0, 10.0, 10.0]


def test_where_there_is_no_book_there_is_no_depth():
    assert NO_LADDER.depth_at(np.array([-np.inf, 0.0, 1.0])).tolist() == [0.0, 0.0, 0.0]


@given(book=sides(), start=st.integers(0, 30), more=st.integers(0, 30))
def test_the_worth_between_two_depths_is_the_sum_of_its_contracts(book, start, more):
    bids, _ = book
    ladder = adl.OrderBook(levels(*bids), levels((200, 1))).ladder(1.0, is_inverse=False)
    contracts = [price for price, size in sorted(bids, reverse=True) for _ in range(size)]
    worth = ladder.worth_of(np.array([float(start)]), np.array([float(start + more)]))
    assert worth.tolist() == pytest.approx([sum(contracts[start : start + more])], rel=1e-9)


# power law -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("exponent", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("reach", [0.1, 0.5])
def test_power_law_depth_grows_as_a_power_of_the_distance_from_the_mark(exponent, reach):
    book = adl.OrderBook.power_law(10.0, exponent, reach=reach)
    assert book.is_relative
    for side, distance in ((book.bids, 1 - book.bids["price"]), (book.asks, book.asks["price"] - 1)):
        assert len(side) == 200
        assert distance.iloc[[0, -1]].tolist() == pytest.approx([1e-4, reach], rel=1e-9)
        assert (distance.iloc[1:].to_numpy() / distance.iloc[:-1].to_numpy()) == pytest.approx(
            (reach / 1e-4) ** (1 / 199), rel=1e-6
        )
        for last in (0, 1, 50, 199):
            expected = 10.0 * (distance.iloc[last] / 0.01) ** exponent
            assert side["qty"].iloc[: last + 1].sum() == pytest.approx(expected, rel=1e-9)


def test_power_law_of_exponent_one_has_depth_contracts_within_a_percent_on_each_side():
    book = adl.OrderBook.power_law(10.0, 1.0).recentre(200.0)
    assert book.sweep(-1e9).filled == pytest.approx(-500.0)
    assert book.sweep(1e9).filled == pytest.approx(500.0)
    step = (0.5 / 1e-4) ** (1 / 199)  # levels are 4.4% of their distance apart
    assert 10.0 / step <= book.sweep(1e9, limit=202.0).filled <= 10.0
    assert 10.0 / step <= -book.sweep(-1e9, limit=198.0).filled <= 10.0


# other marks -----------------------------------------------------------------------------------------------------


def test_a_book_keeps_its_distances_in_percent_when_it_is_moved():
    moved = BOOK.recentre(50.0)  # from 100, the middle of 99 and 101
    assert moved.bids["price"].tolist() == [49.0, 49.5, 47.5]
    assert moved.asks["price"].tolist() == [51.5, 50.5]
    assert moved.bids["qty"].tolist() == BIDS["qty"].tolist()
    assert BOOK.bids["price"].tolist() == [98.0, 99.0, 95.0]


def test_a_relative_book_is_a_multiple_of_the_mark():
    book = adl.OrderBook(levels((0.99, 1)), levels((1.02, 3)), is_relative=True)
    for moved in (book.recentre(200.0), book.at(200.0)):
        assert not moved.is_relative
        assert moved.bids["price"].tolist() == [198.0]
        assert moved.asks["price"].tolist() == [204.0]


@given(book=sides().filter(lambda book: all(book)), mark=st.floats(1e-6, 1e9), back=st.floats(1e-3, 1e6))
def test_moving_a_book_twice_is_moving_it_once(book, mark, back):
    start = adl.OrderBook(*(levels(*side) for side in book))
    once, twice = start.recentre(back), start.recentre(mark).recentre(back)
    for side in ("bids", "asks"):
        assert getattr(twice, side)["price"].tolist() == pytest.approx(getattr(once, side)["price"].tolist(), rel=1e-9)


@pytest.mark.parametrize("mark", [95.0, 97.0, 100.0, 103.0])
def test_real_levels_are_used_as_they_are_where_they_hold_the_mark(mark):
    assert BOOK.at(mark) is BOOK


@pytest.mark.parametrize("mark", [94.9, 103.1, 1e-9])
def test_a_mark_outside_real_levels_is_refused(mark):
    with pytest.raises(BookError, match=r"mark .* lies outside the book's levels 95 \.\. 103; give the book of"):
        BOOK.at(mark)


def test_a_one_sided_book_holds_the_marks_within_its_levels():
    book = adl.OrderBook(BIDS, NOTHING)
    assert book.at(97.0) is book
    with pytest.raises(BookError, match="outside"):
        book.at(90.0)


@pytest.mark.parametrize("book", [adl.OrderBook(BIDS, NOTHING), adl.OrderBook(NOTHING, ASKS)])
def test_a_one_sided_book_has_no_centre(book):
    with pytest.raises(BookError, match="empty side has no centre"):
        book.recentre(100.0)


def test_a_relative_book_may_be_one_sided():
    assert (
        adl.OrderBook(levels((0.99, 1)), NOTHING, is_relative=True).recentre(200.0).sweep(-1.0).average_price == 198.0
    )


@pytest.mark.parametrize("mark", [0.0, -1.0, np.nan, np.inf])
def test_a_book_moves_to_marks_above_zero_only(mark):
    with pytest.raises(BookError, match="mark must be finite and above zero"):
        BOOK.recentre(mark)


# errors ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bids", "asks", "message"),
    [
        (BIDS.drop(columns="qty"), ASKS, r"bids misses columns \['qty'\]"),
        (BIDS, ASKS.rename(columns={"price": "px"}), r"asks misses columns \['price'\]"),
        (levels((np.nan, 1)), ASKS, "bids: 1 levels with price not finite and above zero"),
        (BIDS, levels((101, 1), (102, np.nan), (103, np.nan)), "asks: 2 levels with qty not finite and above zero"),
        (levels((0, 1)), ASKS, "bids: 1 levels with price not finite"),
        (levels((99, 0)), ASKS, "bids: 1 levels with qty not finite"),
        (levels((99, -1)), ASKS, "bids: 1 levels with qty not finite"),
        (levels((-99, 1)), ASKS, "bids: 1 levels with price not finite"),
        (BIDS, levels((np.inf, 1)), "asks: 1 levels with price not finite"),
        (BIDS, levels((101, np.inf)), "asks: 1 levels with qty not finite"),
        (levels((101, 1)), ASKS, "crossed: best bid 101 is not below best ask 101"),
        (levels((90, 1), (102, 1)), ASKS, "crossed: best bid 102 is not below best ask 101"),
        (BIDS.astype(str), ASKS, "bids: price has dtype str, need numbers"),
        (BIDS, ASKS.astype({"qty": object}), "asks: qty has dtype object, need numbers"),
        (BIDS.astype(bool), ASKS, "bids: price has dtype bool, need numbers"),
        (NOTHING, NOTHING, "both sides are empty; leave the symbol out"),
        ([(99, 1)], ASKS, "bids must be a DataFrame, got list"),
        (BIDS, BIDS["price"], "asks must be a DataFrame, got Series"),
    ],
)
def test_a_faulty_book_is_refused_in_words(bids, asks, message):
    with pytest.raises(BookError, match=message):
        adl.OrderBook(bids, asks)


def test_every_fault_of_a_book_is_listed_at_once():
    with pytest.raises(BookError, match=r"bids: 1 levels with price .*; bids: 2 levels with qty .*; asks misses"):
        adl.OrderBook(levels((np.nan, 0), (99, -1)), ASKS[["qty"]])


@pytest.mark.parametrize(
    ("depth", "exponent", "reach"),
    [
        (0.0, 1.0, 0.5),
        (-1.0, 1.0, 0.5),
        (np.nan, 1.0, 0.5),
        (np.inf, 1.0, 0.5),
        (1.0, 0.0, 0.5),
        (1.0, -1.0, 0.5),
        (1.0, np.nan, 0.5),
        (1.0, np.inf, 0.5),
        (1.0, 1.0, 1e-4),
        (1.0, 1.0, 1.0),
        (1.0, 1.0, np.nan),
    ],
)
def test_a_power_law_without_sense_is_refused(depth, exponent, reach):
    with pytest.raises(BookError, match="depth and exponent must be finite and above zero, reach in"):
        adl.OrderBook.power_law(depth, exponent, reach=reach)


def test_an_empty_side_needs_no_types():
    assert adl.OrderBook(BIDS, pd.DataFrame(columns=["price", "qty"])).sweep(-1.0).filled == -1.0


def test_a_missing_number_of_a_nullable_column_is_refused():
    with pytest.raises(BookError, match="bids: 1 levels with price not finite and above zero"):
        adl.OrderBook(BIDS.assign(price=pd.array([98.0, None, 95.0], dtype="Float64")), ASKS)


@pytest.mark.parametrize(("qty", "limit"), [(np.nan, None), (-1.0, np.nan)])
def test_an_order_of_nan_is_refused(qty, limit):
    with pytest.raises(BookError, match="NaN"):
        BOOK.sweep(qty, limit)


@pytest.mark.parametrize("is_inverse", [False, True])
@pytest.mark.parametrize("side", [1.0, -1.0])
def test_a_relative_book_meets_orders_as_the_book_it_is_at_the_mark(side, is_inverse):
    book = adl.OrderBook.power_law(depth=3.0, exponent=0.7)
    fast, slow = book.ladder_at(250.0, side, is_inverse=is_inverse), book.at(250.0).ladder(side, is_inverse=is_inverse)
    for one, other in zip(fast, slow, strict=True):
        assert one == pytest.approx(other, rel=1e-12)


def test_a_real_book_keeps_its_distances_in_percent_from_its_centre():
    book = adl.OrderBook(levels((99, 1), (98, 4)), levels((101, 2), (103, 1)))
    assert book.relative().bids["price"].tolist() == pytest.approx([0.99, 0.98])
    assert book.relative().relative().is_relative
    qty = np.array([0.0, 0.5, 1.0, 1.5, 5.0, 5.1])
    assert book.distance(qty, side=1.0) == pytest.approx([0.0, 0.01, 0.01, 0.02, 0.02, 1.0])
    assert book.distance(np.array([0.0, 2.0, 3.0, 3.1]), side=-1.0) == pytest.approx([0.0, 0.01, 0.03, np.inf])
