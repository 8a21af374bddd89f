"""The files of the documentation that start a cluster."""

import itertools
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from lorr_bench.spec.load import load_suite

ROOT = Path(__file__).parents[3]
CLUSTER = ROOT / "docs" / "cluster"
SLURM = CLUSTER / "slurm.sh"
SMOKE = ROOT / "suites" / "smoke.yaml"

SRUN = """#!/bin/bash
while [[ $1 == --* ]]; do shift; done
exec "$@"
"""
SCONTROL = """#!/bin/bash
hostname -s
echo another-node
"""
LORR_BENCH = f"""#!{sys.executable}
import sys, time
import ray
print("arguments:", *sys.argv[1:])
ray.init(sys.argv[-1].removeprefix("execution.address="), log_to_driver=False, logging_level="ERROR")
while len(nodes := ray.nodes()) < 2:
    time.sleep(0.2)
print("cores:", *(node["Resources"]["CPU"] for node in nodes))
"""


@pytest.fixture(scope="module")
def job():
    return yaml.safe_load((CLUSTER / "kuberay.yaml").read_text("utf-8"))


def test_the_shell_reads_the_slurm_script():
    subprocess.run(["bash", "-n", SLURM], check=True)


@pytest.mark.slow
def test_the_slurm_script_starts_nodes_that_know_a_token_and_takes_them_down(tmp_path):
    """With a pretended Slurm whose two nodes are this machine."""
    pytest.importorskip("ray")
    for name, program in (("srun", SRUN), ("scontrol", SCONTROL), ("lorr-bench", LORR_BENCH)):
        (tmp_path / name).write_text(program, "utf-8")
        (tmp_path / name).chmod(0o755)
    number = str(os.getpid())
    variables = {
        "PATH": f"{tmp_path}:{Path(sys.executable).parent}:{os.environ['PATH']}",
        "SLURM_JOB_ID": number,
        "SLURM_CPUS_PER_TASK": "3",
        "SLURM_JOB_NODELIST": "here,there",
        "USER": "u",
    }
    command = ["bash", str(SLURM), "suite.yaml", "--store", "/shared"]
    done = subprocess.run(
        command, env={**os.environ, **variables}, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    told = re.search(r"^arguments: (.*)$", done.stdout, re.MULTILINE).group(1)
    assert told.startswith(
        "run suite.yaml --store /shared --set execution.executor=ray --set execution.address="
    )
    assert "cores: 3.0 3.0" in done.stdout
    processes = subprocess.run(["pgrep", "-f", f"/tmp/ray-u-{number}"], capture_output=True, check=False)
    assert processes.stdout == b""


def test_the_kubernetes_job_runs_a_suite_that_is_valid(job):
    words = shlex.split(job["spec"]["entrypoint"])
    assert words[:2] == ["lorr-bench", "run"]
    overrides = [value for word, value in itertools.pairwise(words) if word == "--set"]
    execution = load_suite(SMOKE, overrides).suite.execution
    assert (execution.executor, execution.address) == ("ray", "auto")


@pytest.mark.slow
def test_the_kubernetes_cluster_has_the_version_of_ray_that_is_installed(job):
    ray = pytest.importorskip("ray")
    assert job["spec"]["rayClusterSpec"]["rayVersion"] == ray.__version__


def test_the_kubernetes_pods_share_the_volume_and_ask_for_a_token(job):
    cluster = job["spec"]["rayClusterSpec"]
    groups = [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]
    assert cluster["authOptions"] == {"mode": "token"}
    for group in groups:
        pod = group["template"]["spec"]
        (container,) = pod["containers"]
        mounted = {mount["name"] for mount in container["volumeMounts"]}
        assert mounted == {volume["name"] for volume in pod["volumes"]}
    assert groups[0]["rayStartParams"]["num-cpus"] == "0"
