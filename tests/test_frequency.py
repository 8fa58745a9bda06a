"""Frequency of ADL and size of buffers: by hand, against brute force, laws, errors."""

from __future__ import annotations

from pathlib import Path

import hypothesis.strategies as st
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from golden_cases import close_to, golden_ids, golden_rows
from hypothesis import given
from scipy import integrate
from strategies import LINEAR, few, panels

import adlkit as adl
from adlkit import frequency, plotting, tails
from adlkit.errors import CurveError, TailError, TailWarning, VenueError
from adlkit.frequency.contract_distance import factor_reach
from adlkit.frequency.lines import paired_exceedance, resampled
from adlkit.frequency.scenarios import account_deficits
from adlkit.frequency.sensitivity import deeper
from adlkit.tails.pareto import excess_at

QUICK = {"n_resamples": 60, "n_panels": 4, "rng": 7}
FIXED = {"n_resamples": 60, "n_panels": 0, "rng": 7}
SYMBOLS = ["BTC", "ETH", "SOL"]


@pytest.fixture(autouse=True)
def _closed_figures():
    yield
    plt.close("all")


def known_tail(threshold: float = 0.1, shape: float = 0.25, scale: float = 0.05, rate: float = 2.0) -> adl.TailFit:
    """A tail of known parameters: ten years of 365 days, `rate` of them a year beyond the threshold."""
    days, beyond = pd.date_range("2015-01-01", periods=3650, tz="UTC"), round(10 * rate)
    moves = pd.Series(np.linspace(0.0, threshold, 3650), days)
    quantiles = (np.arange(beyond) + 0.5) / beyond
    moves.iloc[:beyond] = threshold + excess_at(-np.log1p(-quantiles), shape, scale)
    return adl.TailFit(
        moves=moves, threshold=threshold, gap=0, periods_per_year=365.0, estimator=tails.maximum_likelihood,
        peaks=moves[moves > threshold], shape=shape, scale=scale, cautions=(),
    )  # fmt: skip


TAIL = known_tail()
MARKET = adl.MarketFactor({"BTC": 0.6, "ETH": 0.8, "SOL": 1.0}, down=TAIL, up=known_tail(scale=0.06))


def market_of(panel: pd.DataFrame) -> adl.MarketFactor:
    betas = {symbol: MARKET.betas[symbol] for symbol in panel.index.unique("symbol")}
    return adl.MarketFactor(betas, down=MARKET.down, up=MARKET.up)


def one_position(row: pd.Series) -> pd.DataFrame:
    facts = row[["qty", "entry_price", "collateral"]].to_dict()
    return adl.build_panel(
        pd.DataFrame([{"account": "ann", "symbol": "BTC", "mark_price": row["entry_price"]} | facts])
    )


def tail_of(row: pd.Series) -> adl.TailFit:
    return known_tail(row["threshold"], row["shape"], row["scale"], row["rate"])


@pytest.fixture
def toy() -> pd.DataFrame:
    """Ann, long 2, is bankrupt at 80; bob, short 2, at 130; cat, short 1, at 120; dee, long 1, never."""
    return adl.mark_to(adl.load_dataset("four_accounts"), {"BTC": 100.0})


TOY = adl.MarketFactor({"BTC": 1.0}, down=TAIL, up=TAIL)


@pytest.mark.parametrize("case", golden_ids("frequency"))
def test_the_rate_at_a_buffer_is_that_of_the_formula(case):
    row = golden_rows("frequency", case).iloc[0]
    tail = tail_of(row)
    found = adl.adl_frequency(one_position(row), tails={"BTC": (tail, tail)}, buffer=row["buffer"], **FIXED).table
    assert found.loc[("BTC", "both"), "per_year"] == close_to(row["per_year"], row)
    assert found.loc[("BTC", "short" if row["qty"] > 0 else "long"), "per_year"] == 0.0
    assert found.loc[("BTC", "both"), "probability"] == close_to(row["per_year"] / 365.0, row)


@pytest.mark.parametrize("case", [case for case in golden_ids("frequency") if case != "pot-bounded-end"])
def test_the_fund_of_a_return_period_is_that_of_the_formula(case):
    row = golden_rows("frequency", case).iloc[0]
    market = adl.MarketFactor({"BTC": 1.0}, down=tail_of(row), up=tail_of(row))
    found = adl.size_buffer(one_position(row), return_period=row["return_period"], factor=market, **FIXED).table
    assert found["fund"].iloc[0] == close_to(row["fund"], row)


# The shortfall of the toy is 2 (80 - p) below 80, p - 120 above 120, and 2 (p - 130) more above 130


def test_falls_and_rises_add_up(toy):
    found = adl.adl_frequency(toy, factor=TOY, buffer=10.0, **FIXED).table.loc["venue"]
    assert found["distance"].tolist() == pytest.approx([0.25, 0.3, 0.25])
    # 2 (1 + 0.25 x 0.15 / 0.05)^-4 and 2 / 2^4
    assert found["per_year"].tolist() == pytest.approx([2 / 1.75**4, 2 / 16, 2 / 1.75**4 + 2 / 16])
    assert (found["return_period"] * found["per_year"]).tolist() == pytest.approx([1.0, 1.0, 1.0])


def test_both_sides_together_ask_for_a_larger_fund_than_either(toy):
    rate = 2 / 1.9**4 + 2 / 2.1**4
    row = adl.size_buffer(toy, return_period=1 / rate, factor=TOY, step=10.0, **FIXED).table.iloc[0]
    assert row[["fund", "fall", "rise"]].tolist() == pytest.approx([16.0, 0.28, 0.32])
    # bankrupt at 72: ann's 2; at 132: bob's 2 and cat's 1
    assert row["vault_notional"] == pytest.approx(3 * 132.0)
    # ten more last to a fall of 0.33 and a rise to 130 + 16 / 3
    less = 2 * (1 + 5 * 0.23) ** -4 + 2 * (1 + 5 * (0.2 + 0.16 / 3)) ** -4
    assert row["events_saved"] == pytest.approx(rate - less)
    assert row["years_gained"] == pytest.approx(1 / less - 1 / rate)


def test_a_move_that_no_fitted_tail_reaches_has_rate_zero(toy):
    found = adl.adl_frequency(toy, factor=TOY, buffer=1e6, **FIXED).table.loc[("venue", "long")]
    assert found[["distance", "per_year", "low", "high", "return_period"]].tolist() == [np.inf, 0.0, 0.0, 0.0, np.inf]


def test_the_newsvendor_pays_for_capital_what_it_saves_in_deficits():
    """Deficits are exponential with mean 1 and come `rate` a year: minimise r K + c E[max(0, D - K)] by brute force."""
    rate, capital, deficit = 0.4, 0.03, 0.6

    def cost(fund: float) -> float:
        beyond = integrate.quad(lambda size: 1 - np.exp(-rate * np.exp(-size)), fund, 60.0)[0]
        return capital * fund + deficit * beyond

    funds = np.linspace(0.0, 6.0, 1201)
    best = funds[np.argmin([cost(fund) for fund in funds])]
    years = frequency.newsvendor_return_period(cost_of_capital=capital, cost_of_deficit=deficit)
    assert np.log(rate * years) == pytest.approx(best, abs=0.01)
    assert frequency.newsvendor_return_period(cost_of_capital=1.0, cost_of_deficit=1.0) == 0.0


def test_cover_is_the_sum_of_the_largest_deficits_of_owners(toy):
    stress = pd.DataFrame({"BTC": [-0.3, 0.5]}, index=["fall", "rise"])
    # at 150: bob owes 40, cat 30
    assert frequency.cover_requirement(toy, stress).to_numpy().tolist() == [[20.0, 20.0, 20.0], [40.0, 70.0, 70.0]]
    owned = toy.assign(owner=pd.Series(["x", "y", "y", "z"], index=toy.index, dtype="str"))
    assert frequency.cover_requirement(owned, stress, counts=[1]).loc["rise"].tolist() == [70.0, 70.0]


def test_days_beyond_the_buffer_are_counted_by_clusters(toy):
    days = pd.date_range("2020-01-01", periods=10, tz="UTC")
    down = pd.DataFrame({"BTC": [0, 0.3, 0.3, 0, 0.3, 0, 0, 0, 0.1, 0.2]}, days)
    up = pd.DataFrame({"BTC": [0, 0, 0, 0.5, 0, 0, 0, 0.5, 0, 0]}, days)
    counted = {"down": down, "up": up, "buffer": 10.0, "periods_per_year": 10.0} | FIXED
    alone = frequency.replayed_frequency(toy, gap=0, **counted).table
    assert alone["per_year"].tolist() == [3.0, 2.0, 5.0]
    assert alone["probability"].tolist() == [0.3, 0.2, 0.5]
    assert frequency.replayed_frequency(toy, gap=1, **counted).table["per_year"].tolist() == [2.0, 2.0, 2.0]


def test_no_day_beyond_the_buffer_is_no_certainty(toy):
    days = pd.date_range("2020-01-01", periods=3650, tz="UTC")
    still = pd.DataFrame({"BTC": 0.0}, days)
    row = frequency.replayed_frequency(
        toy, down=still, up=still, buffer=10.0, n_resamples=4000, n_panels=0, rng=7
    ).table.loc[("replay", "both")]
    # Garwood: -log(0.025) = 3.689 events, none at the low end
    assert row["per_year"] == 0.0
    assert row["low"] == 0.0
    assert row["high"] == pytest.approx(3.689 / 9.99, rel=0.1)


# Against brute force


@given(panels(has_time=False, kind=LINEAR), st.lists(st.tuples(*[st.floats(-0.9, 2.0)] * 3), min_size=1, max_size=4))
@few
def test_deficits_of_scenarios_are_those_of_the_panel_marked_there(panel, moves):
    scenarios = pd.DataFrame(moves, columns=SYMBOLS)
    bare = panel.assign(maintenance_deduction=0.0)
    found = account_deficits(bare, scenarios).toarray()
    marks = adl.mark_prices(bare)
    for place, move in scenarios.iterrows():
        there = adl.mark_to(bare, marks * (1.0 + move[marks.index]))
        expected = adl.shortfall(there).sort_index()
        assert found[:, place] == pytest.approx(expected.to_numpy(), rel=1e-9, abs=1e-7)


def test_deficits_of_inverse_contracts_are_those_of_the_panel_marked_there():
    facts = {"account": ["a", "b"], "symbol": "BTC", "qty": [1000.0, -800.0], "entry_price": 100.0, "mark_price": 90.0}
    panel = adl.build_panel(pd.DataFrame(facts | {"collateral": [1.2, 0.9], "contract": "inverse"}))
    moves = pd.DataFrame({"BTC": [-0.4, 0.8]})
    found = account_deficits(panel, moves).toarray()
    for place, move in enumerate(moves["BTC"]):
        expected = adl.shortfall(adl.mark_to(panel, {"BTC": 90.0 * (1 + move)}))
        assert found[:, place] == pytest.approx(expected.to_numpy(), abs=1e-12)


def test_a_resampled_account_counts_as_often_as_it_was_drawn(toy):
    drawn = list(resampled(toy, 400, np.random.default_rng(7)))
    assert drawn[0] is toy
    times = np.stack([(panel["qty"] / toy["qty"]).to_numpy() for panel in drawn[1:]])
    assert (times.sum(axis=1) == 4).all()
    assert times.mean(axis=0) == pytest.approx(np.ones(4), abs=0.15)
    rows = np.repeat(np.arange(4), times[0].astype(int))
    many = toy.iloc[rows].reset_index()
    many = adl.build_panel(many.assign(account=[f"copy {place}" for place in range(len(many))]))
    prices = [40.0, 70.0, 140.0, 200.0]
    expected = adl.shortfall_curve(many).shortfall(prices)
    assert adl.shortfall_curve(drawn[1]).shortfall(prices) == pytest.approx(expected)


def test_accounts_of_one_owner_are_drawn_together(toy):
    owned = toy.assign(owner=pd.Series(["x", "x", "y", "y"], index=toy.index, dtype="str"))
    for panel in list(resampled(owned, 20, np.random.default_rng(7)))[1:]:
        times = (panel["qty"] / toy["qty"]).to_numpy()
        assert times[0] == times[1]
        assert times[2] == times[3]


def test_paired_rates_are_the_diagonal_of_the_crossed_ones():
    sample = TAIL.posterior(30, rng=np.random.default_rng(7))
    moves = np.linspace(0.02, 0.6, 30)
    assert paired_exceedance(sample, moves) == pytest.approx(np.diag(sample.exceedance(moves)))
    both = np.stack([moves, np.full(30, np.inf)], axis=1)
    assert paired_exceedance(sample, both)[:, 1].tolist() == [0.0] * 30


def test_along_a_factor_of_one_symbol_events_begin_where_they_do_for_the_symbol(toy):
    venue = adl.venues.bitmex.with_buffers(adl.InsuranceFund(5.0))
    alone = adl.distance_to_adl(toy, venue=venue)
    found = factor_reach(toy, {"BTC": 1.0}, venue=venue, books=None)
    width = alone["width"].fillna(0.0).to_numpy() + 1e-4
    assert (np.abs(found - alone["percent"].to_numpy() / 100.0) <= width).all()
    table = adl.adl_frequency(toy, tails={"BTC": (TAIL, TAIL)}, factor=TOY, venue=venue, **FIXED)
    rates = table.table["per_year"]
    assert rates["venue"].to_numpy() == pytest.approx(rates["BTC"].to_numpy(), rel=1e-2)
    assert table.n_panels == 0
    assert np.isnan(table.buffer)


# Laws


@given(panels(has_time=False, kind=LINEAR), st.lists(st.floats(0.0, 1e4), min_size=2, max_size=5, unique=True))
@few
def test_a_larger_buffer_never_has_a_larger_rate(panel, buffers):
    pair = dict.fromkeys(panel.index.unique("symbol"), (TAIL, TAIL))
    rates = np.stack(
        [
            adl.adl_frequency(panel, tails=pair, factor=market_of(panel), buffer=money, **FIXED).table["per_year"]
            for money in sorted(buffers)
        ]
    )
    assert (np.diff(rates, axis=0) <= 1e-12).all()


@given(panels(has_time=False, kind=LINEAR), st.floats(0.6, 60.0))
@few
def test_the_fund_of_a_return_period_has_that_return_period_and_no_smaller_one_has(panel, years):
    market = market_of(panel)
    fund = adl.size_buffer(panel, return_period=years, factor=market, **FIXED).table["fund"].iloc[0]

    def period(money: float) -> float:
        return adl.adl_frequency(panel, factor=market, buffer=money, **FIXED).table["return_period"].iloc[-1]

    assert period(fund * (1 + 1e-9)) >= years * (1 - 1e-6)
    if fund > 1e-6:
        assert period(fund * (1 - 1e-3)) < years


@given(panels(has_time=False, kind=LINEAR), st.floats(1.0, 4.0))
@few
def test_more_leverage_never_has_a_smaller_rate(panel, stretch):
    table = adl.frequency_sensitivity(panel, factor=market_of(panel), fund=[50.0], leverage=[1.0, stretch])
    assert table["per_year"].iloc[1] >= table["per_year"].iloc[0] * (1 - 1e-9)


@given(panels(has_time=False, kind=LINEAR), st.sampled_from([0.25, 8.0, 1024.0]))
@few
def test_the_unit_of_money_does_not_matter(panel, unit):
    scaled = panel.assign(**{name: panel[name] * unit for name in ("qty", "collateral", "maintenance_deduction")})
    market = market_of(panel)
    here = adl.size_buffer(panel, return_period=[2.0, 30.0], factor=market, **QUICK).table
    there = adl.size_buffer(scaled, return_period=[2.0, 30.0], factor=market, step=unit * 1e6, **QUICK).table
    for name in ("fund", "low", "high", "vault_notional"):
        assert there[name].to_numpy() == pytest.approx(unit * here[name].to_numpy(), rel=1e-6, abs=1e-6, nan_ok=True)


def test_intervals_hold_both_sources(toy):
    found = adl.adl_frequency(toy, factor=TOY, buffer=10.0, n_resamples=400, n_panels=100, rng=7)
    table, sources = found.table, found.sources
    assert (table["low"] <= table["per_year"]).all()
    assert (table["per_year"] <= table["high"]).all()
    assert (table["high"] >= sources[["tail_high", "panel_high"]].min(axis=1)).all()
    assert sources["tail_share"].between(0, 1).all()
    fixed = adl.adl_frequency(toy, factor=TOY, buffer=10.0, **FIXED)
    assert fixed.sources["panel_high"].isna().all()
    assert (fixed.sources["tail_share"] == 1).all()
    assert (fixed.sources["tail_low"] == fixed.table["low"]).all()


def test_a_curve_answers_as_the_frequency_and_the_size_do(toy):
    funds = [0.0, 10.0, 40.0]
    curve = adl.buffer_curve(toy, factor=TOY, funds=funds, **FIXED).table
    for money in funds:
        row = adl.adl_frequency(toy, factor=TOY, buffer=money, **FIXED).table.loc[("venue", "both")]
        assert curve.loc[money, ["per_year", "low", "high", "return_period"]].tolist() == pytest.approx(
            row[["per_year", "low", "high", "return_period"]].tolist()
        )
    by_default = adl.buffer_curve(toy, factor=TOY, **FIXED).table
    assert by_default["return_period"].iloc[-1] == pytest.approx(50.0, rel=1e-6)
    assert len(by_default) == 40


def test_depth_scales_the_contracts_of_every_level():
    book = adl.OrderBook.power_law(depth=10.0, exponent=1.0)
    assert deeper(book, 3.0).recentre(100.0).sweep(-1e9).filled == pytest.approx(
        3 * book.recentre(100.0).sweep(-1e9).filled
    )


def test_sensitivity_in_contracts_falls_with_depth_and_fund(toy):
    venue = adl.venues.bitmex.with_buffers(adl.InsuranceFund(1.0))
    table = adl.frequency_sensitivity(
        toy, factor=TOY, venue=venue, books={"BTC": adl.OrderBook.power_law(depth=0.02, exponent=1.0)},
        fund=[0.0, 20.0], depth=[0.5, 8.0],
    )  # fmt: skip
    rates = table.pivot_table(index="depth", columns="fund", values="per_year")
    assert (rates.diff().iloc[1] <= 0).all()
    assert (rates.diff(axis=1).iloc[:, 1] <= 0).all()
    assert rates.iloc[1, 1] < rates.iloc[0, 0]


def test_answers_are_the_same_again_and_inputs_stay(toy):
    before = toy.copy()
    first, again = (adl.adl_frequency(toy, factor=TOY, buffer=10.0, **QUICK) for _ in range(2))
    pd.testing.assert_frame_equal(first.table, again.table)
    pd.testing.assert_frame_equal(toy, before)


# Figures


def test_figures_draw_what_was_computed(toy):
    found = adl.adl_frequency(toy, tails={"BTC": (TAIL, TAIL)}, factor=TOY, buffer=10.0, **QUICK)
    ax = found.plot()
    assert len(ax.get_yticklabels()) == len(found.table) == 6
    assert ax.lines[1].get_xdata()[0] == found.table["per_year"].iloc[0]
    sized = adl.size_buffer(toy, return_period=[1.0, 20.0], factor=TOY, **QUICK)
    assert sized.plot().lines[1].get_xdata()[0] == sized.table["fund"].iloc[0]
    curve = adl.buffer_curve(toy, factor=TOY, **QUICK)
    assert curve.plot().lines[0].get_ydata().tolist() == curve.table["return_period"].tolist()
    table = adl.frequency_sensitivity(toy, factor=TOY, fund=[5.0, 10.0], leverage=[1.0, 2.0])
    assert len(plotting.plot_sensitivity(table).lines) == 2
    assert len(sized.summary()) == 6


def test_a_market_that_no_move_exhausts_is_drawn_as_such(toy):
    calm = adl.MarketFactor({"BTC": 1.0}, down=known_tail(shape=-0.5), up=known_tail(shape=-0.5))
    found = adl.adl_frequency(toy, factor=calm, buffer=1e6, **FIXED)
    found = frequency.FrequencyResult(found.table.assign(high=0.0), found.sources, 0.95, 1e6, 0)
    assert found.plot().get_title(loc="left") == "No move reaches ADL"


# What is refused


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"factor": TOY}, CurveError, "either buffer="),
        ({"factor": TOY, "buffer": 1.0, "venue": adl.venues.bitmex}, CurveError, "either buffer="),
        ({"factor": TOY, "buffer": 1.0, "books": {}}, CurveError, "books belong"),
        ({"buffer": 1.0}, CurveError, "give tails="),
        ({"buffer": -1.0, "factor": TOY}, CurveError, "buffer must be"),
        ({"buffer": np.nan, "factor": TOY}, CurveError, "buffer must be"),
        ({"buffer": 1.0, "tails": {"ETH": (TAIL, TAIL)}}, CurveError, "not in the panel"),
        ({"buffer": 1.0, "tails": {"BTC": TAIL}}, TailError, "two results of adl.fit_tail"),
        ({"buffer": 1.0, "factor": TOY, "level": 95}, CurveError, "level must be"),
        ({"buffer": 1.0, "factor": TOY, "n_resamples": 0}, CurveError, "n_resamples"),
        ({"buffer": 1.0, "factor": MARKET}, CurveError, "not in the panel"),
    ],
)
def test_questions_about_frequency_without_an_answer_are_refused(toy, options, error, message):
    with pytest.raises(error, match=message):
        adl.adl_frequency(toy, **{"rng": 7} | options)


def test_panels_that_hold_no_one_answer_are_refused(toy):
    time = pd.Timestamp("2025-10-10", tz="UTC").as_unit("us")
    with pytest.raises(CurveError, match="one moment"):
        adl.adl_frequency(pd.concat({time: toy}, names=["time"]), factor=TOY, buffer=1.0, rng=7)
    other = toy.rename({"BTC": "ETH"}, level="symbol").rename(lambda name: f"{name} 2", level="account")
    both = pd.concat([toy, other])
    coins = both.assign(settlement=pd.Series(["A"] * 4 + ["B"] * 4, index=both.index, dtype="str"))
    with pytest.raises(CurveError, match="several currencies"):
        adl.size_buffer(coins, return_period=1.0, factor=TOY, rng=7)


def test_questions_about_funds_without_an_answer_are_refused(toy):
    down = pd.DataFrame({"BTC": [0.1, 0.2]}, pd.date_range("2020-01-01", periods=2, tz="UTC"))
    costs = {"cost_of_capital": -0.1, "cost_of_deficit": 1.0}
    replay = {"panel": toy, "down": down, "up": down, "buffer": 1.0, "rng": 7}
    for ask, error, message in (
        (lambda: adl.size_buffer(toy, return_period=0.0, factor=TOY, rng=7), CurveError, "return periods"),
        (lambda: adl.size_buffer(toy, return_period=1.0, factor=TOY, step=0.0, rng=7), CurveError, "step"),
        (lambda: adl.buffer_curve(toy, factor=TOY, funds=[2.0, 1.0], rng=7), CurveError, "rise"),
        (lambda: adl.MarketFactor({"BTC": 1.0}, down=TAIL, up=1.0), TailError, "fit_tail"),
        (lambda: frequency.newsvendor_return_period(**costs), CurveError, "costs"),
        (lambda: frequency.cover_requirement(toy, down, counts=[0]), CurveError, "counts"),
        (lambda: frequency.cover_requirement(toy, down - 1.5), CurveError, "above -1"),
        (lambda: frequency.cover_requirement(toy, down.rename(columns={"BTC": "ETH"})), CurveError, "one column"),
        (lambda: frequency.cover_requirement(toy, down.iloc[:0]), CurveError, "no rows"),
        (lambda: frequency.replayed_frequency(**replay | {"up": down.iloc[:1]}), CurveError, "one index"),
        (lambda: frequency.replayed_frequency(**replay | {"up": -down}), CurveError, "below zero"),
        (lambda: frequency.replayed_frequency(**replay, gap=-1), CurveError, "gap"),
        (lambda: frequency.replayed_frequency(**replay, periods_per_year=0.0), CurveError, "periods_per_year"),
        (lambda: adl.frequency_sensitivity(toy, factor=TOY, fund=[1.0], depth=[2.0]), CurveError, "depth"),
        (
            lambda: adl.frequency_sensitivity(toy, factor=TOY, fund=[1.0], venue=adl.venues.hyperliquid),
            VenueError,
            "one insurance fund",
        ),
    ):
        with pytest.raises(error, match=message):
            ask()


def test_a_far_return_period_is_warned_of(toy):
    with pytest.warns(TailWarning, match="no data speak"):
        adl.size_buffer(toy, return_period=[1.0, 101.0], factor=TOY, **FIXED)


def test_a_curve_without_a_fund_to_look_at_is_refused(toy):
    safe = toy.assign(collateral=1e9)
    with pytest.raises(CurveError, match="give funds="):
        adl.buffer_curve(safe, factor=TOY, **FIXED)


def test_falls_bankrupt_longs_and_rises_shorts():
    """TOY's long is bankrupt below a fall, its shorts above a rise: each by its own tail."""
    down, up = known_tail(scale=0.03), known_tail(scale=0.08)
    panel = adl.mark_to(adl.load_dataset("four_accounts"), {"BTC": 100.0})
    for line in ({"tails": {"BTC": (down, up)}}, {"factor": adl.MarketFactor({"BTC": 1.0}, down=down, up=up)}):
        table = adl.adl_frequency(panel, **line, buffer=10.0, n_panels=0, rng=7).table.droplevel("symbol")
        for side, tail in (("long", down), ("short", up)):
            assert table.loc[side, "per_year"] == pytest.approx(tail.exceedance(table.loc[side, "distance"]))


def test_order_of_rows_and_missing_owners_change_nothing():
    panel = adl.load_dataset("synthetic_crash").iloc[:400]
    account = panel.index.get_level_values("account")
    panel = panel.assign(owner=panel["owner"].where(pd.factorize(account)[0] % 3 > 0))
    betas = dict.fromkeys(panel.index.unique("symbol"), 1.0)
    market = adl.MarketFactor(betas, down=TAIL, up=TAIL)
    shuffled = panel.sample(frac=1.0, random_state=3)
    found, other = (
        adl.adl_frequency(rows, factor=market, buffer=1e5, n_panels=20, n_resamples=100, rng=7).table
        for rows in (panel, shuffled)
    )
    pd.testing.assert_frame_equal(found, other)


def test_a_factor_whose_symbols_fall_further_than_it_does_is_refused():
    with pytest.raises(TailError, match="give the tails of the symbol that moves most, with a beta of 1"):
        adl.MarketFactor({"BTC": 1.0, "ETH": 1.3}, down=TAIL, up=TAIL)


@pytest.mark.parametrize(
    ("name", "time", "horizon", "threshold"),
    [
        ("binance_btcusdt_daily_2017_2025.csv", "Date", None, 0.08),
        ("binance_ethusdt_daily_2017_2025.csv", "Date", None, 0.1),
        ("btcusd_hourly_2018_2022.csv", "date", "1D", 0.07),
    ],
)
def test_real_days_answer_how_often_and_how_large(name, time, horizon, threshold):
    """Daily bars, and hourly ones gathered into days: the fund for T years is exhausted once in T years."""
    folders = [parent / "shared" / "data" / "prices_long" / name for parent in Path(__file__).resolve().parents]
    found = [path for path in folders if path.exists()]
    if not found:
        pytest.skip("price histories are not part of the repository")
    bars = pd.read_csv(found[0], index_col=time, parse_dates=True).sort_index().rename(columns=str.lower)
    moves = adl.worst_moves(bars[~bars.index.duplicated()], horizon=horizon)
    down, up = (adl.fit_tail(moves[side], threshold=threshold, gap=1) for side in ("down", "up"))
    panel = adl.load_dataset("synthetic_crash")
    market = adl.MarketFactor(dict.fromkeys(panel.index.unique("symbol"), 1.0), down=down, up=up)
    sized = adl.size_buffer(panel, return_period=[1.0, 5.0], factor=market, n_resamples=200, n_panels=20, rng=7).table
    assert (sized["low"] <= sized["fund"]).all()
    assert (sized["fund"] <= sized["high"]).all()
    for years, row in sized.iterrows():
        again = adl.adl_frequency(panel, factor=market, buffer=row["fund"], n_panels=0, n_resamples=50, rng=7)
        assert again.table.loc[("venue", "both"), "return_period"] == pytest.approx(years, rel=1e-6)
