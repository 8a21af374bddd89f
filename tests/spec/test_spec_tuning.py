"""`tuning:` of a suite: what is read, what is refused, and where."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lorr_bench.errors import SuiteError
from lorr_bench.spec.load import load_suite, resolved_yaml
from lorr_bench.spec.tuning.section import TuningSpec

Write = Callable[..., Path]
BENCHMARK = {"name": "chosen_by", "source": "nano/validation", "limit": 50, "max_tokens": 8}
TUNING = """\
tuning:
  seeds: [100]
  grid:
    beta: [0.5, 2]
  benchmark: {name: chosen_by, source: nano/validation, limit: 50, max_tokens: 32}
evaluation:
"""


@pytest.fixture
def tuned(write_suite: Write) -> Callable[..., Path]:
    """Write the suite with its tuning, one piece of which is replaced."""

    def write(old: str = "", new: str = "") -> Path:
        assert old in TUNING
        return write_suite("evaluation:\n", TUNING.replace(old, new, 1) if old else TUNING)

    return write


def spec(**values: object) -> TuningSpec:
    return TuningSpec.model_validate({"seeds": [1], "grid": {"beta": [1]}, "benchmark": BENCHMARK, **values})


def test_what_a_suite_says_is_read_and_written_again(tuned: Write, tmp_path: Path) -> None:
    suite = load_suite(tuned()).suite
    assert suite.tuning is not None
    assert (suite.tuning.seeds, suite.tuning.grid) == ((100,), {"beta": (0.5, 2)})
    again = tmp_path / "again.yaml"
    again.write_text(resolved_yaml(suite), "utf-8")
    assert load_suite(again).suite == suite


def test_a_suite_says_nothing_of_it_by_default(write_suite: Write) -> None:
    assert load_suite(write_suite()).suite.tuning is None


def test_the_benchmark_is_answered_under_the_protocol_of_the_suite(tuned: Write) -> None:
    file = tuned(", max_tokens: 32}", "}")
    protocol = "evaluation.protocol={name: fast, max_tokens: 17}"
    tuning = load_suite(file, [protocol]).suite.tuning
    assert tuning is not None
    assert tuning.benchmark.max_tokens == 17


def test_a_registered_benchmark_needs_its_name_alone(tuned: Write) -> None:
    line = "benchmark: {name: chosen_by, source: nano/validation, limit: 50, max_tokens: 32}"
    tuning = load_suite(tuned(line, "benchmark: gsm8k")).suite.tuning
    assert tuning is not None
    assert (tuning.benchmark.source, tuning.benchmark.max_tokens) == ("openai/gsm8k", 1024)


@pytest.mark.parametrize(
    ("old", "new", "line", "told"),
    [
        ("[100]", "[1, 100]", 20, "1 is among the suite's seeds: what is tested must be fresh"),
        ("[100]", "[100, 100]", 20, "a seed is listed twice"),
        ("[0.5, 2]", "[2, 0.5, 2]", 22, "a value is listed twice"),
        ("[0.5, 2]", "2", 22, "should be a list"),
        ("    beta: [0.5, 2]", "    {}", 21, "names no hyper-parameter: there would be nothing to choose"),
        ("  benchmark", "  unique_pairs: [16, 32]\n  benchmark", 23, "names 32; budgets are 16, 64"),
        ("  benchmark", "  unique_pairs: [64, 16]\n  benchmark", 23, "must rise"),
        ("  benchmark", "  methods: {dpa: {beta: [1]}}\n  benchmark", 23, "no method is called dpa; did you mean"),
        ("  benchmark", "  metric: avg@4\n  benchmark", 23, "chosen_by has no avg@4 to test"),
        ("nano/validation", "nano/hard", 23, "has the problems of `nano`, which the suite tests on"),
        ("chosen_by", "nano", 23, "is the name of a benchmark that the suite tests on"),
    ],
)  # fmt: skip
def test_a_fault_is_told_with_its_line(tuned: Write, old: str, new: str, line: int, told: str) -> None:
    with pytest.raises(SuiteError) as caught:
        load_suite(tuned(old, new))
    assert told in caught.value.what
    assert caught.value.where.endswith(f":{line}")


def test_faults_of_the_evaluation_are_told_once_and_as_its_own(tuned: Write) -> None:
    with pytest.raises(SuiteError, match="a protocol has no length") as caught:
        load_suite(tuned(), ["evaluation.protocol={name: fast, length: 3}"])
    assert "tuning" not in caught.value.what


@pytest.mark.parametrize(
    ("tuned_budgets", "taken"),
    [
        (None, {256: 256, 512: 512, 1024: 1024}),
        ([512], {256: 512, 512: 512, 1024: 512}),
        ([256, 1024], {256: 256, 512: 1024, 1024: 1024}),
    ],
)
def test_a_budget_takes_the_settings_of_the_next_larger_one(
    tuned_budgets: list[int] | None, taken: dict[int, int]
) -> None:
    found = spec(unique_pairs=tuned_budgets)
    assert {pairs: found.tuned_at(pairs, (256, 512, 1024)) for pairs in (256, 512, 1024)} == taken


def test_the_metric_is_the_first_of_the_benchmark_by_default() -> None:
    assert spec().measure == ("chosen_by", "greedy")
    sampled = {**BENCHMARK, "greedy": False, "repeats": 4}
    assert spec(benchmark=sampled).measure == ("chosen_by", "avg@4")


def test_a_method_has_its_own_grid_in_place_of_the_common_one() -> None:
    found = spec(methods={"sft": {"learning_rate": [1, 2]}})
    assert found.grid_of("sft") == {"learning_rate": (1, 2)}
    assert found.grid_of("dpo") == {"beta": (1,)}
