"""A price path through the waterfall: the same as event by event, and nothing is lost on the way."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_events import random_panel
from random_simulations import random_simulation, stepwise

import adlkit as adl
from adlkit.errors import BookError, PanelError, PathError, VenueError
from adlkit.simulation.liquidity import Liquidity

SEEDS = st.integers(0, 100_000)


def close(found, expected, scale):
    return found == pytest.approx(expected, rel=1e-9, abs=1e-9 * scale)


# laws --------------------------------------------------------------------------------------------------------------


@settings(max_examples=60)
@given(seed=SEEDS)
def test_every_step_is_one_event_on_the_whole_panel(seed):
    panel, given_ = random_simulation(seed, unwinds=False)
    expected = stepwise(panel, given_)
    result = adl.simulate(panel, **given_)
    scale = float(adl.notional(panel).sum()) + 1.0
    last = expected[-1]
    for column in ("qty", "collateral", "mark_price"):
        assert close(result.panel[column].to_numpy(), last.panel[column].to_numpy(), scale)
    for place, time in enumerate(result.times):
        owned = adl.equity(expected[place].panel).groupby(level="account").first().sum()
        assert close(result.money["accounts"].iloc[place], owned, scale)
        for name, buffer in expected[place].buffers.items():
            assert close(result.money.loc[time, name], buffer.money, scale)
        own = result.fills[result.fills["time"] == time]
        fills = expected[place].fills
        assert own[["bankrupt", "winner"]].to_numpy().tolist() == fills[["bankrupt", "winner"]].to_numpy().tolist()
        assert close(own["qty"].to_numpy(), fills["qty"].to_numpy(), panel["qty"].abs().sum())
        stages = result.timeline["qty"].xs(time, level="time") if len(expected[place].stages) else None
        if stages is not None:
            assert close(stages.to_numpy(), expected[place].stages["qty"].to_numpy(), panel["qty"].abs().sum())


@settings(max_examples=150)
@given(seed=SEEDS)
def test_money_and_contracts_are_conserved_at_every_step(seed):
    panel, given_ = random_simulation(seed, unwinds=True)
    result = adl.simulate(panel, **given_)
    assert result.imbalance <= 1e-9
    contracts = np.abs(result.parties.qty.sum(axis=1)).max(initial=0.0)
    assert contracts <= 1e-9 * panel["qty"].abs().sum()
    held = result.panel["qty"].groupby(level="symbol").sum()
    assert close(result.parties.qty[-1, 0], held.to_numpy(), panel["qty"].abs().sum())
    owned = adl.equity(result.panel).groupby(level="account").first().sum()
    assert close(result.money["accounts"].iloc[-1], owned, adl.notional(panel).sum())
    unbalanced = np.abs(result.ledger.to_numpy().sum(axis=1)).max(initial=0.0)
    assert unbalanced <= 1e-9 * adl.notional(panel).sum()


@settings(max_examples=80)
@given(seed=SEEDS)
def test_the_parts_of_a_vaults_profit_add_up_to_what_its_equity_has_gained(seed):
    panel, given_ = random_simulation(seed, unwinds=True)
    result = adl.simulate(panel, **given_)
    for name, vault in result.buffers_before.items():
        if isinstance(vault, adl.BackstopVault):
            pnl = result.vault_pnl(name)
            scale = adl.notional(panel).sum() + 1.0
            assert abs(pnl.residual) <= 1e-9 * scale
            assert close(pnl.total, result.buffers[name].money - vault.money, scale)


# worked by hand ----------------------------------------------------------------------------------------------------

TIMES = pd.date_range("2025-10-10 21:00", periods=7, freq="min", tz="UTC", unit="us")


def one_long(collateral=15.0, rate=0.1):
    """ann is long 10 from 100 against bob, who has 1,000."""
    rows = [("ann", 10.0, collateral), ("bob", -10.0, 1000.0)]
    frame = pd.DataFrame(rows, columns=["account", "qty", "collateral"])
    facts = {"symbol": "BTC", "entry_price": 100.0, "mark_price": 100.0}
    return adl.build_panel(frame.assign(**facts, maintenance_rate=rate, maintenance_deduction=0.0))


def bare(**rules):
    """A venue without buffers: what the book does not fill, winners close."""
    return replace(adl.venues.dydx_v4, buffers=(), surplus_to="account", fee_rate=0.0, fee_to="", **rules)


def walk(*marks):
    return pd.DataFrame({"BTC": np.array(marks, dtype=float)}, index=TIMES[: len(marks)])


def vault_of(**options):
    """Hyperliquid's way: whole accounts below two thirds of maintenance, at mark, with what they have left."""
    return adl.BackstopVault(**{"equity": 2000.0, "threshold": 2 / 3, "takes_accounts": True, **options})


FLAT = pd.DataFrame({"price": [0.999], "qty": [1e9]}), pd.DataFrame({"price": [1.001], "qty": [1e9]})
DEEP = {"BTC": adl.OrderBook(*FLAT, is_relative=True)}


def run(vault, *marks, panel=None, **options):
    venue = adl.venues.hyperliquid.with_buffers(vault)
    return adl.simulate(one_long(150.0) if panel is None else panel, walk(*marks), venue=venue, **options)


def test_a_vault_that_holds_earns_the_margin_and_the_rebound():
    """ann: equity 150 at 100, 20 at 87 (margin 87: below 58): taken at mark with 20. 80: -70; 95: +150."""
    result = run(vault_of(), 100, 87, 80, 95)
    assert result.vault_trades[["qty", "price", "cash"]].to_numpy().tolist() == [[10.0, 85.0, 0.0]]
    assert result.vaults["equity"].tolist() == [2000.0, 2020.0, 1950.0, 2100.0]
    assert result.vault_pnl().parts.iloc[:3].tolist() == [20.0, -70.0, 150.0]
    assert result.accounts.loc["ann", "liquidated_at"] == TIMES[1]


def test_exits_sell_in_the_book_at_its_price():
    """Immediately: 10 at 87 x 0.999. TWAP over 2 minutes: 5 and 5. Held for 2 minutes: 10 at 95 x 0.999."""
    expected = {
        adl.exits.Immediate(): [[1, -10.0, 87 * 0.999]],
        adl.exits.Twap(120.0): [[2, -5.0, 80 * 0.999], [3, -5.0, 95 * 0.999]],
        adl.exits.Hold(120.0): [[3, -10.0, 95 * 0.999]],
    }
    for rule, trades in expected.items():
        result = run(vault_of(exit_rule=rule), 100, 87, 80, 95, 95, books=DEEP, panel=thin_margin())
        sold = result.vault_trades[result.vault_trades["kind"] == "exit"]
        found = sold.assign(step=[result.times.get_loc(time) for time in sold["time"]])[["step", "qty", "price"]]
        assert found.to_numpy().tolist() == [pytest.approx(row) for row in trades]
        assert result.inventory["BTC"].iloc[-1] == 0.0


def thin_margin():
    """As `one_long`, but the book is worse than ann's close-out price, so the vault takes the account."""
    return one_long(130.05)


def test_a_short_is_bought_back_above_the_mark_and_an_inverse_one_too():
    """bob is short 10 and left with 0.05 at 113: taken there, bought back at 120 x 1.001. Inverse: 1,000 of 1 USD."""
    rows = [("ann", 10.0, 1000.0), ("bob", -10.0, 130.05)]
    frame = pd.DataFrame(rows, columns=["account", "qty", "collateral"])
    facts = {"symbol": "BTC", "entry_price": 100.0, "mark_price": 100.0, "maintenance_deduction": 0.0}
    panel = adl.build_panel(frame.assign(**facts, maintenance_rate=0.1))
    hold = vault_of(exit_rule=adl.exits.Hold(60.0))
    result = run(hold, 100, 113, 120, panel=panel, books=DEEP)
    assert result.vault_trades["qty"].tolist() == [-10.0, 10.0]
    assert result.vault_trades["price"].iloc[1] == pytest.approx(120 * 1.001)
    assert result.vaults["equity"].iloc[-1] == pytest.approx(2000.05 - 70.0 - 1.2)
    coins = frame.assign(qty=[1000.0, -1000.0], collateral=[9.0, 1000 / 100 - 1000 / 113 + 0.0005], contract="inverse")
    panel = adl.build_panel(coins.assign(**facts, maintenance_rate=0.1))
    result = run(vault_of(exit_rule=adl.exits.Hold(60.0)), 100, 113, 120, panel=panel, books=DEEP)
    assert result.vault_trades["price"].iloc[1] == pytest.approx(120 * 1.001)
    assert result.vaults["equity"].iloc[-1] == pytest.approx(2000.0005 - 1000 / 113 + 1000 / (120 * 1.001))


def test_participation_and_quotes_follow_volume():
    """A tenth of 30, 40, 80 contracts a step is sold at 0.999 of the mark; a quote 1% up is hit by the rise to 95."""
    volumes = walk(30, 30, 40, 80, 80)
    given_ = {"panel": thin_margin(), "volumes": volumes}
    part = run(vault_of(exit_rule=adl.exits.Participation(0.1)), 100, 87, 80, 95, 95, books=DEEP, **given_)
    assert part.inventory["BTC"].tolist() == pytest.approx([0.0, 10.0, 6.0, 0.0, 0.0])
    quoted = run(vault_of(exit_rule=adl.exits.Passive(0.01, 0.1)), 100, 87, 80, 95, 95, **given_)
    sold = quoted.vault_trades[quoted.vault_trades["kind"] == "exit"]
    assert sold[["qty", "price"]].to_numpy().tolist() == [pytest.approx([-8.0, 80.8])]
    assert quoted.vault_pnl().parts["impact"] == pytest.approx(8 * 0.8)


def test_a_bankrupt_vault_is_relieved_by_winners_at_its_own_bankruptcy_price():
    """Equity 50 + backing 820 carry 870. Taken at 87 with 20 of margin: 70 left, broke 7 below 87. At 79 it has -10:
    bob closes 10 at 80, which leaves the vault with nothing and costs bob 10. Backing of 900 would have borne it."""
    fills_at_close_out = replace(adl.venues.hyperliquid, fill_price=adl.venues.at_close_out)
    for backing, closed in ((0.0, 10.0), (900.0, 0.0)):
        vault = vault_of(equity=50.0, max_leverage=20.0, backing=backing, is_relieved=True)
        venue = fills_at_close_out.with_buffers(vault)
        result = adl.simulate(one_long(150.0), walk(100, 87, 81, 79, 95), venue=venue)
        assert result.fills["qty"].sum() == closed
        assert result.imbalance < 1e-12
        if closed:
            assert result.fills[["bankrupt", "winner"]].to_numpy().tolist() == [["backstop vault", "bob"]]
            assert result.fills[["price", "forgone"]].to_numpy().tolist() == [pytest.approx([80.0, 10.0])]
            assert result.vaults["equity"].tolist() == pytest.approx([50.0, 70.0, 10.0, 0.0, 0.0])
            assert result.vault_pnl().parts["relief"] == pytest.approx(10.0)
        else:
            assert result.vaults["equity"].tolist() == pytest.approx([50.0, 70.0, 10.0, -10.0, 150.0])


def test_what_a_relieved_vault_owes_stays_its_debt():
    """Fills at the mark: bob gives up nothing, and of 170 lost (81 -> 64 x 10) the vault's own 10 and 20 of backing."""
    vault = vault_of(equity=50.0, max_leverage=20.0, backing=20.0, is_relieved=True)
    venue = replace(adl.venues.hyperliquid, fill_price=adl.venues.at_mark).with_buffers(vault)
    result = adl.simulate(one_long(150.0), walk(100, 87, 81, 64, 95), venue=venue)
    assert result.fills["forgone"].tolist() == [0.0]
    assert result.vaults["equity"].iloc[-1] == pytest.approx(70.0 + 10 * (64 - 87))
    assert result.money["residual"].iloc[-1] == 0.0
    assert result.vault_pnl().parts["relief"] == 0.0


def test_a_turn_of_the_inventory_in_one_event_leaves_desk_and_inventory_alike():
    """The vault is short 10; one event brings a long of 10 and a short of 15: 15 short, bought back once."""
    rows = [("ann", 10.0, 100.0, 130.0), ("bea", -15.0, 74.0, 15 * 13 - 0.1), ("cat", -10.0, 100.0, 5000.0)]
    rows += [("dan", 25.0, 100.0, 9000.0)]
    frame = pd.DataFrame(rows, columns=["account", "qty", "entry_price", "collateral"])
    facts = {"symbol": "BTC", "mark_price": 100.0, "maintenance_rate": 0.1, "maintenance_deduction": 0.0}
    panel = adl.build_panel(frame.assign(**facts).assign(collateral=[130.0, 15 * 26.0 + 30, 5000.0, 9000.0]))
    vault = vault_of(equity=1e6, inventory={"BTC": adl.Holding(-10.0, 100.0)}, exit_rule=adl.exits.Hold(120.0))
    result = run(vault, 100, 87, 87, 110, 110, 110, panel=panel, books=DEEP)
    exits = result.vault_trades[result.vault_trades["kind"] == "exit"]
    assert abs(result.inventory["BTC"].iloc[-1]) < 1e-9
    assert result.imbalance < 1e-12
    assert (exits["price"].between(87 * 0.99, 110 * 1.01)).all()


def test_books_are_eaten_into_and_refill_by_half():
    """Two longs of 10, liquidated at 90 and 80, meet 12 bids: 10 trade, then the 7 that are left after a half-life."""
    rows = [("ann", 10.0, 101.0), ("bea", 10.0, 201.0), ("bob", -20.0, 1000.0)]
    facts = {"symbol": "BTC", "entry_price": 100.0, "mark_price": 100.0, "maintenance_rate": 0.1}
    frame = pd.DataFrame(rows, columns=["account", "qty", "collateral"]).assign(**facts, maintenance_deduction=0.0)
    level = pd.DataFrame({"price": [0.999], "qty": [12.0]}), pd.DataFrame({"price": [1.001], "qty": [12.0]})
    venue = bare(limit=adl.venues.without_limit)
    result = adl.simulate(
        adl.build_panel(frame),
        walk(100, 90, 80),
        venue=venue,
        books={"BTC": adl.OrderBook(*level, is_relative=True)},
        refill=60.0,
    )
    assert result.timeline["qty"].xs("book", level="stage").tolist() == pytest.approx([10.0, 7.0])


def test_funding_is_paid_by_longs_to_shorts_on_notional_at_the_mark():
    """1% of 10 x 110 at the second step; ann pays, bob and nobody else receives."""
    rate = pd.DataFrame({"BTC": [0.01]}, index=TIMES[1:2])
    result = run(vault_of(), 100, 110, panel=one_long(500.0), funding=rate)
    assert result.panel["collateral"].tolist() == pytest.approx([500.0 - 11.0, 1000.0 + 11.0])
    assert result.ledger.loc[(TIMES[1], "funding"), "accounts"] == pytest.approx(0.0)


@pytest.mark.parametrize("seed", range(12))
def test_with_full_impact_and_market_orders_marks_come_to_rest_where_the_cascade_does(seed):
    rng = np.random.default_rng(seed)
    n = 30
    frame = pd.DataFrame(
        {
            "account": [f"a{k:02d}" for k in range(n)],
            "symbol": "BTC",
            "qty": np.where(np.arange(n) < 20, 1.0, -2.0) * rng.uniform(0.5, 2.0, n),
            "entry_price": 100.0,
            "mark_price": 100.0,
            "collateral": rng.uniform(4.0, 60.0, n),
            "maintenance_rate": 0.01,
            "maintenance_deduction": 0.0,
        }
    )
    panel = adl.build_panel(frame)
    book = adl.OrderBook.power_law(depth=float(rng.uniform(3.0, 12.0)), exponent=1.0, reach=0.9)
    venue = bare(limit=adl.venues.without_limit, protects_winners=False)
    shock = float(rng.uniform(0.02, 0.25))
    path = pd.DataFrame({"BTC": 100.0 * (1 - shock)}, index=pd.date_range("2025", periods=40, freq="s", tz="UTC"))
    result = adl.simulate(panel, path, venue=venue, books={"BTC": book}, refill=np.inf, impact=1.0)
    cascade = adl.cascade_curve(panel, books={"BTC": book})
    assert result.marks["BTC"].iloc[-1] == pytest.approx(float(cascade.price(100.0 * (1 - shock))), rel=1e-9)


# errors ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"path": walk(100, 90)["BTC"]}, "path: give a DataFrame, one row per time and one column per symbol"),
        ({"path": walk(100, 90).reset_index(drop=True)}, "its index is a RangeIndex, need times"),
        ({"path": walk(100, 90).iloc[::-1]}, "its times must rise"),
        ({"path": walk(100, 90).tz_localize(None)}, "its times have no zone"),
        ({"path": walk(100, 90).assign(ETH=1.0)}, r"columns \['ETH'\] are no symbols of the panel"),
        ({"path": walk(100, 90).rename(columns={"BTC": "ETH"})}, r"no column for symbols \['BTC'\]"),
        ({"path": walk(100, -1.0)}, "1 rows with a price not finite or not above zero; first: .'2025-10-10 21:01"),
        (
            {"funding": pd.DataFrame({"BTC": [0.1]}, index=TIMES[5:6])},
            "funding: each row must be at a time of the path",
        ),
        ({"volumes": walk(1, -1)}, "volumes: contracts traded must be 0 or more"),
        ({"refill": -1.0}, "refill must be 0 seconds or more"),
        ({"impact": 2.0}, r"impact within \[0, 1\]"),
    ],
)
def test_faulty_inputs_are_named(change, message):
    given_ = {"path": walk(100, 90), "venue": adl.venues.dydx_v4, **change}
    with pytest.raises((PathError, BookError), match=message):
        adl.simulate(one_long(), **given_)


def test_what_would_only_fail_on_the_way_is_refused_at_the_start():
    with pytest.raises(PathError, match=r"exit rule Participation\(share=0.1\) follows volume; pass volumes"):
        run(vault_of(exit_rule=adl.exits.Participation(0.1)), 100, 90)
    with pytest.raises(PanelError, match=r"backstop vault holds \['ETH'\], which the panel does not"):
        run(vault_of(inventory={"ETH": adl.Holding(1.0, 10.0)}), 100, 90)
    deducted = one_long(500.0).assign(maintenance_deduction=50.0)
    with pytest.raises(PanelError, match="maintenance"):
        run(vault_of(), 100, 10, panel=deducted)
    named = one_long(150.0).rename(index={"bob": "backstop vault"}, level="account")
    with pytest.raises(VenueError, match="an account has the name of the vault"):
        run(vault_of(), 100, 90, panel=named)


def test_inputs_stay_as_they_were():
    panel, given_ = random_simulation(7, unwinds=True)
    before = panel.copy(deep=True)
    adl.simulate(panel, **given_)
    pd.testing.assert_frame_equal(panel, before)


# what conservation cannot see --------------------------------------------------------------------------------------


def test_exits_pay_their_fee_and_eat_the_book():
    """10 at 87 against bids of 6 at 0.999 and 3 at 0.99: 6 and 3 now at 1% fee, 1 at the next step (refilled)."""
    bids = pd.DataFrame({"price": [0.999, 0.99], "qty": [6.0, 3.0]})
    book = {"BTC": adl.OrderBook(bids, FLAT[1], is_relative=True)}
    vault = vault_of(exit_rule=adl.exits.Immediate(), fee_rate=0.01)
    result = run(vault, 100, 87, 80, panel=thin_margin(), books=book, refill=0.0)
    sold = result.vault_trades[result.vault_trades["kind"] == "exit"]
    worth = [6 * 87 * 0.999 + 3 * 87 * 0.99, 80 * 0.999]
    assert sold["qty"].tolist() == pytest.approx([-9.0, -1.0])
    assert (-sold["qty"] * sold["price"]).tolist() == pytest.approx(worth)
    assert sold["fee"].tolist() == pytest.approx([0.01 * amount for amount in worth])
    assert result.vaults["equity"].iloc[-1] == pytest.approx(2000 + 0.05 - 870 + 0.99 * sum(worth))


def test_a_book_that_does_not_refill_serves_once():
    """TWAP over 2 minutes of 10 in a book of 7: 5 of the 5 due, then 2 of the 5 due."""
    bids = pd.DataFrame({"price": [0.999], "qty": [7.0]})
    book = {"BTC": adl.OrderBook(bids, FLAT[1], is_relative=True)}
    result = run(
        vault_of(exit_rule=adl.exits.Twap(120.0)), 100, 87, 80, 95, 95, panel=thin_margin(), books=book, refill=np.inf
    )
    assert result.inventory["BTC"].tolist() == pytest.approx([0.0, 10.0, 5.0, 3.0, 3.0])


def test_what_a_vault_holds_at_the_start_is_sold_too():
    vault = vault_of(inventory={"BTC": adl.Holding(4.0, 100.0)}, exit_rule=adl.exits.Hold(60.0))
    result = run(vault, 100, 98, panel=one_long(500.0), books=DEEP)
    assert result.inventory["BTC"].tolist() == [4.0, 0.0]
    assert result.vaults["equity"].tolist() == pytest.approx([2000.0, 2000 - 4 * (100 - 98 * 0.999)])


def test_the_oldest_lot_is_closed_first_by_what_comes_from_the_other_side():
    """Held for 3 minutes: long 4 from the start, 10 from the 1st minute; -6 in the 2nd leave 8 of the second lot."""
    rows = [("ann", 10.0, 100.0, 130.05), ("bea", -6.0, 87.0, 0.05), ("cat", -4.0, 100.0, 9000.0)]
    frame = pd.DataFrame(rows, columns=["account", "qty", "entry_price", "collateral"])
    facts = {"symbol": "BTC", "mark_price": 100.0, "maintenance_rate": 0.1, "maintenance_deduction": 0.0}
    panel = adl.build_panel(frame.assign(**facts, collateral=[130.05, 6 * 26 + 0.3, 9000.0]))
    vault = vault_of(inventory={"BTC": adl.Holding(4.0, 100.0)}, exit_rule=adl.exits.Hold(180.0))
    result = run(vault, 100, 87, 87, 87, 87, panel=panel, books=DEEP)
    assert result.inventory["BTC"].tolist() == pytest.approx([4.0, 14.0, 14.0, 10.0, 0.0])
    squeezed = run(vault, 100, 87, 113, 113, 113, 113, panel=panel, books=DEEP)
    assert squeezed.inventory["BTC"].tolist() == pytest.approx([4.0, 14.0, 8.0, 8.0, 0.0, 0.0])


def test_backing_bears_losses_before_relief_and_is_counted_once():
    """Means of 70 + 100 at 87 are gone at 70; at 69 the vault, ten under, is closed at 70."""
    vault = vault_of(equity=50.0, max_leverage=20.0, backing=100.0, is_relieved=True)
    venue = replace(adl.venues.hyperliquid, fill_price=adl.venues.at_close_out).with_buffers(vault)
    result = adl.simulate(one_long(150.0), walk(100, 87, 71, 69, 95), venue=venue)
    assert result.fills[["price", "qty"]].to_numpy().tolist() == [pytest.approx([70.0, 10.0])]
    assert result.vaults["equity"].tolist() == pytest.approx([50.0, 70.0, -90.0, -100.0, -100.0])


@pytest.mark.parametrize("symbols", [["BTC", "ETH"], ["ETH", "SOL"], ["SOL"]])
def test_a_panel_cut_from_a_larger_one_is_as_good_as_built_anew(symbols):
    panel, given_ = random_simulation(11, unwinds=True)
    part = panel[panel.index.isin(symbols, level="symbol")]
    anew = adl.build_panel(part.reset_index())
    narrow = {name: given_[name][symbols] for name in ("path", "funding", "volumes")}
    books = {name: book for name, book in given_["books"].items() if name in symbols}
    found, expected = (adl.simulate(rows, **{**given_, **narrow, "books": books}) for rows in (part, anew))
    pd.testing.assert_frame_equal(found.money, expected.money)


def test_results_do_not_change_with_what_the_caller_does_to_the_panel():
    panel, given_ = random_simulation(7, unwinds=True)
    result = adl.simulate(panel, **given_)
    panel.loc[:, "collateral"] = 0.0
    assert result.imbalance <= 1e-9


def test_an_exhausted_book_of_many_levels_never_puts_the_mark_beyond_its_last():
    rng = np.random.default_rng(178)
    for _ in range(50):
        levels = pd.DataFrame({"price": 1 - np.linspace(0.001, 0.2, 25), "qty": rng.uniform(0.1, 3.0, 25)})
        asks = pd.DataFrame({"price": 1 + np.linspace(0.001, 0.2, 25), "qty": rng.uniform(0.1, 3.0, 25)})
        book = adl.OrderBook(levels, asks, is_relative=True)
        liquidity = Liquidity({"BTC": book}, ["BTC"], refill=np.inf, impact=1.0)
        liquidity.trade(0, 1.0, 1e9)
        assert liquidity.marks(np.array([100.0])) == pytest.approx([80.0])


# ensembles ---------------------------------------------------------------------------------------------------------

CRASH = {"depth": (0.1, 0.4), "fall": 300.0, "rebound": (0.0, 1.0), "volatility": 0.02}


def ensemble(n_paths=6, workers=1, **options):
    paths = adl.crash_paths({"BTC": 100.0}, n_paths=n_paths, n_steps=10, step=60.0, **CRASH, rng=7)
    venue = adl.venues.hyperliquid.with_buffers(vault_of(exit_rule=adl.exits.Twap(300.0)))
    return paths, adl.simulate_ensemble(thin_margin(), paths, venue=venue, books=DEEP, workers=workers, **options)


def test_an_ensemble_is_its_paths_one_by_one_for_any_number_of_workers():
    paths, alone = ensemble()
    _, together = ensemble(workers=2)
    pd.testing.assert_frame_equal(alone.outcomes, together.outcomes)
    pd.testing.assert_series_equal(alone.equity, together.equity)
    venue = adl.venues.hyperliquid.with_buffers(vault_of(exit_rule=adl.exits.Twap(300.0)))
    for number in paths.shapes.index:
        result = adl.simulate(thin_margin(), paths.path(number), venue=venue, books=DEEP)
        pnl, row = result.vault_pnl(), alone.outcomes.loc[number]
        assert row["vault_pnl"] == pytest.approx(result.vaults["equity"].iloc[-1] - 2000.0)
        assert row["pnl_fall"] == pytest.approx(pnl.parts["fall"])
        assert row["deleveraged"] == pytest.approx((result.fills["qty"] * result.fills["mark_price"]).sum())
    risk = adl.vault_risk(alone.equity, margin=alone.margin)
    assert risk.by_path["profit"].to_numpy() == pytest.approx(alone.outcomes["vault_pnl"].to_numpy())
    assert risk.by_path["max_drawdown"].to_numpy() == pytest.approx(alone.outcomes["drawdown"].to_numpy())


def test_rules_that_cannot_be_sent_to_processes_are_refused_with_a_remedy():
    paths, _ = ensemble(n_paths=2)
    venue = replace(bare(), policy=adl.Policy(lambda panel: adl.notional(panel)))
    with pytest.raises(PathError, match="define your rules in a module, or pass workers=1"):
        adl.simulate_ensemble(thin_margin(), paths, venue=venue, workers=2)
    with pytest.raises(PathError, match="workers must be 1 or more"):
        adl.simulate_ensemble(thin_margin(), paths, venue=bare(), workers=0)


def test_more_capacity_takes_more_and_leaves_less_to_winners():
    paths, _ = ensemble(n_paths=20)
    venue = adl.venues.hyperliquid.with_buffers(vault_of(equity=1.0))
    curve = adl.capacity_curve(thin_margin(), paths, [1.0, 200.0, 5000.0], venue=venue, workers=1)
    table = curve.table
    assert table["taken"].is_monotonic_increasing
    assert table["deleveraged"].is_monotonic_decreasing
    each = curve.outcomes["vault_pnl"]
    gains = (each.loc[5000.0] - each.loc[200.0]) / 4800.0
    row = curve.marginal.loc[(200.0, 5000.0)]
    assert row[["vault_pnl", "vault_pnl_error"]].tolist() == pytest.approx([gains.mean(), gains.std() / np.sqrt(20)])
    with pytest.raises(VenueError, match="capacities must rise"):
        adl.capacity_curve(thin_margin(), paths, [2.0, 1.0], venue=venue)
    with pytest.raises(VenueError, match="needs a venue with one BackstopVault, got 0"):
        adl.capacity_curve(thin_margin(), paths, [1.0], venue=bare())


def test_a_regression_finds_what_made_the_data_and_counts_paths_once():
    """y = 1 - 2 depth + noise by path, every path in three markets: errors as of 200 paths, not of 600 rows."""
    rng = np.random.default_rng(3)
    depth, noise = rng.uniform(0.1, 0.5, 200), rng.normal(0, 0.1, 200)
    one = pd.DataFrame({"depth": depth, "y": 1 - 2 * depth + noise}, index=pd.RangeIndex(200, name="path"))
    found = adl.outcome_regression(pd.concat([one] * 3), "y ~ depth")
    alone = adl.outcome_regression(one, "y ~ depth")
    assert found.table.loc["depth", "coefficient"] == pytest.approx(-2.0, abs=0.15)
    assert found.table.loc["depth", "error"] == pytest.approx(alone.table.loc["depth", "error"], rel=0.01)
    with pytest.raises(PathError, match=r"\['y'\] hold NaN"):
        adl.outcome_regression(one.assign(y=np.nan), "y ~ depth")
    with pytest.raises(PathError, match="10 paths are too few"):
        adl.outcome_regression(one.head(10), "y ~ depth")


def test_leverage_is_scaled_for_every_account():
    panel = random_panel(np.random.default_rng(5), n_accounts=20)
    scaled = adl.scale_leverage(panel, 2.5)
    before, after = adl.equity(panel), adl.equity(scaled)
    positive = before > 0
    assert after[positive].to_numpy() == pytest.approx(before[positive].to_numpy() / 2.5, rel=1e-9)
    assert after[~positive].to_numpy() == pytest.approx(before[~positive].to_numpy())
    with pytest.raises(PanelError, match="factor must be finite and above zero"):
        adl.scale_leverage(panel, 0.0)
