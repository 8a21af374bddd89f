"""Things that leave a mark when they are run, to see that they are not."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest


class Bomb:
    """Makes a file when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self._mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self._mark,)


def pickled_bomb(mark: Path) -> bytes:
    """A pickle that makes the file ``mark`` where it is loaded, and is no dictionary of weights."""
    return pickle.dumps({"weights": Bomb(mark)})


def torch_bomb(path: Path, mark: Path) -> None:
    """A file in the form of ``torch.save`` that holds the pickle."""
    import torch

    torch.save({"weights": Bomb(mark)}, path)


@pytest.fixture
def mark(tmp_path: Path) -> Path:
    """A file that must not be there in the end."""
    return tmp_path / "it ran"
