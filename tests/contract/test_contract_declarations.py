"""What every registered adapter says of itself."""

import json
import re
import subprocess
import sys
from typing import get_args

import pytest
from pydantic import BaseModel

from lorr_bench.ports.registry import adapter_names, load_adapter
from lorr_bench.ports.settings import settings_of
from lorr_bench.ports.trainer import RowKind

PAPER = re.compile(r"arXiv \d{4}\.\d{4,5}|https?://|doi", re.IGNORECASE)
FORM = re.compile(r"[a-z0-9][a-z0-9_-]*(\.[a-z0-9][a-z0-9_-]*)?")


@pytest.fixture(params=adapter_names())
def named(request):
    return request.param, load_adapter(request.param)


def test_the_entry_point_is_called_backend_and_method_or_method(named):
    name, adapter = named
    assert FORM.fullmatch(name)
    assert name in (adapter.name, f"{adapter.backend}.{adapter.name}")


def test_the_source_is_a_paper_or_a_page(named):
    _, adapter = named
    assert PAPER.search(adapter.source)


def test_every_hyper_parameter_says_what_it_means(named):
    _, adapter = named
    undescribed = [
        setting.name for setting in settings_of(adapter.hyperparameters) if not setting.description
    ]
    assert undescribed == []


def test_the_version_is_a_positive_number(named):
    _, adapter = named
    assert type(adapter.version) is int
    assert adapter.version >= 1


def test_the_rows_are_of_a_known_kind(named):
    _, adapter = named
    assert adapter.rows in get_args(RowKind)


@pytest.mark.parametrize(
    "answer",
    ["needs_reference", "takes_sft_term", "online", "in_process", "holds_logits", "exact_accumulation"],
)
def test_questions_are_answered_with_yes_or_no(named, answer):
    _, adapter = named
    assert type(getattr(adapter, answer)) is bool


def test_what_can_share_its_model_is_known_where_it_trains_in_this_process(named):
    _, adapter = named
    assert set(adapter.shardings) <= {"ddp", "fsdp", "deepspeed"}
    assert bool(adapter.shardings) == adapter.in_process


def test_an_online_method_asks_prompts_and_says_how_many_answers(named):
    _, adapter = named
    assert adapter.online == (adapter.rows == "prompts")
    known = adapter.known_settings(adapter.hyperparameters())
    assert adapter.online == (known.num_generations is not None)


def test_the_settings_have_defaults_and_refuse_unknown_names(named):
    _, adapter = named
    assert issubclass(adapter.hyperparameters, BaseModel)
    adapter.hyperparameters()
    with pytest.raises(ValueError, match="no_such_setting"):
        adapter.hyperparameters.model_validate({"no_such_setting": 1})


def test_the_settings_are_json(named):
    _, adapter = named
    values = adapter.hyperparameters().model_dump(mode="json")
    assert adapter.hyperparameters.model_validate(json.loads(json.dumps(values))) == adapter.hyperparameters()


def test_the_packages_are_named_with_versions(named):
    _, adapter = named
    packages = adapter.packages(adapter.hyperparameters())
    assert packages
    assert all(isinstance(name, str) and isinstance(version, str) for name, version in packages.items())


def test_the_reference_settings_are_json(named):
    _, adapter = named
    if adapter.needs_reference:
        values = adapter.reference_settings(adapter.hyperparameters())
        assert json.loads(json.dumps(values)) == values


@pytest.mark.slow
def test_finding_the_adapters_imports_no_torch():
    """``lorr-bench validate`` and ``list`` load every adapter, and have to answer at once."""
    code = """
import sys
from lorr_bench.ports.registry import adapter_names, load_adapter
for name in adapter_names():
    adapter = load_adapter(name)
    adapter.packages(adapter.hyperparameters())
    if heavy := {"torch", "transformers", "trl"} & set(sys.modules):
        sys.exit(f"{name} imports {sorted(heavy)}")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
