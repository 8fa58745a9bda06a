"""Modules import only what comes before them, and drawing is loaded only when asked for."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "adlkit"
ORDER = [
    "errors",
    "files",
    "_display",
    "contracts",
    "groups",
    "checks",
    "intake",
    "tiers",
    "panel",
    "margin",
    "lines",
    "kinks",
    "curves",
    "triggers",
    "scores",
    "ranking",
    "indicators",
    "rules",
    "budgets",
    "severity",
    "allocation",
    "metrics",
    "vault",
    "policies",
    "laboratory",
    "comparison",
    "price_models",
    "paths",
    "cross_margin",
    "integer",
    "tails",
    "book",
    "cascade",
    "matching",
    "distress",
    "exits",
    "buffers",
    "fill_prices",
    "standing",
    "venues",
    "liquidation",
    "tally",
    "deleveraging",
    "waterfall",
    "event",
    "stress",
    "simulation",
    "market",
    "reach",
    "distance",
    "markout",
    "clustering",
    "rates",
    "frequency",
    "data",
    "sources",
    "plotting",
    "report",
    "__init__",
    "cli",
]
DRAWING = {"plotting", "report"}
DRAWING_LIBRARIES = {"matplotlib", "seaborn"}


class Import(NamedTuple):
    """One imported module: its dotted name, and whether it waits in a method, a function or a type check."""

    module: str
    place: str  # "top", "typing", "function" or "method"


def imports(node: ast.AST, place: str = "top") -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from (Import(alias.name, place) for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            yield from (Import(f"{child.module}.{alias.name}", place) for alias in child.names)
        else:
            yield from imports(child, place_within(child, parent=node, place=place))


def place_within(child: ast.AST, *, parent: ast.AST, place: str) -> str:
    if isinstance(child, ast.If) and ast.unparse(child.test).endswith("TYPE_CHECKING"):
        return "typing"
    if isinstance(child, ast.FunctionDef) and place == "top":
        return "method" if isinstance(parent, ast.ClassDef) else "function"
    return place


def layer(path: Path) -> str:
    """Place of a file in ORDER; a folder is one layer."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def target_layer(module: str) -> str:
    """Place in ORDER of an import from adlkit; what is not a module comes from the package itself."""
    name = module.split(".")[1] if "." in module else ""
    return name if name in LAYERS.union(ORDER) else "__init__"


def is_ours(found: Import) -> bool:
    return found.module.split(".")[0] == "adlkit"


def may_import(own: str, found: Import) -> bool:
    """At the top: up the list, or within a folder. Later: drawing, from a method or the outermost layers."""
    target = target_layer(found.module)
    if found.place in {"top", "typing"}:
        return target == own or ORDER.index(target) < ORDER.index(own)
    return target in DRAWING and (found.place == "method" or own in {"__init__", "cli"})


LAYERS = {layer(path) for path in PACKAGE.rglob("*.py")}
IMPORTS = {path: list(imports(ast.parse(path.read_text(encoding="utf-8")))) for path in PACKAGE.rglob("*.py")}


def test_every_module_has_its_place():
    assert LAYERS - set(ORDER) == set(), "give the new module its place in ORDER"


@pytest.mark.parametrize("path", IMPORTS, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_modules_import_only_what_comes_before_them(path):
    ours = [found for found in IMPORTS[path] if is_ours(found)]
    assert [found for found in ours if not may_import(layer(path), found)] == []


@pytest.mark.parametrize("path", IMPORTS, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_only_drawing_modules_load_drawing_libraries(path):
    loaded = {found.module.split(".")[0] for found in IMPORTS[path] if found.place == "top"}
    assert layer(path) in DRAWING or not loaded & DRAWING_LIBRARIES
