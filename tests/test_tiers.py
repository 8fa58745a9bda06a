"""Margin tiers: which rate and deduction hold at which notional, and which tables are refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from golden_cases import golden_ids, golden_rows
from hypothesis import given
from strategies import few, panels, tiers

import adlkit as adl
from adlkit.errors import PanelError

# 0.5% up to 1,000; 1% up to 3,000; 5% beyond. Deductions 1000 x 0.005 = 5 and 3000 x 0.04 + 5 = 125.
TIERS = pd.DataFrame(
    {"symbol": "BTC", "floor": [0.0, 1000.0, 3000.0], "rate": [0.005, 0.01, 0.05], "deduction": [0.0, 5.0, 125.0]}
)
MAINTENANCE = ["maintenance_rate", "maintenance_deduction"]


def position(notional: float) -> pd.DataFrame:
    facts = {"qty": notional / 100, "entry_price": 100.0, "mark_price": 100.0, "collateral": 50.0}
    return pd.DataFrame({"account": ["ann"], "symbol": "BTC", **facts})


def changed(place: int, **cells: object) -> pd.DataFrame:
    """TIERS with cells of one row replaced."""
    rows = TIERS.astype({"symbol": "str"})
    for column, value in cells.items():
        rows.loc[place, column] = value
    return rows


@pytest.mark.parametrize("case", golden_ids("maintenance_amount"))
def test_only_the_documented_deduction_joins_the_tiers(case):
    """The tier below is joined to a first one without margin: floor x rate = deduction."""
    row = golden_rows("maintenance_amount", case).iloc[0]
    below = row["deduction_previous"] / row["rate_previous"]
    table = pd.DataFrame(
        {
            "symbol": row["symbol"],
            "floor": [0.0, below, row["floor"]],
            "rate": [0.0, row["rate_previous"], row["rate"]],
            "deduction": [0.0, row["deduction_previous"], row["deduction"]],
        }
    )
    panel = adl.build_panel(position(row["floor"]).assign(symbol=row["symbol"]), tiers=table)
    assert panel["maintenance_deduction"].tolist() == [row["deduction"]]
    for wrong in (row["deduction"] - 1, row["deduction"] + 1):
        with pytest.raises(PanelError, match="margin jumps at the floor"):
            adl.build_panel(
                position(row["floor"]), tiers=table.assign(deduction=[0.0, *table["deduction"][1:2], wrong])
            )


@pytest.mark.parametrize(
    ("notional", "rate", "deduction", "margin"),
    [
        (0.0, 0.005, 0.0, 0.0),
        (999.0, 0.005, 0.0, 4.995),
        (1000.0, 0.01, 5.0, 5.0),  # a floor belongs to the tier it opens
        (2000.0, 0.01, 5.0, 15.0),
        (-2000.0, 0.01, 5.0, 15.0),
        (3000.0, 0.05, 125.0, 25.0),
        (1e9, 0.05, 125.0, 49_999_875.0),
    ],
)
def test_a_position_has_the_rate_and_deduction_of_the_tier_of_its_notional(notional, rate, deduction, margin):
    panel = adl.build_panel(position(notional), tiers=TIERS)
    assert panel[MAINTENANCE].to_numpy().tolist() == [[rate, deduction]]
    assert adl.maintenance_margin(panel).tolist() == pytest.approx([margin])


def test_tiers_of_an_inverse_contract_are_in_coins():
    frame = position(0.0).assign(qty=1000.0, entry_price=0.5, mark_price=0.5, contract="inverse")
    panel = adl.build_panel(frame, tiers=TIERS)  # 1000 / 0.5 = 2000 coins
    assert panel[MAINTENANCE].to_numpy().tolist() == [[0.01, 5.0]]


@given(panel=panels(), table=tiers())
@few
def test_maintenance_margin_is_that_of_the_largest_tier_line(panel, table):
    built = adl.build_panel(panel.drop(columns=MAINTENANCE), tiers=table)
    for (*_, symbol), notional, margin in zip(
        panel.index, adl.notional(panel), adl.maintenance_margin(built), strict=True
    ):
        own = table[table["symbol"] == symbol]
        largest = max(rate * notional - cut for rate, cut in zip(own["rate"], own["deduction"], strict=True))
        assert margin == pytest.approx(largest, rel=1e-9, abs=1e-9)


@given(table=tiers())
@few
def test_the_order_of_tiers_their_index_and_other_symbols_do_not_matter(table):
    panel = adl.load_dataset("four_accounts").drop(columns=MAINTENANCE)
    first = adl.build_panel(panel, tiers=table)
    only = table[table["symbol"] == "BTC"].sort_values("floor", ascending=False)
    only.index = pd.Index([0] * len(only))
    pd.testing.assert_frame_equal(adl.build_panel(panel, tiers=only), first)
    category = table.astype({"symbol": "category"})
    pd.testing.assert_frame_equal(adl.build_panel(panel, tiers=category), first)


def test_a_tier_table_is_not_changed():
    table, before = TIERS.sample(frac=1, random_state=1), TIERS.sample(frac=1, random_state=1)
    panel = adl.build_panel(position(2000.0), tiers=table)
    adl.mark_to(panel, {"BTC": 90.0}, tiers=table)
    adl.liquidation_price(panel, tiers=table)
    pd.testing.assert_frame_equal(table, before)


def test_a_deduction_rounded_by_the_venue_is_accepted():
    adl.build_panel(position(2000.0), tiers=changed(2, deduction=125.00001))


def test_caps_that_meet_the_next_floor_are_accepted():
    adl.build_panel(position(2000.0), tiers=TIERS.assign(cap=[1000.0, 3000.0, np.nan]))


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (TIERS.drop(columns="rate"), r"missing columns \['rate'\]"),
        (TIERS.astype({"rate": "str"}), r"columns \['rate'\] are not numbers"),
        (TIERS.astype({"rate": "bool"}), r"columns \['rate'\] are not numbers"),
        (changed(1, rate=np.nan), "1 rows with a value that is negative, NaN or infinite"),
        (changed(1, floor=np.inf), "1 rows with a value that is negative, NaN or infinite"),
        (changed(1, deduction=-5.0), "1 rows with a value that is negative, NaN or infinite"),
        (changed(2, rate=5.0), "1 rows with a rate of 1 or more; rates are fractions"),
        (TIERS.assign(symbol="ETH"), r"no rows for symbols \['BTC'\]"),
        (TIERS.iloc[:0], r"no rows for symbols \['BTC'\]"),
        (TIERS.iloc[1:], r"gap: the first floor must be 0 \(1 rows; first: symbol 'BTC', floor 1000\)"),
        (changed(0, deduction=1.0), "the first deduction must be 0"),
        (changed(1, floor=0.0), "overlap: the same floor twice"),
        (changed(2, rate=0.004), "the rate falls as notional grows"),
        (changed(1, deduction=6.0), r"margin jumps at the floor; the deduction must be floor x \(rate - rate before\)"),
        (TIERS.assign(cap=[900.0, 3000.0, np.nan]), "gap between a cap and the next floor"),
        (TIERS.assign(cap=[1100.0, 3000.0, np.nan]), "overlap: a cap above the next floor"),
    ],
)
def test_a_faulty_tier_table_is_refused_in_words(table, message):
    panel = adl.build_panel(position(2000.0))
    for use in (
        lambda: adl.build_panel(position(2000.0), tiers=table),
        lambda: adl.mark_to(panel, {"BTC": 100.0}, tiers=table),
        lambda: adl.liquidation_price(panel, tiers=table),
    ):
        with pytest.raises(PanelError, match=message):
            use()


def test_every_fault_of_a_tier_table_is_listed_at_once():
    faulty = pd.concat([TIERS.iloc[1:], changed(2, rate=0.002).assign(symbol="ETH")])
    with pytest.raises(PanelError) as caught:
        adl.build_panel(position(2000.0).assign(qty=np.nan), tiers=faulty)
    text = str(caught.value)
    for part in ("first floor must be 0", "the rate falls", "qty: 1 row (first: ('ann', 'BTC')) NaN"):
        assert part in text


def test_columns_and_tiers_together_are_refused():
    with pytest.raises(PanelError, match=r"\['maintenance_rate'\] are given both as columns and by tiers"):
        adl.build_panel(position(2000.0).assign(maintenance_rate=0.01), tiers=TIERS)
