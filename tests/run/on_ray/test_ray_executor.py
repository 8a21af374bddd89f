"""Stages on a Ray cluster of two nodes, with workers that pretend."""

import dataclasses
import hashlib
import itertools
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from stage_samples import ToldOrder, numbered, sample

from lorr_bench.errors import MissingPackageError, SuiteError
from lorr_bench.events import Advanced, Ended, Failed, Noted
from lorr_bench.run.executor import Order
from lorr_bench.run.ray import client
from lorr_bench.run.ray.executor import RayExecutor
from lorr_bench.spec.load import load_suite
from lorr_bench.store.remote import open_store

SMOKE = Path(__file__).parents[3] / "suites" / "smoke.yaml"
ECHO = (sys.executable, str(Path(__file__).parents[1] / "echo_worker.py"))
NODE = {"num_cpus": 2, "object_store_memory": 80 * 2**20}
SOON = {"health_check_initial_delay_ms": 0, "health_check_period_ms": 500}
"""Ray waits 15 s until it calls a node that refuses connections dead; here it is 2.5 s."""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """Two nodes of two cores each; the driver's is one of them."""
    pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    node = {**NODE, "env_vars": {"LORR_BENCH_CACHE": str(tmp_path_factory.mktemp("nodes"))}}
    head = {**node, "include_dashboard": False, "_system_config": SOON}
    made = Cluster(initialize_head=True, head_node_args=head)
    made.add_node(**node)
    yield made
    made.shutdown()


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    """A copy of remote stores apart from that of the nodes."""
    monkeypatch.setenv("LORR_BENCH_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def make_executor(cluster):
    made = []

    def make(*overrides, command=ECHO, address=cluster.address):
        suite = load_suite(SMOKE, overrides).suite
        execution = suite.execution.model_copy(update={"executor": "ray", "address": address})
        made.append(RayExecutor(suite.model_copy(update={"execution": execution}), command))
        return made[-1]

    yield make
    for executor in made:
        executor.stop()


@pytest.fixture
def begin(tmp_path):
    """Begins a stage that the pretending worker does by its label, if the executor takes it."""

    numbers = itertools.count()

    def begin_stage(executor, label, kind="train", **setting):
        stage = dataclasses.replace(
            numbered(kind, next(numbers), label), setting=sample(kind, setting=setting).setting
        )
        if not executor.takes(stage):
            return None
        executor.begin(ToldOrder(stage, {}, str(tmp_path / "store"), tmp_path / "logs" / label))
        return stage

    return begin_stage


def finish(executor):
    """The event that ends a stage."""
    while True:
        event = executor.next_event(60)
        assert event is not None
        if not isinstance(event, Advanced | Noted):
            return event


pytestmark = pytest.mark.slow


def test_engines_of_a_cluster_without_gpus_draw_all_answers_of_a_call_together(make_executor):
    assert not make_executor().draws_apart()


def test_a_stage_is_done_on_the_cluster(make_executor, begin):
    executor = make_executor()
    stage = begin(executor, "work")
    event = executor.next_event(60)
    assert (event.digest, event.done, event.total) == (stage.digest, 1, 2)
    assert isinstance(finish(executor), Ended)


def test_a_warm_seat_is_used_again(make_executor, begin):
    executor = make_executor()
    begin(executor, "a")
    first = finish(executor).tokens
    begin(executor, "b")
    assert finish(executor).tokens == first


def test_stages_run_side_by_side_up_to_what_the_nodes_hold(make_executor, begin):
    executor = make_executor()
    assert all(begin(executor, "hang", pool) for pool in ("train", "train", "train", "collect"))
    assert begin(executor, "hang", "train") is None


def test_no_more_stages_than_workers_and_grading_beside_them(make_executor, begin):
    executor = make_executor("execution.workers=1")
    begin(executor, "hang")
    assert begin(executor, "more") is None
    assert begin(executor, "more", "collect") is None
    assert begin(executor, "grade", "grade_math") is not None
    assert begin(executor, "more", "grade_math") is None


def test_there_is_one_engine_on_processors_and_more_if_the_suite_says_so(make_executor, begin):
    one = make_executor()
    begin(one, "hang", "collect")
    assert begin(one, "more", "collect") is None
    one.stop()
    two = make_executor("engine.data_parallel_size=2")
    begin(two, "hang", "collect")
    assert begin(two, "more", "collect") is not None


EVERY_CORE = [f"execution.resources.{pool}.cpus=2" for pool in ("train", "engine")]


def test_an_idle_seat_makes_room_for_another_pool(make_executor, begin, monkeypatch):
    monkeypatch.setattr(client, "WARM_SECONDS", 0.0)
    executor = make_executor(*EVERY_CORE, "engine.data_parallel_size=2")
    begin(executor, "a"), begin(executor, "b")
    finish(executor), finish(executor)
    assert begin(executor, "hang", "collect") is not None
    assert begin(executor, "b", "collect") is not None
    assert isinstance(finish(executor), Ended)


def test_a_seat_that_has_just_worked_is_kept_while_others_work(make_executor, begin):
    executor = make_executor(*EVERY_CORE, "engine.data_parallel_size=2")
    begin(executor, "a"), begin(executor, "b")
    finish(executor), finish(executor)
    assert begin(executor, "hang", "collect") is not None  # nothing else can run
    assert begin(executor, "b", "collect") is None
    assert begin(executor, "b", "train") is not None


def test_a_dead_worker_is_a_failure_that_does_not_last(make_executor, begin):
    executor = make_executor()
    begin(executor, "die")
    failed = finish(executor)
    assert isinstance(failed, Failed)
    assert not failed.lasting
    assert "was killed" in failed.reason


def test_a_stage_is_ended_by_force(make_executor, begin):
    executor = make_executor()
    stage = begin(executor, "hang")
    executor.next_event(3)
    executor.end(stage, "it took too long")
    assert finish(executor) == Failed(stage.digest, "it took too long")
    begin(executor, "work")
    assert isinstance(finish(executor), Ended)


def test_a_lost_actor_is_a_failure_that_does_not_last_and_its_seat_starts_anew(make_executor, begin):
    executor = make_executor()
    stage = begin(executor, "hang")
    os.kill(actor_process(executor), signal.SIGKILL)
    failed = finish(executor)
    assert (failed.digest, failed.lasting) == (stage.digest, False)
    assert "was lost" in failed.reason
    begin(executor, "work")
    assert isinstance(finish(executor), Ended)


def test_a_seat_lost_while_it_had_nothing_to_do_costs_no_attempt(make_executor, begin):
    executor = make_executor()
    begin(executor, "a")
    finish(executor)
    os.kill(actor_process(executor), signal.SIGKILL)
    begin(executor, "b")
    assert isinstance(finish(executor), Ended)


def wait_for_place(slot):
    deadline = time.monotonic() + 60
    while slot.info is None and time.monotonic() < deadline:
        time.sleep(0.05)
    return slot


def actor_process(executor):
    """The process of the only actor, once it runs."""
    import ray

    slot = wait_for_place(*executor.slots)
    return ray.get(slot.actor.__ray_call__.remote(lambda slot: os.getpid()))


def test_a_worker_ends_with_its_actor(make_executor, begin):
    executor = make_executor()
    begin(executor, "work")
    worker = finish(executor).tokens
    executor.stop()
    with pytest.raises(ProcessLookupError):
        os.kill(worker, 0)


def test_what_a_stage_prints_comes_to_the_log_here(make_executor, begin, tmp_path):
    program = (
        "import json, sys\n"
        "for line in sys.stdin:\n"
        "    order = json.loads(line)\n"
        "    open(order['log'], 'a').write('printed there')\n"
        "    end = {'event': 'Ended', 'digest': order['digest'], 'seconds': 1, 'tokens': 0}\n"
        "    print(json.dumps(end), flush=True)\n"
    )
    executor = make_executor(command=(sys.executable, "-c", program))
    begin(executor, "work")
    finish(executor)
    assert (tmp_path / "logs" / "work").read_text("utf-8") == "printed there"


def test_another_version_on_a_node_is_an_error_with_a_remedy(make_executor, begin, monkeypatch):
    monkeypatch.setattr(client, "package_version", lambda name: "9.9")
    executor = make_executor()
    begin(executor, "work")
    failed = finish(executor)
    assert failed.lasting
    assert "this machine has 9.9" in failed.reason
    assert "Install the same version" in failed.reason


def test_a_seat_that_finds_no_place_says_so_and_can_be_ended(make_executor, begin, monkeypatch):
    monkeypatch.setattr(client, "PLACING_SECONDS", 0.2)
    executor = make_executor("execution.resources.train.cpus=64")
    stage = begin(executor, "work")
    note = executor.next_event(60)
    assert "CPU 64" in note.text
    assert "CPU 2" in note.text
    executor.end(stage, "no place")
    assert finish(executor) == Failed(stage.digest, "no place")


def test_a_path_that_no_node_has_fails_for_good(make_executor, begin):
    executor = make_executor()
    begin(executor, "work", model_path="/nowhere/model")
    failed = finish(executor)
    assert failed.lasting
    assert "/nowhere/model" in failed.reason


@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://127.0.0.1:1", "nonsense"])
def test_no_cluster_at_the_address_is_an_error(make_executor, begin, address):
    executor = make_executor(address=address)
    with pytest.raises(SuiteError, match="no Ray cluster"):
        begin(executor, "work")


def test_without_ray_the_command_is_named(make_executor, begin, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    executor = make_executor()
    with pytest.raises(MissingPackageError, match=r"pip install 'lorr-bench\[ray\]'"):
        begin(executor, "work")


def test_ray_leaves_the_signals_alone(make_executor, begin):
    before = signal.getsignal(signal.SIGTERM)
    begin(make_executor(), "work")
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.parametrize("scheme", ["", "file://"])
def test_a_real_worker_stores_its_result_where_the_driver_reads_it(make_executor, tmp_path, scheme):
    rows = [{"prompt": f"p{i}", "chosen": "good", "rejected": "bad"} for i in range(5)]
    (tmp_path / "pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    identity = hashlib.sha256((tmp_path / "pairs.jsonl").read_bytes()).hexdigest()
    setting = {"source": str(tmp_path / "pairs.jsonl")}
    stage = sample("import_pairs", "pairs", source=identity, setting=setting)
    store = open_store(f"{scheme}{tmp_path}/store")
    executor = make_executor(command=None)
    assert executor.takes(stage)
    executor.begin(Order(stage, {}, store.location, tmp_path / "log"))
    assert isinstance(finish(executor), Ended)
    assert store.read(stage, verify=True).outcome.metrics["pairs"] == 5


OWN_CLUSTER = """
import sys
from pathlib import Path
from stage_samples import ToldOrder, sample
from lorr_bench.run.ray.executor import RayExecutor
from lorr_bench.spec.load import load_suite

suite, worker, folder = sys.argv[1:]
executor = RayExecutor(load_suite(Path(suite), ("execution.executor=ray",)).suite, (sys.executable, worker))
stage = sample("train", "work")
assert executor.takes(stage)
executor.begin(ToldOrder(stage, {}, folder, Path(folder, "log")))
executor.next_event(60)
print(executor.next_event(60).tokens, flush=True)
sys.stdin.read()
executor.stop()
executor.stop()
"""


@pytest.fixture
def own_cluster(tmp_path):
    """A driver without an address: it starts a cluster, does a stage, and stops when its input ends."""
    pytest.importorskip("ray")
    with tempfile.TemporaryDirectory(prefix="ray") as folder:  # a short name, because sockets lie in it
        process = subprocess.Popen(
            [sys.executable, "-c", OWN_CLUSTER, str(SMOKE), ECHO[1], str(tmp_path)],
            env={
                **os.environ,
                "HOME": str(tmp_path),
                "RAY_TMPDIR": folder,
                "PYTHONPATH": os.pathsep.join(sys.path),
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        process.folder = folder
        process.worker = int(process.stdout.readline())
        with process:
            yield process


def is_anything_left(driver):
    processes = subprocess.run(["pgrep", "-f", driver.folder], capture_output=True, check=False)
    return bool(processes.stdout) or Path(f"/proc/{driver.worker}").exists()


def test_without_an_address_a_cluster_starts_here_and_ends_with_the_run_quietly(own_cluster):
    assert own_cluster.communicate(timeout=120) == ("", "")
    assert not is_anything_left(own_cluster)


def test_a_killed_driver_leaves_no_cluster_and_no_worker_behind(own_cluster):
    own_cluster.kill()
    own_cluster.wait()
    deadline = time.monotonic() + 120
    while is_anything_left(own_cluster) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert not is_anything_left(own_cluster)


def test_nothing_to_do_starts_nothing(make_executor):
    import ray

    make_executor().stop()
    assert not ray.is_initialized()


def test_a_node_that_dies_is_a_failure_that_does_not_last(cluster, make_executor, begin, capfd):
    """The last test: it takes a node away."""
    executor = make_executor("execution.resources.train.cpus=2")
    begin(executor, "hang"), begin(executor, "hang")
    away = [wait_for_place(slot) for slot in executor.slots]
    (node,) = cluster.worker_nodes
    lost = next(slot.order.stage for slot in away if slot.node == node.node_id)
    cluster.remove_node(node, allow_graceful=False)
    failed = finish(executor)
    assert (failed.digest, failed.lasting) == (lost.digest, False)
    assert "was lost" in failed.reason
    (left,) = [slot for slot in away if slot.node != node.node_id]
    executor.end(left.order.stage, "make room")
    finish(executor)
    begin(executor, "work")
    assert isinstance(finish(executor), Ended)
    assert "raylet" not in capfd.readouterr().out
