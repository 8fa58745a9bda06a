"""One whole event: documented settlements first, then small cases by hand, then laws on random events."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from random_events import random_event

import adlkit as adl
from adlkit.errors import BookError, PanelError, VenueError

GOLDEN = Path(__file__).parent / "golden"
FACTS = ["account", "symbol", "qty", "entry_price", "mark_price", "collateral", "maintenance_rate", "contract"]
PLAIN = adl.VenueRules(name="plain", valid_from="", source="test", policy=adl.Policy(adl.scores.bitmex))
FILL_RULES = {"bankruptcy_price": adl.venues.at_close_out, "oracle_capped": adl.venues.at_capped_oracle}
seeds = st.integers(0, 2**32 - 1)


def golden(name: str) -> pd.DataFrame:
    return pd.read_csv(GOLDEN / f"{name}.csv").astype({"qty": float, "collateral": float})


def panel_of(*rows: tuple[Any, ...], **facts: Any) -> pd.DataFrame:
    """Panel of rows (account, symbol, qty, entry, mark, collateral); other facts for all rows."""
    frame = pd.DataFrame(rows, columns=["account", "symbol", "qty", "entry_price", "mark_price", "collateral"])
    return adl.build_panel(frame.astype({"qty": float, "collateral": float}).assign(**facts))


def bids(*levels: tuple[float, float]) -> adl.OrderBook:
    none = pd.DataFrame({"price": [], "qty": []}, dtype=float)
    return adl.OrderBook(pd.DataFrame(levels, columns=["price", "qty"]), none)


def run(panel: pd.DataFrame, venue: adl.VenueRules = PLAIN, **inputs: Any) -> adl.EventResult:
    return adl.run_event(panel, inputs.pop("marks", adl.mark_prices(panel)), venue=venue, **inputs)


# documented cases ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", golden("adl_settlement")["id"].unique())
def test_deleveraging_settles_as_documented(case: str) -> None:
    rows = golden("adl_settlement")
    rows = rows[rows["id"] == case]
    panel = adl.build_panel(rows[FACTS].assign(maintenance_rate=np.where(rows["role"] == "bankrupt", 0.05, 0.0)))
    venue = replace(PLAIN, deleverages_solvent=True, fill_price=FILL_RULES[rows["fill_rule"].iloc[0]])
    bankrupt, winners = rows[rows["role"] == "bankrupt"].iloc[0], rows[rows["role"] == "winner"]
    if winners.empty:
        other = {"account": "other", "qty": -bankrupt["qty"], "maintenance_rate": 0.0}
        panel = adl.build_panel(pd.concat([panel.reset_index(), panel.reset_index().assign(**other)]))
    event = run(panel, venue, oracles=adl.mark_prices(panel))
    fill = event.fills.iloc[0]
    assert fill["price"] == pytest.approx(bankrupt["fill_price"], abs=1e-9)
    assert fill["qty"] == abs(bankrupt["qty"])
    if not np.isnan(bankrupt["shortfall"]):
        assert adl.shortfall(panel)[bankrupt["account"]] == bankrupt["shortfall"]
    if not np.isnan(bankrupt["equity_after"]):
        assert adl.equity(event.panel)[bankrupt["account"]].iloc[0] == pytest.approx(bankrupt["equity_after"], abs=1e-9)
    if not winners.empty:
        assert fill["realized_pnl"] == pytest.approx(winners["realized_pnl"].iloc[0], abs=1e-9)


@pytest.mark.parametrize("account", golden("insurance_fund").dropna(subset="fund_delta_sign")["account"])
def test_fund_gains_or_pays_as_documented(account: str) -> None:
    row = golden("insurance_fund").set_index("account", drop=False).loc[account]
    facts = pd.DataFrame([row])[FACTS].assign(maintenance_rate=0.05)
    panel = adl.build_panel(facts)
    venue = replace(PLAIN, surplus_to="insurance fund", buffers=(adl.InsuranceFund(1000.0),))
    event = run(panel, venue, books={row.symbol: bids((row.fill_price, abs(row.qty)))})
    delta = event.buffers["insurance fund"].balance - 1000.0
    assert np.sign(delta) == row.fund_delta_sign
    if not np.isnan(row.fund_delta):
        assert delta == pytest.approx(row.fund_delta, abs=1e-9)


def test_book_fills_and_leaves_what_the_venue_reports() -> None:
    rows = golden("waterfall").query("venue == 'Kraken Futures'")
    panel = adl.build_panel(rows[[*FACTS, "settlement"]])
    books = {row.symbol: bids((10000.0, row.filled_in_book)) for row in rows.itertuples()}
    left = run(panel, books=books).stages["qty"].xs("open", level="stage").droplevel("side")
    assert left.to_dict() == dict(zip(rows["symbol"], rows["remaining"], strict=True))


def test_bitmex_limits_its_liquidation_order_at_the_bankruptcy_price() -> None:
    rows = golden("waterfall").query("venue == 'BitMEX'")
    panel = adl.build_panel(rows[FACTS].assign(mark_price=99.4))
    event = run(panel, books={"XBT": bids((99.2, 0.2), (99.0, 0.3), (98.9, 5.0))})
    assert event.stages.loc[("XBT", "long", "book"), ["qty", "average_price"]].tolist() == [
        0.5,
        pytest.approx((99.2 * 0.2 + rows["limit_price"].iloc[0] * 0.3) / 0.5),
    ]


def test_bitmex_example_takes_the_first_two_of_the_queue() -> None:
    rows = golden("adl_allocation")
    panel = adl.build_panel(rows[FACTS].assign(mark_price=650.001))
    score = rows.set_index(["account", "symbol"])["score"]
    venue = replace(PLAIN, policy=adl.Policy(lambda panel: score.reindex(panel.index)))
    closed = run(panel, venue).positions["deleveraged"].droplevel("symbol")
    expected = rows[rows["role"] == "candidate"].set_index("account")["taken"]
    assert closed[expected.index].tolist() == expected.tolist()


# small cases by hand ---------------------------------------------------------------------------------------------


def test_four_accounts_need_no_more_than_the_bankrupt_position() -> None:
    event = adl.run_event(adl.load_dataset("four_accounts"), {"BTC": 70.0}, venue=adl.venues.bitmex)
    assert event.fills[["bankrupt", "winner", "qty", "price", "forgone"]].to_numpy().tolist() == [
        ["ann", "cat", 1.0, 80.0, 10.0],
        ["ann", "bob", 1.0, 80.0, 10.0],
    ]
    assert event.panel["qty"].tolist() == [0.0, -1.0, 0.0, 1.0]
    assert adl.equity(event.panel).tolist() == [0.0, 110.0, 40.0, 90.0]


def test_cross_account_is_liquidated_in_all_its_symbols() -> None:
    panel = panel_of(
        ("ann", "BTC", 10, 100, 80, 50), ("ann", "ETH", -1, 10, 10, 0),
        ("bob", "BTC", -10, 100, 80, 500), ("cat", "ETH", 1, 10, 10, 500),
    )  # fmt: skip
    event = run(panel)
    assert event.positions["is_liquidated"].groupby(level="account").any().to_dict() == {
        "ann": True, "bob": False, "cat": False,
    }  # fmt: skip
    assert event.stages["qty"].xs("adl", level="stage").to_dict() == {("BTC", "long"): 10.0, ("ETH", "short"): 1.0}
    assert adl.equity(event.panel)["ann"].tolist() == pytest.approx([0.0, 0.0], abs=1e-9)


def test_hedged_market_has_needs_that_find_no_winner() -> None:
    panel = panel_of(
        ("ann", "BTC", 1, 100, 60, 10),
        ("bob", "BTC", -1, 100, 60, 0), ("bob", "ETH", 10, 20, 10, 50),
        ("cat", "ETH", -10, 20, 10, 100),
    )  # fmt: skip
    event = run(panel)
    residual = event.stages["qty"].xs("residual", level="stage")
    assert residual.to_dict() == {("BTC", "long"): 1.0, ("BTC", "short"): 1.0, ("ETH", "long"): 0.0}
    assert event.panel.loc[("ann", "BTC"), "qty"] == 1.0
    assert event.summary()["left open, bankrupt"] == 120.0


def test_needs_of_one_market_are_served_strictest_close_out_first() -> None:
    panel = panel_of(
        ("ann", "BTC", 1, 100, 70, 20), ("bob", "BTC", 1, 100, 70, 10), ("cat", "BTC", -2, 100, 70, 500),
        ("dee", "BTC", -1, 90, 70, 500),
    )  # fmt: skip
    fills = run(panel).fills
    assert fills[["bankrupt", "winner", "price"]].to_numpy().tolist() == [["bob", "cat", 90.0], ["ann", "cat", 80.0]]


def test_protected_winner_waits_for_a_fill_it_can_bear() -> None:
    panel = panel_of(
        ("ann", "BTC", 1, 100, 70, 20), ("bob", "BTC", 1, 100, 70, 10),
        ("cat", "BTC", -1, 200, 70, -115), ("dee", "BTC", -5, 80, 70, 500),
    )  # fmt: skip
    fills = run(panel).fills.set_index("bankrupt")["winner"]
    assert fills.to_dict() == {"bob": "dee", "ann": "cat"}, "cat closes out at 85: not at 90, but at 80"
    unprotected = run(panel, replace(PLAIN, protects_winners=False)).fills.set_index("bankrupt")["winner"]
    assert unprotected.to_dict() == {"bob": "cat", "ann": "dee"}


def test_losing_counterparties_come_after_all_winners_or_never() -> None:
    rows = (("ann", "BTC", 3, 100, 70, 60), ("bob", "BTC", -1, 60, 70, 100), ("cat", "BTC", -1, 90, 70, 100))
    assert run(panel_of(*rows)).fills["winner"].tolist() == ["cat", "bob"]
    winners_only = replace(PLAIN, policy=adl.Policy(lambda p: adl.scores.return_only(p).where(lambda r: r > 0)))
    event = run(panel_of(*rows), winners_only)
    assert event.fills["winner"].tolist() == ["cat"]
    assert event.stages["qty"].xs("residual", level="stage").tolist() == [2.0]


def test_bankrupt_longs_and_shorts_of_one_symbol_do_not_cure_each_other() -> None:
    panel = panel_of(
        ("ann", "BTC", 1, 100, 70, 10), ("bob", "BTC", -1, 40, 70, 10),
        ("cat", "BTC", 1, 50, 70, 90), ("dee", "BTC", -1, 90, 70, 90),
    )  # fmt: skip
    fills = run(panel).fills.set_index("bankrupt")["winner"].to_dict()
    assert fills == {"ann": "dee", "bob": "cat"}


def test_fill_at_mark_leaves_the_debt_to_the_fund_and_then_to_the_residual() -> None:
    panel = panel_of(("ann", "BTC", 2, 100, 70, 40), ("bob", "BTC", -2, 100, 70, 500))
    venue = replace(PLAIN, fill_price=adl.venues.at_mark, buffers=(adl.InsuranceFund(balance=15.0),))
    event = run(panel, venue)
    assert event.fills["forgone"].tolist() == [0.0]
    assert event.ledger.loc["settlement", ["liquidated accounts", "insurance fund", "residual"]].tolist() == [
        20,
        -15,
        -5,
    ]
    assert event.stages.loc[("BTC", "long", "residual"), "absorbed"] == 5.0
    assert adl.equity(event.panel).tolist() == [0.0, 560.0]


def test_fill_at_previous_marks_gives_the_surplus_to_the_account() -> None:
    panel = panel_of(("ann", "BTC", 2, 100, 70, 40), ("bob", "BTC", -2, 100, 70, 500))
    venue = replace(PLAIN, fill_price=adl.venues.at_previous_mark)
    event = run(panel, venue, previous_marks={"BTC": 85.0})
    assert adl.equity(event.panel).tolist() == [10.0, 530.0]


def test_large_positions_send_a_fifth_first_and_bankrupt_ones_close_whole() -> None:
    partial = adl.venues.PartialLiquidation(above=100_000.0, fraction=0.2)
    book = {"BTC": bids((89.6, 1e6))}
    rows = (
        ("ann", "BTC", 2000, 100, 90, 21_000),
        ("bob", "BTC", -4000, 100, 90, 1e6),
        ("cat", "BTC", 10, 100, 90, 120),
    )
    event = run(panel_of(*rows, maintenance_rate=0.05), replace(PLAIN, partial=partial), books=book)
    assert event.positions["book"].tolist() == [400.0, 0.0, 10.0]
    assert event.panel["qty"].tolist() == [1600.0, -4000.0, 0.0]
    broke = panel_of(("ann", "BTC", 2000, 100, 90, 19_000), rows[1], rows[2], maintenance_rate=0.05)
    event = run(broke, replace(PLAIN, partial=partial), books=book)
    assert event.positions["deleveraged"].tolist() == [0.0, 2000.0, 0.0]


def test_backstop_vault_takes_the_account_with_what_is_left_of_it() -> None:
    panel = panel_of(("ann", "BTC", 10, 100, 90, 110), ("bob", "BTC", -10, 100, 90, 500), maintenance_rate=0.05)
    vault = adl.BackstopVault(equity=1000.0, threshold=2 / 3, takes_accounts=True)
    event = run(panel, adl.venues.hyperliquid.with_buffers(vault), previous_marks={"BTC": 90.0})
    assert event.buffers["backstop vault"].equity == 1010.0
    assert event.buffers["backstop vault"].inventory["BTC"].qty == 10.0
    assert event.panel.loc[("ann", "BTC"), ["qty", "collateral"]].tolist() == [0.0, 0.0]
    assert event.fills.empty


def test_fee_is_paid_from_the_surplus_only() -> None:
    panel = panel_of(("ann", "BTC", 10, 100, 92, 85), ("bob", "BTC", -10, 100, 92, 500), maintenance_rate=0.05)
    venue = replace(PLAIN, fee_rate=0.01, fee_to="insurance fund", buffers=(adl.InsuranceFund(0.0),))
    rich = run(panel, venue, books={"BTC": bids((92.0, 100.0))})
    assert rich.buffers["insurance fund"].balance == pytest.approx(5.0), "equity 5 is less than 1% of 920"
    assert adl.equity(rich.panel).tolist() == pytest.approx([0.0, 580.0])


def test_tiers_of_the_venue_decide_after_the_shock() -> None:
    tiers = pd.DataFrame({"symbol": "BTC", "floor": [0.0, 500.0], "rate": [0.01, 0.1], "deduction": [0.0, 45.0]})
    panel = panel_of(("ann", "BTC", 10, 100, 100, 120), ("bob", "BTC", -10, 100, 100, 900), maintenance_rate=0.5)
    assert run(panel, replace(PLAIN, tiers=tiers), marks={"BTC": 90.0}).positions["is_liquidated"].tolist() == [
        True,
        False,
    ]
    assert run(panel, replace(PLAIN, tiers=tiers), marks={"BTC": 95.0}).positions["is_liquidated"].tolist() == [
        False,
        False,
    ]


def test_quiet_market_gives_an_empty_event() -> None:
    event = run(panel_of(("ann", "BTC", 1, 100, 100, 50), ("bob", "BTC", -1, 100, 100, 50)))
    assert event.stages.empty
    assert event.fills.empty
    assert event.summary()["accounts liquidated"] == 0.0
    assert "EventResult" in repr(event)


def test_vault_inventory_is_marked_before_it_serves() -> None:
    held = {"BTC": adl.Holding(5.0, 100.0)}
    venue = replace(PLAIN, buffers=(adl.BackstopVault(equity=100.0, inventory=held),))
    panel = panel_of(("ann", "BTC", 1, 100, 100, 50), ("bob", "BTC", -1, 100, 100, 50))
    assert run(panel, venue, marks={"BTC": 90.0}).buffers["backstop vault"].equity == 50.0


# laws on random events -------------------------------------------------------------------------------------------


@given(seeds)
def test_money_is_conserved(seed: int) -> None:
    panel, inputs = random_event(seed)
    event = adl.run_event(panel, **inputs)
    gross = adl.notional(event.before).sum()
    assert event.imbalance <= 1e-9
    assert np.abs(event.ledger.sum(axis=1)).max() <= 1e-9 * gross


@given(seeds)
def test_every_contract_that_leaves_an_account_is_held_by_someone_else(seed: int) -> None:
    panel, inputs = random_event(seed)
    event = adl.run_event(panel, **inputs)
    stages = event.stages["qty"].reset_index()
    outside = stages[~stages["stage"].isin(["adl", "open", "residual"])]
    bought = (outside["qty"] * np.where(outside["side"] == "long", 1, -1)).groupby(outside["symbol"]).sum()
    change = (event.panel["qty"] - panel["qty"]).groupby(level="symbol").sum()
    scale = panel["qty"].abs().groupby(level="symbol").sum()
    assert (change.add(bought, fill_value=0.0).abs() <= 1e-9 * scale + 1e-300).all()


@given(seeds)
def test_nobody_is_closed_beyond_need_or_position(seed: int) -> None:
    panel, inputs = random_event(seed)
    event = adl.run_event(panel, **inputs)
    after, before = event.panel["qty"], panel["qty"]
    assert (after * before >= 0).all()
    assert (after.abs() <= before.abs()).all()
    assert not (event.positions["is_liquidated"] & (event.positions["deleveraged"] > 0)).any()
    served = event.positions["adl"].groupby(level="symbol").sum()
    given_up = event.positions["deleveraged"].groupby(level="symbol").sum()
    assert np.allclose(served, given_up, rtol=1e-12, atol=0)
    if not inputs["venue"].deleverages_solvent:
        assert (event.positions.loc[~event.positions["is_bankrupt"], "adl"] == 0).all()


@given(seeds)
def test_no_protected_winner_ends_insolvent(seed: int) -> None:
    panel, inputs = random_event(seed)
    event = adl.run_event(panel, **inputs | {"venue": replace(inputs["venue"], protects_winners=True)})
    winners = event.positions["deleveraged"] > 0
    assert (adl.equity(event.panel)[winners] >= -1e-9 * adl.notional(event.before).sum()).all()


@given(seeds)
def test_no_buffer_pays_more_than_it_has(seed: int) -> None:
    panel, inputs = random_event(seed)
    event = adl.run_event(panel, **inputs)
    for buffer in inputs["venue"].buffers:
        after = event.buffers[buffer.name]
        if isinstance(buffer, adl.InsuranceFund):
            assert -event.ledger[buffer.name].sum() <= buffer.budget * (1 + 1e-9)
            assert after.balance >= 0
        if isinstance(buffer, adl.BackstopVault):
            assert after.equity >= -1e-9 * adl.notional(event.before).sum()
        if isinstance(buffer, adl.ProgrammaticLiquidity):
            assert after.capacity >= 0


@given(seeds)
def test_order_of_rows_does_not_matter(seed: int) -> None:
    panel, inputs = random_event(seed)
    shuffled = panel.sample(frac=1.0, random_state=seed % 1000)
    one, other = adl.run_event(panel, **inputs), adl.run_event(shuffled, **inputs)
    scale = adl.notional(one.before).sum()
    pd.testing.assert_frame_equal(one.ledger, other.ledger, atol=1e-9 * scale, rtol=0)
    pd.testing.assert_frame_equal(one.panel, other.panel.loc[one.panel.index], rtol=1e-9, atol=1e-9 * scale)
    pd.testing.assert_frame_equal(one.stages[["qty", "notional"]], other.stages[["qty", "notional"]], rtol=1e-9)


@given(seeds)
def test_what_stages_absorb_is_what_their_parties_lose(seed: int) -> None:
    panel, inputs = random_event(seed)
    event = adl.run_event(panel, **inputs)
    absorbed = event.stages["absorbed"].groupby(level="stage").sum().rename({"adl": "winners"})
    lost = -event.ledger.drop(columns="liquidated accounts").sum()
    lost["winners"] = -event.ledger.loc["adl", "winners"]
    both = pd.DataFrame({"absorbed": absorbed, "lost": lost}).fillna(0.0)
    assert (both["absorbed"] - both["lost"]).abs().max() <= 1e-9 * adl.notional(event.before).sum()


@given(seeds)
def test_result_is_a_panel_and_inputs_stay_as_they_were(seed: int) -> None:
    panel, inputs = random_event(seed)
    copy = panel.copy()
    event = adl.run_event(panel, **inputs)
    pd.testing.assert_frame_equal(panel, copy)
    assert adl.check_panel(event.panel) is event.panel
    again = adl.run_event(panel, **inputs)
    pd.testing.assert_frame_equal(event.panel, again.panel, check_exact=True)


# errors ----------------------------------------------------------------------------------------------------------


def test_missing_inputs_of_a_venue_are_named() -> None:
    panel = panel_of(("ann", "BTC", 1, 100, 100, 50))
    with pytest.raises(VenueError, match="previous marks: pass previous_marks"):
        run(panel, replace(PLAIN, fill_price=adl.venues.at_previous_mark))
    with pytest.raises(VenueError, match="oracle prices: pass oracles"):
        run(panel, replace(PLAIN, fill_price=adl.venues.at_oracle))


@pytest.mark.parametrize(
    ("policy", "told"),
    [
        (adl.Policy(adl.scores.bitmex, lambda _target, capacity, *_: 2 * capacity), "more than capacity"),
        (adl.Policy(adl.scores.bitmex, lambda _target, capacity, *_: -capacity), "less than 0"),
        (adl.Policy(adl.scores.bitmex, lambda _target, capacity, *_: capacity * np.nan), "took less than 0"),
        (
            adl.Policy(adl.scores.bitmex, lambda _target, capacity, *_: capacity[:1]),
            "one number per candidate",
        ),
        (adl.Policy(adl.scores.bitmex, adl.rules.pro_rata, lambda p: adl.equity(p).sort_values()), "on the index"),
        (adl.Policy(adl.scores.bitmex, adl.rules.pro_rata, adl.shortfall), "on the index"),
        (adl.Policy(adl.scores.bitmex, adl.rules.pro_rata, lambda p: adl.equity(p) * np.nan), "finite number"),
    ],
)
def test_policy_that_breaks_its_word_is_refused(policy: adl.Policy, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        run(adl.load_dataset("four_accounts"), replace(PLAIN, policy=policy))


def test_venue_and_books_of_another_kind_are_refused() -> None:
    panel = adl.load_dataset("four_accounts")
    with pytest.raises(VenueError, match="venue must be VenueRules"):
        adl.run_event(panel, {"BTC": 70.0}, venue="bitmex")
    with pytest.raises(BookError, match="books must map symbols"):
        run(panel, books=bids((70.0, 1.0)))


def test_fee_goes_to_its_receiver_and_the_rest_of_the_surplus_to_the_other() -> None:
    panel = panel_of(("ann", "BTC", 10, 100, 92, 110), ("bob", "BTC", -10, 100, 92, 500), maintenance_rate=0.05)
    pots = (adl.InsuranceFund(0.0, name="fees"), adl.InsuranceFund(0.0, name="rest"))
    venue = replace(PLAIN, fee_rate=0.01, fee_to="fees", surplus_to="rest", buffers=pots)
    event = run(panel, venue, books={"BTC": bids((92.0, 100.0))})
    assert [event.buffers[name].balance for name in ("fees", "rest")] == pytest.approx([9.2, 20.8])


def test_imbalance_is_counted_from_states_and_sees_a_leak() -> None:
    event = run(adl.load_dataset("four_accounts"))
    assert event.imbalance == 0.0
    leaky = event.panel.assign(collateral=event.panel["collateral"] + 1.0)
    assert replace(event, panel=leaky).imbalance == pytest.approx(4.0 / 420.0)


def test_quiet_and_wild_events_have_the_same_summary_rows() -> None:
    panel = adl.load_dataset("four_accounts")
    quiet, wild = (run(panel, marks={"BTC": mark}).summary() for mark in (100.0, 70.0))
    assert quiet.index.equals(wild.index)
    assert str(quiet["shortfall of bankrupt accounts"]) == "0.0"


def test_fund_pays_only_what_the_whole_account_cannot() -> None:
    rows = [("ann", "BTC", 10, 100, 100, 100), ("ann", "ETH", 10, 100, 100, 0), ("cat", "BTC", -10, 100, 100, 1150)]
    books = {"BTC": bids((100.0, 10.0)), "ETH": bids((90.0, 10.0))}
    venue = PLAIN.with_buffers(adl.InsuranceFund(1000.0))
    event = run(panel_of(*rows, maintenance_rate=0.06), venue, books=books)
    assert event.buffers["insurance fund"].balance == pytest.approx(1000.0)
    assert adl.equity(event.panel)["ann"].tolist() == pytest.approx([0.0, 0.0], abs=1e-9)


def test_surplus_of_late_fills_repays_the_fund_before_the_account() -> None:
    panel = panel_of(("ann", "BTC", 10, 100, 90, 50), ("bob", "BTC", -10, 100, 90, 900))
    venue = replace(PLAIN, fill_price=adl.venues.at_previous_mark, buffers=(adl.InsuranceFund(30.0),))
    event = run(panel, venue, books={"BTC": bids((89.0, 4.0))}, previous_marks={"BTC": 99.0})
    assert event.ledger.loc["insurance fund", "insurance fund"] == pytest.approx(-24.0)
    assert event.ledger["insurance fund"].sum() == pytest.approx(0.0)
    assert adl.equity(event.panel)["ann"].tolist() == pytest.approx([0.0])


def test_hole_of_an_unprotected_winner_enters_fund_and_residual() -> None:
    panel = panel_of(("ann", "BTC", 1, 100, 70, 10), ("cat", "BTC", -1, 200, 70, -115))
    open_door = replace(PLAIN, protects_winners=False)
    event = run(panel, open_door)
    assert event.ledger.loc["settlement", ["winners", "residual"]].tolist() == [5.0, -5.0]
    assert event.stages.loc[("BTC", "long", "residual"), "absorbed"] == 5.0
    assert adl.equity(event.panel).tolist() == [0.0, 0.0]
    funded = run(panel, open_door.with_buffers(adl.InsuranceFund(3.0)))
    assert funded.ledger.loc["settlement", ["insurance fund", "residual"]].tolist() == [-3.0, -2.0]


def test_protection_holds_for_prices_that_do_not_follow_close_out() -> None:
    def near_or_mark(prices: Any) -> Any:
        return np.where(abs(prices.close_out / prices.mark - 1) > 0.05, prices.mark, prices.close_out)

    panel = panel_of(
        ("ann", "BTC", 0.1, 100, 70, 1), ("bob", "BTC", 0.1, 100, 70, 1.5), ("cat", "BTC", 3, 100, 70, 81),
        ("dee", "BTC", -3.2, 200, 70, -415), ("eve", "BTC", -5, 80, 70, 500),
    )  # fmt: skip
    event = run(panel, replace(PLAIN, fill_price=near_or_mark))
    assert event.fills.query("bankrupt == 'cat'")["winner"].tolist() == ["eve"]
    assert (adl.equity(event.panel) >= 0).all()


def test_equity_that_is_zero_but_for_rounding_is_not_bankrupt() -> None:
    sizes = np.arange(1, 401) / 10
    rows = [(f"a{n:03d}", "BTC", size, 100.0, 99.3, size * 0.7) for n, size in enumerate(sizes)]
    event = run(panel_of(*rows, ("z", "BTC", -sizes.sum(), 100.0, 99.3, 1e6)))
    assert event.summary()["accounts bankrupt"] == 0


def test_order_reaches_a_bid_at_its_own_limit() -> None:
    for size in np.arange(1, 101) / 10:
        panel = panel_of(("ann", "BTC", size, 100.0, 99.5, size * 0.7), maintenance_rate=0.05)
        event = run(panel, books={"BTC": bids((99.3, 1e3))})
        assert event.positions["book"].tolist() == [size]


def test_small_order_behind_a_large_one_gets_its_own_price() -> None:
    panel = panel_of(
        ("big", "B", 1e9, 100, 100, 0), ("sml", "B", 1e-5, 100, 100, 4e-5), ("w", "B", -2e9, 100, 100, 1e11),
        maintenance_rate=0.05,
    )  # fmt: skip
    event = run(panel, books={"B": bids((100.0, 1e9), (99.99, 2e9))})
    assert adl.equity(event.panel)["sml"].iloc[0] == pytest.approx(4e-5 - 1e-7, rel=1e-6)


@given(seeds)
def test_summary_counts_the_shortfall_of_each_bankrupt_account_once(seed: int) -> None:
    panel, inputs = random_event(seed)
    event = adl.run_event(panel, **inputs)
    liquidated = event.positions["is_liquidated"].groupby(level="account").any()
    owed = adl.shortfall(event.before)[liquidated].sum()
    assert event.summary()["shortfall of bankrupt accounts"] == pytest.approx(owed, rel=1e-9, abs=1e-9)


def test_event_takes_one_moment_one_currency_and_known_books() -> None:
    panel = panel_of(("ann", "BTC", 1, 100, 100, 50), ("bob", "ETH", 1, 100, 100, 50))
    with pytest.raises(PanelError, match="marks: nothing given for \\['ETH'\\]"):
        run(panel, marks={"BTC": 1.0})
    with pytest.raises(BookError, match="'SOL'"):
        run(panel, books={"SOL": bids((1.0, 1.0))})
    with pytest.raises(BookError, match="no OrderBook"):
        run(panel, books={"BTC": "book"})
    with pytest.raises(PanelError, match="one settlement currency"):
        run(adl.build_panel(panel.reset_index().assign(settlement=["USD", "BTC"])))
    with pytest.raises(PanelError, match="one moment"):
        run(adl.build_panel(panel.reset_index().assign(time=pd.Timestamp("2025-10-10", tz="UTC"))), marks={})
    with pytest.raises(BookError, match="lies outside the book's levels"):
        run(panel_of(("ann", "BTC", 1, 100, 80, 5)), books={"BTC": bids((99.0, 1.0), (90.0, 1.0))})
