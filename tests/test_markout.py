"""Markouts of fills: worked by hand, then laws, the bootstrap against known theory, errors and the figure."""

from __future__ import annotations

import builtins
from pathlib import Path

import hypothesis.strategies as st
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings

import adlkit as adl
from adlkit import plotting
from adlkit.errors import MetricError
from adlkit.markout import horizon_name
from adlkit.sources import hyperliquid

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
AVAX = DATA / "hyperreplay" / "first_wave_AVAX_queue_50rows.csv"
BARS = DATA / "oct10_trades" / "bars_1s_2045_2215_2025-10-10.csv.gz"
START = pd.Timestamp("2025-10-10T21:15Z").as_unit("us")
PRICES = pd.DataFrame(
    {"BTC": [100.0, 90.0, 95.0, 104.0], "ETH": [10.0, 9.0, np.nan, 12.0]},
    index=START + pd.to_timedelta([0, 10, 60, 3600], unit="s"),
)
FILLS = pd.DataFrame(
    {
        "time": START + pd.to_timedelta([12, 0, 50], unit="s"),
        "symbol": ["ETH", "BTC", "BTC"],
        "qty": [-10.0, 2.0, -1.0],
        "price": [8.0, 98.0, 91.0],
    }
)


def result(fills=FILLS, prices=PRICES, horizons=("10s", "1min"), **options):
    return adl.markouts(fills, prices, list(horizons), **({"rng": 7} | options))


def steady(n=200, *, noise=0.0):
    """One contract bought each second at about 99, under a mark of 100 that rises by 0.01 a second."""
    times = START + pd.to_timedelta(np.arange(4 * n), unit="s")
    prices = pd.DataFrame({"BTC": 100.0 + 0.01 * np.arange(4 * n)}, index=times)
    fills = pd.DataFrame({"time": times[:n], "symbol": "BTC", "qty": 1.0})
    price = 99.0 + noise * np.random.default_rng(3).standard_normal(n)
    return fills.assign(price=price), prices


def ar1(n, correlation, rng):
    """Stationary autoregression with unit innovations."""
    shocks = rng.standard_normal(n)
    values = np.empty(n)
    values[0] = shocks[0] / np.sqrt(1 - correlation**2)
    for place in range(1, n):
        values[place] = correlation * values[place - 1] + shocks[place]
    return values


def noisy_fills(values):
    """One contract bought each second at 100 - values / 100 under a mark of 100: the immediate part is `values`."""
    times = START + pd.to_timedelta(np.arange(len(values) + 1), unit="s")
    prices = pd.DataFrame({"BTC": 100.0}, index=times)
    return pd.DataFrame({"time": times[:-1], "symbol": "BTC", "qty": 1.0, "price": 100.0 - values / 100}), prices


# Worked by hand from the definitions of arXiv 2512.01112, appendix


def test_parts_of_three_fills_are_those_worked_by_hand():
    # BTC +2 at 98, marks 100 then 90 (10 s) and 95 (60 s); BTC -1 at 91, marks 90, then 95 (60 s) and 95 (110 s);
    # ETH -10 at 8, marks 9, then 9 (22 s), none (72 s: the last price is missing)
    found = result()
    near, far = found.table.loc[pd.Timedelta("10s")], found.table.loc[pd.Timedelta("1min")]
    assert near["money"].tolist() == [2 * 2 + 1 - 10, 2 * -10 - 5, 2 * -8 - 4 - 10]
    assert far["money"].tolist() == [4 + 1, -10 - 5, -6 - 4]
    notional = 2 * 98 + 91 + 80
    assert near["bps"].tolist() == pytest.approx([1e4 * part / notional for part in (-5, -25, -30)])
    assert far["bps"].tolist() == pytest.approx([1e4 * part / (2 * 98 + 91) for part in (5, -15, -10)])


def test_what_is_not_covered_is_counted():
    cover = result(horizons=["10s", "1min", "2h"]).coverage
    assert cover["fills"].tolist() == [3, 2, 0]
    assert cover["notional"].tolist() == [367.0, 287.0, 0.0]
    assert cover["share"].tolist() == pytest.approx([1.0, 287 / 367, 0.0])
    early = FILLS.assign(time=FILLS["time"] - pd.Timedelta("5s"))
    assert result(early).coverage["fills"].tolist() == [2, 1]  # BTC: no mark before the first; ETH: its last


def test_symbols_have_rows_of_their_own():
    table = result().by_symbol
    assert table.loc[("BTC", pd.Timedelta("10s")), "money"].tolist() == [5.0, -25.0, -20.0]
    assert table.loc[("ETH", pd.Timedelta("10s")), "money"].tolist() == [-10.0, 0.0, -10.0]
    assert table.loc[("ETH", pd.Timedelta("10s"), "total"), "bps"] == -1250.0
    assert table.loc[("ETH", pd.Timedelta("1min")), "bps"].isna().all()
    assert table.loc[("ETH", pd.Timedelta("1min")), "share"].tolist() == [0.0, 0.0, 0.0]
    assert table.index.names == ["symbol", "horizon", "part"]


def test_winners_of_an_event_give_up_the_haircut_at_once():
    event = adl.run_event(adl.load_dataset("four_accounts"), {"BTC": 70.0}, venue=adl.venues.bitmex)
    sign = event.fills["side"].map({"long": 1.0, "short": -1.0})  # shorts are bought back from bankrupt longs
    fills = event.fills.assign(qty=sign * event.fills["qty"], time=START)
    prices = pd.DataFrame({"BTC": [70.0, 75.0]}, index=[START, START + pd.Timedelta("1h")])
    money = result(fills, prices, ["1h"]).table["money"]
    assert money.tolist() == [-20.0, 10.0, -10.0]  # two contracts at 80: the haircut of the event, then a rebound
    assert -money.iloc[0] == event.fills["forgone"].sum()


@pytest.mark.skipif(not (AVAX.exists() and BARS.exists()), reason="the data is not here: it does not ship")
def test_real_winners_of_avax_miss_a_fall_and_are_spared_the_rebound():
    events = hyperliquid.read_adl_events(AVAX)
    bars = pd.read_csv(BARS, parse_dates=["time_utc"])
    bars = bars[(bars["symbol"] == "AVAX-USD") & (bars["venue"] == "coinbase")].assign(symbol="AVAX")
    prices = adl.price_path(bars.assign(time_utc=bars["time_utc"] + pd.Timedelta("1s")))
    fills = events.assign(qty=-np.sign(events["position_qty"]) * events["closed_qty"])
    found = result(fills, prices, ["1min", "5min", "30min", "1h"])
    at = fills["time"].iloc[0]
    for horizon in ("1min", "5min", "30min"):
        later = prices["AVAX"][: at + pd.Timedelta(horizon)].iloc[-1]
        expected = (later - 22.075) / 22.075  # all were filled at 22.075 at one moment, all by buying
        assert found.table.loc[(pd.Timedelta(horizon), "total"), "bps"] == pytest.approx(1e4 * expected)
    assert found.coverage["fills"].tolist() == [50, 50, 50, 0]  # the bars end at 22:15
    assert found.coverage["caution"].str.contains("span less than the horizon").tolist() == [True, True, True, False]


# Laws

prices_of = st.floats(50.0, 150.0)
some_fills = st.lists(
    st.tuples(st.integers(0, 80), st.sampled_from(["BTC", "ETH"]), st.integers(-5, 5).filter(bool), prices_of),
    min_size=1,
    max_size=8,
)


def made(rows):
    frame = pd.DataFrame(rows, columns=["second", "symbol", "qty", "price"])
    return frame.assign(time=START + pd.to_timedelta(frame["second"], unit="s"))


@given(rows=some_fills)
def test_parts_add_up_in_total_and_over_symbols(rows):
    found = result(made(rows))
    for column in ("money", "bps"):
        parts = found.table[column].unstack("part")
        np.testing.assert_allclose(parts["immediate"] + parts["opportunity"], parts["total"], atol=1e-9)
    summed = found.by_symbol["money"].groupby(level=["horizon", "part"]).sum()
    np.testing.assert_allclose(found.table["money"], summed, atol=1e-9)
    whole = found.by_symbol["notional"].xs("total", level="part").groupby(level="horizon").sum()
    np.testing.assert_allclose(found.coverage["notional"], whole)


@given(rows=some_fills, size=st.sampled_from([0.5, 3.0]))
def test_the_other_side_earns_the_opposite_and_size_scales_money_only(rows, size):
    fills = made(rows)
    one, other = result(fills), result(fills.assign(qty=-size * fills["qty"]))
    np.testing.assert_allclose(other.table["money"], -size * one.table["money"], atol=1e-9)
    np.testing.assert_allclose(other.table["bps"], -one.table["bps"], atol=1e-9)


@settings(max_examples=25)
@given(rows=some_fills, data=st.data())
def test_the_order_of_rows_does_not_matter_and_inputs_are_kept(rows, data):
    fills = made(rows)
    before = fills.copy()
    mixed = fills.iloc[data.draw(st.permutations(range(len(fills))))]
    np.testing.assert_allclose(result(mixed).table["money"], result(fills).table["money"], atol=1e-9)
    pd.testing.assert_frame_equal(fills, before)


# The bootstrap


@pytest.mark.parametrize("correlation", [0.3, 0.5, 0.7])
def test_the_automatic_block_is_that_of_the_theory_for_an_autoregression(correlation):
    # Patton, Politis and White (2009): b = (2 rho / (1 - rho^2))^(2/3) n^(1/3) for AR(1), stationary bootstrap
    n, theory = 8000, (2 * correlation / (1 - correlation**2)) ** (2 / 3) * 8000 ** (1 / 3)
    lengths = []
    for seed in range(8):
        fills, prices = noisy_fills(ar1(n, correlation, np.random.default_rng(seed)))
        lengths.append(result(fills, prices, ["1s"], n_resamples=1).coverage["block"].iloc[0])
    assert np.mean(lengths) == pytest.approx(theory, rel=0.15)


def test_independent_fills_have_blocks_of_about_one_and_the_interval_of_the_textbook():
    values = np.random.default_rng(5).normal(20.0, 50.0, 2000)
    fills, prices = noisy_fills(values)
    found = result(fills, prices, ["1s"], n_resamples=4000, level=0.9)
    assert found.coverage["block"].iloc[0] < 3
    row = found.table.xs("immediate", level="part").iloc[0]
    half = 1.6449 * values.std(ddof=1) / np.sqrt(2000)
    assert [row["low"] - row["bps"], row["high"] - row["bps"]] == pytest.approx([-half, half], rel=0.1)


def test_the_variance_of_a_dependent_mean_is_the_long_run_one():
    values = ar1(6000, 0.8, np.random.default_rng(2))
    found = result(*noisy_fills(values), ["1s"], n_resamples=2000).table.xs("immediate", level="part").iloc[0]
    long_run = 1 / (1 - 0.8) / np.sqrt(6000)  # standard error of the mean of an AR(1) with unit innovations
    assert found["high"] - found["low"] == pytest.approx(2 * 1.96 * long_run, rel=0.2)
    naive = (
        result(*noisy_fills(values), ["1s"], n_resamples=2000, block=1.0).table.xs("immediate", level="part").iloc[0]
    )
    assert found["high"] - found["low"] > 2 * (naive["high"] - naive["low"])  # theory: 3 times


def test_large_fills_count_for_more():
    fills, prices = steady(noise=1.0)
    fills.loc[0, "qty"] = 1e6
    row = result(fills, prices, ["10s"]).table.loc[(pd.Timedelta("10s"), "total")]
    own = 1e4 * (prices["BTC"].iloc[10] - fills["price"].iloc[0]) / fills["price"].iloc[0]
    assert row["bps"] == pytest.approx(own, rel=1e-3)


def test_seeds_decide():
    fills, prices = steady(noise=1.0)
    one, same, other = (result(fills, prices, rng=rng).table["low"] for rng in (7, 7, 8))
    assert one.equals(same)
    assert not one.equals(other)
    rng = np.random.default_rng(1)
    moved = [result(fills, prices, rng=rng).table["low"] for _ in range(2)]
    assert not moved[0].equals(moved[1])


def test_cautions_name_what_is_doubtful():
    fills, prices = steady(noise=1.0)
    found = result(fills, prices, ["10s", "100s", "200s"])
    assert found.coverage["caution"].tolist() == ["", "", "fills span less than the horizon"]
    assert result(fills, prices, ["10s"], block=50.0).coverage["caution"].tolist() == ["fewer than 10 blocks"]
    few = result(fills.iloc[:19], prices, ["10s"])
    assert few.coverage["caution"].tolist() == ["fewer than 20 fills: no interval"]
    assert few.table[["low", "high"]].isna().all(axis=None)
    alike = result(steady()[0].assign(time=START), prices, ["10s"])
    assert alike.coverage["caution"].iloc[0].startswith("all fills earned alike: no interval; fills span less")
    assert alike.table[["low", "high"]].isna().all(axis=None)


# Errors


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"fills": FILLS.drop(columns="qty")}, "misses columns"),
        ({"fills": FILLS.iloc[:0]}, "no rows"),
        ({"fills": FILLS.assign(symbol="SOL")}, "misses the symbols"),
        ({"fills": FILLS.assign(price=0.0)}, "above zero"),
        ({"fills": FILLS.assign(qty=np.nan)}, "qty"),
        ({"fills": FILLS.assign(time="2025-10-10T21:15:00Z")}, "time of fills has dtype"),
        ({"prices": PRICES.tz_localize(None)}, "index of prices has dtype"),
        ({"prices": PRICES.iloc[::-1]}, "ascending"),
        ({"prices": -PRICES}, "prices must be above zero"),
        ({"horizons": []}, "horizons must be"),
        ({"horizons": ["soon"]}, "horizons must be Timedeltas"),
        ({"fills": FILLS.assign(qty=0.0)}, "not zero"),
        ({"horizons": ["0s", "1s"]}, "horizons must be"),
        ({"horizons": ["2s", "1s"]}, "horizons must be"),
        ({"level": 1.0}, "level must be"),
        ({"block": 0.5}, "block must be"),
        ({"n_resamples": 0}, "n_resamples must be"),
        ({"rng": None}, "rng must be"),
    ],
)
def test_what_has_no_markout_is_refused(changes, words):
    with pytest.raises(MetricError, match=words):
        result(**changes)


def test_one_word_is_no_sequence_of_horizons():
    with pytest.raises(MetricError, match=r"write \['1min'\]"):
        adl.markouts(FILLS, PRICES, "1min", rng=7)


def test_without_arch_the_error_says_how_to_get_it(monkeypatch):
    real = builtins.__import__

    def without_arch(name, *args, **kwargs):
        if name.startswith("arch"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without_arch)
    with pytest.raises(MetricError, match=r"pip install 'adlkit\[bootstrap\]'"):
        result(*steady(noise=1.0))
    assert result().table["low"].isna().all()  # three fills need no bootstrap


# Figure and summary


def test_names_of_horizons_are_short():
    names = [horizon_name(pd.Timedelta(text)) for text in ("500ms", "1s", "90s", "5min", "1h", "36h", "2D")]
    assert names == ["0.5s", "1s", "90s", "5min", "1h", "36h", "2d"]


def test_a_summary_has_the_total_of_each_horizon():
    found = result()
    assert found.summary()["total after 10s [bps]"] == pytest.approx(-1e4 * 30 / 367)
    assert found.summary()[["fills", "notional", "horizons with a caution"]].tolist() == [3, 367, 2]
    assert "total after 1min [bps]" in repr(found)


def test_the_figure_draws_each_part_and_the_band_of_the_total():
    fills, prices = steady(noise=1.0)
    found = result(fills, prices, ["10s", "100s", "200s"])
    ax = found.plot()
    for line, part in zip(ax.lines, ("immediate", "opportunity", "total"), strict=False):
        np.testing.assert_allclose(line.get_ydata(), found.table["bps"].xs(part, level="part"))
        assert line.get_xdata().tolist() == [10.0, 100.0, 200.0]
    band = ax.collections[-3].get_paths()[0].vertices[:, 1]
    assert band.min() == pytest.approx(found.table["low"].xs("total", level="part").min())
    assert ax.get_xscale() == "log"
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["10s", "100s", "200s"]
    assert "hollow" in ax.get_xlabel()
    plt.close("all")


def test_a_figure_without_prices_says_so():
    ax = plotting.plot_markouts(result(horizons=["2h"]))
    assert ax.get_title(loc="left") == "No fill has prices at any horizon"
    plt.close("all")
