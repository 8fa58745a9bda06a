"""What `import adlkit` costs beyond `import pandas`."""

from __future__ import annotations

import subprocess
import sys


def imported(name: str) -> None:
    subprocess.run([sys.executable, "-c", f"import {name}"], check=True)


def test_import_adlkit_against_import_pandas(claim):
    claim(lambda: imported("adlkit"), lambda: imported("pandas"), budget=1.3, rounds=9)
