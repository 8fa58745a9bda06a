"""Measures of a panel: worked cases, and the laws that tie prices, equity and margin together."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
from golden_cases import assert_golden, assert_stated, golden_ids, golden_panel, golden_rows
from hypothesis import given
from strategies import LINEAR, few, panels, tiers

import adlkit as adl
from adlkit.errors import PanelError

MAINTENANCE = ["maintenance_rate", "maintenance_deduction"]
PRICES = [adl.bankruptcy_price, adl.liquidation_price, adl.margin_neutral_price, adl.close_out_price]
PER_ROW = [
    adl.notional,
    adl.unrealized_pnl,
    adl.equity,
    adl.effective_leverage,
    adl.maintenance_margin,
    adl.margin_ratio,
    *PRICES,
]
PER_ACCOUNT = [adl.shortfall, adl.account_summary]
ROUNDING = 1e-9


# Golden


@pytest.mark.parametrize("case", golden_ids("liquidation_price"))
def test_liquidation_price_is_the_documented_one(case):
    rows = golden_rows("liquidation_price", case)
    assert_golden(adl.liquidation_price(golden_panel(rows)), rows, "liquidation_price")


@pytest.mark.parametrize("case", golden_ids("bankruptcy_price"))
def test_bankruptcy_price_is_the_documented_one(case):
    """Each case is one position, which closes out at its bankruptcy price."""
    rows = golden_rows("bankruptcy_price", case)
    assert_golden(adl.bankruptcy_price(golden_panel(rows)), rows, "bankruptcy_price")
    assert_golden(adl.close_out_price(golden_panel(rows)), rows, "bankruptcy_price")


@pytest.mark.parametrize("case", golden_ids("bankruptcy_quote"))
@pytest.mark.parametrize("price", [adl.close_out_price, adl.margin_neutral_price])
def test_a_close_at_the_close_out_price_receives_the_documented_quote(price, case):
    rows = golden_rows("bankruptcy_quote", case)
    assert_golden(-rows["delta"] * price(golden_panel(rows)).to_numpy(), rows, "quote_received")


@pytest.mark.parametrize("case", golden_ids("pnl"))
def test_unrealized_pnl_is_the_documented_one(case):
    rows = golden_rows("pnl", case)
    assert_golden(adl.unrealized_pnl(golden_panel(rows)), rows, "unrealized_pnl")


@pytest.mark.parametrize("case", golden_ids("maintenance_margin"))
def test_maintenance_margin_is_the_documented_one(case):
    rows = golden_rows("maintenance_margin", case)
    assert_golden(adl.maintenance_margin(golden_panel(rows)), rows, "maintenance_margin")


@pytest.mark.parametrize("case", golden_ids("adl_settlement"))
def test_bankruptcy_price_and_shortfall_before_a_settlement_are_the_documented_ones(case):
    rows = golden_rows("adl_settlement", case)
    panel = golden_panel(rows)
    assert_stated(adl.bankruptcy_price(panel), rows, "bankruptcy_price")
    assert_stated(adl.shortfall(panel)[rows["account"]], rows, "shortfall")


@pytest.mark.parametrize("case", golden_ids("insurance_fund"))
def test_profit_equity_and_bankruptcy_price_at_a_fill_are_the_documented_ones(case):
    """Both lines of a case are one symbol at two prices, so each is a panel of its own."""
    for _, rows in golden_rows("insurance_fund", case).groupby("account"):
        panel = golden_panel(rows)
        for measure in (adl.bankruptcy_price, adl.unrealized_pnl, adl.equity):
            assert_stated(measure(panel), rows, measure.__name__)


@pytest.mark.parametrize("case", golden_ids("waterfall"))
def test_the_limit_of_a_liquidation_order_is_the_documented_close_out_price(case):
    rows = golden_rows("waterfall", case)
    assert_stated(adl.close_out_price(golden_panel(rows)), rows, "limit_price")


def one(account: str = "ann", symbol: str = "BTC", **facts: object) -> pd.DataFrame:
    """One position as a frame."""
    return pd.DataFrame({"account": [account], "symbol": symbol, **facts})


def test_prices_of_the_five_account_exchange_are_those_of_its_paper():
    """arXiv 2512.01112: longs A B D, shorts C E, entry 1, maintenance rate 0.1."""
    qty = {"A": 1.0, "B": 1.0, "C": -4.0, "D": 1.0, "E": -1.0}
    cash = {"A": 2.0, "B": 2 / 3, "C": 8 / 3, "D": 2 / 19, "E": 10 / 99}
    rows = [one(name, qty=qty[name], collateral=cash[name]) for name in qty]
    frame = pd.concat(rows).assign(entry_price=1.0, mark_price=1.0, maintenance_rate=0.1)
    panel = adl.build_panel(frame)
    assert adl.bankruptcy_price(panel).tolist() == pytest.approx([0, 0.3333, 1.6667, 0.8947, 1.1010], abs=5e-5)
    assert adl.liquidation_price(panel).tolist() == pytest.approx([0, 0.3704, 1.5152, 0.9942, 1.0010], abs=1e-4)


def test_measures_of_a_cross_account_are_those_worked_out_by_hand():
    """Long 2 BTC 100 -> 90 and short 10 ETH 20 -> 22 with 100 in cash: equity 100 - 20 - 20 = 60."""
    frame = pd.concat(
        [
            one(qty=2.0, entry_price=100.0, mark_price=90.0, collateral=100.0, maintenance_rate=0.1),
            one(symbol="ETH", qty=-10.0, entry_price=20.0, mark_price=22.0, collateral=0.0, maintenance_rate=0.05),
        ]
    )
    panel = adl.build_panel(frame.assign(maintenance_deduction=[3.0, 1.0]))
    expected = {
        adl.notional: [180.0, 220.0],
        adl.unrealized_pnl: [-20.0, -20.0],
        adl.equity: [60.0, 60.0],
        adl.effective_leverage: [400 / 60, 400 / 60],
        adl.maintenance_margin: [15.0, 10.0],
        adl.margin_ratio: [25 / 60, 25 / 60],
        adl.bankruptcy_price: [60.0, 28.0],  # 90 - 60/2, 22 + 60/10
        adl.liquidation_price: [127 / 1.8, (220 + 60 - 15 + 1) / 10.5],  # 2p - 180 + 60 = 10 + 0.2p - 3
        adl.close_out_price: [72.0, 24.4],  # 60 shared 15 : 10
        adl.margin_neutral_price: [90 * (1 - 0.1 * 60 / 25), 22 * (1 + 0.05 * 60 / 25)],
    }
    for measure, values in expected.items():
        assert measure(panel).tolist() == pytest.approx(values, rel=1e-12), measure.__name__
    summary = adl.account_summary(panel)
    assert summary.loc["ann"].to_dict() == pytest.approx(
        {
            "n_positions": 2,
            "notional": 400.0,
            "collateral": 100.0,
            "unrealized_pnl": -40.0,
            "equity": 60.0,
            "maintenance_margin": 25.0,
            "shortfall": 0.0,
            "effective_leverage": 400 / 60,
            "margin_ratio": 25 / 60,
        },
        rel=1e-12,
    )


# An independent ledger: plain arithmetic, one row at a time


class Holding(NamedTuple):
    """One position and what its account holds beside it."""

    qty: float
    side: float
    is_inverse: bool
    mark: float
    entry: float
    cash: float  # of the whole account
    other_pnl: float
    other_margin: float
    rate: float
    deduction: float
    gross: float  # scale of the account's money

    def value(self, price: np.ndarray | float) -> np.ndarray | float:
        return -1.0 / price if self.is_inverse else price

    def equity(self, price: np.ndarray | float) -> np.ndarray | float:
        return self.cash + self.other_pnl + self.qty * (self.value(price) - self.value(self.entry))

    def size(self, price: np.ndarray | float) -> np.ndarray | float:
        return abs(self.qty * self.value(price))

    def excess(self, price: np.ndarray | float, margin: Callable[..., np.ndarray] | None = None) -> np.ndarray | float:
        """Equity less maintenance margin with this symbol at `price`, in the row's own tier or by `margin`."""
        own = self.size(price) * self.rate - self.deduction if margin is None else margin(self.size(price))
        return self.equity(price) - self.other_margin - own

    def is_near(self, money: float, price: float) -> bool:
        return abs(money) <= ROUNDING * (self.gross + self.size(price))


def holdings(panel: pd.DataFrame) -> dict[tuple[object, ...], Holding]:
    """Every open position of `panel`, by its key."""
    rows = panel.assign(contract=panel.get("contract", pd.Series("linear", index=panel.index))).to_dict("index")
    worth = {
        key: (-1 / row["mark_price"] if row["contract"] == "inverse" else row["mark_price"])
        for key, row in rows.items()
    }
    start = {
        key: (-1 / row["entry_price"] if row["contract"] == "inverse" else row["entry_price"])
        for key, row in rows.items()
    }
    found = {}
    for key, row in rows.items():
        account = {other: rows[other] for other in rows if other[:-1] == key[:-1]}
        pnl = {other: own["qty"] * (worth[other] - start[other]) for other, own in account.items()}
        margin = {
            other: abs(own["qty"] * worth[other]) * own["maintenance_rate"] - own["maintenance_deduction"]
            for other, own in account.items()
        }
        if row["qty"] != 0:
            found[key] = Holding(
                qty=row["qty"],
                side=np.sign(row["qty"]),
                is_inverse=row["contract"] == "inverse",
                mark=row["mark_price"],
                entry=row["entry_price"],
                cash=sum(own["collateral"] for own in account.values()),
                other_pnl=sum(money for other, money in pnl.items() if other != key),
                other_margin=sum(money for other, money in margin.items() if other != key),
                rate=row["maintenance_rate"],
                deduction=row["maintenance_deduction"],
                gross=sum(
                    abs(own["collateral"]) + abs(own["qty"]) * (abs(worth[other]) + abs(start[other]))
                    for other, own in account.items()
                ),
            )
    return found


def grid(around: float) -> np.ndarray:
    """Prices from far below to far above, fine around one of them."""
    far = np.geomspace(1e-3, 1e6, 91)
    near = around * (1 + np.array([-1e-2, -1e-4, -1e-6, 1e-6, 1e-4, 1e-2]))
    return np.r_[far, near[np.isfinite(near) & (near > 0)]]


# Laws of prices


@given(panel=panels())
@few
def test_equity_is_the_cash_and_profit_of_the_account(panel):
    measured = adl.equity(panel)
    for key, held in holdings(panel).items():
        assert measured[key] == pytest.approx(held.equity(held.mark), rel=1e-9, abs=1e-9 * held.gross)


@given(panel=panels())
def test_equity_is_zero_at_a_bankruptcy_price_that_can_be_reached(panel):
    """The account's symbol is marked to it, its other symbols stay."""
    for key, price in adl.bankruptcy_price(panel).dropna().items():
        if 0 < price < np.inf:
            here = panel.index.get_level_values("symbol") == key[-1]
            marked = panel.assign(mark_price=np.where(here, price, panel["mark_price"]))
            assert holdings(panel)[key].is_near(adl.equity(marked)[key], price)


@given(panel=panels())
def test_equity_changes_sign_nowhere_but_at_the_bankruptcy_price(panel):
    """A price of 0 or inf stands for one beyond that end: then equity has one sign at all prices."""
    prices = adl.bankruptcy_price(panel)
    for key, held in holdings(panel).items():
        along = grid(prices[key])
        money = held.equity(along)
        certain = np.abs(money) > ROUNDING * (held.gross + held.size(along))
        assert (np.sign(money) == held.side * np.sign(along - prices[key]))[certain].all()


@given(panel=panels())
def test_equity_is_the_maintenance_margin_at_a_liquidation_price_that_can_be_reached(panel):
    prices = adl.liquidation_price(panel)
    for key, held in holdings(panel).items():
        if 0 < prices[key] < np.inf:
            assert held.is_near(held.excess(prices[key]), prices[key])
            here = panel.index.get_level_values("symbol") == key[-1]
            marked = panel.assign(mark_price=np.where(here, prices[key], panel["mark_price"]))
            same = [other for other in panel.index if other[:-1] == key[:-1]]
            gap = adl.equity(marked)[key] - sum(adl.maintenance_margin(marked)[other] for other in same)
            assert held.is_near(gap, prices[key])


def margin_by(table: pd.DataFrame, symbol: str) -> Callable[[np.ndarray], np.ndarray]:
    """Maintenance margin of a notional: looked up in the bracket that it lies in."""
    own = table[table["symbol"] == symbol].sort_values("floor")

    def margin(size: np.ndarray | float) -> np.ndarray:
        bracket = np.searchsorted(own["floor"].to_numpy(), size, side="right") - 1
        return own["rate"].to_numpy()[bracket] * size - own["deduction"].to_numpy()[bracket]

    return margin


@given(panel=panels(), table=tiers())
def test_with_tiers_the_liquidation_price_lies_in_the_bracket_it_uses(panel, table):
    """Brute force: on a fine grid equity less margin, looked up in brackets, changes sign there and nowhere else."""
    panel = adl.build_panel(panel.drop(columns=MAINTENANCE), tiers=table)
    prices = adl.liquidation_price(panel, tiers=table)
    for key, held in holdings(panel).items():
        margin, price = margin_by(table, key[-1]), prices[key]
        if 0 < price < np.inf:
            assert held.is_near(held.excess(price, margin), price)
        along = grid(price)
        money = held.excess(along, margin)
        certain = np.abs(money) > ROUNDING * (held.gross + held.size(along))
        assert (np.sign(money) == held.side * np.sign(along - price))[certain].all()


@given(panel=panels(), table=tiers())
@few
def test_tiers_give_the_same_liquidation_price_whatever_the_panel_was_built_with(panel, table):
    built = adl.build_panel(panel.drop(columns=MAINTENANCE), tiers=table)
    pd.testing.assert_series_equal(adl.liquidation_price(panel, tiers=table), adl.liquidation_price(built, tiers=table))


def test_without_tiers_the_bracket_of_the_mark_holds_at_every_price():
    """Long 30 at 100, notional 3000 in the second bracket; at the price found, 2,380 would lie in the first."""
    table = pd.DataFrame({"symbol": "BTC", "floor": [0.0, 2500.0], "rate": [0.01, 0.03], "deduction": [0.0, 50.0]})
    frame = one(qty=30.0, entry_price=100.0, mark_price=100.0, collateral=640.0)
    panel = adl.build_panel(frame, tiers=table)
    assert adl.liquidation_price(panel).tolist() == pytest.approx([(3000 - 640 - 50) / (30 * 0.97)])
    assert adl.liquidation_price(panel, tiers=table).tolist() == pytest.approx([(3000 - 640) / (30 * 0.99)])


LONG = {"qty": 1.0, "entry_price": 100.0, "mark_price": 100.0, "maintenance_rate": 0.01}
COIN = {"qty": 1000.0, "entry_price": 8000.0, "mark_price": 8000.0, "maintenance_rate": 0.01, "contract": "inverse"}


@pytest.mark.parametrize(
    ("facts", "end"),
    [
        ({**LONG, "collateral": 150.0}, 0.0),  # a long that is never bankrupt
        ({**LONG, "qty": -1.0, "collateral": -150.0}, 0.0),  # a short that is bankrupt at every price
        ({**COIN, "qty": -1000.0, "collateral": 0.13}, np.inf),  # a short that is never bankrupt
        ({**COIN, "collateral": -0.13}, np.inf),  # a long that is bankrupt at every price
        ({**LONG, "qty": 0.0, "collateral": 150.0}, np.nan),
        ({**COIN, "qty": 0.0, "collateral": -0.13}, np.nan),
    ],
)
def test_a_price_that_no_market_reaches_is_the_end_where_it_would_lie(facts, end):
    panel = adl.build_panel(one(**facts))
    assert adl.bankruptcy_price(panel).tolist() == pytest.approx([end], nan_ok=True)
    assert adl.liquidation_price(panel).tolist() == pytest.approx([end], nan_ok=True)


def test_an_inverse_short_with_one_times_collateral_is_never_bankrupt_but_can_be_liquidated():
    """1000 USD short with 1000/8000 coins is worth 1000 USD at every price."""
    panel = adl.build_panel(one(**{**COIN, "qty": -1000.0, "collateral": 0.125}))
    assert adl.bankruptcy_price(panel).tolist() == [np.inf]
    assert adl.liquidation_price(panel).tolist() == [np.inf]


# Laws of closing out


@given(panel=panels())
def test_closing_a_whole_account_at_close_out_prices_leaves_exactly_nothing(panel):
    """Deductions, inverse contracts and cross accounts included; each position gives up its share."""
    prices = adl.close_out_price(panel)
    held = holdings(panel)
    accounts = {key[:-1] for key in held}
    for account in accounts:
        keys = [key for key in held if key[:-1] == account]
        flat = sum(held[key].qty * (held[key].value(prices[key]) - held[key].value(held[key].entry)) for key in keys)
        first = held[keys[0]]
        assert first.cash + flat == pytest.approx(0.0, abs=ROUNDING * first.gross)


@given(panel=panels(has_deductions=False, min_rate=1))
def test_without_deductions_the_close_out_price_is_the_margin_neutral_price(panel):
    pd.testing.assert_series_equal(
        adl.close_out_price(panel), adl.margin_neutral_price(panel), check_names=False, rtol=1e-9
    )


@given(panel=panels(kind=LINEAR, has_deductions=False, min_rate=1))
def test_the_margin_neutral_price_is_the_mark_less_the_share_of_equity_that_the_margin_has(panel):
    """dYdX v4: mark x (1 - side x rate x equity / sum of maintenance margins)."""
    prices = adl.margin_neutral_price(panel)
    for key, held in holdings(panel).items():
        total = held.other_margin + held.size(held.mark) * held.rate
        by_hand = held.mark * (1 - held.side * held.rate * held.equity(held.mark) / total)
        assert prices[key] == pytest.approx(by_hand, rel=1e-9, abs=1e-9 * held.mark)


@given(panel=panels())
@few
def test_one_position_has_one_bankruptcy_and_close_out_price(panel):
    """Unless it cannot be reached: then the close-out price goes on beyond the end."""
    reachable, accounting = adl.bankruptcy_price(panel), adl.close_out_price(panel)
    for key, held in holdings(panel).items():
        alone = sum(other[:-1] == key[:-1] for other in panel.index) == 1
        if alone and 0 < reachable[key] < np.inf:
            scale = held.gross / abs(held.qty)
            assert held.value(accounting[key]) == pytest.approx(held.value(reachable[key]), rel=1e-9, abs=1e-9 * scale)


def test_without_margins_equity_is_shared_by_notional():
    """Equity 60 over notionals 100 and 200: 20 and 40."""
    frame = pd.concat(
        [
            one(qty=1.0, entry_price=100.0, mark_price=100.0, collateral=60.0),
            one(symbol="ETH", qty=-4.0, entry_price=50.0, mark_price=50.0, collateral=0.0),
        ]
    )
    panel = adl.build_panel(frame)
    assert adl.close_out_price(panel).tolist() == pytest.approx([80.0, 60.0])
    assert adl.margin_neutral_price(panel).isna().all()


def test_accounting_prices_are_never_clamped():
    """A long 1 at 100 with 150 in cash closes out at -50; an inverse long with too little, at a negative price too."""
    assert adl.close_out_price(adl.build_panel(one(**LONG, collateral=150.0))).tolist() == [-50.0]
    assert adl.margin_neutral_price(adl.build_panel(one(**LONG, collateral=150.0))).tolist() == [-50.0]
    coin = adl.build_panel(one(**COIN, collateral=-0.13))
    assert adl.close_out_price(coin).tolist() == pytest.approx([-1 / (-1 / 8000 + 0.13 / 1000)])


# Laws of all measures


@given(panel=panels(kind=LINEAR))
@few
def test_flipping_a_position_and_reflecting_its_mark_about_entry_keeps_a_linear_profit(panel):
    mirrored = panel.assign(qty=-panel["qty"], mark_price=2 * panel["entry_price"] - panel["mark_price"])
    pd.testing.assert_series_equal(adl.unrealized_pnl(mirrored), adl.unrealized_pnl(panel), rtol=1e-12)


@given(panel=panels())
@few
def test_the_order_of_rows_does_not_matter(panel):
    shuffled = panel.iloc[np.random.default_rng(7).permutation(len(panel))]
    for measure in PER_ROW:
        pd.testing.assert_series_equal(measure(shuffled).reindex(panel.index), measure(panel), rtol=1e-9, atol=1e-12)
    for measure in PER_ACCOUNT:
        np.testing.assert_allclose(measure(shuffled), measure(panel), rtol=1e-9, atol=1e-9)


@given(panel=panels(has_time=True))
@few
def test_many_times_at_once_are_each_time_alone(panel):
    times = panel.index.unique("time")
    for measure in PER_ROW:
        alone = [measure(panel.xs(time, level="time")).to_numpy() for time in times]
        at_once = [measure(panel).xs(time, level="time").to_numpy() for time in times]
        np.testing.assert_allclose(np.concatenate(at_once), np.concatenate(alone), rtol=1e-9, atol=1e-12)
    for measure in PER_ACCOUNT:
        at_once = measure(panel)
        for time in times:
            np.testing.assert_allclose(at_once.xs(time), measure(panel.xs(time, level="time")), rtol=1e-9, atol=1e-9)


@given(panel=panels(), table=tiers())
@few
def test_measures_keep_the_index_and_never_change_the_panel(panel, table):
    before = panel.copy(deep=True)
    for measure in PER_ROW:
        values = measure(panel)
        assert values.index.equals(panel.index)
        assert values.name == measure.__name__
        assert values.dtype == np.float64
        values.iloc[:] = -1.0  # writing into a result must not reach the panel
    adl.liquidation_price(panel, tiers=table)
    for measure in PER_ACCOUNT:
        measure(panel)
    pd.testing.assert_frame_equal(panel, before)


@given(panel=panels())
@few
def test_leverage_and_margin_ratio_are_undefined_for_accounts_without_equity(panel):
    broke = adl.equity(panel) <= 0
    assert (adl.effective_leverage(panel).isna() == broke).all()
    assert (adl.margin_ratio(panel).isna() == broke).all()


@given(panel=panels())
@few
def test_the_shortfall_is_what_bankrupt_accounts_owe_and_counts_each_account_once(panel):
    short = adl.shortfall(panel)
    levels = [name for name in panel.index.names if name != "symbol"]
    assert short.index.names == levels
    assert short.index.is_unique
    owed = {key[:-1]: max(0.0, -value) for key, value in adl.equity(panel).items()}
    found = short.to_dict() if len(levels) > 1 else {(name,): value for name, value in short.items()}
    assert found == pytest.approx(owed, rel=1e-9, abs=1e-9)
    assert (short >= 0).all()


@given(panel=panels())
@few
def test_the_account_summary_adds_up_the_rows_of_each_account(panel):
    summary, levels = adl.account_summary(panel), [name for name in panel.index.names if name != "symbol"]
    for column, measure in (
        ("notional", adl.notional),
        ("unrealized_pnl", adl.unrealized_pnl),
        ("maintenance_margin", adl.maintenance_margin),
    ):
        total = measure(panel).groupby(level=levels).sum().to_numpy()
        np.testing.assert_allclose(summary[column], total, rtol=1e-9, atol=1e-9)
    for column, measure in (
        ("equity", adl.equity),
        ("effective_leverage", adl.effective_leverage),
        ("margin_ratio", adl.margin_ratio),
    ):
        np.testing.assert_allclose(
            summary[column], measure(panel).groupby(level=levels).first().to_numpy(), rtol=1e-9, atol=1e-9
        )
    np.testing.assert_allclose(summary["shortfall"], adl.shortfall(panel), rtol=1e-9, atol=1e-9)
    assert (summary["n_positions"] == (panel["qty"] != 0).groupby(level=levels).sum()).all()


# Errors


def test_tiers_that_miss_a_symbol_are_refused():
    panel = adl.build_panel(one(**LONG, collateral=10.0))
    table = pd.DataFrame({"symbol": ["ETH"], "floor": [0.0], "rate": [0.01], "deduction": [0.0]})
    with pytest.raises(PanelError, match=r"no rows for symbols \['BTC'\]"):
        adl.liquidation_price(panel, tiers=table)


@pytest.mark.parametrize("measure", PER_ROW)
def test_a_measure_of_a_frame_without_its_facts_names_the_column(measure):
    with pytest.raises(KeyError, match=r"qty|mark_price"):
        measure(adl.build_panel(one(**LONG, collateral=10.0)).drop(columns=["qty", "mark_price"]))


def test_the_five_account_exchange_owes_what_the_paper_says():
    """arXiv 2512.01112: at a mark of 1.3, after two funding payments; equities and the deficit of the second step."""
    size, cash = np.array([1, 1, -4, 1, -1.0]), np.array([2, 2 / 3, 8 / 3, 2 / 19, 10 / 99])
    funding = np.array([-0.46667 - 0.572, -0.46667 - 0.572, 1.86667 + 2.288, -0.46667 - 0.572, 0.46667 + 0.572])
    frame = pd.DataFrame({"account": list("ABCDE"), "qty": size, "collateral": cash + funding})
    panel = adl.build_panel(frame.assign(symbol="X", entry_price=1.0, mark_price=1.3))
    assert adl.equity(panel).tolist() == pytest.approx([1.2613, -0.0720, 5.6214, -0.6334, 0.8397], abs=1e-4)
    assert adl.shortfall(panel).sum() == pytest.approx(0.705, abs=5e-4)
    at_entry = adl.build_panel(frame.assign(symbol="X", collateral=cash, entry_price=1.0, mark_price=1.0))
    assert adl.bankruptcy_price(at_entry).iloc[0] == 0.0  # A has more cash than it could lose
