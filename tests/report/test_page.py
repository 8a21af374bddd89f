"""The page as a file: whole, closed to the network, and text whatever a model wrote."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from page_contents import FIGURES, HOSTILE, Page, hostile_results, make_contents, with_rows
from synthetic_results import make_methods_results, make_results

from lorr_bench.report.contents import Contents
from lorr_bench.report.formats import page as page_module
from lorr_bench.report.formats.embed import data_uri, page_tables
from lorr_bench.report.formats.page import html_page
from lorr_bench.report.study import Study

STYLE = (Path(page_module.__file__).parent / "page.css").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def contents() -> Contents:
    return make_contents()


@pytest.fixture(scope="module")
def text(contents: Contents) -> str:
    return html_page(contents)


@pytest.fixture(scope="module")
def page(text: str) -> Page:
    return Page(text)


@pytest.fixture(scope="module")
def hostile() -> str:
    return html_page(make_contents(hostile_results()))


def sections(page: Page) -> list[str]:
    headings = [*page.attributes("h2"), *page.attributes("h3")]
    return [attributes["id"] for attributes in headings if "id" in attributes]


def island(page: Page) -> dict[str, object]:
    """The data of the drill-down, the last of the page's."""
    found = zip(page.attributes("script"), page.texts("script"), strict=True)
    return json.loads([text for attributes, text in found if attributes.get("type")][-1])


@pytest.mark.slow
def test_it_can_be_saved_whatever_a_model_wrote(hostile: str) -> None:
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u202e\u2066]", hostile)
    assert "alone ⟨U+D800⟩ and ⟨U+DFFF⟩" in hostile
    hostile.encode()


@pytest.mark.slow
def test_hostile_text_is_neither_element_nor_attribute(hostile: str, page: Page) -> None:
    found = Page(hostile)
    assert {tag for tag, _, _ in found.elements} <= {tag for tag, _, _ in page.elements} | {
        "aside",
        "dl",
        "dt",
        "dd",
    }
    names = {name for _, attributes, _ in found.elements for name in attributes}
    assert not {name for name in names if name.startswith("on")}
    assert [attributes.get("type") for attributes in found.attributes("script")].count(None) == 1


@pytest.mark.slow
def test_hostile_text_is_shown_as_it_was_written(hostile: str) -> None:
    suite = Page(hostile).texts("pre")[-1]
    assert all(text in suite for text in HOSTILE[:4])


def test_hostile_answers_reach_the_data_unchanged(hostile: str) -> None:
    problems = island(Page(hostile))["problems"]
    assert isinstance(problems, list)
    assert [problem[4][0][-1] for problem in problems[:4]] == list(HOSTILE[:4])


def test_data_cannot_end_its_script(hostile: str) -> None:
    for data in re.findall(r'<script type="application/json">(.*?)</script>', hostile, flags=re.DOTALL):
        assert not set("<>&") & set(data)
        assert data.isascii()


def test_own_script_and_style_cannot_end_their_elements() -> None:
    for name in page_module.SCRIPTS:
        script = (Path(page_module.__file__).parent / name).read_text(encoding="utf-8")
        assert "</" not in script
        assert "<!--" not in script
    assert "</" not in STYLE


@pytest.mark.parametrize(
    "unsafe",
    ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "setTimeout", "new Function"],
)
def test_the_script_makes_no_markup_from_text(unsafe: str) -> None:
    for name in page_module.SCRIPTS:
        assert unsafe not in (Path(page_module.__file__).parent / name).read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_policy_allows_this_style_and_this_script_alone(page: Page) -> None:
    policy = page.attributes("meta")[1]["content"]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    for name, tag in (("script-src", "script"), ("style-src", "style")):
        digest = hashlib.sha256(page.texts(tag)[-1].encode()).digest()
        assert rules[name] == f"'sha256-{base64.b64encode(digest).decode()}'"
    assert rules["default-src"] == rules["base-uri"] == rules["form-action"] == "'none'"
    assert rules["img-src"] == "data:"


def test_no_style_stands_in_an_attribute_where_the_policy_forbids_it(page: Page) -> None:
    assert not [attributes for _, attributes, _ in page.elements if "style" in attributes]


def test_nothing_is_fetched(text: str, page: Page) -> None:
    for tag, attributes, _ in page.elements:
        sources = [
            attributes[name] for name in ("src", "srcset", "poster", "data", "action") if name in attributes
        ]
        assert all(source.startswith("data:") for source in sources), tag
    assert not re.search(r"@import|url\(", STYLE)
    assert not re.search(r"https?://(?!www\.w3\.org)", text)


def test_links_lead_to_sections_and_to_files_beside_the_page(page: Page) -> None:
    ids = {f"#{attributes['id']}" for _, attributes, _ in page.elements if "id" in attributes}
    targets = [attributes["href"] for attributes in page.attributes("a") if "href" in attributes]
    assert {target for target in targets if target.startswith("#")} <= ids
    assert all(
        re.fullmatch(r"[\w/]+\.(png|svg|pdf|csv|md|tex|json\.gz)", target)
        for target in targets
        if target[0] != "#"
    )
    assert {"figures/curves.png", "figures/forest.pdf", "comparison.csv"} <= set(targets)


def test_ids_are_unique(page: Page) -> None:
    ids = [attributes["id"] for _, attributes, _ in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_the_verdict_comes_first_then_the_main_figure_the_scores_and_what_was_tested(
    text: str, page: Page
) -> None:
    assert 0 < text.index('class="headline"') < text.index('id="figure"')
    assert sections(page)[:4] == ["figure", "scores", "tests", "details"]


def test_all_but_the_first_sections_opens_by_a_click(text: str) -> None:
    before, _, details = text.partition('<h2 id="details"')
    assert "<details" not in before
    assert details.count('<details class="section">') == details.count("<summary><h3 ") > 10


def test_headings_skip_no_level(page: Page) -> None:
    levels = [int(tag[1]) for tag, _, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(later <= earlier + 1 for earlier, later in pairwise(levels))


def test_landmarks_and_skip_link(page: Page) -> None:
    tags = [tag for tag, _, _ in page.elements]
    assert [tags.count(tag) for tag in ("header", "nav", "main")] == [1, 1, 1]
    first = page.attributes("a")[0]
    assert first["href"] == f"#{page.attributes('main')[0]['id']}"
    assert page.attributes("html") == [{"lang": "en"}]


def test_tables_have_captions_and_scopes_and_regions_have_names(page: Page) -> None:
    tags = [tag for tag, _, _ in page.elements]
    assert tags.count("table") == tags.count("caption") > 5
    assert all(attributes["scope"] for attributes in page.attributes("th"))
    regions = [attributes for _, attributes, _ in page.elements if attributes.get("role") == "region"]
    assert all(region["tabindex"] == "0" and region["aria-label"] for region in regions)


def test_every_field_has_a_label(text: str) -> None:
    labelled = re.sub(r"<label>.*?</label>", "", text, flags=re.DOTALL)
    assert not re.search("<(input|select)", labelled)


def test_figures_are_images_with_a_description(page: Page) -> None:
    images = page.attributes("img")
    assert [image["alt"].split(";")[0] for image in images] == [figure.description for figure in FIGURES]
    kind, _, content = images[0]["src"].partition(",")
    assert (kind, base64.b64decode(content).decode()) == ("data:image/svg+xml;base64", FIGURES[0].svg)


@pytest.mark.slow
def test_a_figure_of_very_many_lines_is_shown_as_points(
    contents: Contents, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_module, "MAX_SVG_BYTES", len(FIGURES[0].svg) - 1)
    assert Page(html_page(contents)).attributes("img")[0]["src"] == data_uri(FIGURES[0].png, "image/png")


@pytest.mark.slow
def test_a_single_figure_has_no_further_section(contents: Contents) -> None:
    assert "figures" not in sections(Page(html_page(replace(contents, figures=FIGURES[:1]))))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("tables", "section"),
    [
        (["secondary"], "repeats"),
        (["conduct"], "conduct"),
        (["efficiency"], "efficiency"),
        (["overlaps"], "contamination"),
        (["published"], "published"),
        (["diagnostics"], "diagnostics"),
        (["protocol", "shared-settings"], "protocol"),
    ],
)
def test_a_section_is_there_only_when_it_has_rows(
    contents: Contents, tables: list[str], section: str
) -> None:
    left = tuple(table for table in contents.tables if table.name not in tables)
    assert section not in sections(Page(html_page(replace(contents, tables=left))))
    assert section in sections(Page(html_page(contents)))


@pytest.mark.slow
def test_seconds_and_problems_are_there_only_when_there_are_any(contents: Contents) -> None:
    study = Study(replace(contents.results, answers=()))
    without = replace(contents, seconds=contents.seconds[:0], study=study)
    assert not {"seconds", "problems"} & {*sections(Page(html_page(without)))}
    assert {"seconds", "problems"} <= {*sections(Page(html_page(contents)))}


@pytest.mark.slow
def test_the_power_line_follows_the_main_table(contents: Contents) -> None:
    found = html_page(replace(contents, power={"math": "math power", "general": "general power"}))
    assert (
        found.index("sheet-comparison-arms") < found.index("math power") < found.index("sheet-general-arms")
    )
    assert found.index("sheet-general-arms") < found.index("general power")


@pytest.mark.slow
def test_missing_stages_stand_at_the_top_and_many_of_them_fold(contents: Contents) -> None:
    for count, folded in ((5, False), (6, True)):
        missing = {f"stage {number}": "no <memory>" for number in range(count)}
        found = html_page(replace(contents, study=Study(replace(contents.results, missing=missing))))
        assert found.index("no &lt;memory&gt;") < found.index("<h1>")
        assert ("What is missing, and why" in found) == folded


@pytest.mark.slow
def test_settings_that_benchmarks_share_are_told_once() -> None:
    conditions = {
        "nano_easy": {"template": "plain", "repeats": 3},
        "nano_hard": {"template": "plain", "repeats": 10, "stop": "###"},
    }
    found = html_page(make_contents(make_results(conditions=conditions)))
    own, shared = (
        Page(f"<table>{part.split('</table>')[0]}</table>")
        for part in (found.split('<table class="protocol">')[1], found.split('<table class="settings">')[1])
    )
    assert [text.strip() for text in own.texts("th")] == [
        "benchmark",
        "problems",
        "in words",
        "repeats",
        "stop",
        "nano_easy",
        "nano_hard",
    ]
    assert own.texts("td") == [
        "300",
        "3 sampled answers at temperature unknown",
        "3",
        "",
        "300",
        "10 sampled answers at temperature unknown",
        "10",
        "###",
    ]
    assert (shared.texts("th")[2:], shared.texts("td")) == (["template"], ["plain"])


def test_without_a_script_the_reader_is_told_what_is_lost(page: Page) -> None:
    assert any("Without JavaScript" in text for text in page.texts("noscript"))


@pytest.mark.slow
def test_many_methods_stand_beside_each_other_and_every_arm_folds_away() -> None:
    found = html_page(make_contents(make_methods_results()))
    folded = [
        re.sub(r"<[^>]*>", "", text).split(" ·")[0] for text in re.findall("<summary>(.*?)</summary>", found)
    ]
    assert {"Every arm at every budget, math", "Every arm at every budget, general reasoning"} <= {*folded}
    assert "What every arm used" in folded
    assert 'id="sheet-comparison-methods"' in found


@pytest.mark.slow
def test_too_many_plugins_have_no_table_beside_each_other() -> None:
    arms = tuple(f"{method}+p{number}" for method in ("a", "b") for number in range(9))
    template = make_methods_results().scores[1]
    scores = [replace(template, point=replace(template.point, arm=arm)) for arm in arms]
    results = make_methods_results(
        arms=arms, baselines={arm: f"{arm[0]}+p0" for arm in arms}, scores=scores, spends={}, diagnostics={}
    )
    found = html_page(make_contents(results))
    assert 'id="sheet-comparison-methods"' not in found
    assert 'id="sheet-comparison-arms"' in found


@pytest.mark.slow
def test_two_thousand_rows_stand_in_the_data_not_in_the_page(contents: Contents) -> None:
    arms = [(f"m{number}+plain",) for number in range(2000)]
    found = Page(html_page(with_rows(contents, "conduct", arms)))
    assert sum(text.endswith("+plain") and text.startswith("m") for text in found.texts("th")) == 200
    data = [
        json.loads(text)
        for attributes, text in zip(found.attributes("script"), found.texts("script"), strict=True)
        if attributes.get("type")
    ]
    assert [row[0] for row in data[0]] == [f"m{number}+plain" for number in range(200, 2000)]


@pytest.mark.slow
def test_rows_without_room_are_told_beside_the_file_that_has_them(
    contents: Contents, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_module, "page_tables", lambda tables: page_tables(tables, max_bytes=0))
    arms = [(f"m{number}+plain",) for number in range(203)]
    found = " ".join(html_page(with_rows(contents, "conduct", arms)).split())
    assert (
        "no room here for the last 3 of 203 rows: sorting and filters leave them out; all of them are in "
        '<a href="conduct.csv">'
    ) in found


@pytest.mark.slow
def test_same_contents_same_page(contents: Contents, text: str) -> None:
    assert html_page(contents) == text


@pytest.mark.slow
def test_results_without_anything_have_a_page() -> None:
    nothing = make_results(
        scores=[],
        spends={},
        answers=[],
        times=[],
        versions={},
        arms=(),
        equal_quantities=(),
        diagnostics={},
        conduct=[],
        overlaps=[],
        published=[],
        conditions={},
    )
    assert sections(Page(html_page(make_contents(nothing)))) == [
        "figure",
        "details",
        "figures",
        "budget",
        "origin",
    ]


def colours() -> dict[str, tuple[str, str]]:
    """Each colour of the style sheet, light and dark."""
    found = re.findall(r"--([\w-]+): light-dark\((#\w{6}), (#\w{6})\);", STYLE)
    return {name: (light, dark) for name, light, dark in found}


def luminance(colour: str) -> float:
    """Relative luminance of WCAG 2.2."""
    channels = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_contrast_is_that_of_the_standard() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("ground", ["paper", "band"])
@pytest.mark.parametrize("ink", ["ink", "quiet", "accent", "right", "wrong"])
def test_text_has_enough_contrast(ink: str, ground: str, theme: int) -> None:
    assert contrast(colours()[ink][theme], colours()[ground][theme]) >= 4.5


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_warnings_and_edges_have_enough_contrast(theme: int) -> None:
    found = {name: both[theme] for name, both in colours().items()}
    assert contrast(found["ink"], found["warn-paper"]) >= 4.5
    # 3:1 is what WCAG 1.4.11 asks of the edges of fields and of the focus ring.
    assert contrast(found["edge"], found["paper"]) >= 3
    assert contrast(found["accent"], found["paper"]) >= 3


def test_every_colour_is_one_of_the_tested_ones() -> None:
    rules = STYLE.partition("}")[2]
    assert not re.search(r"#[0-9a-f]{3,8}\b(?=[;\s])", re.sub(r"#[\w-]+[:{)\s]", "", rules))
    assert set(re.findall(r"var\(--([\w-]+)\)", rules)) <= {*colours(), "first"}


def test_a_plus_stays_with_its_plugin_in_a_narrow_head(page: Page) -> None:
    assert "+\N{NO-BREAK SPACE}lorr" in page.texts("th")
