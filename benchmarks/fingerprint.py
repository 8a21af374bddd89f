"""What the proof of a swap costs on the embedded model, beside the swap itself.

    python benchmarks/fingerprint.py [--swaps 50]

Prints medians: the swap of weights in a running engine, the proof after it, and the taking of a fingerprint
by transformers, which happens once for each trained model.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from lorr_bench.generate.engine import Engine, EngineSettings
from lorr_bench.generate.fingerprint import Fingerprint, take_fingerprint
from lorr_bench.plan.identity.origins import NANO_MODEL
from lorr_bench.ports.trainer import StartModel


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--swaps", type=int, default=50)
    swaps = parser.parse_args().swaps
    with tempfile.TemporaryDirectory() as folder:
        models = [str(NANO_MODEL), changed_model(Path(folder))]
        prints = [fingerprint(model) for model in models]
        engine = Engine(models[0], None, EngineSettings("float32", 128, 1, 0.5, True, False))
        check(engine, prints[0])  # compiles what scores
        swap, proof, taking = [], [], []
        for number in range(1, swaps + 1):
            model, expected = models[number % 2], prints[number % 2]
            swap.append(seconds(partial(engine.load, model, None)))
            proof.append(seconds(partial(check, engine, expected)))
            taking.append(seconds(partial(fingerprint, model)))
    for name, measured in (("swap", swap), ("proof", proof), ("fingerprint", taking)):
        print(f"{name:12} {1000 * statistics.median(measured):6.1f} ms, median of {swaps}")
    print(f"proof / swap {statistics.median(proof) / statistics.median(swap):.2f}")


def changed_model(folder: Path) -> str:
    """The embedded model with other weights, embeddings included."""
    import torch
    from safetensors.torch import load_file, save_file

    shutil.copytree(NANO_MODEL, folder / "changed")
    file = folder / "changed" / "model.safetensors"
    generator = torch.Generator().manual_seed(0)
    weights = load_file(file)
    for weight in weights.values():
        weight.add_(torch.randn(weight.shape, generator=generator), alpha=0.01)
    save_file(weights, file, metadata={"format": "pt"})
    return str(folder / "changed")


def fingerprint(model: str) -> Fingerprint:
    """That of a folder."""
    return take_fingerprint(StartModel(model, None, "float32", trust_remote_code=False))


def check(engine: Engine, expected: Fingerprint) -> None:
    """Prove what the engine holds.

    Raises:
        SystemExit: It does not.
    """
    if fault := engine.disagreement(expected):
        raise SystemExit(fault)


def seconds(work: Callable[[], object]) -> float:
    """How long a call takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
