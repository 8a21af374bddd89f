"""Kill a run again and again, continue it, and compare what it leaves with a run that nobody disturbed.

``python benchmarks/kills.py --output FOLDER``, about an hour on two cores. The smoke suite runs once
undisturbed. Then it runs in another folder and is killed: at random moments by SIGKILL (the command alone,
its process group, or every process of the run at once), after every stage that it stores, and by SIGTERM and
SIGINT. After each kill it is continued, until it has finished; then the folder is wiped and it begins anew.
Moments are uniform over the time that the run still needs, counted generously.

After each kill no process of the run may be left, and every stored result must be whole; after SIGTERM and
SIGINT the exit code must be 130, with one line, without a traceback, and the lock released. After each run
that finished, every file in the store must equal the undisturbed run's byte for byte, and so must the tables
of the report, except for ``VOLATILE_RECORD``, ``VOLATILE_FILES`` and ``VOLATILE_COLUMNS``: times, memory and
the date. Ends with exit code 1 where anything is not so.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import itertools
import json
import os
import random
import re
import shutil
import signal
import statistics
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[1]
MARK: Final = "LORR_BENCH_KILL_TEST"
GRACE_SECONDS: Final = 15.0
INTERRUPTED: Final = 130
LOCK: Final = "lock"
MESSAGE: Final = re.compile(
    r"^Interrupted\.( \d+ of \d+ stages are done and kept\.)? The same command continues\.$", re.MULTILINE
)
MAX_LIFE_SECONDS: Final = 600.0
AGAIN: Final = 0.5
"""Share of an undisturbed run that a continued one needs at most for what it does again, such as imports."""

VOLATILE_RECORD: Final = (
    ("checksum",),  # of the record itself
    ("started",),
    ("wall_seconds",),
    ("outcome", "parts"),  # seconds
    ("outcome", "spend", "wall_seconds"),
    ("outcome", "spend", "peak_memory_bytes"),
)
VOLATILE_FILES: Final = {"evaluate_general/results.json": ("date",)}
"""Keys of JSON files that hold the time of day, by kind of stage and name; lm-eval writes it."""
VOLATILE_COLUMNS: Final = ("wall_seconds", "peak_memory_bytes")
"""Beginnings of the names of columns in tables of the report."""


# --- processes ------------------------------------------------------------------------------------------


class Run:
    """A run of a suite, with everything that it starts.

    Args:
        command: What to start.
        log: Folder for what it prints.
        popen: Starts it, as ``subprocess.Popen`` does.
    """

    def __init__(
        self,
        command: Sequence[str],
        log: Path,
        popen: Callable[..., subprocess.Popen[bytes]] = subprocess.Popen,
    ) -> None:
        self._mark = uuid.uuid4().hex
        log.mkdir(parents=True, exist_ok=True)
        self._printed = log / f"{self._mark}.txt"
        with self._printed.open("wb") as printed:
            self.process = popen(
                list(command),
                cwd=ROOT,
                env={**os.environ, MARK: self._mark},
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=printed,
                start_new_session=True,
            )
        self._sessions = {self.process.pid}

    @property
    def printed(self) -> str:
        """Everything that the command printed."""
        return self._printed.read_text("utf-8", errors="replace")

    def processes(self) -> list[int]:
        """All living processes of the run, whoever started them.

        They are known by a variable of their environment. Those that overwrite it to show a title, or were
        forked from a process without it, are known by their session: the command's, or one begun from that.
        """
        pids = map(int, filter(str.isdigit, os.listdir("/proc")))  # noqa: PTH208 - no path is needed
        living = {pid: found for pid in pids if (found := _parent_and_session(pid))}
        while more := {
            session
            for pid, (parent, session) in living.items()
            if session not in self._sessions and self._shows(pid, living.get(parent))
        }:
            self._sessions |= more
        return [pid for pid, (_, session) in living.items() if session in self._sessions]

    def _shows(self, pid: int, parent: tuple[int, int] | None) -> bool:
        """Whether this process shows that it is the run's: by its parent, or by its environment."""
        if parent and parent[1] in self._sessions:
            return True
        with suppress(OSError):
            return f"{MARK}={self._mark}".encode() in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        return False

    def strays(self) -> list[str]:
        """Processes that are left though the command has ended; they are killed after a time of grace."""
        deadline = time.monotonic() + GRACE_SECONDS
        while (left := self.processes()) and time.monotonic() < deadline:
            time.sleep(0.05)
        commands = [_command_of(pid) for pid in left]
        for pid in left:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return commands


def _parent_and_session(pid: int) -> tuple[int, int] | None:
    """Of a process that lives."""
    with suppress(OSError):
        words = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
        return None if words[0] == "Z" else (int(words[1]), int(words[3]))
    return None


def _command_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return "ended meanwhile"


def kill_command(run: Run) -> None:
    """SIGKILL for the command alone."""
    run.process.kill()


def kill_group(run: Run) -> None:
    """SIGKILL for the process group of the command, as a shell would."""
    os.killpg(run.process.pid, signal.SIGKILL)


def kill_all(run: Run) -> None:
    """SIGKILL for every process of the run at once, as nearly as a power cut can be had."""
    for pid in run.processes():
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def terminate(run: Run) -> None:
    """SIGTERM for the command, as a batch system sends it."""
    run.process.terminate()


def interrupt(run: Run) -> None:
    """SIGINT for the process group of the command, as Ctrl-C sends it."""
    os.killpg(run.process.pid, signal.SIGINT)


KILLS: Final[dict[str, tuple[Callable[[Run], None], ...]]] = {
    "SIGKILL": (kill_command, kill_group, kill_all),
    "SIGTERM": (terminate,),
    "SIGINT": (interrupt,),
}


# --- what is stored -------------------------------------------------------------------------------------


def results(store: Path) -> set[Path]:
    """Folders of finished stages, relative to the store."""
    return {path.parent.relative_to(store) for path in store.glob("*/*/record.json") if is_result(path)}


def is_result(record: Path) -> bool:
    """Whether a record lies where the results of a kind of stage lie, and not beside them."""
    return len(record.parent.name) == 20 and record.parent.parent.name not in ("drafts", "damaged")


def broken(store: Path) -> list[str]:
    """What is wrong with the results that show, by this script's own reading of them."""
    faults = [f"{folder} in damaged" for folder in store.glob("damaged/*")]
    for kind in store.iterdir() if store.is_dir() else ():
        for folder in kind.iterdir() if kind.is_dir() else ():
            if len(folder.name) == 20:
                faults += _faults(folder)
    return faults


def _faults(folder: Path) -> Iterator[str]:
    try:
        record = json.loads((folder / "record.json").read_text("utf-8"))
    except (OSError, ValueError) as error:
        yield f"{folder}: {error}"
        return
    freed = (folder / "freed.json").exists()
    for name, checksum in record["files"].items():
        if not (folder / name).exists() and freed:
            continue
        if not (folder / name).exists() or _sha256((folder / name).read_bytes()) != checksum:
            yield f"{folder}: {name}"


def contents(output: Path) -> dict[str, bytes]:
    """Everything that must be the same after every run, by path: results, and the tables of the report."""
    found = {}
    for folder in results(output / "store"):
        for file in (output / "store" / folder).rglob("*"):
            if file.is_file():
                name = file.relative_to(output).as_posix()
                found[name] = _lasting(folder.parent.name, file)
    for table in (output / "report").glob("*.csv"):
        found[f"report/{table.name}"] = _lasting_columns(table.read_text("utf-8"))
    return found


def _lasting(kind: str, file: Path) -> bytes:
    """A file without what differs from run to run."""
    keys = VOLATILE_FILES.get(f"{kind}/{file.name}", ())
    if file.name != "record.json" and not keys:
        return file.read_bytes()
    values = json.loads(file.read_text("utf-8"))
    paths = VOLATILE_RECORD if file.name == "record.json" else tuple((key,) for key in keys)
    for path in paths:
        _remove(values, path)
    if file.name == "record.json":
        for name in VOLATILE_FILES:
            if name.startswith(f"{kind}/"):
                values["files"].pop(name.partition("/")[2], None)  # its checksum
    return json.dumps(values, sort_keys=True).encode()


def _remove(values: Any, path: Sequence[str]) -> None:
    for key in path[:-1]:
        values = values.get(key, {})
    values.pop(path[-1], None)


def _lasting_columns(text: str) -> bytes:
    rows = list(csv.reader(io.StringIO(text)))
    kept = [place for place, name in enumerate(rows[0]) if not name.startswith(VOLATILE_COLUMNS)]
    return json.dumps([[row[place] for place in kept] for row in rows]).encode()


def differences(left: Mapping[str, bytes], right: Mapping[str, bytes]) -> list[str]:
    """Names of files that are on one side only, or not the same on both."""
    return sorted(name for name in left.keys() | right.keys() if left.get(name) != right.get(name))


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


# --- tests ----------------------------------------------------------------------------------------------


@dataclass
class Tally:
    """What came of one kind of kill.

    Attributes:
        kills: How many.
        begun: Runs that were begun on an empty folder.
        continued: Runs that went on from what an earlier one had left.
        compared: Runs that finished and were compared.
        equal: Those that left the same.
        done: Stages that were stored at the moment of the kill, one number for each.
        ways: How often each way of killing was used.
        ending: Seconds from the kill until no process was left.
        faults: What was wrong, in words.
    """

    kills: int = 0
    begun: int = 0
    continued: int = 0
    compared: int = 0
    equal: int = 0
    done: list[int] = field(default_factory=list)
    ways: Counter[str] = field(default_factory=Counter)
    ending: list[float] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


class Trial:
    """Kills runs of one suite.

    Args:
        command: Of a run, without its output folder.
        folder: For runs and logs.
        seed: Of moments.
    """

    def __init__(self, command: Sequence[str], folder: Path, seed: int) -> None:
        self._command = command
        self._folder = folder
        self._random = random.Random(seed)
        self._expected: dict[str, bytes] = {}
        self.seconds = 0.0
        self.stages = 0
        self.tallies: dict[str, Tally] = {}

    def undisturbed(self) -> None:
        """The run that the others are compared with.

        Raises:
            SystemExit: It failed.
        """
        started = time.monotonic()
        output = self._folder / "undisturbed"
        shutil.rmtree(output, ignore_errors=True)
        run = self._start(output)
        if run.process.wait() != 0:
            raise SystemExit(f"the undisturbed run failed:\n{run.printed}")
        self.seconds = time.monotonic() - started
        self._expected = contents(output)
        self.stages = len(results(output / "store"))

    def at_random(self, name: str, kills: int) -> None:
        """Kill at random moments, uniform over the time that the run still needs.

        Args:
            name: Of a signal.
            kills: How many in all.
        """
        ways = itertools.cycle(KILLS[name])
        moment = self._at_a_random_moment if name == "SIGKILL" else self._at_a_random_moment_of_work
        self._repeat(f"{name} at random moments", kills, ways, moment)

    def at_boundaries(self, kills: int | None) -> None:
        """Kill right after every stage that is stored.

        Args:
            kills: How many; by default as many as one run has stages.
        """
        ways = itertools.cycle(KILLS["SIGKILL"])
        wanted = self.stages if kills is None else kills
        self._repeat("SIGKILL at stage boundaries", wanted, ways, self._at_the_next_boundary)

    def _start(self, output: Path) -> Run:
        return Run([*self._command, "-o", str(output)], self._folder / "printed")

    def _repeat(
        self,
        name: str,
        kills: int,
        ways: Iterator[Callable[[Run], None]],
        moment: Callable[[Run, Path], bool],
    ) -> None:
        """Begin, kill, continue, compare, and begin anew, until there were so many kills and nothing runs."""
        tally = self.tallies.setdefault(name, Tally())
        output = self._folder / "killed"
        while tally.kills < kills:
            shutil.rmtree(output, ignore_errors=True)
            tally.begun += 1
            while not self._finishes(tally, output, kills, ways, moment):
                tally.continued += 1

    def _finishes(
        self,
        tally: Tally,
        output: Path,
        kills: int,
        ways: Iterator[Callable[[Run], None]],
        moment: Callable[[Run, Path], bool],
    ) -> bool:
        run = self._start(output)
        if tally.kills < kills and moment(run, output):
            way = next(ways)
            run.processes()  # from now on their sessions are known
            way(run)
            began = time.monotonic()
            code = run.process.wait()
            tally.faults += [f"left behind: {command}" for command in run.strays()]
            tally.ending.append(time.monotonic() - began)
            if code not in (0, 1):  # else it had ended by itself meanwhile
                tally.kills += 1
                tally.ways[way.__name__] += 1
                tally.done.append(len(results(output / "store")))
                tally.faults += self._faults_of(run, way, code, output)
                self._say(tally, way)
                return False
        self._compare(tally, run, output)
        return True

    def _faults_of(self, run: Run, way: Callable[[Run], None], code: int, output: Path) -> list[str]:
        faults = broken(output / "store")
        if way in KILLS["SIGKILL"]:
            return faults
        if code != INTERRUPTED:
            faults.append(f"exit code {code} after {way.__name__}")
        if not MESSAGE.search(run.printed) or "Traceback" in run.printed:
            faults.append(f"after {way.__name__} it printed: {run.printed!r}")
        if (output / LOCK).exists():
            faults.append(f"after {way.__name__} the lock is still there")
        return faults

    def _compare(self, tally: Tally, run: Run, output: Path) -> None:
        """Compare a run that ends by itself.

        Raises:
            SystemExit: It failed.
        """
        code = run.process.wait(MAX_LIFE_SECONDS)
        if code != 0:
            raise SystemExit(f"a run that was left alone failed with exit code {code}:\n{run.printed}")
        tally.faults += [f"left behind: {command}" for command in run.strays()]
        tally.faults += broken(output / "store")
        tally.compared += 1
        found = differences(self._expected, contents(output))
        tally.equal += not found
        tally.faults += [f"not the same: {name}" for name in found]
        self._say(tally, None)

    def _at_a_random_moment(self, run: Run, output: Path) -> bool:
        """Wait for the moment; whether the run still runs then."""
        left = 1.0 - len(results(output / "store")) / self.stages
        life = self._random.uniform(0.0, self.seconds * (AGAIN + (1.0 - AGAIN) * left))
        with suppress(subprocess.TimeoutExpired):
            run.process.wait(life)
        return run.process.poll() is None

    def _at_a_random_moment_of_work(self, run: Run, output: Path) -> bool:
        """The same, counted from when the run has locked its folder: before, there is nothing to end."""
        while run.process.poll() is None and not (output / LOCK).exists():
            time.sleep(0.01)
        return self._at_a_random_moment(run, output)

    def _at_the_next_boundary(self, run: Run, output: Path) -> bool:
        """Wait until one more stage is stored; whether the run still runs then."""
        before = len(results(output / "store"))
        while run.process.poll() is None and len(results(output / "store")) == before:
            time.sleep(0.002)
        return run.process.poll() is None

    def _say(self, tally: Tally, way: Callable[[Run], None] | None) -> None:
        what = "finished" if way is None else f"{way.__name__} after {tally.done[-1]} of {self.stages} stages"
        print(f"{tally.kills} kills: {what}; {len(tally.faults)} faults", file=sys.stderr, flush=True)


def table(trial: Trial) -> str:
    """What came of it, as Markdown."""
    lines = [
        "| kills | number | continuations | runs compared | equal | seconds until all processes are gone, "
        "median and most | faults |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, tally in trial.tallies.items():
        ending = f"{statistics.median(tally.ending):.2f}, {max(tally.ending):.2f}" if tally.ending else ""
        lines.append(
            f"| {name} | {tally.kills} | {tally.continued} | {tally.compared} | {tally.equal} "
            f"| {ending} | {len(tally.faults)} |"
        )
    return "\n".join(lines)


def spread(trial: Trial) -> str:
    """How the random kills were spread over the run, as Markdown: kills by stages that were done."""
    done = [number for name, tally in trial.tallies.items() if "random" in name for number in tally.done]
    places = Counter(4 * number // trial.stages for number in done)
    moments = ("fewer than a quarter", "a quarter", "half", "three quarters", "all, while reporting")
    lines = ["| stages done at the moment | kills at random moments |", "|---|---|"]
    return "\n".join([*lines, *(f"| {moment} | {places[place]} |" for place, moment in enumerate(moments))])


def main() -> None:
    """Run all tests and print what came of them."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # in the background of a shell it is ignored
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--suite", type=Path, default=ROOT / "suites" / "smoke.yaml")
    parser.add_argument("--output", type=Path, required=True, help="a folder for the runs")
    parser.add_argument("--kills", type=int, default=100, help="by SIGKILL at random moments")
    parser.add_argument("--boundaries", type=int, help="kills after a stage; by default as many as stages")
    parser.add_argument("--signals", type=int, default=10, help="each of SIGTERM and SIGINT")
    parser.add_argument("--only", action="append", default=[], help="passed on to the runs")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument("--json", type=Path, help="write what came of it here too")
    arguments = parser.parse_args()
    more = [word for pattern in arguments.only for word in ("--only", pattern)]
    command = [sys.executable, "-m", "lorr_bench.cli", "run", str(arguments.suite.absolute()), *more]
    trial = Trial(command, arguments.output.absolute(), arguments.seed)
    trial.undisturbed()
    print(f"{trial.stages} stages, undisturbed {trial.seconds:.0f} s", file=sys.stderr, flush=True)
    trial.at_random("SIGKILL", arguments.kills)
    trial.at_boundaries(arguments.boundaries)
    trial.at_random("SIGTERM", arguments.signals)
    trial.at_random("SIGINT", arguments.signals)
    print(f"{table(trial)}\n\n{spread(trial)}")
    faults = [fault for tally in trial.tallies.values() for fault in tally.faults]
    print("\n".join(faults), file=sys.stderr)
    if arguments.json:
        told = {name: vars(tally) for name, tally in trial.tallies.items()}
        arguments.json.write_text(json.dumps(told, indent=1), "utf-8")
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
