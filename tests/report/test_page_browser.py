"""The page in a browser: what its script does, and what no text can make it do."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlencode

import pytest
from browser import BROWSER, rendered, seen
from page_contents import HOSTILE, hostile_results, make_contents, with_rows

from lorr_bench.report.contents import Contents
from lorr_bench.report.formats.page import html_page

pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed")

MINUS_FOUR = "\N{MINUS SIGN}4.0"


@pytest.fixture(scope="module")
def contents() -> Contents:
    return make_contents()


@pytest.fixture(scope="module")
def text(contents: Contents) -> str:
    """A page whose table of conduct is long, with every form of a number in its second column."""
    forms = (MINUS_FOUR, "–", "1,024", "3.00×", "[1.0, 2.0]", "not reached", "9.2e+3")
    rows = [(f"m{number}+{('plain', 'lorr')[number % 2]}", forms[number % 7]) for number in range(700)]
    return html_page(with_rows(contents, "conduct", rows))


def test_hostile_text_stays_text_in_the_browser(tmp_path: Path) -> None:
    page = html_page(make_contents(hostile_results()))
    script = """
      for (let number = 0; number < 9; number += 1) {
        seen.push([part("prompt"), one('[data-side="left"] [data-part="text"]').textContent, document.title]);
        one('[data-step="1"]').click();
      }
      seen.push(all("pre *, td *:not(small, strong, svg, rect), code *, option *, h3 *").length);
    """
    *problems, elements = seen(page, script, tmp_path)
    assert [text for text, _, _ in problems[:4]] == list(HOSTILE[:4])
    assert problems[4][0] == "⟨U+0000⟩⟨U+0007⟩⟨U+001B⟩[31m\n⟨U+009F⟩"
    assert all(prompt == answer for prompt, answer, _ in problems)
    assert {title.startswith("</script>") for _, _, title in problems} == {True}
    assert elements == 0


def test_the_policy_stops_a_script_that_is_not_the_pages_own(text: str, tmp_path: Path) -> None:
    page = text.replace("</body>", "<script>document.title = 'taken'</script></body>")
    assert rendered(page, tmp_path).texts("title") == ["nano sample efficiency · lorr-bench"]
    without = page.replace("Content-Security-Policy", "nothing")
    assert rendered(without, tmp_path).texts("title") == ["taken"]


def test_numbers_sort_as_numbers_and_what_is_none_comes_last(text: str, tmp_path: Path) -> None:
    script = """
      enter(one("#sheet-conduct input"), "m", "input");
      for (let click = 0; click < 3; click += 1) {
        one('#sheet-conduct [data-column="1"] button').click();
        const order = one('#sheet-conduct [data-column="1"]').getAttribute("aria-sort");
        while (!one("#sheet-conduct .further").hidden) one("#sheet-conduct .further").click();
        seen.push([order, [...new Set(column(1))], column(0)[0]]);
      }
    """
    down, up, none = seen(text, script, tmp_path)
    numbers = ["9.2e+3", "1,024", "3.00×", "[1.0, 2.0]", MINUS_FOUR]
    # Rows without a number keep the order of the suite.
    assert down[:2] == ["descending", [*numbers, "–", "not reached"]]
    assert up[:2] == ["ascending", [*numbers[::-1], "–", "not reached"]]
    assert none == [
        None,
        [MINUS_FOUR, "–", "1,024", "3.00×", "[1.0, 2.0]", "not reached", "9.2e+3"],
        "m0+plain",
    ]


def test_rows_are_filtered_and_shown_a_part_at_a_time(text: str, tmp_path: Path) -> None:
    script = """
      const status = () => one("#sheet-conduct [role=status]").textContent;
      const note = () => seen.push([status(), column(0).length]);
      note();
      one("#sheet-conduct .further").click();
      note();
      enter(all("#sheet-conduct select")[1], "lorr", "change");
      note();
      enter(one("#sheet-conduct input"), "M699", "input");
      note();
      seen.push(all("#sheet-conduct .controls label").map((label) => label.firstChild.textContent.trim()));
    """
    assert seen(text, script, tmp_path) == [
        ["The first 200 of 700 rows.", 200],
        ["The first 400 of 700 rows.", 400],
        ["The first 200 of 350 rows of 700.", 200],
        ["1 row of 700.", 1],
        ["Rows with", "Method", "Plug-in", "Pairs"],
    ]


def test_one_benchmark_of_a_table_can_be_shown_alone(text: str, tmp_path: Path) -> None:
    script = """
      enter([...all("#sheet-comparison-arms select")].at(-1), "1", "change");
      seen.push(all("#sheet-comparison-arms thead [data-first]:not([hidden])").length);
      seen.push(all("#sheet-comparison-arms tbody tr:first-child > *").map((cell) => cell.hidden));
    """
    groups, hidden = seen(text, script, tmp_path)
    assert groups == 1
    assert hidden[:7] == [False] * 3 + [True, True, False, False]
    assert all(hidden[7:])


def test_a_link_leads_to_a_problem_and_arrow_keys_turn_it(text: str, tmp_path: Path) -> None:
    state = {
        "of": "nano_easy",
        "id": "easy-1",
        "left": "start model",
        "right": "dpo+no_reset, 1,024 pairs, seed 0",
    }
    script = """
      const note = () => seen.push([part("title"), part("label"), new URLSearchParams(location.hash.slice(9)).get("id")]);
      note();
      one('[data-step="1"]').focus();
      press("ArrowRight");
      note();
      press("ArrowRight");
      note();
      press("ArrowLeft");
      note();
      seen.push(all(".answer h5").map((heading) => heading.textContent));
    """
    *problems, labels = seen(text, script, tmp_path, f"#problem?{urlencode(state)}")
    assert [title for title, _, _ in problems] == [
        "2 of 3: nano_easy · easy-1",
        "3 of 3: nano_easy · easy-2",
        "3 of 3: nano_easy · easy-2",
        "2 of 3: nano_easy · easy-1",
    ]
    assert [name for _, _, name in problems] == ["easy-1", "easy-2", "easy-2", "easy-1"]
    assert labels == [state["left"], state["right"]]


def test_going_to_another_section_leaves_the_problem_as_it_is(text: str, tmp_path: Path) -> None:
    script = """
      one('[data-step="1"]').click();
      location.hash = "#budget";
      window.dispatchEvent(new HashChangeEvent("hashchange"));
      seen.push(part("title"));
    """
    assert seen(text, script, tmp_path) == ["2 of 3: nano_easy · easy-1"]


def test_problems_are_narrowed_to_those_where_the_two_differ(
    text: str, contents: Contents, tmp_path: Path
) -> None:
    verdicts = {
        arm: [answer.correct for answer in contents.results.answers if answer.point.arm == arm]
        for arm in ("dpo+plain", "dpo+lorr")
    }
    pairs = list(zip(verdicts["dpo+plain"], verdicts["dpo+lorr"], strict=True))
    expected = {
        "": len(pairs),
        "differ": sum(left != right for left, right in pairs),
        "left": sum(left and not right for left, right in pairs),
        "right": sum(right and not left for left, right in pairs),
        "wrong": sum(not left and not right for left, right in pairs),
        "both": sum(left and right for left, right in pairs),
    }
    script = """
      for (const show of ["", "differ", "left", "right", "wrong", "both"]) {
        enter(one('[data-field="show"]'), show, "change");
        seen.push(part("tally").split(" ")[0]);
      }
      enter(one('[data-field="show"]'), "", "change");
      enter(one('[data-field="find"]'), "10 GRABS", "input");
      seen.push(part("tally").split(" ")[0], part("title"));
    """
    *counts, found, title = seen(text, script, tmp_path)
    assert counts == [str(count) for count in expected.values()]
    assert (found, title) == ("1", "1 of 1: nano_easy · easy-2")


def test_the_colours_can_be_chosen_without_storage(text: str, tmp_path: Path) -> None:
    script = """
      for (const theme of ["dark", "light"]) {
        one(`#theme-${theme}`).click();
        seen.push(getComputedStyle(document.body).backgroundColor);
      }
    """
    assert seen(text, script, tmp_path) == ["rgb(20, 23, 27)", "rgb(255, 255, 255)"]


def test_words_are_found_in_any_order(text: str, tmp_path: Path) -> None:
    script = """
      enter(one("#sheet-conduct input"), "lorr M69", "input");
      seen.push(column(0));
      enter(one("#sheet-conduct input"), "m69 lorr nothing", "input");
      seen.push(column(0));
    """
    found, none = seen(text, script, tmp_path)
    assert found == ["m69+lorr", *(f"m{number}+lorr" for number in range(691, 700, 2))]
    assert none == []


def test_a_link_opens_the_section_it_leads_to(text: str, tmp_path: Path) -> None:
    script = """
      const open = () => all("details.section").filter((section) => section.open).map((section) => section.querySelector("h3").id);
      seen.push(open());
      one(".all").click();
      seen.push(open().length === all("details.section").length);
      one(".all").click();
      seen.push(open());
      location.hash = "#budget";
      window.dispatchEvent(new HashChangeEvent("hashchange"));
      seen.push(open());
    """
    linked, every, none, after = seen(text, script, tmp_path, "#seconds")
    assert (linked, every, none, after) == (["seconds"], True, [], ["budget"])


def test_mathematics_is_shown_and_what_cannot_be_read_stays(text: str, tmp_path: Path) -> None:
    script = r"""
      const tree = (element) => element.children.length
        ? `${element.localName}(${[...element.children].map(tree).join(" ")})` : `${element.localName}:${element.textContent}`;
      const place = document.createElement("p");
      const show = (source, how) => {
        mathematics.show(place, source, how);
        seen.push([[...place.children].map(tree).join(" "), [...place.childNodes].filter((one) => one.nodeType === 3).map((one) => one.data).join("|")]);
      };
      show(String.raw`so $\frac{1}{2}$, or \boxed{x_1^2}`);
      show(String.raw`it costs $5 and $6; \[\sqrt[3]{8}\]`);
      show(String.raw`$\unknown{x}$ and $\frac{1$ <b>no</b>`);
      show(String.raw`\dfrac12`, { whole: true });
      show("$x$", { written: true });
      show(`$${"{".repeat(500)}x${"}".repeat(500)}$`);
    """
    read, money, unread, whole, written, deep = seen(text, script, tmp_path)
    assert read == [
        "math(mfrac(mn:1 mn:2)) math(mrow(msubsup(mi:x mn:1 mn:2)))",
        "so |, or |",
    ]
    assert money == ["math(mroot(mn:8 mn:3))", "it costs $5 and $6; |"]
    assert unread[0] == deep[0] == written[0] == ""
    assert unread[1].replace("|", "") == r"$\unknown{x}$ and $\frac{1$ <b>no</b>"
    assert whole[0] == "math(mfrac(mn:1 mn:2))"
    assert written[1] == "$x$"


def test_a_table_says_what_its_frame_cuts(text: str, tmp_path: Path) -> None:
    script = """
      one("#budget").closest("details").open = true;
      const frame = one("#sheet-ledger .scroll");
      frame.style.width = "20rem";
      frame.dispatchEvent(new Event("scroll"));
      const note = one("#sheet-ledger .edges");
      seen.push(note.hidden, note.textContent.replace(/[0-9]+/, "N"), frame.classList.contains("cut"));
      frame.style.width = "300rem";
      one("#sheet-ledger table").style.width = "100%";
      frame.dispatchEvent(new Event("scroll"));
      seen.push(note.hidden);
      seen.push(all("#sheet-ledger tbody tr:first-child > *").map((cell) => getComputedStyle(cell).position).slice(0, 3));
    """
    hidden, told, cut, after, positions = seen(text, script, tmp_path)
    assert (hidden, told, cut) == (False, "Cut by the frame, which scrolls: N columns to the right.", True)
    assert after is True
    assert positions == ["sticky", "sticky", "static"]


def test_a_cell_that_the_frame_cuts_stands_on_a_ground_of_its_own(text: str, tmp_path: Path) -> None:
    script = """
      all("details").forEach((one) => (one.open = true));
      const paints = (element) => getComputedStyle(element).backgroundColor !== "rgba(0, 0, 0, 0)";
      const grounded = (cell) => {
        let ground = cell;
        while (!paints(ground)) ground = ground.parentElement;
        return ground.getBoundingClientRect().right >= cell.getBoundingClientRect().right;
      };
      const cells = all("th, td");
      const cut = (cell) => cell.getBoundingClientRect().right > innerWidth;
      seen.push(cells.some(cut), cells.every(grounded));
    """
    assert seen(text, script, tmp_path) == [True, True]


def test_in_print_a_narrow_page_cuts_nothing(text: str, tmp_path: Path) -> None:
    """Wide tables have pages of their own."""
    script = """
      for (const rule of [...document.styleSheets].flatMap((sheet) => [...sheet.cssRules])) {
        if (!rule.media) continue;
        rule.media.mediaText = rule.media.mediaText.replace("screen", "not all").replace("print", "all");
      }
      all("details").forEach((one) => (one.open = true));
      const cut = (element) => element.getBoundingClientRect().right > innerWidth;
      seen.push(innerWidth, all("nav").some((one) => one.checkVisibility()));
      seen.push(all("img, .sheet:not(.wide) table").filter(cut).map((one) => one.outerHTML.slice(0, 60)));
    """
    width, navigation, cut = seen(text, script, tmp_path, width=500)
    assert (width, navigation) == (500, False)
    assert cut == []
