"""What the GPU scripts share: their options, the device in words, and the one line that they end with."""

from __future__ import annotations

import argparse
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


class WrongError(Exception):
    """What was measured is not what was promised; says both."""


@dataclass(frozen=True)
class Options:
    """How a script is run.

    Attributes:
        toy: At the smallest size that still shows the subject, for tests.
        device: ``cuda`` where there is a GPU, else ``cpu``.
        shapes: Which models of ``random_models.SHAPES`` to measure; none for the script's own.
    """

    toy: bool
    device: str
    shapes: tuple[str, ...] = ()


def run(measure: Callable[[Options], str], document: str | None) -> None:
    """Run one script: print ``pass`` with what it measured, or ``FAIL`` with what was wrong, and exit.

    Args:
        measure: What the script does; returns its figures in one line, and raises ``WrongError``.
        document: The script's docstring, shown by ``--help``.
    """
    parser = argparse.ArgumentParser(
        description=document, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--toy", action="store_true", help="the smallest size, for a CPU as well")
    parser.add_argument("--shapes", nargs="+", default=(), help="models by size, where a script has several")
    name = Path(sys.argv[0]).stem
    arguments = parser.parse_args()
    options = Options(arguments.toy, _device(), tuple(arguments.shapes))
    try:
        print(f"{name}: pass on {device_name()}: {measure(options)}", flush=True)
    except WrongError as error:
        _fail(name, str(error))
    except Exception as error:  # noqa: BLE001 - what breaks is a result too, and told in the same line
        traceback.print_exc()
        _fail(name, f"{type(error).__name__}: {error}")


def device_name() -> str:
    """The GPU's name, or ``CPU``."""
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU"


def _device() -> str:
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def _fail(name: str, reason: str) -> None:
    print(f"{name}: FAIL on {device_name()}: {' '.join(reason.split())}", flush=True)
    sys.exit(1)
