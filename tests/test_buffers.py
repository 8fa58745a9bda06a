"""Programmes, funds and vaults: hand-computed events, plain loops, the law of larger buffers and its exceptions.

Most accounts hold one position that was entered at its close-out price without collateral: equity is then
qty x (mark - close-out), and whoever is below half of its notional is in liquidation.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from random_events import SCORES, random_books, random_panel

import adlkit as adl
from adlkit.errors import VenueError

Row = dict[str, Any]
PROGRAMME, FUND, VAULT = "programmatic liquidity", "insurance fund", "backstop vault"
MARK = 100.0
seeds = st.integers(0, 2**32 - 1)
few = settings(max_examples=25)


def position(
    account: str, qty: float, close_out: float, *, symbol: str = "BTC", mark: float = MARK, **more: Any
) -> Row:
    facts = {"qty": float(qty), "entry_price": float(close_out), "mark_price": mark, "collateral": 0.0}
    return {"account": account, "symbol": symbol, **facts, "maintenance_rate": 0.5, **more}


def cash(account: str, qty: float, equity: float, *, symbol: str = "BTC", mark: float = MARK, **more: Any) -> Row:
    """A position entered at the mark, and the equity of its account."""
    return position(account, qty, mark, symbol=symbol, mark=mark, collateral=float(equity), **more)


def winner(qty: float, *, symbol: str = "BTC", mark: float = MARK, **more: Any) -> Row:
    return cash(f"winner of {symbol} {qty:g}", qty, 1e9, symbol=symbol, mark=mark, **more)


def levels(*rows: tuple[float, float]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["price", "qty"]).astype(float)


def bids(*rows: tuple[float, float]) -> adl.OrderBook:
    return adl.OrderBook(levels(*rows), levels((1e6, 1.0)))


def holdings(**symbols: tuple[float, float]) -> dict[str, adl.Holding]:
    """Inventory of a vault: qty and value of each symbol."""
    return {symbol: adl.Holding(*held) for symbol, held in symbols.items()}


def contracts(vault: adl.BackstopVault) -> dict[str, float]:
    """Contracts that a vault holds, by symbol."""
    return {symbol: held.qty for symbol, held in vault.inventory.items()}


def run(rows: list[Row], *buffers: Any, books: dict[str, adl.OrderBook] | None = None, **rules: Any) -> adl.EventResult:
    panel = adl.build_panel(pd.DataFrame(rows))
    policy = adl.Policy(adl.notional)
    venue = adl.VenueRules(name="test", valid_from="", source="made up", policy=policy, buffers=buffers, **rules)
    return adl.run_event(panel, adl.mark_prices(panel), venue=venue, books=books)


def taken(event: adl.EventResult, stage: str) -> dict[str, float]:
    """Contracts that a stage closes, by account (and symbol where an account has several)."""
    closed = event.positions[stage]
    closed = closed[closed > 0]
    return {
        account if len(closed.xs(account)) == 1 else f"{account} {symbol}": qty
        for (account, symbol), qty in closed.items()
    }


def by_market(event: adl.EventResult, stage: str, column: str = "qty") -> dict[tuple[str, str], float]:
    table = event.stages[column].xs(stage, level="stage")
    return {key: float(value) for key, value in table.items()}


# programmatic liquidity ------------------------------------------------------------------------------------------


def test_a_programme_buys_longs_below_the_mark_and_sells_to_shorts_above_it():
    programme = adl.ProgrammaticLiquidity(capacity=1e6, discount=0.05)
    event = run([position("ann", 10, 90), position("bob", -4, 110)], programme)
    table = event.stages.xs(PROGRAMME, level="stage")
    assert table["qty"].to_dict() == {("BTC", "long"): 10.0, ("BTC", "short"): 4.0}
    assert table["average_price"].to_dict() == pytest.approx({("BTC", "long"): 95.0, ("BTC", "short"): 105.0})
    assert table["absorbed"].to_dict() == pytest.approx({("BTC", "long"): -50.0, ("BTC", "short"): -20.0})
    assert event.buffers[PROGRAMME].capacity == pytest.approx(1e6 - 1400.0)
    assert adl.equity(event.panel).tolist() == pytest.approx([50.0, 20.0])


def test_a_programme_serves_only_orders_whose_limit_allows_its_price():
    programme = adl.ProgrammaticLiquidity(capacity=1e6, discount=0.05)
    rows = [position("ann", 1, 94), position("bob", 1, 96), position("cat", 1, 104), position("dee", -1, 104)]
    assert taken(run([*rows, position("eve", -1, 106)], programme), PROGRAMME) == {"ann": 1.0, "eve": 1.0}
    any_price = run(rows, programme, limit=adl.venues.without_limit)
    assert taken(any_price, PROGRAMME) == {"ann": 1.0, "bob": 1.0, "cat": 1.0, "dee": 1.0}


def test_a_programme_of_no_discount_trades_at_the_mark():
    event = run([position("ann", 10, 90)], adl.ProgrammaticLiquidity(capacity=400.0, discount=0.0))
    assert by_market(event, PROGRAMME, "average_price") == {("BTC", "long"): 100.0}
    assert by_market(event, PROGRAMME) == {("BTC", "long"): 4.0}
    assert event.buffers[PROGRAMME].capacity == 0.0


def test_a_programme_shares_its_capacity_among_markets_by_what_each_would_use():
    """3000 and 1000 of notional ask for a capacity of 2000; in each market the strictest order comes first."""
    programme = adl.ProgrammaticLiquidity(capacity=2000.0, discount=0.05)
    rows = [position("ann", 20, 80), position("bob", 10, 90), position("cat", -100, 11, symbol="ETH", mark=10.0)]
    event = run(rows, programme)
    assert taken(event, PROGRAMME) == pytest.approx({"bob": 10.0, "ann": 5.0, "cat": 50.0})
    assert event.buffers[PROGRAMME].capacity == 0.0
    assert programme.capacity == 2000.0


def test_a_programme_counts_inverse_contracts_in_coins():
    """1,000 contracts of 1 USD at 100 are 10 coins; a capacity of 4 coins takes 400 of them, at 95."""
    rows = [position("ann", 1000, 80, contract="inverse"), position("bob", -500, 120, contract="inverse")]
    longs = run(rows[:1], adl.ProgrammaticLiquidity(capacity=4.0, discount=0.05))
    assert by_market(longs, PROGRAMME) == pytest.approx({("BTC", "long"): 400.0})
    assert by_market(longs, PROGRAMME, "average_price") == pytest.approx({("BTC", "long"): 95.0})
    assert by_market(longs, PROGRAMME, "absorbed") == pytest.approx({("BTC", "long"): -400 * (1 / 95 - 1 / 100)})
    shorts = run(rows[1:], adl.ProgrammaticLiquidity(capacity=4.0, discount=0.05))
    assert by_market(shorts, PROGRAMME, "average_price") == pytest.approx({("BTC", "short"): 105.0})


@few
@given(
    orders=st.lists(
        st.tuples(st.sampled_from(["BTC", "ETH"]), st.sampled_from([-1, 1]), st.integers(1, 9), st.integers(1, 49)),
        min_size=1,
        max_size=8,
    ),
    capacity=st.integers(0, 4000),
)
def test_a_programme_takes_what_plain_loops_give(orders, capacity):
    """Each order: symbol, side, contracts, and by how much its close-out price is milder than the mark; 7% discount."""
    rows = [
        position(f"a{i}", side * qty, MARK - side * room, symbol=s) for i, (s, side, qty, room) in enumerate(orders)
    ]
    willing = [i for i, (*_, room) in enumerate(orders) if room >= 7]
    wanted = sum(orders[i][2] * MARK for i in willing)
    part = min(1.0, capacity / wanted) if wanted else 0.0
    expected = {}
    for market in {orders[i][:2] for i in willing}:
        line = sorted((orders[i][3], i) for i in willing if orders[i][:2] == market)
        left = part * sum(orders[i][2] for _, i in line)
        for _, i in line:
            expected[f"a{i}"] = min(orders[i][2], left)
            left -= expected[f"a{i}"]
    found = taken(run(rows, adl.ProgrammaticLiquidity(float(capacity), 0.0699999)), PROGRAMME)
    for i in range(len(orders)):
        assert found.get(f"a{i}", 0.0) == pytest.approx(expected.get(f"a{i}", 0.0), abs=1e-9)


# insurance fund --------------------------------------------------------------------------------------------------

# ann: 4 contracts that are bankrupt at 110, bob: 4 at 94. The book pays 95 for 2 (bob's), 90 for 4 and 80 for more.
SHORT_OF_BIDS = [position("ann", 4, 110), position("bob", 4, 94), winner(-20)]
THIN = {"BTC": bids((95, 2), (90, 4), (80, 10))}


def test_a_fund_pays_what_closing_costs_beyond_close_out():
    """ann sells 4 at 90, 20 short of 110 each; bob 2 at 95 without help and 2 at 80, 14 short of 94 each."""
    event = run(SHORT_OF_BIDS, adl.InsuranceFund(1000.0), books=THIN)
    assert taken(event, "book") == {"bob": 2.0}
    assert taken(event, FUND) == {"ann": 4.0, "bob": 2.0}
    assert by_market(event, FUND, "average_price") == {("BTC", "long"): pytest.approx((4 * 90 + 2 * 80) / 6)}
    assert by_market(event, FUND, "absorbed") == {("BTC", "long"): 106.0}
    assert event.buffers[FUND].balance == 1000.0 - 106.0
    assert adl.equity(event.panel).tolist() == [0.0, 0.0, 1e9], "bob's gain of 2 x (95 - 94) goes to his own gap first"
    assert event.fills.empty


@pytest.mark.parametrize(
    ("fund", "closed", "balance"),
    [
        (adl.InsuranceFund(108.0), {"ann": 4.0, "bob": 2.0}, 2.0),
        (adl.InsuranceFund(94.0), {"ann": 4.0, "bob": 1.0}, 2.0),
        (adl.InsuranceFund(188.0, max_use=0.5), {"ann": 4.0, "bob": 1.0}, 96.0),
        (adl.InsuranceFund(50.0), {"ann": 2.5}, 0.0),
        (adl.InsuranceFund(500.0, max_use=0.1), {"ann": 2.5}, 450.0),
        (adl.InsuranceFund(500.0, max_use=0.0), {}, 500.0),
        (adl.InsuranceFund(0.0), {}, 0.0),
    ],
)
def test_a_fund_closes_the_strictest_orders_as_far_as_its_budget_pays(fund, closed, balance):
    event = run(SHORT_OF_BIDS, fund, books=THIN)
    assert taken(event, FUND) == pytest.approx(closed)
    assert event.buffers[FUND].balance == pytest.approx(balance)
    assert fund.balance == sum([balance, -event.ledger[FUND].sum()])


def test_a_fund_closes_shorts_from_the_asks():
    book = {"BTC": adl.OrderBook(levels((1, 1)), levels((105, 2), (110, 4), (120, 10)))}
    rows = [position("ann", -4, 90), position("bob", -4, 106), winner(20)]
    event = run(rows, adl.InsuranceFund(94.0), books=book)
    assert taken(event, FUND) == pytest.approx({"ann": 4.0, "bob": 1.0})  # the mirror image of the case above


def test_a_fund_without_a_book_closes_nothing():
    event = run(SHORT_OF_BIDS, adl.InsuranceFund(1000.0))
    assert taken(event, FUND) == {}
    assert event.buffers[FUND].balance == 1000.0
    assert taken(event, "adl") == {"ann": 4.0}, "bob is solvent and stays open"


def test_a_fund_stops_where_the_book_ends():
    event = run(SHORT_OF_BIDS, adl.InsuranceFund(1000.0), books={"BTC": bids((95, 2), (90, 3))})
    assert taken(event, FUND) == {"ann": 3.0}
    assert event.buffers[FUND].balance == 1000.0 - 60.0


def test_a_fund_that_cannot_pay_for_all_markets_pays_the_same_part_of_each():
    """Every contract of BTC costs 10 (30 in all), of ETH 5 (20 in all): a fund of 25 closes half of both."""
    rows = [position("ann", 3, 110), position("bob", -4, 95, symbol="ETH"), winner(-9), winner(9, symbol="ETH")]
    books = {"BTC": bids((100, 9)), "ETH": adl.OrderBook(levels((1, 1)), levels((100, 9)))}
    event = run(rows, adl.InsuranceFund(25.0), books=books)
    assert taken(event, FUND) == pytest.approx({"ann": 1.5, "bob": 2.0})
    assert event.buffers[FUND].balance == pytest.approx(0.0)


def test_a_fund_pays_for_inverse_contracts_in_coins():
    """1,000 contracts with close-out price 100 close at 80: 1000 x (1/80 - 1/100) = 2.5 coins."""
    rows = [position("ann", 1000, 100, mark=80.0, contract="inverse"), winner(-1000, mark=80.0, contract="inverse")]
    event = run(rows, adl.InsuranceFund(10.0), books={"BTC": bids((80, 5000))})
    assert event.buffers[FUND].balance == pytest.approx(7.5)
    part = run(rows, adl.InsuranceFund(1.0), books={"BTC": bids((80, 5000))})
    assert taken(part, FUND) == pytest.approx({"ann": 400.0})


@few
@given(
    side=st.sampled_from([-1, 1]),
    orders=st.lists(st.tuples(st.integers(1, 5), st.integers(-40, 30)), min_size=1, max_size=6),
    depth=st.lists(st.tuples(st.integers(-30, 20), st.integers(1, 5)), min_size=1, max_size=5),
    balance=st.integers(0, 400),
)
def test_a_fund_buys_what_buying_contract_by_contract_gives(side, orders, depth, balance):
    """Close-out prices and levels of the book, in quote above the mark for longs and below it for shorts."""
    rows = [position(f"a{i}", side * qty, MARK + side * better) for i, (qty, better) in enumerate(orders)]
    near = levels(*[(MARK + side * better, qty) for better, qty in depth])
    far = levels((1e6, 1)) if side > 0 else levels((1e-6, 1))
    book = adl.OrderBook(near, far) if side > 0 else adl.OrderBook(far, near)
    event = run(rows, adl.InsuranceFund(float(balance)), books={"BTC": book} if book_holds_the_mark(book) else None)

    resting = sorted((better for better, qty in depth for _ in range(qty)), reverse=True)
    resting = resting if book_holds_the_mark(book) else []
    line = sorted(range(len(orders)), key=lambda i: (-orders[i][1], i))
    left, closed, money = {i: orders[i][0] for i in line}, dict.fromkeys(line, 0.0), float(balance)
    for i in line:
        while left[i] and resting and resting[0] >= orders[i][1]:
            left[i] -= 1
            resting.pop(0)
    for i in line:
        while left[i] and resting:
            cost = orders[i][1] - resting.pop(0)
            piece = min(1.0, money / cost)
            closed[i], left[i], money = closed[i] + piece, left[i] - 1, money - piece * cost
            if piece < 1:
                resting = []
    assert event.buffers[FUND].balance == pytest.approx(money, abs=1e-9)
    for i, qty in closed.items():
        assert event.positions.loc[f"a{i}", FUND].iloc[0] == pytest.approx(qty, abs=1e-9)


def book_holds_the_mark(book: adl.OrderBook) -> bool:
    prices = [*book.bids["price"], *book.asks["price"]]
    return min(prices) <= MARK <= max(prices)


def test_a_fund_receives_and_pays_but_never_owes():
    fund = adl.InsuranceFund(10.0, max_use=0.5, name="pot")
    assert fund.receive(5.0) == adl.InsuranceFund(15.0, max_use=0.5, name="pot")
    assert fund.receive(-4.0).balance == 6.0
    assert fund.receive(-11.0).balance == 0.0
    assert fund.balance == 10.0


# backstop vault: positions ---------------------------------------------------------------------------------------


def test_a_vault_takes_positions_at_close_out_prices():
    """It loses 4 x 10 on ann, who is bankrupt at 110, and gains 3 x 20 on bob."""
    vault = adl.BackstopVault(equity=1000.0, max_leverage=2.0)
    event = run([position("ann", 4, 110), position("bob", 3, 80), position("cat", 2, 40), winner(-9)], vault)
    after = event.buffers[VAULT]
    assert taken(event, VAULT) == {"ann": 4.0, "bob": 3.0}, "cat has 60 of its 100: no liquidation"
    assert by_market(event, VAULT, "average_price") == {("BTC", "long"): pytest.approx((4 * 110 + 3 * 80) / 7)}
    assert by_market(event, VAULT, "absorbed") == {("BTC", "long"): -20.0}
    assert after.equity == 1020.0
    assert after.inventory == holdings(BTC=(7.0, 100.0))
    assert after.room == 1020.0 * 2.0 - 700.0
    assert not vault.inventory
    assert adl.equity(event.panel).tolist() == [0.0, 0.0, 120.0, 1e9]


def test_a_vault_takes_the_strictest_positions_as_far_as_its_notional_reaches():
    vault = adl.BackstopVault(equity=250.0, max_leverage=2.0)
    event = run([position("ann", 4, 90), position("bob", 4, 95), winner(-9)], vault)
    assert taken(event, VAULT) == {"bob": 4.0, "ann": 1.0}
    assert contracts(event.buffers[VAULT]) == {"BTC": 5.0}


def test_a_vault_of_gross_capacity_counts_both_sides_and_all_symbols():
    """700 + 300 + 1000 of notional ask for a room of 500; each market gets a quarter."""
    vault = adl.BackstopVault(equity=500.0)
    rows = [position("ann", 7, 90), position("bob", -3, 110), position("cat", 100, 9, symbol="ETH", mark=10.0)]
    event = run(rows, vault)
    assert taken(event, VAULT) == pytest.approx({"ann": 1.75, "bob": 0.75, "cat": 25.0})
    assert contracts(event.buffers[VAULT]) == pytest.approx({"BTC": 1.0, "ETH": 25.0})


def test_what_a_vault_holds_takes_room_on_either_side():
    rows = [position("ann", 7, 90), position("bob", 1, 9.9, symbol="ETH", mark=10.0)]
    vault = adl.BackstopVault(equity=700.0, inventory=holdings(BTC=(-2.0, 100.0), ETH=(-8.0, 10.0)))
    assert vault.room == 420.0
    event = run(rows, vault)
    share = 420.0 / 710.0
    assert taken(event, VAULT) == pytest.approx({"ann": 7 * share, "bob": share})
    held = contracts(event.buffers[VAULT])
    assert held == pytest.approx({"BTC": -2 + 7 * share, "ETH": -8 + share})


def test_a_vault_serves_accounts_below_its_threshold():
    """With a margin of 50 per contract, equity must be below 25: close-out prices above 75."""
    rows = [position("ann", 1, 74), position("bob", 1, 75), position("cat", 1, 76), position("dee", 1, 120), winner(-9)]
    half = run(rows, adl.BackstopVault(equity=1e6, threshold=0.5))
    assert taken(half, VAULT) == {"cat": 1.0, "dee": 1.0}
    bankrupt_only = run(rows, adl.BackstopVault(equity=1e6, threshold=0.0))
    assert taken(bankrupt_only, VAULT) == {"dee": 1.0}


@pytest.mark.parametrize(
    ("equity", "max_loss", "closed"),
    [
        (1e6, 100.0, {"ann": 4.0, "bob": 4.0, "cat": 4.0}),
        (1e6, 99.0, {"ann": 4.0, "bob": 3.8}),  # bob brings 5 per contract: the limit is reached within bob
        (1e6, 80.0, {"ann": 4.0}),
        (1e6, 50.0, {"ann": 2.5}),
        (1e6, 0.0, {}),
        (50.0, np.inf, {"ann": 2.5}),  # no vault pays more than it owns
        (50.0, 60.0, {"ann": 2.5}),
        (0.0, np.inf, {}),
        (-5.0, np.inf, {}),
    ],
)
def test_a_vault_stops_where_its_loss_reaches_the_limit(equity, max_loss, closed):
    """ann brings a loss of 4 x 20, bob of 4 x 5, cat none."""
    vault = adl.BackstopVault(equity=equity, max_leverage=1000.0, max_loss=max_loss)
    event = run([position("ann", 4, 120), position("bob", 4, 105), position("cat", 4, 90), winner(-20)], vault)
    assert taken(event, VAULT) == pytest.approx(closed)
    assert event.buffers[VAULT].equity >= min(equity, 0.0)


def test_a_vault_of_limited_loss_bears_the_same_part_in_each_market():
    rows = [position("ann", 3, 110), position("bob", -4, 95, symbol="ETH"), winner(-9), winner(9, symbol="ETH")]
    event = run(rows, adl.BackstopVault(equity=1e6, max_loss=25.0))
    assert taken(event, VAULT) == pytest.approx({"ann": 1.5, "bob": 2.0})
    assert event.buffers[VAULT].equity == pytest.approx(1e6 - 25.0)


def test_a_vault_takes_inverse_positions_by_their_coins():
    """1,000 contracts at 80 are 12.5 coins; a vault of 5 takes 400, bought at 100, so it loses 400 x (1/80 - 1/100)."""
    rows = [position("ann", 1000, 100, mark=80.0, contract="inverse"), winner(-1000, mark=80.0, contract="inverse")]
    after = run(rows, adl.BackstopVault(equity=5.0)).buffers[VAULT]
    assert after.inventory["BTC"] == pytest.approx((400.0, -1 / 80))
    assert after.equity == pytest.approx(5.0 - 1.0)


@few
@given(
    orders=st.lists(st.tuples(st.integers(1, 6), st.integers(-45, 30)), min_size=1, max_size=8),
    equity=st.integers(0, 300),
    leverage=st.integers(0, 6),
    max_loss=st.none() | st.integers(0, 200),
    threshold=st.sampled_from([0.5, 1.0]),
)
def test_a_vault_takes_what_walking_along_the_orders_gives(orders, equity, leverage, max_loss, threshold):
    """Each order: contracts, and by how much its close-out price is stricter than the mark."""
    limit = np.inf if max_loss is None else float(max_loss)
    vault = adl.BackstopVault(float(equity), max_leverage=float(leverage), max_loss=limit, threshold=threshold)
    event = run([position(f"a{i}", -qty, MARK - strict) for i, (qty, strict) in enumerate(orders)], vault)
    room, bearable = float(equity * leverage), min(float(equity), limit)
    is_full = False
    for i in sorted(range(len(orders)), key=lambda i: (-orders[i][1], i)):
        qty, strict = orders[i]
        piece = 0.0
        if -strict < threshold * 0.5 * MARK and not is_full:
            loss = max(strict, 0)
            piece = min(qty, room / MARK, bearable / loss if loss else np.inf)
            room, bearable, is_full = room - piece * MARK, bearable - piece * loss, piece < qty
        assert event.positions.loc[f"a{i}", VAULT].iloc[0] == pytest.approx(piece, abs=1e-9)


# backstop vault: netting -----------------------------------------------------------------------------------------


def test_a_netting_vault_takes_both_sides_of_a_symbol_without_room():
    """7 longs and 3 shorts: 3 of each cost no net notional; a room of 200 takes 2 more longs."""
    rows = [position("ann", 7, 90), position("bob", -3, 110)]
    none = run(rows, adl.BackstopVault(equity=1.0, max_leverage=0.0, is_netting=True))
    assert taken(none, VAULT) == {"ann": 3.0, "bob": 3.0}
    some = run(rows, adl.BackstopVault(equity=200.0, is_netting=True))
    assert taken(some, VAULT) == pytest.approx({"ann": 5.0, "bob": 3.0})
    assert contracts(some.buffers[VAULT]) == pytest.approx({"BTC": 2.0})
    gross = run(rows, adl.BackstopVault(equity=200.0))
    assert taken(gross, VAULT) == pytest.approx({"ann": 1.4, "bob": 0.6})


@pytest.mark.parametrize(
    ("held", "equity", "closed"),
    [
        (-5.0, 0.0, 5.0),  # its own shorts are bought back
        (-5.0, 100.0, 6.0),
        (-5.0, 1e6, 7.0),
        (-9.0, 200.0, 7.0),  # holds 900 with a capacity of 200: all that comes makes it smaller
        (2.0, 300.0, 1.0),
        (2.0, 100.0, 0.0),  # too much on the same side already
    ],
)
def test_a_netting_vault_offsets_what_it_holds(held, equity, closed):
    vault = adl.BackstopVault(equity=equity, is_netting=True, inventory=holdings(BTC=(held, 100.0)))
    event = run([position("ann", 7, 90), winner(-7)], vault)
    assert event.positions[VAULT].sum() == pytest.approx(closed)
    assert contracts(event.buffers[VAULT]).get("BTC", 0.0) == pytest.approx(held + closed)


def test_a_netting_vault_does_not_net_different_symbols():
    vault = adl.BackstopVault(equity=500.0, is_netting=True)
    event = run([position("ann", 5, 90), position("bob", -5, 110, symbol="ETH")], vault)
    assert taken(event, VAULT) == pytest.approx({"ann": 2.5, "bob": 2.5})


@few
@given(
    orders=st.lists(
        st.tuples(st.sampled_from(["BTC", "ETH", "SOL"]), st.integers(-9, 9).filter(bool)), min_size=1, max_size=7
    ),
    held=st.tuples(st.integers(-9, 9), st.integers(-9, 9), st.integers(-9, 9)),
    capacity=st.integers(0, 30),
)
def test_a_netting_vault_takes_the_largest_part_whose_net_notional_fits(orders, held, capacity):
    """Offsetting contracts always; of the others the largest part, found by trying 1,000 parts."""
    symbols = ["BTC", "ETH", "SOL"]
    stock = holdings(**{symbol: (qty, MARK) for symbol, qty in zip(symbols, held, strict=True)})
    rows = [position(f"a{i}", qty, MARK - 10 * np.sign(qty), symbol=symbol) for i, (symbol, qty) in enumerate(orders)]
    rows += [winner(1, symbol=symbol) for symbol in symbols]
    vault = adl.BackstopVault(float(capacity) * MARK, is_netting=True, inventory=stock)
    event = run(rows, vault)

    longs = {s: sum(qty for symbol, qty in orders if symbol == s and qty > 0) for s in symbols}
    shorts = {s: -sum(qty for symbol, qty in orders if symbol == s and qty < 0) for s in symbols}
    use = [
        sum(abs(q + (longs[s] - shorts[s]) * step / 1000) for s, q in zip(symbols, held, strict=True))
        for step in range(1001)
    ]
    part = max(step for step in range(1001) if use[step] <= max(capacity, min(use))) / 1000
    found = event.stages["qty"].xs(VAULT, level="stage")
    for s in symbols:
        both = min(longs[s], shorts[s])
        for side, wanted in (("long", longs[s]), ("short", shorts[s])):
            if wanted:
                assert found[s, side] == pytest.approx(both + part * (wanted - both), abs=2e-3 * wanted)
    net = sum(map(abs, contracts(event.buffers[VAULT]).values()))
    assert net <= max(capacity, sum(map(abs, held))) * (1 + 1e-9)


def test_a_netting_vault_keeps_its_net_notional_where_its_loss_is_limited():
    """Shorts bring no loss, longs 10 a contract; a loss of 50 allows 5 longs, so 6 shorts fit into a room of 100."""
    rows = [position("ann", 10, 110), position("bob", -10, 120), winner(-10), winner(10)]
    vault = adl.BackstopVault(equity=100.0, max_loss=50.0, is_netting=True)
    held = contracts(run(rows, vault).buffers[VAULT])
    assert abs(sum(held.values())) * MARK <= 100.0


# backstop vault: whole accounts ----------------------------------------------------------------------------------


def test_a_vault_takes_over_an_account_with_all_its_positions_and_what_is_left_of_it():
    """ann, long 2 BTC and short 30 ETH, has 40 left of a margin of 250: the vault gets positions and money."""
    ann = [cash("ann", 2, 40), cash("ann", -30, 0, symbol="ETH", mark=10.0)]
    vault = adl.BackstopVault(equity=1000.0, takes_accounts=True)
    event = run(ann, vault)
    after = event.buffers[VAULT]
    assert taken(event, VAULT) == {"ann BTC": 2.0, "ann ETH": 30.0}
    assert after.equity == pytest.approx(1040.0)
    assert contracts(after) == {"BTC": 2.0, "ETH": -30.0}
    assert adl.equity(event.panel).tolist() == pytest.approx([0.0, 0.0])
    assert event.panel["qty"].tolist() == [0.0, 0.0]


def test_a_vault_also_gets_what_an_account_earned_in_the_book():
    """ann sells 4 of 10 at 95, where 80 would leave nothing: 6 at the mark of 100 and 200 - 4 x 5 = 180 of money."""
    vault = adl.BackstopVault(equity=1000.0, takes_accounts=True)
    event = run([position("ann", 10, 80)], vault, books={"BTC": bids((95, 4), (70, 9))})
    assert taken(event, "book") == {"ann": 4.0}
    assert contracts(event.buffers[VAULT]) == {"BTC": 6.0}
    assert event.buffers[VAULT].equity == pytest.approx(1180.0)
    assert event.panel["collateral"].tolist() == pytest.approx([0.0])


def test_a_vault_of_accounts_takes_what_was_never_ordered_and_one_of_positions_does_not():
    partial = adl.venues.PartialLiquidation(above=500.0, fraction=0.2)
    rows = [position("ann", 10, 80)]
    accounts = run(rows, adl.BackstopVault(1e6, takes_accounts=True), partial=partial)
    assert taken(accounts, VAULT) == {"ann": 10.0}
    assert taken(run(rows, adl.BackstopVault(1e6), partial=partial), VAULT) == {"ann": 2.0}


def test_a_vault_takes_the_account_of_the_largest_hole_per_margin_first_and_passes_over_what_does_not_fit():
    """-equity / margin: cat 40 / 200, ann 30 / 300, bob -10 / 50, dee -10 / 50 (tied with bob), eve -100 / 250."""
    rows = [cash("ann", 6, -30), cash("bob", 1, 10), cash("cat", -4, -40), cash("dee", 1, 10), cash("eve", 5, 100)]
    rows += [winner(-20), winner(20)]

    def accounts(room: float, **more: Any) -> set[str]:
        vault = adl.BackstopVault(equity=room, takes_accounts=True, **more)
        return set(taken(run(rows, vault), VAULT))

    assert accounts(1700.0) == {"ann", "bob", "cat", "dee", "eve"}
    assert accounts(1699.0) == {"ann", "bob", "cat", "dee"}
    assert accounts(1100.0) == {"ann", "bob", "cat"}
    assert accounts(999.0) == {"bob", "cat", "dee"}, "ann, the next in line, does not fit; the smaller ones do"
    assert accounts(399.0) == {"bob", "dee"}
    assert accounts(99.0) == set()
    assert accounts(1700.0, threshold=0.0) == {"ann", "cat"}
    assert accounts(1700.0, max_loss=69.0) == {"bob", "cat", "dee", "eve"}, "the hole of ann does not fit beside cat's"
    assert accounts(1700.0, max_loss=35.0) == {"ann", "bob", "dee", "eve"}
    assert accounts(35.0, max_leverage=100.0) == {"ann", "bob", "dee", "eve"}, "nor does it pay more than it owns"


def test_an_account_without_margin_is_the_most_urgent_of_all():
    rows = [cash("ann", 1, -40), cash("bob", 1, -1, maintenance_rate=0.0), winner(-9)]
    assert taken(run(rows, adl.BackstopVault(equity=100.0, takes_accounts=True)), VAULT) == {"bob": 1.0}


@few
@given(
    held=st.lists(
        st.tuples(st.integers(-9, 9).filter(bool), st.integers(-9, 9), st.integers(-90, 90)), min_size=1, max_size=9
    ),
    equity=st.integers(0, 3000),
    max_loss=st.none() | st.integers(0, 150),
    threshold=st.sampled_from([0.0, 0.5, 1.0]),
)
def test_a_vault_takes_the_accounts_that_plain_first_fit_takes(held, equity, max_loss, threshold):
    """Each account: contracts of BTC, contracts of ETH (perhaps none), equity."""
    rows = []
    for i, (btc, eth, money) in enumerate(held):
        rows += [cash(f"a{i}", btc, money)] + ([cash(f"a{i}", eth, 0, symbol="ETH")] if eth else [])
    limit = np.inf if max_loss is None else float(max_loss)
    vault = adl.BackstopVault(float(equity), max_loss=limit, threshold=threshold, takes_accounts=True)
    event = run(rows, vault)

    room, bearable, expected = float(equity), min(limit, equity), set()
    margin = [MARK / 2 * (abs(btc) + abs(eth)) for btc, eth, _ in held]
    for i in sorted(range(len(held)), key=lambda i: (held[i][2] / margin[i], i)):
        size, loss = 2 * margin[i], max(-held[i][2], 0)
        if held[i][2] < margin[i] * min(threshold, 1.0) and size <= room and loss <= bearable:
            expected.add(f"a{i}")
            room, bearable = room - size, bearable - loss
    whole = event.positions[VAULT].groupby(level="account").sum()
    assert set(whole.index[whole > 0]) == expected
    for account in expected:
        assert whole[account] == event.positions["qty"].abs().groupby(level="account").sum()[account]


# backstop vault: marks and money ---------------------------------------------------------------------------------


def test_a_vault_gains_and_loses_with_what_it_holds():
    vault = adl.BackstopVault(equity=100.0, inventory=holdings(BTC=(5.0, 100.0), ETH=(-10.0, 10.0)))
    after = vault.remark({"BTC": 90.0, "ETH": 8.0, "SOL": 1.0})
    assert after.equity == 100.0 - 50.0 + 20.0
    assert {symbol: held.value for symbol, held in after.inventory.items()} == {"BTC": 90.0, "ETH": 8.0}
    assert contracts(after) == {"BTC": 5.0, "ETH": -10.0}
    assert {symbol: held.value for symbol, held in vault.inventory.items()} == {"BTC": 100.0, "ETH": 10.0}


def test_a_vault_needs_a_mark_for_all_it_holds():
    vault = adl.BackstopVault(equity=100.0, inventory=holdings(BTC=(5.0, 100.0), XRP=(1.0, 2.0)))
    with pytest.raises(VenueError, match=r"backstop vault: no mark for symbols \['XRP'\] of its inventory"):
        run([position("ann", 1, 90)], vault)


def test_a_vault_receives_and_may_owe():
    vault = adl.BackstopVault(equity=10.0, inventory=holdings(BTC=(1.0, 2.0)), name="pool")
    assert vault.receive(5.0).equity == 15.0
    assert vault.receive(-11.0).equity == -1.0
    assert vault.receive(5.0).inventory is vault.inventory
    assert vault.equity == 10.0


# in line ---------------------------------------------------------------------------------------------------------


def test_each_buffer_sees_what_the_one_before_left():
    """Of 10 contracts a programme takes 2, a fund closes 3 at 80 (10 short of 90), a vault takes 4, ADL the last."""
    makers = adl.ProgrammaticLiquidity(200.0, discount=0.05, name="makers")
    buffers = (makers, adl.InsuranceFund(30.0, name="fund"), adl.BackstopVault(400.0, name="vault"))
    books = {"BTC": bids((80, 100))}
    event = run([position("ann", 10, 90), winner(-10)], *buffers, books=books, deleverages_solvent=True)
    assert event.stages.index.get_level_values("stage").tolist() == [
        *("book", "makers", "fund", "vault", "adl", "open", "residual")
    ]
    assert event.stages["qty"].tolist() == pytest.approx([0.0, 2.0, 3.0, 4.0, 1.0, 0.0, 0.0])
    assert list(event.buffers) == ["makers", "fund", "vault"]
    other = run([position("ann", 10, 90), winner(-10)], *buffers[::-1], books=books, deleverages_solvent=True)
    assert other.stages["qty"].tolist() == pytest.approx([0.0, 4.0, 3.0, 2.0, 1.0, 0.0, 0.0])


def test_a_fund_closes_in_what_the_fund_before_left_of_the_book():
    """The first pays 10 for each of 2 contracts at 90, the second 20 for each of 2 at 80."""
    funds = adl.InsuranceFund(20.0, name="first"), adl.InsuranceFund(60.0, name="second")
    event = run([position("ann", 5, 100), winner(-5)], *funds, books={"BTC": bids((90, 2), (80, 2), (70, 9))})
    assert taken(event, "first") == {"ann": 2.0}
    assert taken(event, "second") == pytest.approx({"ann": 2.0 + 20.0 / 30.0})


def test_two_vaults_take_one_after_the_other():
    vaults = [adl.BackstopVault(equity=300.0, name=name) for name in ("first", "second")]
    event = run([position("ann", 4, 95), position("bob", 4, 90)], *vaults)
    assert taken(event, "first") == {"ann": 3.0}
    assert taken(event, "second") == {"ann": 1.0, "bob": 2.0}


# larger buffers --------------------------------------------------------------------------------------------------


def deleveraged(event: adl.EventResult) -> pd.Series:
    rows = event.stages.index.get_level_values("stage") == "adl"
    return event.stages.loc[rows, "qty"].droplevel("stage")


@settings(max_examples=40)
@given(
    seed=seeds,
    order=st.permutations(range(3)),
    grown=st.sampled_from(["capacity", "balance", "max_use", "equity", "max_loss"]),
    factor=st.sampled_from([1.1, 3.0, 100.0]),
)
def test_a_larger_buffer_of_gross_capacity_never_raises_deleveraging_in_any_market(seed, order, grown, factor):
    rng = np.random.default_rng(seed)
    panel = random_panel(rng, n_accounts=12)
    marks = adl.mark_prices(panel) * np.exp(rng.normal(0, 0.15, size=panel.index.unique("symbol").size))
    gross = float(adl.notional(panel).sum()) + 1e-9
    size = gross * 10.0 ** rng.uniform(-3.5, -0.5, size=4)
    stand = [
        adl.ProgrammaticLiquidity(size[0], discount=float(rng.choice([0.0, 0.005, 0.05]))),
        adl.InsuranceFund(size[1] / 10, max_use=float(rng.choice([0.01, 0.5]))),
        adl.BackstopVault(
            size[2] / 3, max_leverage=3.0, max_loss=size[3] / 10, threshold=float(rng.choice([2 / 3, 1]))
        ),
    ]
    books = random_books(rng, panel, marks)
    venue = adl.VenueRules(
        name="random",
        valid_from="",
        source="seed",
        policy=adl.Policy(SCORES[rng.integers(len(SCORES))]),
        protects_winners=bool(rng.random() < 0.5),
        deleverages_solvent=bool(rng.random() < 0.5),
    )
    larger = [
        replace(buffer, **{grown: min(getattr(buffer, grown) * factor, 1.0 if grown == "max_use" else np.inf)})
        if hasattr(buffer, grown)
        else buffer
        for buffer in stand
    ]
    before, after = (
        adl.run_event(panel, marks, venue=venue.with_buffers(*(buffers[place] for place in order)), books=books)
        for buffers in (stand, larger)
    )
    need = before.stages["qty"].groupby(level=["symbol", "side"]).sum()
    assert (deleveraged(after) <= deleveraged(before) + 1e-9 * need).all()


def test_a_larger_fund_before_a_netting_vault_may_raise_deleveraging_in_one_market():
    """Documented exception: the fund closes longs that would have offset the shorts within the vault."""
    rows = [position("ann", 10, 102), position("bob", -10, 98), winner(-10), winner(10)]
    vault = adl.BackstopVault(equity=1000.0, max_leverage=0.0, is_netting=True)
    books = {"BTC": adl.OrderBook(levels((100, 5)), levels())}
    poor, rich = (run(rows, adl.InsuranceFund(money), vault, books=books) for money in (0.0, 10.0))
    assert deleveraged(poor).to_dict() == {("BTC", "long"): 0.0, ("BTC", "short"): 0.0}
    assert by_market(rich, FUND) == {("BTC", "long"): 5.0, ("BTC", "short"): 0.0}
    assert deleveraged(rich).to_dict() == {("BTC", "long"): 0.0, ("BTC", "short"): 5.0}


def test_a_larger_vault_of_whole_accounts_may_raise_deleveraging_in_one_market():
    """Documented exception: one large account takes the room of two small ones in another market."""
    rows = [cash("ann", 10, -90, symbol="ETH"), cash("bob", 4, -4), cash("cat", 4, -4)]
    rows += [winner(-10, symbol="ETH"), winner(-10)]
    small, large = (run(rows, adl.BackstopVault(room, takes_accounts=True)) for room in (900.0, 1000.0))
    assert deleveraged(small).to_dict() == {("BTC", "long"): 0.0, ("ETH", "long"): 10.0}
    assert deleveraged(large).to_dict() == {("BTC", "long"): 8.0, ("ETH", "long"): 0.0}


def test_a_larger_vault_before_a_fund_never_raises_deleveraging_in_any_market():
    """BTC: 100 contracts cost the fund 1 each and the last one 100; ETH: 200 cost 1 each. The fund has 196."""
    rows = [position("ann", 101, 110, mark=109.0), winner(-101, mark=109.0)]
    rows += [position("bob", 200, 110, mark=109.0, symbol="ETH"), winner(-200, mark=109.0, symbol="ETH")]
    books = {"BTC": bids((109, 100), (10, 10)), "ETH": bids((109, 300))}
    poor, rich = (
        run(rows, adl.BackstopVault(equity=1000.0, max_loss=loss), adl.InsuranceFund(196.0), books=books)
        for loss in (0.0, 4.0)
    )
    assert (deleveraged(rich) <= deleveraged(poor)).all()


# errors ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: adl.ProgrammaticLiquidity(-1.0, 0.1), "programmatic liquidity: capacity must be finite and 0 or more"),
        (lambda: adl.ProgrammaticLiquidity(np.inf, 0.1), "capacity must be finite and 0 or more, got inf"),
        (lambda: adl.ProgrammaticLiquidity(np.nan, 0.1), "capacity must be finite and 0 or more, got nan"),
        (lambda: adl.ProgrammaticLiquidity(1.0, 1.0), r"discount must be within \[0, 1\), got 1.0"),
        (lambda: adl.ProgrammaticLiquidity(1.0, -0.01), r"discount must be within \[0, 1\)"),
        (lambda: adl.ProgrammaticLiquidity(1.0, np.nan), r"discount must be within \[0, 1\)"),
        (lambda: adl.InsuranceFund(-1.0, name="pot"), "pot: balance must be finite and 0 or more, got -1.0"),
        (lambda: adl.InsuranceFund(np.nan), "insurance fund: balance must be finite and 0 or more"),
        (lambda: adl.InsuranceFund(np.inf), "balance must be finite and 0 or more"),
        (lambda: adl.InsuranceFund(1.0, max_use=1.1), r"max_use must be within \[0, 1\], got 1.1"),
        (lambda: adl.InsuranceFund(1.0, max_use=-0.1), r"max_use must be within \[0, 1\]"),
        (lambda: adl.InsuranceFund(1.0, max_use=np.nan), r"max_use must be within \[0, 1\]"),
        (lambda: adl.BackstopVault(np.nan), "backstop vault: equity must be finite, got nan"),
        (lambda: adl.BackstopVault(np.inf), "equity must be finite"),
        (lambda: adl.BackstopVault(1.0, max_leverage=-1.0), "max_leverage must be finite and 0 or more"),
        (lambda: adl.BackstopVault(1.0, max_leverage=np.inf), "max_leverage must be finite and 0 or more"),
        (lambda: adl.BackstopVault(1.0, max_loss=-1.0), "max_loss must be 0 or more, got -1.0"),
        (lambda: adl.BackstopVault(1.0, max_loss=np.nan), "max_loss must be 0 or more"),
        (lambda: adl.BackstopVault(1.0, threshold=-1.0), "threshold must be 0 or more"),
        (lambda: adl.BackstopVault(1.0, threshold=np.nan), "threshold must be 0 or more"),
        (lambda: adl.BackstopVault(1.0, takes_accounts=True, is_netting=True), "set is_netting or takes_accounts, not"),
        (
            lambda: adl.BackstopVault(1.0, inventory={"BTC": 1.0}),
            r"inventory maps symbols to adl.Holding\(qty, value\) of finite numbers; got \{'BTC': 1.0\}",
        ),
        (lambda: adl.BackstopVault(1.0, inventory=holdings(BTC=(np.nan, 2.0))), "of finite numbers"),
        (lambda: adl.BackstopVault(1.0, backing=-1.0), "backing must be finite and 0 or more"),
        (lambda: adl.BackstopVault(1.0, max_notional=-1.0), "max_notional must be 0 or more"),
        (lambda: adl.BackstopVault(1.0, symbol_caps={"BTC": -1.0}), "the cap of BTC must be finite and 0 or more"),
        (lambda: adl.BackstopVault(1.0, discount=1.0), r"discount must be within \[0, 1\), got 1.0"),
        (lambda: adl.BackstopVault(1.0, takes_accounts=True, discount=0.1), "set discount or takes_accounts, not both"),
        (lambda: adl.BackstopVault(1.0, is_netting=True, symbol_caps={"BTC": 1.0}), "set is_netting or symbol_caps"),
    ],
)
def test_a_buffer_without_sense_is_refused(make, message):
    with pytest.raises(VenueError, match=message):
        make()
