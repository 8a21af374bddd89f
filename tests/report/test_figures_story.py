"""The figure that tells the story of a method: scores, differences and cost."""

from __future__ import annotations

from dataclasses import replace

import pytest
from computed import comparison_of
from figure_checks import legibility, texts
from synthetic_results import make_results, score, several_methods

from lorr_bench.report.contents import frames_of
from lorr_bench.report.figures.drawing import Drawing
from lorr_bench.report.figures.figure_data import figure_data
from lorr_bench.report.figures.story import Story, draw_story
from lorr_bench.report.formatting import MINUS
from lorr_bench.report.study import Study
from lorr_bench.values import Analysis, Contrast, Point, Results

pytestmark = pytest.mark.slow


def story_of(results: Results) -> Story:
    return Story(figure_data(Study(results), comparison_of(results)), frames_of(results))


@pytest.fixture(scope="module")
def story(results: Results) -> Story:
    return story_of(results)


def test_the_title_says_who_scored_what_and_whether_it_was_shown(story: Story) -> None:
    assert story.title == "dpo+lorr 78.2 %, dpo+plain 68.0 % at 1,024 pairs: significant"


def test_cost_is_told_as_multiples_of_the_baselines(story: Story) -> None:
    costs = dict(story.costs)
    assert (costs["updates"], costs["training tokens"]) == (3, 3)
    # Seconds of spend() for seeds 0 to 2: 0.8 + pairs · replays / (148 + 2 · seed).
    lorr, plain = (sum(0.8 + 1024 * replays / (148 + 2 * seed) for seed in range(3)) for replays in (3, 1))
    assert costs["training seconds"] == pytest.approx(lorr / plain)


def test_three_panels_show_scores_differences_and_cost(story: Story) -> None:
    drawing = draw_story(story)
    assert drawing is not None
    scores, differences, costs = drawing.figure.axes
    assert scores.get_xlabel() == "unique pairs (log scale)"
    assert [label.get_text() for label in differences.get_yticklabels()] == [
        f"lorr {MINUS} plain",
        f"no_reset {MINUS} plain",
    ]
    assert [bar.get_width() for bar in costs.patches] == pytest.approx([value for _, value in story.costs])
    for axis in drawing.figure.axes:
        box = axis.get_position()
        assert 0 <= box.x0 < box.x1 <= 1
        assert 0 <= box.y0 < box.y1 <= 1


def test_several_methods_and_nothing_compared_have_none() -> None:
    assert draw_story(story_of(several_methods(seeds=2))) is None
    assert draw_story(story_of(make_results(scores=[]))) is None


def test_a_margin_is_a_band_and_named_budgets_are_told_with_their_cost(results: Results) -> None:
    """The headline's contrast is LoRR at 384 pairs against plain at 1,024."""
    between = Contrast("dpo+lorr", "dpo+plain", 384, 1024)
    analysis = Analysis("nano_easy", "greedy", (between,), equivalence_margin=0.04)
    story = story_of(replace(results, analysis=analysis))
    assert story.title.startswith("dpo+lorr@384 68.")
    assert " at 1,024 pairs" not in story.title
    assert dict(story.costs)["updates"] == pytest.approx(384 * 3 / 1024)
    drawing = draw_story(story)
    assert drawing is not None
    _, differences, _ = drawing.figure.axes
    (band,) = differences.patches
    assert (band.get_x(), band.get_x() + band.get_width()) == pytest.approx((-4, 4))
    told = texts(drawing.figure)
    assert "Grey: ±4.0 points, the declared margin of equivalence." in told
    assert story.data.arm_styles.contrast_name(between) == f"lorr@384 {MINUS} plain@1024"


def test_names_that_are_too_long_for_a_line_stand_on_two(results: Results) -> None:
    between = Contrast("dpo+no_reset", "dpo+lorr", 384, 1024)
    drawing = draw_story(story_of(replace(results, analysis=Analysis("nano_easy", "greedy", (between,)))))
    assert drawing is not None
    _, differences, _ = drawing.figure.axes
    names = [label.get_text() for label in differences.get_yticklabels()]
    assert names[0] == f"no_reset@384 {MINUS}\nlorr@1024"
    assert all(name.count("\n") == 1 and "…" not in name for name in names)
    found = legibility(drawing.figure)
    assert (found.overlapping, found.cut_off) == ((), ())


def lines(drawing: Drawing) -> str:
    """The texts of a figure, on one line: notes are broken where the figure ends."""
    return texts(drawing.figure)


@pytest.fixture(scope="module")
def crowded() -> Drawing:
    """Ten plug-ins, of which the last alone is tested: more than can be told apart."""
    arms = tuple(f"dpo+{name}" for name in ("plain", *"abcdefghi"))
    scores = [
        score(Point(arm, budget, seed), "nano_easy", "math", "greedy", [0] * (20 - place) + [1] * place)
        for place, arm in enumerate(arms)
        for budget in (64, 128)
        for seed in (0, 1)
    ]
    analysis = Analysis("nano_easy", "greedy", (Contrast("dpo+i", "dpo+plain"),))
    baselines = dict.fromkeys(arms, "dpo+plain")
    found = make_results(arms=arms, baselines=baselines, scores=scores, spends={}, analysis=analysis)
    drawing = draw_story(story_of(found))
    assert drawing is not None
    return drawing


def test_of_too_many_plugins_the_tested_one_is_drawn(crowded: Drawing) -> None:
    named = [text.get_text() for text in crowded.figure.legends[0].get_texts()]
    assert named == ["dpo+plain", *(f"dpo+{name}" for name in "abcdefi")]


def test_it_says_that_arms_are_left_out(crowded: Drawing) -> None:
    told = "Drawn: 8 of 10 arms, those of the suite's first 8 plug-ins, what is tested before the rest."
    assert told in lines(crowded)


def test_of_too_many_differences_the_declared_one_comes_first(crowded: Drawing) -> None:
    _, differences = crowded.figure.axes
    names = [label.get_text() for label in differences.get_yticklabels()]
    assert names == [f"{name} {MINUS} plain" for name in "iabcde"]


def test_it_says_that_differences_are_left_out(crowded: Drawing) -> None:
    assert "Drawn: the first 6 of 9 differences, declared ones before the rest." in lines(crowded)
