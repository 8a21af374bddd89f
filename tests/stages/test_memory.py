"""Peak memory."""

import subprocess
import sys

from lorr_bench.stages.memory import forget_peak_memory, peak_memory, peak_memory_of_programs


def test_peak_memory_is_measured_anew():
    block = bytearray(300 * 2**20)
    high = peak_memory()
    del block
    forget_peak_memory()
    assert peak_memory() < high


def test_the_peak_of_a_program_is_its_own():
    block = "b = bytearray(200 * 2**20)"
    subprocess.run([sys.executable, "-c", block], check=True)
    assert peak_memory_of_programs() > 200 * 2**20
