"""On what a result was made."""

import io

import pytest

from lorr_bench.store import provenance as made_on
from lorr_bench.store.provenance import processor_kind, provenance

CPUINFO = """processor\t: 0
vendor_id\t: AuthenticAMD
cpu family\t: 25
model\t\t: 1
model name\t: AMD EPYC
flags\t\t: fpu sse2 avx avx2 vaes

processor\t: 1
cpu family\t: 6
model name\t: another
flags\t\t: avx512f
"""


@pytest.fixture
def seen(monkeypatch):
    """What is found where the system describes its processors so; None where it does not."""

    def find(cpuinfo):
        def opened(*_, **__):
            if cpuinfo is None:
                raise FileNotFoundError
            return io.StringIO(cpuinfo)

        monkeypatch.setattr(made_on, "open", opened, raising=False)
        monkeypatch.setattr(made_on.os, "cpu_count", lambda: 2)
        monkeypatch.setattr(made_on.platform, "machine", lambda: "arm64")
        return provenance.__wrapped__()

    return find


def test_the_first_processor_is_told_by_name_and_kind(seen):
    found = seen(CPUINFO)
    assert found["processor"] == "AMD EPYC, 2 cores"
    assert found["processor kind"] == "family 25, model 1, avx2"


@pytest.mark.parametrize("cpuinfo", [None, ""])
def test_where_the_system_does_not_tell_the_architecture_stands(seen, cpuinfo):
    found = seen(cpuinfo)
    assert found["processor"] == "arm64, 2 cores"
    assert "processor kind" not in found


@pytest.mark.parametrize(
    ("flags", "widest"), [("avx avx2 avx512f amx_tile", "amx_tile"), ("avx avx512f", "avx512f"), ("sse", "")]
)
def test_the_widest_vectors_decide_the_kind(flags, widest):
    assert processor_kind({"flags": flags}) == widest
