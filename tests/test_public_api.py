"""Every public name exists and shows how it is used."""

from __future__ import annotations

import inspect
import re
from types import ModuleType

import pytest

import adlkit

EXAMPLES = re.compile(r"^Examples\n-{8}\n(.*)", re.MULTILINE | re.DOTALL)
NAMES = [name for name in adlkit.__all__ if name != "__version__"]


@pytest.mark.parametrize("name", adlkit.__all__)
def test_public_name_exists(name):
    assert hasattr(adlkit, name)


def test_public_names_are_listed_once():
    assert len(adlkit.__all__) == len(set(adlkit.__all__))


@pytest.mark.parametrize("name", NAMES)
def test_public_name_has_a_docstring_that_starts_with_a_sentence(name):
    doc = inspect.getdoc(getattr(adlkit, name)) or ""
    assert re.match(r"\S[^\n]*[.?!](\n|\Z)", doc)


@pytest.mark.parametrize("name", NAMES)
def test_public_name_has_examples(name):
    thing = getattr(adlkit, name)
    if not isinstance(thing, ModuleType):
        examples = EXAMPLES.search(inspect.getdoc(thing) or "")
        assert examples, "no Examples section"
        assert ">>> " in examples[1]
