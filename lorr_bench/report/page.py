"""The report as one self-contained HTML page."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from lorr_bench.report.cells import TITLES
from lorr_bench.report.contents import Contents
from lorr_bench.report.figures import inline_svg
from lorr_bench.report.tables import QUANTITIES
from lorr_bench.report.views import DIAGNOSTICS


def html_page(contents: Contents) -> str:
    """The page: styles and figure inside it, nothing fetched, every text of a model escaped."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html").render(
        contents=contents,
        results=contents.results,
        quantities=[TITLES[name] for name in QUANTITIES],
        diagnostics=[heading for heading, _ in DIAGNOSTICS.values()],
        # Drawn by matplotlib, which escapes; its comments and metadata are gone.
        figure=Markup(inline_svg(contents.picture.svg)),  # noqa: S704
    )
