"""Every shipped suite says which devices it was set for, and fits them by the plan's own estimates."""

import json
import os
import struct
from pathlib import Path

import pytest
import yaml

from lorr_bench.data.nano import tokenizer
from lorr_bench.forecast.devices import read_devices
from lorr_bench.forecast.estimates import Estimates
from lorr_bench.forecast.forecast import estimate_plan, machine_with
from lorr_bench.forecast.measured import model_size
from lorr_bench.forecast.memory import Machine
from lorr_bench.plan.plan import make_plan
from lorr_bench.spec.load import load_suite
from lorr_bench.store.store import Store

SUITES = Path(__file__).parents[2] / "suites"
SAID = {
    file.relative_to(SUITES).with_suffix("").as_posix(): yaml.safe_load(file.read_text("utf-8"))
    for file in sorted(SUITES.rglob("*.yaml"))
}
UNVARIED = [name for name, said in SAID.items() if "device" in said]
VARIED = [name for name, said in SAID.items() if "variants" in said]
VARIANTS = [(name, variant) for name in VARIED for variant in SAID[name]["variants"]]
SMALL_MACHINE = Machine((), 8 << 30)
# Qwen2.5-1.5B, the largest model that the suite on GSM8K is for.
QWEN = {
    "model_type": "qwen2",
    "num_hidden_layers": 28,
    "hidden_size": 1536,
    "intermediate_size": 8960,
    "num_attention_heads": 12,
    "num_key_value_heads": 2,
    "vocab_size": 151936,
    "max_position_embeddings": 131072,
    "tie_word_embeddings": True,
}


@pytest.fixture
def verdicts(tmp_path):
    """Whether the largest stage of each kind fits, by kind."""

    def of(name, *overrides):
        lm_eval_is_needed = name in ("quickstart", "smoke", "methods")  # its index takes seconds
        options = [] if lm_eval_is_needed else ["evaluation.general=[]"]
        loaded = load_suite(SUITES / f"{name}.yaml", [*options, *overrides])
        device = loaded.suite.device
        plan = make_plan(loaded, gpu_build=device != "cpu")
        machine = SMALL_MACHINE if device == "cpu" else machine_with(read_devices(device))
        estimates = Estimates(plan, (), (), model_size, machine)
        found = {kind: estimates.largest(kind) for kind in estimates.all_workloads}
        return {kind: largest.memory.verdict for kind, largest in found.items() if largest}, device

    return of


@pytest.fixture
def own_model(tmp_path):
    """Overrides of the suite on GSM8K, whose model and problems are the user's."""
    tokenizer.build().save_pretrained(tmp_path)
    (tmp_path / "chat_template.jinja").write_text("{{ messages }}")
    (tmp_path / "config.json").write_text(json.dumps(QWEN))
    (tmp_path / "model.safetensors").write_bytes(
        struct.pack("<Q", 2) + b"{}"
    )  # the configuration says it all
    row = {"problem": "1 + 1?", "question": "1 + 1?", "answer": "#### 2"}
    (tmp_path / "problems.jsonl").write_text("".join(json.dumps(row) + "\n" for _ in range(4000)))
    problems = tmp_path / "problems.jsonl"
    sources = (f"data.collect.source={problems}", f"evaluation.math.0.source={problems}")
    return (f"model.path={tmp_path}", *sources)


def fits(found, name):
    """Whether all that was estimated fits, and the pairs and the training are among it."""
    is_scored = "reward_model" in SAID[name]["data"]["collect"]
    assert ({"sample", "score", "train"} if is_scored else {"collect", "train"}) <= found.keys()
    return set(found.values()) == {"fits"}


@pytest.mark.slow
@pytest.mark.parametrize("name", UNVARIED)
def test_a_suite_fits_the_device_that_it_names(verdicts, own_model, name):
    found, device = verdicts(name, *(own_model if name == "gsm8k" else ()))
    assert device is not None
    assert fits(found, name)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "variant"), VARIANTS)
def test_a_suite_fits_the_device_of_each_of_its_variants(verdicts, name, variant):
    found, device = verdicts(name, f"variant={variant}")
    assert "reference" in found
    assert fits(found, name)
    if variant.endswith("x80gb"):
        gpus = variant.removesuffix("x80gb")
        assert device == ("h100-80gb" if gpus == "1" else f"h100-80gb:{gpus}")


def test_a_paper_suite_has_a_variant_for_one_four_and_eight_gpus():
    papers = [said for name, said in SAID.items() if name.startswith("paper/")]
    assert all({"1x80gb", "4x80gb", "8x80gb"} <= said["variants"].keys() for said in papers)


def test_every_suite_has_a_device_as_it_stands():
    assert set(SAID) == set(UNVARIED)


@pytest.mark.slow
@pytest.mark.parametrize("name", VARIED)
def test_an_update_has_the_same_rows_in_every_variant(name):
    """Rows of a micro-batch, times micro-batches, times processes, of each method."""
    options = [[], *([f"variant={variant}"] for variant in SAID[name]["variants"])]
    first, *others = (global_batches(SUITES / f"{name}.yaml", chosen) for chosen in options)
    assert all(other == first for other in others)


def global_batches(file, options):
    plan = make_plan(load_suite(file, ["evaluation.general=[]", *options]))
    processes = plan.suite.training.num_processes
    return {arm.name: arm.known_settings.global_batch_size * processes for arm in plan.arms}


@pytest.mark.slow
def test_four_and_eight_gpus_do_the_same_work():
    file = SUITES / "paper" / "main_table.yaml"
    plans = [make_plan(load_suite(file, ["evaluation.general=[]", f"variant={n}x80gb"])) for n in (4, 8)]
    assert [stage.digest for stage in plans[0].stages] == [stage.digest for stage in plans[1].stages]


@pytest.mark.slow
def test_the_main_table_as_the_papers_have_it_fits_no_gpu_of_80_gb(tmp_path):
    """Hence its variants. Beside an engine that is awake it does not fit the GPU that it names either."""
    suite = load_suite(SUITES / "paper" / "main_table.yaml", ["evaluation.general=[]"])
    assert verdict_on("h100-80gb", suite, tmp_path) == "does not fit"
    halves = [f"execution.resources.{pool}.gpus=0.5" for pool in ("train", "engine")]
    beside = ["execution.executor=ray", *halves, "evaluation.general=[]"]
    suite = load_suite(SUITES / "paper" / "main_table.yaml", beside)
    assert verdict_on("h200-141gb", suite, tmp_path) == "does not fit"


def verdict_on(device, suite, folder):
    """Whether the largest training fits."""
    forecast = estimate_plan(
        make_plan(suite, gpu_build=True), Store(folder), os.environ, read_devices(device)
    )
    return forecast.estimates.largest("train").memory.verdict
