"""The JSON Schema accepts what the loader accepts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lorr_bench.errors import SuiteError
from lorr_bench.spec.document import read_document
from lorr_bench.spec.load import load_suite, resolved_yaml
from lorr_bench.spec.schema import suite_schema

pytestmark = pytest.mark.slow

Write = Callable[..., Path]


def schema_accepts(text: str) -> bool:
    validator = pytest.importorskip("jsonschema").Draft202012Validator
    validator.check_schema(suite_schema())
    return bool(validator(suite_schema()).is_valid(read_document(text, str).value))


def loader_accepts(path: Path) -> bool:
    try:
        load_suite(path)
    except SuiteError:
        return False
    return True


def test_every_field_is_described() -> None:
    schema = suite_schema()
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    bodies = [schema, *schema["$defs"].values()]
    fields = [(name, field) for body in bodies for name, field in body["properties"].items()]
    assert [name for name, field in fields if "description" not in field and name != "type"] == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("name: tiny", "name: tiny\ndescription: x"),
        ("model: nano", "model: {path: nano, dtype: bfloat16}"),
        ("reset: off", "reset: on"),
        ("reset: off", "reset: 'off'"),
        ("reset: off", "sft: null"),
        ("reset: off", "reset: {alpha: 0.5}, sft: {pref_ftx: 0.1}"),
        ("reset: off", "sft: {weights: [0, 0.1, 0.2]}"),
        ("  lorr: {reset: off}", "  mine: {type: lorr, replays: 2}"),
        ("  lorr: {reset: off}", "  lorr:"),
        ("  plain:", "  plain: {type: lorr}"),
        ("num_prompts: 100", "num_prompts: 100\n    num_generations: 8"),
        ("beta: 0.1", "adapter: trl"),
        ("budget:", "overrides: {dpo+lorr: {beta: 0.2}}\nbudget:"),
        ("budget:", "analysis: {}\nbudget:"),
        ("budget:", "analysis: {measure: nano, primary: [lorr - plain]}\nbudget:"),
        ("budget:", "analysis: {measure: {benchmark: nano}, secondary: []}\nbudget:"),
        ("      max_tokens: 32\n", ""),
        ("    - name: nano\n", "    - gsm8k\n    - name: nano\n"),
        ("    - name: nano\n", "    - {name: mine, like: aime24, limit: 3}\n    - name: nano\n"),
        ("    - name: nano\n", "    - {name: aime24, source: aime.jsonl}\n    - name: nano\n"),
        ("      max_tokens: 32\n", "      avg_at: 4\n"),
        ("  math:", "  general: [classic, {preset: bbh, limit: 5}, {tasks: [x]}]\n  math:"),
        ("  math:", "  protocol: {name: sober, temperature: 0.6, avg_at: 4}\n  math:"),
        ("  math:", "  contamination: off\n  math:"),
        ("      source: nano/hard\n", "      source: nano/hard\n      cluster_column: off\n"),
        ("      source: nano/hard\n", "      source: nano/hard\n      cluster_column: 'off'\n"),
        ("      source: nano/hard\n", "      source: nano/hard\n      cluster_column: null\n"),
        ("      source: nano/hard\n", "      source: x.jsonl\n      cluster_column: text\n"),
        ("  math:", "  general: [{tasks: [x], cluster_column: doc}]\n  math:"),
    ],
)
def test_both_accept(write_suite: Write, old: str, new: str) -> None:
    path = write_suite(old, new)
    assert loader_accepts(path)
    assert schema_accepts(path.read_text())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("name: tiny", "name: Tiny"),
        ("name: tiny", "name: tiny\ntitle: x"),
        ("model: nano", "model: 3"),
        ("model: nano", "model: {path: nano, size: 3}"),
        ("[0, 1]", "[]"),
        ("[0, 1]", "[-1]"),
        ("reset: off", "reset: maybe"),
        ("reset: off", "reset: {factor: 2}"),
        ("reset: off", "reset: {factor: 0.1, alpha: 0.1}"),
        ("reset: off", "sft: {cap: 0.1, pref_ftx: 0.1}"),
        ("reset: off", "sft: {sft_weight: 0.1, pref_ftx: 0.1}"),
        ("  lorr: {reset: off}", "  mine: {replays: 2}"),
        ("  lorr: {reset: off}", "  mine:"),
        ("  lorr: {reset: off}", "  mine: {type: lor}"),
        ("  plain:", "  plain: {replays: 2}"),
        ("  plain:", "  Plain: {type: plain}"),
        ("  simpo:", "  SimPO:"),
        ("num_prompts: 100", "num_prompts: 100\n    num_generations: 8\n    num_samples: 8"),
        ("      source: nano/hard\n", ""),
        ("    - name: nano\n", "    - gsm9k\n    - name: nano\n"),
        ("  math:", "  protocol: slow\n  math:"),
        ("  math:", "  protocol: {name: fast, temprature: 1}\n  math:"),
        ("  math:", "  contamination: maybe\n  math:"),
        ("budget:", "analysis: {measure: nano greedy twice}\nbudget:"),
        ("budget:", "analysis: {primary: []}\nbudget:"),
        ("budget:", "analysis: {primary: [lorr-plain]}\nbudget:"),
        ("budget:", "analysis: {metric: greedy}\nbudget:"),
        ("      source: nano/hard\n", "      source: x.jsonl\n      cluster_column: 3\n"),
        ("      source: nano/hard\n", "      source: x.jsonl\n      cluster_column: on\n"),
    ],
)
def test_both_refuse(write_suite: Write, old: str, new: str) -> None:
    path = write_suite(old, new)
    assert not loader_accepts(path)
    assert not schema_accepts(path.read_text())


def test_accepts_the_resolved_suite(write_suite: Write) -> None:
    assert schema_accepts(resolved_yaml(load_suite(write_suite()).suite))


def test_the_schema_refuses_by_the_right_part(write_suite: Write) -> None:
    jsonschema: Any = pytest.importorskip("jsonschema")
    values = read_document(write_suite("[16, 64]", "[0]").read_text(), str).value
    (error,) = jsonschema.Draft202012Validator(suite_schema()).iter_errors(values)
    assert list(error.absolute_path) == ["budget", "unique_pairs", 0]
