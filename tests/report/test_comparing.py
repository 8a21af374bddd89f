"""Runs against each other: lined up where they can be, refused with the reason where they can't."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from synthetic_results import make_results, score

from lorr_bench.errors import DataError, StoreError
from lorr_bench.report.compare.runs import ComparedRuns, compare, compare_runs
from lorr_bench.report.compare.side_by_side import (
    comparison_csv,
    comparison_markdown,
    comparison_rows,
    comparison_text,
    write_comparison,
)
from lorr_bench.report.formats.results_file import RESULTS_FILE, results_bytes
from lorr_bench.stats import paired_difference
from lorr_bench.values import START, Analysis, Contrast, Point, Results

pytestmark = pytest.mark.slow

CONDITIONS = {"b": {"sampling": {"temperature": 0.0, "max_tokens": 64}, "template": "plain"}}
PLAIN = [1, 0, 0, 1]
LORR = [1, 1, 0, 1]


def run(plain: list[int] = PLAIN, lorr: list[int] = LORR, budget: int = 8, **changes: Any) -> Results:
    """Two arms, two seeds, one benchmark of four problems."""
    scores = [score(START, "b", "math", "greedy", [0] * (len(plain) - 1) + [1])]
    for seed in (0, 1):
        scores.append(score(Point("dpo+plain", budget, seed), "b", "math", "greedy", plain))
        scores.append(score(Point("dpo+lorr", budget, seed), "b", "math", "greedy", lorr))
    arms = ("dpo+plain", "dpo+lorr")
    return make_results(**{"arms": arms, "scores": scores, "conditions": CONDITIONS, **changes})


def rows_of(comparison: ComparedRuns, name: str) -> pd.DataFrame:
    table = comparison.frame
    return table[table["run"] == name].set_index("arm")


def test_scores_gains_and_differences_by_hand() -> None:
    second = rows_of(compare([("one", run()), ("two", run(lorr=[1, 1, 1, 1]))]), "two")
    assert second["mean"].to_dict() == {"start": 0.25, "dpo+plain": 0.5, "dpo+lorr": 1.0}
    assert second["gain"].dropna().to_dict() == {"dpo+lorr": 0.5}
    assert second["difference"].to_dict() == {"start": 0.0, "dpo+plain": 0.0, "dpo+lorr": 0.25}
    assert second.loc["dpo+lorr", "difference_low"] == paired_difference([[1] * 4] * 2, [LORR] * 2).low
    assert second["paired_seeds"].to_dict() == {"start": 1, "dpo+plain": 2, "dpo+lorr": 2}


def test_the_first_run_has_no_difference_to_itself() -> None:
    comparison = compare([("one", run()), ("two", run())])
    assert rows_of(comparison, "one")["difference"].isna().all()
    assert comparison.runs == ("one", "two")
    assert comparison.refused == ()


def test_holm_corrects_over_all_differences() -> None:
    many = [0, 1] * 50
    comparison = compare([("one", run(many, many)), ("two", run(many, [1] * 100))])
    table = comparison.frame
    # Of the two trained arms both are tested, of the start model with its single seed none is.
    assert table["p_value"].notna().sum() == 2
    second = rows_of(comparison, "two")
    assert second.loc["dpo+lorr", "p_holm"] == pytest.approx(2 * second.loc["dpo+lorr", "p_value"])
    assert second["significant"].to_dict() == {"start": False, "dpo+plain": False, "dpo+lorr": True}
    # all 50 problems that differ do so to one side, as none of 10,000 random exchanges does again
    assert second.loc["dpo+lorr", "p_permuted_problems"] == pytest.approx(1 / 10_001)


def test_what_the_first_run_declared_is_corrected_by_itself() -> None:
    """On two measures and two arms: one arm on one measure is primary, the other three differences are not."""
    runs = []
    for name, lorr in (("one", [0, 1] * 50), ("two", [1] * 100)):
        results = run([0, 1] * 50, lorr)
        more = [replace(line, benchmark="c") for line in results.scores]
        runs.append(
            (
                name,
                replace(results, scores=[*results.scores, *more], conditions={"b": {"a": 1}, "c": {"a": 1}}),
            )
        )
    analysis = Analysis("c", "greedy", (Contrast("dpo+lorr", "dpo+lorr"),), budgets=(8,))
    comparison = compare([(runs[0][0], replace(runs[0][1], analysis=analysis)), runs[1]])
    tested = comparison.frame[comparison.frame["p_value"].notna()]
    assert dict(zip(zip(tested["benchmark"], tested["arm"], strict=True), tested["role"], strict=True)) == {
        ("b", "dpo+plain"): "secondary",
        ("b", "dpo+lorr"): "secondary",
        ("c", "dpo+plain"): "secondary",
        ("c", "dpo+lorr"): "primary",
    }
    (primary,) = tested[tested["role"] == "primary"].itertuples()
    assert primary.p_holm == primary.p_value
    others = tested[tested["role"] == "secondary"]
    assert others["p_holm"].min() == pytest.approx(3 * others["p_value"].min())
    text = comparison_text(comparison)
    assert "†: primary, the measure and arms that one declared, at its largest budget" in text
    assert "corrected in families of its own: 3 of math." in text


def test_families_of_either_run_reach_the_tests() -> None:
    """Ten families of ten problems are as ten problems."""
    few, many = [1, 0] * 5, [1] * 5 + [0] + [1] * 4

    def spread_out(values: list[int]) -> list[int]:
        return [value for value in values for _ in range(10)]

    names = tuple(f"family {problem // 10}" for problem in range(100))
    wide = [("one", run(spread_out(few), spread_out(few))), ("two", run(spread_out(few), spread_out(many)))]
    named = [wide[0], (wide[1][0], replace(wide[1][1], families={"b": names}))]
    narrow = [("one", run(few, few)), ("two", run(few, many))]
    ends = ["difference_low", "difference_high", "p_value"]
    found, wanted, without = (
        rows_of(compare(runs), "two").loc["dpo+lorr", ends].to_list() for runs in (named, narrow, wide)
    )
    assert found == pytest.approx(wanted)
    assert without != pytest.approx(wanted)


def test_without_shared_seeds_there_is_no_paired_difference() -> None:
    other = run()
    moved = [
        replace(line, point=replace(line.point, seed=line.point.seed + 10)) if line.point != START else line
        for line in other.scores
    ]
    second = rows_of(compare([("one", run()), ("two", replace(other, scores=moved))]), "two")
    assert second["difference"].dropna().to_dict() == {"start": 0.0}
    assert second.loc["dpo+lorr", "mean"] == 0.75


def test_different_conditions_are_refused_with_the_fields_and_both_values() -> None:
    long = {"sampling": {"temperature": 0.6, "max_tokens": 64}, "template": "x" * 100, "engine": "vllm"}
    other = run(conditions={"b": long})
    with pytest.raises(DataError) as caught:
        compare([("one", run()), ("two", other)])
    assert (
        "- b: conditions differ between one and two: sampling.temperature 0.0 and 0.6; "
        f"template plain and {'x' * 59}…; engine (not set) and vllm" in str(caught.value)
    )


def test_only_the_first_differing_fields_are_named() -> None:
    one, two = ({"b": dict.fromkeys("pqrst", value)} for value in (1, 2))
    with pytest.raises(DataError, match=r"p 1 and 2; q 1 and 2; r 1 and 2; and 2 more"):
        compare([("one", run(conditions=one)), ("two", run(conditions=two))])


def test_unknown_conditions_are_refused() -> None:
    with pytest.raises(DataError, match="b: two does not say under what conditions it was evaluated"):
        compare([("one", run()), ("two", run(conditions={}))])


def test_different_numbers_of_problems_are_refused() -> None:
    with pytest.raises(DataError, match="b: one has 4 problems, two has 3"):
        compare([("one", run()), ("two", run([1, 0, 0], [1, 1, 0]))])


def test_another_axis_is_refused() -> None:
    with pytest.raises(DataError, match="two: it holds updates equal between its arms, one holds data"):
        compare([("one", run()), ("two", run(held_equal="updates"))])


def test_other_budgets_are_refused() -> None:
    with pytest.raises(DataError, match=r"two: its budgets \(16\) are not those of one \(8\)"):
        compare([("one", run()), ("two", run(budget=16))])


def test_all_reasons_are_told_when_nothing_is_left() -> None:
    with pytest.raises(DataError) as caught:
        compare([("one", run()), ("two", run(budget=1024, held_equal="visits"))])
    assert "visits" in str(caught.value)
    assert "1,024" in str(caught.value)


def test_what_is_comparable_is_lined_up_and_the_rest_refused(results: Results) -> None:
    changed = {**results.conditions, "nano_hard": {"template": "chat"}}
    fewer = [line for line in results.scores if line.point.arm != "dpo+no_reset"]
    other = make_results(scores=fewer, arms=[*results.arms][:2], conditions=changed)
    comparison = compare([("one", results), ("two", other)])
    assert "nano_hard" not in set(comparison.frame["benchmark"])
    assert "dpo+no_reset" not in set(comparison.frame["arm"])
    assert comparison.refused[0].startswith("nano_hard: conditions differ between one and two: source.id")
    assert comparison.refused[1] == "dpo+no_reset: only one has such arms"


def test_benchmarks_with_the_same_reason_share_a_line(results: Results) -> None:
    math_only = make_results(scores=[line for line in results.scores if line.kind == "math"])
    refused = compare([("one", results), ("two", math_only)]).refused
    assert refused == ("nano_compare, nano_true_false, nano_order: two has no results on it",)


def test_a_run_that_is_refused_does_not_take_the_others_with_it() -> None:
    comparison = compare([("one", run()), ("two", run(held_equal="visits")), ("three", run())])
    assert comparison.runs == ("one", "three")
    assert set(comparison.frame["run"]) == {"one", "three"}


def test_budgets_of_one_run_alone_are_told() -> None:
    both = run()
    both = replace(both, scores=[*both.scores, *run(budget=16).scores[1:]])
    comparison = compare([("one", both), ("two", run())])
    assert comparison.refused == ("16 pairs: only one has such budgets",)
    assert set(comparison.frame["unique_pairs"]) == {0, 8}


def test_from_another_start_model_only_gains_are_lined_up() -> None:
    comparison = compare([("one", run()), ("two", run(start_model="other"))])
    table = comparison.frame
    assert set(table["arm"]) == {"dpo+lorr"}
    assert table["mean"].isna().all()
    assert table["difference"].isna().all()
    assert table["gain"].tolist() == [0.25, 0.25]
    assert comparison.refused[-1].startswith(
        "scores of two: it began from another start model than one (other"
    )


def test_unknown_start_models_are_different_ones() -> None:
    comparison = compare([("one", run(start_model="")), ("two", run(start_model=""))])
    assert comparison.frame["mean"].isna().all()
    assert "(unknown and unknown)" in comparison.refused[-1]


def test_of_three_runs_only_those_of_one_start_model_show_scores() -> None:
    comparison = compare([("one", run()), ("two", run(start_model="other")), ("three", run())])
    shown = comparison.frame[comparison.frame["mean"].notna()]
    assert set(shown["run"]) == {"one", "three"}
    assert rows_of(comparison, "two")["gain"].to_dict() == {"dpo+lorr": 0.25}


def test_different_start_models_without_a_gain_leave_nothing() -> None:
    alone = [line for line in run().scores if line.point.arm != "dpo+lorr"]
    with pytest.raises(DataError, match="another start model"):
        compare([("one", run(scores=alone)), ("two", run(scores=alone, start_model="other"))])


@pytest.mark.parametrize("names", [[], ["one"], ["one", "one"]])
def test_fewer_than_two_different_runs_are_refused(names: list[str]) -> None:
    with pytest.raises(DataError, match="a comparison needs two different runs"):
        compare([(name, run()) for name in names])


def write(folder: Path, results: Results) -> Path:
    folder.mkdir(parents=True)
    (folder / RESULTS_FILE).write_bytes(results_bytes(results))
    return folder


def test_runs_are_read_from_output_and_report_folders(tmp_path: Path) -> None:
    write(tmp_path / "one" / "report", run())
    report = write(tmp_path / "two" / "report", run())
    plain = write(tmp_path / "copied", run())
    assert compare_runs([tmp_path / "one", report, plain]).runs == ("one", "two", "copied")


def test_folders_of_one_name_are_told_apart(tmp_path: Path) -> None:
    folders = [write(tmp_path / machine / "curve", run()) for machine in ("left", "right")]
    assert compare_runs(folders).runs == ("left/curve", "right/curve")


def test_a_folder_named_twice_is_refused(tmp_path: Path) -> None:
    folder = write(tmp_path / "one", run())
    with pytest.raises(DataError, match="two different runs"):
        compare_runs([folder, tmp_path / "one" / ".." / "one"])


def test_no_folder_is_refused() -> None:
    with pytest.raises(DataError, match="two different runs, not none"):
        compare_runs([])


def test_a_folder_without_results_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"there is no results.json.gz\n.*write its report first"):
        compare_runs([tmp_path])


def test_the_same_runs_read_back_compare_the_same(tmp_path: Path, results: Results) -> None:
    folders = [write(tmp_path / name, results) for name in ("one", "two")]
    pd.testing.assert_frame_equal(
        compare_runs(folders).frame, compare([("one", results), ("two", results)]).frame
    )


def test_rows_for_reading() -> None:
    head, rows = comparison_rows(compare([("one", run()), ("two", run(lorr=[1, 1, 1, 1]))]))
    assert head == ("measure", "arm", "pairs", "one", "gain in one", "two", "gain in two", "Δ to one")
    assert [row[:3] for row in rows] == [
        ("b · greedy", "start model", "–"),
        ("b · greedy", "dpo+plain", "8"),
        ("b · greedy", "dpo+lorr", "8"),
    ]
    assert rows[2][3].startswith("75.0 [")
    assert rows[2][4].startswith("+25.0 [")
    assert rows[2][7].startswith("+25.0† [\N{MINUS SIGN}")
    assert rows[1][4] == ""


def test_a_significant_difference_has_a_star() -> None:
    many = [0, 1] * 50
    rows = comparison_rows(compare([("one", run(many, many)), ("two", run(many, [1] * 100))]))[1]
    assert [row[-1].partition(" ")[0] for row in rows] == ["0.0", "0.0†", "+50.0*†"]


def test_columns_without_text_are_left_out() -> None:
    head, rows = comparison_rows(compare([("one", run()), ("two", run(start_model="other"))]))
    assert head == ("measure", "arm", "pairs", "gain in one", "gain in two")
    assert {len(row) for row in rows} == {5}


def test_text_is_aligned_and_tells_what_was_left_out() -> None:
    lines = comparison_text(compare([("one", run()), ("two", run(start_model="other"))])).splitlines()
    assert lines[0].index("pairs") + len("pairs") == lines[1].index(" 8") + 2
    assert lines[-2].endswith("No difference could be tested.")
    assert lines[-1].startswith("Not compared: scores of two")


def test_markdown_has_as_many_cells_as_heads_and_is_escaped() -> None:
    text = comparison_markdown(compare([("o|ne", run()), ("<two>", run(start_model="other"))]))
    table = [line for line in text.splitlines() if line.startswith("|")]
    assert {len(line.replace("\\|", "").split("|")) for line in table} == {7}
    assert "<two>" not in text
    assert "## Not compared\n\n- scores of &lt;two&gt;" in text


def test_csv_holds_the_numbers_in_full() -> None:
    content = comparison_csv(compare([("one", run()), ("two", run(lorr=[1, 1, 1, 1]))])).decode()
    rows = list(csv.DictReader(io.StringIO(content)))
    last = rows[-1]
    assert (last["run"], last["arm"], float(last["difference"])) == ("two", "dpo+lorr", 0.25)
    assert float(last["difference_low"]) == paired_difference([[1] * 4] * 2, [LORR] * 2).low


def test_the_ending_of_the_file_chooses_the_form(tmp_path: Path) -> None:
    comparison = compare([("one", run()), ("two", run())])
    write_comparison(comparison, tmp_path / "new" / "runs.md")
    write_comparison(comparison, tmp_path / "new" / "runs.csv")
    assert (tmp_path / "new" / "runs.md").read_text("utf-8") == comparison_markdown(comparison)
    assert (tmp_path / "new" / "runs.csv").read_bytes() == comparison_csv(comparison)


@pytest.mark.parametrize(("name", "ending"), [("runs.pdf", ".pdf"), ("runs", "a file without ending")])
def test_another_ending_is_refused(name: str, ending: str, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=f"can't write a comparison as {ending}"):
        write_comparison(compare([("one", run()), ("two", run())]), tmp_path / name)


def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="choose another folder"):
        write_comparison(compare([("one", run()), ("two", run())]), tmp_path / "file" / "runs.md")


def test_a_declared_margin_says_which_runs_agree() -> None:
    """The first run declares it; LoRR is right on one problem of a thousand more in the second, plain is not primary."""
    first, second = [0] * 500 + [1] * 500, [0] * 499 + [1] * 501
    analysis = Analysis(
        "b", "greedy", (Contrast("dpo+lorr", "dpo+lorr"),), budgets=(8,), equivalence_margin=0.02
    )
    one = replace(run(first, first), analysis=analysis)
    compared = compare([("one", one), ("two", run(first, second))])
    row = rows_of(compared, "two")
    assert row["equivalent"].to_dict() == {"start": False, "dpo+plain": False, "dpo+lorr": True}
    assert row.loc["dpo+lorr", "p_equivalence_holm"] == paired_difference(
        [second] * 2, [first] * 2
    ).equivalence_p(0.02)
    text = comparison_text(compared)
    assert "+0.1≈†" in text
    assert "≈: equivalent within ±2.0 points, the margin that one declared" in text
    assert "≈" not in comparison_text(compare([("one", run(first, first)), ("two", run(first, second))]))


def test_arms_at_named_budgets_are_primary_there() -> None:
    """Of the arms of two budgets those of a contrast between them are primary, each at its own."""
    wide = [replace(line, point=replace(line.point, unique_pairs=16)) for line in run().scores[1:]]
    both = replace(run(), scores=[*run().scores, *wide])
    analysis = Analysis("b", "greedy", (Contrast("dpo+lorr", "dpo+plain", 8, 16),))
    frame = compare([("one", replace(both, analysis=analysis)), ("two", both)]).frame
    primary = frame[frame["role"] == "primary"]
    assert set(zip(primary["arm"], primary["unique_pairs"], strict=True)) == {
        ("dpo+lorr", 8),
        ("dpo+plain", 16),
    }
