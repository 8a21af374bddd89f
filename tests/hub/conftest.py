"""The Hub of the tests, and commands that are run against it: in processes of their own, because libraries read
the Hub's address once, when they are imported."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest
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
    """A Hub, a folder with a suite that names things on it, and a cache of the Hub's client.

    Attributes:
        hub: The Hub.
        folder: Holds ``suite.yaml``, its task files, and what commands write.
    """

    hub: Hub
    folder: Path

    def commands(
        self, *each: tuple[list[str], dict[str, str]], offline: bool = False
    ) -> list[SimpleNamespace]:
        """Run several commands in one process; gives the ``code``, ``out`` and ``err`` of each.

        Args:
            each: The words of a command, and what it has in its environment besides.
            offline: Whether the Hub's client may ask nobody.
        """
        done = self.python(str(HERE / "many_commands.py"), offline=offline, told=json.dumps(each))
        return [SimpleNamespace(**values) for values in json.loads(done.splitlines()[-1])]

    def python(self, *arguments: str, offline: bool = False, told: str = "") -> str:
        """What a Python program prints that knows this Hub and no other."""
        done = subprocess.run(
            [sys.executable, *arguments],
            input=told,
            capture_output=True,
            check=False,
            text=True,
            cwd=self.folder,
            timeout=1200,
            env=self._environment(offline=offline),
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def _environment(self, *, offline: bool) -> dict[str, str]:
        own = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("HF_", "TRANSFORMERS_")) and not name.lower().endswith("_proxy")
        }
        return {
            **own,
            "HF_HOME": str(self.folder / "home"),
            "HF_ENDPOINT": self.hub.url,
            "HF_HUB_OFFLINE": "1" if offline else "0",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "PYTHONPATH": os.pathsep.join([str(HERE.parent), own.get("PYTHONPATH", "")]),
        }


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, small_model: Path) -> Iterator[Place]:
    """A Hub that serves until the tests of a file are done."""
    folder = tmp_path_factory.mktemp("hub")
    (folder / "suite.yaml").write_text(SUITE, "utf-8")
    (folder / "tasks").mkdir()
    (folder / "tasks" / "arc.yaml").write_text(TASK, "utf-8")
    with serving(Hub()) as hub:
        fill(hub, small_model)
        yield Place(hub, folder)
