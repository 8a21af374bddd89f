"""Python of tests in processes that have imported the large libraries already.

Importing torch, TRL, vLLM and what the report needs takes ten seconds of a processor, and every run of a suite would
do it in each of its workers. Here one process imports them, does nothing else, and is forked for each command, and for
each worker of one. These are processes of their own, with their own standard files, folder and environment, each a
child of whoever asked for it.

They share what imports leave, and the seed of Python's hashes. Tests of processes themselves (how they end, what they
import, what an installed package does) start real ones; so does everything here in an environment that libraries may
have read otherwise, and where there is no Linux.
"""

import atexit
import ctypes
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from functools import cache, cached_property
from pathlib import Path
from tempfile import TemporaryFile
from types import ModuleType, SimpleNamespace

from lorr_bench import line_process
from lorr_bench.generate.engine import ENVIRONMENT
from lorr_bench.run.local import QUIET

IMPORTS = (
    "torch._inductor.compile_fx",
    "vllm.entrypoints.llm",
    "vllm.v1.engine.llm_engine",
    "vllm.v1.worker.cpu_worker",
    "vllm.model_executor.models.llama",
    "transformers.models.llama.modeling_llama",
    "trl.trainer.dpo_trainer",
    "lm_eval.evaluator",
    "lorr_bench.evaluate.harness",
    "lorr_bench.report.contents",
    "lorr_bench.commands.running",
    "lorr_bench.run.worker",
)
READ_LATER = (
    "COLUMNS",
    "LORR_BENCH_",
    "PYTEST_",
    "OLDPWD",
    "VLLM_CPU_OMP_THREADS_BIND",
    "VLLM_CPU_KVCACHE_SPACE",
    "TRL_EXPERIMENTAL_SILENCE",  # set where a test trains; it hides a warning
)
"""How the names of variables begin that no library reads while it is imported, or none to any effect."""
SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER of linux/prctl.h
SET_BY_WORKERS = {**QUIET, **ENVIRONMENT}
AT_FIRST = dict(os.environ)
"""What all tests have in common; by now one may have set more for itself."""
WORKER = ["-P", "-m", "lorr_bench.run.worker"]
LAUNCHERS = (["-m", "accelerate.commands.launch"], ["-m", "torch.distributed.run"])


def not_waited_for(_file):
    """``os.fsync`` where nobody cuts the power: three milliseconds, for each file and folder that is stored."""


class WarmProcess:
    """A process that is forked for others.

    Args:
        connection: A socket to it.
        environment: In which it imported.

    Attributes:
        environment: Likewise.
    """

    def __init__(self, connection, environment):
        self._connection = connection
        self.environment = environment

    @cached_property
    def set_by_imports(self):
        """Names of variables that it set while it imported, as does whoever imports the same; then it was ready."""
        size = int.from_bytes(exactly(self._connection, 4), "big")
        return json.loads(exactly(self._connection, size)) if size else []

    def agrees(self, environment, apart=()):
        """Whether libraries would have read the same variables in this environment, apart from these."""
        return self.read_otherwise(environment) <= set(apart)

    def read_otherwise(self, environment):
        """Names of the variables that libraries would have read otherwise in this environment."""
        given = {**SET_BY_WORKERS, **environment}
        names = {*self.environment, *given} - {*self.set_by_imports}
        return {
            name
            for name in names
            if self.environment.get(name) != given.get(name) and not name.startswith(READ_LATER)
        }

    def start(self, arguments, environment, files, *, cwd=".", session=False):
        """The number of a new child of this process, which is as Python would be with these arguments.

        Args:
            arguments: Of Python.
            environment: Of the child.
            files: The numbers of its three standard files.
            cwd: Its folder.
            session: Whether it has a session of its own.
        """
        assert self.set_by_imports is not None  # told before anything else
        order = json.dumps([list(arguments), dict(environment), str(Path(cwd).absolute()), session]).encode()
        with adopting():
            socket.send_fds(self._connection, [len(order).to_bytes(4, "big")], files)
            self._connection.sendall(order)
            pid = int.from_bytes(exactly(self._connection, 4), "big")
        assert pid, "the warm process has ended; what it printed says why"
        return pid

    def close(self):
        """Let it end."""
        self._connection.close()


@contextmanager
def adopting():
    """Meanwhile a process below this one becomes its child where the parent ends."""
    prctl = ctypes.CDLL(None).prctl
    prctl(SUBREAPER, 1, 0, 0, 0)
    try:
        yield
    finally:
        prctl(SUBREAPER, 0, 0, 0, 0)


def exactly(connection, size):
    """So many bytes; fewer where the other side has ended."""
    found = b""
    while len(found) < size and (part := connection.recv(size - len(found))):
        found += part
    return found


@cache
def warm_process():
    """That of this process, which ends with it."""
    environment = {**SET_BY_WORKERS, **AT_FIRST}
    own, its = socket.socketpair()
    with its:
        process = subprocess.Popen(
            [sys.executable, __file__, str(its.fileno())],
            stdin=subprocess.DEVNULL,
            env=environment,
            pass_fds=[its.fileno()],
            start_new_session=True,
        )
    warm = WarmProcess(own, environment)
    atexit.register(process.wait)  # called last first
    atexit.register(warm.close)
    return warm


def run_warm(*arguments, environment, cwd=".", timeout=600, more_packages=False):
    """``subprocess.run`` of Python with these arguments, and what it printed; in a warm process where one fits.

    With ``more_packages``, ``PYTHONPATH`` names a folder whose packages none of the large libraries imports.
    """
    words = [str(argument) for argument in arguments]
    command = [sys.executable, *words]
    apart = {"PYTHONPATH"} if more_packages else set()
    if sys.platform != "linux" or not warm_process().agrees(environment, apart):
        return subprocess.run(
            command, capture_output=True, check=False, text=True, cwd=cwd, env=environment, timeout=timeout
        )
    with (
        Path(os.devnull).open(encoding="utf-8") as nothing,
        TemporaryFile("w+", encoding="utf-8") as out,
        TemporaryFile("w+", encoding="utf-8") as errors,
    ):
        files = [file.fileno() for file in (nothing, out, errors)]
        child = Child(warm_process().start(words, environment, files, cwd=cwd))
        try:
            code = child.wait(timeout)
        finally:
            child.kill()
        out.seek(0)
        errors.seek(0)
        return subprocess.CompletedProcess(command, code, out.read(), errors.read())


def start_warm(*arguments, environment, cwd="."):
    """A process as Python would start with these arguments, which is not waited for; what it prints is lost."""
    words = [str(argument) for argument in arguments]
    if sys.platform != "linux" or not warm_process().agrees(environment):
        nothing = subprocess.DEVNULL
        return subprocess.Popen(
            [sys.executable, *words], cwd=cwd, env=environment, stdin=nothing, stdout=nothing, stderr=nothing
        )
    nothing = os.open(os.devnull, os.O_RDWR)
    try:
        return Child(warm_process().start(words, environment, [nothing] * 3, cwd=cwd))
    finally:
        os.close(nothing)


class Child:
    """A child of this process.

    Args:
        pid: Its number.
    """

    def __init__(self, pid):
        self.pid = pid
        self._code = None
        self._lock = threading.Lock()

    def poll(self):
        """Its exit code; None while it runs."""
        with suppress(subprocess.TimeoutExpired):
            return self.wait(0)
        return None

    def terminate(self):
        """Ask it to end."""
        if self.poll() is None:
            os.kill(self.pid, signal.SIGTERM)

    def wait(self, timeout=None):
        """Its exit code, as ``subprocess`` gives it.

        Raises:
            subprocess.TimeoutExpired: It has not ended after so many seconds.
        """
        with self._lock:
            if self._code is None:
                ended = os.pidfd_open(self.pid)
                try:
                    if not select.select([ended], [], [], timeout)[0]:
                        raise subprocess.TimeoutExpired(str(self.pid), timeout)
                finally:
                    os.close(ended)
                self._code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
            return self._code

    def kill(self):
        """End it, if it has not ended."""
        if self._code is None:
            os.kill(self.pid, signal.SIGKILL)
            self.wait()


class WorkerChild(Child):
    """``subprocess.Popen`` as ``LineProcess`` calls it for a worker.

    Args:
        warm: What is forked.
        errors: File of its standard errors.
        environment: Of the worker.
        arguments: Of Python.
    """

    def __init__(self, warm, errors, environment, arguments):
        read, its_stdin = os.pipe()
        its_stdout, write = os.pipe()
        super().__init__(warm.start(arguments, environment, [read, write, errors.fileno()], session=True))
        os.close(read)
        os.close(write)
        self.stdin = os.fdopen(its_stdin, "w", encoding="utf-8")
        self.stdout = os.fdopen(its_stdout, encoding="utf-8")


# From here on: the warm process itself.


def serve(connection, set_by_imports):
    """Fork for whoever is at the other end, until that ends.

    Args:
        connection: To that end.
        set_by_imports: Told first.

    Returns:
        In each child: what it is to do.
    """
    connection.sendall(len(names := json.dumps(set_by_imports).encode()).to_bytes(4, "big") + names)
    while True:
        length, files, _, _ = socket.recv_fds(connection, 4, 3)
        if not length:
            os._exit(0)
        length += exactly(connection, 4 - len(length))
        order = json.loads(exactly(connection, int.from_bytes(length, "big")))
        if not (pid := forked_twice(session=order[-1])):
            connection.close()
            return order, files
        for file in files:
            os.close(file)
        connection.sendall(pid.to_bytes(4, "big"))


def forked_twice(*, session):
    """Fork so that the child has no parent here, and a session of its own if asked; its number, and 0 in it.

    The number comes when the child has both, so that whoever gets it can end the child or its group at once.
    """
    read, write = os.pipe()
    if between := os.fork():
        os.close(write)
        os.waitpid(between, 0)
        pid = int.from_bytes(os.read(read, 4), "big")
        os.close(read)
        return pid
    os.close(read)
    between = os.getpid()
    if os.fork():
        os._exit(0)
    while os.getppid() == between:
        time.sleep(0.0005)
    if session:
        os.setsid()
    os.write(write, os.getpid().to_bytes(4, "big"))
    os.close(write)
    return 0


def become(order, files):
    """Be what was asked for: its standard files, folder and environment."""
    _, environment, cwd, _ = order
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environment)
    sys.stdin, sys.stdout, sys.stderr = (
        os.fdopen(number, mode, buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False)
        for number, mode in enumerate("rww")
    )


def preforked(imported, set_by_imports):
    """A warm process below this one, forked from it while it has one thread."""
    own, its = socket.socketpair()
    if not os.fork():
        own.close()
        nothing = os.open(os.devnull, os.O_RDWR)
        for number in range(3):  # else whoever reads those of the command would wait for this one's end
            os.dup2(nothing, number)
        begin(*serve(its, set_by_imports), imported, set_by_imports)
    its.close()
    return WarmProcess(own, imported)


def begin(order, files, imported, set_by_imports):
    """Be what was asked for, whose workers are warm, until it ends."""
    become(order, files)
    arguments = order[0]
    if arguments[:2] == ["-m", "lorr_bench.cli"]:
        warm = preforked(imported, set_by_imports)
        line_process.subprocess = with_warm_workers(lambda: warm)
    elif arguments[:2] in LAUNCHERS:
        from torch.distributed.elastic.multiprocessing.subprocess_handler import subprocess_handler

        assert issubclass(subprocess_handler.Popen, subprocess.Popen)
        subprocess_handler.Popen = warm_popen(preforked(imported, set_by_imports))
    end(lambda: execute(arguments))


def end(work):
    """Work, then end as Python does, but without taking apart what was imported, which takes seconds."""
    code = 0
    try:
        work()
    except SystemExit as error:
        if isinstance(error.code, str):
            sys.stderr.write(f"{error.code}\n")
        code = error.code if isinstance(error.code, int) else int(error.code is not None)
    except Exception:  # noqa: BLE001 - as Python does
        sys.excepthook(*sys.exc_info())
        code = 1
    threading._shutdown()
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(ValueError, OSError):
            stream.flush()
    os._exit(code & 0xFF)


def with_warm_workers(warm):
    """``subprocess`` for ``LineProcess``, which starts workers in warm processes.

    Args:
        warm: Gives the process to fork; called when there is a worker to start.
    """

    def popen(command, *, stderr, env, **options):
        if command[0] == sys.executable and warm().agrees(env):
            return WorkerChild(warm(), stderr, env, command[1:])
        return subprocess.Popen(command, stderr=stderr, env=env, **options)

    return SimpleNamespace(Popen=popen, PIPE=subprocess.PIPE)


def with_warm_launcher(warm):
    """``subprocess`` for ``stages.training.ranks``, whose launcher and ranks are warm."""
    names = ("DEVNULL", "TimeoutExpired")
    return SimpleNamespace(Popen=warm_popen(warm), **{name: getattr(subprocess, name) for name in names})


def warm_popen(warm):
    """``subprocess.Popen`` of Python, for a launcher of ranks and for the ranks that it starts.

    Any environment will do: what is set for ranks is read when they train, and the rest is that of the tests.
    """

    def popen(args, *, env, stdin=None, stdout=None, stderr=None, cwd=".", start_new_session=False):
        nothing = os.open(os.devnull, os.O_RDWR)
        outputs = [number if file is None else file.fileno() for number, file in ((1, stdout), (2, stderr))]
        try:
            pid = warm.start(args[1:], env, [nothing, *outputs], cwd=cwd, session=start_new_session)
        finally:
            os.close(nothing)
        return Child(pid)

    return popen


def execute(arguments):
    """What Python does with its arguments: ``[-P] [-u] -m MODULE``, ``-c CODE`` or a file, and those of its own."""
    if (threads := os.environ.get("OMP_NUM_THREADS")) and (torch := sys.modules.get("torch")):
        torch.set_num_threads(int(threads))  # it has read another number when it was imported
    places = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    sys.path[:0] = [place for place in places if place and place not in sys.path]
    safe = bool(os.environ.get("PYTHONSAFEPATH"))
    while arguments[0] in ("-P", "-u"):
        safe |= arguments[0] == "-P"
        _, *arguments = arguments
    if not safe:
        own = {"-m": str(Path.cwd()), "-c": ""}.get(arguments[0], str(Path(arguments[0]).resolve().parent))
        sys.path.insert(0, own)
    if arguments[0] == "-m":
        sys.argv = arguments[1:]
        runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
    elif arguments[0] == "-c":
        sys.argv = ["-c", *arguments[2:]]
        main = sys.modules["__main__"] = ModuleType("__main__")
        exec(compile(arguments[1], "<string>", "exec"), vars(main))
    else:
        sys.argv = arguments
        runpy.run_path(arguments[0], run_name="__main__")


def prepare_engines():
    """Do once what vLLM does again whenever an engine starts.

    It looks at a model's class in a process of its own where this machine has not seen the class, so as not to touch a
    GPU, and that imports for as long as an engine takes to start. On a CPU it looks through all modules for kernels.
    """
    with suppress(ImportError):
        from vllm.model_executor.models import registry
        from vllm.platforms import current_platform

        assert callable(registry._run_in_subprocess)
        registry._run_in_subprocess = lambda look: look()
        if current_platform.is_cpu():
            current_platform.register_triton_kernel_overrides()
            type(current_platform).register_triton_kernel_overrides = classmethod(lambda cls: None)


def main():
    connection = socket.socket(fileno=int(sys.argv[1]))
    imported = dict(os.environ)
    del sys.path[0]  # this folder
    gc.disable()
    for name in IMPORTS:
        with suppress(ImportError):  # whoever needs what is missing says so
            importlib.import_module(name)
    prepare_engines()
    os.fsync = not_waited_for
    gc.enable()
    gc.freeze()
    set_by_imports = [name for name, value in os.environ.items() if imported.get(name) != value]
    begin(*serve(connection, set_by_imports), imported, set_by_imports)


if __name__ == "__main__":
    main()
