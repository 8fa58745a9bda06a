"""Committed notebooks are fit to be compared: this catches what a green nbval run lets through."""

from __future__ import annotations

import copy
import json
import os
import re
from pathlib import Path

import pytest

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"
MARKER_LINE = re.compile(r"\s*#+\s*NBVAL_(IGNORE_OUTPUT|CHECK_OUTPUT|RAISES_EXCEPTION|SKIP)\s*")
UNCHECKED = {"nbval-ignore-output", "nbval-skip"}
MAY_RAISE = {"raises-exception", "nbval-raises-exception"}
TRAILING_SEMICOLON = re.compile(r";(\s*#[^\n]*)*\s*\Z")
MAX_UNCHECKED = 0.25  # of the code cells
MAX_BYTES = 2_000_000


def problems(notebook: dict, environ: dict = os.environ) -> list[str]:
    """Everything that is wrong with a notebook, or with the environment that will run it, in words."""
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code" and source(cell).strip()]
    faults = notebook_faults(notebook) + order_faults(cells) + unchecked_faults(cells)
    for number, cell in enumerate(cells, start=1):
        faults += [f"code cell {number}: {fault}" for fault in cell_faults(cell)]
    if "MPLBACKEND" in environ:
        faults.append("MPLBACKEND is set in the environment, so figures leave no output: unset it")
    return faults


def notebook_faults(notebook: dict) -> list[str]:
    faults = []
    kernel = notebook["metadata"].get("kernelspec", {}).get("name")
    if kernel != "python3":
        faults.append(f"kernelspec is {kernel!r}, need 'python3'")
    if "widgets" in notebook["metadata"]:
        faults.append("widget state is saved in the file")
    if (size := len(json.dumps(notebook))) > MAX_BYTES:
        faults.append(f"too large: {size} bytes, at most {MAX_BYTES}")
    return faults


def order_faults(cells: list[dict]) -> list[str]:
    counts = [cell["execution_count"] for cell in cells]
    if None in counts:
        return [f"{counts.count(None)} code cells were never run"]
    if counts != list(range(1, len(cells) + 1)):
        return [f"not run top to bottom in one go: execution counts {counts}"]
    return []


def unchecked_faults(cells: list[dict]) -> list[str]:
    unchecked = sum(bool(labels(cell) & UNCHECKED) for cell in cells)
    if unchecked > MAX_UNCHECKED * len(cells):
        return [f"{unchecked} of {len(cells)} code cells escape comparison, at most {MAX_UNCHECKED:.0%}"]
    return []


def cell_faults(cell: dict) -> list[str]:
    faults = []
    text, outputs = source(cell), cell["outputs"]
    if TRAILING_SEMICOLON.search(text):
        faults.append("the ';' at its end hides nothing under nbval: assign to a name instead")
    if any("NBVAL_" in line and not MARKER_LINE.fullmatch(line) for line in text.splitlines()):
        faults.append("a marker that is not alone on its line is not seen by nbval")
    if "MPLBACKEND" in text:
        faults.append("sets MPLBACKEND")
    if any(output["output_type"] == "error" for output in outputs) and not labels(cell) & MAY_RAISE:
        faults.append("stores an error")
    if any(output.get("name") == "stderr" for output in outputs):
        faults.append("stores stderr, such as a warning or a progress bar")
    if "execution" in cell["metadata"]:
        faults.append("stores when it was run")
    return faults


def labels(cell: dict) -> set[str]:
    """Tags of a cell, and its marker lines spelled as tags."""
    lines = filter(MARKER_LINE.fullmatch, source(cell).splitlines())
    markers = {line.strip(" \t#").lower().replace("_", "-") for line in lines}
    return markers.union(cell["metadata"].get("tags", []))


def source(cell: dict) -> str:
    return "".join(cell["source"])


def test_committed_notebooks_are_clean():
    faults = {path.name: problems(json.loads(path.read_bytes())) for path in NOTEBOOKS.glob("*.ipynb")}
    assert {name: found for name, found in faults.items() if found} == {}


def code(text: str, number: int | None, *outputs: dict, tags: tuple[str, ...] = ()) -> dict:
    metadata = {"tags": list(tags)} if tags else {}
    return {
        "cell_type": "code",
        "execution_count": number,
        "metadata": metadata,
        "outputs": list(outputs),
        "source": text,
    }


ERROR = {"output_type": "error", "ename": "ValueError", "evalue": "no", "traceback": []}
STDERR = {"output_type": "stream", "name": "stderr", "text": "a warning"}
CLEAN = {
    "cells": [
        {"cell_type": "markdown", "metadata": {}, "source": ["Who pays;"]},
        code("shortfall = 20.0  # in USDT; not in BTC\nshortfall", 1),
        code("1 / 0", 2, ERROR, tags=("raises-exception",)),
        code("# NBVAL_IGNORE_OUTPUT\nshortfall", 3),
        code("text = ';'", 4),
        code("", None),
    ],
    "metadata": {"kernelspec": {"name": "python3"}},
}

FAULTS = {
    "never run": lambda n: n["cells"][1].update(execution_count=None),
    "not run top to bottom": lambda n: n["cells"][2].update(execution_count=99),
    "';' at its end": lambda n: n["cells"][1].update(source="shortfall;  # quiet"),
    "marker that is not alone": lambda n: n["cells"][1].update(source="shortfall  # NBVAL_IGNORE_OUTPUT"),
    "stores an error": lambda n: n["cells"][1].update(outputs=[ERROR]),
    "stores stderr": lambda n: n["cells"][1].update(outputs=[STDERR]),
    "escape comparison": lambda n: n["cells"][1]["metadata"].update(tags=["nbval-skip"]),
    "stores when it was run": lambda n: n["cells"][1]["metadata"].update(execution={}),
    "sets MPLBACKEND": lambda n: n["cells"][1].update(source="%env MPLBACKEND=Agg"),
    "widget state": lambda n: n["metadata"].update(widgets={}),
    "kernelspec is 'mine'": lambda n: n["metadata"].update(kernelspec={"name": "mine"}),
    "kernelspec is None": lambda n: n["metadata"].clear(),
    "too large": lambda n: n["cells"][0].update(source="x" * MAX_BYTES),
}


def test_clean_notebook_has_no_problems():
    assert problems(CLEAN, environ={}) == []


@pytest.mark.parametrize("words", FAULTS)
def test_each_fault_is_caught_alone(words):
    notebook = copy.deepcopy(CLEAN)
    FAULTS[words](notebook)
    (fault,) = problems(notebook, environ={})
    assert words in fault


def test_a_forced_backend_is_caught():
    (fault,) = problems(CLEAN, environ={"MPLBACKEND": "agg"})
    assert "unset it" in fault
