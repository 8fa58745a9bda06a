from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adlkit.errors import AdlkitError, SourceError
from adlkit.margin import equity
from adlkit.sources import hyperliquid as hl

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
EXTREME = DATA / "hypermultiasset" / "high_leverage_outliers_analysis.csv"
AVAX = DATA / "hyperreplay" / "first_wave_AVAX_queue_50rows.csv"
SOURCE = ["time", *hl.TEXT, *hl.NUMBERS, *hl.FLAG]
NOON = 1_760_097_600_000  # 2025-10-10 12:00 UTC


def real(path):
    if not path.exists():
        pytest.skip(f"{path.name} is not here: its licence does not let it ship, see adlkit/sources/hyperliquid.py")
    return hl.read_adl_events(path)


def source_row(
    user, coin, position, closed, *, px=100.0, entry=120.0, held=None, cash=1000.0, pnl=50.0, ms=NOON, by="vault"
):
    """One row as the source writes it; `entry` is the true entry price, `held` that of the snapshot."""
    held = entry if held is None else held
    own = position * (px - held)
    return {
        "time": ms,
        "user": user,
        "coin": coin,
        "liquidated_user": by,
        "adl_price": px,
        "adl_size": closed,
        "adl_notional": closed * px,
        "closed_pnl": (closed if position > 0 else -closed) * (px - entry),
        "position_size": position,
        "entry_price": held,
        "account_value_realtime": cash,
        "total_unrealized_pnl": pnl,
        "total_equity": cash + pnl,
        "is_negative_equity": cash + pnl < 0,
        "leverage_realtime": abs(position) * px / cash if cash > 0 else 0,
        "position_unrealized_pnl": own,
        "pnl_percent": own / (abs(position) * px) * 100,
    }


def source_rows():
    """Three accounts: ann is closed in part by two fills, bob in full in two symbols, cy is a long under water."""
    return pd.DataFrame(
        [
            source_row("ann", "BTC", -5.0, 2.0, entry=115.0, held=120.0),
            source_row("bob", "BTC", -4.0, 4.0, cash=0.0, pnl=900.0),
            source_row("bob", "NA", -100.0, 100.0, px=2.0, entry=3.0, cash=0.0, pnl=700.0),
            source_row("ann", "BTC", -3.0, 1.0, entry=115.0, held=120.0, pnl=-10.0),
            source_row("cy", "ETH", 0.3, 0.2, px=9.0, entry=10.0, cash=5.0, pnl=-7.0, ms=NOON + 1),
        ]
    )


def write(rows, folder, name="events.csv"):
    path = folder / name
    rows.to_csv(path, index=False)
    return path


@pytest.fixture
def events(tmp_path):
    return hl.read_adl_events(write(source_rows(), tmp_path))


# The real files


@pytest.mark.parametrize(("path", "n_rows", "n_columns"), [(EXTREME, 480, 17), (AVAX, 50, 16)])
def test_real_files_are_read_whole_and_typed(path, n_rows, n_columns):
    events = real(path)
    assert events.shape == (n_rows, n_columns)
    assert events.pop("time").dtype == "datetime64[us, UTC]"
    if n_columns == 17:
        assert events.pop("is_negative_equity_end_of_window").dtype == bool
    assert {str(kind) for kind in events.dtypes} == {"str", "float64"}
    assert events.notna().all(axis=None)


@pytest.mark.parametrize("path", [EXTREME, AVAX])
def test_derived_columns_reproduce_every_row_of_the_real_files(path):
    events = real(path)
    derived = hl.derived_columns(events)
    shared = derived.columns.intersection(events.columns)
    assert len(shared) == derived.shape[1] - (path == AVAX)  # the AVAX file has no flag
    pd.testing.assert_frame_equal(derived[shared], events[shared], rtol=1e-6, atol=0, check_exact=False)


def test_avax_round_leaves_49_accounts_flat_and_one_short():
    left = hl.positions_after(real(AVAX))
    assert len(left) == 50
    assert (left == 0).sum() == 49
    assert left[left != 0].tolist() == [pytest.approx(-33_708.13, abs=1e-6)]


def test_extreme_rows_become_462_positions_with_the_equity_of_the_file():
    events = real(EXTREME)
    panel = hl.events_to_panel(events)
    assert (len(panel), panel["n_fills"].sum(), (panel["n_fills"] > 1).sum()) == (462, 480, 14)
    assert events["is_negative_equity_end_of_window"].sum() == 22
    pd.testing.assert_series_equal(equity(panel), panel["equity_end_of_window"], check_names=False, rtol=1e-9)
    assert panel["equity_end_of_window"].isin(events["equity_end_of_window"]).all()
    assert panel["closed_qty"].sum() == pytest.approx(events["closed_qty"].sum(), rel=1e-12)


@pytest.mark.parametrize("path", [EXTREME, AVAX])
def test_nothing_but_the_fills_changes_a_position_within_one_time(path):
    events = real(path)
    panel = hl.events_to_panel(events)
    left = panel["qty"] - np.sign(panel["qty"]) * panel["closed_qty"]
    gap = (left - hl.positions_after(events)) / panel["qty"]
    assert gap.abs().max() < 1e-9


def test_avax_panel_holds_the_closed_profit_of_the_venue():
    events = real(AVAX)
    panel = hl.events_to_panel(events)
    realised = panel["closed_qty"] * (panel["entry_price"] - panel["mark_price"])  # all of them short
    assert realised.sum() == pytest.approx(events["closed_pnl"].sum(), rel=1e-12)


@pytest.mark.parametrize(("path", "n_stale"), [(EXTREME, 235), (AVAX, 4)])
def test_snapshot_entry_prices_are_stale_and_those_of_the_closed_profit_are_not(path, n_stale):
    events = real(path)
    entry = hl.entry_price(events)
    assert ((entry / events["entry_price_snapshot"] - 1).abs() > 1e-4).sum() == n_stale
    fills = entry.groupby([events[name] for name in hl.POSITION])  # fills of one position have one entry price
    assert (fills.max() / fills.min()).max() == pytest.approx(1, abs=1e-9)


def test_cash_is_one_number_per_account_over_the_whole_window_and_equity_is_not():
    by_account = real(EXTREME).groupby("account")
    repeated = by_account.size() > 1
    assert (by_account["cash_end_of_window"].nunique() == 1).all()
    assert (by_account["equity_end_of_window"].nunique()[repeated] > 1).all()


# Reading


def test_columns_are_renamed_by_what_they_are(events):
    assert events.columns.tolist() == list(hl.NAMES.values())
    first = events.iloc[0]
    assert first["time"] == pd.Timestamp("2025-10-10 12:00", tz="UTC")
    assert (first["price"], first["closed_qty"], first["position_qty"]) == (100.0, 2.0, -5.0)
    assert (first["cash_end_of_window"], first["equity_end_of_window"]) == (1000.0, 1050.0)
    assert events["symbol"].tolist() == ["BTC", "BTC", "NA", "BTC", "ETH"]  # NA is a name, not a gap


@pytest.mark.parametrize("name", ["events.csv", "events.csv.gz", "EVENTS.CSV", "events.parquet"])
def test_every_kind_of_file_gives_the_same_events(tmp_path, events, name):
    path = tmp_path / name
    if name.endswith("parquet"):
        source_rows().set_index("user").to_parquet(path)
    else:
        write(source_rows(), tmp_path, name)
    pd.testing.assert_frame_equal(hl.read_adl_events(str(path)), events)


def test_parquet_may_hold_categories_and_any_index(tmp_path, events):
    rows = source_rows().astype({"coin": "category"}).set_axis([7, 7, 1, 2, 3], axis=0)
    rows.to_parquet(tmp_path / "events.parquet")
    pd.testing.assert_frame_equal(hl.read_adl_events(tmp_path / "events.parquet"), events)


def test_redundant_columns_are_left_out_and_others_carried(tmp_path, events):
    rows = source_rows().assign(queue_row=range(5), timestamp="2025-10-10 12:00", time_str="12:00:00", note="x")
    read = hl.read_adl_events(write(rows, tmp_path))
    assert read.pop("note").tolist() == ["x"] * 5
    pd.testing.assert_frame_equal(read, events)


def test_the_flag_may_be_absent_and_a_liquidated_account_missing(tmp_path):
    rows = source_rows().drop(columns="is_negative_equity")
    rows.loc[0, "liquidated_user"] = None
    events = hl.read_adl_events(write(rows, tmp_path))
    assert "is_negative_equity_end_of_window" not in events
    assert events["liquidated_account"].isna().tolist() == [True, False, False, False, False]


def test_whole_numbers_are_numbers(tmp_path):
    rows = source_rows().iloc[:1].astype({"adl_price": int, "adl_size": int})
    assert hl.read_adl_events(write(rows, tmp_path))["price"].tolist() == [100.0]


def test_text_does_not_need_pyarrow(tmp_path, events):
    with pd.option_context("mode.string_storage", "python"):
        read = hl.read_adl_events(write(source_rows(), tmp_path))
        assert read.to_dict("list") == events.to_dict("list")
        assert hl.events_to_panel(read).index.tolist() == hl.events_to_panel(events).index.tolist()


# Faulty files


def spoilt(column, *values):
    """Rows with `values` in the first cells of one column."""
    rows = source_rows().astype({column: object})
    rows.loc[: len(values) - 1, column] = list(values)
    return rows


FAULTS = {
    "NaN": (spoilt("adl_price", None), r"adl_price: 1 row \(first: 1\) NaN or empty"),
    "infinite": (spoilt("total_equity", 1.0, "inf", "-inf"), r"total_equity: 2 rows \(first: 2, 3\) infinite"),
    "no price": (spoilt("adl_price", 0.0, -1.0), r"adl_price: 2 rows \(first: 1, 2\) not above zero"),
    "no size": (spoilt("adl_size", 0.0), r"adl_size: 1 row \(first: 1\) not above zero"),
    "no position": (spoilt("position_size", 0.0), r"position_size: 1 row \(first: 1\) zero"),
    "too large": (spoilt("adl_size", 5.1), r"adl_size: 1 row \(first: 1\) larger than the position"),
    "text for a number": (spoilt("closed_pnl", 1.0, "a lot"), r"closed_pnl: 1 row \(first: 2\) not numbers"),
    "flags for numbers": (source_rows().assign(adl_size=True), r"adl_size: 5 rows .* not numbers"),
    "no flag": (spoilt("is_negative_equity", "maybe"), r"is_negative_equity: 1 row \(first: 1\) not True or False"),
    "broken time": (spoilt("time", 1.5), r"time: 1 row \(first: 1\) not whole epoch milliseconds"),
    "time as text": (source_rows().assign(time="12:00"), r"time: 5 rows .* not whole epoch milliseconds"),
    "time with a point": (source_rows().astype({"time": float}), r"time: all rows \(float64\) not whole epoch"),
    "seconds": (source_rows().assign(time=NOON // 1000), r"time: 5 rows .* not epoch milliseconds"),
    "no account": (spoilt("user", None), r"user: 1 row \(first: 1\) empty"),
    "copies": (pd.concat([source_rows(), source_rows().iloc[[1]]]), r"1 row \(first: 6\) stand twice"),
    "no rows": (source_rows().iloc[:0], "there are no rows below the header"),
    "no columns": (source_rows()[["user", "coin"]], r"missing columns \['time', .*found \['user', 'coin'\]"),
    "our names": (source_rows().assign(price=1.0), r"columns \['price'\] have names that the reader gives itself"),
    "other separator": (pd.DataFrame({"user;coin;time": ["a;b;1"]}), "missing columns"),
}


@pytest.mark.parametrize(("rows", "message"), FAULTS.values(), ids=FAULTS)
def test_faults_are_named_with_column_count_and_rows(tmp_path, rows, message):
    with pytest.raises(SourceError, match=message):
        hl.read_adl_events(write(rows, tmp_path))


@pytest.mark.parametrize("column", ["user", "coin"])
def test_numbers_are_no_names(tmp_path, column):
    source_rows().assign(**{column: 1}).to_parquet(tmp_path / "events.parquet")
    with pytest.raises(SourceError, match=rf"{column}: all rows \(int64\) not text"):
        hl.read_adl_events(tmp_path / "events.parquet")


def test_all_faults_come_in_one_error(tmp_path):
    rows = source_rows().drop(columns="entry_price").assign(time="noon", adl_size="much")
    with pytest.raises(SourceError, match="3 problems in events") as caught:
        hl.read_adl_events(write(rows, tmp_path))
    assert all(name in str(caught.value) for name in ("entry_price", "time", "adl_size"))
    rows = source_rows().assign(adl_price=[0.0, -1, 1, 1, 1], total_equity=np.inf)
    with pytest.raises(SourceError, match="2 problems"):
        hl.read_adl_events(write(rows, tmp_path))


def test_the_error_is_ours_and_a_value_error():
    assert issubclass(SourceError, AdlkitError)
    assert issubclass(SourceError, ValueError)


HEADER = ",".join(SOURCE)
UNREADABLE = {
    "absent.csv": (None, "no such file"),
    "events.xlsx": (b"x", r"unknown suffix '.xlsx'; known: \['.csv', '.csv.gz', '.parquet'\]"),
    "events": (b"x", "unknown suffix ''"),
    "empty.csv": (b"", "empty.csv is empty"),
    "empty.csv.gz": (gzip.compress(b""), "is empty"),
    "plain.csv.gz": (b"user,coin", "cannot be read as csv"),
    "cut.csv.gz": (gzip.compress(HEADER.encode() * 99)[:-9], "cannot be read as csv"),
    "not.parquet": (b"user,coin", "cannot be read as parquet"),
    "empty.parquet": (b"", "cannot be read as parquet"),
    "binary.csv": (bytes(range(128, 256)) * 9, "cannot be read as csv|missing columns"),
    "more_cells.csv": (f"{HEADER}\n{'1,' * 20}1\n".encode(), "cannot be read as csv"),
    "ragged.csv": (f"{HEADER}\n{'1,' * 16}1\n{'1,' * 20}1\n".encode(), "cannot be read as csv"),
    "twice.csv": (f"{HEADER},time\n{'1,' * 17}1\n".encode(), r"columns \['time'\] stand twice"),
}


@pytest.mark.parametrize(("name", "content", "message"), [(n, *rest) for n, rest in UNREADABLE.items()], ids=UNREADABLE)
def test_unreadable_files_end_in_one_clear_error(tmp_path, name, content, message):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(SourceError, match=message):
        hl.read_adl_events(tmp_path / name)


def test_nothing_is_fetched():
    with pytest.raises(SourceError, match="no such file"):
        hl.read_adl_events("https://example.org/events.csv")


def test_a_folder_is_no_file(tmp_path):
    (tmp_path / "events.parquet").mkdir()
    with pytest.raises(SourceError, match="is a folder"):
        hl.read_adl_events(tmp_path / "events.parquet")


def test_parquet_without_pyarrow_says_what_to_install(tmp_path, monkeypatch):
    def no_pyarrow(*_args, **_kwargs):
        raise ImportError("No module named 'pyarrow'")

    (tmp_path / "events.parquet").touch()
    monkeypatch.setattr(hl.pd, "read_parquet", no_pyarrow)
    with pytest.raises(SourceError, match=r"^reading parquet needs pyarrow: pip install 'adlkit\[data\]'"):
        hl.read_adl_events(tmp_path / "events.parquet")


# Derived columns and entry prices


def test_derived_columns_are_those_of_the_source(events):
    derived = hl.derived_columns(events)
    pd.testing.assert_frame_equal(derived, events[derived.columns], rtol=1e-12)
    assert derived["leverage_end_of_window"].tolist()[:2] == [0.5, 0.0]  # without cash the source writes 0


def test_percent_divides_by_the_adl_price():
    events = pd.DataFrame(
        {"price": [50.0, 50.0], "closed_qty": 1.0, "position_qty": [-1.0, 1.0], "entry_price_snapshot": 150.0}
    ).assign(cash_end_of_window=1.0, unrealized_pnl_end_of_window=0.0)
    assert hl.derived_columns(events)["pnl_percent_from_snapshot"].tolist() == [200.0, -200.0]


def test_entry_price_comes_from_the_closed_profit(events):
    np.testing.assert_allclose(hl.entry_price(events), [115, 120, 3, 115, 10], rtol=1e-12)


# The panel


def test_fills_of_one_position_become_one_row(events):
    panel = hl.events_to_panel(events)
    assert panel.index.names == ["time", "account", "symbol"]
    ann = panel.xs("ann", level="account").iloc[0]
    assert (ann["qty"], ann["closed_qty"], ann["n_fills"]) == (-5.0, 3.0, 2)
    assert (ann["mark_price"], ann["entry_price"]) == (100.0, 115.0)
    assert ann["equity_end_of_window"] == 1050.0  # of the first fill
    assert (panel["account_state"] == "end of window").all()
    assert (panel[["maintenance_rate", "maintenance_deduction"]] == 0).all(axis=None)


def test_an_account_with_two_symbols_has_its_equity_once(events):
    panel = hl.events_to_panel(events)
    bob = panel.xs("bob", level="account")
    assert equity(panel).xs("bob", level="account").tolist() == pytest.approx([900.0, 900.0])  # of 400 and 200 notional
    assert bob["equity_spread"].tolist() == [200.0, 200.0]
    assert (panel["equity_spread"].drop("bob", level="account") == 0).all()
    own = bob["collateral"] + bob["qty"] * (bob["mark_price"] - bob["entry_price"])
    assert own.tolist() == pytest.approx([600.0, 300.0])  # shared by notional


def test_an_account_at_two_times_is_two_accounts(tmp_path):
    rows = [source_row("ann", "BTC", -5.0, 5.0), source_row("ann", "ETH", -2.0, 2.0, pnl=80.0, ms=NOON + 1)]
    panel = hl.events_to_panel(hl.read_adl_events(write(pd.DataFrame(rows), tmp_path)))
    assert equity(panel).tolist() == pytest.approx([1050.0, 1080.0])


def test_long_and_short_are_told_by_sign(events):
    cy = hl.events_to_panel(events).xs("cy", level="account").iloc[0]
    assert (cy["qty"], cy["entry_price"]) == (0.3, pytest.approx(10.0))
    assert cy["equity_end_of_window"] == -2.0


def test_inputs_stay_as_they_are(events):
    before = events.copy(deep=True)
    hl.events_to_panel(events), hl.positions_after(events), hl.derived_columns(events), hl.entry_price(events)
    pd.testing.assert_frame_equal(events, before)


def test_positions_after_are_signed_and_dust_is_flat(events):
    left = hl.positions_after(events)
    assert left.index.names == ["time", "account", "symbol"]
    assert left.droplevel("time").to_dict() == {
        ("ann", "BTC"): -2.0,
        ("bob", "BTC"): 0.0,
        ("bob", "NA"): 0.0,
        ("cy", "ETH"): pytest.approx(0.1),
    }
    dusty = events.iloc[[0]].assign(position_qty=-0.3, closed_qty=0.1 + 0.2)
    assert hl.positions_after(dusty).tolist() == [0.0]


CONTRADICTIONS = {
    "several prices": ({"price": [100.0, 101.0, 2.0, 100.0, 9.0]}, r"price: 1 row \(first: .*'bob', 'BTC'\)"),
    "same position": ({"position_qty": [-5.0, -4, -100, -5, 0.3]}, "two fills with the same position before"),
    "two sides": ({"position_qty": [-5.0, -4, -100, 3, 0.3]}, "long and short at one time"),
    "closed profit": ({"closed_pnl": [-1e6, 80.0, 100, 0, -0.2]}, "no entry price above zero explains"),
}


@pytest.mark.parametrize(("change", "message"), CONTRADICTIONS.values(), ids=CONTRADICTIONS)
def test_fills_that_contradict_each_other_are_refused(events, change, message):
    with pytest.raises(SourceError, match=message):
        hl.events_to_panel(events.assign(**change))


def test_contradictions_come_in_one_error(events):
    changed = events.assign(price=[1.0, 2, 2, 1, 9], position_qty=[-5.0, -4, -100, -5, 0.3])
    with pytest.raises(SourceError, match="2 problems in the events"):
        hl.events_to_panel(changed)


@pytest.mark.parametrize("work", [hl.derived_columns, hl.entry_price, hl.events_to_panel, hl.positions_after])
def test_frames_without_the_columns_or_rows_are_refused(events, work):
    with pytest.raises(SourceError, match=r"missing columns \[.*position_qty.*use read_adl_events"):
        work(events.drop(columns="position_qty"))
    with pytest.raises(SourceError, match="there are no events"):
        work(events.iloc[:0])


fills = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2), st.integers(1, 4)), min_size=1, max_size=12)


@given(fills=fills, rng=st.randoms(use_true_random=False))
def test_order_of_rows_is_irrelevant_and_what_was_closed_adds_up(fills, rng):
    left, rows = {}, []
    for account, symbol, closed in fills:
        before = left.get((account, symbol), 50.0 + account)
        left[account, symbol] = before - closed
        rows.append((str(account), str(symbol), -before, float(closed), rng.uniform(-9, 9)))
    events = pd.DataFrame(rows, columns=["account", "symbol", "position_qty", "closed_qty", "equity_end_of_window"])
    events = events.assign(time=pd.Timestamp("2025-10-10", tz="UTC"), price=2.0, closed_pnl=events["closed_qty"])
    panel, after = hl.events_to_panel(events), hl.positions_after(events)
    assert (panel["qty"] + panel["closed_qty"]).tolist() == after.tolist()
    assert {key[1:]: -qty for key, qty in after.items()} == {(str(a), str(s)): qty for (a, s), qty in left.items()}
    np.testing.assert_allclose(equity(panel), panel["equity_end_of_window"], rtol=1e-9, atol=1e-9)
    shuffled = events.sample(frac=1, random_state=rng.randrange(99))
    pd.testing.assert_frame_equal(hl.events_to_panel(shuffled).sort_index(), panel.sort_index())
    pd.testing.assert_series_equal(hl.positions_after(shuffled).sort_index(), after.sort_index())
