"""The command line: reports and tables of ADL, from the embedded data or from files.

Exit codes: 0, 1 for input that cannot be used (one line on stderr), 2 for a wrong command.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from adlkit import __version__, scores, venues
from adlkit._display import format_number
from adlkit.book import OrderBook
from adlkit.buffers import BackstopVault, Buffer, InsuranceFund
from adlkit.curves import shortfall_curve
from adlkit.data import dataset_names, load_dataset
from adlkit.distance import distance_to_adl
from adlkit.errors import AdlkitError
from adlkit.event import EventResult, run_event
from adlkit.files import read_table, write_whole
from adlkit.panel import build_panel, mark_prices
from adlkit.ranking import adl_queue
from adlkit.sources import hyperliquid
from adlkit.venues import VenueRules

EMBEDDED = "synthetic_crash"
FUND, VAULT, VAULT_LEVERAGE = 200_000.0, 1_000_000.0, 3.0
"""Buffers for the embedded data: small enough that book, buffer and ADL all have work to do."""
SHOCK = -0.2
MOVES = (-0.3, -0.2, -0.1, 0.1, 0.2, 0.3)
DUST = 1e-9
TEXT = ("time", "account", "symbol", "contract", "settlement", "owner")
ADL_FILLS = {"user", "coin", "adl_price", "adl_size"}
ONLY_EVENTS = ("venue", "shock", "previous_shock", "fund", "vault", "vault_leverage", "tiers", "depth")

VENUES = sorted(name for name in venues.__all__ if isinstance(getattr(venues, name), VenueRules))
SCORES = sorted(scores.published_scores())

Shock = tuple[str, float]


class CommandError(AdlkitError, ValueError):
    """The command names something that its data does not have, or that does not fit together."""


@dataclass(frozen=True)
class Case:
    """What an event is run on, and where it comes from."""

    panel: pd.DataFrame
    tiers: pd.DataFrame | None
    books: Mapping[str, OrderBook]
    source: str

    @property
    def is_embedded(self) -> bool:
        """Whether it is the dataset that ships with adlkit."""
        return self.source == EMBEDDED


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments after the program's name; those of the process without it.

    Returns
    -------
    int
        Exit code: 0, or 1 after one line on stderr.

    Raises
    ------
    SystemExit
        With code 2 if the command is wrong, with 0 after ``--help`` and ``--version``.

    Examples
    --------
    >>> main(["rank", "--symbol", "DOGE", "--top", "1"])
    symbol  side   rank  account          qty  notional  unrealized_pnl  leverage     score  lights
    DOGE    long      1  a00895/DOGE   26,090     5,218         301.574   12.2926  0.754028  ●●●●●
    DOGE    short     1  a00223       -11,121   2,224.2         60.9431   20.8565  0.556227  ●●●●●
    0
    """
    arguments = _parser().parse_args(argv)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    try:
        arguments.run(arguments)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader, e.g. head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (AdlkitError, OSError) as error:
        print(f"adlkit: {_one_line(error)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


# The commands


def _report(arguments: argparse.Namespace) -> None:
    from adlkit.report import build_events_report, build_report

    _check_out(arguments)
    with _progress(3) as step:
        step("reading")
        frame = None if arguments.file is None else _read(arguments.file)
        if _holds_fills(frame):
            _refuse_event_options(arguments)
            events = hyperliquid.read_adl_events(arguments.file)
            step("drawing the report", by=2)
            path = build_events_report(events, path=arguments.out, title=arguments.title)
            show = partial(_show_fills, events)
        else:
            event, notes = _run(arguments, frame, step)
            step("drawing the report")
            path = build_report(event, path=arguments.out, title=arguments.title, notes=notes)
            show = partial(_show_event, event, notes)
    show()
    print(f"\nreport: {path}")


def _event(arguments: argparse.Namespace) -> None:
    _check_out(arguments)
    with _progress(2) as step:
        step("reading")
        frame = None if arguments.file is None else _read(arguments.file)
        if _holds_fills(frame):
            raise CommandError(f"{arguments.file} holds ADL fills, not positions; use: adlkit report {arguments.file}")
        event, notes = _run(arguments, frame, step)
    _show_event(event, notes)
    if arguments.out is not None:
        path = write_whole(arguments.out, event.fills.to_csv(index=False, lineterminator="\n").encode())
        print(f"\nfills: {path}")


def _rank(arguments: argparse.Namespace) -> None:
    panel = _positions(arguments)
    known = panel.index.unique("symbol")
    queue = adl_queue(panel, score=getattr(scores, arguments.score)).reset_index()
    shown = queue["symbol"].isin(known if arguments.symbol is None else [_known(arguments.symbol, known)])
    table = queue[shown & (queue["rank"] <= arguments.top)].rename(columns={"effective_leverage": "leverage"})
    dots = ["●" * lit + "○" * (5 - lit) for lit in table["lights"]]
    table = table.assign(lights=dots)
    keys = [name for name in ("time", "symbol", "side", "rank", "account") if name in table]
    _show(table[[*keys, "qty", "notional", "unrealized_pnl", "leverage", "score", "lights"]])


def _curve(arguments: argparse.Namespace) -> None:
    panel = _still_positions(arguments)
    marks = mark_prices(panel)
    shown = list(marks.index) if arguments.symbol is None else [_known(arguments.symbol, marks.index)]
    usual = FUND if arguments.file is None else 0.0
    buffer = usual if arguments.buffer is None else arguments.buffer
    distance = distance_to_adl(panel, buffer=buffer or pd.Series(0.0, index=marks.index))["percent"]
    rows = []
    for symbol in shown:
        curve = shortfall_curve(panel, symbol=symbol)
        owed = curve.shortfall(marks[symbol] * (1 + np.array(MOVES)))
        moves = {f"{move:+.0%}": amount for move, amount in zip(MOVES, owed, strict=True)}
        ends = {"fall %": distance[symbol, "long"], "rise %": distance[symbol, "short"]}
        rows.append({"symbol": symbol, "mark": marks[symbol], **moves, **ends})
    print("Shortfall after a move of each symbol alone, and the moves at which it exceeds a buffer of", end=" ")
    print(f"{_number(buffer)}.\n")
    _show(pd.DataFrame(rows))


def _datasets(_: argparse.Namespace) -> None:
    frames = {name: load_dataset(name) for name in dataset_names()}
    flat = {name: frame.reset_index() if frame.index.names[0] else frame for name, frame in frames.items()}
    columns = [textwrap.shorten(", ".join(map(str, frame)), 90, placeholder=" ...") for frame in flat.values()]
    _show(pd.DataFrame({"dataset": list(flat), "rows": [len(frame) for frame in flat.values()], "columns": columns}))


# From arguments to an event


def _run(
    arguments: argparse.Namespace, frame: pd.DataFrame | None, step: Callable[..., None]
) -> tuple[EventResult, list[str]]:
    """Run the event that the arguments describe; returns it with what a reader must know about it."""
    case = _embedded(arguments) if frame is None else _from_file(arguments, frame)
    venue, buffer_note = _venue(arguments, case)
    marks, moves = _shocked(case.panel, arguments.shock or [("", SHOCK)], "--shock")
    previous, previous_note = _previous(arguments, case.panel, venue, marks)
    step("running the event")
    event = run_event(case.panel, marks, venue=venue, books=case.books, previous_marks=previous)
    notes = [
        f"Synthetic data: every account, price and order book of {EMBEDDED} is invented." if case.is_embedded else "",
        f"{venue.name} on {case.source}: {moves}, at once.",
        previous_note,
        buffer_note,
        "" if case.books else "No order books are given (--depth): nothing closes in the market.",
        ""
        if case.tiers is not None
        else "No margin tiers are given (--tiers): each row's own maintenance rate holds at every price.",
    ]
    return event, [note for note in notes if note]


def _embedded(arguments: argparse.Namespace) -> Case:
    if given := [f"--{name}" for name in ("tiers", "depth") if getattr(arguments, name) is not None]:
        raise CommandError(f"{', '.join(given)}: only with a FILE of positions; the embedded data has its own")
    panel = load_dataset(EMBEDDED).assign(settlement="USD")
    return Case(panel, load_dataset(f"{EMBEDDED}_tiers"), _books(load_dataset(f"{EMBEDDED}_depth")), EMBEDDED)


def _from_file(arguments: argparse.Namespace, frame: pd.DataFrame) -> Case:
    tiers = None if arguments.tiers is None else _read(arguments.tiers)
    depth = None if arguments.depth is None else _read(arguments.depth)
    books = {} if depth is None else _books(_with_columns(depth, ("symbol", "depth", "exponent"), arguments.depth))
    return Case(build_panel(frame, tiers=tiers), tiers, books, Path(arguments.file).name)


def _positions(arguments: argparse.Namespace) -> pd.DataFrame:
    """The panel to rank; of ADL fills, the positions just before them."""
    if arguments.file is None:
        return load_dataset(EMBEDDED)
    frame = _read(arguments.file)
    if _holds_fills(frame):
        panel = hyperliquid.events_to_panel(hyperliquid.read_adl_events(arguments.file))
        print("ADL fills: equity is that of the end of the window, and only deleveraged accounts are in the queues.\n")
        return panel
    return build_panel(frame)


def _still_positions(arguments: argparse.Namespace) -> pd.DataFrame:
    """The positions of one moment whose marks are to move."""
    if arguments.file is None:
        return load_dataset(EMBEDDED)
    frame = _read(arguments.file)
    if _holds_fills(frame):
        raise CommandError(f"{arguments.file} holds ADL fills, not positions; use: adlkit report {arguments.file}")
    panel = build_panel(frame)
    if "time" in panel.index.names:
        raise CommandError("the file holds several times and a curve takes one; keep the rows of one and drop `time`")
    return panel


def _known(symbol: str, symbols: pd.Index) -> str:
    if symbol not in symbols:
        raise CommandError(f"unknown symbol {symbol!r}; known: {sorted(map(str, symbols))[:20]}")
    return symbol


def _books(depth: pd.DataFrame) -> dict[str, OrderBook]:
    rows = zip(depth["symbol"], depth["depth"], depth["exponent"], strict=True)
    return {str(symbol): OrderBook.power_law(float(size), float(exponent)) for symbol, size, exponent in rows}


def _venue(arguments: argparse.Namespace, case: Case) -> tuple[VenueRules, str]:
    """Rules with the money of the arguments in their buffers, and what to say about it."""
    venue = venues.by_name(arguments.venue or "hyperliquid")
    defaults = (FUND, VAULT, VAULT_LEVERAGE) if case.is_embedded else (0.0, 0.0, 1.0)
    given = (arguments.fund, arguments.vault, arguments.vault_leverage)
    fund, vault, leverage = (own if own is not None else usual for own, usual in zip(given, defaults, strict=True))
    is_fund = [_is_fund(buffer) for buffer in venue.buffers]
    if arguments.fund is not None and not any(is_fund):
        raise CommandError(f"{venue.name} has no insurance fund; drop --fund")
    if (arguments.vault is not None or arguments.vault_leverage is not None) and all(is_fund):
        raise CommandError(f"{venue.name} has no backstop vault; drop --vault and --vault-leverage")
    venue = venue.with_buffers(*(_filled(buffer, fund, vault, leverage) for buffer in venue.buffers))
    words = [f"{buffer.name} {_money_of(buffer)}" for buffer in venue.buffers]
    return venue if case.tiers is None else venue.with_tiers(case.tiers), f"Buffers: {', '.join(words)}."


def _is_fund(buffer: Buffer) -> bool:
    """A fund that closes in the book, or one that takes positions over like a vault."""
    return isinstance(buffer, InsuranceFund) or "fund" in buffer.name


def _filled(buffer: Buffer, fund: float, vault: float, leverage: float) -> Buffer:
    match buffer:
        case InsuranceFund():
            return replace(buffer, balance=fund)
        case BackstopVault() if _is_fund(buffer):
            return replace(buffer, equity=fund)
        case BackstopVault():
            return replace(buffer, equity=vault, max_leverage=leverage)
    return buffer


def _money_of(buffer: Buffer) -> str:
    match buffer:
        case InsuranceFund():
            return _number(buffer.balance)
        case BackstopVault():
            return f"{_number(buffer.equity)} at up to {_number(buffer.max_leverage)}x"
    return ""


def _shocked(panel: pd.DataFrame, shocks: Sequence[Shock], option: str) -> tuple[pd.Series, str]:
    """Marks after the moves, and the moves in words; symbols without one do not move."""
    moves = dict(shocks)
    marks = mark_prices(panel)
    if "time" in panel.index.names:
        raise CommandError("the file holds several times and an event takes one; keep the rows of one and drop `time`")
    if unknown := sorted(set(moves) - {""} - set(marks.index)):
        raise CommandError(f"{option}: unknown symbols {unknown}; known: {sorted(map(str, marks.index))[:20]}")
    rest = moves.get("", 0.0)
    words = [f"{symbol} {100 * move:+.6g}%" for symbol, move in moves.items() if symbol]
    words.append(f"{'all other marks' if words else 'all marks'} {100 * rest:+.6g}%")
    return marks * (1 + pd.Series({symbol: moves.get(symbol, rest) for symbol in marks.index})), ", ".join(words)


def _previous(
    arguments: argparse.Namespace, panel: pd.DataFrame, venue: VenueRules, marks: pd.Series
) -> tuple[pd.Series | None, str]:
    """Marks before the event, for venues that fill there, and what to say about them."""
    if venue.fill_price is not venues.at_previous_mark:
        if arguments.previous_shock:
            raise CommandError(f"{venue.name} does not fill at previous marks; drop --previous-shock")
        return None, ""
    if not arguments.previous_shock:
        return marks, (
            f"{venue.name} fills ADL at the previous marks. None are given (--previous-shock), so the event's own "
            "stand in: winners give up nothing against the mark, and what buffers do not cover is written off."
        )
    previous, moves = _shocked(panel, arguments.previous_shock, "--previous-shock")
    return previous, f"{venue.name} fills ADL at the previous marks: {moves}."


# Reading files


def _read(file: str) -> pd.DataFrame:
    """A table from csv, csv.gz or parquet: names as text, numbers as they are."""
    frame = read_table(file, dtypes=dict.fromkeys(TEXT, "str"))
    if twice := frame.columns[frame.columns.duplicated()].tolist():
        raise CommandError(f"{file}: columns {twice} stand twice; keep one of each")
    return frame


def _holds_fills(frame: pd.DataFrame | None) -> bool:
    """Whether a file holds ADL fills instead of positions."""
    return frame is not None and ADL_FILLS.issubset(frame.columns)


def _with_columns(frame: pd.DataFrame, names: Sequence[str], file: str) -> pd.DataFrame:
    if missing := [name for name in names if name not in frame]:
        raise CommandError(f"{file} misses columns {missing}; found {list(map(str, frame))[:20]}")
    if text := [name for name in names[1:] if frame[name].dtype.kind not in "iuf"]:
        raise CommandError(f"{file}: columns {text} are not numbers")
    if frame[names[0]].duplicated().any():
        raise CommandError(f"{file}: a {names[0]} stands twice")
    return frame


def _check_out(arguments: argparse.Namespace) -> None:
    """Tell before the work begins that its result could not be written."""
    if arguments.out is None:
        return
    out = Path(arguments.out)
    if out.is_dir():
        raise CommandError(f"{out} is a folder; give a file")
    if not out.parent.is_dir():
        raise CommandError(f"no such folder: {out.parent}")
    if arguments.file is not None and out.resolve() == Path(arguments.file).resolve():
        raise CommandError("--out is the input file; give another")


def _refuse_event_options(arguments: argparse.Namespace) -> None:
    if given := [f"--{name.replace('_', '-')}" for name in ONLY_EVENTS if getattr(arguments, name) is not None]:
        raise CommandError(f"{arguments.file} holds ADL fills that happened: {', '.join(given)} do not apply")


# Showing results


def _show_event(event: EventResult, notes: Sequence[str]) -> None:
    summary = event.summary()
    summary = summary.where(summary.abs() > DUST * summary["notional to close"], 0.0)
    stages = event.stages[event.stages["notional"] > DUST * event.stages["notional"].sum()]
    for note in notes:
        print(_printable(note))
    print(f"\n{summary.map(_number).to_string(header=False)}\n")
    _show(stages.reset_index()[["symbol", "side", "stage", "qty", "notional", "share", "average_price", "absorbed"]])


def _show_fills(events: pd.DataFrame) -> None:
    by_symbol = events.groupby("symbol", observed=True)
    table = pd.DataFrame({"fills": by_symbol.size(), "accounts": by_symbol["account"].nunique()})
    table[["notional", "closed_pnl"]] = by_symbol[["notional", "closed_pnl"]].sum()
    print("Account columns are those of the end of the window, not of the fill.\n")
    print(f"fills       {len(events):,}")
    print(f"accounts    {events['account'].nunique():,}")
    print(f"symbols     {events['symbol'].nunique():,}")
    print(f"notional    {_number(events['notional'].sum())}")
    print(f"closed PnL  {_number(events['closed_pnl'].sum())}")
    print(f"from        {events['time'].min():%Y-%m-%d %H:%M:%S} UTC")
    print(f"to          {events['time'].max():%Y-%m-%d %H:%M:%S} UTC\n")
    _show(table.sort_values("notional", ascending=False, kind="stable").head(10).reset_index())


def _show(table: pd.DataFrame) -> None:
    """Print a table: numbers with six digits, names as printable text."""
    columns = [[str(name), *map(_cell, table[name])] for name in table]
    width = [max(map(len, cells)) for cells in columns]
    is_number = [table[name].dtype.kind in "iuf" for name in table]
    for row in zip(*columns, strict=True):
        aligned = zip(row, width, is_number, strict=True)
        print("  ".join(cell.rjust(size) if right else cell.ljust(size) for cell, size, right in aligned).rstrip())


def _cell(value: Any) -> str:
    if isinstance(value, pd.Timestamp):
        return value.isoformat(sep=" ", timespec="milliseconds")
    return _number(value) if isinstance(value, int | float) else _printable(str(value))


def _number(value: float) -> str:
    """At most six significant digits; a dash for none."""
    return "-" if value != value else format_number(value)


def _printable(text: str) -> str:
    """One line without control characters: names come from files."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def _one_line(error: BaseException) -> str:
    """The whole message as one line, problems parted by semicolons."""
    if isinstance(error, OSError) and error.strerror:
        return _printable(f"{error.filename}: {error.strerror}" if error.filename else error.strerror)
    return _printable(" ".join(str(error).replace(":\n- ", ": ").replace("\n- ", "; ").split()))


@contextmanager
def _progress(total: int) -> Iterator[Callable[..., None]]:
    """A progress bar on stderr, if that is a terminal; each call names the step that begins and ends the one before."""
    off = os.environ.get("TQDM_DISABLE", "").lower() not in ("", "0", "false")
    with tqdm(
        total=total, disable=off or None, ncols=72, nrows=20, bar_format="{desc:<20} {bar} {n_fmt}/{total_fmt}"
    ) as bar:
        begun = 0

        def step(name: str, by: int = 1) -> None:
            nonlocal begun
            bar.update(begun)
            bar.set_description_str(name)
            begun = by

        yield step
        bar.update(begun)
        bar.set_description_str("done")


# The arguments


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="adlkit", description="Auto-deleveraging on crypto perpetuals, in tables.")
    parser.add_argument("--version", action="version", version=f"adlkit {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    report = _command(commands, "report", _report, "run a shock, or read real ADL fills, and write an HTML report")
    _add_event_options(report)
    report.add_argument("--out", metavar="HTML", default="report.html", help="default: %(default)s")
    report.add_argument("--title", help="headline of the report")

    event = _command(commands, "event", _event, "run a shock through a venue's waterfall")
    _add_event_options(event)
    event.add_argument("--out", metavar="CSV", help="write the ADL fills there")

    rank = _command(commands, "rank", _rank, "show the ADL queues")
    rank.add_argument("--score", metavar="NAME", choices=SCORES, default="bitmex", help=f"one of {', '.join(SCORES)}")
    rank.add_argument("--symbol", help="only this one")
    rank.add_argument("--top", metavar="N", type=_whole, default=10, help="per queue; default: %(default)s")

    curve = _command(commands, "curve", _curve, "show what a move of each symbol leaves owed, and how far ADL is")
    curve.add_argument("--symbol", help="only this one")
    curve.add_argument(
        "--buffer", metavar="MONEY", type=_amount, help=f"what the venue can pay; default: {FUND:,.0f}, or 0 with FILE"
    )

    commands.add_parser("datasets", help="list the embedded datasets").set_defaults(run=_datasets)
    return parser


def _command(
    commands: Any, name: str, run: Callable[[argparse.Namespace], None], words: str
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=words, description=f"{words[0].upper() + words[1:]}."
    )
    parser.set_defaults(run=run)
    parser.add_argument(
        "file",
        nargs="?",
        metavar="FILE",
        help="positions (columns account, symbol, qty, entry_price, mark_price, collateral, ...) or ADL fills, as "
        f".csv, .csv.gz or .parquet; without it the embedded dataset {EMBEDDED}",
    )
    return parser


def _add_event_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--venue", metavar="NAME", choices=VENUES, help=f"one of {', '.join(VENUES)}; default: hyperliquid")
    add(
        "--shock",
        metavar="[SYMBOL=]MOVE",
        type=_shock,
        action="append",
        help=f"move of all marks, or of one symbol; may be repeated: --shock -0.2 --shock BTC=-0.1; default: {SHOCK}",
    )
    add(
        "--previous-shock",
        metavar="[SYMBOL=]MOVE",
        type=_shock,
        action="append",
        help="where the marks were before, for venues that fill there; default: the event's marks",
    )
    add("--fund", metavar="MONEY", type=_amount, help=f"insurance fund; default: {FUND:,.0f}, or 0 with FILE")
    add("--vault", metavar="MONEY", type=_amount, help=f"equity of the vault; default: {VAULT:,.0f}, or 0 with FILE")
    add(
        "--vault-leverage",
        metavar="L",
        type=_amount,
        help=f"notional it may hold per unit of equity; default: {VAULT_LEVERAGE:g}, or 1 with FILE",
    )
    add("--tiers", metavar="FILE", help="margin tiers of FILE (columns symbol, floor, rate, deduction)")
    add("--depth", metavar="FILE", help="order books of FILE (columns symbol, depth within 1%%, exponent)")


def _shock(text: str) -> Shock:
    symbol, _, move = text.rpartition("=")
    value = _float(move)
    if not -1 < value < np.inf:
        raise argparse.ArgumentTypeError(
            f"a move must be above -1 and finite, e.g. -0.2 for a fall of 20%; got {text!r}"
        )
    return symbol, value


def _amount(text: str) -> float:
    value = _float(text)
    if not 0 <= value < np.inf:
        raise argparse.ArgumentTypeError(f"must be 0 or more and finite, got {text!r}")
    return value


def _whole(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise argparse.ArgumentTypeError(f"must be a whole number of 0 or more, got {text!r}")
    return int(text)


def _float(text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"not a number: {text!r}") from error


if __name__ == "__main__":
    sys.exit(main())
