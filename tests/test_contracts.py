"""Prices and values of one contract, linear and inverse."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from strategies import panels

import adlkit as adl
from adlkit.contracts import is_inverse, price_of, reachable_price, value_of

prices = st.lists(st.floats(1e-6, 1e9), min_size=1, max_size=6)


def flags(values: list[bool]) -> np.ndarray:
    return np.array(values)


def test_one_linear_contract_is_worth_its_price_and_one_inverse_contract_minus_one_over_it():
    price = np.array([8000.0, 8000.0])
    assert value_of(price, flags([False, True])).tolist() == [8000.0, -0.000125]
    assert value_of(price, None).tolist() == [8000.0, 8000.0]


@given(price=prices, is_coin=st.booleans())
def test_the_price_of_a_value_is_the_price_it_came_from(price, is_coin):
    inverse = np.full(len(price), is_coin)
    assert price_of(value_of(np.array(price), inverse), inverse) == pytest.approx(price, rel=1e-12)


@given(price=prices, is_coin=st.booleans())
def test_a_rise_of_the_price_is_a_rise_of_the_value_in_both_contracts(price, is_coin):
    price = np.unique(np.round(price, 3) + 1)
    inverse = np.full(len(price), is_coin)
    assert (np.diff(value_of(price, inverse)) > 0).all()


@pytest.mark.parametrize(
    ("value", "is_coin", "price"),
    [
        (80.0, False, 80.0),
        (0.0, False, 0.0),
        (-20.0, False, 0.0),  # below every price
        (-0.000125, True, 8000.0),
        (0.0, True, np.inf),  # above every price
        (0.5, True, np.inf),
    ],
)
def test_a_value_that_no_price_has_is_reported_as_the_end_where_it_would_lie(value, is_coin, price):
    assert reachable_price(np.array([value]), flags([is_coin])).tolist() == [price]
    if not is_coin:
        assert reachable_price(np.array([value]), None).tolist() == [price]


@pytest.mark.parametrize("inverse", [None, flags([False]), flags([True])])
def test_an_undefined_value_has_an_undefined_price(inverse):
    assert np.isnan(reachable_price(np.array([np.nan]), inverse)).all()


@pytest.mark.parametrize(
    ("contract", "expected"),
    [(None, None), (["linear", "linear"], None), (["linear", "inverse"], [False, True])],
)
def test_a_panel_without_inverse_contracts_has_no_flags(contract, expected):
    panel = pd.DataFrame({"qty": [1.0, 2.0]})
    found = is_inverse(panel if contract is None else panel.assign(contract=contract))
    assert (found if found is None else found.tolist()) == expected


@given(panel=panels())
def test_notional_is_the_size_in_money_and_never_negative(panel):
    contract = panel.get("contract", pd.Series("linear", index=panel.index))
    rows = zip(panel["qty"], panel["mark_price"], contract, strict=True)
    by_hand = [abs(qty) / mark if kind == "inverse" else abs(qty) * mark for qty, mark, kind in rows]
    assert adl.notional(panel).tolist() == pytest.approx(by_hand, rel=1e-12)
