"""``lorr-bench init``: a suite for a model and rows of one's own."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from lorr_bench.draft.draft import Asked


def init(asked: Asked) -> None:
    """Write the suite, and say what was found: beside it, where the suite itself goes to the standard output.

    Args:
        asked: Model, rows and file.
    """
    from lorr_bench.draft.draft import draft_suite

    written = draft_suite(asked, os.environ, Path())
    if written.file is None:
        typer.echo(written.text, nl=False)
    for line in written.lines:
        typer.echo(line, err=written.file is None)
