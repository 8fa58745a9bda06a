"""Embedded datasets are the released bytes, say what their README says, and hold what they promise."""

from __future__ import annotations

import hashlib
import io
import re
import runpy
import shutil
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from adlkit import data
from adlkit.data import dataset_names, load_dataset
from adlkit.errors import AdlkitError, DatasetError
from adlkit.margin import equity, maintenance_margin, notional, shortfall
from adlkit.panel import mark_prices, mark_to, open_interest_gap

DATASETS = Path(__file__).resolve().parents[1] / "datasets"
NAMES = sorted(path.stem for path in DATASETS.glob("*.csv"))
FACT_TABLES = ["adl_episodes", "crash_prices", "insurance_funds", "oct10_timeline", "vault_pnl"]
README = (DATASETS / "README.md").read_text(encoding="utf-8")
DTYPES = {"text": "str", "number": "float64", "flag": "bool", "time": "datetime64[us, UTC]"}
MACHINE_PATH = re.compile(r"""(?:^|[\s"'`,;(=])(?:/|~/|\w:\\)\w+[/\\]""", re.MULTILINE)


def table_rows(text: str, header: str) -> list[list[str]]:
    """Cells of the rows below a Markdown table's header line."""
    body = text.split(f"{header}\n", 1)[1].split("\n\n", 1)[0].splitlines()[1:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in body]


def described_columns(name: str) -> dict[str, str]:
    """Type of each column, as the README's section on this dataset says."""
    section = README.split(f"\n## {name}\n", 1)[1].split("\n## ", 1)[0]
    rows = table_rows(section, "| column | type | unit | meaning |")
    return {column: kind for columns, kind, *_ in rows for column in columns.split(", ")}


def raw(name: str) -> pd.DataFrame:
    """The file as text, nothing interpreted."""
    return pd.read_csv(DATASETS / f"{name}.csv", dtype="str", keep_default_na=False)


def generator() -> dict[str, Any]:
    """Names of the script; running it this way leaves no compiled file behind."""
    return runpy.run_path(str(DATASETS / "make_synthetic_crash.py"))


@pytest.fixture
def copied(tmp_path, monkeypatch):
    """A copy of the datasets that `load_dataset` reads instead, free to be damaged."""
    folder = tmp_path / "datasets"
    shutil.copytree(DATASETS, folder)
    monkeypatch.setattr(data, "FOLDERS", (tmp_path / "absent", folder))
    return folder


# The files


def test_every_file_is_registered():
    assert dataset_names() == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_checksum_is_the_registered_one(name):
    registry = dict(line.split(" ") for line in (DATASETS / "registry.txt").read_text().splitlines())
    assert hashlib.sha256((DATASETS / f"{name}.csv").read_bytes()).hexdigest() == registry[name]


def test_readme_lists_every_dataset_with_its_rows():
    header = next(line for line in README.splitlines() if line.startswith("| dataset |"))
    listed = {cells[0].strip("`"): int(cells[1].replace(",", "")) for cells in table_rows(README, header)}
    assert listed == {name: len(raw(name)) for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_readme_describes_every_column_in_order(name):
    assert list(described_columns(name)) == list(raw(name))


@pytest.mark.parametrize("name", NAMES)
def test_columns_have_the_described_types(name):
    frame = load_dataset(name)
    flat = frame.reset_index() if frame.index.names[0] else frame
    found = {column: str(flat[column].dtype) for column in described_columns(name)}
    assert found == {column: DTYPES[kind] for column, kind in described_columns(name).items()}


@pytest.mark.parametrize("name", NAMES)
def test_values_are_those_of_the_file(name):
    text, frame = raw(name), load_dataset(name).reset_index()
    for column, kind in described_columns(name).items():
        filled = text[column] != ""
        assert (frame[column].notna() == filled).all(), column
        if kind == "number":
            assert [float(cell) for cell in text.loc[filled, column]] == frame.loc[filled, column].tolist()
        elif kind == "flag":
            assert frame[column].map({True: "true", False: "false"}).tolist() == text[column].tolist()
        elif kind == "time":
            days = frame.loc[filled, column].dt.strftime("%Y-%m-%d").tolist()
            assert days == [cell[:10] for cell in text.loc[filled, column]]


@pytest.mark.parametrize("path", sorted(DATASETS.glob("*.*")), ids=lambda path: path.name)
def test_files_are_clean_text_without_paths_of_a_machine(path):
    content = path.read_bytes().decode("utf-8")
    assert "\r" not in content
    assert MACHINE_PATH.search(content) is None


@pytest.mark.parametrize("path", ["/home/ann/x.csv", "a,/opt/x.csv", "~/data/x.csv", '"C:\\data\\x.csv"'])
def test_paths_of_a_machine_are_recognised(path):
    assert MACHINE_PATH.search(f"first line\n{path}")


def test_datasets_are_small():
    assert sum(path.stat().st_size for path in DATASETS.glob("*.csv")) < 1_000_000


# The fact tables


@pytest.mark.parametrize("name", FACT_TABLES)
def test_every_fact_has_a_source_and_a_confidence(name):
    frame = load_dataset(name)
    sources = frame["source_url" if "source_url" in frame else "source"]
    assert sources.notna().all()
    assert (sources.str.strip() != "").all()
    assert frame["confidence"].isin(["primary", "secondary", "claimed"]).all()


@pytest.mark.parametrize("name", FACT_TABLES)
def test_ranges_are_in_order(name):
    frame = load_dataset(name)
    pairs = [("start", "end"), ("event_start", "event_end"), ("date_start", "date_end")]
    pairs += [("time_utc", "time_end_utc")]
    pairs += [(low, low.replace("_low", "_high")) for low in frame if low.endswith("_low")]
    checked = [(low, high) for low, high in pairs if low in frame and high in frame]
    assert checked
    assert [pair for pair in checked if (frame[pair[0]] > frame[pair[1]]).any()] == []


def test_drop_is_that_of_the_prices():
    frame = load_dataset("crash_prices")
    drop = 100 * (frame["low_price"] / frame["pre_crash_price"] - 1)
    np.testing.assert_allclose(frame["drop_pct"], drop, atol=0.006)


def test_events_of_vault_windows_are_known():
    known = {*load_dataset("adl_episodes")["event"], *load_dataset("crash_prices")["event"]}
    assert set(load_dataset("vault_pnl")["event"].dropna()) <= known


# The panels


def test_four_accounts_are_the_readme_example():
    panel = load_dataset("four_accounts")
    assert equity(panel).droplevel("symbol").to_dict() == {"ann": -20, "bob": 120, "cat": 50, "dee": 90}
    assert open_interest_gap(panel).to_dict() == {"BTC": 0.0}


def test_generator_reproduces_the_committed_bytes(tmp_path):
    generator()["write_files"](tmp_path)
    made = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert made == {path.name: path.read_bytes() for path in DATASETS.glob("synthetic_*.csv")}


def test_readme_names_the_seed():
    assert f"seed {generator()['SEED']} " in README


def test_synthetic_market_is_balanced():
    panel = load_dataset("synthetic_crash")
    open_interest = panel["qty"].abs().groupby("symbol").sum() / 2
    assert (open_interest_gap(panel).abs() <= 1e-9 * open_interest).all()


def test_synthetic_quantities_are_whole_lots():
    qty = load_dataset("synthetic_crash")["qty"]
    lots = qty * qty.index.get_level_values("symbol").map({"BTC": 1e3, "ETH": 1e2, "SOL": 1e1, "DOGE": 1.0})
    assert (lots - lots.round()).abs().max() < 1e-6
    assert (lots.round() != 0).all()


def test_nobody_starts_below_maintenance():
    panel = load_dataset("synthetic_crash")
    margin = maintenance_margin(panel).groupby("account").transform("sum")
    assert (margin > 0).all()
    assert (equity(panel) > 1.5 * margin).all()


def test_isolated_accounts_have_one_position():
    index = load_dataset("synthetic_crash").index
    accounts = index.get_level_values("account")
    isolated = accounts.str.contains("/")
    assert not accounts[isolated].duplicated().any()
    assert (accounts[isolated].str.split("/").str[1] == index.get_level_values("symbol")[isolated]).all()


def test_synthetic_market_has_hedgers_and_both_profit_and_loss():
    panel = load_dataset("synthetic_crash")
    is_long = panel["qty"].groupby("account").max() > 0
    is_short = panel["qty"].groupby("account").min() < 0
    assert (is_long & is_short).sum() > 100
    net = panel["qty"].groupby([panel["owner"], panel.index.get_level_values("symbol")]).sum()
    assert (net.abs() < 1e-9).sum() > 100  # owners long in one wallet, as much short in another
    gain = np.sign(panel["qty"]) * (panel["mark_price"] - panel["entry_price"])
    assert 0.4 < (gain > 0).mean() < 0.6


def quantities_of_readme(label: str) -> list[float]:
    (line,) = [line for line in README.splitlines() if line.startswith(f"| {label}")]
    return [float(number.replace(",", "")) for number in re.findall(r"\d[\d,]*\.?\d*", line.split("|")[2])]


def test_crash_is_as_bad_as_the_readme_says():
    panel = load_dataset("synthetic_crash")
    tiers, size = load_dataset("synthetic_crash_tiers"), notional(panel)
    longs = size[panel["qty"] > 0]
    share, accounts, missing = [], [], []
    for fall in (0.1, 0.2, 0.3):
        after = mark_to(panel, (1 - fall) * mark_prices(panel), tiers=tiers)
        share.append(round(100 * longs[equity(after) < 0].sum() / longs.sum(), 1))
        accounts.append(int((shortfall(after) > 0).sum()))
        missing.append(round(shortfall(after).sum() / 1e6, 2))
    assert 5 < share[1] < 10
    assert share == quantities_of_readme("long notional of bankrupt accounts")
    assert accounts == quantities_of_readme("accounts bankrupt after")
    assert missing == quantities_of_readme("shortfall after")


def test_market_is_as_large_and_levered_as_the_readme_says():
    panel = load_dataset("synthetic_crash")
    size = notional(panel).groupby("account").sum()
    leverage = size / equity(panel).groupby("account").first()
    by_symbol = (notional(panel).groupby("symbol").sum() / 1e6).round(1)
    gross = [*by_symbol[["BTC", "ETH", "SOL", "DOGE"]], round(size.sum() / 1e6, 1)]
    assert gross == quantities_of_readme("gross notional")
    quantiles = leverage.quantile([0.05, 0.25, 0.5, 0.75, 0.95, 1.0]).round(1).tolist()
    assert quantiles == quantities_of_readme("effective leverage of accounts")
    largest = size.nlargest(len(size) // 100).sum() / size.sum()
    assert [round(100 * largest)] == quantities_of_readme("notional held by the largest 1%")
    assert f"of {len(size):,} accounts" in README


@pytest.mark.parametrize("symbol", ["BTC", "ETH", "SOL", "DOGE"])
def test_tiers_do_not_jump(symbol):
    tiers = load_dataset("synthetic_crash_tiers")
    rows = tiers[tiers["symbol"] == symbol].to_dict("records")
    assert 4 <= len(rows) <= 6
    assert rows[0]["floor"] == rows[0]["deduction"] == 0
    for low, high in pairwise(rows):
        step = high["floor"] * (high["rate"] - low["rate"]) + low["deduction"]
        assert high["deduction"] == pytest.approx(step)


# Errors


@pytest.mark.parametrize("name", ["four_acounts", "", "../pyproject", "four_accounts.csv", "FOUR_ACCOUNTS"])
def test_unknown_name_lists_the_known_ones(name):
    with pytest.raises(DatasetError, match=re.escape(f"unknown dataset {name!r}; known: {NAMES}")):
        load_dataset(name)


def test_damaged_file_is_refused_with_both_hashes_and_a_remedy(copied):
    path = copied / "four_accounts.csv"
    path.write_bytes(path.read_bytes().replace(b"120", b"121"))
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    expected = hashlib.sha256((DATASETS / "four_accounts.csv").read_bytes()).hexdigest()
    with pytest.raises(DatasetError, match=f"damaged.*{found}.*{expected}.*reinstall adlkit"):
        load_dataset("four_accounts")


def test_damaged_tiers_stop_the_panel_that_needs_them(copied):
    (copied / "synthetic_crash_tiers.csv").write_bytes(b"")
    with pytest.raises(DatasetError, match="'synthetic_crash_tiers' is damaged"):
        load_dataset("synthetic_crash")


def test_missing_file_is_named(copied):
    (copied / "vault_pnl.csv").unlink()
    with pytest.raises(DatasetError, match=r"'vault_pnl' is missing: no file .*vault_pnl\.csv; reinstall"):
        load_dataset("vault_pnl")


def test_missing_folder_is_told(monkeypatch, tmp_path):
    monkeypatch.setattr(data, "FOLDERS", (tmp_path,))
    with pytest.raises(DatasetError, match=r"no datasets: .*reinstall adlkit"):
        load_dataset("four_accounts")


def test_installed_datasets_come_first(copied, tmp_path):
    first = tmp_path / "absent"
    first.mkdir()
    content = (copied / "synthetic_crash_depth.csv").read_bytes().replace(b"BTC", b"XRP")
    (first / "synthetic_crash_depth.csv").write_bytes(content)
    (first / "registry.txt").write_text(f"synthetic_crash_depth {hashlib.sha256(content).hexdigest()}\n")
    assert load_dataset("synthetic_crash_depth")["symbol"].iloc[0] == "XRP"


def test_error_is_an_os_error_and_ours():
    assert issubclass(DatasetError, (OSError, AdlkitError))


def test_every_call_returns_a_frame_of_its_own():
    changed = load_dataset("synthetic_crash_depth")
    changed.loc[0, "depth"] = -1.0
    expected = pd.read_csv(io.BytesIO((DATASETS / "synthetic_crash_depth.csv").read_bytes()))
    assert load_dataset("synthetic_crash_depth")["depth"].tolist() == expected["depth"].tolist()
