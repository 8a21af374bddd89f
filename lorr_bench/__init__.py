"""lorr-bench: preference optimization with and without LoRR, compared under an equal data budget.

From Python: ``run_suite``, ``load_results`` and ``report_frames``, which ``docs/python.md`` shows.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"
__all__ = ["load_results", "report_frames", "run_suite"]


def __getattr__(name: str) -> Any:
    """What is public; imported only when it is asked for, so that commands start quickly."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.notebook"), name)
