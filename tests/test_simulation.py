"""A price path through the waterfall: the same as event by event, and nothing is lost on the way."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_simulations import random_simulation, stepwise

import adlkit as adl

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
    assert np.abs(result.ledger.sum(axis=1)).max() <= 1e-9 * adl.notional(panel).sum() if len(result.ledger) else True
