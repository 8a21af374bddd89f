"""Adapters by name: full names, methods, backends, and what is said about names that are none."""

from importlib.metadata import EntryPoint

import pytest

from lorr_bench.errors import LorrBenchError, SuiteError
from lorr_bench.ports import registry
from lorr_bench.ports.registry import GROUP, adapter_names, find_adapter, load_adapter

INSTALLED = ("native.dpo", "trl.dpo", "trl.kto", "native.cdpo", "zebra.orpo", "alpaca.orpo", "alone")


@pytest.fixture
def installed(monkeypatch):
    """Replace the installed adapters; every one is a ``dict``."""

    def install(*entries):
        found = [e if isinstance(e, EntryPoint) else EntryPoint(e, "builtins:dict", GROUP) for e in entries]
        monkeypatch.setattr(registry, "entry_points", lambda group: found if group == GROUP else [])
        registry.installed_adapters.cache_clear()

    install(*INSTALLED)
    yield install
    registry.installed_adapters.cache_clear()


def test_names_are_sorted(installed):
    assert adapter_names() == tuple(sorted(INSTALLED))


@pytest.mark.parametrize(
    ("method", "found"),
    [
        ("dpo", "trl.dpo"),  # TRL first
        ("cdpo", "native.cdpo"),
        ("orpo", "alpaca.orpo"),  # else the first by name
        ("alone", "alone"),
        ("native.dpo", "native.dpo"),
    ],
)
def test_a_method_is_found_on_the_preferred_backend(installed, method, found):
    assert find_adapter(method) == found


def test_native_is_preferred_to_other_backends(installed):
    installed("native.dpo", "alpaca.dpo")
    assert find_adapter("dpo") == "native.dpo"


@pytest.mark.parametrize("backend", ["trl", "native"])
def test_a_backend_can_be_named(installed, backend):
    assert find_adapter("dpo", backend) == f"{backend}.dpo"


@pytest.mark.parametrize(
    ("method", "backend", "wanted", "near"),
    [
        ("dop", None, "dop", "dpo"),
        ("trl.dop", None, "trl.dop", "trl.dpo"),
        ("kto", "native", "native.kto", "native.dpo"),
        ("dpo", "tlr", "tlr.dpo", "trl.dpo"),
    ],
)
def test_an_unknown_name_gets_the_nearest_ones(installed, method, backend, wanted, near):
    with pytest.raises(SuiteError, match=f"no adapter is called '{wanted}'") as caught:
        find_adapter(method, backend)
    assert near in caught.value.fix
    assert "lorr-bench list methods" in caught.value.fix


def test_a_name_like_no_other_gets_them_all(installed):
    with pytest.raises(SuiteError) as caught:
        find_adapter("xyz")
    assert all(name in caught.value.fix for name in INSTALLED)


def test_an_adapter_is_made_by_its_entry_point(installed):
    assert load_adapter("trl.dpo") == {}


def test_an_unknown_adapter_is_not_loaded(installed):
    with pytest.raises(SuiteError, match=r"no adapter is called 'trl\.xyz'"):
        load_adapter("trl.xyz")


@pytest.mark.parametrize(
    "value", ["no_such_module:Adapter", "builtins:NoSuchName", "builtins:bytearray.fromhex"]
)
def test_an_adapter_that_does_not_load_names_its_entry_point(installed, value):
    installed(EntryPoint("trl.dpo", value, GROUP))
    with pytest.raises(LorrBenchError, match=r"the adapter 'trl\.dpo' does not load") as caught:
        load_adapter("trl.dpo")
    assert caught.value.where == value


def test_two_packages_can_not_register_one_name(installed):
    installed(EntryPoint("trl.dpo", "one:A", GROUP), EntryPoint("trl.dpo", "two:B", GROUP))
    with pytest.raises(LorrBenchError, match=r"the adapter 'trl\.dpo': one:A and two:B"):
        adapter_names()


def test_a_package_that_is_found_twice_is_one(installed):
    installed("trl.dpo", "trl.dpo")
    assert adapter_names() == ("trl.dpo",)


def test_every_installed_entry_point_is_called_backend_and_method():
    for name in adapter_names():
        adapter = load_adapter(name)
        assert name == f"{adapter.backend}.{adapter.name}"
