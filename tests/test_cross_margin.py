"""Cross-margin allocation: published numbers, the laws of an optimum, and answers that admit what they are not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from golden_cases import close_to, golden_ids, golden_rows, numbers
from hypothesis import given, settings
from scipy import optimize
from strategies import few

import adlkit as adl
from adlkit import price_models
from adlkit.errors import AllocationError

ASSETS = ["BTC", "ETH", "SOL"]
MARK, VOLATILITY = pd.Series({"BTC": 67000.0, "ETH": 1900.0}), pd.Series({"BTC": 0.6, "ETH": 0.75})
HORIZON, CORRELATION = 10 / 365, 0.85
DIGITS = 1e-9


class Book(NamedTuple):
    quantity: pd.DataFrame
    equity: pd.Series
    need: pd.Series
    loading: pd.Series

    @property
    def covariance(self) -> pd.DataFrame:
        """The factor, and as much noise of each price alone."""
        v = self.loading.to_numpy()
        return pd.DataFrame(np.outer(v, v) + np.diag(v**2), index=self.loading.index, columns=self.loading.index)

    @property
    def models(self) -> list[Any]:
        moves = np.outer([-2.0, -1.0, -0.25, 0.5, 1.5], self.loading) + np.outer([0, 1, -1, 2, -1], [1.0, -1.0, 0.5])
        moves = pd.DataFrame(moves[:, : len(self.loading)] if len(self.loading) < 3 else moves, columns=ASSETS)
        chances = price_models.Scenarios(moves, pd.Series([0.1, 0.2, 0.3, 0.3, 0.1]))
        return [price_models.OneFactor(self.loading), price_models.Gaussian(self.covariance), chances]


@st.composite
def books(draw: st.DrawFn, *, solvent: bool = True, max_needed: int = 3) -> Book:
    """Up to five accounts in three assets; needs between nothing and everything, of either side."""
    n = draw(st.integers(1, 5))
    held = draw(st.lists(st.integers(-8, 8), min_size=3 * n, max_size=3 * n))
    owned = draw(st.lists(st.integers(1 if solvent else -20, 60), min_size=n, max_size=n))
    loading = draw(st.lists(st.sampled_from([-2.0, 1.0, 3.0]), min_size=3, max_size=3))
    asked = draw(st.lists(st.integers(-8, 8), min_size=max_needed, max_size=max_needed))  # eighths of a side
    accounts = [f"a{i}" for i in range(n)]
    quantity = pd.DataFrame(np.reshape(held, (n, 3)) / 2, index=accounts, columns=ASSETS)
    share = np.array([*asked, *[0] * (3 - max_needed)]) / 8
    need = share * np.maximum(quantity * np.sign(share), 0.0).sum()
    return Book(quantity, pd.Series(owned, index=accounts, dtype=float), need, pd.Series(loading, index=ASSETS))


def room(book: Book) -> np.ndarray:
    """What each account can give, not negative."""
    return np.maximum(book.quantity.to_numpy() * np.sign(book.need.to_numpy()), 0.0)


def queued(book: Book, seed: int) -> np.ndarray:
    """Another way to close the need: first come first served, in random order, for each asset."""
    rng, capacity = np.random.default_rng(seed), room(book)
    closed = np.zeros_like(capacity)
    for k, need in enumerate(book.need):
        order = rng.permutation(len(capacity))
        closed[order, k] = np.sign(need) * adl.rules.queue(abs(need), capacity[order, k])
    return closed


def short(book: Book, closed: Any, moves: np.ndarray) -> np.ndarray:
    """Total shortfall after each move (moves, assets), written out."""
    left = book.quantity.to_numpy() - np.asarray(closed)
    return np.maximum(-(book.equity.to_numpy()[:, None] + left @ moves.T), 0.0).sum(axis=0)


def solve(book: Book, model: Any, **options: Any) -> adl.CrossMarginResult:
    return adl.shadow_price(book.quantity, book.equity, book.need, model=model, **options)


def levelled(book: Book) -> adl.CrossMarginResult:
    return adl.factor_water_fill(book.quantity, book.equity, book.need, loading=book.loading, tolerance=1e-9)


# Golden


def covariance_of_the_published_book() -> pd.DataFrame:
    spread = VOLATILITY * MARK
    correlation = np.array([[1.0, CORRELATION], [CORRELATION, 1.0]])
    return pd.DataFrame(np.outer(spread, spread) * HORIZON * correlation, index=MARK.index, columns=MARK.index)


def published_book(row: pd.Series) -> Book:
    quantity = pd.DataFrame({"BTC": numbers(row["btc"]), "ETH": numbers(row["eth"])})
    entry = np.column_stack([numbers(row["entry_btc"]), numbers(row["entry_eth"])])
    profit = (quantity.to_numpy() * (MARK.to_numpy() - entry)).sum(axis=1)
    need = pd.Series({"BTC": row["need_btc"], "ETH": 0.0})
    loading = price_models.OneFactor.from_covariance(covariance_of_the_published_book()).loading
    return Book(quantity, pd.Series(np.array(numbers(row["cash"])) + profit), need, loading)


@pytest.mark.parametrize("case", golden_ids("cross_margin"))
def test_allocation_is_the_published_one(case):
    row = golden_rows("cross_margin", case).iloc[0]
    book, money = published_book(row), {"abs": row["money_tolerance"], "rel": 0}
    scenarios = price_models.gauss_hermite(MARK, volatility=VOLATILITY, correlation=CORRELATION, horizon=HORIZON)
    models = {"one_factor": price_models.OneFactor(book.loading), "gauss_hermite": scenarios}
    result = solve(book, models[row["model"]])
    assert result.status == "optimal"
    assert result.closed["BTC"].tolist() == close_to(numbers(row["closed"]), row)
    assert result.expected_shortfall == pytest.approx(row["expected_shortfall"], **money)
    if not np.isnan(row["level"]):
        assert result.level["BTC"] == close_to(row["level"], row)
    if not np.isnan(row["shadow_price"]):
        assert result.shadow_price["BTC"] == pytest.approx(row["shadow_price"], **money)


def test_factor_and_leverages_of_the_published_book():
    # nataschahey/adl-solver, numerical example; factor leverages with the sign turned around
    book = published_book(golden_rows("cross_margin", "A19_10").iloc[0])
    gross = (book.quantity.abs() @ MARK) / book.equity
    assert book.loading.tolist() == pytest.approx([6653.95029, 200.557364], rel=1e-8)
    assert book.equity.tolist() == pytest.approx([242100, 143000, 180704.8, 116901], rel=1e-12)
    assert gross.tolist() == pytest.approx([4.748864, 5.199510, 6.395956, 7.100025], abs=5e-7)
    before = levelled(book).leverage["before"].tolist()
    assert before == pytest.approx([-0.487450, -0.411035, -0.656615, -0.072469], abs=1e-6)


def test_the_published_method_fails_at_twenty_where_the_optimum_exists():
    # solve_adl returns success=False for 20 BTC under two lognormal prices
    book = published_book(golden_rows("cross_margin", "A19_20").iloc[0])
    scenarios = price_models.gauss_hermite(MARK, volatility=VOLATILITY, correlation=CORRELATION, horizon=HORIZON)
    result = solve(book, scenarios)
    assert (result.status, result.closed["BTC"].tolist()) == ("optimal", [-8.0, -4.0, -8.0, 0.0])


def test_expected_shortfall_of_a_normal_profit_by_hand():
    # E[(-E - s eps)+] = s phi(E/s) - E Phi(-E/s), tables of the normal distribution at 0 and 1
    model = price_models.OneFactor(pd.Series({"BTC": 2.0}))
    assert model.expected_shortfall([[1.0], [-1.0]], [0.0, 0.0]).tolist() == pytest.approx(
        [0.797885, 0.797885], abs=1e-6
    )
    assert model.expected_shortfall([[1.0], [0.0]], [2.0, -3.0]).tolist() == pytest.approx([0.166631, 3.0], abs=1e-6)


# Laws of the models


@given(books(solvent=False))
def test_gradient_is_the_slope_of_the_expected_shortfall(book):
    held, owned, step = book.quantity.to_numpy() + 0.05, book.equity.to_numpy() + 0.5, 1e-6
    for model in book.models[:2]:
        for k in range(3):
            ahead, behind = held.copy(), held.copy()
            ahead[:, k] += step
            behind[:, k] -= step
            rise = model.expected_shortfall(ahead, owned) - model.expected_shortfall(behind, owned)
            assert model.gradient(held, owned)[:, k] == pytest.approx(rise / (2 * step), abs=1e-5)


@given(books())
def test_one_factor_is_the_gaussian_of_its_covariance(book):
    v = book.loading.to_numpy()
    gaussian = price_models.Gaussian(pd.DataFrame(np.outer(v, v), index=ASSETS, columns=ASSETS))
    held, owned = book.quantity.to_numpy(), book.equity.to_numpy()
    one = price_models.OneFactor(book.loading).expected_shortfall(held, owned)
    assert gaussian.expected_shortfall(held, owned) == pytest.approx(one, rel=1e-6, abs=1e-9)


def test_nodes_have_the_mean_and_deviation_of_lognormal_prices():
    model = price_models.gauss_hermite(MARK, volatility=VOLATILITY, correlation=CORRELATION, horizon=HORIZON)
    chance = model.probability.to_numpy()
    assert chance @ (model.moves / MARK).to_numpy() == pytest.approx([0, 0], abs=1e-12)
    second = (model.moves / MARK).to_numpy().T @ ((model.moves / MARK).to_numpy() * chance[:, None])
    log = np.outer(VOLATILITY, VOLATILITY) * HORIZON * np.array([[1, CORRELATION], [CORRELATION, 1]])
    assert second == pytest.approx(np.expm1(log), rel=1e-9)


# Laws of allocations


@given(books(solvent=False))
@few
def test_each_asset_is_cleared_exactly_within_what_accounts_hold(book):
    for result in [levelled(book), *(solve(book, model, max_iterations=200) for model in book.models)]:
        closed = result.closed.to_numpy() * np.sign(book.need.to_numpy())
        assert (closed >= 0).all()
        assert (closed <= room(book)).all()
        assert result.closed.sum().tolist() == pytest.approx(book.need.tolist(), rel=1e-12, abs=1e-12)
        assert (result.residual == 0).all()


@given(books(solvent=False))
def test_what_is_taken_is_what_is_closed_without_its_sign(book):
    result = levelled(book)
    by_asset = result.taken.unstack("symbol").reindex(index=result.closed.index, columns=ASSETS).fillna(0.0)
    assert result.taken.index.names == ["account", "symbol"]
    assert (result.taken > 0).all()
    assert (by_asset == result.closed.abs()).all(axis=None)


@given(books(solvent=False), st.integers(0, 2**16))
@few
def test_no_other_allocation_beats_the_certificate(book, seed):
    other = queued(book, seed)
    for model in book.models:
        result = solve(book, model, max_iterations=300)
        best = model.expected_shortfall(book.quantity.to_numpy() - other, book.equity.to_numpy()).sum()
        assert result.gap >= 0
        assert result.expected_shortfall - result.gap <= best * (1 + 1e-9) + 1e-9


@given(books())
@few
def test_solvers_reach_the_optimum(book):
    for model in book.models:
        result = solve(book, model, tolerance=1e-5, max_iterations=1000)
        assert result.status == "optimal"
        assert result.gap <= 1e-5 * result.expected_shortfall + 1e-12 * book.equity.abs().sum()


@given(books(), st.integers(0, 2**16))
def test_levels_have_the_smallest_shortfall_at_every_move_of_the_factor(book, seed):
    assert levelled(book).status == "optimal"
    moves = np.outer([-30, -10, -4, -2, -1, -0.5, -0.2, 0.2, 0.5, 1, 2, 4, 10, 30], book.loading)
    levels, others = short(book, levelled(book).closed, moves), short(book, queued(book, seed), moves)
    scale = 1 + np.abs(book.quantity.to_numpy() @ moves.T).sum(axis=0)
    assert (levels <= others + 1e-6 * scale).all()


@given(books(max_needed=1))
def test_accounts_that_give_in_part_end_at_the_level_and_no_one_beyond_it(book):
    result = levelled(book)
    direction = np.sign(book.need["BTC"] * book.loading["BTC"])
    after, level = direction * result.leverage["after"].to_numpy(), direction * result.level["BTC"]
    given_ = np.abs(result.closed["BTC"].to_numpy())
    slack = 1e-9 * (1 + np.abs(after).max())
    assert (after[given_ > 1e-12] >= level - slack).all()
    assert (after[given_ < room(book)[:, 0] - 1e-12] <= level + slack).all()


@given(books(solvent=False))
def test_one_isolated_symbol_is_leverage_draining(book):
    held = book.quantity["BTC"].abs()
    need = pd.Series({"BTC": float(held.sum()) * 3 / 8})
    result = adl.factor_water_fill(held.to_frame(), book.equity, need, loading=pd.Series({"BTC": 10.0}))
    taken = adl.rules.water_fill(need["BTC"], held.to_numpy(), book.equity.to_numpy())
    assert result.closed["BTC"].tolist() == pytest.approx(taken.tolist(), rel=1e-6, abs=1e-6)


@given(books(solvent=False), st.permutations(range(5)))
@few
def test_order_of_accounts_and_assets_does_not_matter(book, order):
    order = [i for i in order if i < len(book.quantity)]
    assets = ASSETS[::-1]
    other = Book(
        book.quantity.iloc[order][assets], book.equity.iloc[order], book.need[["ETH", "SOL", "BTC"]], book.loading
    )
    for one, two in [(levelled(book), levelled(other)), (solve(book, book.models[2]), solve(other, book.models[2]))]:
        assert two.expected_shortfall == pytest.approx(one.expected_shortfall, rel=1e-6, abs=1e-6)
        assert list(two.closed.columns) == assets
    by_account = levelled(book).closed.iloc[order]
    assert levelled(other).closed.sum().to_dict() == pytest.approx(by_account.sum().to_dict())


@given(books(), st.sampled_from([0.001, 7.0, 1e6]))
@few
def test_money_and_contracts_scale_together(book, k):
    bigger = Book(book.quantity * k, book.equity * k, book.need * k, book.loading)
    assert levelled(bigger).expected_shortfall == pytest.approx(k * levelled(book).expected_shortfall, rel=1e-6)
    one, two = solve(book, book.models[2]), solve(bigger, book.models[2])
    assert two.expected_shortfall == pytest.approx(k * one.expected_shortfall, rel=1e-6, abs=1e-9 * k)


@given(books(solvent=False, max_needed=1))
@settings(max_examples=40)
def test_steepest_pieces_are_the_linear_program(book):
    model, k = book.models[2], 0
    capacity, sign = room(book)[:, k], np.sign(book.need["BTC"])
    n, s = len(capacity), len(model.probability)
    money = book.equity.to_numpy()[:, None] + book.quantity.to_numpy() @ model.moves.to_numpy().T
    rows = np.zeros((n * s, n + n * s))
    for i in range(n):
        rows[i * s : (i + 1) * s, i] = sign * model.moves.iloc[:, k]
        rows[i * s : (i + 1) * s, n + i * s : n + (i + 1) * s] = -np.eye(s)
    program = optimize.linprog(
        np.r_[np.zeros(n), np.tile(model.probability, n)],
        A_ub=rows,
        b_ub=money.ravel(),
        A_eq=np.r_[np.ones(n), np.zeros(n * s)][None],
        b_eq=[abs(book.need["BTC"])],
        bounds=[*((0, size) for size in capacity), *[(0, None)] * (n * s)],
    )
    result = solve(book, model)
    assert result.status == "optimal"
    assert result.expected_shortfall == pytest.approx(program.fun, rel=1e-9, abs=1e-8)


@given(books(max_needed=1))
@few
def test_the_shadow_price_is_what_one_more_contract_saves(book):
    model, step = price_models.OneFactor(book.loading), 1e-4
    size = abs(book.need["BTC"])
    if 0 < size < room(book)[:, 0].sum() - step and size > step:
        more = book._replace(need=book.need * (1 + step / size))
        less = book._replace(need=book.need * (1 - step / size))
        saved = (levelled(less).expected_shortfall - levelled(more).expected_shortfall) / (2 * step)
        low, high = sorted([levelled(less).shadow_price["BTC"], levelled(more).shadow_price["BTC"]])
        slack = 1e-6 * (1 + model.expected_shortfall(book.quantity, book.equity).sum())
        assert low - slack <= saved <= high + slack


# Answers that say what they are


def small_book(**need: float) -> Book:
    quantity = pd.DataFrame({"BTC": [4.0, -2.0], "ETH": [3.0, 1.0]}, index=["ann", "bob"])
    asked = pd.Series({"BTC": 0.0, "ETH": 0.0} | need)
    return Book(quantity, pd.Series([5.0, 5.0], index=["ann", "bob"]), asked, pd.Series({"BTC": 2.0, "ETH": 1.0}))


def test_a_need_beyond_what_is_held_closes_it_all_and_says_so():
    book = small_book(BTC=6.0, ETH=-1.0)
    for result in (
        levelled(book),
        solve(book, price_models.OneFactor(book.loading)),
        solve(book, gaussian_of(book)),
    ):
        assert result.status == "infeasible"
        assert result.closed["BTC"].tolist() == [4.0, 0.0]
        assert result.residual.to_dict() == {"BTC": 2.0, "ETH": -1.0}


def test_shorts_that_are_closed_are_taken_as_positive_contracts():
    result = levelled(small_book(BTC=-1.0, ETH=3.0))
    assert result.taken.xs("BTC", level="symbol").to_dict() == {"bob": 1.0}
    assert result.taken.xs("ETH", level="symbol").sum() == pytest.approx(3.0)


def test_what_is_taken_joins_a_comparison_of_policies():
    panel = adl.load_dataset("four_accounts")
    quantity, equity = panel["qty"].unstack("symbol", fill_value=0.0), adl.account_summary(panel)["equity"]
    drained = adl.factor_water_fill(quantity, equity, pd.Series({"BTC": -1.5}), loading=pd.Series({"BTC": 1.0}))
    need = pd.Series({("BTC", "short"): 1.5}).rename_axis(["symbol", "side"])
    compared = adl.compare_rules(panel, need, {"policy": adl.policies.water_filling})
    both = compared.with_allocation("factor", drained.taken)
    assert both.taken["factor"].tolist() == pytest.approx(both.taken["policy"].tolist(), abs=1e-6)
    assert both.residual["factor"].tolist() == pytest.approx([0.0], abs=1e-12)


def gaussian_of(book: Book) -> price_models.Gaussian:
    return price_models.Gaussian(book.covariance)


def test_too_few_iterations_are_reported_with_a_gap_that_holds():
    rng = np.random.default_rng(3)
    quantity = pd.DataFrame(rng.normal(0, 3, (40, 3)), columns=ASSETS)
    need = pd.Series([20.0, -15.0, 10.0], index=ASSETS)
    book = Book(quantity, pd.Series(rng.uniform(1, 20, 40)), need, pd.Series([1.0, 3.0, -2.0], index=ASSETS))
    rough, fine = (solve(book, gaussian_of(book), max_iterations=rounds) for rounds in (2, 10_000))
    assert (rough.status, rough.iterations, fine.status) == ("not converged", 2, "optimal")
    assert 0 < rough.expected_shortfall - fine.expected_shortfall <= rough.gap


def test_nothing_needed_closes_nothing():
    book = small_book()
    for result in (
        levelled(book),
        *(solve(book, model) for model in (price_models.OneFactor(book.loading), gaussian_of(book))),
    ):
        assert (result.status, result.gap) == ("optimal", 0.0)
        assert (result.closed == 0).all(axis=None)
        assert result.shadow_price.isna().all()


def test_accounts_far_from_default_have_no_slope_left_and_still_clear():
    quantity, equity = pd.DataFrame({"BTC": [1.0, 2.0]}), pd.Series([1e6, 1e6])
    result = adl.shadow_price(
        quantity,
        equity,
        pd.Series({"BTC": 2.0}),
        model=price_models.Gaussian(pd.DataFrame({"BTC": [1.0]}, index=["BTC"])),
    )
    assert (result.status, result.expected_shortfall, result.closed["BTC"].sum()) == ("optimal", 0.0, 2.0)


def test_an_account_without_equity_is_closed_first_and_the_gap_says_what_that_may_cost():
    quantity, equity = pd.DataFrame({"BTC": [4.0, 4.0]}), pd.Series([-8.0, 10.0])
    need, loading = pd.Series({"BTC": 4.0}), pd.Series({"BTC": 2.0})
    first = adl.factor_water_fill(quantity, equity, need, loading=loading)
    best = adl.shadow_price(quantity, equity, need, model=price_models.OneFactor(loading), tolerance=1e-9)
    assert first.closed["BTC"].tolist() == pytest.approx([4.0, 0.0], abs=1e-6)
    assert best.status == "optimal"
    assert first.expected_shortfall - first.gap <= best.expected_shortfall <= first.expected_shortfall


def test_the_tail_mean_cannot_tell_who_gives_above_the_cutoff():
    # three accounts of leverage 5, 4, 3 at 100; in the tail the price is 60, 65 or 70: all above 1 / 0.3 are short
    size, equity, tail = np.array([5.0, 4.0, 3.0]), 100.0, np.array([60.0, 65.0, 70.0])
    cutoff = adl.cvar_cutoff(3.75, mark_price=100.0, quantile_price=70.0)
    assert cutoff == (pytest.approx(10 / 3), True)

    def tail_mean(closed: list[float]) -> float:
        return float(np.maximum(np.outer(100.0 - tail, size - closed) - equity, 0.0).sum(axis=1).mean())

    levels, other, below = [1.25, 0.25, 0.0], [1.5, 0.0, 0.0], [0.0, 0.0, 1.5]
    assert tail_mean(levels) == pytest.approx(tail_mean([0.9, 0.6, 0.0]))
    assert tail_mean(levels) == pytest.approx(tail_mean(other))
    assert tail_mean(levels) < tail_mean(below)
    assert not adl.cvar_cutoff(3.0, mark_price=100.0, quantile_price=70.0).is_level_above


# Errors


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"quantity": pd.DataFrame({"BTC": [1.0, 2.0, 3.0]})}, "equity must be a Series on the index"),
        ({"quantity": pd.DataFrame({"BTC": []}, dtype=float)}, "no accounts"),
        ({"need": pd.Series({"ETH": 1.0})}, "need must name the assets"),
        ({"need": pd.Series({"BTC": np.nan})}, "need: 1 values are NaN"),
        ({"equity": pd.Series([1.0, np.inf])}, "equity: 1 values are NaN or infinite"),
        ({"loading": pd.Series({"BTC": np.nan})}, "loading has values that are NaN"),
        ({"loading": pd.Series({"ETH": 1.0})}, "the model must name the assets"),
    ],
)
def test_faulty_input_is_refused(change, words):
    given_ = {
        "quantity": pd.DataFrame({"BTC": [1.0, 2.0]}),
        "equity": pd.Series([1.0, 1.0]),
        "need": pd.Series({"BTC": 1.0}),
        "loading": pd.Series({"BTC": 1.0}),
    } | change
    with pytest.raises(AllocationError, match=words):
        adl.factor_water_fill(given_["quantity"], given_["equity"], given_["need"], loading=given_["loading"])


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda: price_models.Gaussian(pd.DataFrame([[1.0, 2.0], [0.0, 1.0]])), "not symmetric"),
        (lambda: price_models.Gaussian(pd.DataFrame([[1.0, 2.0], [2.0, 1.0]])), "negative eigenvalue"),
        (lambda: price_models.Gaussian(pd.DataFrame([[1.0]], index=["BTC"])), "same assets in rows and columns"),
        (lambda: price_models.Scenarios(pd.DataFrame({"BTC": [1.0]}), pd.Series([0.5])), "sum to 1"),
        (
            lambda: price_models.Scenarios(pd.DataFrame({"BTC": [1.0]}), pd.Series([1.0], index=[7])),
            "on the index of moves",
        ),
        (lambda: price_models.gauss_hermite(MARK, volatility=VOLATILITY, correlation=2.0, horizon=1.0), "within"),
        (
            lambda: price_models.gauss_hermite(MARK[:1], volatility=VOLATILITY[:1], correlation=0.0, horizon=1.0),
            "two assets",
        ),
        (lambda: adl.cvar_cutoff(1.0, mark_price=100.0, quantile_price=100.0), "not the same"),
        (lambda: adl.cvar_cutoff(np.nan, mark_price=100.0, quantile_price=90.0), "level must be finite"),
    ],
)
def test_faulty_models_are_refused(build, words):
    with pytest.raises(AllocationError, match=words):
        build()


# Surroundings


@pytest.mark.parametrize("module", ["price_models", "cross_margin", "integer"])
def test_scipy_is_not_loaded_before_it_is_needed(module):
    lines = [
        "import sys, types",
        "sys.modules['adlkit'] = bare = types.ModuleType('adlkit')",  # without what the package itself loads
        f"bare.__path__ = [{str(Path(adl.__file__).parent)!r}]",
        f"import adlkit.{module}",
        "print([name for name in sys.modules if name.split('.')[0] == 'scipy'])",
    ]
    done = subprocess.run([sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_levels_among_accounts_without_equity_are_not_called_optimal():
    """The first and last are drained first, though the gap shows that this is 24% from the least shortfall."""
    quantity = pd.DataFrame({"BTC": [10.0, 10.0, 5.0]}, index=["a", "b", "c"])
    equity, need = pd.Series([-5.0, 50.0, 1.0], index=quantity.index), pd.Series({"BTC": 8.0})
    found = adl.factor_water_fill(quantity, equity, need, loading=pd.Series({"BTC": 2.0}))
    assert found.status == "levelled"
    assert found.relative_gap > 0.2
    assert found.closed["BTC"].tolist() == pytest.approx([8.0, 0.0, 0.0], abs=1e-6)
    assert found.level["BTC"] == np.inf
