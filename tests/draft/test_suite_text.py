"""The text of a suite: what it says is what was chosen, and it can be loaded as it stands."""

from dataclasses import replace

import pytest

from lorr_bench.draft.choices import choose
from lorr_bench.draft.findings import finding_lines
from lorr_bench.draft.suite_text import Draft, Places
from lorr_bench.forecast.devices import DEVICES
from lorr_bench.forecast.memory import Machine
from lorr_bench.forecast.model_size import read_model_size
from lorr_bench.spec.load import load_suite

CPU = Machine((), 64 << 30)
GPU, LARGE_GPU = (Machine((DEVICES[name].memory_bytes,), 64 << 30) for name in ("h100-80gb", "h200-141gb"))
PAIRS = [{"prompt": f"question {n}", "chosen": f" yes {n}", "rejected": f" no {n}"} for n in range(60)]
LABELS = [{"prompt": f"question {n}", "completion": f" yes {n}", "label": n % 2 == 0} for n in range(60)]
ANSWERS = [{"prompt": f"question {n}", "completion": f" yes {n}"} for n in range(60)]


@pytest.fixture
def draft_of(model, rows_of):
    """Called with rows and a machine: the draft of a suite for them."""

    def make(rows, machine=CPU, *, known=None, hold_out=True, workers=None, **places):
        given = replace(model, size=read_model_size(known)) if known else model
        found = rows_of(rows)
        chosen = choose(given, found, machine, hold_out=hold_out)
        tasks = "suite_held_out" if chosen.held_out else None
        where = Places(
            **{"model": "../mine", "source": "my pairs.jsonl", "tasks": tasks, "name": "mine", **places}
        )
        return Draft(given, found, chosen, where, "a test", workers)

    return make


@pytest.fixture
def suite_of(tmp_path):
    """Called with a draft: the suite that its text is loaded as."""

    def load(draft):
        file = tmp_path / "suite.yaml"
        file.write_text(draft.text(), "utf-8")
        return load_suite(file).suite

    return load


def test_pairs_on_a_processor(draft_of, suite_of):
    suite = suite_of(draft_of(PAIRS))
    assert (suite.model.path, suite.model.dtype) == ("../mine", "float32")
    assert (suite.data.pairs.source, suite.data.pairs.limit) == ("my pairs.jsonl", 40)
    assert suite.budget.unique_pairs == (40,)
    assert suite.methods["dpo"].hyperparameters == {
        "learning_rate": 5e-7,
        "beta": 0.1,
        "max_length": 64,
        "per_device_train_batch_size": 1,  # the model's size is not known
        "gradient_accumulation_steps": 4,
        "warmup_ratio": 0.1,
        "lr_scheduler_type": "cosine",
        "gradient_checkpointing": True,
    }
    assert list(suite.plugins) == ["plain", "lorr"]
    (benchmark,) = suite.evaluation.general
    assert (benchmark.include_path, benchmark.metric) == ("suite_held_out", "acc_norm")
    assert (suite.analysis.measure.benchmark, suite.analysis.primary) == ("held_out", ("lorr - plain",))
    assert suite.engine.max_model_len == 128
    assert suite.execution.workers is None


def test_all_weights_on_a_gpu(draft_of, suite_of):
    suite = suite_of(draft_of(PAIRS, LARGE_GPU, known="meta-llama/Llama-3.2-3B-Instruct"))
    settings = suite.methods["dpo"].hyperparameters
    assert (suite.model.dtype, settings["bf16"], "lora" in settings) == ("float32", True, False)
    assert suite.engine.gpu_memory_utilization == 0.45


def test_an_adapter_on_a_gpu(draft_of, suite_of):
    suite = suite_of(draft_of(PAIRS, GPU, known="Qwen/Qwen2.5-7B-Instruct"))
    settings = suite.methods["dpo"].hyperparameters
    assert (suite.model.dtype, settings["lora"]["r"], "bf16" in settings) == ("bfloat16", 16, False)
    assert settings["learning_rate"] == pytest.approx(5e-6)


@pytest.mark.parametrize(
    ("rows", "method", "plugin"), [(LABELS, "kto", "lorr"), (ANSWERS, "sft", "replay_reset")]
)
def test_rows_of_one_response(rows, method, plugin, draft_of, suite_of):
    suite = suite_of(draft_of(rows))
    assert list(suite.methods) == [method]
    assert list(suite.plugins) == ["plain", plugin]
    assert (suite.plugins[plugin].sft is None) == (method == "sft")
    assert [math.source for math in suite.evaluation.math] == ["nano/easy"]
    assert str(suite.analysis.primary[0]) == f"{plugin} - plain"


def test_stages_side_by_side_are_said_where_they_are_fewer(draft_of, suite_of):
    assert suite_of(draft_of(PAIRS, workers=1)).execution.workers == 1


@pytest.mark.parametrize("name", ["null", "a: b # c", 'quo"te', "ü/ß", "12", "-x"])
def test_a_path_stays_what_it_is(name, draft_of, suite_of):
    suite = suite_of(draft_of(PAIRS, model=name, source=name))
    assert (suite.model.path, suite.data.pairs.source) == (name, name)


def test_no_line_is_longer_than_an_editor_is_wide(draft_of):
    draft = draft_of(PAIRS, GPU, known="Qwen/Qwen2.5-7B-Instruct")
    assert [line for line in draft.text().splitlines()[1:] if len(line) > 120] == []


def test_what_was_found_is_told(draft_of):
    repeated = [*PAIRS[:40], *PAIRS[:1], {**PAIRS[0], "rejected": None}, *PAIRS[40:]]
    assert list(finding_lines(draft_of(repeated))) == [
        "Model     llama",
        "Template  none: the strings are trained on as they stand",
        "End       . ends an answer",
        "Rows      62, 40 usable to train on; no pairs: a text is null: 1; 1 repeat one before them",
        "Shape     strings, two responses a row",
        "Lengths   50 %, 95 %, 100 % of the pairs have at most:",
        "          11, 11, 11 tokens in the prompt",
        "          19, 19, 19 tokens in prompt and longer response",
        "Device    a test; the model's size is not known, so neither is whether training fits",
        "Held out  20 pairs, one for each prompt that is not trained on",
    ]


def test_what_is_not_held_out_is_told(draft_of):
    *_, last = finding_lines(draft_of(PAIRS, hold_out=False))
    assert last == "Held out  nothing: the suite measures word problems that come with the package"
