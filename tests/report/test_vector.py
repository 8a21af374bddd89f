"""Figures as SVG: text that can be searched, and colours for a dark page."""

from __future__ import annotations

import re

import matplotlib as mpl

from lorr_bench.report.figures.canvas.vector import DARK, FONTS, adapted
from lorr_bench.report.figures.drawing import (
    AXIS_COLOUR,
    GRID_COLOUR,
    MUTED,
    START_COLOUR,
    STYLE,
    Header,
    add_header,
    blank_figure,
    svg_text,
)


def test_text_is_text_with_a_font_to_fall_back_on() -> None:
    with mpl.rc_context(STYLE):
        figure = blank_figure(1.0)
        add_header(figure, Header("What is seen", ("on 5 seeds",)))
    svg = svg_text(figure)
    assert re.search(r"<text [^>]*>What is seen</text>", svg)
    named = re.findall(r"font-family: ([^;\"]*)", svg)
    assert named
    assert set(named) == {FONTS}


def test_every_neutral_colour_has_one_for_a_dark_page() -> None:
    assert {each.lower() for each in (AXIS_COLOUR, GRID_COLOUR, MUTED, START_COLOUR)} <= DARK.keys()


def test_the_dark_colours_are_the_first_rule_of_the_file() -> None:
    svg = adapted('<svg width="1"><path style="fill: #ffffff"/></svg>')
    assert svg.startswith('<svg width="1"><style>@media (prefers-color-scheme: dark){text{')
    assert '[style*="fill: #ffffff"]{fill:#14171b!important}' in svg
    assert svg.endswith('<path style="fill: #ffffff"/></svg>')
