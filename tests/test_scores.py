"""Scores: worked cases, the order of winners and losers, who has no score, and where each formula comes from."""

from __future__ import annotations

import inspect
import re

import numpy as np
import pandas as pd
import pytest
from golden_cases import assert_golden, golden_ids, golden_panel, golden_rows
from hypothesis import given
from strategies import few, panels

import adlkit as adl
from adlkit import scores
from adlkit.errors import ScoreError

CATALOGUE = scores.catalogue()
NAMES = [name for name in CATALOGUE.index if name]
BY_LEVERAGE = set(CATALOGUE.index[CATALOGUE["needs"] == "selected leverage"])
"""Scores that are made from the selected leverage."""
SCORES = [getattr(scores, name)(20) if name in BY_LEVERAGE else getattr(scores, name) for name in NAMES]
MADE = [scores.blend(), scores.blend(profit=0.5, leverage=2, size=0), scores.random_start(7)]
SCORES_BANKRUPT = {"aster", "binance_2019", "extended", "hyperliquid_reconstructed", "random_start"}
"""Scores whose source gives accounts without equity a number."""
MAY_LACK = {"bitfinex", "coinex", "jex", "raw_leverage", "raw_leverage_over_bankruptcy"}
"""Scores that some solvent accounts do not have: losers, no cash, no bankruptcy price."""
SIGNED = {
    *("binance", "bitget", "bitmex", "bityi", "coinex_older", "deepcoin", "extended", "gate_2022_11"),
    *("gate_before_2022_11", "htx", "hyperliquid_reconstructed", "jex", "kucoin", "kucoin_cross", "kucoin_older"),
    *("metaflux", "mexc", "mufex", "okx", "poloniex", "return_only", "satori"),
}
"""Scores that put every winner before every loser."""
EQUAL = {
    "bitmex": ["coinex_older", "deepcoin", "kucoin", "mexc", "mufex", "poloniex", "satori"],
    "binance_2019": ["aster"],
    "okx": ["htx"],
    "return_only": ["gate_before_2022_11", "kucoin_cross", "metaflux"],
}
"""Venues that publish one formula."""
EQUAL_IF_LINEAR = {"bitmex": ["jex"], "okx": ["bityi"]}
DEPENDS_ON_MONEY_UNIT = {"aster", "binance_2019", "extended", "gate_2022_11"}
"""Scores with a constant in settlement currency, or in it themselves."""


def isolated(*, qty: float, mark: float, cash: float, rate: float = 0.01, entry: float = 100.0) -> pd.Series:
    facts = {"qty": qty, "entry_price": entry, "mark_price": mark, "collateral": cash, "maintenance_rate": rate}
    return pd.Series({"symbol": "BTC", **facts})


def panel_of(**accounts: pd.Series) -> pd.DataFrame:
    rows = pd.DataFrame([row.rename(name) for name, row in accounts.items()]).rename_axis("account")
    return adl.build_panel(rows.infer_objects().reset_index())


@pytest.mark.parametrize("case", golden_ids("scores"))
def test_score_is_the_published_one(case):
    rows = golden_rows("scores", case)
    (name,) = rows["score"].unique()
    panel = golden_panel(rows.drop(columns="score"))
    assert_golden(getattr(scores, name)(panel), rows, "expected")


@given(panel=panels())
def test_bitmex_score_is_return_times_leverage_of_signed_values(panel):
    """The venue's own symbols: MV, EV, BV at mark, entry and bankruptcy; here MV - BV is the account's equity."""
    measured, owned = scores.bitmex(panel), adl.equity(panel)
    contract = panel.get("contract", pd.Series("linear", index=panel.index))
    for key, row in panel.assign(contract=contract).iterrows():
        worth = (lambda price: -1 / price) if row["contract"] == "inverse" else (lambda price: price)
        market, entry = row["qty"] * worth(row["mark_price"]), row["qty"] * worth(row["entry_price"])
        if row["qty"] == 0 or owned[key] <= 0:
            assert np.isnan(measured[key])
            continue
        gain, leverage = (market - entry) / abs(entry), abs(market) / owned[key]
        assert measured[key] == pytest.approx(gain * leverage if gain > 0 else gain / leverage, rel=1e-9, abs=1e-15)


# Order of winners and losers

WINNERS_FIRST = [score for score in SCORES if score.__name__ in SIGNED]


@pytest.mark.parametrize("side", [1.0, -1.0])
@pytest.mark.parametrize("score", [*WINNERS_FIRST, MADE[0]], ids=lambda score: score.__name__)
def test_every_winner_stands_before_every_loser(score, side):
    panel = panel_of(
        small_win=isolated(qty=side, mark=100.0, entry=100.0 - side * 0.1, cash=500.0),
        big_win=isolated(qty=side, mark=100.0, entry=100.0 - side * 30, cash=10.0),
        small_loss=isolated(qty=side, mark=100.0, entry=100.0 + side * 0.1, cash=500.0),
        big_loss=isolated(qty=side, mark=100.0, entry=100.0 + side * 30, cash=40.0),
    )
    measured = score(panel).droplevel("symbol")
    assert measured[["small_win", "big_win"]].min() > measured[["small_loss", "big_loss"]].max()
    assert measured["big_win"] > measured["small_win"]


@pytest.mark.parametrize("side", [1.0, -1.0])
@pytest.mark.parametrize(
    "score",
    [
        *(getattr(scores, name) for name in (*EQUAL["bitmex"], "bitmex", "jex", "binance", "okx", "htx", "bityi")),
        *(scores.bitget, scores.extended, MADE[0]),
    ],
)
def test_among_equal_losers_the_more_levered_goes_first(score, side):
    """The loss is divided by leverage and sorted with its sign, never by its size."""
    mark = 100.0 - side * 5
    panel = panel_of(levered=isolated(qty=side, mark=mark, cash=10.0), safe=isolated(qty=side, mark=mark, cash=50.0))
    levered, safe = score(panel)
    assert safe < levered < 0


@pytest.mark.parametrize("score", [scores.bitmex, scores.binance, scores.okx, scores.kucoin, scores.bitget])
def test_among_equal_winners_the_more_levered_goes_first(score):
    panel = panel_of(levered=isolated(qty=1.0, mark=105.0, cash=10.0), safe=isolated(qty=1.0, mark=105.0, cash=50.0))
    levered, safe = score(panel)
    assert 0 < safe < levered


@pytest.mark.parametrize("score", [scores.gate_2022_11, scores.kucoin_older])
def test_a_signed_product_without_loss_branch_takes_the_more_levered_of_equal_losers_last(score):
    panel = panel_of(levered=isolated(qty=1.0, mark=95.0, cash=10.0), safe=isolated(qty=1.0, mark=95.0, cash=50.0))
    levered, safe = score(lambda panel: 100 / panel["collateral"])(panel)
    assert levered < safe < 0


@pytest.mark.parametrize("score", [scores.coinex, scores.ethereal, scores.hyperliquid_inverted, scores.raw_leverage])
def test_without_a_signed_profit_a_levered_loser_stands_before_a_winner(score):
    panel = panel_of(
        loser=isolated(qty=1.0, mark=95.0, cash=10.0), winner=isolated(qty=1.0, mark=95.0, entry=85.0, cash=50.0)
    )
    loser, winner = score(panel)
    assert loser > winner > 0


def test_bitfinex_never_closes_a_position_that_does_not_gain():
    panel = panel_of(
        winner=isolated(qty=-1.0, mark=90.0, cash=10.0),
        even=isolated(qty=-1.0, mark=90.0, entry=90.0, cash=10.0),
        loser=isolated(qty=1.0, mark=90.0, cash=50.0),
    )
    assert scores.bitfinex(panel).tolist() == pytest.approx([0.1, np.nan, np.nan], nan_ok=True)


@pytest.mark.parametrize("score", [scores.binance_2019, scores.aster, scores.bitget_2025_05])
def test_scores_that_floor_losses_leave_all_losers_tied_at_zero(score):
    panel = panel_of(
        levered=isolated(qty=1.0, mark=95.0, cash=10.0),
        safe=isolated(qty=2.0, mark=95.0, cash=50.0),
        even=isolated(qty=3.0, mark=95.0, entry=95.0, cash=50.0),
        winner=isolated(qty=1.0, mark=95.0, entry=90.0, cash=50.0),
    )
    measured = score(panel)
    assert measured.tolist()[:3] == [0.0, 0.0, 0.0]
    assert measured.iloc[3] > 0


def test_the_documented_hyperliquid_index_of_a_short_falls_as_it_gains():
    ahead = panel_of(ann=isolated(qty=-1.0, mark=90.0, cash=100.0))
    further = panel_of(ann=isolated(qty=-1.0, mark=80.0, cash=90.0))  # equity 110 in both
    assert scores.hyperliquid_documented(further).iloc[0] < scores.hyperliquid_documented(ahead).iloc[0]
    assert scores.hyperliquid_reconstructed(further).iloc[0] > scores.hyperliquid_reconstructed(ahead).iloc[0]
    for panel in (ahead, further):
        assert scores.hyperliquid_inverted(panel).iloc[0] == pytest.approx(100 / 110), "entry notional over equity"


@given(panel=panels())
def test_the_inverted_hyperliquid_index_differs_from_the_documented_one_for_shorts_only(panel):
    documented, inverted = scores.hyperliquid_documented(panel), scores.hyperliquid_inverted(panel)
    is_long = panel["qty"] > 0
    np.testing.assert_allclose(inverted[is_long], documented[is_long], rtol=1e-12)
    squared = (panel["entry_price"] / panel["mark_price"])[~is_long] ** 2
    np.testing.assert_allclose(inverted[~is_long], documented[~is_long] * squared, rtol=1e-9)


def test_the_two_hyperliquid_indices_disagree_about_the_front():
    """10x with 1% profit against 5x with 50%: the documented ratio mark / entry hardly sees the profit."""
    frame = pd.concat([golden_rows("scores", f"derived_E_flip_{place}_doc") for place in (1, 2)])
    panel = golden_panel(frame.drop(columns="score").assign(symbol=["BTC", "ETH"]))
    assert scores.hyperliquid_documented(panel).argmax() == 0
    assert scores.hyperliquid_reconstructed(panel).argmax() == 1


# Who has no score


@given(panel=panels())
@few
def test_rows_without_a_position_have_no_score(panel):
    for score in [*SCORES, *MADE]:
        assert score(panel)[panel["qty"] == 0].isna().all(), score.__name__


@given(panel=panels())
@few
def test_accounts_without_equity_have_no_score_unless_the_source_gives_them_one(panel):
    broke, is_open = adl.equity(panel) <= 0, panel["qty"] != 0
    for score in [*SCORES, *MADE, scores.blend(leverage=0), scores.blend(size=0), scores.blend(profit=0)]:
        measured = score(panel)
        if score(panel).name in SCORES_BANKRUPT:
            needs_rate = panel["maintenance_rate"] > (0 if measured.name == "extended" else -1)
            assert measured[is_open & needs_rate].notna().all(), measured.name
        else:
            assert measured[broke].isna().all(), measured.name


@given(panel=panels(min_rate=1))
@few
def test_every_open_position_of_a_solvent_account_has_a_finite_score(panel):
    ranked = (adl.equity(panel) > 0) & (panel["qty"] != 0)
    for score in [*SCORES, *MADE]:
        if score.__name__ not in MAY_LACK:
            assert np.isfinite(score(panel)[ranked]).all(), score.__name__


@given(panel=panels())
@few
def test_a_score_is_finite_or_missing(panel):
    for score in SCORES:
        assert not np.isinf(score(panel)).any(), score.__name__


@pytest.mark.parametrize("name", ["coinex", "raw_leverage", "raw_leverage_over_bankruptcy"])
def test_leverage_on_cash_needs_cash(name):
    panel = panel_of(ann=isolated(qty=1.0, mark=150.0, cash=-10.0))
    assert adl.equity(panel).item() == 40.0
    assert np.isnan(getattr(scores, name)(panel).item())


def test_a_position_that_no_price_makes_bankrupt_has_no_distance_to_bankruptcy():
    long = panel_of(ann=isolated(qty=1.0, mark=100.0, cash=100.0))
    assert np.isnan(scores.raw_leverage_over_bankruptcy(long).item())
    short = panel_of(ann=isolated(qty=-1000.0, mark=100.0, cash=20.0)).assign(contract="inverse")
    assert np.isnan(scores.jex(short).item())  # equity 20 coins, and the debt is at most 10
    assert scores.bitmex(short).item() == 0.0


def test_a_loss_over_no_maintenance_margin_has_no_bitget_score():
    panel = panel_of(
        loser=isolated(qty=1.0, mark=95.0, cash=10.0, rate=0.0),
        winner=isolated(qty=-1.0, mark=95.0, cash=10.0, rate=0.0),
    )
    for score in (scores.bitget, scores.extended):
        assert score(panel).tolist() == pytest.approx([np.nan, 0.0], nan_ok=True)


def test_a_position_at_its_entry_price_scores_zero_where_profit_is_a_factor():
    panel = panel_of(ann=isolated(qty=1.0, mark=100.0, cash=10.0))
    at_zero = [score for score in WINNERS_FIRST if score.__name__ != "hyperliquid_reconstructed"]  # floors its factors
    for score in [*at_zero, scores.aster, scores.bitget_2025_05]:
        assert score(panel).tolist() == [0.0], score.__name__
    assert scores.hyperliquid_reconstructed(panel).tolist() == pytest.approx([10 * 1e-8])
    assert scores.coinex(panel).tolist() == scores.hyperliquid_inverted(panel).tolist() == [10.0]


# Laws of all scores


@given(panel=panels())
@few
def test_a_score_is_one_named_number_per_row_and_leaves_the_panel_alone(panel):
    before = panel.copy(deep=True)
    for score in SCORES:
        measured = score(panel)
        assert measured.index.equals(panel.index)
        assert measured.dtype == np.float64
        assert measured.name == score.__name__
    pd.testing.assert_frame_equal(panel, before)


@given(panel=panels())
@few
def test_the_order_of_rows_does_not_matter_to_a_score(panel):
    shuffled = panel.iloc[np.random.default_rng(7).permutation(len(panel))]
    for score in [*SCORES, *MADE]:
        again = score(shuffled).reindex(panel.index)
        np.testing.assert_allclose(again, score(panel), rtol=1e-9, atol=1e-15)


@given(panel=panels(has_time=True))
@few
def test_a_score_of_many_times_is_that_of_each_time_alone(panel):
    for score in [*SCORES, *MADE[:2]]:
        at_once = score(panel)
        for time, rows in panel.groupby(level="time"):
            alone = score(rows.droplevel("time"))
            np.testing.assert_allclose(at_once.xs(time, level="time"), alone, rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("name", EQUAL)
@given(panel=panels())
@few
def test_venues_that_publish_one_formula_have_one_score(name, panel):
    expected = getattr(scores, name)(panel)
    for other in EQUAL[name]:
        pd.testing.assert_series_equal(getattr(scores, other)(panel), expected.rename(other))


@pytest.mark.parametrize("name", EQUAL_IF_LINEAR)
@given(panel=panels(kind="linear"))
@few
def test_forms_with_prices_and_with_values_agree_for_linear_contracts(name, panel):
    for other in EQUAL_IF_LINEAR[name]:
        np.testing.assert_allclose(getattr(scores, other)(panel), getattr(scores, name)(panel), rtol=1e-9, atol=1e-12)


def test_forms_with_prices_and_with_values_differ_for_inverse_contracts():
    row = isolated(qty=1000.0, entry=8000.0, mark=10000.0, cash=0.025)
    panel = panel_of(ann=row).assign(contract="inverse")  # values -0.125 and -0.1, equity 0.05
    assert scores.jex(panel).item() == pytest.approx(0.75)  # by hand, see derived_jex_inverse
    assert scores.bitmex(panel).item() == pytest.approx(0.4)


@given(panel=panels(has_deductions=False, max_accounts=3))
@few
def test_the_unit_of_money_matters_only_to_scores_with_money_in_them(panel):
    """Prices and cash in cents: nothing else changes. Inverse contracts change their unit through their size."""
    linear = panel.get("contract", pd.Series("linear", index=panel.index)) == "linear"
    money = {name: panel[name].where(~linear, panel[name] * 64) for name in ("entry_price", "mark_price")}
    size = {"qty": panel["qty"].where(linear, panel["qty"] * 64), "collateral": panel["collateral"] * 64}
    rescaled = panel.assign(**money, **size)
    for score in SCORES:
        if score.__name__ not in DEPENDS_ON_MONEY_UNIT:
            np.testing.assert_allclose(score(rescaled), score(panel), rtol=1e-9, atol=1e-15, err_msg=score.__name__)


@pytest.mark.parametrize("name", sorted(DEPENDS_ON_MONEY_UNIT))
def test_a_constant_in_money_makes_a_tiny_account_depend_on_the_unit(name):
    (score,) = [score for score in SCORES if score.__name__ == name]
    panel = panel_of(ann=isolated(qty=0.001, mark=105.0, cash=0.01))
    in_cents = panel.assign(**{key: panel[key] * 100 for key in ("entry_price", "mark_price", "collateral")})
    assert score(in_cents).item() != pytest.approx(score(panel).item(), rel=0.5)


@given(panel=panels(kind="linear"))
@few
def test_an_inverse_contract_scores_as_the_opposite_linear_one_in_inverse_prices(panel):
    """A long of inverse contracts is a short of the quote currency, priced in coins."""
    mirrored = panel.assign(
        qty=-panel["qty"], entry_price=1 / panel["entry_price"], mark_price=1 / panel["mark_price"], contract="inverse"
    )
    by_values = ["binance", "bitget", "bitmex", "hyperliquid_reconstructed", "okx", "return_only", "kucoin_older"]
    for score in [score for score in SCORES if score.__name__ in by_values]:
        np.testing.assert_allclose(score(mirrored), score(panel), rtol=1e-6, atol=1e-9, err_msg=score.__name__)


# Selected leverage

SELECTED = panel_of(
    isolated_10x=isolated(qty=2.0, mark=110.0, cash=20.0),
    cross=isolated(qty=-1.0, mark=110.0, entry=121.0, cash=30.0),
    loser=isolated(qty=1.0, mark=110.0, entry=120.0, cash=60.0),
)


@pytest.mark.parametrize(
    ("score", "expected"),
    [
        (scores.gate_2022_11, [20 * 10, 11 * 100, -10 * 2]),  # upnl x leverage, the cross one at the maximum of 100
        (scores.kucoin_older, [20 / 20 * 10, 11 / 1.21 * 100, -10 / 60 * 2]),  # PnL / initial margin x leverage
    ],
)
def test_selected_leverage_is_given_for_each_position(score, expected):
    chosen = pd.Series([10.0, 100.0, 2.0], index=SELECTED.index)
    assert score(lambda _: chosen)(SELECTED).tolist() == pytest.approx(expected)


@pytest.mark.parametrize("score", [scores.gate_2022_11, scores.kucoin_older])
@pytest.mark.parametrize("leverage", [0.0, -1.0, np.inf, np.nan, "10", None])
def test_a_leverage_that_is_no_number_above_zero_is_refused(score, leverage):
    with pytest.raises(ScoreError, match="leverage must be a finite number above 0, or a function"):
        score(leverage)


@pytest.mark.parametrize("score", [scores.gate_2022_11, scores.kucoin_older])
@pytest.mark.parametrize(
    ("given", "message"),
    [
        (lambda panel: panel["qty"].to_numpy(), "leverage must give one number per position"),
        (lambda panel: panel["qty"].iloc[1:], "leverage must give one number per position"),
        (lambda panel: panel["qty"].astype(str), "leverage must give one number per position"),
        (lambda panel: panel["qty"], "leverage must be finite and above 0; 1 positions have none"),
        (lambda panel: panel["qty"] / 0, "leverage must be finite and above 0; 3 positions have none"),
    ],
)
def test_a_measure_of_leverage_without_sense_is_refused(score, given, message):
    with pytest.raises(ScoreError, match=message):
        score(given)(SELECTED)


# blend and random_start


@given(panel=panels())
def test_a_blend_is_profit_times_leverage_times_size_with_its_exponents(panel):
    measured, owned = scores.blend(profit=2, leverage=0.5, size=3)(panel), adl.equity(panel)
    size = adl.notional(panel)
    gain = scores.return_only(panel)  # checked by its own worked cases
    for key in panel.index[(owned > 0) & (panel["qty"] != 0)]:
        factor = (size[key] / owned[key]) ** 0.5 * size[key] ** 3
        signed = np.sign(gain[key]) * gain[key] ** 2
        assert measured[key] == pytest.approx(signed * factor if signed > 0 else signed / factor, rel=1e-9, abs=1e-300)


@given(panel=panels())
@few
def test_a_blend_without_size_is_the_score_of_bitmex_and_without_all_but_profit_the_return(panel):
    pd.testing.assert_series_equal(scores.blend(size=0)(panel), scores.bitmex(panel), check_names=False)
    only = scores.blend(leverage=0, size=0)(panel)
    pd.testing.assert_series_equal(only, scores.return_only(panel), check_names=False)


@pytest.mark.parametrize("factor", ["profit", "leverage", "size"])
@pytest.mark.parametrize("exponent", [-1.0, np.inf, np.nan])
def test_an_exponent_that_is_negative_or_not_finite_is_refused(factor, exponent):
    with pytest.raises(ValueError, match=f"{factor} must be a finite exponent of 0 or more"):
        scores.blend(**{factor: exponent})


def test_a_random_start_walks_through_the_accounts_in_order_and_around():
    names = [f"a{i}" for i in range(9)]
    panel = panel_of(**{name: isolated(qty=1.0, mark=100.0, cash=1.0) for name in reversed(names)})
    starts = set()
    for seed in range(20):
        walk = scores.random_start(seed)(panel).sort_values(ascending=False).index.get_level_values("account").tolist()
        start = names.index(walk[0])
        assert walk == names[start:] + names[:start]
        pd.testing.assert_series_equal(scores.random_start(seed)(panel), scores.random_start(seed)(panel))
        starts.add(start)
    assert len(starts) > 3


# Catalogue


def test_every_score_of_the_module_is_in_the_catalogue():
    makers = {"blend", "fixed_order", "random_start", "catalogue", "published_scores"}
    defined = {name for name, _ in inspect.getmembers(scores, inspect.isfunction)}
    assert defined - makers == set(NAMES)
    assert len(NAMES) == len(set(NAMES))
    assert CATALOGUE.loc["bitmex", "venue"] == "BitMEX"


@pytest.mark.parametrize("name", NAMES)
def test_a_catalogued_score_names_its_venue_formula_and_source(name):
    row = CATALOGUE.loc[name]
    assert row["venue"]
    assert row["formula"]
    assert re.search(r"https://|documentation|help page", row["source"])
    assert row["status"] in {"venue", "secondary", "literature"}
    assert row["family"] != "no ranking"
    assert "References\n" in inspect.getdoc(getattr(scores, name))


def test_the_published_scores_are_those_of_the_catalogue_that_need_a_panel_alone():
    assert set(NAMES) - BY_LEVERAGE == set(scores.published_scores())
    assert {"gate_2022_11", "kucoin_older"} == BY_LEVERAGE


def test_a_secondary_source_is_called_so_in_the_docstring_too():
    for name in CATALOGUE.index[CATALOGUE["status"] == "secondary"]:
        assert "Secondary" in inspect.getdoc(getattr(scores, name)), name


def test_validity_dates_are_years_or_months_or_unknown():
    for column in ("valid_from", "valid_to"):
        assert CATALOGUE[column].str.fullmatch(r"(\d{4}(-\d{2})?)?").all()


@pytest.mark.parametrize(
    ("status", "venues"),
    [
        (
            "unpublished",
            {"Bybit", "OKX", "Bitget", "Gate", "Phemex", "Lighter", "Kraken Futures", "Coinbase International"}
            | {"dYdX v3", "WhiteBIT", "edgeX"},
        ),
        (
            "no ranking",
            {"dYdX v4", "GMX v2", "Drift v2", "Paradex", "Percolator", "Crypto.com", "Deribit", "Synthetix v3"},
        ),
    ],
)
def test_venues_without_a_formula_are_listed_with_the_reason_and_nothing_is_invented(status, venues):
    rows = CATALOGUE[CATALOGUE["status"] == status]
    assert set(rows["venue"]) == venues
    assert (rows.index == "").all()
    assert (rows["note"].str.len() > 15).all()


def test_what_is_left_out_on_purpose_says_why():
    (left_out,) = CATALOGUE[CATALOGUE["status"] == "left out"].itertuples()
    assert "closed_pnl" in left_out.formula
    assert "circular" in left_out.note


@pytest.mark.parametrize("move", [0.7, 0.9, 1.1, 1.4])
def test_a_fixed_order_does_not_change_with_the_mark(move):
    score = adl.scores.random_start(4)
    panel = adl.load_dataset("synthetic_crash").assign(maintenance_deduction=0.0, collateral=1e9)
    moved = adl.mark_to(panel, move * adl.mark_prices(panel))
    assert score.is_fixed
    pd.testing.assert_series_equal(adl.rank(moved, score=score), adl.rank(panel, score=score))
