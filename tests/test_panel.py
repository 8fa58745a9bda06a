"""The one door: what a panel may be built from, what is refused and in which words, and how it is re-marked."""

from __future__ import annotations

import datetime as dt
import pickle
import re

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from strategies import few, panels

import adlkit as adl
from adlkit.errors import AdlkitError, PanelError

FACTS = ["qty", "entry_price", "mark_price", "collateral", "maintenance_rate", "maintenance_deduction"]
UTC_TIMES = pd.to_datetime(["2025-10-10T21:16:04Z", "2025-10-10T21:16:04Z"])


def positions(**columns: object) -> pd.DataFrame:
    """Two accounts, long and short of one symbol, with columns replaced or added."""
    facts = {"qty": [2.0, -2.0], "entry_price": 100.0, "mark_price": 90.0, "collateral": [40.0, 60.0]}
    return pd.DataFrame({"account": ["ann", "bob"], "symbol": "BTC", **facts, **columns})


def problems(frame: object, **options: object) -> list[str]:
    """Faults that the door finds."""
    with pytest.raises(PanelError) as caught:
        adl.build_panel(frame, **options)
    return caught.value.problems


# What is accepted


def test_a_panel_has_facts_as_float64_columns_and_maintenance_zero_by_default():
    panel = adl.build_panel(positions(qty=[2, -2]))
    assert panel.index.names == ["account", "symbol"]
    assert panel.columns.tolist() == FACTS
    assert set(panel.dtypes) == {np.dtype("float64")}
    assert panel[FACTS[:4]].to_numpy().tolist() == [[2.0, 100.0, 90.0, 40.0], [-2.0, 100.0, 90.0, 60.0]]
    assert panel[FACTS[4:]].to_numpy().tolist() == [[0.0, 0.0], [0.0, 0.0]]


@given(panel=panels())
@few
def test_a_panel_built_again_is_the_same_panel(panel):
    """Also proves that `strategies.panels` draws what the door returns."""
    pd.testing.assert_frame_equal(adl.build_panel(panel.reset_index()), panel)
    pd.testing.assert_frame_equal(adl.build_panel(panel), panel)
    assert adl.check_panel(panel) is panel


@pytest.mark.parametrize("keys", [["account", "symbol"], ["symbol", "account"], ["account"], ["symbol"], []])
def test_keys_may_be_columns_or_index_levels_in_any_order(keys):
    frame = positions()
    keyed = frame.set_index(keys) if keys else frame
    pd.testing.assert_frame_equal(adl.build_panel(keyed), adl.build_panel(frame))


@pytest.mark.parametrize(
    "convert",
    [
        pl.from_pandas,
        lambda frame: pa.Table.from_pandas(frame, preserve_index=False),
        lambda frame: pa.RecordBatch.from_pandas(frame, preserve_index=False),
        lambda frame: frame.convert_dtypes(),
        lambda frame: frame.convert_dtypes(dtype_backend="pyarrow"),
        lambda frame: frame.astype({"account": "category", "symbol": "category"}),
        lambda frame: frame.astype({"account": object, "symbol": object}),
        lambda frame: frame.astype({"account": "string"}),
        lambda frame: pl.from_pandas(frame).with_columns(pl.col("symbol").cast(pl.Categorical)),
    ],
    ids=["polars", "arrow table", "arrow batch", "nullable", "arrow-backed", "category", "object", "string", "pl.cat"],
)
@pytest.mark.parametrize("timed", [False, True])
def test_the_same_positions_give_the_same_panel_from_every_kind_of_frame(convert, timed):
    frame = positions(contract="linear", settlement="USDT", owner=["x", "y"])
    frame = frame.assign(time=UTC_TIMES) if timed else frame
    pd.testing.assert_frame_equal(adl.build_panel(convert(frame)), adl.build_panel(frame))


def test_an_object_with_only_the_arrow_interface_is_read():
    class Capsule:
        def __arrow_c_stream__(self, requested_schema=None):
            return pa.Table.from_pandas(positions(), preserve_index=False).__arrow_c_stream__(requested_schema)

    pd.testing.assert_frame_equal(adl.build_panel(Capsule()), adl.build_panel(positions()))


def test_text_is_str_whatever_it_came_as():
    panel = adl.build_panel(positions(owner="x", settlement="USDT").astype({"symbol": "category", "owner": "category"}))
    assert [level.dtype for level in panel.index.levels] == [pd.StringDtype(na_value=np.nan)] * 2
    assert panel[["settlement", "owner"]].dtypes.tolist() == [pd.StringDtype(na_value=np.nan)] * 2


def test_contract_size_brings_quantities_to_base_units():
    panel = adl.build_panel(positions(contract_size=[0.1, 0.5]))
    assert panel["qty"].tolist() == [0.2, -1.0]
    assert "contract_size" not in panel


def test_other_columns_are_carried_along_untouched_behind_the_facts():
    tags = pd.Series(["a", None], dtype="category")
    panel = adl.build_panel(positions(note=[1, 2], tag=tags)[["note", "tag", *positions().columns]])
    assert panel.columns.tolist() == [*FACTS, "note", "tag"]
    assert panel["note"].tolist() == [1, 2]
    assert panel["tag"].dtype == "category"


def test_other_columns_may_have_any_name():
    panel = adl.build_panel(positions().assign(**{"mark price (old)": 1.0}).rename(columns={"nothing": 0}))
    assert panel["mark price (old)"].tolist() == [1.0, 1.0]
    frame = positions()
    frame[0], frame[("a", "b")] = 1.0, 2.0
    assert {"0", "('a', 'b')"} <= set(adl.build_panel(frame).columns)


def test_rows_keep_their_order():
    frame = positions().iloc[::-1]
    assert adl.build_panel(frame).index.tolist() == [("bob", "BTC"), ("ann", "BTC")]


def test_flat_rows_and_negative_cash_are_facts():
    panel = adl.build_panel(positions(qty=[0.0, -0.0], collateral=[-40.0, 0.0]))
    assert adl.equity(panel).tolist() == [-40.0, 0.0]


def test_inverse_and_linear_may_share_an_account_that_settles_in_one_currency():
    frame = positions(account="ann", symbol=["BTC", "ETH"], contract=["inverse", "linear"])
    assert len(adl.build_panel(frame.assign(settlement="BTC"))) == 2


# The caller's own objects


@pytest.mark.parametrize("keyed", [False, True])
def test_the_frame_that_was_given_is_not_changed(keyed):
    frame = positions(contract_size=2.0, time=["2025-10-10T21:16:04Z"] * 2, owner="x")
    frame = frame.set_index(["time", "account", "symbol"]) if keyed else frame
    before = frame.copy(deep=True)
    panel = adl.build_panel(frame)
    panel.loc[:, "collateral"] = 0.0
    panel.loc[:, "owner"] = "y"
    pd.testing.assert_frame_equal(frame, before)


@given(panel=panels())
@few
def test_a_re_marked_panel_is_a_new_one(panel):
    before = panel.copy(deep=True)
    marked = adl.mark_to(panel.assign(maintenance_deduction=0.0), dict.fromkeys(panel.index.unique("symbol"), 77.0))
    marked.loc[:, "collateral"] = 1.0
    pd.testing.assert_frame_equal(panel, before)


# What is refused: values


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        *[(name, np.nan, "NaN; correct or drop") for name in FACTS],
        *[(name, np.inf, "infinite; correct or drop") for name in FACTS],
        *[(name, -np.inf, "infinite; correct or drop") for name in FACTS],
        *[(name, value, "not above zero") for name in ("entry_price", "mark_price") for value in (0.0, -1.0)],
        ("maintenance_rate", 1.0, r"outside \[0, 1\)"),
        ("maintenance_rate", -0.1, r"outside \[0, 1\)"),
        ("maintenance_deduction", -1.0, "below zero"),
        ("contract_size", 0.0, "not above zero"),
        ("contract_size", np.nan, "not above zero"),
    ],
)
def test_a_value_out_of_its_range_is_refused_with_its_row(column, value, message):
    frame = positions(maintenance_rate=0.0, maintenance_deduction=0.0, contract_size=1.0)
    frame.loc[1, column] = value
    row = r"\(first: ('bob', 'BTC'|\('bob', 'BTC'\)|row 1)\)"
    with pytest.raises(PanelError, match=rf"{column}: 1 row {row} {message}"):
        adl.build_panel(frame)


def test_missing_values_of_nullable_columns_are_refused():
    frame = positions(qty=pd.array([1, None], dtype="Int64"), collateral=pd.array([None, 1.0], dtype="Float64"))
    assert [text.split(":")[0] for text in problems(frame)] == ["qty", "collateral"]


@pytest.mark.parametrize("column", FACTS)
@pytest.mark.parametrize("values", [["1", "2"], [True, False], [1j, 2j], [1.0, "x"], ["2025-01-01"] * 2])
def test_a_fact_that_is_not_a_number_is_refused_and_never_converted(column, values):
    (found,) = problems(positions(**{column: values}))
    assert found.startswith(f"{column}: dtype is")
    assert "convert the column" in found


def test_integers_that_floats_cannot_hold_are_refused():
    assert "beyond 2**53" in problems(positions(qty=[2**53 + 1, -(2**53) - 1]))[0]
    assert len(adl.build_panel(positions(qty=[2**53, -(2**53)]))) == 2


@pytest.mark.parametrize("column", ["account", "symbol", "contract", "settlement", "owner"])
@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1, 2], "dtype is int64, need text"),
        (pd.Series([1, 2], dtype="category"), "dtype is int64, need text"),
        ([1.5, 2.5], "dtype is float64, need text"),
        (["x", None], "1 row .*missing; name every one"),
        (["x", ""], "1 row .*empty; name every one"),
        (["x", 2], "dtype is object, need text"),
    ],
)
def test_a_name_that_is_not_text_is_refused(column, values, message):
    assert any(re.match(f"{column}: {message}", text) for text in problems(positions(**{column: values})))


@pytest.mark.parametrize("contract", ["Linear", "coin", "quanto"])
def test_an_unknown_contract_is_refused_with_the_known_ones(contract):
    found, *_ = problems(positions(contract=["linear", contract]))
    assert found.startswith("contract: 1 row (first: ('bob', 'BTC')) none of ['linear', 'inverse']")


# What is refused: columns


@pytest.mark.parametrize("name", ["account", "symbol", "qty", "entry_price", "mark_price", "collateral"])
def test_a_missing_column_is_named_beside_those_that_were_found(name):
    found = problems(positions().drop(columns=name))
    assert f"missing columns [{name!r}]" in found[0]
    assert "found [" in found[0]


@pytest.mark.parametrize(
    ("typo", "meant"),
    [
        ("colateral", "collateral"),
        ("maintenance_rates", "maintenance_rate"),
        ("maintainance_deduction", "maintenance_deduction"),
        ("settlment", "settlement"),
        ("contract_sizes", "contract_size"),
        ("contracts", "contract"),
        ("times", "time"),
    ],
)
def test_a_column_that_looks_like_a_typo_is_refused_with_the_name_that_was_meant(typo, meant):
    frame = positions().drop(columns="collateral") if meant == "collateral" else positions()
    assert f"unknown column {typo!r}; did you mean {meant!r}? rename or drop it" in problems(frame.assign(**{typo: 1}))


def test_columns_that_only_sound_alike_pass_beside_the_real_ones():
    assert len(adl.build_panel(positions(mark_price_old=1.0, qty_usd=3.0))) == 2


def test_a_column_that_stands_twice_is_refused():
    frame = pd.concat([positions(), positions()[["qty"]]], axis=1)
    assert problems(frame) == ["columns ['qty'] stand twice; keep one of each"]


def test_a_key_that_is_both_level_and_column_is_refused():
    frame = positions().set_index("account", drop=False)
    assert problems(frame) == ["['account'] are both index levels and columns; keep one of each"]


@pytest.mark.parametrize("frame", [[1, 2], {"qty": [1]}, None, np.zeros((2, 2)), "ann"])
def test_what_is_not_a_frame_is_refused(frame):
    assert problems(frame)[0].startswith(f"cannot read a {type(frame).__name__}")


@pytest.mark.parametrize("frame", [positions().iloc[:0], pd.DataFrame(), pl.DataFrame()])
def test_an_empty_frame_is_refused(frame):
    assert problems(frame)[0] == "the frame is empty; a panel needs at least one position"


# What is refused: rows against each other


def test_a_position_that_stands_twice_is_refused():
    frame = pd.concat([positions(), positions().iloc[:1]])
    assert problems(frame)[0].startswith("duplicated positions: 2 rows (first: ('ann', 'BTC'), ('ann', 'BTC'))")


def test_the_same_position_at_two_times_is_two_rows():
    frame = pd.concat([positions(time=UTC_TIMES), positions(time=UTC_TIMES + pd.Timedelta("1s"), mark_price=91.0)])
    assert adl.build_panel(frame).index.names == ["time", "account", "symbol"]


def test_several_marks_of_one_symbol_are_refused():
    (found,) = problems(positions(mark_price=[90.0, 91.0]))
    assert found.startswith("mark_price: 1 row (first: ('bob', 'BTC')) other than the first mark of their symbol")


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"contract": ["linear", "inverse"]}, "contract: .* other than the first of their symbol"),
        ({"settlement": ["USDT", "USDC"]}, "settlement: .* other than the first of their symbol"),
        (
            {"account": "ann", "symbol": ["BTC", "ETH"], "settlement": ["USDT", "USDC"]},
            "settlement: .* other than the first of their account",
        ),
        (
            {"account": "ann", "symbol": ["BTC", "ETH"], "owner": ["x", "y"]},
            "owner: .* other than the first of their account",
        ),
        (
            {"account": "ann", "symbol": ["BTC", "ETH"], "contract": ["linear", "inverse"]},
            "contract: .* mix linear and inverse in one account; add the 'settlement' currency",
        ),
        (
            {
                "account": "ann",
                "symbol": ["BTC", "ETH"],
                "contract": ["linear", "inverse"],
                "settlement": ["USDT", "ETH"],
            },
            "settlement: .* other than the first of their account",
        ),
    ],
)
def test_balances_of_different_coins_are_never_added(columns, message):
    with pytest.raises(PanelError, match=message):
        adl.build_panel(positions(**columns))


def test_a_deduction_that_turns_maintenance_margin_negative_is_refused():
    found = problems(positions(maintenance_rate=0.01, maintenance_deduction=[1.0, 2.0]))  # notional x rate = 1.8
    assert found[0].startswith("maintenance_deduction: 1 row (first: ('bob', 'BTC')) larger than notional x rate")


# Every fault at once


def test_every_fault_is_gathered_in_one_error():
    frame = pd.concat([positions(), positions().iloc[:1]], ignore_index=True)
    frame["mark_price"] = [90.0, 0.0, 90.0]
    frame["qty"] = [np.nan, np.inf, 1.0]
    frame["contract"] = ["linear", "inverse", "odd"]
    frame["settlement"] = ["USDT", "USDC", "USDT"]
    frame["owner"] = ["x", "y", "z"]
    text = "\n".join(problems(frame, tiers=pd.DataFrame({"symbol": ["BTC"]})))
    for part in (
        "qty: 1 row (first: ('ann', 'BTC')) NaN",
        "qty: 1 row (first: ('bob', 'BTC')) infinite",
        "mark_price: 1 row (first: ('bob', 'BTC')) not above zero",
        "contract: 1 row (first: ('ann', 'BTC')) none of",
        "duplicated positions",
        "other than the first mark",
        "settlement: 1 row",
        "owner: 1 row",
        "tiers: missing columns ['floor', 'rate', 'deduction']",
    ):
        assert part in text


def test_faults_of_columns_types_and_values_are_gathered_in_one_error():
    frame = positions(symbol=[1, 2], qty=["1", "2"], mark_price=[0.0, np.nan], time=[1, 2]).drop(columns="collateral")
    text = "\n".join(problems(frame.assign(colateral=1.0)))
    for part in (
        "missing columns ['collateral']",
        "did you mean 'collateral'?",
        "symbol: dtype is int64",
        "qty: dtype is str",
        "time: numbers are not times",
        "mark_price: 1 row (first: row 0) not above zero",
        "mark_price: 1 row (first: row 1) NaN",
    ):
        assert part in text


def test_the_first_three_offenders_are_named_and_all_are_counted():
    frame = pd.concat([positions(account=[f"a{i}", f"b{i}"], qty=np.nan) for i in range(5)])
    assert problems(frame) == [
        "qty: 10 rows (first: ('a0', 'BTC'), ('b0', 'BTC'), ('a1', 'BTC')) NaN; correct or drop them"
    ]


def test_the_error_says_how_many_problems_there_are_and_survives_a_process_boundary():
    with pytest.raises(AdlkitError, match=r"^2 problems in the panel:\n- qty") as caught:
        adl.build_panel(positions(qty=np.nan, collateral=np.nan))
    assert isinstance(caught.value, ValueError)
    again = pickle.loads(pickle.dumps(caught.value))  # noqa: S301
    assert (str(again), again.problems) == (str(caught.value), caught.value.problems)


# Times


@pytest.mark.parametrize(
    "times",
    [
        UTC_TIMES.as_unit("ns"),
        UTC_TIMES.as_unit("ms"),
        UTC_TIMES.as_unit("s"),
        UTC_TIMES.tz_convert("Asia/Tokyo"),
        UTC_TIMES.tz_convert("America/New_York").as_unit("ns"),
        ["2025-10-10T21:16:04Z"] * 2,
        ["2025-10-10T21:16:04Z", "2025-10-10T21:16:04.000000Z"],
        ["2025-10-10 23:16:04+02:00"] * 2,
        ["2025-10-10T21:16:04+0000"] * 2,
        [dt.datetime(2025, 10, 10, 21, 16, 4, tzinfo=dt.UTC)] * 2,
        pd.array([1760130964000000] * 2, dtype=pd.ArrowDtype(pa.timestamp("us", "UTC"))),
    ],
    ids=["ns", "ms", "s", "Tokyo", "New York ns", "Z", "Z mixed", "+02:00", "+0000", "datetime", "arrow"],
)
def test_the_same_instants_give_the_same_times_in_any_unit_and_zone(times):
    panel = adl.build_panel(positions(time=times))
    assert str(panel.index.levels[0].dtype) == "datetime64[us, UTC]"
    assert panel.index.get_level_values("time").tolist() == UTC_TIMES.tolist()


def test_times_as_an_index_level_are_brought_to_utc_too():
    frame = positions(time=UTC_TIMES.tz_convert("Asia/Tokyo").as_unit("ns")).set_index(["symbol", "time", "account"])
    assert str(adl.build_panel(frame).index.levels[0].dtype) == "datetime64[us, UTC]"


def test_times_of_polars_keep_their_instants():
    frame = pl.from_pandas(positions(time=UTC_TIMES)).with_columns(pl.col("time").cast(pl.Datetime("ms", "UTC")))
    pd.testing.assert_frame_equal(adl.build_panel(frame), adl.build_panel(positions(time=UTC_TIMES)))


@pytest.mark.parametrize(
    ("times", "message"),
    [
        (UTC_TIMES.tz_localize(None), "times have no zone; use .dt.tz_localize"),
        (["2025-10-10T21:16:04"] * 2, "times have no zone; add one"),
        (["2025-10-10T21:16:04Z", "2025-10-10T21:16:04"], "times have no zone; add one"),
        (["2025-10-10"] * 2, "times have no zone; add one"),
        (["2025-10-10T21:16:04+02:00", "2025-10-10T21:16:04+00:00"], "mixed time zones"),
        ([UTC_TIMES[0], UTC_TIMES[0].tz_convert("Asia/Tokyo")], "mixed time zones"),
        ([UTC_TIMES[0], UTC_TIMES[0].tz_localize(None)], "time"),
        ([dt.datetime(2025, 10, 10)] * 2, "times have no zone"),
        ([dt.date(2025, 10, 10)] * 2, "times have no zone"),
        ([1760130964] * 2, "numbers are not times; use pd.to_datetime"),
        ([1760130964.5] * 2, "numbers are not times; use pd.to_datetime"),
        (["soon", "later"], "time: "),
        ([UTC_TIMES[0], pd.NaT], "1 row .*missing"),
        (UTC_TIMES.as_unit("ns") + pd.Timedelta("1ns"), "2 rows .*finer than a microsecond"),
        (["2025-10-10T21:16:04.123456789Z"] * 2, "2 rows .*finer than a microsecond"),
    ],
)
def test_times_that_leave_doubt_about_the_instant_are_refused(times, message):
    with pytest.raises(PanelError, match=f"time: .*{message}" if message != "time: " else message):
        adl.build_panel(positions(time=times))


# check_panel


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda panel: panel.reset_index(), r"index levels are \[None\], need \['account', 'symbol'\]"),
        (lambda panel: panel.swaplevel(), r"index levels are \['symbol', 'account'\]"),
        (lambda panel: panel.droplevel("symbol"), r"index levels are \['account'\]"),
        (lambda panel: panel.drop(columns="maintenance_rate"), "missing column 'maintenance_rate'; use build_panel"),
        (lambda panel: panel.astype({"qty": "int64"}), "qty is int64, need float64; use build_panel"),
        (lambda panel: panel.astype({"qty": "Float64"}), "qty is Float64, need float64; use build_panel"),
        (lambda panel: panel.assign(qty=np.nan), "qty: 2 rows .* NaN"),
        (lambda panel: panel.assign(mark_price=[1.0, 2.0]), "other than the first mark"),
        (lambda panel: panel.assign(contract="odd"), "none of"),
        (lambda panel: panel.assign(maintenance_deduction=1.0), "larger than notional x rate"),
        (lambda panel: pd.concat([panel, panel]), "duplicated positions"),
    ],
)
def test_a_frame_that_the_door_did_not_build_is_refused(spoil, message):
    with pytest.raises(PanelError, match=message):
        adl.check_panel(spoil(adl.build_panel(positions())))


# mark_to, mark_prices, open_interest_gap


def two_times() -> pd.DataFrame:
    later = UTC_TIMES + pd.Timedelta("1h")
    return adl.build_panel(pd.concat([positions(time=UTC_TIMES), positions(time=later, mark_price=80.0)]))


@pytest.mark.parametrize(
    "marks", [{"BTC": 77.0}, {"BTC": 77}, pd.Series({"BTC": 77.0}), pd.Series([77], index=["BTC"])]
)
def test_marks_may_be_a_mapping_or_a_series(marks):
    panel = adl.build_panel(positions(owner="x"))
    pd.testing.assert_frame_equal(adl.mark_to(panel, marks), panel.assign(mark_price=77.0))


def test_marks_by_symbol_hold_at_every_time_and_marks_by_time_at_theirs():
    panel = two_times()
    assert adl.mark_to(panel, {"BTC": 77.0})["mark_price"].tolist() == [77.0] * 4
    marks = pd.Series([70.0, 60.0], index=pd.MultiIndex.from_product([panel.index.levels[0], ["BTC"]]))
    assert adl.mark_to(panel, marks)["mark_price"].tolist() == [70.0, 70.0, 60.0, 60.0]


@given(panel=panels())
@few
def test_marks_of_the_panel_itself_change_nothing(panel):
    pd.testing.assert_frame_equal(adl.mark_to(panel, adl.mark_prices(panel)), panel)


@given(panel=panels(has_deductions=False))
@few
def test_shocking_the_marks_of_a_panel_scales_every_mark(panel):
    shocked = adl.mark_to(panel, 0.8 * adl.mark_prices(panel))
    assert shocked["mark_price"].tolist() == (0.8 * panel["mark_price"]).tolist()
    pd.testing.assert_frame_equal(shocked.drop(columns="mark_price"), panel.drop(columns="mark_price"))


def test_re_marking_with_tiers_moves_to_another_bracket():
    table = pd.DataFrame(
        {"symbol": "BTC", "floor": [0.0, 100.0], "rate": [0.01, 0.02], "deduction": [0.0, 1.0]}
    )  # notional 180 at 90, 80 at 40
    panel = adl.build_panel(positions(), tiers=table)
    assert panel[["maintenance_rate", "maintenance_deduction"]].to_numpy().tolist() == [[0.02, 1.0]] * 2
    marked = adl.mark_to(panel, {"BTC": 40.0}, tiers=table)
    assert marked[["maintenance_rate", "maintenance_deduction"]].to_numpy().tolist() == [[0.01, 0.0]] * 2
    with pytest.raises(PanelError, match="larger than notional x rate"):
        adl.mark_to(panel, {"BTC": 20.0})  # 40 x 0.02 < 1: without tiers the deduction outgrows the margin


@pytest.mark.parametrize(
    ("marks", "message"),
    [
        ({}, r"marks: nothing given for \['BTC'\]"),
        ({"BTC": 90.0, "ETH": 3.0}, r"marks: symbols \['ETH'\] are not in the panel"),
        ({"BTC": np.nan}, "marks: not finite or not above zero"),
        ({"BTC": np.inf}, "marks: not finite or not above zero"),
        ({"BTC": 0.0}, "marks: not finite or not above zero"),
        ({"BTC": -1.0}, "marks: not finite or not above zero"),
        (pd.Series([1.0, 2.0], index=["BTC", "BTC"]), "marks: a symbol stands twice"),
        (pd.Series(["90"], index=["BTC"]), "marks: dtype is str, need numbers"),
        (pd.Series([True], index=["BTC"]), "marks: dtype is bool, need numbers"),
    ],
)
def test_marks_that_leave_a_doubt_are_refused(marks, message):
    with pytest.raises(PanelError, match=message):
        adl.mark_to(adl.build_panel(positions()), marks)


def test_marks_that_miss_a_time_are_refused():
    panel = two_times()
    with pytest.raises(PanelError, match=r"marks: nothing given for .*2025-10-10 22:16:04"):
        adl.mark_to(panel, adl.mark_prices(panel).iloc[:1])


def test_every_fault_of_the_marks_is_listed_at_once():
    frame = pd.concat([positions(symbol=name) for name in ("BTC", "ETH", "SOL")])
    with pytest.raises(PanelError) as caught:
        adl.mark_to(adl.build_panel(frame), {"BTC": -1.0, "ETH": 5.0, "XRP": 1.0}, tiers=pd.DataFrame())
    text = str(caught.value)
    for part in (
        "['XRP'] are not in the panel",
        "nothing given for ['SOL']",
        "above zero for ['BTC']",
        "tiers: missing",
    ):
        assert part in text


def test_mark_prices_are_one_per_symbol_and_time():
    assert adl.mark_prices(adl.build_panel(positions())).to_dict() == {"BTC": 90.0}
    marks = adl.mark_prices(two_times())
    assert marks.index.names == ["time", "symbol"]
    assert marks.tolist() == [90.0, 80.0]


def test_the_open_interest_gap_is_longs_less_shorts():
    frame = pd.concat([positions(), positions(symbol="ETH", qty=[1.5, -0.5])])
    gap = adl.open_interest_gap(adl.build_panel(frame))
    assert gap.to_dict() == {"BTC": 0.0, "ETH": 1.0}
    assert adl.open_interest_gap(two_times()).tolist() == [0.0, 0.0]
