"""`lorr-bench list`, as tables and as JSON."""

import json

import pytest
from command_line import lorr_bench_here


def rows(*words):
    done = lorr_bench_here("list", *words, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def row(rows_, **known):
    (found,) = [one for one in rows_ if known.items() <= one.items()]
    return found


def test_methods():
    assert row(rows("methods"), method="kto", backend="trl") == {
        "method": "kto",
        "backend": "trl",
        "needs": ["labels", "reference"],
        "sft_term": True,
        "source": "Ethayarajh et al. 2024, arXiv 2402.01306",
    }


@pytest.mark.parametrize("words", [("method", "kto"), ("methods", "trl.kto")])
def test_a_method_has_its_settings(words):
    assert row(rows(*words), name="per_device_train_batch_size") == {
        "name": "per_device_train_batch_size",
        "type": "whole number \u2265 4",
        "default": 8,
        "required": False,
        "description": "labelled responses; the KL estimate needs those of two prompts at least",
        "other_names": ["batch_size"],
    }


def test_a_method_is_shown_with_where_else_it_is():
    text = lorr_bench_here("list", "method", "orpo").stdout
    assert "Hong et al. 2024, arXiv 2403.07691. Needs pairs. Also: llamafactory.orpo, native.orpo." in text
    (line,) = [line for line in text.splitlines() if "orpo_lambda" in line]
    assert [cell.strip() for cell in line.strip("\u2502").split("\u2502")][:3] == [
        "beta or orpo_lambda",
        "number > 0",
        "0.1",
    ]


@pytest.mark.slow
def test_plugins():
    assert [one["plugin"] for one in rows("plugins")] == ["plain", "lorr"]
    assert row(rows("plugin", "lorr"), name="reset.factor")["default"] == 0.5
    assert row(rows("plugin", "lorr"), name="reset.factor")["other_names"] == ["alpha"]


def test_backends():
    assert row(rows("backends"), backend="llamafactory") == {
        "backend": "llamafactory",
        "in_process": False,
        "shardings": [],
        "methods": ["dpo", "orpo", "simpo"],
    }


@pytest.mark.slow
def test_benchmarks_presets_and_protocols():
    assert row(rows("benchmarks"), benchmark="gsm8k") == {
        "benchmark": "gsm8k",
        "problems": [1319],
        "data_set": "openai/gsm8k",
        "split": "test",
    }
    assert row(rows("presets"), benchmark="hellaswag") == {
        "preset": "classic",
        "benchmark": "hellaswag",
        "tasks": ["hellaswag"],
        "num_fewshot": 10,
        "metric": "acc_norm",
    }
    assert row(rows("protocols"), protocol="fast")["fields"] == {"greedy": True, "max_tokens": 1024}


def test_suites():
    assert row(rows("suites"), suite="smoke") == {
        "suite": "smoke",
        "description": "Every step of the quickstart in little; too small to say anything about a method.",
        "needs_hub": False,
        "needs_files": [],
    }


def test_tasks_that_come_along_or_that_presets_name():
    found = rows("tasks")
    assert {"task": "nano_compare", "from": "lorr-bench"} in found
    assert {"task": "hellaswag", "from": "lm-eval"} in found


def test_tasks_of_a_pattern(monkeypatch):
    monkeypatch.setattr("lorr_bench.commands.evaluation_lists.own_folder", lambda: None)
    assert rows("tasks", "nano_c*") == [{"task": "nano_compare", "from": "lorr-bench"}]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("metods",), "did you mean `methods`?"),
        (("method", "dop"), "no adapter is called 'dop'"),
        (("plugin", "lor"), "did you mean `lorr`?"),
        (("suites", "smoke"), "suites are listed as a whole"),
        (("tasks", "nano_compar"), "did you mean `nano_compare` or"),
    ],
)
def test_a_name_that_is_not_there_is_refused_with_the_nearest(words, told, monkeypatch):
    monkeypatch.setattr("lorr_bench.commands.evaluation_lists.own_folder", lambda: None)
    done = lorr_bench_here("list", *words)
    assert done.returncode != 0
    assert told in done.stderr
