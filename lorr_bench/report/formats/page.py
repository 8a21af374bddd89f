"""The report as one self-contained HTML page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from lorr_bench.outside import visible_text
from lorr_bench.report.contents import Contents
from lorr_bench.report.figures.drawing import FORMS, Drawing
from lorr_bench.report.formats.embed import data_uri, page_tables, source_hash
from lorr_bench.report.formats.problems import embedded_problems
from lorr_bench.report.formats.results_file import RESULTS_FILE
from lorr_bench.report.formatting import seconds
from lorr_bench.report.frames import Frames

ASSETS = Path(__file__).parent
SCRIPTS = ("mathematics.js", "page.js")
MAX_SVG_BYTES = 300_000
"""Size from which on the page shows a figure as PNG."""
# No request of any kind, no frame, no form; only the page's own style and script; no text becomes markup.
POLICY = (
    "default-src 'none'; script-src {script}; style-src {style}; img-src data:; base-uri 'none'; "
    "form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)


def html_page(contents: Contents, forms: Sequence[str] = FORMS) -> str:
    """The page: style, script, figures and data inside it, nothing fetched, every text of a model escaped.

    Args:
        contents: What it shows.
        forms: Endings of the files of its figures that lie beside it.
    """
    style = (ASSETS / "page.css").read_text(encoding="utf-8")
    script = "\n".join((ASSETS / name).read_text(encoding="utf-8") for name in SCRIPTS)
    return (
        _environment()
        .get_template("page.html")
        .render(
            contents=contents,
            results=contents.results,
            policy=POLICY.format(script=source_hash(script), style=source_hash(style)),
            # Files of this package.
            style=Markup(style),  # noqa: S704
            script=Markup(script),  # noqa: S704
            files=_files(contents.frames),
            forms=forms,
            tables=page_tables(contents.tables),
            figures=[(drawing, _address(drawing)) for drawing in contents.figures],
            problems=embedded_problems(contents.study),
        )
    )


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(ASSETS),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_visible,
    )
    # The JSON is made for this place: escaping it again would break it.
    environment.filters["data"] = Markup
    environment.filters["seconds"] = seconds
    return environment


def _visible(value: Any) -> Any:
    """A text with its control characters made visible; markup as it is."""
    return visible_text(value) if type(value) is str else value


def _files(frames: Frames) -> list[str]:
    """The files beside the page that it links to, besides the figures."""
    return ["report.md", "tables.tex", RESULTS_FILE, *(f"{field.name}.csv" for field in fields(frames))]


def _address(drawing: Drawing) -> str:
    """An address that holds the figure: as lines, or as points where the lines are very many.

    As an image it can run nothing, and its names can't meet those of another figure.
    """
    lines = drawing.svg.encode()
    if len(lines) > MAX_SVG_BYTES:
        return data_uri(drawing.png, "image/png")
    return data_uri(lines, "image/svg+xml")
