"""All figures together: which are drawn, that they can be read, and that the same results give the same bytes."""

from __future__ import annotations

import hashlib
import io
import os
import re
import subprocess
import sys
import zlib
from dataclasses import replace
from functools import cache
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from computed import comparison_of
from figure_checks import Legibility, drawings, legibility, main_drawing, texts, visible_texts
from fontTools.subset import Options
from fontTools.ttLib import TTFont
from matplotlib.figure import Figure
from synthetic_results import make_methods_results, make_results, parts_of, score

from lorr_bench.report.figures.drawing import WIDTH, pdf_bytes, png_bytes, svg_text
from lorr_bench.report.figures.figure_data import figure_measures
from lorr_bench.report.study import Study
from lorr_bench.values import START, Point, Results, Spend

pytestmark = pytest.mark.slow

NAMES = ("story", "curves", "updates", "seconds", "ablation", "forest", "diagnostics", "pareto")


def renamed(results: Results, names: dict[str, str]) -> Results:
    """The results with other arms; names not given stay."""

    def point(old: Point) -> Point:
        return replace(old, arm=names.get(old.arm, old.arm))

    return replace(
        results,
        arms=parts_of(names.get(arm, arm) for arm in results.arms),
        baselines={names.get(arm, arm): names.get(base, base) for arm, base in results.baselines.items()},
        scores=[replace(score, point=point(score.point)) for score in results.scores],
        spends={point(old): spend for old, spend in results.spends.items()},
        diagnostics={point(old): found for old, found in results.diagnostics.items()},
    )


def long_names() -> Results:
    """Suite, method, plug-ins and benchmarks with names as long as a suite allows."""
    method = "a" * 20 + "-method-with-64-letters-" + "b" * 20
    results = make_results(suite="s" * 64)
    arms = {arm: arm.replace("dpo", method) + "-and-so-on" * 5 for arm in results.arms}
    scores = [
        replace(line, benchmark=f"leaderboard_of_{line.benchmark}_{'x' * 40}") for line in results.scores
    ]
    return renamed(replace(results, scores=scores), arms)


def many_benchmarks() -> Results:
    """Fourteen benchmarks: more than are drawn."""
    results = make_results()
    kept = [line for line in results.scores if line.benchmark == "nano_hard"]
    return replace(
        results, scores=[replace(line, benchmark=f"set_{number}") for number in range(14) for line in kept]
    )


def many_plugins() -> Results:
    """Three methods with ten plug-ins each: more than can be told apart."""
    arms = tuple(
        f"{method}+{plugin}"
        for method in ("dpo", "ipo", "kto")
        for plugin in ("plain", *(f"p{number}" for number in range(9)))
    )
    points = [Point(arm, 1024, seed) for arm in arms for seed in (0, 1)]
    rng = np.random.default_rng(3)
    scores = [score(point, "gsm8k", "math", "greedy", rng.binomial(1, 0.5, 40)) for point in (START, *points)]
    spend = next(iter(make_results().spends.values()))
    return make_results(
        arms=arms,
        baselines={arm: f"{arm.partition('+')[0]}+plain" for arm in arms},
        scores=scores,
        spends={point: replace(spend, flops=1e9 * (1 + place)) for place, point in enumerate(points)},
        diagnostics={point: [{"kl_to_start": 1e-7}, {"kl_to_start": 2e-7}] for point in points},
    )


def with_gaps() -> Results:
    """An arm without its middle budget, another without its last, and a line of the ledger missing."""
    results = make_results()
    gaps = {("dpo+lorr", 384), ("dpo+no_reset", 1024)}
    return replace(
        results,
        scores=[s for s in results.scores if (s.point.arm, s.point.unique_pairs) not in gaps],
        spends={p: s for p, s in results.spends.items() if (p.arm, p.unique_pairs) != ("dpo+plain", 128)},
    )


CASES = {
    "three arms": make_results,
    "many methods": make_methods_results,
    "many methods at several budgets": lambda: make_methods_results((128, 1024)),
    "long names": long_names,
    "many benchmarks": many_benchmarks,
    "many plug-ins": many_plugins,
    "gaps": with_gaps,
}


@cache
def case(name: str) -> dict[str, Any]:
    return drawings(CASES[name]())


@cache
def read(name: str) -> dict[str, Legibility]:
    return {figure: legibility(drawing.figure) for figure, drawing in case(name).items()}


def scored(keep: Any) -> Results:
    """The results with the scores and spends of these models only."""
    results = make_results()
    return replace(
        results,
        scores=[line for line in results.scores if keep(line.point)],
        spends={point: spend for point, spend in results.spends.items() if keep(point)},
    )


def test_all_figures_are_drawn_in_a_fixed_order() -> None:
    assert tuple(case("three arms")) == NAMES


@pytest.mark.parametrize(
    ("left_out", "names"),
    [
        ("all scores", ("curves", "diagnostics")),
        ("all trained arms", ("curves", "diagnostics")),
        ("ledger", ("story", "curves", "ablation", "forest", "diagnostics")),
        ("diagnostics", ("story", "curves", "updates", "seconds", "ablation", "forest", "pareto")),
        ("all arms but the baseline", ("curves", "updates", "seconds", "diagnostics", "pareto")),
        ("all points but one", ("curves", "diagnostics")),
    ],
)
def test_figures_without_data_are_not_drawn(left_out: str, names: tuple[str, ...]) -> None:
    results = {
        "all scores": lambda: scored(lambda point: False),
        "all trained arms": lambda: scored(lambda point: point == START),
        "ledger": lambda: make_results(spends={}),
        "diagnostics": lambda: make_results(diagnostics={}),
        "all arms but the baseline": lambda: scored(lambda point: point.arm in ("start", "dpo+plain")),
        "all points but one": lambda: scored(lambda point: point in (START, Point("dpo+plain", 128, 0))),
    }[left_out]()
    assert tuple(drawings(results)) == names


def test_scores_that_are_all_nan_are_no_scores() -> None:
    scores = [replace(s, value=np.nan, per_problem=(np.nan,) * 4) for s in make_results().scores]
    found = drawings(make_results(scores=scores))
    assert tuple(found) == ("curves", "diagnostics")
    assert "No trained arm has a score." in texts(found["curves"].figure)


@pytest.mark.parametrize("name", CASES)
def test_no_text_covers_another(name: str) -> None:
    assert [(figure, found.overlapping) for figure, found in read(name).items() if found.overlapping] == []


@pytest.mark.parametrize("name", CASES)
def test_nothing_is_cut_off(name: str) -> None:
    assert [(figure, found.cut_off) for figure, found in read(name).items() if found.cut_off] == []


@pytest.mark.parametrize("name", CASES)
def test_text_can_be_read_in_print(name: str) -> None:
    assert min(found.smallest for found in read(name).values()) >= 7


@pytest.mark.parametrize("name", CASES)
def test_a_figure_fits_on_a_page(name: str) -> None:
    assert {found.size[0] for found in read(name).values()} == {WIDTH}
    assert max(found.size[1] for found in read(name).values()) <= 9.5


def test_legends_cover_no_panel() -> None:
    for drawing in case("many plug-ins").values():
        drawing.figure.canvas.draw()
        for legend in drawing.figure.legends:
            box = legend.get_window_extent()
            assert all(box.y0 > panel.get_window_extent().y1 for panel in drawing.figure.axes)


@pytest.mark.parametrize("name", ["curves", "updates", "seconds", "diagnostics"])
def test_figures_say_how_many_arms_they_draw(name: str) -> None:
    told = "Drawn: 24 of 30 arms, those of the suite's first 8 plug-ins."
    assert told in texts(case("many plug-ins")[name].figure)


@pytest.mark.parametrize("name", ["curves", "updates", "seconds", "ablation"])
def test_figures_say_how_many_measures_they_draw(name: str) -> None:
    assert "Drawn: the first 12 of 15 measures." in texts(case("many benchmarks")[name].figure)


def test_a_suite_of_hundreds_of_methods_is_drawn_on_a_page() -> None:
    results = make_results()
    names = [f"m{number}" for number in range(300)]
    arms = tuple(f"{name}+{plugin}" for name in names for plugin in ("plain", "lorr"))
    points = [Point(arm, 64, 0) for arm in arms]
    spend, replays = next(iter(results.spends.values())), [{"kl_to_start": 0.1}, {"kl_to_start": 0.2}]
    found = drawings(
        make_results(
            arms=arms,
            baselines={arm: f"{arm.partition('+')[0]}+plain" for arm in arms},
            scores=[score(point, "gsm8k", "math", "greedy", [1, 0, 0, 1]) for point in points],
            spends={point: replace(spend, flops=1e9 * (1 + n)) for n, point in enumerate(points)},
            diagnostics=dict.fromkeys(points, replays),
        )
    )
    assert "Drawn: 64 of 600 arms, those of the suite's first 32 methods." in texts(found["curves"].figure)
    assert "Drawn: 60 of 600 arms, those of the suite's first 30 methods." in texts(found["seconds"].figure)
    assert "Drawn: 301 of 600 points, the front and the suite's first 300 others." in texts(
        found["pareto"].figure
    )
    assert max(drawing.figure.get_size_inches()[1] for drawing in found.values()) <= 9.5


def test_a_plugin_looks_the_same_in_every_figure() -> None:
    def looks(figure: Figure) -> dict[str, tuple[str, str]]:
        entries = zip(figure.legends[0].get_texts(), figure.legends[0].get_lines(), strict=True)
        found = {text.get_text().rpartition("+")[2]: line for text, line in entries}
        return {name: (str(line.get_color()), str(line.get_marker())) for name, line in found.items()}

    one, many = case("three arms"), case("many methods")
    found = [looks(one[name].figure) for name in ("curves", "updates", "seconds", "diagnostics", "pareto")]
    found += [looks(many[name].figure) for name in ("curves", "updates", "diagnostics", "pareto")]
    plain, lorr = ({entry[name] for entry in found} for name in ("plain", "lorr"))
    assert len(plain) == len(lorr) == 1
    assert plain != lorr


def test_cost_is_flops_or_where_they_are_unknown_seconds() -> None:
    assert case("three arms")["pareto"].title == "Accuracy against estimated FLOPs"
    results = scored(lambda point: point.unique_pairs == 1024)
    spends = {point: Spend(wall_seconds=spend.wall_seconds) for point, spend in results.spends.items()}
    assert drawings(replace(results, spends=spends))["pareto"].title == "Accuracy against training seconds"


def test_measures_are_math_unless_there_is_none(results: Results) -> None:
    assert {measure.kind for measure in figure_measures(Study(results), comparison_of(results))} == {"math"}
    general = make_results(scores=[line for line in results.scores if line.kind == "general"])
    names = [measure.benchmark for measure in figure_measures(Study(general), comparison_of(general))]
    assert names[:3] == ["nano_compare", "nano_true_false", "nano_order"]


def test_the_same_results_give_the_same_bytes() -> None:
    first, second = case("gaps"), drawings(with_gaps())
    for name in first:
        assert svg_text(first[name].figure) == svg_text(second[name].figure)
    for form in (png_bytes, pdf_bytes):
        assert form(first["pareto"].figure) == form(second["pareto"].figure)


def digest() -> str:
    """Of all figures of a suite with many plug-ins."""
    files = [svg_text(drawing.figure).encode() for drawing in case("many plug-ins").values()]
    return hashlib.sha256(b"".join(files)).hexdigest()


def test_another_process_gives_the_same_bytes() -> None:
    told = subprocess.run(
        [sys.executable, "-c", "import sys, test_figures; sys.stdout.write(test_figures.digest())"],
        env={**os.environ, "PYTHONHASHSEED": "7", "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout == digest()


def test_drawing_again_after_saving_changes_nothing() -> None:
    figure = case("three arms")["pareto"].figure
    before = svg_text(figure)
    png_bytes(figure)
    pdf_bytes(figure)
    assert svg_text(figure) == before


def test_files_carry_no_date_and_no_version() -> None:
    figure = case("three arms")["forest"].figure
    assert b"CreationDate" not in pdf_bytes(figure)
    assert mpl.__version__.encode() not in pdf_bytes(figure)
    assert mpl.__version__.encode() not in png_bytes(figure)
    assert "dc:date" not in svg_text(figure)


def test_pdf_embeds_truetype_fonts_without_tables_of_layout() -> None:
    pdf = pdf_bytes(case("three arms")["forest"].figure)
    assert b"/Type3" not in pdf
    streams = map(
        zlib.decompress, re.findall(rb"/FlateDecode.*?>>\s*stream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL)
    )
    fonts = [TTFont(io.BytesIO(stream)) for stream in streams if stream[:4] == b"\0\1\0\0"]
    assert fonts
    assert all("glyf" in font and not {"GDEF", "GPOS", "GSUB"} & {*font.keys()} for font in fonts)


def test_global_settings_are_left_alone() -> None:
    before = dict(mpl.rcParams), Options().drop_tables
    figure = main_drawing(make_methods_results()).figure
    png_bytes(figure), svg_text(figure), pdf_bytes(figure)
    assert (dict(mpl.rcParams), Options().drop_tables) == before


def test_names_are_not_read_as_formulas() -> None:
    name = "costs $5 and $\\frac"
    scores = [
        replace(line, benchmark=name) for line in make_results().scores if line.benchmark == "nano_hard"
    ]
    figure = main_drawing(make_results(scores=scores)).figure
    assert f"{name} · greedy" in {text.get_text() for text in visible_texts(figure)}
    assert "<svg" in svg_text(figure)
