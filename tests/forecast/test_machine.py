"""What is found of the machine's memory."""

import subprocess

import pytest

from lorr_bench.forecast import machine
from lorr_bench.forecast.machine import gpu_memory, main_memory, this_machine, visible_memory

MIB = 1 << 20
LISTED = "0, GPU-aa11, 81559\n1, GPU-bb22, 24576\n"


@pytest.mark.parametrize(
    ("visible", "sizes"),
    [
        (None, (81559, 24576)),
        ("1", (24576,)),
        ("1,0", (24576, 81559)),
        ("GPU-aa", (81559,)),
        ("", ()),
        ("-1", ()),
        ("7", ()),
    ],
)
def test_only_visible_gpus_count(visible, sizes):
    assert visible_memory(LISTED.splitlines(), visible) == tuple(size * MIB for size in sizes)


def test_a_gpu_that_does_not_tell_its_memory_is_left_out():
    assert visible_memory(["0, GPU-aa11, [N/A]", "", "an error"], None) == ()
    assert visible_memory(["0, GPU-aa11, [N/A]"], "0") == ()


@pytest.fixture
def torch_for_gpus(monkeypatch):
    monkeypatch.setattr(machine, "package_version", lambda name: "2.13.0")


def test_gpus_are_asked_of_their_driver(torch_for_gpus, monkeypatch):
    done = subprocess.CompletedProcess([], 0, stdout=LISTED)
    monkeypatch.setattr(subprocess, "run", lambda *args, **kwargs: done)
    assert gpu_memory({"CUDA_VISIBLE_DEVICES": "1"}) == (24576 * MIB,)


def test_without_a_driver_there_are_no_gpus(torch_for_gpus, monkeypatch):
    def missing(*args, **kwargs):
        raise FileNotFoundError("nvidia-smi")

    monkeypatch.setattr(subprocess, "run", missing)
    assert gpu_memory({}) == ()


def test_torch_built_for_a_cpu_uses_no_gpu(monkeypatch):
    monkeypatch.setattr(machine, "package_version", lambda name: "2.13.0+cpu")
    monkeypatch.setattr(subprocess, "run", lambda *args, **kwargs: pytest.fail("nobody needs to ask"))
    assert gpu_memory({}) == ()


def test_the_limit_of_a_container_counts(tmp_path):
    limit = tmp_path / "memory.max"
    limit.write_text("1048576\n", "ascii")
    assert main_memory(limit) == MIB


def test_no_limit_leaves_what_the_machine_has(tmp_path):
    limit = tmp_path / "memory.max"
    limit.write_text("max\n", "ascii")
    assert main_memory(limit) == main_memory(tmp_path / "missing")


def test_a_machine_is_both(monkeypatch, tmp_path):
    monkeypatch.setattr(machine, "gpu_memory", lambda own: (5,))
    found = this_machine({}, tmp_path / "missing")
    assert (found.gpu_bytes, found.main_bytes) == ((5,), main_memory(tmp_path / "missing"))
