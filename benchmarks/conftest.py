"""Claims against yardsticks, side by side in one run: `claim`, and the table at the end.

Nothing here fails on a slow machine: ratios are reported next to their budgets, not asserted.
"""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

collect_ignore_glob = ["conservation.py", "*_exactness.py"]  # scripts with their own output

Work = Callable[[], object]
ROUNDS = 5


def best(works: list[Work], rounds: int) -> list[float]:
    """Best seconds of each, taken in turn so that a busy machine hits all alike."""
    times = np.full((rounds, len(works)), np.inf)
    for turn in range(rounds):
        for place, work in enumerate(works):
            start = time.perf_counter()
            work()
            times[turn, place] = time.perf_counter() - start
    return [float(seconds) for seconds in times.min(axis=0)]


def peak_memory(work: Work) -> int:
    """Largest allocation [bytes] while `work` runs."""
    tracemalloc.start()
    work()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


@pytest.fixture
def claim(benchmark: Any) -> Callable[..., None]:
    """Measure `work` against a `yardstick`, whose time (times `of`) it may take up to `budget` times.

    `panel` compares the peak of memory with the panel's own columns (budget 4); `small`, the same work on a tenth of
    the rows, gives the exponent of growth (budget 1.15).
    """

    def run(
        work: Work,
        yardstick: Work,
        *,
        budget: float,
        of: float = 1.0,
        panel: pd.DataFrame | None = None,
        small: Work | None = None,
        rounds: int = ROUNDS,
    ) -> None:
        others = [yardstick, *([small] if small else [])]
        before = best(others, rounds)
        benchmark.pedantic(work, rounds=rounds)
        bare, *tenth = map(min, before, best(others, rounds))
        seconds = benchmark.stats.stats.min
        noted = {"budget": budget, "seconds": seconds, "yardstick": of * bare}
        if panel is not None:
            noted["memory"] = peak_memory(work) / panel.memory_usage(index=False).sum()
        if small is not None:
            noted["growth"] = float(np.log10(seconds / tenth[0]))
        benchmark.extra_info.update(noted)

    return run


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """One line per claim."""
    rows = [_row(run) for run in terminalreporter.config._benchmarksession.benchmarks if "budget" in run.extra_info]
    if rows:
        terminalreporter.section("claims")
        terminalreporter.write_line(pd.DataFrame(rows).fillna("").to_string(index=False))


def _row(run: Any) -> dict[str, Any]:
    noted = run.extra_info
    ratio = noted["seconds"] / noted["yardstick"]
    kept = ratio <= noted["budget"] and noted.get("memory", 0) <= 4 and noted.get("growth", 0) <= 1.15
    return {
        "claim": run.name.removeprefix("test_"),
        "seconds": f"{noted['seconds']:.4f}",
        "yardstick": f"{noted['yardstick']:.4f}",
        "ratio": f"{ratio:.2f}" if ratio >= 0.01 else f"1 : {1 / ratio:,.0f}",
        "budget": f"{noted['budget']:g}" if noted["budget"] >= 0.01 else f"1 : {1 / noted['budget']:,.0f}",
        "memory": f"{noted['memory']:.1f}x" if "memory" in noted else "",
        "growth": f"n^{noted['growth']:.2f}" if "growth" in noted else "",
        "within": "yes" if kept else "NO",
    }
