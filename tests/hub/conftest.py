"""The Hub of the tests, and commands that are run against it: in processes of their own, because libraries read
once, when they are imported, whether they may ask."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest
from command_line import lorr_bench_warm
from hub_contents import fill
from local_hub import Hub, serving

HERE = Path(__file__).parent
SUITE = """
name: from-the-hub
model: tiny/model
seeds: [0]
data:
  pairs: {source: tiny/pairs, subset: easy, split: train}
budget: {equal: data, unique_pairs: [8]}
methods:
  dpo: {learning_rate: 1.0e-3, beta: 0.1, per_device_train_batch_size: 8, max_length: 128}
plugins:
  plain:
evaluation:
  math: [{name: gsm8k, limit: 2, max_tokens: 4}]
  general: [{name: arc, tasks: [arc_of_the_hub], include_path: tasks, limit: 2}]
engine: {max_model_len: 128}
"""
TASK = """
task: arc_of_the_hub
dataset_path: allenai/ai2_arc
dataset_name: ARC-Easy
output_type: multiple_choice
test_split: test
doc_to_text: "{{question}}"
doc_to_target: "{{choices.label.index(answerKey)}}"
doc_to_choice: "{{choices.text}}"
metric_list: [{metric: acc, aggregation: mean, higher_is_better: true}]
metadata: {version: 1.0}
"""


@dataclass
class Place:
    """A Hub, and a folder with a suite that names things on it.

    Attributes:
        hub: The Hub.
        folder: Holds ``suite.yaml``, its task files, and what commands write.
    """

    hub: Hub
    folder: Path

    def online(self, *each: tuple[list[str], dict[str, str]]) -> list[SimpleNamespace]:
        """Run several commands in one process that asks the Hub; gives the ``code``, ``out`` and ``err`` of each.

        Args:
            each: The words of a command, and what it has in its environment besides.
        """
        done = subprocess.run(
            [sys.executable, str(HERE / "many_commands.py")],
            input=json.dumps(each),
            capture_output=True,
            check=False,
            text=True,
            cwd=self.folder,
            timeout=1200,
            env={
                **{name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")},
                "HF_HUB_OFFLINE": "0",
                "PYTHONPATH": os.pathsep.join([str(HERE.parent), os.environ.get("PYTHONPATH", "")]),
            },
        )
        assert done.returncode == 0, done.stderr
        return [SimpleNamespace(**values) for values in json.loads(done.stdout.splitlines()[-1])]

    def offline(self, words: list[str]) -> SimpleNamespace:
        """Run a command that may ask nobody."""
        done = lorr_bench_warm(*words, cwd=self.folder)
        return SimpleNamespace(code=done.returncode, out=done.stdout, err=done.stderr)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, small_model: Path) -> Iterator[Place]:
    """A Hub that serves until the tests of a file are done, and of which the client's cache knows nothing before."""
    shutil.rmtree(os.environ["HF_HOME"], ignore_errors=True)
    folder = tmp_path_factory.mktemp("hub")
    (folder / "suite.yaml").write_text(SUITE, "utf-8")
    (folder / "tasks").mkdir()
    (folder / "tasks" / "arc.yaml").write_text(TASK, "utf-8")
    with serving(Hub()) as hub:
        fill(hub, small_model)
        yield Place(hub, folder)
