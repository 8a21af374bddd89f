"""Train in several processes of this machine: replicated (DDP) or sharded (FSDP2, DeepSpeed's ZeRO).

``accelerate launch`` starts the ranks by a configuration file, and ends all of them when one fails. Trainers
that build on accelerate read from the environment what they are part of; files in a folder carry the rest.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from lorr_bench import errors
from lorr_bench.errors import LorrBenchError, LostError, MissingPackageError, StageError, SuiteError
from lorr_bench.plan.sharding import Sharding, library_of
from lorr_bench.ports.trainer import Progress
from lorr_bench.stages.training.rank import FAILURE, INTERVAL_SECONDS, ORDER, OUT_OF_MEMORY, OUTCOME, PROGRESS

_Launcher = subprocess.Popen[bytes]

RUN_ORDER: Final = "lorr_bench.stages.training.train:run_order"
CONFIG: Final = "accelerate.json"
STOP_SECONDS: Final = 20.0
LOG_TAIL_LINES: Final = 20
SHIPPED: Final = Path(__file__).parent / "accelerate"


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
        sharding: Name of a shipped configuration of accelerate, or what the user's own says.
        log: File to which the ranks' output is added.
        progress: Told what rank 0 tells.
        work: ``module:function`` of ``(order, progress)`` that does the work of one rank.

    Raises:
        SuiteError: This machine lacks the devices for it.
        MissingPackageError: DeepSpeed is asked for and not installed.
        StageError: A rank failed; the message holds the end of the log.
        LostError: A rank was ended from outside.
        LorrBenchError: A rank failed in a way it can explain.
        MemoryError: A rank had too little memory.
    """
    check_devices(num_processes, sharding)
    environment = rank_environment(os.environ, num_processes)
    with tempfile.TemporaryDirectory(prefix="lorr-bench-ranks-") as name:
        folder = Path(name)
        (folder / ORDER).write_text(json.dumps({"work": work, "order": dict(order)}), "utf-8")
        with log.open("ab") as output:
            launcher = _launch(folder, num_processes, config_file(sharding, folder), environment, output)
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
        MissingPackageError: DeepSpeed is asked for and not installed.
    """
    import torch

    library = library_of(sharding)
    if library == "deepspeed" and importlib.util.find_spec("deepspeed") is None:
        raise MissingPackageError(
            "DeepSpeed is not installed",
            where="training.sharding",
            fix="pip install 'lorr-bench[deepspeed]', or use `sharding: fsdp`, which needs nothing else.",
        )
    devices = torch.accelerator.device_count() if torch.accelerator.is_available() else 0
    if 0 < devices < num_processes:
        raise SuiteError(
            f"{num_processes} processes need as many accelerators, this machine has {devices}",
            where="training.num_processes",
            fix=f"Set it to {devices} or fewer.",
        )
    if library == "fsdp" and not devices:
        raise SuiteError(
            "accelerate shards weights on accelerators only, this machine has none",
            where="training.sharding",
            fix="Use `sharding: ddp`, which trains replicas on a CPU too.",
        )


def rank_environment(own: Mapping[str, str], num_processes: int) -> dict[str, str]:
    """The environment of the ranks: they share threads, and no setting of the user changes how they shard.

    They see the GPUs of this process, and import nothing from the folder that a suite is run in.
    """
    kept = {name: value for name, value in own.items() if not name.startswith(("FSDP_", "ACCELERATE_"))}
    threads = int(own.get("OMP_NUM_THREADS", os.cpu_count() or 1))
    return {**kept, "OMP_NUM_THREADS": str(max(1, threads // num_processes)), "PYTHONSAFEPATH": "1"}


def config_file(sharding: Sharding, folder: Path) -> Path:
    """The configuration of accelerate; the user's own is written into the folder."""
    if isinstance(sharding, str):
        return SHIPPED / f"{sharding}.yaml"
    file = folder / CONFIG
    file.write_text(json.dumps(dict(sharding)), "utf-8")
    return file


def _launch(
    folder: Path, num_processes: int, config: Path, environment: Mapping[str, str], output: Any
) -> _Launcher:
    launcher = [sys.executable, "-m", "accelerate.commands.launch", "--config_file", str(config)]
    here = ["--num_processes", str(num_processes), "--num_machines", "1", "--main_process_port", "0"]
    kept = ["--log_dir", str(folder / "logs")]  # else torch makes a folder that nobody removes
    return subprocess.Popen(
        [*launcher, *here, *kept, "-m", "lorr_bench.stages.training.rank", str(folder)],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        env=dict(environment),
        cwd=folder,  # for DeepSpeed, accelerate lets the ranks import from the current folder
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


def _failure(folder: Path, code: int, log: Path) -> LorrBenchError | MemoryError:
    """The failure that a rank explained first; those it took along failed later."""
    if (short := folder / OUT_OF_MEMORY).exists():
        return MemoryError(short.read_text("utf-8"))
    told = sorted(folder.glob(FAILURE.format(rank="*")), key=lambda file: file.stat().st_mtime_ns)
    if told:
        reason = json.loads(told[0].read_text("utf-8"))
        kind: type[LorrBenchError] = getattr(errors, reason["kind"], StageError)
        return kind(reason["what"], where=reason["where"], fix=reason["fix"] or _tail(log))
    return LostError(
        f"a rank was ended from outside, most often because memory ran out (exit code {code})",
        where=str(log),
        fix=_tail(log),
    )


def _tail(log: Path) -> str:
    lines = log.read_text("utf-8", errors="replace").splitlines()[-LOG_TAIL_LINES:]
    return "\n  ".join([f"The end of {log}:", *lines])
