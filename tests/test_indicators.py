"""Indicators: the direction and the ends of each venue's numbers, queues by hand, and the documented percentiles."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from golden_cases import golden_ids, golden_panel, golden_rows
from hypothesis import given
from strategies import few, panels

import adlkit as adl
from adlkit import indicators
from adlkit.errors import ScoreError, VenueError

STEPS = [indicators.binance, indicators.bybit, indicators.okx, indicators.htx, indicators.gate, indicators.aster]
STEPS += [indicators.coinex, indicators.metaflux]
SHARES = [indicators.bitmex, indicators.kucoin, indicators.phemex]


def longs(n: int, *, sizes: tuple[float, ...] = ()) -> pd.DataFrame:
    """`n` longs of the same cash, the first the most profitable, and a flat account."""
    rows = [
        {"account": f"a{i}", "qty": sizes[i] if sizes else 1.0, "entry_price": 50.0 + i, "collateral": 1000.0}
        for i in range(n)
    ]
    rows.append({"account": "flat", "qty": 0.0, "entry_price": 100.0, "collateral": 1.0})
    return adl.build_panel(pd.DataFrame(rows).assign(symbol="BTC", mark_price=100.0))


def venue(indicator: adl.Indicator) -> adl.VenueRules:
    policy = adl.Policy(adl.scores.return_only)
    return adl.VenueRules("test", "", "made up", policy=policy, indicator=indicator)


# Ends and directions


@pytest.mark.parametrize(
    ("name", "expected", "flat"),
    [
        ("binance", [4, 4, 3, 3, 2, 2, 1, 1, 0, 0], np.nan),  # adlQuantile 0..4 grows with the risk
        ("aster", [4, 4, 3, 3, 2, 2, 1, 1, 0, 0], np.nan),
        ("bybit", [5, 5, 4, 4, 3, 3, 2, 2, 1, 1], 0),  # 0: no position
        ("okx", [5, 5, 4, 4, 3, 3, 2, 2, 1, 1], np.nan),
        ("htx", [5, 5, 4, 4, 3, 3, 2, 2, 1, 1], np.nan),
        ("gate", [1, 1, 2, 2, 3, 3, 4, 4, 5, 5], 6),  # 1 is the first in the queue, 6 none
        ("kucoin", [1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1], np.nan),
    ],
)
def test_ten_accounts_of_one_queue_see_the_numbers_of_their_venue(name, expected, flat):
    rules = venue(adl.venues.by_name(name).indicator)
    shown = adl.indicator(longs(10), venue=rules)
    assert shown.tolist() == pytest.approx([*expected, flat], nan_ok=True)


def test_quartile_lamps_are_four():
    shown = indicators.metaflux.shown(longs(8), score=adl.scores.metaflux)
    assert shown.tolist() == pytest.approx([4, 4, 3, 3, 2, 2, 1, 1, np.nan], nan_ok=True)


def test_shares_of_contracts_differ_from_shares_of_accounts():
    """Sizes 6, 1, 3 from the front: 10, 4 and 3 tenths stand at or behind."""
    panel = longs(3, sizes=(6.0, 1.0, 3.0))
    by_contracts = adl.indicator(panel, venue=venue(indicators.bitmex))
    by_accounts = adl.indicator(panel, venue=venue(replace(indicators.bitmex, counts="accounts")))
    assert by_contracts.tolist() == pytest.approx([1.0, 0.4, 0.3, np.nan], nan_ok=True)
    assert by_accounts.tolist() == pytest.approx([1.0, 2 / 3, 1 / 3, np.nan], nan_ok=True)


@pytest.mark.parametrize("case", golden_ids("adl_rank"))
def test_the_documented_percentiles_count_contracts(case):
    """The page counts from the top and includes the own contracts; the field counts from the back."""
    rows = golden_rows("adl_rank", case)
    panel = golden_panel(rows)
    size = panel["qty"].abs()
    for counts, is_documented in (("contracts", True), ("accounts", False)):
        shown = replace(indicators.bitmex, counts=counts).shown(panel, score=lambda panel: panel["score"].astype(float))
        from_top = 1 - shown + size / size.sum()
        percent = np.ceil((from_top * 5).round(9)) * 20
        assert (percent.tolist() == rows["percentile_from_top"].tolist()) is is_documented


# Queues


def test_accounts_in_liquidation_stand_in_no_queue():
    panel = longs(5)
    panel.loc[("a0", "BTC"), "maintenance_rate"] = 0.9
    panel.loc[("a0", "BTC"), "collateral"] = 1.0
    shown = adl.indicator(panel, venue=venue(indicators.gate))
    assert shown.tolist() == [6, 2, 3, 4, 5, 6]


def test_tiers_of_the_venue_decide_who_is_in_liquidation():
    tiers = pd.DataFrame({"symbol": ["BTC"], "floor": [0.0], "rate": [0.95], "deduction": [0.0]})
    panel = longs(2).assign(collateral=[1000.0, 1.0, 1.0])
    assert adl.indicator(panel, venue=venue(indicators.gate).with_tiers(tiers)).tolist() == [5, 6, 6]


def test_each_side_and_symbol_is_a_queue_of_its_own():
    one = longs(5)
    other = pd.concat([one, one.assign(qty=-one["qty"])], keys=["x", "y"]).reset_index()
    other["account"] = other["level_0"] + other["account"]
    panel = adl.build_panel(other.drop(columns="level_0"))
    shown = adl.indicator(panel, venue=venue(indicators.okx)).dropna()
    assert shown.tolist() == [5, 4, 3, 2, 1, 1, 2, 3, 4, 5]  # a short gains most from the highest entry


@given(panel=panels())
@few
def test_more_is_nearer_to_the_front_but_at_gate(panel):
    score = adl.scores.bitmex
    place = adl.rank(panel, score=score)
    for indicator in [*STEPS, *SHARES]:
        shown = indicator.shown(panel, score=score)
        assert shown.index.equals(panel.index)
        assert shown[place.isna()].fillna(-1).eq(-1 if np.isnan(indicator.empty) else indicator.empty).all()
        low, high = sorted((indicator.back, indicator.front))
        assert shown[place.notna()].between(low, high).all()
        rows = pd.DataFrame({"place": place, "shown": shown, "side": np.sign(panel["qty"])})[place.notna()]
        levels = [rows.index.get_level_values(name) for name in rows.index.names if name != "account"]
        for _, queue in rows.groupby([*levels, rows["side"]]):
            in_order = queue.sort_values("place")["shown"] * np.sign(indicator.front - indicator.back)
            assert in_order.is_monotonic_decreasing


@given(panel=panels(has_time=True))
@few
def test_many_moments_show_what_each_shows_alone(panel):
    for indicator in (indicators.gate, indicators.bitmex):
        at_once = adl.indicator(panel, venue=venue(indicator))
        for time, rows in panel.groupby(level="time"):
            alone = adl.indicator(rows.droplevel("time"), venue=venue(indicator))
            pd.testing.assert_series_equal(at_once.xs(time, level="time"), alone)


def test_the_lights_of_ones_own_position_are_those_of_the_indicator():
    panel = adl.load_dataset("synthetic_crash").assign(maintenance_deduction=0.0)
    key = panel.index[panel["qty"] != 0][0]
    for name in ("okx", "mexc"):
        mine = adl.my_position(panel, key, venue=adl.venues.by_name(name))
        assert adl.indicator(panel, venue=adl.venues.by_name(name))[key] == mine["lights"]


# Errors


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"counts": "money"}, "counts one of .*, got 'money'"),
        ({"n_lights": 1}, "n_lights must be 2 or more and whole"),
        ({"n_lights": 2.5}, "n_lights must be 2 or more and whole"),
        ({"front": 4.0}, "5 steps do not lead from 1.0 to 4.0"),
        ({"back": np.nan}, "5 steps do not lead"),
        ({"is_percentile": True}, "a percentile runs from back 0 to front 1"),
    ],
)
def test_an_indicator_without_sense_is_refused(facts, message):
    with pytest.raises(VenueError, match=message):
        adl.Indicator(**facts)


def test_a_score_that_is_none_is_refused():
    with pytest.raises(ScoreError, match="must be a Series"):
        indicators.okx.shown(longs(2), score=lambda _: 1.0)
