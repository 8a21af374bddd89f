"""A small valid suite for the tests of the suite file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

SUITE = """\
name: tiny
model: nano
seeds: [0, 1]
data:
  collect:
    source: nano/train
    num_prompts: 100
    max_tokens: 32
budget:
  unique_pairs: [16, 64]
methods:
  dpo:
    beta: 0.1
    learning_rate: 1e-4
  simpo:
plugins:
  plain:
  lorr: {reset: off}
evaluation:
  math:
    - name: nano
      source: nano/hard
      max_tokens: 32
"""


@pytest.fixture
def write_suite(tmp_path: Path) -> Callable[..., Path]:
    """Write the suite with one piece of its text replaced; returns the file."""

    def write(old: str = "", new: str = "") -> Path:
        assert old in SUITE
        path = tmp_path / "suite.yaml"
        path.write_text(SUITE.replace(old, new, 1) if old else SUITE, encoding="utf-8")
        return path

    return write
