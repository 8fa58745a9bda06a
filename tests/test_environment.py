"""The surroundings are as promised: set-up commands, versions, and what an import pulls in."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import adlkit

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CONSTRAINTS = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
SET_UP = "python3 -m venv .venv && .venv/bin/python -m pip install -c constraints.txt "
HEAVY = ["matplotlib", "seaborn", "statsmodels", "dask"]


def readme_commands() -> list[str]:
    """Commands of the README: the fenced blocks marked sh."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    return [block.strip() for block in re.findall(r"^```sh\n(.*?)^```$", readme, re.MULTILINE | re.DOTALL)]


def direct_requirements() -> list[Requirement]:
    """What pyproject.toml asks for by name, extras included."""
    extras = PROJECT["optional-dependencies"].values()
    lines = [*PROJECT["dependencies"], *(line for extra in extras for line in extra)]
    return [wish for wish in map(Requirement, lines) if wish.name != "adlkit"]


def pinned_versions() -> dict[str, list[str]]:
    """Versions in constraints.txt by package; some have one for each range of Python versions."""
    pins: dict[str, list[str]] = {}
    for pin in map(Requirement, CONSTRAINTS):
        pins.setdefault(canonicalize_name(pin.name), []).append(str(pin.specifier).removeprefix("=="))
    return pins


def test_no_backend_is_forced_on_the_notebooks():
    assert "MPLBACKEND" not in os.environ, "unset MPLBACKEND: with it, figures in notebooks leave no output"


def test_readme_has_two_set_up_commands_of_one_line():
    commands = readme_commands()
    assert len(commands) == 2
    assert all(command.startswith(SET_UP) and "\n" not in command for command in commands)


def test_readme_tests_everything_in_its_second_command():
    command = readme_commands()[1]
    assert command.endswith(" tests notebooks adlkit README.md")
    assert "--nbval " in command
    assert "--dist loadfile" in command  # else the cells of one notebook are spread over two kernels


def test_ci_runs_the_test_command_of_the_readme():
    shown = subprocess.run([ROOT / ".ci" / "run", "--print"], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == readme_commands()[1]


def test_constraints_serve_old_and_new_python():
    numpy = {line.split(" ; ")[1] for line in CONSTRAINTS if line.startswith("numpy==")}
    assert numpy == {"python_full_version < '3.12'", "python_full_version >= '3.12'"}


def test_constraints_hold_no_addresses():
    assert [line for line in CONSTRAINTS if re.search(r"://|@|^-", line)] == []


@pytest.mark.parametrize("wish", direct_requirements(), ids=str)
def test_constraints_satisfy_the_project(wish):
    versions = pinned_versions()[canonicalize_name(wish.name)]
    assert [version for version in versions if version not in wish.specifier] == []


def test_version_is_the_same_everywhere():
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert adlkit.__version__ == PROJECT["version"]
    assert f"\nversion: {PROJECT['version']}\n" in citation


def test_import_is_light():
    program = f"import sys, adlkit; print(*sorted(set({HEAVY}) & sys.modules.keys()))"
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == ""
