"""Registered benchmarks, prompts and protocols as a suite names and changes them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lorr_bench.errors import SuiteError
from lorr_bench.spec.benchmarks import BENCHMARKS, PROMPTS
from lorr_bench.spec.evaluation import EvaluationSpec, MathBenchmark
from lorr_bench.spec.load import load_suite, resolved_yaml
from lorr_bench.spec.presets import PRESETS

Write = Callable[..., Path]
MATH = "evaluation.math="
OWN = {"name": "own", "source": "own.jsonl"}


def benchmark(item: object, protocol: object = "fast") -> MathBenchmark:
    return EvaluationSpec.model_validate({"math": [item], "protocol": protocol}).math[0]


# Sizes as their authors state them; OlympiadBench has 674 on the Hub and 675 in Qwen2.5-Math's copy.
@pytest.mark.parametrize(
    ("name", "sizes"),
    [
        ("gsm8k", (1319,)),
        ("math500", (500,)),
        ("minerva_math", (272,)),
        ("olympiadbench", (674, 675)),
        ("aime24", (30,)),
        ("aime25", (30,)),
        ("amc23", (40,)),
    ],
)
def test_a_registered_benchmark_needs_its_name_alone(name: str, sizes: tuple[int, ...]) -> None:
    found = benchmark(name)
    assert found.sizes == sizes
    assert found.source.count("/") == 1
    assert len(found.revision or "") == 40
    assert found.split is not None


def test_seven_are_registered() -> None:
    assert len(BENCHMARKS) == 7


def test_the_columns_of_the_hub_do_not_hold_for_a_local_file() -> None:
    found = benchmark({"name": "gsm8k", "source": "gsm8k.jsonl"})
    assert (found.source, found.revision, found.split) == ("gsm8k.jsonl", None, None)
    assert (found.problem_column, found.answer_column, found.answer_pattern) == ("problem", "answer", None)
    assert found.sizes == (1319,)
    assert found.prompt == "plain"


def test_a_variant_has_its_own_name_and_fields() -> None:
    found = benchmark({"name": "aime_chat", "like": "aime24", "prompt": "chat", "limit": 3})
    assert (found.source, found.sizes) == (BENCHMARKS["aime24"]["source"], (30,))
    assert (found.chat_template, found.limit) == (True, 3)


@pytest.mark.parametrize("item", ["gsm9k", {"name": "mine", "like": "gsm9k"}])
def test_an_unknown_benchmark_lists_those_there_are(item: object) -> None:
    with pytest.raises(
        ValueError, match=r"no registered benchmark 'gsm9k'; did you mean `gsm8k`[?] there are gsm8k, math500"
    ):
        benchmark(item)


def test_fast_is_one_greedy_answer() -> None:
    found = benchmark("gsm8k")
    assert (found.greedy, found.repeats, found.max_tokens, found.prompt) == (True, 0, 1024, "plain")


def test_qwen_greedy_is_what_papers_with_qwen_math_do() -> None:
    found = benchmark("math500", "qwen-greedy")
    assert (found.greedy, found.repeats, found.max_tokens) == (True, 0, 2048)
    assert found.template.startswith("<|im_start|>system\nPlease reason step by step")
    assert found.template.endswith("<|im_end|>\n<|im_start|>assistant\n")
    assert "<|im_end|>" in found.stop


@pytest.mark.parametrize(("name", "repeats"), [("aime24", 10), ("aime25", 10), ("amc23", 10), ("math500", 3)])
def test_sober_repeats_small_benchmarks_ten_times(name: str, repeats: int) -> None:
    found = benchmark(name, "sober")
    assert (found.greedy, found.repeats) == (False, repeats)
    # temperature, top_p and token limit of the commands in the README of its authors' code
    assert (found.temperature, found.top_p, found.max_tokens) == (0.8, 0.9, 32768)
    assert found.chat_template


def test_a_field_counts_in_the_order_benchmark_protocol_registered() -> None:
    protocol = {"name": "sober", "temperature": 0.6, "avg_at": 5}
    assert benchmark("aime24", protocol).temperature == 0.6
    assert benchmark("aime24", protocol).repeats == 5
    assert benchmark({"name": "aime24", "temperature": 0.2}, protocol).temperature == 0.2
    assert benchmark({"name": "aime24", "avg_at": 7}, protocol).repeats == 7


def test_a_template_of_its_own_is_left_alone() -> None:
    found = benchmark({**OWN, "template": "Q: {problem}"}, "qwen-greedy")
    assert (found.template, found.stop, found.prompt) == ("Q: {problem}", (), None)


def test_a_stop_text_of_its_own_goes_before_the_prompts() -> None:
    assert benchmark({"name": "gsm8k", "stop": ["###"]}).stop == ("###",)


def test_what_is_not_registered_has_no_words_around_it_by_default() -> None:
    assert benchmark(OWN).template == "{problem}"


@pytest.mark.parametrize("prompt", PROMPTS)
def test_every_prompt_holds_the_problem_once(prompt: str) -> None:
    assert benchmark({**OWN, "prompt": prompt}).template.count("{problem}") == 1


@pytest.mark.parametrize(
    ("fields", "what"),
    [
        ({"greedy": False}, "neither `greedy` nor `repeats`"),
        ({"repeats": 4, "pass_at": [1, 8]}, "pass_at 8 needs as many repeats, there are 4"),
        ({"answer_column": None}, "`answer_column` is missing"),
        ({"stop": [""]}, "at least 1 character"),
    ],
)
def test_what_measures_nothing_is_refused(fields: dict[str, object], what: str) -> None:
    with pytest.raises(ValueError, match=what):
        benchmark({**OWN, **fields})


@pytest.mark.parametrize(
    ("fields", "counts"),
    [({}, ()), ({"repeats": 1}, ()), ({"repeats": 8}, (8,)), ({"repeats": 8, "pass_at": [1, 4]}, (1, 4))],
)
def test_pass_at_all_repeats_by_default(fields: dict[str, object], counts: tuple[int, ...]) -> None:
    assert benchmark({**OWN, **fields}).pass_counts == counts


def test_an_unknown_field_of_a_protocol_is_named(write_suite: Write) -> None:
    with pytest.raises(SuiteError, match="a protocol has no temprature; it has greedy, repeats"):
        load_suite(write_suite(), ["evaluation.protocol={name: sober, temprature: 1}"])


@pytest.mark.parametrize("protocol", ["slow", "[]"])
def test_an_unknown_protocol_is_refused(write_suite: Write, protocol: str) -> None:
    with pytest.raises(SuiteError, match=r"evaluation\.protocol"):
        load_suite(write_suite(), [f"evaluation.protocol={protocol}"])


def test_a_preset_stands_for_its_benchmarks() -> None:
    found = EvaluationSpec.model_validate({"general": ["classic"]}).general
    assert [(part.name, part.tasks, part.num_fewshot) for part in found] == [
        (part["name"], tuple(part["tasks"]), part["num_fewshot"]) for part in PRESETS["classic"]
    ]


def test_a_preset_takes_changes_to_all_of_it() -> None:
    found = EvaluationSpec.model_validate({"general": [{"preset": "classic", "limit": 5}]}).general
    assert {part.limit for part in found} == {5}


def test_an_unknown_preset_lists_those_there_are() -> None:
    with pytest.raises(
        ValueError,
        match=r"no preset 'clasic' of lm-eval tasks; did you mean `classic`[?] there are classic, leader",
    ):
        EvaluationSpec.model_validate({"general": ["clasic"]})


@pytest.mark.parametrize(("word", "ngram"), [("off", None), ("false", None), ("on", 13), ("{ngram: 8}", 8)])
def test_contamination_can_be_switched_off(write_suite: Write, word: str, ngram: int | None) -> None:
    found = load_suite(write_suite(), [f"evaluation.contamination={word}"]).suite.evaluation.contamination
    assert (found and found.ngram) == ngram


@pytest.mark.parametrize(
    ("said", "column"),
    [("", None), ("family", "family"), ("off", None), ("'off'", None), ("false", None), ("null", None)],
)
def test_problems_have_families_where_a_suite_says_so(
    write_suite: Write, tmp_path: Path, said: str, column: str | None
) -> None:
    own = f", cluster_column: {said}" if said else ""
    loaded = load_suite(write_suite(), [f"{MATH}[{{name: own, source: nano/easy, limit: 3{own}}}]"])
    assert loaded.suite.evaluation.math[0].cluster_column == column
    again = tmp_path / "again.yaml"
    again.write_text(resolved_yaml(loaded.suite), "utf-8")
    assert load_suite(again).suite.evaluation.math[0].cluster_column == column
    assert benchmark({**OWN, "cluster_column": "text"}).cluster_column == "text"


def test_embedded_problems_have_no_other_column(write_suite: Write) -> None:
    with pytest.raises(SuiteError, match="no column 'verb'; the families of the embedded problems are in"):
        load_suite(write_suite(), [f"{MATH}[{{name: a, source: nano/easy, limit: 3, cluster_column: verb}}]"])


@pytest.mark.parametrize(
    "protocol", ["fast", "qwen-greedy", "sober", "{name: sober, top_p: 0.5, prompt: plain}"]
)
def test_the_resolved_suite_says_the_same(write_suite: Write, tmp_path: Path, protocol: str) -> None:
    suite = load_suite(
        write_suite(),
        [
            f"{MATH}[gsm8k, {{name: aime24, source: a.jsonl, limit: 3}}, {{name: own, source: nano/easy}}]",
            f"evaluation.protocol={protocol}",
            "evaluation.general=[classic]",
        ],
    ).suite
    again = tmp_path / "again.yaml"
    again.write_text(resolved_yaml(suite), "utf-8")
    assert load_suite(again).suite == suite


def test_published_figures_stand_beside_arms_of_the_suite(write_suite: Write) -> None:
    figures = "{arm: dpo+lor, model: m, source: s}"
    with pytest.raises(
        SuiteError,
        match=r"no arm is called dpo\+lor; did you mean `dpo\+lorr` or .*arms are start, dpo\+plain, dpo\+lorr",
    ):
        load_suite(write_suite(), [f"published={{file: p.csv, figures: [{figures}]}}"])
