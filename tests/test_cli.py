"""The command line: what it prints and writes, and how it ends."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import adlkit as adl
from adlkit.cli import main

ROOT = Path(__file__).resolve().parents[1]
COMMANDS = ["report", "event", "rank", "curve", "datasets"]
PANEL = """account,symbol,qty,entry_price,mark_price,collateral
001,BTC,2,100,90,40
bob,BTC,-1,100,90,60
NA,BTC,-1,110,90,60
"""
FILLS = """user,coin,time,adl_price,adl_size,adl_notional,closed_pnl,position_size,entry_price,account_value_realtime,\
total_unrealized_pnl,total_equity,leverage_realtime,position_unrealized_pnl,pnl_percent,liquidated_user
ann,BTC,1760130964831,100.0,2.0,200.0,40.0,-5.0,120.0,1000.0,50.0,1050.0,0.5,100.0,20.0,vault
bob,BTC,1760130964831,100.0,3.0,300.0,45.0,-3.0,115.0,1000.0,50.0,1050.0,0.3,45.0,15.0,vault
"""
TIERS = "symbol,floor,rate,deduction\nBTC,0,0.01,0\n"
TWICE = "symbol,floor,rate,rate,deduction\nBTC,0,0.01,0.02,0\n"
DEPTH = "symbol,depth,exponent\nBTC,5,1\n"
FILES = {"panel": PANEL, "fills": FILLS, "tiers": TIERS, "twice": TWICE, "depth": DEPTH}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Commands run in an empty folder with a few files."""
    monkeypatch.chdir(tmp_path)
    for name, text in FILES.items():
        Path(f"{name}.csv").write_text(text)
    return tmp_path


def written(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir()} - {f"{name}.csv" for name in FILES}


def one_line(capsys) -> str:
    """The message on stderr; there is nothing else and nothing on stdout."""
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    assert printed.err.startswith("adlkit: ")
    return printed.err


def cells(text: str, *start: str) -> list[str]:
    """Cells of the first line that begins with `start`."""
    return next(line.split() for line in text.splitlines() if line.split()[: len(start)] == list(start))


# report


def test_report_without_a_file_runs_the_embedded_market(folder, capsys):
    assert main(["report"]) == 0
    text = capsys.readouterr().out
    assert "Synthetic data" in text
    assert "Hyperliquid on synthetic_crash: all marks -20%" in text
    assert "so the event's own stand in" in text
    assert text.endswith("report: report.html\n")
    assert written(folder) == {"report.html"}
    assert "Synthetic data" in Path("report.html").read_text(encoding="utf-8")


def test_book_vault_and_adl_all_have_work_with_the_defaults(capsys):
    main(["event"])
    text = capsys.readouterr().out
    shares = {
        stage: float(cells(text, "BTC", "long", *stage.split())[-3]) for stage in ("book", "backstop vault", "adl")
    }
    assert shares["book"] > 0.001
    assert shares["backstop vault"] > 0.2
    assert shares["adl"] > 0.2


def test_report_of_a_panel_is_not_called_synthetic(folder, capsys):
    assert (
        main(["report", "panel.csv", "--venue", "bitmex", "--shock", "-0.3", "--out", "a.html", "--title", "Mine"]) == 0
    )
    page = Path("a.html").read_text(encoding="utf-8")
    assert "<h1>Mine</h1>" in page
    assert "ynthetic" not in page + capsys.readouterr().out
    assert "BitMEX on panel.csv: all marks -30%" in page
    assert "No order books are given" in page
    assert written(folder) == {"a.html"}


def test_report_of_fills_warns_about_their_account_columns(capsys):
    assert main(["report", "fills.csv"]) == 0
    text = capsys.readouterr().out
    assert "not of the fill" in text
    assert cells(text, "BTC") == ["BTC", "2", "2", "500", "85"]
    assert "not states at the fill" in Path("report.html").read_text(encoding="utf-8")


def test_the_same_command_writes_the_same_bytes():
    main(["report", "--out", "a.html"])
    main(["report", "--out", "b.html"])
    assert Path("a.html").read_bytes() == Path("b.html").read_bytes()


# event


def test_event_tells_who_closed_what(capsys):
    assert main(["event", "panel.csv", "--venue", "bitmex", "--shock", "-0.3"]) == 0
    text = capsys.readouterr().out
    assert cells(text, "accounts", "bankrupt") == ["accounts", "bankrupt", "1"]
    assert cells(text, "BTC", "long", "adl") == ["BTC", "long", "adl", "2", "126", "1", "80", "34"]


def test_event_writes_its_fills(folder):
    main(["event", "panel.csv", "--venue", "bitmex", "--shock", "-0.3", "--out", "fills_of_event.csv"])
    fills = pd.read_csv("fills_of_event.csv", keep_default_na=False, dtype={"bankrupt": "str"})
    assert fills["winner"].tolist() == ["NA", "bob"]
    assert fills["bankrupt"].tolist() == ["001", "001"]
    assert written(folder) == {"fills_of_event.csv"}


def test_event_agrees_with_run_event(capsys):
    main(["event", "--venue", "bitmex", "--fund", "1000"])
    panel, depth = adl.load_dataset("synthetic_crash"), adl.load_dataset("synthetic_crash_depth")
    rows = zip(depth["symbol"], depth["depth"], depth["exponent"], strict=True)
    venue = adl.venues.bitmex.with_buffers(adl.InsuranceFund(1000.0)).with_tiers(
        adl.load_dataset("synthetic_crash_tiers")
    )
    books = {symbol: adl.OrderBook.power_law(size, exponent) for symbol, size, exponent in rows}
    event = adl.run_event(panel, 0.8 * adl.mark_prices(panel), venue=venue, books=books)
    given = float(cells(capsys.readouterr().out, "money:", "winners")[-1].replace(",", ""))
    assert given == pytest.approx(event.ledger["winners"].sum(), rel=1e-5)


@pytest.mark.parametrize(
    ("shocks", "words"),
    [
        (["-0.1"], "all marks -10%"),
        (["-0.1", "BTC=-0.3"], "BTC -30%, all other marks -10%"),
        (["ETH=0.05"], "ETH +5%, all other marks +0%"),
    ],
)
def test_shocks_are_told(capsys, shocks, words):
    main(["event", *(part for shock in shocks for part in ("--shock", shock))])
    assert f"{words}, at once" in capsys.readouterr().out


def test_only_the_symbols_named_move(capsys):
    main(["event", "--shock", "ETH=-0.3"])
    text = capsys.readouterr().out
    assert cells(text, "BTC", "long", "adl")[-2] == "100,000"  # at its mark; the account has ETH too
    assert cells(text, "ETH", "long", "adl")[-2] == "2,800"


def test_a_previous_shock_makes_winners_give_something_up(capsys):
    main(["event", "--previous-shock", "-0.15"])
    text = capsys.readouterr().out
    assert "fills ADL at the previous marks: all marks -15%" in text
    assert float(cells(text, "money:", "winners")[-1].replace(",", "")) < 0


def test_tiers_and_depth_of_a_file_are_used(capsys):
    main(["event", "panel.csv", "--shock", "-0.105", "--tiers", "tiers.csv", "--depth", "depth.csv"])
    text = capsys.readouterr().out
    assert cells(text, "accounts", "liquidated")[-1] == "1"
    assert cells(text, "BTC", "long", "book")[3] == "2"
    assert "No " not in text


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--venue", "bitmex", "--fund", "7"], "Buffers: insurance fund 7."),
        (["--venue", "binance", "--fund", "7"], "Buffers: insurance fund 7 at up to 1x."),
        (["--vault", "7", "--vault-leverage", "2.5"], "Buffers: backstop vault 7 at up to 2.5x."),
    ],
)
def test_buffers_hold_the_money_given(capsys, options, told):
    main(["event", "panel.csv", *options])
    assert told in capsys.readouterr().out


# rank and datasets


def test_rank_shows_the_front_of_each_queue(capsys):
    assert main(["rank", "panel.csv", "--score", "return_only", "--top", "1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:4] for line in lines[1:]] == [["BTC", "long", "1", "001"], ["BTC", "short", "1", "NA"]]


def test_rank_agrees_with_adl_queue(capsys):
    main(["rank", "--symbol", "ETH", "--top", "100000"])
    queue = adl.adl_queue(adl.load_dataset("synthetic_crash"), score=adl.scores.bitmex).xs("ETH", level="symbol")
    shown = [line.split()[3] for line in capsys.readouterr().out.splitlines()[1:]]
    assert shown == queue.index.tolist()  # an account in several symbols counts with all of them


def test_curve_shows_what_each_move_leaves_owed_and_how_far_adl_is(capsys):
    assert main(["curve", "--buffer", "1e6"]) == 0
    panel = adl.load_dataset("synthetic_crash")
    row = cells(capsys.readouterr().out, "BTC")
    owed = adl.shortfall_curve(panel, symbol="BTC").shortfall([7e4, 8e4, 9e4, 1.1e5, 1.2e5, 1.3e5])
    away = adl.distance_to_adl(panel, buffer=1e6)["percent"]["BTC"]
    shown = [float(cell.replace(",", "")) for cell in row[1:]]
    assert shown == pytest.approx([1e5, *owed, away["long"], away["short"]], rel=1e-5)


def test_curve_of_a_file_has_no_buffer_unless_it_is_given(capsys):
    """001 owns 20 at 90 and is bankrupt at 80; bob, short 1 at 100 with 60, at 160, NA at 170."""
    assert main(["curve", "panel.csv"]) == 0
    assert cells(capsys.readouterr().out, "BTC")[-2:] == ["11.1111", "77.7778"]
    assert main(["curve", "panel.csv", "--symbol", "BTC", "--buffer", "20"]) == 0
    assert cells(capsys.readouterr().out, "BTC")[-2:] == ["22.2222", "94.4444"]


def test_rank_of_fills_says_what_their_equity_is(capsys):
    main(["rank", "fills.csv"])
    text = capsys.readouterr().out
    assert "end of the window" in text
    assert "2025-10-10 21:16:04.831" in text


def test_datasets_are_listed_with_their_rows(capsys):
    assert main(["datasets"]) == 0
    text = capsys.readouterr().out
    assert cells(text, "synthetic_crash")[1] == "6,727"
    assert cells(text, "four_accounts")[2] == "account,"


# How commands end


@pytest.mark.parametrize("command", [[], *([name] for name in COMMANDS)])
def test_help_ends_well(capsys, command):
    with pytest.raises(SystemExit) as end:
        main([*command, "--help"])
    assert end.value.code == 0
    assert "usage: adlkit" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ([], "COMMAND"),
        (["repor"], "'report', 'event', 'rank', 'curve', 'datasets'"),
        (["event", "--venue", "bitmx"], "'bitmex'"),
        (["rank", "--score", "bitmx"], "'bitmex'"),
        (["rank", "--top", "-1"], "whole number"),
        (["event", "--shock", "BTC=x"], "not a number: 'x'"),
        (["event", "--shock", "-1"], "a move must be above -1"),
        (["event", "--shock", "nan"], "a move must be above -1"),
        (["event", "--fund", "-5"], "must be 0 or more"),
        (["event", "--vault", "inf"], "must be 0 or more"),
        (["curve", "--buffer", "-5"], "argument --buffer: must be 0 or more and finite, got '-5'"),
    ],
)
def test_a_wrong_command_ends_with_2_and_lists_what_is_known(capsys, command, told):
    with pytest.raises(SystemExit) as end:
        main(command)
    assert end.value.code == 2
    assert told in capsys.readouterr().err


BAD_FILES = {
    "empty.csv": (b"", "empty.csv is empty"),
    "other.csv": (b"a,b\n1,2\n", "missing columns ['account'"),
    "binary.csv": (bytes(range(256)) * 9, "binary.csv cannot be read"),
    "ragged.csv": (b"account,symbol\na,b,c,d\n", "ragged.csv cannot be read"),
    "cut.csv.gz": (b"\x1f\x8b\x08\x00", "cut.csv.gz cannot be read"),
    "wrong.parquet": (b"not parquet", "wrong.parquet cannot be read"),
    "notes.txt": (b"", "unknown suffix '.txt'; known: ['.csv', '.csv.gz', '.parquet']"),
    "words.csv": (PANEL.replace("90,40", "-90,forty").encode(), "mark_price: 1 row"),
    "fills2.csv": (FILLS.replace("100.0,2.0", "100.0,-2.0").encode(), "adl_size"),
}


@pytest.mark.parametrize("command", ["report", "event", "rank"])
@pytest.mark.parametrize("name", BAD_FILES)
def test_a_bad_file_is_told_in_one_line(folder, capsys, command, name):
    content, told = BAD_FILES[name]
    if (command, name) == ("event", "fills2.csv"):
        told = "use: adlkit report fills2.csv"
    Path(name).write_bytes(content)
    assert main([command, name]) == 1
    assert told in one_line(capsys)
    assert written(folder) == {name}


def test_all_faults_of_a_panel_stand_in_one_line(capsys):
    Path("bad.csv").write_text("account,symbol,qty,entry_price,mark_price,collateral\nann,BTC,x,0,-1,2\n")
    main(["event", "bad.csv"])
    line = one_line(capsys)
    assert "3 problems in the panel: qty:" in line
    assert "; entry_price:" in line
    assert "; mark_price:" in line


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (["event", "none.csv"], "no such file: none.csv"),
        (["event", "."], ". is a folder"),
        (["report", "--out", "none/report.html"], "no such folder: none"),
        (["report", "--out", "."], ". is a folder"),
        (["report", "panel.csv", "--out", "panel.csv"], "--out is the input file"),
        (["event", "--shock", "XRP=-0.1"], "unknown symbols ['XRP']; known: ['BTC', 'DOGE', 'ETH', 'SOL']"),
        (["event", "--venue", "bitmex", "--vault", "1"], "BitMEX has no backstop vault"),
        (["event", "--fund", "1"], "Hyperliquid has no insurance fund"),
        (["event", "--venue", "bitmex", "--previous-shock", "-0.1"], "does not fill at previous marks"),
        (["event", "--tiers", "tiers.csv"], "only with a FILE of positions"),
        (["event", "panel.csv", "--depth", "tiers.csv"], "misses columns ['depth', 'exponent']"),
        (["event", "panel.csv", "--tiers", "depth.csv"], "tiers:"),
        (["event", "panel.csv", "--tiers", "twice.csv"], "columns ['rate'] stand twice"),
        (["report", "fills.csv", "--shock", "-0.1", "--vault", "1"], "--shock, --vault do not apply"),
        (["curve", "--symbol", "XRP"], "unknown symbol 'XRP'; known: ['BTC', 'DOGE', 'ETH', 'SOL']"),
        (["curve", "fills.csv"], "fills.csv holds ADL fills, not positions"),
        (["rank", "--symbol", "XRP"], "unknown symbol 'XRP'; known: ['BTC', 'DOGE', 'ETH', 'SOL']"),
    ],
)
def test_bad_input_ends_with_1_in_one_line(folder, capsys, command, told):
    assert main(command) == 1
    assert told in one_line(capsys)
    assert written(folder) == set()


def test_several_times_are_refused_by_an_event_and_a_curve(capsys):
    times = ["time", "2025-10-10T21:00:00Z", "2025-10-10T21:00:00Z", "2025-10-10T22:00:00Z"]
    rows = zip(times, PANEL.splitlines(), strict=True)
    Path("times.csv").write_text("\n".join(f"{time},{row}" for time, row in rows))
    assert main(["event", "times.csv"]) == 1
    assert "an event takes one" in one_line(capsys)
    assert main(["curve", "times.csv"]) == 1
    assert "a curve takes one" in one_line(capsys)
    assert main(["rank", "times.csv"]) == 0


def test_names_from_files_cannot_steer_the_terminal(capsys):
    Path("evil.csv").write_text(PANEL.replace("bob", "\x1b[31mbob"))
    main(["rank", "evil.csv"])
    assert "\x1b" not in capsys.readouterr().out


@pytest.mark.parametrize("suffix", [".csv.gz", ".parquet"])
def test_compressed_and_parquet_panels_are_read_alike(capsys, suffix):
    main(["rank", "panel.csv"])
    expected = capsys.readouterr().out
    frame = pd.read_csv(io.StringIO(PANEL), dtype={"account": "str"}, keep_default_na=False)
    if suffix == ".parquet":
        pytest.importorskip("pyarrow")
        frame.to_parquet("same.parquet")
    else:
        frame.to_csv("same.csv.gz", index=False)
    main(["rank", f"same{suffix}"])
    assert capsys.readouterr().out == expected


# As a process


def run(*command: str, stdout: int = subprocess.PIPE) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}
    return subprocess.run(
        [sys.executable, "-m", "adlkit.cli", *command],
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env=environment,
        check=False,
    )


def test_a_process_prints_tables_on_stdout_and_nothing_else_on_stderr():
    done = run("rank", "--symbol", "BTC", "--top", "1")
    assert (done.returncode, done.stderr) == (0, "")
    assert "●●●●●" in done.stdout
    assert run("event", "none.csv").returncode == 1
    assert run("event", "--venue", "none").returncode == 2


def test_a_reader_that_leaves_early_is_no_error():
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = run("rank", stdout=writing)
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (0, "")


def test_help_loads_no_drawing_library():
    code = "import sys, adlkit.cli; sys.exit(any(name in sys.modules for name in ('matplotlib', 'jinja2')))"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    assert subprocess.run([sys.executable, "-c", code], env=environment, check=False).returncode == 0


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_progress_is_shown_in_a_terminal_unless_switched_off():
    import pty

    def shown(**extra: str) -> str:
        ours, theirs = pty.openpty()
        environment = {name: value for name, value in os.environ.items() if name != "TQDM_DISABLE"}
        command = [sys.executable, "-m", "adlkit.cli", "event", "panel.csv"]
        environment |= {"PYTHONPATH": str(ROOT), **extra}
        subprocess.run(command, stdout=subprocess.DEVNULL, stderr=theirs, env=environment, check=True)
        os.close(theirs)
        text = b""
        while chunk := _read(ours):
            text += chunk
        os.close(ours)
        return text.decode()

    assert "running the event" in shown()
    assert shown(TQDM_DISABLE="1") == ""


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except OSError:  # the other end is closed
        return b""
