"""Attribution, risk and break-even of a vault: cases worked by hand first, then laws, then errors."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import adlkit as adl
from adlkit.errors import PathError
from adlkit.vault import PARTS

TIMES = pd.date_range("2025-10-10 21:00", periods=6, freq="min", tz="UTC", unit="us")


def trades(*rows):
    """Step, symbol, qty, price, kind, and perhaps cash and fee."""
    filled = [(*row, *(0.0,) * (7 - len(row))) for row in rows]
    table = pd.DataFrame(filled, columns=["time", "symbol", "qty", "price", "kind", "cash", "fee"])
    return table.assign(time=TIMES[table["time"].astype(int)])


def prices(**symbols):
    return pd.DataFrame({name: np.array(values, dtype=float) for name, values in symbols.items()}, index=TIMES)


def part(pnl):
    return {name: pytest.approx(value) for name, value in pnl.parts.items() if value}


# worked by hand ----------------------------------------------------------------------------------------------------


def test_a_long_taken_at_a_discount_falls_further_and_is_sold_into_the_rebound():
    """10 at 97 (mark 100): +30. 100 -> 80: -200; 80 -> 90: +100, sold 10 at 89.5 (mark 90): -5."""
    pnl = adl.vault_pnl(
        trades((0, "BTC", 10.0, 97.0, "takeover"), (3, "BTC", -10.0, 89.5, "exit")),
        prices(BTC=[100, 90, 80, 90, 95, 99]),
    )
    assert part(pnl) == {"discount": 30.0, "further fall": -200.0, "rebound": 100.0, "impact": -5.0}
    assert pnl.total == pytest.approx(10 * (89.5 - 97))
    episode = pnl.episodes.iloc[0]
    assert (episode["start"], episode["worst_time"], episode["end"]) == (TIMES[0], TIMES[2], TIMES[3])
    assert (episode["side"], episode["taken"]) == ("long", 10.0)


def test_a_short_in_a_squeeze_is_the_mirror_image():
    """-10 at 103 (mark 100): +30; 100 -> 120: -200; 120 -> 110: +100; bought at 110.5: -5; fee 1 and funding 3."""
    got = pd.Series([3.0], index=pd.MultiIndex.from_tuples([(TIMES[2], "BTC")], names=["time", "symbol"]))
    pnl = adl.vault_pnl(
        trades((0, "BTC", -10.0, 103.0, "takeover"), (3, "BTC", 10.0, 110.5, "exit", 0.0, 1.0)),
        prices(BTC=[100, 110, 120, 110, 100, 99]),
        funding=got,
    )
    expected = {"discount": 30.0, "further fall": -200.0, "rebound": 100.0, "impact": -5.0, "fees": -1.0}
    assert part(pnl) == {**expected, "funding": 3.0}
    assert pnl.total == pytest.approx(10 * (103 - 110.5) - 1 + 3)


def test_a_whole_account_comes_with_its_margin_at_the_mark():
    """Two positions at mark with 7 and 5 of margin; one rises, one falls; still held at the end."""
    pnl = adl.vault_pnl(
        trades((1, "BTC", 2.0, 90.0, "takeover", 7.0), (1, "ETH", -3.0, 50.0, "takeover", 5.0)),
        prices(BTC=[100, 90, 85, 95, 95, 95], ETH=[50, 50, 45, 45, 60, 55]),
    )
    by_symbol = pnl.by_symbol
    assert by_symbol.loc["BTC", ["discount", "further fall", "rebound"]].tolist() == pytest.approx([7.0, -10.0, 20.0])
    assert by_symbol.loc["ETH", ["discount", "further fall", "rebound"]].tolist() == pytest.approx([5.0, -30.0, 15.0])
    assert pnl.total == pytest.approx(12.0 + 2 * 5 - 3 * 5)


def test_relief_closes_inventory_against_winners_above_the_mark():
    """Long 4 taken at 100; at 70 the venue closes it at 80: the vault gets 10 a contract over the mark."""
    pnl = adl.vault_pnl(
        trades((0, "BTC", 4.0, 100.0, "takeover"), (2, "BTC", -4.0, 80.0, "relief")),
        prices(BTC=[100, 90, 70, 60, 60, 60]),
    )
    assert part(pnl) == {"further fall": -120.0, "relief": 40.0}


def test_inverse_contracts_are_counted_in_coins():
    """8,000 contracts of 1 USD at 80 (mark 80 -> 64 -> 80): -25 coins on the way down, +25 back."""
    pnl = adl.vault_pnl(
        trades((0, "BTC", 8000.0, 80.0, "takeover")), prices(BTC=[80, 64, 80, 80, 80, 80]), inverse=["BTC"]
    )
    assert part(pnl) == {"further fall": -25.0, "rebound": 25.0}


def test_an_opening_inventory_is_counted_from_the_first_mark_and_a_turn_starts_a_new_spell():
    """Long 2 at the start; 5 are sold at the 3rd mark, which leaves -3; each spell has a worst mark of its own."""
    pnl = adl.vault_pnl(
        trades((2, "BTC", -5.0, 91.0, "takeover")),
        prices(BTC=[100, 95, 90, 92, 94, 91]),
        opening=pd.Series({"BTC": 2.0}),
    )
    assert part(pnl) == {"discount": 5.0, "further fall": 2 * -10 - 3 * 4, "rebound": 9.0}
    assert pnl.episodes["side"].tolist() == ["long", "short"]
    assert pnl.episodes["total"].sum() == pytest.approx(pnl.total)
    assert pnl.total == pytest.approx(-3 * 91 + 5 * 91 - 2 * 100)


def test_what_is_taken_and_sold_at_once_is_an_episode():
    pnl = adl.vault_pnl(
        trades((1, "BTC", 1.0, 85.0, "takeover"), (1, "BTC", -1.0, 89.0, "exit")), prices(BTC=[100, 90, 80, 80, 80, 80])
    )
    assert part(pnl) == {"discount": 5.0, "impact": -1.0}
    assert pnl.episodes[["taken", "total"]].to_numpy().tolist() == [[1.0, 4.0]]


def test_horizons_count_from_the_first_takeover():
    pnl = adl.vault_pnl(trades((1, "BTC", 1.0, 85.0, "takeover")), prices(BTC=[100, 90, 80, 88, 88, 95]))
    table = pnl.by_horizon(["0s", "1min", "2min", "90s", "10min"])
    assert table["total"].tolist() == pytest.approx([5.0, -5.0, 3.0, -5.0, np.nan], nan_ok=True)


def test_risk_of_two_paths():
    """Path 0: 10, 14, 8, 9: drawdown 6 of 14, 2 minutes under water. Path 1 is ruined and called."""
    index = pd.MultiIndex.from_product([[0, 1], TIMES[:4]], names=["path", "time"])
    equity = pd.Series([10.0, 14.0, 8.0, 9.0, 10.0, 4.0, -2.0, 5.0], index=index)
    risk = adl.vault_risk(equity, margin=pd.Series(5.0, index=index))
    assert risk.table["pnl"].tolist() == [-1.0, -5.0]
    assert risk.table["drawdown"].tolist() == [6.0, 12.0]
    assert risk.table["drawdown_share"].tolist() == pytest.approx([6 / 14, 1.2])
    assert risk.table["seconds_under_water"].tolist() == [120.0, 180.0]
    assert risk.table["is_called"].tolist() == [False, True]
    assert risk.expected_shortfall == 5.0
    ruin = risk.probabilities.loc["ruin"]
    assert ruin.tolist() == pytest.approx([0.5, 0.0125791, 0.9874209], abs=1e-6)  # of 1 in 2: 1 - 0.975 ** 0.5


@pytest.mark.parametrize(
    ("discount", "fall", "cost", "rebound"),
    [
        (0.0, 0.2, 0.0, 1.0),
        (0.2, 0.2, 0.0, 0.0),
        (0.1, 0.19, 0.0, 0.5),  # 0.9 = 0.81 ** 0.5
        (0.0, 0.19, 0.1, 1.5),  # 0.81 ** -0.5 x 0.9 = 1
    ],
)
def test_break_even_in_round_numbers(discount, fall, cost, rebound):
    assert adl.break_even_rebound(discount, fall, cost=cost) == pytest.approx(rebound, abs=1e-12)
    assert adl.break_even_discount(fall, rebound, cost=cost) == pytest.approx(discount, abs=1e-12)


# laws --------------------------------------------------------------------------------------------------------------


def random_books(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 25))
    symbols = ["BTC", "ETH", "SOL"]
    marks = prices(**{name: 10.0 ** rng.uniform(0, 4) * np.exp(np.cumsum(rng.normal(0, 0.1, 6))) for name in symbols})
    step, name = np.sort(rng.integers(0, 6, n)), rng.choice(symbols, n)
    table = pd.DataFrame(
        {
            "time": TIMES[step],
            "symbol": name,
            "qty": rng.normal(size=n) * 10.0 ** rng.uniform(-2, 3, n),
            "price": [marks.loc[TIMES[s], k] * np.exp(rng.normal(0, 0.05)) for s, k in zip(step, name, strict=True)],
            "kind": rng.choice(["takeover", "exit", "relief"], n),
            "cash": rng.normal(size=n),
            "fee": rng.exponential(size=n),
        }
    )
    inverse = ["SOL"] if rng.random() < 0.5 else []
    return table, marks, {"inverse": inverse, "opening": pd.Series({"ETH": float(rng.normal())})}


def turnover(table, marks):
    return float((table["qty"].abs() * table["price"]).sum() + marks.to_numpy().max() * table["qty"].abs().sum() + 1.0)


@given(seed=st.integers(0, 10_000))
def test_parts_add_up_to_the_total_and_so_do_symbols_times_and_episodes(seed):
    table, marks, options = random_books(seed)
    pnl = adl.vault_pnl(table, marks, **options)
    scale = turnover(table, marks)
    assert abs(pnl.residual) <= 1e-9 * scale
    assert pnl.by_symbol["total"].sum() == pytest.approx(pnl.total, abs=1e-9 * scale)
    assert pnl.history["total"].iloc[-1] == pytest.approx(pnl.total, abs=1e-9 * scale)
    assert pnl.episodes["total"].sum() == pytest.approx(pnl.total, abs=1e-9 * scale)


@given(seed=st.integers(0, 10_000), share=st.floats(0.1, 0.9))
def test_splitting_a_trade_changes_nothing(seed, share):
    table, marks, options = random_books(seed)
    money = ["qty", "cash", "fee"]
    parts = [table.assign(**{name: table[name] * weight for name in money}) for weight in (share, 1.0 - share)]
    pieces = pd.concat(parts).sort_index(kind="stable").reset_index(drop=True)
    whole, split = (adl.vault_pnl(rows, marks, **options) for rows in (table, pieces))
    assert split.parts.to_numpy() == pytest.approx(whole.parts.to_numpy(), abs=1e-9 * turnover(table, marks))


@given(seed=st.integers(0, 10_000))
def test_a_mark_between_two_others_changes_no_part(seed):
    table, marks, options = random_books(seed)
    between = (marks.iloc[2] + marks.iloc[3]) / 2
    more = pd.concat([marks, between.to_frame(TIMES[2] + pd.Timedelta("30s")).T]).sort_index()
    whole, refined = (adl.vault_pnl(table, rows, **options) for rows in (marks, more))
    assert refined.parts.to_numpy() == pytest.approx(whole.parts.to_numpy(), abs=1e-9 * turnover(table, marks))


@given(discount=st.floats(-0.2, 0.3), fall=st.floats(0.01, 0.6), cost=st.floats(0.0, 0.1), mark=st.floats(1.0, 1e5))
def test_at_the_break_even_rebound_a_vault_earns_nothing(discount, fall, cost, mark):
    rebound = adl.break_even_rebound(discount, fall, cost=cost)
    low = mark * (1 - fall)
    end = mark * (1 - fall) ** (1 - rebound)
    pnl = adl.vault_pnl(
        trades((0, "BTC", 1.0, mark * (1 - discount), "takeover"), (2, "BTC", -1.0, end * (1 - cost), "exit")),
        prices(BTC=[mark, low, end, end, end, end]),
    )
    assert pnl.total == pytest.approx(0.0, abs=1e-9 * (mark + end))


def test_the_break_even_grid_broadcasts():
    grid = adl.break_even_rebound(np.linspace(0, 0.1, 3)[:, None], np.linspace(0.1, 0.5, 4))
    assert grid.shape == (3, 4)
    assert (np.diff(grid, axis=0) < 0).all()


# errors ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "swap"}, r"1 rows with a kind other than \['takeover', 'exit', 'relief'\]; first: \[0\]"),
        ({"symbol": "DOGE"}, "a symbol that the prices do not have"),
        ({"time": pd.Timestamp("2020-01-01", tz="UTC")}, "a time that the prices do not have"),
        ({"qty": np.nan}, "a number that is not finite"),
    ],
)
def test_faulty_trades_are_named(change, message):
    table = trades((0, "BTC", 1.0, 97.0, "takeover")).assign(**change)
    with pytest.raises(PathError, match=message):
        adl.vault_pnl(table, prices(BTC=[100, 90, 80, 90, 95, 99]))


def test_missing_columns_and_prices_are_named():
    with pytest.raises(PathError, match=r"missing columns \['kind'\]"):
        adl.vault_pnl(trades((0, "BTC", 1.0, 97.0, "exit")).drop(columns="kind"), prices(BTC=[1] * 6))
    with pytest.raises(PathError, match="opening: no prices of symbols"):
        adl.vault_pnl(trades(), prices(BTC=[1] * 6), opening=pd.Series({"ETH": 1.0}))
    with pytest.raises(PathError, match="rows by rising times"):
        adl.vault_pnl(trades(), prices(BTC=[1] * 6).reset_index(drop=True))


@pytest.mark.parametrize("bad", [{"discount": 1.0}, {"fall": 0.0}, {"cost": 1.0}, {"discount": np.nan}])
def test_break_even_refuses_what_cannot_be(bad):
    with pytest.raises(PathError, match="out of range"):
        adl.break_even_rebound(**{"discount": 0.0, "fall": 0.2, **bad})


def test_risk_refuses_other_indices_and_levels():
    with pytest.raises(PathError, match="index levels"):
        adl.vault_risk(pd.Series([1.0, 2.0]))
    with pytest.raises(PathError, match="level must be within"):
        adl.vault_risk(pd.Series([1.0], index=TIMES[:1]), level=1.0)


def test_every_part_is_there_even_when_nothing_happens():
    pnl = adl.vault_pnl(trades(), prices(BTC=[1] * 6))
    assert pnl.parts.to_dict() == dict.fromkeys(PARTS, 0.0)
    assert pnl.total == 0.0
    assert pnl.episodes.empty
