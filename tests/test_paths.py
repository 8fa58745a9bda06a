"""Crash paths hit what was drawn, do not depend on how many there are, and real bars keep their prices."""

from __future__ import annotations

from pathlib import Path

import hypothesis.strategies as st
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from hypothesis import given

import adlkit as adl
from adlkit import plotting
from adlkit.errors import PathError

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
BARS = DATA / "oct10_trades" / "bars_1s_2045_2215_2025-10-10.csv.gz"
MARKS = {"BTC": 100.0, "ETH": 10.0}
CRASH = {"n_paths": 2, "n_steps": 4, "step": 60.0, "depth": 0.2, "fall": 120.0, "rebound": 0.5, "rng": 7}
DAY = 86_400.0


def crash(marks=None, **changes):
    return adl.crash_paths(MARKS if marks is None else marks, **(CRASH | changes))


@st.composite
def crashes(draw):
    """Ranges of every parameter, ordered, that fit into the path."""

    def ends(low, high):
        return tuple(sorted(draw(st.tuples(st.floats(low, high), st.floats(low, high)))))

    return {
        "n_paths": draw(st.integers(1, 5)),
        "n_steps": 40,
        "step": draw(st.sampled_from([0.5, 1.0, 60.0])),
        "depth": ends(0.0, 0.95),
        "rebound": ends(-0.5, 1.5),
        "volatility": ends(0.0, 2.0),
        "jump_share": ends(0.0, 1.0),
        "rng": draw(st.integers(0, 2**32)),
    }


# Worked by hand: without volatility the log of the factor is a broken line


def test_a_crash_without_noise_is_a_straight_line_in_logs():
    path = crash(beta={"BTC": 1.0, "ETH": 2.0}).path(0)
    assert path["BTC"].tolist() == pytest.approx([100.0, 89.44271909999159, 80.0, 84.58970107524514, 89.44271909999159])
    assert path["ETH"].tolist() == pytest.approx([10.0, 8.0, 6.4, 7.155417527999327, 8.0])  # squares


def test_a_jump_takes_its_share_of_the_log_fall_at_one_step():
    whole = crash(n_paths=50, jump_share=1.0)
    for number, jump in whole.shapes["jump_time"].items():
        falls = [100.0, 80.0 if jump == 60.0 else 100.0, 80.0]
        assert whole.path(number)["BTC"].iloc[:3].tolist() == pytest.approx(falls)
    assert set(whole.shapes["jump_time"]) == {60.0, 120.0}
    half = crash(jump_share=0.5, depth=0.19, fall=60.0).path(0)["BTC"]  # 0.9 by line and 0.9 by jump, in one step
    assert half.iloc[1] == pytest.approx(81.0)


def test_times_start_where_asked_and_recovery_may_end_early():
    paths = crash(recovery=60.0, start="2025-10-10T23:00:00+02:00")
    path = paths.path(0)
    assert path.index[0] == pd.Timestamp("2025-10-10T21:00:00Z")
    assert str(path.index.dtype) == "datetime64[us, UTC]"
    assert path["BTC"].tolist() == pytest.approx([100.0, 89.44271909999159, 80.0, 89.44271909999159, 89.44271909999159])
    assert paths.shapes[["depth", "fall", "rebound", "recovery"]].iloc[0].tolist() == pytest.approx([0.2, 120, 0.5, 60])


def test_a_bridge_and_an_own_walk_have_the_stated_variance():
    paths = crash(
        n_paths=4000, n_steps=20, step=DAY / 10, fall=DAY, depth=0.0, volatility=0.3, beta=0.0, idiosyncratic=0.2
    )
    own = np.log(paths.prices["BTC"].to_numpy().reshape(4000, -1) / 100.0)
    assert own[:, 10].std() == pytest.approx(0.2, rel=0.06)
    paths = crash(n_paths=4000, n_steps=20, step=DAY / 10, fall=DAY, depth=0.0, volatility=0.3)
    factor = np.log(paths.prices["BTC"].to_numpy().reshape(4000, -1) / 100.0)
    assert factor[:, 5].std() == pytest.approx(0.15, rel=0.06)  # sigma sqrt(T) / 2 in the middle of a bridge
    assert factor[:, 15].std() == pytest.approx(0.15, rel=0.06)
    assert np.corrcoef(factor[:, 5], factor[:, 15])[0, 1] == pytest.approx(0.0, abs=0.06)


def test_draws_fill_their_range_evenly():
    shapes = crash(n_paths=2000, depth=(0.1, 0.3), rebound=(0.0, 1.0)).shapes
    assert shapes["depth"].quantile([0.0, 0.25, 0.5, 1.0]).tolist() == pytest.approx([0.1, 0.15, 0.2, 0.3], abs=0.008)
    assert abs(shapes["depth"].corr(shapes["rebound"])) < 0.08


# Laws


@given(case=crashes(), fall=st.integers(1, 20), recovery=st.integers(1, 20))
def test_the_factor_hits_its_drawn_depth_and_rebound_exactly(case, fall, recovery):
    paths = adl.crash_paths(
        {"F": 1.0}, fall=(case["step"], fall * case["step"]), recovery=recovery * case["step"], **case
    )
    for number, shape in paths.shapes.iterrows():
        factor = paths.path(number)["F"].to_numpy()
        trough, end = (round(seconds / case["step"]) for seconds in (shape["fall"], shape["fall"] + shape["recovery"]))
        assert factor[0] == 1.0
        assert 1.0 - factor[trough] == pytest.approx(shape["depth"], abs=1e-12)
        regained = (1.0 - shape["depth"]) ** (1.0 - shape["rebound"])
        assert factor[end] == pytest.approx(regained, abs=1e-12)
        assert 1.0 - factor.min() == pytest.approx(shape["lowest"], abs=1e-12)
        assert factor[-1] - 1.0 == pytest.approx(shape["end"], abs=1e-12)


@given(case=crashes())
def test_prices_are_finite_and_above_zero_and_start_at_the_marks(case):
    paths = adl.crash_paths(MARKS, fall=case["step"], beta={"ETH": -3.0, "BTC": 3.0}, idiosyncratic=2.0, **case)
    assert (np.isfinite(paths.prices) & (paths.prices > 0)).all(axis=None)
    starts = paths.prices.groupby(level="path").head(1)
    assert (starts == [100.0, 10.0]).all(axis=None)


@given(case=crashes(), more=st.integers(1, 4), skipped=st.integers(0, 4))
def test_a_path_is_the_same_in_any_ensemble_and_any_part_of_it(case, more, skipped):
    case = case | {"fall": case["step"], "idiosyncratic": 0.5}
    few = adl.crash_paths(MARKS, **case)
    many = adl.crash_paths(MARKS, **case | {"n_paths": case["n_paths"] + more})
    pd.testing.assert_frame_equal(many.prices.iloc[: len(few.prices)], few.prices)
    pd.testing.assert_frame_equal(many.shapes.iloc[: len(few)], few.shapes)
    first = min(skipped, len(many) - 1)
    part = adl.crash_paths(MARKS, **case | {"n_paths": len(many) - first, "first": first})
    pd.testing.assert_frame_equal(part.prices, many.prices.iloc[first * 41 :])
    pd.testing.assert_frame_equal(part.path(first), many.path(first))


def test_seeds_decide_and_a_generator_moves_on():
    noisy = {"volatility": 0.5}
    assert crash(**noisy).prices.equals(crash(**noisy).prices)
    assert not crash(**noisy).prices.equals(crash(**noisy, rng=8).prices)
    rng = np.random.default_rng(1)
    first, second = crash(**noisy, rng=rng), crash(**noisy, rng=rng)
    assert not first.prices.equals(second.prices)
    assert first.prices.equals(crash(**noisy, rng=np.random.default_rng(1)).prices)


def test_a_symbol_moves_by_its_beta_whatever_the_order_of_its_name():
    ahead = crash(volatility=0.5, beta=pd.Series({"ETH": 0.5, "BTC": 1.0})).prices
    logs = np.log(ahead / [100.0, 10.0])
    assert logs["ETH"].to_numpy() == pytest.approx(0.5 * logs["BTC"].to_numpy())


def test_paths_feed_marks_of_a_panel():
    panel = adl.load_dataset("four_accounts")
    path = adl.crash_paths(adl.mark_prices(panel), **CRASH).path(1)
    assert adl.mark_to(panel, path.iloc[2])["mark_price"].unique().tolist() == pytest.approx([56.0])


# Errors


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"depth": 1.0}, "depth must be"),
        ({"depth": (0.3, 0.1)}, "depth must be"),
        ({"depth": [0.1, 0.3]}, "depth must be"),
        ({"depth": "deep"}, "depth must be"),
        ({"depth": np.nan}, "depth must be"),
        ({"fall": 59.0}, "fall must be"),
        ({"fall": 240.0}, "up to 5 steps, the path has 4"),
        ({"recovery": 180.0}, "up to 5 steps, the path has 4"),
        ({"recovery": 0.0}, "recovery must be"),
        ({"rebound": np.inf}, "rebound must be"),
        ({"volatility": -0.1}, "volatility must be"),
        ({"jump_share": 1.1}, "jump_share must be"),
        ({"n_paths": 0}, "n_paths must be"),
        ({"n_steps": 2.5}, "n_steps must be"),
        ({"first": -1}, "first must be"),
        ({"step": 0.0}, "step must be"),
        ({"step": "1s"}, "step must be"),
        ({"beta": "high"}, "beta must be numbers"),
        ({"marks": {"BTC": "dear"}}, "marks must be numbers"),
        ({"start": "2025-01-01"}, "no zone"),
        ({"rng": None}, "rng must be"),
        ({"beta": {"BTC": 1.0}}, "beta must name"),
        ({"beta": np.inf}, "beta must be finite"),
        ({"idiosyncratic": {"BTC": -1.0, "ETH": 0.0}}, "idiosyncratic must be finite and not below zero"),
        ({"marks": {"BTC": 0.0}}, "marks must be finite"),
        ({"marks": {}}, "one symbol or more"),
    ],
)
def test_what_makes_no_path_is_refused(changes, words):
    with pytest.raises(PathError, match=words):
        crash(**changes)


def test_what_is_not_there_is_refused():
    with pytest.raises(PathError, match=r"no path 2; there are 0 \.\. 1"):
        crash().path(2)
    with pytest.raises(PathError, match="no symbol 'SOL'"):
        crash().quantiles("SOL")


# Real bars

AT = pd.to_datetime(["2025-10-10T21:00:00Z", "2025-10-10T21:00:01Z", "2025-10-10T21:00:05Z"])


def bars(**columns):
    """BTC trades at all three times, ETH not at the second one."""
    rows = {"time_utc": AT[[2, 0, 1, 0, 2]], "symbol": ["BTC", "BTC", "BTC", "ETH", "ETH"]}
    rows |= {"close": [98.0, 100.0, 99.0, 10.0, 9.0], "volume": [3.0, 1.0, 2.0, 10.0, 30.0]}
    return pd.DataFrame(rows | columns)


def test_prices_stay_and_volumes_are_zero_where_nothing_traded():
    assert adl.price_path(bars()).to_dict("list") == {"BTC": [100.0, 99.0, 98.0], "ETH": [10.0, 10.0, 9.0]}
    assert adl.volume_path(bars()).to_dict("list") == {"BTC": [1.0, 2.0, 3.0], "ETH": [10.0, 0.0, 30.0]}
    assert adl.price_path(bars()).index.equals(adl.volume_path(bars()).index)
    assert adl.price_path(bars(low=[1.0, 2.0, 3.0, 4.0, 5.0]), price="low")["BTC"].tolist() == [2.0, 3.0, 1.0]


def test_a_path_that_starts_later_knows_the_prices_of_before():
    path = adl.price_path(bars(), start="2025-10-10T21:00:01Z")
    assert path.to_dict("list") == {"BTC": [99.0, 98.0], "ETH": [10.0, 9.0]}
    late = bars().drop(index=3)  # ETH has no bar before the last time
    assert adl.price_path(late, start=AT[2]).to_dict("list") == {"BTC": [98.0], "ETH": [9.0]}
    for start, words in ((AT[2] + pd.Timedelta("1s"), "no bar at or after"), ("2025-10-10", "no zone")):
        with pytest.raises(PathError, match=words):
            adl.price_path(bars(), start=start)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (bars().drop(columns="close"), "misses columns"),
        (bars(time_utc="2025-10-10T21:00:00Z"), "to_datetime"),
        (bars().iloc[:0], "one row or more"),
        (bars(symbol=[None, "BTC", "BTC", "ETH", "ETH"]), "each with a time and a symbol"),
        (bars(symbol="BTC"), "two bars of 'BTC'"),
        (bars(close=[98.0, np.nan, 99.0, 10.0, 9.0]), "finite numbers"),
        (bars(close=0.0), "above zero"),
        (bars().drop(index=3), r"no price of \['ETH'\] at the first time .* give start='2025-10-10 21:00:05"),
    ],
)
def test_bars_that_make_no_path_are_refused(rows, words):
    with pytest.raises(PathError, match=words):
        adl.price_path(rows)


def test_volumes_below_zero_are_refused():
    with pytest.raises(PathError, match="below zero"):
        adl.volume_path(bars(volume=-1.0))


@pytest.mark.skipif(not BARS.exists(), reason="the bars are not here: their licence does not let them ship")
def test_real_bars_keep_every_price_and_volume():
    rows = pd.read_csv(BARS, parse_dates=["time_utc"])
    rows = rows[rows["venue"] == "coinbase"]
    path, volume = adl.price_path(rows, start="2025-10-10T21:00Z"), adl.volume_path(rows)
    assert path.shape[1] >= 15
    assert volume.sum().to_numpy() == pytest.approx(rows.groupby("symbol")["volume"].sum().to_numpy())
    asked = path.stack().rename("carried").reset_index()
    found = pd.merge_asof(
        asked.astype({"time": rows["time_utc"].dtype}),
        rows[["time_utc", "symbol", "close"]].sort_values("time_utc"),
        left_on="time",
        right_on="time_utc",
        by="symbol",
    )
    assert (found["carried"] == found["close"]).all()


# Figure and summary


def test_the_fan_draws_quantiles_of_the_moves():
    paths = crash(n_paths=20, depth=(0.1, 0.3), volatility=0.5)
    ax = paths.plot()
    median = ax.lines[4].get_ydata()
    by_path = paths.prices["BTC"].unstack("path") / 100.0 - 1.0
    np.testing.assert_allclose(median, by_path.median(axis=1))
    assert plotting.plot_paths(paths, symbol="ETH").get_title(loc="left").startswith("ETH: 20 paths")
    plt.close("all")


def test_a_summary_counts_paths_and_steps():
    summary = crash().summary()
    assert summary[["paths", "steps", "seconds", "symbols"]].tolist() == [2, 4, 240, 2]
    assert summary[["largest lowest fall", "median move at the end"]].tolist() == pytest.approx([0.2, 0.8**0.5 - 1.0])
    assert "PricePaths" in repr(crash())
