"""Run the notebooks of this folder top to bottom and store their outputs.

    python notebooks/build.py              every notebook
    python notebooks/build.py 01_queue     only the named ones

Outputs are compared exactly by the tests, so run this with the versions of constraints.txt.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import nbformat
from nbclient import NotebookClient

HERE = Path(__file__).resolve().parent
SETTINGS = {"TQDM_DISABLE": "1", "PYTHONHASHSEED": "0", "JUPYTER_PREFER_ENV_PATH": "1"}
VOLATILE = {"ExecuteTime", "collapsed", "execution", "scrolled", "trusted"}
KERNEL = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
TIMEOUT = 600  # seconds for one cell


def main() -> None:
    notebooks = {path.stem: path for path in sorted(HERE.glob("*.ipynb"))}
    parser = argparse.ArgumentParser(description="Run notebooks top to bottom and store their outputs.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="such as 01_queue; default: all of them")
    names = [Path(name).stem for name in parser.parse_args().names] or list(notebooks)
    if unknown := [name for name in names if name not in notebooks]:
        parser.error(f"unknown notebooks {unknown}; known: {list(notebooks)}")
    os.environ.update(SETTINGS)
    os.environ.pop("MPLBACKEND", None)  # with it, figures leave no output
    for name in names:
        print(f"running {name}", flush=True)
        build(notebooks[name])


def build(path: Path) -> None:
    """Execute one notebook and replace its file."""
    notebook = nbformat.read(path, as_version=4)
    run(notebook)
    clean(notebook)
    write(notebook, path)


def run(notebook: nbformat.NotebookNode) -> None:
    client = NotebookClient(
        notebook,
        kernel_name=KERNEL["name"],
        timeout=TIMEOUT,
        record_timing=False,
        coalesce_streams=True,
        store_widget_state=False,
        resources={"metadata": {"path": str(HERE)}},
    )
    client.execute()


def clean(notebook: nbformat.NotebookNode) -> None:
    """Drop what changes from run to run or from machine to machine."""
    notebook.metadata = nbformat.from_dict({"kernelspec": KERNEL, "language_info": {"name": "python"}})
    for cell in notebook.cells:
        for key in VOLATILE & cell.metadata.keys():
            del cell.metadata[key]


def write(notebook: nbformat.NotebookNode, path: Path) -> None:
    """Write beside the old file, then swap: a reader never sees half a notebook."""
    nbformat.validate(notebook)
    fresh = path.with_suffix(".ipynb.new")
    try:
        fresh.write_text(nbformat.writes(notebook) + "\n", encoding="utf-8")
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
