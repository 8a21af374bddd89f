"""Seats that hold GPUs; Ray counts what a node says that it has, so none is needed."""

import sys
from pathlib import Path

import pytest
from stage_samples import ToldOrder, numbered

from lorr_bench.events import Ended
from lorr_bench.run.ray.executor import RayExecutor
from lorr_bench.spec.load import load_suite

SMOKE = Path(__file__).parents[3] / "suites" / "smoke.yaml"
PROGRAM = """
import json, os, sys
for line in sys.stdin:
    order = json.loads(line)
    with open(order["log"], "a") as log:
        log.write(os.environ["CUDA_VISIBLE_DEVICES"])
    print(json.dumps({"event": "Ended", "digest": order["digest"], "seconds": 1.0, "tokens": 0}), flush=True)
"""
pytestmark = pytest.mark.slow


@pytest.fixture
def executor():
    """On a node with one GPU."""
    pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    node = {"num_cpus": 4, "num_gpus": 1, "object_store_memory": 80 * 2**20, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=node)
    suite = load_suite(SMOKE, ("execution.executor=ray", f"execution.address={cluster.address}")).suite
    made = RayExecutor(suite, (sys.executable, "-c", PROGRAM))
    yield made
    made.stop()
    cluster.shutdown()


def test_engines_of_a_cluster_with_gpus_draw_each_answer_apart(executor):
    assert executor.draws_apart()


def test_one_gpu_serves_training_and_engine_in_turn_and_grading_sees_none(executor, tmp_path):
    seen = {}
    for kind in ("train", "collect", "train", "grade_math"):
        stage = numbered(kind, len(seen))
        log = tmp_path / kind / str(len(seen))
        assert executor.takes(stage)
        executor.begin(ToldOrder(stage, {}, str(tmp_path / "store"), log))
        assert isinstance(executor.next_event(60), Ended)
        seen[log] = log.read_text("utf-8") if log.exists() else ""
    assert list(seen.values()) == ["0", "0", "0", ""]
