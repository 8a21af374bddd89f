"""Change any byte of any file that a run reads: the digests of the stages that read it change.

The files are those that the processes of a real run opened, not a list.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from byte_model import write_byte_model
from installed import needs_vllm
from traced_opens import TRACE, Watched, traced, write_hook

from lorr_bench.errors import LorrBenchError
from lorr_bench.plan.identity.model_files import is_read
from lorr_bench.plan.plan import make_plan
from lorr_bench.run.driver import Driver
from lorr_bench.run.local import LocalExecutor, WorkerProcess, log_file
from lorr_bench.run.state import Journal
from lorr_bench.spec.load import load_suite
from lorr_bench.store.store import Store

pytestmark = [
    pytest.mark.slow,
    needs_vllm,
    pytest.mark.skipif(sys.platform != "linux", reason="the kernel's watch is Linux's"),
]

ROOT = Path(__file__).parents[2]
UNCHECKED = (
    "from lorr_bench.plan.identity.unchanged import Inputs; Inputs.check = lambda *_: None; "
    "from lorr_bench.run.worker import main; main()"
)
WORKER = (sys.executable, "-P", "-c", UNCHECKED)
"""A worker that does not look whether files are what they were: that reads all of them, used or not."""
TEMPLATE = (
    "{% for turn in messages %}{{ turn['role'] }}: {{ turn['content'] }}\n{% endfor %}"
    "{{ strftime_now('%Y') }}{% if add_generation_prompt %} assistant:{% endif %}"
)
COVERED = {
    Path(sys.prefix): "packages: their versions are parameters, and the lock's digest is in each record",
    Path(sys.base_prefix): "Python itself: its version is in each record",
    ROOT: "this project's code: its numbers for stages and adapters, and its version, are parameters",
    Path("/proc"): "the machine",
    Path("/sys"): "the machine",
    Path("/dev"): "the machine",
    Path("/etc"): "the machine",
    Path("/usr"): "the machine",
    Path("/lib"): "the machine",
    Path("/bin"): "the machine",
    Path("/opt"): "the machine",
    Path("/run"): "the machine",
    Path.home() / ".cache": "what libraries made of what they had read",
    Path.home() / ".triton": "what libraries made of what they had read",
    Path.home() / ".config": "settings of vLLM's own telemetry, which is off",
}
"""Where else a run reads, and why no digest holds it."""
SIDE_FILES = {
    "README.md": "# A model",
    "LICENSE": "None",
    "merges.txt": "#version: 0.2\n",
    "added_tokens.json": "{}",
    "special_tokens_map.json": '{"eos_token": "<end>", "pad_token": "<end>"}',
    "trainer_state.json": "{}",
    "pytorch_model.bin": "no pickle",
    "original/params.json": "{}",
    "chat_template.jinja": TEMPLATE,
    "chat_templates/tool_use.jinja": TEMPLATE,
}
TASK = {
    "task": "outside",
    "dataset_path": "json",
    "test_split": "test",
    "fewshot_split": "train",
    "num_fewshot": 1,
    "output_type": "multiple_choice",
    "doc_to_text": "{{question}}",
    "doc_to_choice": ["yes", "no"],
    "doc_to_target": "answer",
    "process_docs": "FUNCTION",
    "metric_list": [{"metric": "acc", "aggregation": "mean", "higher_is_better": True}],
    "metadata": {"version": 1.0},
}


def write_lines(path: Path, rows: list[dict[str, object]]) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return str(path)


def write_judge(folder: Path) -> None:
    """A reward model of random weights, with the tokenizer of the byte model."""
    import torch
    from transformers import AutoConfig, LlamaForSequenceClassification

    write_byte_model(folder)
    config = AutoConfig.from_pretrained(folder, num_labels=1, initializer_range=0.5)
    (folder / "model.safetensors").unlink()
    torch.manual_seed(1)
    LlamaForSequenceClassification(config).save_pretrained(folder)


def write_inputs(folder: Path) -> Path:
    """A suite and all that it names; the data of its lm-eval task lie outside the task's folder."""
    write_byte_model(folder / "model")
    write_judge(folder / "judge")
    for name, text in SIDE_FILES.items():
        for model in ("model", "judge"):
            (folder / model / name).parent.mkdir(exist_ok=True)
            (folder / model / name).write_text(text, "utf-8")
    questions = [{"question": f"Is {i} even?", "answer": i % 2} for i in range(6)]
    data = {
        "test": write_lines(folder / "far" / "questions.jsonl", questions[:3]),
        "train": "start/examples.jsonl",  # counts from where the command is started
    }
    write_lines(folder / "start" / "examples.jsonl", questions[3:])
    options = {"data_files": data, "cache_dir": str(folder.parent / "prepared")}
    (folder / "tasks").mkdir()
    text = yaml.safe_dump({**TASK, "dataset_kwargs": options})
    (folder / "far" / "base").write_text(text.replace("FUNCTION", "!function chosen.all_of"), "utf-8")
    (folder / "tasks" / "outside.yaml").write_text("include: ../far/base\n", "utf-8")
    (folder / "far" / "chosen.py").write_text("def all_of(rows):\n    return rows\n", "utf-8")
    (folder / "tasks" / "unused.yaml").write_text("task: unused\n", "utf-8")
    problems = [{"problem": f"{i} + 2 =", "answer": str(i + 2)} for i in range(12)]
    write_lines(folder / "prompts.jsonl", problems)
    write_lines(folder / "benchmark.jsonl", problems[:2])
    return write_suite(folder)


def write_suite(folder: Path) -> Path:
    training = {"per_device_train_batch_size": 4, "max_length": 96}
    suite = {
        "name": "traced",
        "model": "model",
        "seeds": [0],
        "data": {
            "collect": {
                "source": "prompts.jsonl",
                "num_prompts": 8,
                "num_samples": 2,
                "max_tokens": 4,
                "truncated": "pair",
                "chat_template": True,
                "reward_model": {"path": "judge"},
                "pair_rule": "best_worst",
            }
        },
        "budget": {"unique_pairs": [4]},
        "methods": {"dpo": training, "native": {"adapter": "dpo", "backend": "native", **training}},
        "plugins": {"plain": {}},
        "evaluation": {
            "math": [
                {
                    "name": "mine",
                    "source": "benchmark.jsonl",
                    "max_tokens": 4,
                    "chat_template": True,
                    "cluster_column": "answer",
                },
            ],
            "general": [
                {
                    "tasks": ["outside"],
                    "include_path": "tasks",
                    "trust_remote_code": True,
                    "limit": 2,
                    "cluster_column": "answer",
                },
            ],
        },
        "engine": {"max_model_len": 512},
        "execution": {"workers": 1, "attempts": 1},
    }
    path = folder / "suite.yaml"
    path.write_text(yaml.safe_dump(suite), "utf-8")
    return path


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """Run the suite once, and see what its processes open; planning, which reads all, is over by then."""
    place = tmp_path_factory.mktemp("traced")
    folder = place / "inputs"
    folder.mkdir()
    path = write_inputs(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        hook = str(write_hook(place / "hook"))
        patch.setenv("PYTHONPATH", os.pathsep.join([hook, *filter(None, [os.environ.get("PYTHONPATH")])]))
        patch.setenv(TRACE, str(place / "opens"))
        plan = make_plan(load_suite(path))
        with Watched(folder) as watched:
            state = drive(plan, place)
        assert state.failed == {}, "".join(log.read_text("utf-8")[-3000:] for log in place.glob("logs/*/*"))
        opens = traced(place / "opens")
        made = SimpleNamespace(place=place, folder=folder, path=path, plan=plan, opens=opens)
        made.inputs = sorted(
            {file for file in {*opens, *watched.opened} if below(file, folder) and file.is_file()}
        )
        made.native = watched.opened - set(opens)
        yield made


def drive(plan, place: Path):
    return Driver(
        plan,
        Store(place / "store"),
        LocalExecutor(plan.suite, (), 2, partial(WorkerProcess, command=WORKER)),
        watcher=lambda _: None,
        journal=Journal(place / "state"),
        logs=place / "logs",
        execution=plan.suite.execution,
    ).run()


def below(file: Path, folder: Path) -> bool:
    return file.is_relative_to(folder) or file.resolve().is_relative_to(folder.resolve())


def test_the_trace_sees_python_native_code_and_every_kind_of_input(run) -> None:
    names = {str(file.relative_to(run.folder)) for file in run.inputs}
    expected = {
        "model/config.json",
        "model/model.safetensors",
        "model/tokenizer.json",
        "model/chat_template.jinja",
        "model/generation_config.json",
        "judge/model.safetensors",
        "judge/tokenizer.json",
        "prompts.jsonl",
        "benchmark.jsonl",
        "tasks/outside.yaml",
        "far/base",
        "far/questions.jsonl",
        "start/examples.jsonl",
    }
    assert expected <= names
    assert run.native  # the kernel saw what Python's hook did not: weights that native code maps


def test_no_file_of_a_model_is_read_that_is_left_out_of_its_identity(run) -> None:
    models = [run.folder / "model", run.folder / "judge"]
    read = [file.relative_to(model) for model in models for file in run.inputs if file.is_relative_to(model)]
    assert len(read) > 10
    assert [file for file in read if not is_read(file)] == []


def test_everything_else_that_is_read_is_covered_by_a_rule(run) -> None:
    outputs = [run.place, Path(tempfile.gettempdir())]
    elsewhere = {
        file
        for file in run.opens
        if file.is_file() and not any(below(file, folder) for folder in (run.folder, *outputs, *COVERED))
    }
    assert elsewhere == set()


def flipped(file: Path) -> Iterator[None]:
    """Change the first, the middle and the last byte of a file, each alone; its time stays as it was."""
    whole, times = file.read_bytes(), (file.stat().st_atime_ns, file.stat().st_mtime_ns)
    try:
        for place in sorted({0, len(whole) // 2, len(whole) - 1}):
            file.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
            os.utime(file, ns=times)
            yield
    finally:
        file.write_bytes(whole)
        os.utime(file, ns=times)


def test_any_byte_of_any_file_that_is_read_changes_the_stages_that_read_it(run) -> None:
    stages = {str(log_file(run.place / "logs", stage)): stage for stage in run.plan.stages}
    before = {stage.digest for stage in run.plan.stages}
    assert {stage.digest for stage in make_plan(load_suite(run.path)).stages} == before
    missed, bytes_changed = [], 0
    for file in run.inputs:
        readers = {stages[log].digest for log in run.opens.get(file, ()) if log in stages}
        for _ in flipped(file):
            bytes_changed += 1
            try:
                after = {stage.digest for stage in make_plan(load_suite(run.path)).stages}
            except LorrBenchError:
                continue  # noticed: nothing runs
            if after == before or after & readers:
                missed.append(
                    (file.name, [stage.label for stage in run.plan.stages if stage.digest in after])
                )
    print(f"{len(run.inputs)} files, {bytes_changed} bytes changed: {[f.name for f in run.inputs]}")  # noqa: T201
    assert missed == []
    assert len(run.inputs) >= 20
    assert {stage.digest for stage in make_plan(load_suite(run.path)).stages} == before


def test_a_file_that_nothing_reads_and_is_on_the_list_changes_nothing(run) -> None:
    before = {stage.digest for stage in run.plan.stages}
    for name in ("README.md", "LICENSE", "trainer_state.json", "pytorch_model.bin", "original/params.json"):
        for _ in flipped(run.folder / "model" / name):
            assert {stage.digest for stage in make_plan(load_suite(run.path)).stages} == before
