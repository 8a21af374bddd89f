"""`analysis:` of a suite: what is read, what is refused, and where."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lorr_bench.errors import SuiteError
from lorr_bench.spec.analysis import (
    AnalysisSpec,
    Layout,
    MeasureSpec,
    contrasts_of,
    measure_of,
    parse_contrast,
)
from lorr_bench.spec.base import NAME_PATTERN
from lorr_bench.spec.evaluation import EvaluationSpec
from lorr_bench.spec.load import load_suite, resolved_yaml
from lorr_bench.values import Contrast

Write = Callable[..., Path]
PLUGINS = Layout(
    {"dpo": ["plain", "lorr", "no_reset"], "kto": ["plain", "lorr"], "grpo": ["plain"]},
    {"plain": (256, 512, 1024), "lorr": (256, 512, 1024), "no_reset": (512,)},
)
SEVERAL = {"name": "all", "tasks": ["nano_order", "nano_compare"]}
MATH = {"name": "easy", "source": "nano/easy", "max_tokens": 8, "repeats": 2}


def evaluation(**values: object) -> EvaluationSpec:
    return EvaluationSpec.model_validate(values)


def refusal(path: Path, *overrides: str) -> SuiteError:
    with pytest.raises(SuiteError) as caught:
        load_suite(path, overrides)
    return caught.value


# --- contrasts ------------------------------------------------------------------------------------------

plugin_names = st.from_regex(NAME_PATTERN, fullmatch=True).map(str.strip)
arm_names = st.builds("{}+{}".format, plugin_names, plugin_names)


@pytest.mark.slow
@given(
    treatment=plugin_names | arm_names, reference=plugin_names | arm_names, gap=st.sampled_from([" ", "  "])
)
def test_two_names_with_a_minus_between_are_read_again(treatment: str, reference: str, gap: str) -> None:
    found = Contrast(treatment, reference)
    assert parse_contrast(str(found)) == found
    assert parse_contrast(f" {treatment}{gap}-{gap}{reference} ") == found


def test_names_may_hold_hyphens() -> None:
    assert parse_contrast("a-b - c-") == Contrast("a-b", "c-")


@pytest.mark.parametrize(
    "text", ["", "lorr", "lorr-plain", "lorr -plain", "lorr vs plain", "a - b - c", "lorr - ", "lorr – plain"]
)
def test_other_texts_are_no_contrast(text: str) -> None:
    with pytest.raises(ValueError, match="is no contrast: write `A - B`"):
        parse_contrast(text)


def test_plugins_are_compared_in_every_method_that_has_both() -> None:
    assert contrasts_of(["lorr - plain"], PLUGINS) == (
        Contrast("dpo+lorr", "dpo+plain"),
        Contrast("kto+lorr", "kto+plain"),
    )
    assert contrasts_of(["lorr - no_reset"], PLUGINS) == (Contrast("dpo+lorr", "dpo+no_reset"),)


def test_arms_may_be_of_different_methods() -> None:
    assert contrasts_of(["dpo+lorr - grpo+plain"], PLUGINS) == (Contrast("dpo+lorr", "grpo+plain"),)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("lorr - lorr", "compares lorr with itself"),
        ("dpo+lorr - dpo+lorr", "compares dpo[+]lorr with itself"),
        ("dpo+lorr - plain", "one side is an arm, the other a plug-in"),
        (
            "lor - plain",
            "no plug-in is called lor; did you mean `lorr`[?] plug-ins are plain, lorr, no_reset",
        ),
        ("dpo+lor - dpo+plain", "no arm is called dpo[+]lor; did you mean `dpo[+]lorr`"),
        ("dpo+lorr - grpo+lorr", "no arm is called grpo[+]lorr; .*arms are dpo[+]plain, .*, grpo[+]plain$"),
    ],
)
def test_a_contrast_that_can_not_be_is_refused(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        contrasts_of([text], PLUGINS)


def test_plugins_that_no_method_has_both_of_are_refused() -> None:
    with pytest.raises(ValueError, match="no method has both a and b: name two arms"):
        contrasts_of(["a - b"], Layout({"dpo": ["plain", "a"], "kto": ["plain", "b"]}, {}))


# --- at budgets of their own ----------------------------------------------------------------------------


@pytest.mark.slow
@given(names=st.tuples(plugin_names | arm_names, plugin_names | arm_names), data=st.data())
def test_budgets_behind_names_are_read_again(names: tuple[str, str], data: st.DataObject) -> None:
    pairs = [data.draw(st.none() | st.integers(1, 10**9)) for _ in names]
    found = Contrast(*names, *pairs)
    assert parse_contrast(str(found)) == found


@pytest.mark.parametrize(
    "text", ["a@ - b", "a@x - b", "a - b@1,024", "a@-8 - b", "@8 - b", "a@08 - b", "a@² - b"]
)
def test_what_stands_behind_the_sign_is_a_number_of_pairs(text: str) -> None:
    with pytest.raises(ValueError, match="names no budget: write its unique pairs behind the @"):
        parse_contrast(text)


def test_plugins_at_budgets_are_compared_in_every_method_that_has_both() -> None:
    assert contrasts_of(["lorr@512 - plain@1024"], PLUGINS) == (
        Contrast("dpo+lorr", "dpo+plain", 512, 1024),
        Contrast("kto+lorr", "kto+plain", 512, 1024),
    )


def test_a_side_without_a_budget_has_its_largest() -> None:
    assert contrasts_of(["dpo+lorr@512 - dpo+plain"], PLUGINS) == (
        Contrast("dpo+lorr", "dpo+plain", 512, 1024),
    )
    assert contrasts_of(["plain@256 - no_reset"], PLUGINS) == (
        Contrast("dpo+plain", "dpo+no_reset", 256, 512),
    )


def test_an_arm_may_be_compared_with_itself_at_another_budget() -> None:
    assert contrasts_of(["dpo+lorr@512 - dpo+lorr"], PLUGINS) == (
        Contrast("dpo+lorr", "dpo+lorr", 512, 1024),
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("lorr@513 - plain", "lorr@513 is not trained; did you mean `512`[?] its budgets are 256, 512, 1024"),
        ("dpo+plain - dpo+no_reset@1024", "dpo[+]no_reset@1024 is not trained; .*its budgets are 512$"),
        ("lorr@1024 - lorr", "compares lorr@1024 with itself"),
        ("lor@512 - plain", "no plug-in is called lor; did you mean `lorr`"),
    ],
)
def test_a_budget_that_can_not_be_is_refused(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        contrasts_of([text], PLUGINS)


# --- the measure ----------------------------------------------------------------------------------------


def test_a_greedy_measure_is_the_default() -> None:
    sampled = MATH | {"name": "hard", "greedy": False}
    assert measure_of(None, evaluation(math=[sampled, MATH], general=[SEVERAL])) == ("easy", "greedy")
    assert measure_of(None, evaluation(math=[sampled], general=[SEVERAL])) == ("hard", "avg@2")


def test_without_math_the_first_general_benchmark_is_the_default() -> None:
    assert measure_of(None, evaluation(general=[SEVERAL])) == ("nano_order", "")
    one = {"tasks": ["nano_order"], "metric": "acc_norm,none"}
    assert measure_of(None, evaluation(general=[one])) == ("general", "acc_norm")


@pytest.mark.parametrize(
    ("benchmark", "metric", "found"),
    [
        ("easy", None, "greedy"),
        ("easy", "avg@2", "avg@2"),
        ("nano_order", None, ""),
        ("arc", None, "acc_norm"),
        ("arc", "acc_norm", "acc_norm"),
        ("arc", "acc_norm,none", "acc_norm"),
    ],
)
def test_a_measure_of_the_suite_is_found(benchmark: str, metric: str | None, found: str) -> None:
    arc = {"name": "arc", "tasks": ["arc_easy"], "metric": "acc_norm,none"}
    measured = evaluation(math=[MATH], general=[SEVERAL, arc])
    wanted = MeasureSpec(benchmark=benchmark, metric=metric)
    assert measure_of(wanted, measured) == (benchmark, found)


@pytest.mark.parametrize(
    ("benchmark", "metric", "reason"),
    [
        ("esay", None, "no benchmark is called esay; did you mean `easy`[?] benchmarks are easy, nano_order"),
        ("all", None, "all has several tasks, each a benchmark of its own: nano_order, nano_compare"),
        ("easy", "greedi", "easy has no greedi to test; did you mean `greedy`[?] it has greedy, avg@2"),
        ("easy", "avg@4", "easy has no avg@4 to test"),
        ("easy", "pass@2", "pass@k and maj@k are shown and never tested; it has greedy, avg@2"),
        ("easy", "maj@2", "pass@k and maj@k are shown and never tested"),
        ("arc", "acc_norm,flexible", "arc has no acc_norm,flexible to test; .*it has acc_norm,none"),
        (
            "nano_order",
            "acc",
            "the task's own, .*: name the benchmark alone, or write `metric: acc` below it",
        ),
    ],
)
def test_a_measure_that_the_suite_does_not_have_is_refused(
    benchmark: str, metric: str | None, reason: str
) -> None:
    arc = {"name": "arc", "tasks": ["arc_easy"], "metric": "acc_norm,none"}
    with pytest.raises(ValueError, match=reason):
        measure_of(
            MeasureSpec(benchmark=benchmark, metric=metric), evaluation(math=[MATH], general=[SEVERAL, arc])
        )


# --- in a suite file ------------------------------------------------------------------------------------


def test_nothing_is_said_by_default(write_suite: Write) -> None:
    suite = load_suite(write_suite()).suite
    assert suite.analysis == AnalysisSpec(measure=None, primary=None, secondary=())
    assert not suite.analysis.is_said


@pytest.mark.parametrize("measure", ["nano greedy", "{benchmark: nano, metric: greedy}"])
def test_all_of_it_is_read_and_kept(write_suite: Write, tmp_path: Path, measure: str) -> None:
    said = f"""\
analysis:
  measure: {measure}
  primary:
    - lorr - plain
    - dpo+lorr - simpo+lorr
  secondary: [dpo+plain  -  simpo+plain]
budget:"""
    suite = load_suite(write_suite("budget:", said)).suite
    assert suite.analysis.measure == MeasureSpec(benchmark="nano", metric="greedy")
    assert suite.analysis.primary == ("lorr - plain", "dpo+lorr - simpo+lorr")
    assert suite.analysis.secondary == ("dpo+plain - simpo+plain",)
    assert suite.analysis.is_said
    (tmp_path / "again.yaml").write_text(resolved_yaml(suite), "utf-8")
    assert load_suite(tmp_path / "again.yaml").suite == suite


@pytest.mark.parametrize(
    ("said", "line", "what"),
    [
        (
            "primary:\n    - lorr - plain\n    - lor - plain",
            12,
            "`analysis.primary.1`: no plug-in is called lor",
        ),
        ("primary:\n    - lorr-plain", 11, "`analysis.primary.0`: 'lorr-plain' is no contrast"),
        ("secondary:\n    - lorr - lorr", 11, "`analysis.secondary.0`: compares lorr with itself"),
        (
            "primary:\n    - dpo+lorr - dpo+plain\n    - lorr - plain",
            12,
            "`analysis.primary.1`: dpo+lorr - dpo+plain is compared twice: `analysis.primary.0` has the two",
        ),
        (
            "primary: [lorr - plain]\n  secondary:\n    - plain - lorr",
            12,
            "`analysis.secondary.0`: dpo+plain - dpo+lorr is compared twice: `analysis.primary.0` has the two",
        ),
        (
            "primary: [lorr@8 - plain]",
            10,
            "`analysis.primary.0`: lorr@8 is not trained; ",
        ),
        ("equivalence_margin: 2", 10, "`analysis.equivalence_margin`"),
        ("equivalence_margin: 0", 10, "`analysis.equivalence_margin`"),
        ("primary: []", 10, "`analysis.primary`: tuple should have at least 1 item"),
        ("measure: nano pass@2", 10, "`analysis.measure`: nano has no pass@2 to test"),
        ("measure: nano greedy twice", 10, "`analysis.measure`: 'nano greedy twice' is no measure"),
        ("measure: ''", 10, "`analysis.measure`: '' is no measure"),
        ("measure: {benchmark: nano, metrics: x}", 10, "unknown key `analysis.measure.metrics`"),
        ("primay: [lorr - plain]", 10, "unknown key `analysis.primay`"),
    ],
)
def test_a_fault_has_its_line(write_suite: Write, said: str, line: int, what: str) -> None:
    path = write_suite("budget:", f"analysis:\n  {said}\nbudget:")
    error = refusal(path)
    assert error.where == f"{path}:{line}"
    assert what in error.what


def test_a_fault_of_an_option_names_the_option(write_suite: Write) -> None:
    error = refusal(write_suite(), "analysis.primary=[lor - plain]")
    assert error.where == "--set analysis.primary=[lor - plain]"
    assert "did you mean `lorr`?" in error.what


def test_all_faults_are_told_at_once(write_suite: Write) -> None:
    error = refusal(
        write_suite(), "analysis.primary=[a - lorr, plain - b]", "analysis.measure=x", "engine.kv_cache_gib=0"
    )
    for what in ("called a;", "called b;", "no benchmark is called x", "`engine.kv_cache_gib`"):
        assert what in error.what


def test_faulty_arms_do_not_hide_behind_the_contrasts(write_suite: Write) -> None:
    error = refusal(write_suite(), "analysis.primary=[lorr - plain]", "methods=1", "evaluation=1")
    assert "analysis" not in error.what.replace("--set analysis", "")


def test_the_example_of_the_documentation_fits_the_shipped_suite(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    example = (root / "docs" / "analysis.md").read_text("utf-8").partition("```yaml\n")[2].partition("```")[0]
    assert example.startswith("analysis:\n")
    shipped = (root / "suites" / "quickstart.yaml").read_text("utf-8")
    before, _, after = shipped.partition("\nanalysis:")
    after = after.partition("\n\n")[2]
    (tmp_path / "suite.yaml").write_text(f"{before}\n{example}\n{after}")
    suite = load_suite(tmp_path / "suite.yaml").suite
    assert suite.analysis.primary == ("lorr - plain", "dpo+lorr - dpo+no_reset")


@pytest.mark.parametrize(
    ("one", "other", "repeated"),
    [
        ("lorr@{0} - plain@{0}", "lorr - plain", True),
        ("lorr - plain", "plain@{0} - lorr@{0}", True),
        ("lorr@{0} - plain@{1}", "plain@{1} - lorr@{0}", True),
        ("lorr@{0} - plain@{0}", "lorr@{1} - plain@{1}", False),
        ("lorr@{0} - plain@{1}", "lorr@{1} - plain@{0}", False),
        ("lorr@{0} - plain@{1}", "lorr - plain", False),
    ],
)
def test_the_same_comparison_stands_once(write_suite: Write, one: str, other: str, repeated: bool) -> None:
    path = write_suite()
    budgets = load_suite(path).suite.budget.unique_pairs[:2]
    option = f"analysis.primary=[{one.format(*budgets)}, {other.format(*budgets)}]"
    if repeated:
        assert "is compared twice" in refusal(path, option).what
    else:
        assert len(load_suite(path, [option]).suite.analysis.primary or ()) == 2


def test_a_sweep_alone_declares_nothing() -> None:
    assert not AnalysisSpec(sweep="replays").is_said
    assert AnalysisSpec(equivalence_margin=0.02).is_said
