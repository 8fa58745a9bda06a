"""Figures draw what was computed: bars, labels and titles are checked by their data, not by pixels."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

import adlkit as adl
from adlkit import plotting
from adlkit.plotting import percent, plain, short
from adlkit.plotting.figure import BAR

pytestmark = pytest.mark.usefixtures("_closed_figures")

AT_PREVIOUS = {"previous_marks": {"BTC": 74.0}}


@pytest.fixture
def _closed_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def toy():
    """Ann's 2 contracts are bankrupt at 80 and the mark is 70: the fund closes nothing, bob and cat give one each."""
    return adl.run_event(adl.load_dataset("four_accounts"), {"BTC": 70.0}, venue=adl.venues.bitmex)


@pytest.fixture(scope="module")
def crash():
    """Book, vault and ADL all have work to do."""
    panel = adl.load_dataset("synthetic_crash").assign(settlement="USD")
    depth = adl.load_dataset("synthetic_crash_depth").set_index("symbol")
    books = {str(name): adl.OrderBook.power_law(row.depth, row.exponent) for name, row in depth.iterrows()}
    vault = adl.BackstopVault(1e6, max_leverage=3.0, threshold=2 / 3, takes_accounts=True)
    marks = adl.mark_prices(panel)
    venue = adl.venues.hyperliquid.with_buffers(vault).with_tiers(adl.load_dataset("synthetic_crash_tiers"))
    return adl.run_event(panel, 0.8 * marks, venue=venue, books=books, previous_marks=0.85 * marks)


def market(winners: int, *, previous: float) -> adl.EventResult:
    """One bankrupt long against many equal shorts, filled at the previous mark."""
    names = [f"w{place:04d}" for place in range(winners)]
    size = [10.0, *([-10.0 / winners] * winners)]
    frame = pd.DataFrame({"account": ["loser", *names], "symbol": "BTC", "qty": size})
    frame = frame.assign(entry_price=100.0, mark_price=100.0, collateral=[100.0, *([1000.0] * winners)])
    marks, before = {"BTC": 70.0}, {"BTC": previous}
    return adl.run_event(adl.build_panel(frame), marks, venue=adl.venues.hyperliquid, previous_marks=before)


def title(ax):
    return ax.get_title(loc="left")


def labels(ax):
    return [tick.get_text() for tick in ax.get_yticklabels()]


# Who closed what


def test_stage_bars_have_the_widths_of_the_stages_table(crash):
    ax = plotting.plot_stages(crash)
    notional = crash.stages["notional"]
    markets = [tuple(label.split()) for label in labels(ax)]
    for bars, stage in zip(ax.containers, plotting.stage_colours(crash), strict=True):
        expected = [notional[(*market, stage)] for market in markets]
        np.testing.assert_allclose([bar.get_width() for bar in bars], expected, atol=1e-3)


def test_stage_bars_of_a_market_lie_end_to_end_and_largest_needs_come_first(crash):
    ax = plotting.plot_stages(crash)
    ends = np.array([[bar.get_x() + bar.get_width() for bar in bars] for bars in ax.containers])
    starts = np.array([[bar.get_x() for bar in bars] for bars in ax.containers])
    np.testing.assert_allclose(starts[1:], ends[:-1])
    assert (np.diff(ends[-1]) <= 0).all()
    assert labels(ax)[0] == "BTC long"


def test_stage_title_says_how_much_adl_closed(crash, toy):
    assert title(plotting.plot_stages(toy)) == "ADL closes 100% of the 140 to close"
    size = crash.stages["notional"].groupby(level="stage").sum()
    assert percent(size["adl"] / size.sum()) in title(plotting.plot_stages(crash))


def test_stage_legend_states_the_amounts_of_stages_that_did_something(crash):
    entries = [entry.get_text() for entry in plotting.plot_stages(crash).get_legend().get_texts()]
    assert [entry.split(" ")[0] for entry in entries] == ["book", "backstop", "ADL", "left"]
    assert "49k (0.5%)" in entries[0]


def test_stage_axis_names_currency_and_shortens_amounts(crash):
    ax = plotting.plot_stages(crash)
    ax.figure.canvas.draw()
    assert ax.get_xlabel() == "notional at the mark [USD]"
    assert "1M" in [tick.get_text() for tick in ax.get_xticklabels()]


def test_many_markets_are_summed_up_in_one_bar(crash):
    ax = plotting.plot_stages(crash, top=2)
    assert labels(ax) == ["BTC long", "3 others"]
    total = sum(bar.get_width() for bar in ax.patches if bar.get_height() == BAR)
    assert total == pytest.approx(crash.stages["notional"].sum())


def test_each_buffer_has_a_colour_of_its_own():
    buffers = (
        adl.ProgrammaticLiquidity(1.0, 0.01),
        adl.InsuranceFund(1.0),
        adl.BackstopVault(1.0),
    )
    venue = adl.venues.dydx_v4.with_buffers(*buffers)
    colours = plotting.stage_colours(adl.run_event(adl.load_dataset("four_accounts"), {"BTC": 70.0}, venue=venue))
    assert list(colours) == ["book", *(buffer.name for buffer in buffers), "adl", "open", "residual"]
    assert len(set(colours.values())) == len(colours)


def test_an_event_without_liquidations_says_so():
    event = adl.run_event(adl.load_dataset("four_accounts"), {"BTC": 100.0}, venue=adl.venues.bitmex)
    assert title(plotting.plot_stages(event)).startswith("No account is liquidated")
    assert title(plotting.plot_payers(event)) == "Nobody was deleveraged"


# Who paid


def test_payers_are_drawn_by_money_forgone(crash):
    ax = plotting.plot_payers(crash, top=5)
    forgone = crash.fills.groupby("winner")["forgone"].sum().sort_values(ascending=False)
    np.testing.assert_allclose([bar.get_width() for bar in ax.patches], forgone.iloc[:5])
    assert labels(ax)[:2] == list(forgone.index[:2])
    assert labels(ax)[-1] == f"{len(forgone) - 5} others"


@pytest.mark.parametrize("winners", [1, 2_000])
def test_one_or_thousands_of_payers_are_readable(winners):
    ax = plotting.plot_payers(market(winners, previous=74.0))
    assert len(labels(ax)) == min(winners, 16)
    assert "gave up 40" in title(ax) if winners == 1 else "10 of 2,000 winners gave up 0.5%" in title(ax)


def test_payers_that_gave_up_nothing_are_drawn_by_size():
    ax = plotting.plot_payers(market(3, previous=70.0))
    assert title(ax) == "Winners gave up nothing against the mark; 700 of positions closed"
    assert [bar.get_width() for bar in ax.patches] == pytest.approx([700 / 3] * 3)


def test_a_fill_better_than_the_mark_is_a_bar_below_zero():
    ax = plotting.plot_payers(market(2, previous=66.0))
    assert [bar.get_width() for bar in ax.patches] == pytest.approx([-20.0, -20.0])
    assert ax.get_xlim()[0] < -20.0


def test_payers_add_up_to_the_fills(crash):
    table = crash.payers()
    for column, other in {"forgone": "forgone", "realized_pnl": "realized_pnl"}.items():
        assert table[column].sum() == pytest.approx(crash.fills[other].sum())
    assert table["closed"].sum() == pytest.approx(crash.stages.xs("adl", level="stage")["notional"].sum())
    assert table["share_closed"].between(0, 1 + 1e-12).all()


def test_shortfall_is_drawn_largest_first(crash):
    owed = adl.shortfall(crash.before)
    ax = plotting.plot_shortfall(owed, top=3, unit="USD")
    np.testing.assert_allclose([bar.get_width() for bar in ax.patches], owed.nlargest(3))
    assert ax.get_xlabel() == "shortfall [USD]"
    assert title(plotting.plot_shortfall(owed * 0.0)) == "No account is bankrupt"


# Allocation


def test_allocation_areas_are_what_was_taken():
    capacity = pd.Series({"ann": 4.0, "bob": 8.0, "cat": 0.0, "dee": 2.0})
    result = adl.allocate(5.0, capacity, rule=adl.rules.pro_rata)
    values, edges, _ = plotting.plot_allocation(result).patches[-1].get_data()
    np.testing.assert_allclose(np.diff(edges), [4.0, 8.0, 2.0])
    np.testing.assert_allclose(values * np.diff(edges), result.taken[capacity > 0])


def test_allocation_groups_stand_side_by_side():
    index = pd.MultiIndex.from_tuples([("a", 1), ("b", 1), ("a", 2)], names=["event", "place"])
    target = pd.Series([1.0, 2.0], index=pd.Index(["a", "b"], name="event"))
    ax = plotting.plot_allocation(adl.allocate(target, pd.Series([1.0, 2.0, 3.0], index=index)))
    values, edges, _ = ax.patches[-1].get_data()
    np.testing.assert_allclose(np.diff(edges), [1.0, 3.0, 2.0])
    np.testing.assert_allclose(values, [1.0, 0.0, 1.0])


def test_allocation_title_tells_what_stays_open():
    result = adl.allocate(5.0, pd.Series([1.0, 2.0]))
    assert title(plotting.plot_allocation(result)) == "2 of 2 candidates give 3; 2 of 5 stays open"
    assert title(result.plot()) == title(plotting.plot_allocation(result))
    assert title(plotting.plot_allocation(adl.allocate(0.0, pd.Series([0.0])))) == "Nobody has capacity to give"


# Real fills


def test_fills_are_drawn_by_symbol_and_second():
    time = pd.to_datetime(["2025-10-10 21:16:04.1", "2025-10-10 21:16:04.8", "2025-10-10 21:16:09.0"], utc=True)
    events = pd.DataFrame({"time": time, "symbol": ["ETH", "BTC", "ETH"], "notional": [2.0, 3.0, 4.0]})
    by_symbol = plotting.plot_event_symbols(events)
    assert dict(zip(labels(by_symbol), [bar.get_width() for bar in by_symbol.patches], strict=True)) == {
        "ETH": 6.0,
        "BTC": 3.0,
    }
    by_second = plotting.plot_event_times(events)
    assert [segment[1][1] for segment in by_second.collections[0].get_segments()] == [5.0, 4.0]
    by_second.figure.canvas.draw()
    assert "21:16:05" in [tick.get_text() for tick in by_second.get_xticklabels()]


# Habits of all figures


def test_a_figure_is_drawn_where_it_is_asked_for(toy):
    figure, axes = plt.subplots(1, 2)
    assert plotting.plot_stages(toy, ax=axes[0]) is axes[0]
    assert toy.plot(ax=axes[1]) is axes[1]
    assert plt.get_fignums() == [figure.number]


def test_names_are_drawn_as_text_and_never_read_as_formulas():
    name = "<b>$\\frac{$ long name of a trading account"
    panel = adl.load_dataset("four_accounts").rename(index={"bob": name, "BTC": "$x_$"})
    event = adl.run_event(panel, {"$x_$": 70.0}, venue=adl.venues.bitmex)
    for ax in (plotting.plot_payers(event), plotting.plot_stages(event)):
        ax.figure.canvas.draw()
    assert labels(plotting.plot_payers(event)) == ["<b>$\\frac{$…ccount", "cat"]


def test_importing_and_drawing_leave_the_style_alone(toy):
    before = dict(plt.rcParams)
    plotting.plot_stages(toy)
    assert dict(plt.rcParams) == before


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (-0.0, "0"),
        (12.345, "12.3"),
        (999.6, "1k"),
        (-48_250.0, "-48.2k"),
        (2.5e12, "2.5tn"),
        (1e-5, "1e-05"),
    ],
)
def test_amounts_are_written_short(value, text):
    assert short(value) == text


def test_shares_are_finer_where_they_are_small():
    assert [percent(share) for share in (0.0, 0.0001, 0.0123, 0.123, 1.0)] == ["0%", "<0.1%", "1.2%", "12%", "100%"]


def test_names_are_one_printable_line():
    assert plain("a\n\x1b[31mb\u202e") == "a\ufffd\ufffd[31mb\ufffd"
    assert plain("0x5483dd0f8b7d2544a6ac14ba8659988178fd9f4a", 16) == "0x5483dd0…fd9f4a"


# How far it is to ADL


@pytest.fixture(scope="module")
def calm():
    """Ann, long 2, is bankrupt at 80; cat, short 1, at 120, and bob, short 2, at 130."""
    return adl.mark_to(adl.load_dataset("four_accounts"), {"BTC": 100.0})


def test_distances_are_drawn_below_and_above_the_mark_with_gaps_where_there_are_none(calm):
    times = pd.to_datetime(["2025-10-10T21:00:00Z", "2025-10-10T21:10:00Z"]).as_unit("us")
    panel = pd.concat(dict(zip(times, [calm, adl.mark_to(calm, {"BTC": 90.0})], strict=True)), names=["time"])
    table = adl.distance_to_adl(panel, buffer=pd.Series([10.0, 1e6], index=pd.Index(times, name="time")))
    ax = plotting.plot_distance(table)
    falls, rises = (line.get_ydata() for line in ax.get_lines()[:2])
    np.testing.assert_allclose(falls, [-0.25, np.nan])
    np.testing.assert_allclose(rises, [0.3, table["percent"].iloc[-1] / 100])
    assert title(ax) == "Nearest to ADL at 21:00 UTC: a fall of BTC by 25%"


def test_a_market_out_of_reach_is_said_to_be(calm):
    panel = pd.concat({pd.Timestamp("2025-10-10", tz="UTC").as_unit("us"): calm.assign(collateral=1e9)}, names=["time"])
    table = adl.distance_to_adl(panel, buffer=1e12).query("side == 'long'")
    assert title(plotting.plot_distance(table)) == "No move reaches ADL"


def test_reach_is_the_share_of_contracts_by_move(calm):
    reach = adl.adl_reach(calm, venue=adl.venues.bitmex)
    ax = plotting.plot_reach(calm, reach, symbol="BTC")
    shorts, longs = (line.get_xydata() for line in ax.get_lines()[:2])
    np.testing.assert_allclose(shorts[-1], [-1.0, 1.0])  # bob and cat are both reached where ann is liquidated
    np.testing.assert_allclose(shorts[1], [80.0 / 0.95 / 100 - 1, 2 / 3], rtol=1e-5)
    np.testing.assert_allclose(longs[1:3, 0], [120.0 / 1.05 / 100 - 1, 130.0 / 1.05 / 100 - 1], rtol=1e-5)


def test_a_side_that_is_never_reached_has_no_share(calm):
    reach = adl.adl_reach(calm, venue=adl.venues.bitmex).assign(adl_price=np.nan)
    ax = plotting.plot_reach(calm, reach, symbol="BTC")
    assert title(ax) == "BTC: ADL reaches no shorts, no longs"
    assert all((line.get_ydata() == 0).all() for line in ax.get_lines()[:2])


# What a price liquidates, and where the mark ends


@pytest.fixture(scope="module")
def cascade():
    """Ann's 2 contracts fall due at 84.2; bob's 2 rise due at 123.8 and cat's 1 at 114.3."""
    panel = adl.mark_to(adl.load_dataset("four_accounts"), {"BTC": 100.0})
    return adl.cascade_curve(panel, impact=lambda contracts: 5.0 * contracts)


def test_liquidations_are_drawn_longs_below_the_mark_and_shorts_above_it(cascade):
    ax = cascade.liquidations.plot()
    longs, shorts = ax.lines[0].get_xydata(), ax.lines[1].get_xydata()
    assert longs[:, 0].max() == 0
    assert shorts[:, 0].min() == 0
    for line, side in ((longs, "long"), (shorts, "short")):
        assert line[:, 1].tolist() == cascade.liquidations.qty(100.0 * (1 + line[:, 0]), side=side).tolist()


def test_liquidations_without_any_say_so(cascade):
    ax = cascade.liquidations.plot()
    assert title(ax) == "BTC: 10% down liquidates 0 long contracts, 10% up 0 short"
    assert ax.get_xlabel() == "price of BTC, from the mark of 100"


def test_ends_of_cascades_are_drawn_beside_the_line_of_no_cascade(cascade):
    ax = plotting.plot_cascade_curve(cascade, reach=0.3)
    none, ends = ax.lines[0].get_xydata(), ax.lines[1].get_xydata()
    assert none.tolist() == [[-0.3, -0.3], [0.3, 0.3]]
    drawn = ends[np.isfinite(ends[:, 1])]
    np.testing.assert_allclose(drawn[:, 1], cascade.price(100.0 * (1 + drawn[:, 0])) / 100.0 - 1)


def test_jumps_break_the_line_and_are_dotted(cascade):
    """10 at ann's, 5 at cat's and 10 at bob's liquidation."""
    ax = cascade.plot()
    heights = [float(np.ptp(segment[:, 1])) for segment in ax.collections[0].get_segments()]
    assert np.isnan(ax.lines[1].get_ydata()).sum() == 3
    assert heights == pytest.approx([0.1, 0.05, 0.1], abs=1e-3)


def test_the_runaway_zone_is_shaded_from_the_runaway_price_on():
    panel = adl.mark_to(adl.load_dataset("four_accounts"), {"BTC": 100.0})
    impact = {"impact": lambda contracts: np.where(contracts > 1, np.inf, contracts)}
    curve = adl.cascade_curve(panel, **impact)
    ax = curve.plot()
    zones = [(zone.get_x(), zone.get_x() + zone.get_width()) for zone in ax.patches]
    down, up = curve.runaway_price(side="down") / 100 - 1, curve.runaway_price(side="up") / 100 - 1
    assert zones == [pytest.approx((-0.5, down)), pytest.approx((up, 0.5))]
    assert title(ax) == "BTC: falls beyond −16% and rises beyond +23% run away"
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["no cascade", "with cascade", "runs away"]


def test_a_cascade_that_never_runs_away_says_so():
    panel = adl.mark_to(adl.load_dataset("four_accounts"), {"BTC": 100.0})
    ax = adl.cascade_curve(panel, impact=lambda contracts: 0.0 * contracts).plot()
    assert title(ax) == "BTC: a fall of 20% ends at −20%; no fall or rise runs away"
    assert len(ax.patches) == 0
