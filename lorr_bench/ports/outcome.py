"""Which keys of a suite change what is computed, and so belong to the digest of a stage.

``plan`` makes the digests; this says of each key which side it is on, for whoever reads about it. A test
changes every key and holds the two together.
"""

from __future__ import annotations

from typing import Final

from pydantic import BaseModel

from lorr_bench.ports.trainer import places_of

WITHOUT_OUTCOME: Final = (
    "name",
    "description",
    "device",
    "variants",
    "data.pairs.streaming",
    "budget.equal",
    "budget.limits",
    "evaluation.math.name",
    "evaluation.math.like",
    "evaluation.math.prompt",
    "evaluation.math.sizes",
    "evaluation.general.name",
    "evaluation.general.trust_remote_code",
    "evaluation.keep_answers",
    "analysis",
    "published",
    "tuning.benchmark.name",
    "tuning.benchmark.like",
    "tuning.benchmark.prompt",
    "tuning.benchmark.sizes",
    "tuning.benchmark.cluster_column",
    "engine.kv_cache_gib",
    "engine.gpu_memory_utilization",
    "engine.enforce_eager",
    "engine.tensor_parallel_size",
    "engine.data_parallel_size",
    "training.save_steps",
    "training.deterministic",
    "training.diagnostics",
    "execution",
    "methods.NAME.like",
)
"""Keys, each with all below it, that change no result: they name, refuse, show, or say how work is done. Also
those that stand for other keys (``like``, ``prompt``), because what they stand for counts."""


def changes_results(key: str, hyperparameters: type[BaseModel] | None = None) -> bool:
    """Whether another value of a key makes a stage other work.

    Args:
        key: Its place in a suite, such as ``evaluation.math.limit``; or that of a hyper-parameter.
        hyperparameters: The model of the adapter whose hyper-parameter it is; None for a key of the suite.
    """
    if hyperparameters is not None:
        return key not in places_of(hyperparameters)
    return not any(key == name or key.startswith(f"{name}.") for name in WITHOUT_OUTCOME)
