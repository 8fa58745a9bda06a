"""Parts of a vault's profit: worked by hand, adding up to the total, the same however the path is written down."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from hypothesis import given

import adlkit as adl
from adlkit.errors import MetricError
from adlkit.vault.attribution import PARTS

COLUMNS = ["time", "symbol", "qty", "price", "cash", "fee", "kind"]
START = pd.Timestamp("2025-10-10T21:00:00Z").as_unit("us")


def times(count):
    return pd.date_range(START, periods=count, freq="min", unit="us")


def marks(**by_symbol):
    return pd.DataFrame(by_symbol, index=times(len(next(iter(by_symbol.values())))), dtype=float)


def trade_table(rows):
    """Trades from rows whose time is a number of minutes."""
    table = pd.DataFrame(rows, columns=COLUMNS).astype(dict.fromkeys(("qty", "price", "cash", "fee"), float))
    time = START + pd.to_timedelta(table["time"].astype("int64"), unit="min")
    return table.assign(time=time.astype("datetime64[us, UTC]"), symbol=table["symbol"].astype("str"))


# Worked by hand: discount = qty (V(mark) - V(price)) + cash of takeovers, drift = inventory x change of V(mark),
# impact and relief = qty (V(mark) - V(price)); total = cash account + inventory left at the last mark.

CASES = {
    # 10 at 95 against 100; low of 80 with all 10 (-200); 4 sold at 79, then 6 over 80 -> 96; -950 + 316 + 570 - 1
    "a long sold in parts": (
        marks(BTC=[100, 90, 80, 88, 96]),
        [(0, "BTC", 10, 95, 0, 0, "takeover"), (2, "BTC", -4, 79, 0, 0.4, "exit"), (4, "BTC", -6, 95, 0, 0.6, "exit")],
        {},
        {"BTC": {"discount": 50, "fall": -200, "rebound": 96, "impact": -10, "fees": -1, "total": -65}},
    ),
    # 10 at 95, sold at once at 97 with the mark at 100
    "a long sold at once": (
        marks(BTC=[100, 50]),
        [(0, "BTC", 10, 95, 0, 0, "takeover"), (0, "BTC", -10, 97, 0, 0, "exit")],
        {},
        {"BTC": {"discount": 50, "impact": -30, "total": 20}},
    ),
    # 5 sold at 104 against 100; the worst mark is 110; bought back at 106 with the mark at 105
    "a short": (
        marks(BTC=[100, 110, 105]),
        [(0, "BTC", -5, 104, 0, 0, "takeover"), (2, "BTC", 5, 106, 0, 0, "exit")],
        {},
        {"BTC": {"discount": 20, "fall": -50, "rebound": 25, "impact": -5, "total": -10}},
    ),
    # two positions at their marks with the account's remaining 30; sold better than the mark by 1 x 2
    "an account with its margin": (
        marks(BTC=[100, 95], ETH=[20, 21]),
        [
            (0, "BTC", 2, 100, 20, 0, "takeover"),
            (0, "ETH", -10, 20, 10, 0, "takeover"),
            (1, "BTC", -2, 96, 0, 0, "exit"),
            (1, "ETH", 10, 21, 0, 0, "exit"),
        ],
        {},
        {
            "BTC": {"discount": 20, "fall": -10, "impact": 2, "total": 12},
            "ETH": {"discount": 10, "fall": -10, "total": 0},
        },
    ),
    # 100,000 USD: 1/40,000 - 1/50,000 = 5e-6 per contract; to 25,000: -2e-5; back to 40,000: +1.5e-5
    "an inverse contract": (
        marks(BTC=[50_000, 25_000, 40_000]),
        [(0, "BTC", 100_000, 40_000, 0, 0, "takeover"), (2, "BTC", -100_000, 40_000, 0, 0, "exit")],
        {"inverse": ["BTC"]},
        {"BTC": {"discount": 0.5, "fall": -2, "rebound": 1.5, "total": 0}},
    ),
    # 6 of 10 are closed against winners at 95 with the mark at 90, 4 sold at 89: -950 + 570 + 356
    "relief": (
        marks(BTC=[100, 90]),
        [(0, "BTC", 10, 95, 0, 0, "takeover"), (1, "BTC", -6, 95, 0, 0, "relief"), (1, "BTC", -4, 89, 0, 0, "exit")],
        {},
        {"BTC": {"discount": 50, "fall": -100, "relief": 30, "impact": -4, "total": -24}},
    ),
    # short 3 from 100 to 90, closed by taking a long of 3 over at 80; its worst mark was the first
    "an opening short": (
        marks(BTC=[100, 90, 200]),
        [(1, "BTC", 3, 80, 0, 0, "takeover")],
        {"opening": pd.Series({"BTC": -3.0})},
        {"BTC": {"discount": 30, "rebound": 30, "total": 60}},
    ),
    # long 2 from 100 to 80, turned into a short of 3 at 84, which gains from 80 to 70; not closed
    "an inventory turned around": (
        marks(BTC=[100, 80, 70]),
        [(0, "BTC", 2, 90, 0, 0, "takeover"), (1, "BTC", -5, 84, 0, 1, "takeover")],
        {},
        {"BTC": {"discount": 40, "fall": -40, "rebound": 30, "fees": -1, "total": 29}},
    ),
    # 0.5 and -0.2 of funding while long 1
    "funding": (
        marks(BTC=[100, 100, 100]),
        [(0, "BTC", 1, 100, 0, -0.1, "takeover"), (2, "BTC", -1, 100, 0, 0, "exit")],
        {
            "funding": pd.Series(
                [0.5, -0.2],
                index=pd.MultiIndex.from_arrays([times(3)[[0, 2]], ["BTC", "BTC"]], names=["time", "symbol"]),
            )
        },
        {"BTC": {"funding": 0.3, "fees": 0.1, "total": 0.4}},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_parts_are_those_worked_by_hand(case):
    prices, rows, options, expected = CASES[case]
    found = adl.vault_pnl(trade_table(rows), prices, **options)
    wanted = pd.DataFrame(expected).T.reindex(columns=[*PARTS, "total"]).fillna(0.0)
    np.testing.assert_allclose(found.by_symbol.loc[wanted.index], wanted, atol=1e-9)
    assert found.total == pytest.approx(wanted["total"].sum(), abs=1e-9)


def test_an_inventory_turned_around_is_two_episodes_that_share_the_trade_by_contracts():
    prices, rows, options, _ = CASES["an inventory turned around"]
    table = adl.vault_pnl(trade_table(rows), prices, **options).by_episode
    assert table["side"].tolist() == ["long", "short"]
    assert table["start"].tolist() == [START, START + pd.Timedelta("1min")]
    assert table["end"].tolist() == [START + pd.Timedelta("1min"), pd.NaT]
    assert table["notional"].tolist() == [360.0, 240.0]  # 2 x 100 + 2 x 80, 3 x 80
    assert table["total"].tolist() == pytest.approx([-12.4, 41.4])  # -180 + 168 - 0.4, 252 - 210 - 0.6
    assert table["discount_rate"].tolist() == pytest.approx([28 / 360, 12 / 240])
    assert table["exit_price"].isna().all()


def test_an_episode_states_its_discount_and_exit_price():
    prices, rows, options, _ = CASES["a long sold in parts"]
    row = adl.vault_pnl(trade_table(rows), prices, **options).by_episode.iloc[0]
    assert (row["notional"], row["discount_rate"]) == (1000.0, 0.05)
    assert row["exit_price"] == pytest.approx((4 * 79 + 6 * 95) / 10)


def test_the_exit_price_of_an_inverse_contract_is_the_harmonic_mean():
    prices = marks(BTC=[50_000, 25_000, 40_000])
    rows = [(0, "BTC", 2, 50_000, 0, 0, "takeover"), (1, "BTC", -1, 20_000, 0, 0, "exit")]
    rows.append((2, "BTC", -1, 60_000, 0, 0, "exit"))
    table = adl.vault_pnl(trade_table(rows), prices, inverse=["BTC"]).by_episode
    assert table["exit_price"].tolist() == pytest.approx([30_000.0])


def test_history_follows_cash_inventory_and_parts():
    prices, rows, options, _ = CASES["a long sold in parts"]
    history = adl.vault_pnl(trade_table(rows), prices, **options).history
    assert history["cash"].tolist() == pytest.approx([-950, -950, -634.4, -634.4, -65])
    assert history["inventory"].tolist() == pytest.approx([1000, 900, 480, 528, 0])
    assert history["total"].tolist() == pytest.approx([50, -50, -154.4, -106.4, -65])
    assert history["fall"].tolist() == pytest.approx([0, -100, -200, -200, -200])
    assert history["rebound"].tolist() == pytest.approx([0, 0, 0, 48, 96])


def test_horizons_count_from_the_first_takeover_and_are_nan_beyond_the_last_mark():
    prices, rows, _, _ = CASES["a long sold in parts"]
    later = trade_table([(time + 1, *rest) for time, *rest in rows])
    prices = pd.concat([prices.iloc[:1].set_axis(times(1)), prices.set_axis(times(6)[1:])])
    table = adl.vault_pnl(later, prices).by_horizon(["0s", "90s", "4min", "5min"])
    assert table["total"].tolist()[:3] == pytest.approx([50, -50, -65])
    assert table.loc[pd.Timedelta("90s"), "fall"] == pytest.approx(-100)
    assert table.iloc[3].isna().all()


def test_a_vault_that_did_nothing_made_nothing():
    pnl = adl.vault_pnl(trade_table([]), marks(BTC=[100, 90]))
    assert (pnl.total, pnl.residual, pnl.turnover) == (0.0, 0.0, 0.0)
    assert (pnl.history == 0).all(axis=None)
    assert len(pnl.by_episode) == len(pnl.by_symbol) == 0
    assert pnl.summary()["episodes"] == 0
    with pytest.raises(MetricError, match="no takeover"):
        pnl.by_horizon(["1min"])


def test_what_floats_leave_of_a_closed_inventory_is_no_inventory():
    rows = [(0, "BTC", 0.1, 95, 0, 0, "takeover"), (0, "BTC", 0.2, 95, 0, 0, "takeover")]
    rows += [(1, "BTC", -0.3, 90, 0, 0, "exit")]
    table = adl.vault_pnl(trade_table(rows), marks(BTC=[100, 90, 1000])).by_episode
    assert table["end"].tolist() == [START + pd.Timedelta("1min")]


def test_a_second_low_after_an_equal_first_one_is_rebound():
    rows = [(0, "BTC", 1, 100, 0, 0, "takeover")]
    row = adl.vault_pnl(trade_table(rows), marks(BTC=[100, 90, 95, 90, 94])).by_symbol.loc["BTC"]
    assert (row["fall"], row["rebound"]) == (-10.0, 4.0)


def test_inputs_stay_as_they_are():
    prices, rows, options, _ = CASES["funding"]
    trades = trade_table(rows)
    before = trades.copy(), prices.copy(), options["funding"].copy()
    adl.vault_pnl(trades, prices, **options)
    pd.testing.assert_frame_equal(trades, before[0])
    pd.testing.assert_frame_equal(prices, before[1])
    pd.testing.assert_series_equal(options["funding"], before[2])


# Laws


@st.composite
def vaults(draw, *, may_be_inverse=True):
    """Trades, prices and options: any kinds and sides, turns, several trades at once, funding of what is held."""
    count = draw(st.integers(1, 6))
    level = st.lists(st.integers(20, 400), min_size=count, max_size=count)
    prices = marks(BTC=draw(level), ETH=draw(level))
    quarters = st.integers(-8, 8).filter(bool)
    row = st.tuples(
        st.integers(0, count - 1),
        st.sampled_from(["BTC", "ETH"]),
        quarters.map(lambda size: size / 4),
        st.integers(50, 150),  # price, in % of the mark
        st.integers(-20, 20),
        st.integers(-2, 5),
        st.sampled_from(["takeover", "exit", "relief"]),
    )
    rows = sorted(draw(st.lists(row, max_size=8)), key=lambda row: row[0])
    rows = [(t, s, qty, prices[s].iloc[t] * part / 100, *rest) for t, s, qty, part, *rest in rows]
    opening = pd.Series({"BTC": draw(st.integers(-4, 4)) / 4, "ETH": draw(st.integers(-4, 4)) / 4})
    inverse = draw(st.sampled_from([(), ("BTC",), ("BTC", "ETH")])) if may_be_inverse else ()
    funding = {}
    for symbol in ("BTC", "ETH"):
        held = opening[symbol] + np.cumsum(
            [sum(row[2] for row in rows if row[:2] == (t, symbol)) for t in range(count)]
        )
        is_held = (held != 0) | (np.append(0.0, held[:-1]) != 0)
        for place in np.flatnonzero(is_held):
            funding[prices.index[place], symbol] = draw(st.integers(-3, 3))
    names = ["time", "symbol"]
    index = (
        pd.MultiIndex.from_tuples(funding, names=names) if funding else pd.MultiIndex.from_arrays([[], []], names=names)
    )
    return (
        trade_table(rows),
        prices,
        {
            "opening": opening,
            "inverse": inverse,
            "funding": pd.Series(list(funding.values()), index=index, dtype=float),
        },
    )


def value(price, symbol, inverse):
    return -1 / price if symbol in inverse else price


def cash_account(trades, prices, options):
    """Change of equity, trade by trade."""
    inverse, held = options["inverse"], options["opening"].to_dict()
    equity = -sum(qty * value(prices[name].iloc[0], name, inverse) for name, qty in held.items())
    for row in trades.itertuples():
        equity += row.cash - row.fee - row.qty * value(row.price, row.symbol, inverse)
        held[row.symbol] += row.qty
    equity += sum(qty * value(prices[name].iloc[-1], name, inverse) for name, qty in held.items())
    return equity + options["funding"].sum()


@given(vaults())
def test_parts_add_up_to_the_total_of_the_cash_account(vault):
    trades, prices, options = vault
    pnl = adl.vault_pnl(trades, prices, **options)
    within = 1e-9 * pnl.turnover + 1e-12
    assert abs(pnl.residual) <= within
    assert pnl.total == pytest.approx(cash_account(trades, prices, options), abs=within)
    for table in (pnl.by_symbol, pnl.by_episode, pnl.history):
        np.testing.assert_allclose(table[PARTS].sum(axis=1), table["total"], rtol=0, atol=within)
    assert pnl.by_episode["total"].sum() == pytest.approx(pnl.total, abs=within)
    assert pnl.history["total"].iloc[-1] == pytest.approx(pnl.total, abs=within)


@given(vaults(), st.integers(0, 4))
def test_a_mark_between_two_marks_changes_no_part(vault, quarters):
    trades, prices, options = vault
    between = prices + (prices.shift(-1) - prices) * quarters / 4
    finer = pd.concat([prices, between.iloc[:-1].shift(freq="30s")]).sort_index()
    coarse, fine = adl.vault_pnl(trades, prices, **options), adl.vault_pnl(trades, finer, **options)
    np.testing.assert_allclose(fine.by_symbol, coarse.by_symbol, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(fine.by_episode[PARTS], coarse.by_episode[PARTS], rtol=1e-9, atol=1e-9)


@given(vaults(may_be_inverse=False))
def test_the_other_side_in_a_mirrored_market_has_the_same_parts(vault):
    trades, prices, options = vault
    mirrored = trades.assign(qty=-trades["qty"], price=1000.0 - trades["price"])
    options_mirrored = options | {"opening": -options["opening"]}
    one, other = adl.vault_pnl(trades, prices, **options), adl.vault_pnl(mirrored, 1000.0 - prices, **options_mirrored)
    np.testing.assert_allclose(other.by_symbol, one.by_symbol, rtol=1e-9, atol=1e-9)


@given(vaults(), st.sampled_from([0.25, 0.5, 0.75]))
def test_a_trade_in_two_pieces_has_the_same_parts(vault, share):
    trades, prices, options = vault
    pieces = trades.loc[trades.index.repeat(2)].reset_index(drop=True)
    part = np.where(pieces.index % 2 == 0, share, 1 - share)
    for name in ("qty", "cash", "fee"):
        pieces[name] *= part
    one, two = adl.vault_pnl(trades, prices, **options), adl.vault_pnl(pieces, prices, **options)
    np.testing.assert_allclose(two.by_symbol, one.by_symbol, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(two.by_episode[PARTS], one.by_episode[PARTS], rtol=1e-9, atol=1e-9)


@given(st.lists(st.integers(20, 400), min_size=1, max_size=8), st.sampled_from([-1.0, 1.0]))
def test_one_inventory_held_to_the_end_falls_to_its_worst_mark_and_recovers_from_it(path, qty):
    pnl = adl.vault_pnl(trade_table([(0, "BTC", qty, path[0], 0, 0, "takeover")]), marks(BTC=path))
    worst = min(path) if qty > 0 else max(path)
    row = pnl.by_symbol.loc["BTC"]
    assert (row["fall"], row["rebound"]) == (qty * (worst - path[0]), qty * (path[-1] - worst))


# Errors

GOOD = [(0, "BTC", 1, 95, 0, 0, "takeover"), (1, "BTC", -1, 90, 0, 0, "exit")]


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda t: t.drop(columns="fee"), "misses columns"),
        (lambda t: t.assign(price=[95.0, 0.0]), "price must not be zero"),
        (lambda t: t.assign(cash=[0.0, np.inf]), "cash"),
        (lambda t: t.assign(fee=[0.0, np.nan]), "fee"),
        (lambda t: t.assign(kind="sale"), "unknown kind"),
        (lambda t: t.assign(symbol="DOGE"), "no column for"),
        (lambda t: t.iloc[::-1], "ascending"),
        (lambda t: t.assign(time=t["time"].dt.tz_localize(None)), "dtype"),
        (lambda t: t.assign(time=t["time"] + pd.Timedelta("1s")), "times that prices does not have"),
    ],
)
def test_trades_that_cannot_be_read_are_refused(change, match):
    with pytest.raises(MetricError, match=match):
        adl.vault_pnl(change(trade_table(GOOD)), marks(BTC=[100, 90]))


@pytest.mark.parametrize(
    ("prices", "match"),
    [
        (marks(BTC=[100, 90]).iloc[:0], "one row or more"),
        (marks(BTC=[100, 90]).iloc[::-1], "ascending"),
        (marks(BTC=[100, 90]).tz_localize(None), "dtype"),
        (marks(BTC=[100, np.nan]), "NaN"),
        (marks(BTC=[100, 0]), "not above zero"),
    ],
)
def test_prices_that_cannot_be_read_are_refused(prices, match):
    with pytest.raises(MetricError, match=match):
        adl.vault_pnl(trade_table(GOOD), prices)


def funding_of(minute, symbol, amount=1.0):
    index = pd.MultiIndex.from_arrays([[START + pd.Timedelta(minutes=minute)], [symbol]], names=["time", "symbol"])
    return pd.Series([amount], index=index)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"opening": pd.Series({"DOGE": 1.0})}, "no column for"),
        ({"opening": pd.Series({"BTC": np.nan})}, "opening"),
        ({"opening": pd.Series([1.0, 1.0], index=["BTC", "BTC"])}, "twice"),
        ({"inverse": ["DOGE"]}, "inverse"),
        ({"funding": funding_of(2, "BTC")}, "holds nothing"),
        ({"funding": funding_of(0, "DOGE")}, "holds nothing"),
        ({"funding": funding_of(0.5, "BTC")}, "holds nothing"),
        ({"funding": funding_of(0, "BTC", np.nan)}, "funding"),
        ({"funding": pd.Series({"BTC": 1.0})}, "index"),
    ],
)
def test_options_that_do_not_fit_are_refused(options, match):
    with pytest.raises(MetricError, match=match):
        adl.vault_pnl(trade_table(GOOD), marks(BTC=[100, 90, 95]), **options)


@pytest.mark.parametrize("horizons", [["-1min"], [pd.NaT]])
def test_horizons_below_zero_are_refused(horizons):
    with pytest.raises(MetricError, match="horizons"):
        adl.vault_pnl(trade_table(GOOD), marks(BTC=[100, 90])).by_horizon(horizons)


def test_money_without_contracts_is_counted_and_belongs_to_what_is_held():
    """A fee of 2 and 5 of cash while 1 is held, and an income of 3 after it is gone."""
    trades = pd.DataFrame(
        {
            "time": times(4),
            "symbol": "BTC",
            "qty": [1.0, 0.0, -1.0, 0.0],
            "price": [95.0, 90.0, 98.0, 99.0],
            "cash": [0.0, 5.0, 0.0, 0.0],
            "fee": [0.0, 2.0, 0.0, -3.0],
            "kind": ["takeover", "takeover", "exit", "takeover"],
        }
    )
    pnl = adl.vault_pnl(trades, marks(BTC=[100, 90, 99, 99]))
    assert pnl.total == pytest.approx(98 - 95 + 5 - 2 + 3)
    assert abs(pnl.residual) < 1e-12
    assert pnl.by_episode["total"].tolist() == pytest.approx([6.0, 3.0])
    assert pnl.by_episode["side"].tolist() == ["long", "none"]
