"""GPUs that can be asked about."""

import pytest

from lorr_bench.errors import SuiteError
from lorr_bench.forecast.devices import DEVICES, read_devices

DRIVER_NAMES = {
    "a100-40gb": "NVIDIA A100-SXM4-40GB",
    "a100-80gb": "NVIDIA A100-SXM4-80GB",
    "h100-80gb": "NVIDIA H100 80GB HBM3",
    "h200-141gb": "NVIDIA H200",
    "l40s": "NVIDIA L40S",
    "rtx-4090": "NVIDIA GeForce RTX 4090",
    "rtx-3090": "NVIDIA GeForce RTX 3090",
}


@pytest.mark.parametrize(
    ("text", "name", "number"),
    [("h100-80gb:8", "H100 80 GB", 8), ("L40S", "L40S", 1), (" l40s:1 ", "L40S", 1)],
)
def test_a_name_and_a_number(text, name, number):
    found = read_devices(text)
    assert (found.device.name, found.number) == (name, number)
    assert str(found) == f"{number} × {name}"


@pytest.mark.parametrize("text", ["h100-80gb:", "h100-80gb:0", "h100-80gb:-1", "h100-80gb:two", "l40s:1:2"])
def test_a_number_that_is_none_is_refused(text):
    with pytest.raises(SuiteError, match="is no number of devices"):
        read_devices(text)


def test_a_name_that_is_not_known_is_refused_with_all_that_are():
    with pytest.raises(SuiteError, match="no device is called 'a100-80'") as refused:
        read_devices("a100-80:4")
    assert refused.value.fix.startswith("Did you mean a100-80gb? Known are a100-40gb, a100-80gb, h100-80gb")


@pytest.mark.parametrize("name", DEVICES)
def test_a_device_is_known_by_the_name_that_its_driver_gives(name):
    """Of all devices it alone, so that what was measured on one tells nothing about another."""
    called = [key for key, device in DEVICES.items() if device.is_called(DRIVER_NAMES[name])]
    assert called == [name]


@pytest.mark.parametrize("name", DEVICES)
def test_a_peak_of_bfloat16_is_above_that_of_float32(name):
    assert DEVICES[name].bf16_flops > DEVICES[name].float32_flops
