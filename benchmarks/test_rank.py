"""Ranks of ten million positions in a thousand queues."""

from __future__ import annotations

import numpy as np
import pytest
from markets import snapshots

import adlkit as adl

N = 10_000_000


@pytest.fixture(scope="module")
def panel():
    return snapshots(N)


def score(panel):
    return panel["score"]


def test_rank_of_1e7_positions_in_1000_queues_against_argsort(claim, panel):
    floats = panel["score"].to_numpy()
    claim(
        lambda: adl.rank(panel, score=score),
        lambda: np.argsort(floats),
        budget=2.0,
        panel=panel,
        rounds=3,
    )


def test_rank_of_1e6_positions_in_1000_queues_against_argsort(claim):
    large, small = snapshots(N // 10), snapshots(N // 100)
    floats = large["score"].to_numpy()
    claim(
        lambda: adl.rank(large, score=score),
        lambda: np.argsort(floats),
        budget=4.0,
        panel=large,
        small=lambda: adl.rank(small, score=score),
    )


def test_rank_of_1e7_positions_in_1000_queues_against_pandas(claim, panel):
    keys = [panel.index.codes[0], panel.index.codes[2], panel["qty"].to_numpy() > 0]
    claim(
        lambda: adl.rank(panel, score=score),
        lambda: panel["score"].groupby(keys).rank(method="first", ascending=False),
        budget=1 / 4,
        rounds=2,
    )
