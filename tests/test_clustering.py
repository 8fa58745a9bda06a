"""Episodes: gaps decide, deficits count once, order of rows does not matter."""

from __future__ import annotations

from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from golden_cases import close_to, golden_rows
from hypothesis import given
from strategies import few

import adlkit as adl
from adlkit.errors import MetricError
from adlkit.sources import hyperliquid

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
AVAX = DATA / "hyperreplay" / "first_wave_AVAX_queue_50rows.csv"
CLUSTERS = DATA / "pluriholonomic" / "per_shock_metrics_queue.csv"
START = pd.Timestamp("2025-10-10T21:16:00Z")
VAULT_BALANCE = 10_925_707.159377944  # in nine of the sixteen published waves


def fills_at(seconds, **columns):
    time = START + pd.to_timedelta(seconds, unit="s")
    frame = {"time": time, "symbol": "BTC", "account": "ann", "bankrupt": "bob", "qty": 1.0, "price": 100.0}
    return pd.DataFrame(frame | columns)


def steps(starts, ends, most="5s"):
    """Times from each start to its end without a gap longer than `most`: what a published span says of its fills."""
    return [pd.DatetimeIndex([*pd.date_range(a, b, freq=most), b]) for a, b in zip(starts, ends, strict=True)]


def joined(spans):
    """All times of several indices."""
    times = np.concatenate([span.to_numpy(dtype="datetime64[us]") for span in spans])
    return pd.DatetimeIndex(times).tz_localize("UTC")


def milliseconds(times):
    return (times - pd.Timestamp(0, tz="UTC")) // pd.Timedelta("1ms")


def published_fills(waves):
    """The waves as fills: at their start the vault's balance and what others owe, nothing known until their end."""
    start, end = (pd.to_datetime(waves[name], unit="ms", utc=True).dt.as_unit("us") for name in ("start_ms", "end_ms"))
    has_vault = np.isclose(waves["largest"], VAULT_BALANCE, rtol=1e-12)
    owed = waves["deficit"] - VAULT_BALANCE * has_vault
    names = "others " + waves["wave"].astype(str)
    rows = [
        pd.DataFrame({"time": joined(steps(start, end)), "bankrupt": "vault", "is_backstop": True}),
        pd.DataFrame({"time": start[has_vault], "bankrupt": "vault", "deficit": VAULT_BALANCE, "is_backstop": True}),
        pd.DataFrame({"time": start, "bankrupt": names, "deficit": owed.clip(lower=0.0), "is_backstop": False}),
    ]
    frame = pd.concat(rows, ignore_index=True)
    return frame.assign(symbol="all", account="winner", qty=1.0, price=1.0)


@pytest.mark.parametrize("case", ["published_waves"])
def test_the_published_waves_are_episodes_with_a_gap_of_five_seconds(case):
    waves = golden_rows("waves", case)
    table = adl.episodes(published_fills(waves), gap="5s")
    assert len(table) == 16
    for name in ("start", "end"):
        assert milliseconds(table[name]).tolist() == waves[f"{name}_ms"].tolist()
    stock = (table["deficit_stock"] + table["backstop_stock"]).tolist()
    assert stock == [close_to(row["deficit"], row) for _, row in waves.iterrows()]


@pytest.mark.parametrize("case", ["published_waves"])
def test_the_deficit_of_the_published_waves_counts_the_balance_of_the_vault_once(case):
    """100.06M as a stock, 98.27% of it one balance; what arose is 12.66M, and 1.73M of it traders'."""
    table = adl.episodes(published_fills(golden_rows("waves", case)), gap="5s")
    totals = table[["deficit_stock", "backstop_stock", "deficit", "backstop_deficit"]].sum()
    assert totals["deficit_stock"] + totals["backstop_stock"] == pytest.approx(100_063_386.68, abs=0.01)
    assert totals["backstop_stock"] == pytest.approx(9 * VAULT_BALANCE)
    assert totals["backstop_deficit"] == pytest.approx(VAULT_BALANCE)
    assert totals["deficit"] == pytest.approx(1_732_022.25, abs=0.01)


def test_the_first_wave_of_avax_is_one_episode():
    if not AVAX.exists():
        pytest.skip(f"{AVAX.name} is not here: its licence does not let it ship, see adlkit/sources/hyperliquid.py")
    names = {"closed_qty": "qty", "liquidated_account": "bankrupt"}
    table = adl.episodes(hyperliquid.read_adl_events(AVAX).rename(columns=names), gap=5, by="symbol")
    assert table[["duration", "fills", "accounts", "bankrupts"]].iloc[0].tolist() == [0.0, 50, 50, 1]
    assert table["notional"].iloc[0] == pytest.approx(84_454.65 * 22.075, rel=1e-9)
    assert table["deficit"].isna().all(), "the file does not say what the account was short of"


def test_the_published_clusters_by_coin_are_found_again_and_make_the_published_waves():
    """1,125 clusters by coin, from their spans; all coins together are the waves, with their published numbers."""
    if not CLUSTERS.exists():
        pytest.skip(f"{CLUSTERS.name} is not here: it does not ship")
    clusters = pd.read_csv(CLUSTERS)
    spans = {name: pd.to_datetime(clusters[name], format="ISO8601", utc=True) for name in ("t_start", "t_end")}
    times = steps(spans["t_start"], spans["t_end"])
    symbol = np.repeat(clusters["coin"].to_numpy(), [len(span) for span in times])
    fills = fills_at(np.zeros(len(symbol)), symbol=symbol)
    fills["time"] = joined(times)
    own = adl.episodes(fills, gap=5, by="symbol").sort_index()
    published = clusters.assign(**spans).set_index(["coin", "cluster_id"]).sort_index()
    assert own.index.tolist() == published.index.tolist()
    assert (own["start"].to_numpy() == published["t_start"].to_numpy()).all()
    assert (own["end"].to_numpy() == published["t_end"].to_numpy()).all()
    waves = golden_rows("waves", "published_waves")
    together = adl.episodes(fills, gap=5)
    assert len(together) == 36
    found = together.loc[waves["wave"], ["start", "end"]].apply(milliseconds)
    assert found.to_numpy().tolist() == waves[["start_ms", "end_ms"]].to_numpy().tolist()


def test_a_gap_parts_only_where_it_is_exceeded():
    fills = fills_at([0, 5, 10.001])
    assert adl.episodes(fills, gap="5s")["fills"].tolist() == [2, 1]
    assert adl.episodes(fills, gap=pd.Timedelta("5001ms"))["fills"].tolist() == [3]
    assert adl.episodes(fills, gap=0)["fills"].tolist() == [1, 1, 1]


def test_symbols_have_episodes_of_their_own():
    fills = fills_at([0, 4, 8, 8], symbol=["BTC", "ETH", "BTC", "ETH"], account=["ann", "bob", "ann", "cat"])
    own = adl.episodes(fills, gap=5, by="symbol")
    assert own["fills"].to_dict() == {("BTC", 1): 1, ("ETH", 1): 2, ("BTC", 2): 1}
    together = adl.episodes(fills, gap=5)
    assert together[["fills", "symbols", "accounts", "bankrupts", "duration"]].to_numpy().tolist() == [
        [4, 2, 3, 1, 8.0]
    ]


def test_backstop_accounts_are_shown_apart():
    fills = fills_at(
        [0, 1, 60, 60], bankrupt=["vault", "bob", "vault", "bob"], deficit=[100.0, 5.0, 100.0, 8.0],
        is_backstop=[True, False, True, False],
    )  # fmt: skip
    table = adl.episodes(fills, gap=5)[["deficit_stock", "deficit", "backstop_stock", "backstop_deficit"]]
    assert table.to_numpy().tolist() == [[5.0, 5.0, 100.0, 100.0], [8.0, 3.0, 100.0, 0.0]]


def test_notional_may_be_given_for_contracts_that_are_not_linear():
    table = adl.episodes(fills_at([0, 1], notional=[0.5, 0.25]), gap=5)
    assert table["notional"].tolist() == [0.75]


def test_the_sweep_has_fewer_and_longer_episodes_with_a_longer_gap():
    sweep = adl.episode_sweep(fills_at([0.0, 0.3, 1.0, 2.5, 6.0, 15.0], deficit=[1.0, 2.0, 2.0, 1.0, 5.0, 5.0]))
    assert sweep.index.tolist() == [0.25, 0.5, 1.0, 2.0, 5.0, 10.0]
    assert sweep["episodes"].tolist() == [6, 5, 4, 3, 2, 1]
    assert sweep["deficit_stock"].tolist() == [16.0, 15.0, 13.0, 12.0, 10.0, 5.0]
    assert sweep["deficit"].tolist() == [6.0, 6.0, 6.0, 5.0, 5.0, 5.0]


@st.composite
def events(draw):
    n = draw(st.integers(1, 25))
    column = lambda values: draw(st.lists(values, min_size=n, max_size=n))  # noqa: E731
    fills = fills_at(
        column(st.integers(0, 60)),
        symbol=column(st.sampled_from(["BTC", "ETH"])),
        bankrupt=column(st.sampled_from(["bob", "cat", "vault"])),
        deficit=np.array(column(st.integers(0, 9) | st.none()), dtype=float),
    )
    return fills.assign(is_backstop=fills["bankrupt"] == "vault")


@few
@given(fills=events(), gap=st.integers(0, 20), by=st.sampled_from([None, "symbol"]))
def test_every_fill_is_in_one_episode_and_episodes_are_apart(fills, gap, by):
    table = adl.episodes(fills, gap=gap, by=by)
    assert table["fills"].sum() == len(fills)
    assert table["notional"].sum() == pytest.approx(100.0 * len(fills))
    for _, own in table.groupby(level=by) if by else [(None, table)]:
        pauses = own["start"].iloc[1:].to_numpy() - own["end"].iloc[:-1].to_numpy()
        assert (pauses > np.timedelta64(gap, "s")).all()


@few
@given(fills=events(), gap=st.integers(0, 20))
def test_flow_is_that_of_a_table_of_episodes_and_accounts(fills, gap):
    table = adl.episodes(fills, gap=gap)
    number = np.searchsorted(table["start"].to_numpy(), fills["time"].to_numpy(), side="right")
    for is_backstop, name in ((False, "deficit"), (True, "backstop_deficit")):
        known = fills.assign(episode=number)[fills["deficit"].notna() & (fills["is_backstop"] == is_backstop)]
        stock = known.pivot_table(index="episode", columns="bankrupt", values="deficit", aggfunc="max")
        if len(stock):
            flow = adl.metrics.deficit_flow(stock)
            assert table.loc[flow.index, name].tolist() == pytest.approx(flow.tolist())
            assert table[name].sum() == pytest.approx(flow.sum())


@few
@given(fills=events(), gap=st.integers(0, 20), by=st.sampled_from([None, "symbol"]), seed=st.integers(0, 99))
def test_order_of_rows_changes_nothing(fills, gap, by, seed):
    before = fills.copy()
    shuffled = fills.sample(frac=1.0, random_state=seed)
    one, other = (adl.episodes(frame, gap=gap, by=by).sort_index() for frame in (fills, shuffled))
    pd.testing.assert_frame_equal(one, other)
    pd.testing.assert_frame_equal(fills, before)


@few
@given(fills=events(), gap=st.integers(0, 20))
def test_more_gap_never_makes_more_episodes_or_more_stock(fills, gap):
    sweep = adl.episode_sweep(fills, [gap, gap + 1, 2 * gap + 5])
    assert sweep["episodes"].is_monotonic_decreasing
    assert sweep["deficit_stock"].dropna().is_monotonic_decreasing
    assert (sweep["deficit"].dropna() <= sweep["deficit_stock"].dropna()).all()


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        ({"price": -1.0}, "price: 2 values are below zero"),
        ({"qty": np.nan}, "rows without \\['qty'\\]"),
        ({"time": [0, 1]}, "times as datetime"),
        ({"deficit": [-1.0, 0.0]}, "deficit: 1 values are below zero"),
        ({"deficit": [1.0, 2.0], "bankrupt": ["bob", None]}, "deficits without a bankrupt account"),
        ({"is_backstop": ["no", "yes"]}, "is_backstop must be true or false"),
        ({"notional": [1.0, np.inf]}, "notional: 1 values are NaN or infinite"),
    ],
)
def test_bad_fills_are_refused(columns, told):
    with pytest.raises(MetricError, match=told):
        adl.episodes(fills_at([0, 1], **columns), gap=5)


def test_bad_gaps_and_columns_are_refused():
    with pytest.raises(MetricError, match="gap must be a time of zero or more"):
        adl.episodes(fills_at([0]), gap=-1)
    with pytest.raises(MetricError, match="misses columns \\['venue'\\]"):
        adl.episodes(fills_at([0]), gap=1, by="venue")
    with pytest.raises(MetricError, match="misses columns \\['bankrupt'\\]"):
        adl.episodes(fills_at([0]).drop(columns="bankrupt"), gap=1)
    with pytest.raises(MetricError, match="one fill or more"):
        adl.episodes(fills_at([0]).iloc[:0], gap=1)


def test_the_same_name_at_two_venues_is_two_debtors():
    """bob is 10 short at each of two venues: 10 and 10, not 10 and nothing more."""
    fills = fills_at([0, 3600], venue=["A", "B"], bankrupt="bob", deficit=10.0)
    assert adl.episodes(fills, gap=5, by="venue")["deficit"].tolist() == [10.0, 10.0]


def test_whole_numbers_of_any_kind_are_seconds():
    fills = fills_at([0, 3, 30])
    for gaps in ([1, 5, 60], np.array([1, 5, 60]), np.array([1.0, 5.0, 60.0])):
        assert adl.episode_sweep(fills, gaps)["episodes"].tolist() == [3, 2, 1]
