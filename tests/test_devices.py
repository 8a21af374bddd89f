"""Cores and GPUs of this machine, with a driver that pretends."""

import subprocess

import pytest

from lorr_bench.devices import gpu_rows, visible_gpus


@pytest.mark.parametrize(
    ("text", "found"), [("0,2", ("0", "2")), ("", ()), ("-1", ()), ("GPU-a1", ("GPU-a1",))]
)
def test_what_the_environment_shows_is_used(text, found):
    assert visible_gpus({"CUDA_VISIBLE_DEVICES": text}) == found


def test_the_driver_knows_the_gpus_without_torch(monkeypatch):
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: subprocess.CompletedProcess([], 0, "0\n1\n"))
    assert visible_gpus({}) == ("0", "1")


def test_no_gpu_driver_is_no_gpu(monkeypatch):
    def missing(*_, **__):
        raise FileNotFoundError("nvidia-smi")

    monkeypatch.setattr(subprocess, "run", missing)
    assert visible_gpus({}) == ()


def test_what_the_driver_says_is_a_line_for_each_gpu(monkeypatch):
    asked = []

    def answer(command, **_):
        asked.append(command)
        return subprocess.CompletedProcess(command, 0, "NVIDIA H200\nNVIDIA A10\n")

    monkeypatch.setattr(subprocess, "run", answer)
    assert gpu_rows("name") == ["NVIDIA H200", "NVIDIA A10"]
    assert "--query-gpu=name" in asked[0]


def test_a_driver_that_does_not_answer_has_no_gpu(monkeypatch):
    def hang(*_, **__):
        raise subprocess.TimeoutExpired("nvidia-smi", 10)

    monkeypatch.setattr(subprocess, "run", hang)
    assert gpu_rows("name") == []
