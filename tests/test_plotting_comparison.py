"""Figures of comparisons draw the tables that they are made from."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

import adlkit as adl
from adlkit import policies
from adlkit.plotting import plot_agreement, plot_deciles, plot_front, plot_lorenz, plot_properties

pytestmark = pytest.mark.usefixtures("_closed_figures")

SCORES = {"BitMEX": adl.scores.bitmex, "return": adl.scores.return_only, "a $10^9 name": adl.notional}


@pytest.fixture
def _closed_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def compared():
    return adl.compare_scores(adl.load_dataset("synthetic_crash"), SCORES).on("short")


@pytest.fixture(scope="module")
def shared():
    need = pd.Series({("BTC", "short"): 40.0}).rename_axis(["symbol", "side"])
    rules = {"queue": policies.profit_queue, "water": policies.water_filling}
    return adl.compare_rules(adl.load_dataset("synthetic_crash"), need, rules)


def title(ax):
    return ax.get_title(loc="left")


def test_the_heat_map_shows_each_pair_once_rounded_with_alike_scores_side_by_side(compared):
    ax = plot_agreement(compared)
    table = compared.agreement()
    order = [label.get_text() for label in ax.get_yticklabels()]
    assert set(order) == set(table.index)
    means = table.mean()[order]
    assert means.is_monotonic_decreasing
    shown = np.array([float(text.get_text()) for text in ax.texts]).reshape(3, 3)
    assert shown == pytest.approx(table.loc[order, order].to_numpy(), abs=0.005)
    pairs = table.to_numpy()[np.triu_indices(3, k=1)]
    assert title(ax) == f"Kendall's tau of queues: {pairs.min():.2f} to {pairs.max():.2f}, mean {pairs.mean():.2f}"


def test_the_front_is_a_line_for_each_position_at_its_rank(compared):
    ax = plot_front(compared, ("BTC", "short"), n=5)
    ranks = compared.front(("BTC", "short"), n=5)
    lines = [line for line in ax.lines if line.get_marker() == "None"]
    assert len(lines) == len(ranks)
    for line, row in zip(lines, ranks.to_numpy(), strict=True):
        assert line.get_ydata().tolist() == np.fmin(row, 6.6).tolist()
    first = ranks.index[ranks["BitMEX"] <= 5].get_level_values("account")
    assert {text.get_text() for text in ax.texts} == set(first)
    kept = int((ranks[ranks["BitMEX"] <= 5] <= 5).all(axis=1).sum())
    assert title(ax).replace("\n", " ") == (f"BTC short: {kept} of the first 5 under BitMEX are first under all scores")


def test_the_lorenz_curve_is_read_from_the_largest_payers(shared):
    ax = plot_lorenz(shared)
    curve = shared.lorenz()["water"].iloc[:-1]
    line = ax.lines[1]
    assert line.get_xdata() == pytest.approx((1 - curve["payers"]).to_numpy())
    assert line.get_ydata() == pytest.approx((1 - curve["amount"]).to_numpy())
    few = shared.payers()["top_1_percent"]
    assert f"{100 * few.max():.0f}%" in title(ax)
    assert ax.get_xscale() == "log"


def test_deciles_add_up_to_all_that_is_taken(shared):
    ax = plot_deciles(shared, "leverage")
    for line in ax.lines:
        assert np.nansum(line.get_ydata()) == pytest.approx(1.0)
    peak = shared.by_decile("leverage").idxmax()
    assert str(peak.max()) in title(ax)


def test_deciles_of_nothing_say_so():
    panel = adl.load_dataset("four_accounts")
    nothing = adl.compare_rules(panel, 0.0, {"profit": policies.profit_pro_rata})
    assert title(plot_deciles(nothing, "size")) == "Nothing is taken"


def test_violations_are_filled_with_their_share():
    tables = {
        "queue": adl.check_properties(policies.profit_queue, n_markets=400),
        "pro rata": adl.check_properties(policies.profit_pro_rata, n_markets=400),
    }
    ax = plot_properties(tables)
    drawn = ax.images[0].get_array().filled(np.nan)
    words = np.array([text.get_text() for text in ax.texts]).reshape(drawn.shape)
    for column, table in enumerate(tables.values()):
        violated = (table["verdict"] == "violated").to_numpy()
        assert (drawn[:, column] == 1).tolist() == violated.tolist()
        assert [word.endswith("%") for word in words[:, column]] == violated.tolist()
    assert words[-1, 1] == "–"  # not defined for money


@pytest.mark.parametrize("draw", [plot_agreement, lambda compared, ax: plot_front(compared, ("BTC", "short"), ax=ax)])
def test_figures_are_drawn_where_they_are_asked_for(compared, draw):
    _, ax = plt.subplots()
    assert draw(compared, ax=ax) is ax
    ax.figure.canvas.draw()  # the $ of a name is no formula


def test_results_draw_themselves(compared, shared):
    assert title(compared.plot()) == title(plot_agreement(compared))
    assert title(shared.plot()) == title(plot_lorenz(shared))


def test_figures_of_nothing_say_so_and_one_policy_that_takes_nothing_is_no_obstacle():
    panel = adl.load_dataset("four_accounts")
    nothing = adl.compare_rules(panel, 0.0, {"profit": policies.profit_pro_rata})
    assert title(nothing.plot()) == "Nothing is taken"
    nobody = adl.Policy(lambda panel: np.nan * panel["qty"], endowment=policies.profit, numeraire="pnl")
    one = adl.compare_rules(panel, 5.0, {"profit": policies.profit_pro_rata, "nobody": nobody})
    assert "decile" in title(plot_deciles(one, "size"))
    assert title(plot_properties({})) == "No policies"
