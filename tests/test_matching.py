"""Lines of contracts laid side by side: against plain loops, piece by piece."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from adlkit.matching import Pairs, no_pairs, overlap, overlap_from, served, swept

Pieces = list[tuple[int, int, float]]
MAGNITUDES = [1e-6, 1e-3, 1.0, 1e4, 1e9]

whole = st.integers(1, 9)
lines = st.lists(whole, max_size=8)
scales = st.sampled_from([2.0**-20, 1.0, 2.0**30])  # powers of two: whole numbers stay exact
sizes = st.lists(st.floats(1e-6, 1e9), min_size=1, max_size=8)


@st.composite
def waiting_lines(draw: st.DrawFn) -> tuple[list[int], list[int], list[int]]:
    """Needs, supplies, and the place from which each supply may serve; the end means nowhere."""
    needs, supply = draw(lines), draw(st.lists(st.integers(0, 9), max_size=8))
    places = st.sampled_from([0, 0, *range(len(needs) + 1)])
    return needs, supply, draw(st.lists(places, min_size=len(supply), max_size=len(supply)))


def matched_one_by_one(first: list[float], second: list[float]) -> Pieces:
    """Serve the head of one line from the head of the other until a line ends."""
    first, second, pieces, i, j = [*first], [*second], [], 0, 0
    while i < len(first) and j < len(second):
        piece = min(first[i], second[j])
        if piece:
            pieces.append((i, j, piece))
        first[i], second[j] = first[i] - piece, second[j] - piece
        i, j = i + (first[i] == 0), j + (second[j] == 0)
    return pieces


def matched_greedily(needs: list[int], supply: list[int], release: list[int]) -> Pieces:
    """Each supply in turn takes the earliest need that is open at or behind its release."""
    left, pieces = [*needs], []
    for place, (qty, start) in enumerate(zip(supply, release, strict=True)):
        for need in range(start, len(needs)):
            piece = min(qty, left[need])
            if piece:
                pieces.append((need, place, piece))
            qty, left[need] = qty - piece, left[need] - piece
    return pieces


def filled_in_turn(limit_depth: list[int], ordered: list[int]) -> list[int]:
    """Each order takes what is left of the depth that its limit allows."""
    total, filled = 0, []
    for depth, qty in zip(limit_depth, ordered, strict=True):
        total += min(qty, max(depth - total, 0))
        filled.append(total)
    return filled


def pieces_of(pairs: Pairs, scale: float = 1.0) -> Pieces:
    return sorted((int(i), int(j), qty / scale) for i, j, qty in zip(*pairs, strict=True))


def floats(values: list[int], scale: float = 1.0) -> np.ndarray:
    return np.array(values, dtype=float) * scale


def places(values: list[int]) -> np.ndarray:
    return np.array(values, dtype=np.intp)


# two lines -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ([3], [5], [(0, 0, 3)]),
        ([3, 4], [5, 1], [(0, 0, 3), (1, 0, 2), (1, 1, 1)]),
        ([2, 2], [2, 2], [(0, 0, 2), (1, 1, 2)]),
        ([1, 1, 1], [9], [(0, 0, 1), (1, 0, 1), (2, 0, 1)]),
        ([0, 2, 0, 1], [0, 1, 0, 3], [(1, 1, 1), (1, 3, 1), (3, 3, 1)]),  # nothing is matched with an empty place
        ([0, 0], [1], []),
        ([], [1], []),
        ([1], [], []),
        ([], [], []),
    ],
)
def test_two_lines_are_matched_from_their_starts_until_the_shorter_one_ends(first, second, expected):
    assert pieces_of(overlap(floats(first), floats(second))) == expected
    assert pieces_of(overlap_from(floats(first), floats(second), places([0] * len(second)))) == expected


def test_no_pairs_is_an_empty_match():
    assert [len(column) for column in no_pairs()] == [0, 0, 0]


@given(first=st.lists(st.integers(0, 9), max_size=8), second=st.lists(st.integers(0, 9), max_size=8), scale=scales)
def test_two_lines_are_matched_as_one_by_one(first, second, scale):
    assert pieces_of(overlap(floats(first, scale), floats(second, scale)), scale) == matched_one_by_one(first, second)


@given(first=sizes, second=sizes)
def test_a_match_of_any_magnitudes_adds_up_to_the_shorter_line(first, second):
    pairs = overlap(np.array(first), np.array(second))
    total = min(sum(first), sum(second))
    assert pairs.qty.sum() == pytest.approx(total, rel=1e-11)
    assert (pairs.qty > 0).all()
    for line, place in ((first, pairs.first), (second, pairs.second)):
        used = np.bincount(place, weights=pairs.qty, minlength=len(line))
        assert (used <= np.array(line) + 1e-11 * total).all()
        assert (np.diff(place) >= 0).all()


@given(first=sizes, scale=st.sampled_from(MAGNITUDES))
def test_a_quantity_matched_in_one_piece_keeps_its_exact_value(first, scale):
    """Behind a large number the differences of cumulative sums have lost digits; whole pieces have not."""
    line = np.array([scale * 0.7, scale / 3, *first])
    line = line[line > 1e-9 * line.sum()]
    for supply in (np.array([2 * line.sum()]), line, line[:1]):
        pairs = overlap(line, supply)
        assert pairs.qty.tolist() == line[: len(pairs.qty)].tolist()
    assert overlap(np.array([2 * line.sum()]), line).qty.tolist() == line.tolist()


@pytest.mark.parametrize("scale", MAGNITUDES)
def test_lines_that_end_together_but_for_rounding_leave_no_dust(scale):
    tenths, total = np.full(10, 0.1) * scale, np.array([1.0]) * scale
    for pairs in (overlap(tenths, total), overlap(total, tenths), overlap(tenths, total[[0, 0]])):
        assert pairs.qty.tolist() == pytest.approx(tenths.tolist(), rel=1e-12)
    thirds = overlap(np.full(3, scale / 3), np.full(3, scale / 3) * (1 + 1e-16))
    assert thirds.qty.tolist() == [scale / 3] * 3


# supplies that wait ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("needs", "supply", "release", "expected"),
    [
        ([2, 3], [4, 9], [1, 0], [(0, 1, 2), (1, 0, 3)]),  # the first waits and leaves a gap for the second
        ([2, 3], [1, 9], [1, 0], [(0, 1, 2), (1, 0, 1), (1, 1, 2)]),  # which also finishes what the first left
        ([1, 1, 1], [2, 2], [1, 1], [(1, 0, 1), (2, 0, 1)]),  # nobody may serve the first need
        ([1, 1], [5, 1], [2, 0], [(0, 1, 1)]),  # one that may serve nowhere
        ([1, 1, 1, 1], [1, 1, 4], [2, 2, 1], [(1, 2, 1), (2, 0, 1), (3, 1, 1)]),
        ([3], [0, 2], [0, 1], []),
    ],
)
def test_a_supply_takes_the_earliest_open_need_at_or_behind_its_release(needs, supply, release, expected):
    assert pieces_of(overlap_from(floats(needs), floats(supply), places(release))) == expected


@given(lines=waiting_lines(), scale=scales)
def test_supplies_that_wait_are_matched_as_in_plain_greedy_loops(lines, scale):
    needs, supply, release = lines
    pairs = overlap_from(floats(needs, scale), floats(supply, scale), places(release))
    assert pieces_of(pairs, scale) == sorted(matched_greedily(needs, supply, release))


@given(lines=waiting_lines(), scale=st.sampled_from(MAGNITUDES))
def test_supplies_that_wait_conserve_quantities_of_any_magnitude(lines, scale):
    needs, supply, release = lines
    small = floats(needs, scale / 3), floats(supply, scale / 3)
    pairs = overlap_from(*small, places(release))
    expected = np.zeros((len(needs), len(supply)))
    for i, j, qty in matched_greedily(needs, supply, release):
        expected[i, j] = qty * (scale / 3)
    found = np.zeros_like(expected)
    np.add.at(found, (pairs.first, pairs.second), pairs.qty)
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-12 * scale)


@given(lines=waiting_lines())
def test_no_supply_serves_before_its_release_and_none_is_idle_beside_an_open_need(lines):
    needs, supply, release = lines
    pairs = overlap_from(floats(needs), floats(supply), places(release))
    assert (pairs.first >= places(release)[pairs.second]).all()
    left = floats(needs) - np.bincount(pairs.first, weights=pairs.qty, minlength=len(needs))
    idle = floats(supply) - np.bincount(pairs.second, weights=pairs.qty, minlength=len(supply))
    assert min([*left, *idle], default=0.0) >= 0
    for start, rest in zip(release, idle, strict=True):
        assert rest == 0 or not left[start:].any()


@given(lines=waiting_lines(), seed=st.integers(0, 99))
def test_how_much_is_matched_does_not_depend_on_the_order_of_the_queue(lines, seed):
    """Taking the earliest need serves as much as anyone could, whoever comes first."""
    needs, supply, release = lines
    order = np.random.default_rng(seed).permutation(len(supply))
    one = overlap_from(floats(needs), floats(supply), places(release))
    other = overlap_from(floats(needs), floats(supply)[order], places(release)[order])
    assert one.qty.sum() == other.qty.sum()


@given(lines=waiting_lines(), scale=st.sampled_from(MAGNITUDES))
def test_what_each_supply_gives_is_found_without_the_pieces(lines, scale):
    needs, supply, release = lines
    expected = np.zeros(len(supply))
    for _, place, qty in matched_greedily(needs, supply, release):
        expected[place] += qty * (scale / 3)
    given_by = served(floats(needs, scale / 3), floats(supply, scale / 3), places(release))
    assert given_by == pytest.approx(expected, rel=1e-9, abs=1e-12 * scale)
    assert (given_by[expected == 0] == 0).all()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("n_needs", [20, 300])
def test_what_each_of_many_supplies_gives_is_found_without_the_pieces(seed, n_needs):
    rng = np.random.default_rng(seed)
    needs, supply = rng.pareto(1.5, n_needs), rng.pareto(1.5, 2_000) / 10
    release = np.where(rng.random(2_000) < 0.7, 0, rng.integers(0, n_needs + 1, 2_000))
    pairs = overlap_from(needs, supply, release)
    expected = np.bincount(pairs.second, weights=pairs.qty, minlength=2_000)
    assert served(needs, supply, release) == pytest.approx(expected, rel=1e-9, abs=1e-12 * needs.sum())


def test_many_waiting_supplies_take_no_longer_than_a_short_loop():
    """Each need is served by the supply that waits for it, last need first: gaps everywhere."""
    n = 20_000
    pairs = overlap_from(np.ones(n), np.ones(n), np.arange(n)[::-1].copy())
    assert pairs.first.tolist() == list(range(n))[::-1]
    assert pairs.second.tolist() == list(range(n))


def test_a_need_of_nothing_gets_no_piece():
    pairs = overlap_from(floats([0, 2, 0, 1]), floats([1, 2]), places([0, 1]))
    assert pieces_of(pairs) == [(1, 0, 1), (1, 1, 1), (3, 1, 1)]


# one shared sweep of a book --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limit_depth", "ordered", "filled"),
    [
        ([0, 5, 5], [3, 4, 4], [0, 4, 5]),  # the strictest order finds nothing, the last gets the rest
        ([2, 2, 10], [3, 1, 4], [2, 2, 6]),
        ([9, 9], [3, 4], [3, 7]),
        ([4, 6], [4, 4], [4, 6]),
        ([0], [1], [0]),
        ([], [], []),
    ],
)
def test_orders_share_one_sweep_strictest_limit_first(limit_depth, ordered, filled):
    assert swept(floats(limit_depth), floats(ordered)).tolist() == filled


@given(
    orders=st.lists(st.tuples(st.integers(0, 6), st.integers(0, 9)), max_size=10),
    scale=st.sampled_from([2.0**-20, 1.0]),
)
def test_a_shared_sweep_is_what_filling_order_by_order_gives(orders, scale):
    depth = np.cumsum([step for step, _ in orders], dtype=float)  # not falling, for the strictest limit comes first
    ordered = [qty for _, qty in orders]
    found = swept(depth * scale, floats(ordered, scale)) / scale
    assert found.tolist() == filled_in_turn(depth.astype(int).tolist(), ordered)
