"""Train in several processes of this machine: replicated (DDP) or sharded (FSDP2).

``torch.distributed.run`` starts the ranks and ends all of them when one fails. Trainers that build on
accelerate read from the environment what they are part of; files in a folder carry the rest.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal

from lorr_bench import errors
from lorr_bench.errors import LorrBenchError, StageError, SuiteError
from lorr_bench.ports.trainer import Progress
from lorr_bench.stages.rank import FAILURE, INTERVAL_SECONDS, ORDER, OUTCOME, PROGRESS

Sharding = Literal["ddp", "fsdp"]
_Launcher = subprocess.Popen[bytes]

RUN_ORDER: Final = "lorr_bench.stages.train:run_order"
STOP_SECONDS: Final = 20.0
LOG_TAIL_LINES: Final = 20
FSDP: Final = {
    "ACCELERATE_USE_FSDP": "true",
    "FSDP_VERSION": "2",
    "FSDP_AUTO_WRAP_POLICY": "TRANSFORMER_BASED_WRAP",
    "FSDP_STATE_DICT_TYPE": "FULL_STATE_DICT",
    # Every rank reads the weights itself: anchor and diagnostics look at them before they are sharded.
    "FSDP_CPU_RAM_EFFICIENT_LOADING": "false",
}


def train_in_processes(
    order: Mapping[str, Any],
    num_processes: int,
    sharding: Sharding,
    log: Path,
    progress: Progress,
    *,
    work: str = RUN_ORDER,
) -> dict[str, Any]:
    """Let every rank do the work, and return what rank 0 returned.

    Args:
        order: What to do, as plain JSON values.
        num_processes: How many ranks.
        sharding: ``ddp`` keeps a replica of the model on each rank, ``fsdp`` a shard.
        log: File to which the ranks' output is added.
        progress: Told what rank 0 tells.
        work: ``module:function`` of ``(order, progress)`` that does the work of one rank.

    Raises:
        SuiteError: This machine lacks the devices for it.
        StageError: A rank failed or was killed; the message holds the end of the log.
        LorrBenchError: A rank failed in a way it can explain.
    """
    check_devices(num_processes, sharding)
    environment = rank_environment(os.environ, num_processes, sharding)
    with tempfile.TemporaryDirectory(prefix="lorr-bench-ranks-") as name:
        folder = Path(name)
        (folder / ORDER).write_text(json.dumps({"work": work, "order": dict(order)}), "utf-8")
        with log.open("ab") as output:
            launcher = _launch(folder, num_processes, environment, output)
        try:
            code = _wait(launcher, folder / PROGRESS, progress)
        finally:
            _stop(launcher)
        if code:
            raise _failure(folder, code, log)
        outcome: dict[str, Any] = json.loads((folder / OUTCOME).read_text("utf-8"))
    return outcome


def check_devices(num_processes: int, sharding: Sharding) -> None:
    """Refuse what the libraries would fail at later, or do otherwise without a word.

    Raises:
        SuiteError: There are fewer accelerators than ranks, or none to shard on.
    """
    import torch

    devices = torch.accelerator.device_count() if torch.accelerator.is_available() else 0
    if 0 < devices < num_processes:
        raise SuiteError(
            f"{num_processes} processes need as many accelerators, this machine has {devices}",
            where="training.num_processes",
            fix=f"Set it to {devices} or fewer.",
        )
    if sharding == "fsdp" and not devices:
        raise SuiteError(
            "weights are sharded on accelerators only, this machine has none",
            where="training.sharding",
            fix="Use `sharding: ddp`, which trains replicas on a CPU too.",
        )


def rank_environment(own: Mapping[str, str], num_processes: int, sharding: Sharding) -> dict[str, str]:
    """The environment of the ranks; no setting of the user changes how they shard, and they share threads."""
    kept = {name: value for name, value in own.items() if not name.startswith(("FSDP_", "ACCELERATE_"))}
    threads = int(own.get("OMP_NUM_THREADS", os.cpu_count() or 1))
    kept["OMP_NUM_THREADS"] = str(max(1, threads // num_processes))
    return {**kept, **FSDP} if sharding == "fsdp" else kept


def _launch(folder: Path, num_processes: int, environment: Mapping[str, str], output: Any) -> _Launcher:
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    return subprocess.Popen(
        [*launcher, "--nproc-per-node", str(num_processes), "-m", "lorr_bench.stages.rank", str(folder)],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        env=dict(environment),
    )


def _wait(launcher: _Launcher, told: Path, progress: Progress) -> int:
    """The exit code; progress is passed on meanwhile."""
    last = ""
    while True:
        code = launcher.poll()
        if told.exists() and (now := told.read_text("utf-8")) != last:
            last = now
            progress(*json.loads(now))
        if code is not None:
            return code
        time.sleep(INTERVAL_SECONDS)


def _stop(launcher: _Launcher) -> None:
    """End a launcher that still runs; it ends its ranks, or they end because it is gone."""
    if launcher.poll() is None:
        launcher.terminate()
        try:
            launcher.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            launcher.kill()
            launcher.wait()


def _failure(folder: Path, code: int, log: Path) -> LorrBenchError:
    """The failure that a rank explained first; those it took along failed later."""
    told = sorted(folder.glob(FAILURE.format(rank="*")), key=lambda file: file.stat().st_mtime_ns)
    if told:
        reason = json.loads(told[0].read_text("utf-8"))
        kind: type[LorrBenchError] = getattr(errors, reason["kind"], StageError)
        return kind(reason["what"], where=reason["where"], fix=reason["fix"] or _tail(log))
    return StageError(
        f"a rank was ended from outside, most often because memory ran out (exit code {code})",
        where=str(log),
        fix=_tail(log),
    )


def _tail(log: Path) -> str:
    lines = log.read_text("utf-8", errors="replace").splitlines()[-LOG_TAIL_LINES:]
    return "\n  ".join([f"The end of {log}:", *lines])
