"""Reports hold the numbers, load nothing, escape names, and are the same bytes each time."""

from __future__ import annotations

import html
import re
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
import pytest

import adlkit as adl
from adlkit.errors import SourceError
from adlkit.files import write_whole
from adlkit.report import build_events_report, build_report
from adlkit.report.cells import counts, dots, money, numbers, six_digits

EVIL = '<script>alert("x")</script>'
TOY = adl.load_dataset("four_accounts")


def toy_event(panel: pd.DataFrame = TOY, **options):
    venue = options.pop("venue", adl.venues.bitmex.with_buffers(adl.InsuranceFund(5.0)))
    return adl.run_event(panel, adl.mark_prices(panel), venue=venue, **options)


def fills(**columns) -> pd.DataFrame:
    """Two moments: three shorts in BTC, one of them closed in part, and a long in ETH."""
    time = pd.to_datetime(["2025-10-10 21:16:04.831"] * 3 + ["2025-10-10 21:17:00.000"], utc=True)
    frame = pd.DataFrame(
        {
            "time": time,
            "account": ["ann", "bob", "cat", "ann"],
            "symbol": ["BTC", "BTC", "BTC", "ETH"],
            "liquidated_account": "vault",
            "price": [100.0, 100.0, 100.0, 10.0],
            "closed_qty": [5.0, 3.0, 2.0, 7.0],
            "notional": [500.0, 300.0, 200.0, 70.0],
            "closed_pnl": [75.0, 60.0, 10.0, -7.0],
            "position_qty": [-5.0, -3.0, -6.0, 7.0],
            "equity_end_of_window": [1050.0, -40.0, 990.0, 1050.0],
        }
    )
    return frame.assign(**columns)


def page_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def words(page: str) -> str:
    """The text of a page, without tags and pictures."""
    body = re.sub(r"<style>.*?</style>", " ", page, flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", body)).split())


@pytest.fixture(scope="module")
def event_page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("event")
    notes = ["Synthetic data: a toy market."]
    return page_of(build_report(toy_event(), path=folder / "event.html", title="A toy crash", notes=notes))


@pytest.fixture(scope="module")
def fills_page(tmp_path_factory):
    return page_of(build_events_report(fills(), path=tmp_path_factory.mktemp("fills") / "fills.html"))


# One event


def test_event_report_begins_with_title_finding_and_notes(event_page):
    text = words(event_page)
    assert "A toy crash 140 ccy had to be closed: 100% by ADL. 2 winners were deleveraged and gave up 20 ccy" in text
    assert "Synthetic data: a toy market." in text


@pytest.mark.parametrize(
    "text",
    [
        "accounts liquidated 1 1 of them bankrupt",
        "BTC long ADL 2 140.00 100% 80 20.00",  # stage: contracts, notional, share, average price, given up
        "all stages 20.00 -20.00 0.00 0.00 0.00 0.00",  # ledger, residual and sum last
        "Every row sums to zero",
        "Bankrupt accounts owed 20, and accounts in liquidation received 20;",
        "bob 70.00 50% 20.00 10.00 50% cat",  # winner: notional, of position, realised, given up, of all
        "1 cat -1 70.00 30.00 1.40 0.42",  # queue: rank, account, contracts, notional, profit, leverage, score
        "BTC shorts, against longs in liquidation",
        "ann -20.00 BTC long 140.00 70 80 ADL 100%",  # bankrupt: equity, position, notional, mark, close-out, closed by
        "insurance fund InsuranceFund 5.00 5.00 0",
        "stepping down through risk-limit tiers before the takeover is not modelled",
    ],
)
def test_event_report_holds_the_numbers(event_page, text):
    assert text in words(event_page)


def test_lights_have_words_for_who_does_not_see_them(event_page):
    assert 'aria-label="4 of 5 lights">●●●●○<' in event_page
    assert str(dots(0, 2)) == '<span class="lights" role="img" aria-label="0 of 2 lights">○○</span>'


def test_figures_are_inline_with_their_finding_as_text(event_page):
    pictures = re.findall(r'<img src="(data:image/svg\+xml;base64,[^"]+)" alt="([^"]+)">', event_page)
    assert [finding for _, finding in pictures] == [
        "ADL closes 100% of the 140 to close",
        "2 winners gave up 20",
    ]


def test_the_largest_queue_positions_and_the_end_of_the_queue_are_shown(tmp_path):
    names = [f"w{place:02d}" for place in range(30)]
    frame = pd.DataFrame({"account": ["loser", *names], "symbol": "BTC", "qty": [20.5, *([-1.0] * 30)]})
    frame = frame.assign(entry_price=100.0, mark_price=70.0, collateral=[100.0, *range(1000, 1300, 10)])
    event = toy_event(adl.build_panel(frame))
    text = words(page_of(build_report(event, path=tmp_path / "queue.html")))
    shown = re.findall(r"(\d+) (w\d\d) -1 70\.00 30\.00 ", text)
    assert [int(rank) for rank, _ in shown] == [*range(1, 11), 21, 22]
    assert "21 of 30 in the queue gave contracts." in text


@pytest.mark.parametrize("venue", ["binance", "bitmex", "bybit", "dydx_v4", "hyperliquid"])
@pytest.mark.parametrize("move", [-0.3, 0.3])
def test_every_venue_has_a_report(tmp_path, venue, move):
    panel = adl.load_dataset("synthetic_crash")
    marks = (1 + move) * adl.mark_prices(panel)
    event = adl.run_event(panel, marks, venue=adl.venues.by_name(venue), previous_marks=marks)
    text = words(page_of(build_report(event, path=tmp_path / "report.html")))
    assert f"ADL event on {event.venue.name}" in text
    assert re.findall(r"\bnan\b|\binf\b|\de-\d", text) == []  # nothing undefined, no dust of rounding


def test_a_calm_market_has_a_report(tmp_path):
    marks = {"BTC": 100.0}
    event = adl.run_event(TOY, marks, venue=adl.venues.hyperliquid.with_buffers(), previous_marks=marks)
    text = words(page_of(build_report(event, path=tmp_path / "report.html")))
    assert "nothing had to be closed" in text
    assert "The venue has none." in text


def test_a_liquidation_that_finds_nobody_is_written_off(tmp_path):
    panel = adl.build_panel(
        pd.DataFrame(
            {
                "account": ["ann"],
                "symbol": "BTC",
                "qty": 2.0,
                "entry_price": 100.0,
                "mark_price": 70.0,
                "collateral": 40.0,
            }
        )
    )
    text = words(page_of(build_report(toy_event(panel), path=tmp_path / "report.html")))
    assert "140 ccy had to be closed: 100% left open, bankrupt. Nobody was deleveraged." in text


# Real fills


def test_fills_report_warns_first_that_account_columns_are_of_the_end_of_the_window(fills_page):
    caveat = '<p class="caveat"><strong>The account columns of this table are not states at the fill.</strong>'
    assert fills_page.index(caveat) < fills_page.index('<dl class="cards">')


@pytest.mark.parametrize(
    "text",
    [
        "4 fills closed 1.07k USD of 3 accounts in 2 symbols",
        "window [UTC] 21:16:04 to 21:17:00, from 2025-10-10",
        "BTC 1,000 93% 3 3 145.00 14%",  # symbol: notional, share, fills, accounts, PnL, PnL / notional
        "ann 570.00 53% 68.00 12% 2 2",  # account: notional, share, PnL, PnL / notional, fills, symbols
        "3 of 4 positions were closed in full; 1 stayed open after their last fill, worth 400 USD",
        "cat BTC short -4 400.00 21:16:04.831",
        "1 of 3 deleveraged accounts show negative equity at the end of the window",
        "bob -40.00 -40.00 300.00 60.00",
        "Left out: binance 2019 and bitget.",
        "21:16:04.831 BTC short ann 500.00 3 1 1 1 2 1 1",  # rank among 3 under each formula
        "21:16:04.831 BTC short bob 300.00 3 – – – – 3 –",
    ],
)
def test_fills_report_holds_the_numbers(fills_page, text):
    assert text in words(fills_page)


def test_one_fill_is_enough_for_a_report(tmp_path):
    text = words(page_of(build_events_report(fills().head(1), path=tmp_path / "one.html")))
    assert "1 fill closed 500 USD of 1 account in 1 symbol" in text
    assert "The formulas" in text


def test_fills_that_contradict_each_other_are_refused_and_leave_no_file(tmp_path):
    with pytest.raises(SourceError, match="position_qty"):
        build_events_report(fills(account="ann", symbol="BTC", position_qty=-5.0), path=tmp_path / "fills.html")
    assert list(tmp_path.iterdir()) == []


# All reports


@pytest.mark.parametrize("page", ["event_page", "fills_page"])
def test_reports_load_nothing_from_a_network(request, page):
    source = request.getfixturevalue(page)
    assert re.findall(r"(?:src|href|srcset|data|action)\s*=\s*[\"']?(?!data:)[^\"'\s>]", source) == []
    assert "default-src 'none'" in source
    assert "<script" not in source
    assert "@import" not in source
    assert "url(" not in source


def test_names_are_escaped(tmp_path):
    event = toy_event(TOY.rename(index={"bob": EVIL, "ann": EVIL + "2", "BTC": '"><img src=x onerror=y>'}))
    name = page_of(build_report(event, path=tmp_path / "a.html", title=EVIL, notes=[EVIL]))
    other = page_of(build_events_report(fills(account=[EVIL, "b", "c", EVIL], symbol=EVIL), path=tmp_path / "b.html"))
    for page in (name, other):
        assert "<script" not in page
        assert "onerror=y>" not in page
        assert html.escape(EVIL, quote=False).replace('"', "&#34;") in page


def test_the_same_input_gives_the_same_bytes_whatever_the_style(tmp_path):
    def pages():
        paths = (
            build_report(toy_event(), path=tmp_path / "a.html"),
            build_events_report(fills(), path=tmp_path / "b.html"),
        )
        return [path.read_bytes() for path in paths]

    first = pages()
    with plt.style.context("dark_background"):
        assert pages() == first


def test_reports_open_no_figures_and_keep_the_style(tmp_path):
    before, numbers_before = dict(plt.rcParams), plt.get_fignums()
    build_report(toy_event(), path=tmp_path / "a.html")
    assert dict(plt.rcParams) == before
    assert plt.get_fignums() == numbers_before


def test_a_report_that_cannot_be_written_leaves_the_old_one(tmp_path, monkeypatch):
    path = build_report(toy_event(), path=tmp_path / "report.html", title="old")

    def broken(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", broken)
    with pytest.raises(OSError, match=r"No space left.*report\.html"):
        build_report(toy_event(), path=path, title="new")
    assert [file.name for file in tmp_path.iterdir()] == ["report.html"]
    assert "<title>old</title>" in page_of(path)


def test_a_file_is_not_written_over_a_folder_or_into_none(tmp_path):
    with pytest.raises(IsADirectoryError, match="is a folder"):
        write_whole(tmp_path, b"")
    with pytest.raises(FileNotFoundError, match="no such folder"):
        write_whole(tmp_path / "none" / "a", b"")


def test_a_link_is_written_through(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "file")
    write_whole(tmp_path / "link", b"x")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_bytes() == b"x"


# Cells


def test_numbers_carry_at_most_six_significant_digits():
    written = numbers(pd.Series([1_234_567.8, 0.123456789, float("nan"), float("inf"), -0.0, 99_999.96]))
    assert written == ["1,234,570", "0.123457", "–", "+inf", "0", "100,000"]
    assert six_digits(-1234.5678) == "-1,234.57"


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ([1.5, 20.0], ["1.50", "20.00"]),
        ([1_234.5, 2.2], ["1,234", "2"]),
        ([12_345_678.0, -51.0, float("nan")], ["12,345,700", "-100", "–"]),
        ([0.00123, 0.5], ["0.00123", "0.5"]),
        ([0.0, -0.0], ["0", "0"]),
    ],
)
def test_money_has_the_same_decimals_down_a_column(values, text):
    assert money(pd.Series(values)) == text


def test_counts_are_whole():
    assert counts(pd.Series([1.0, float("nan"), 12_345.0])) == ["1", "–", "12,345"]
