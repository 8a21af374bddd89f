"""An update of some rows, cut into micro-batches in different ways.

With an epsilon that dwarfs every gradient, Adam is plain gradient descent, so that the change of the weights in
one update is the gradient.
"""

import dataclasses
from typing import get_args

import pytest
import torch

from lorr_bench.lorr.loop import ReplayLoop
from lorr_bench.ports.trainer import split_places

pytestmark = pytest.mark.slow

EPSILON = 1e6
RATE = 100 * EPSILON  # gradients are multiplied by 100, far above the rounding of the weights
SFT_WEIGHT = 0.3
WHOLE = {"per_device_train_batch_size": 8, "gradient_accumulation_steps": 1}
CUT = {"per_device_train_batch_size": 4, "gradient_accumulation_steps": 2}
ANSWERS = {**WHOLE, "per_device_train_batch_size": 16, "num_generations": 4}  # to four prompts
CUT_ANSWERS = {**ANSWERS, "per_device_train_batch_size": 4, "gradient_accumulation_steps": 4}
ROUNDING, FAR = 1e-5, 1e-2


class InOrder(ReplayLoop):
    """Long responses first, so that micro-batches differ in their tokens."""

    def __init__(self, rows, lengths, sft_weight):
        super().__init__(rows=rows, seed=0, sft_weights=(sft_weight,), reset=None)
        self.lengths = lengths

    def order(self, replay):
        return sorted(range(self.rows), key=lambda row: -self.lengths[row])


def length(row):
    texts = [getattr(row, name, "") for name in ("chosen", "completion", "response")]
    return max(map(len, texts))


@pytest.fixture(scope="module")
def moved(bench, tmp_path_factory):
    """The start model with noise on it: a reference from which the policy differs."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    torch.manual_seed(1)
    folder = tmp_path_factory.mktemp("moved")
    model = AutoModelForCausalLM.from_pretrained(bench.start.path, dtype=torch.float32)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(2 * parameter.std() * torch.randn_like(parameter))
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(bench.start.path).save_pretrained(folder)
    return folder


@pytest.fixture
def gradient(bench, moved, tmp_path):
    """Gives the gradient of one update of the first rows, for a way to cut them."""

    def gradient(rows, **settings):
        still = {"learning_rate": RATE, "adam_epsilon": EPSILON, "max_grad_norm": 0.0}
        hyperparameters = bench.settings(**still, lr_scheduler_type="constant", **settings)
        folder = tmp_path / "-".join(map(str, settings.values()))
        folder.mkdir()
        reference, kept = None, bench.rows[:rows]
        if bench.adapter.needs_reference:
            reference = folder / "reference.parquet"
            start = dataclasses.replace(bench.start, path=str(moved))
            # TRL mismatches responses within a batch of its reference; the same file serves every cut.
            whole = bench.settings(**WHOLE)
            bench.adapter.reference(start, kept, whole, reference)
        weight = SFT_WEIGHT if bench.adapter.takes_sft_term else 0.0
        trained = bench.train(
            folder,
            rows=kept,
            reference=reference,
            hyperparameters=hyperparameters,
            loop=InOrder(len(kept), [length(row) for row in kept], weight),
            stop_after=1,
        )
        assert trained.outcome.optimizer_steps == 1
        names = sorted(trained.weights)
        return torch.cat([(trained.weights[name] - bench.start_weights[name]).flatten() for name in names])

    return gradient


def distance(left, right):
    return float((left - right).norm() / left.norm())


def test_an_update_is_the_same_however_it_is_cut_or_the_method_says_it_is_not(bench, gradient):
    rows, whole, cut = (4, ANSWERS, CUT_ANSWERS) if bench.adapter.online else (8, WHOLE, CUT)
    apart = distance(gradient(rows, **whole), gradient(rows, **cut))
    assert apart < ROUNDING if bench.adapter.exact_accumulation else apart > FAR


def test_a_smaller_last_micro_batch_weighs_by_its_rows(bench, gradient):
    if bench.adapter.online or not bench.adapter.exact_accumulation:
        pytest.skip("has none, or its batch is part of its loss")
    assert distance(gradient(7, **WHOLE), gradient(7, **CUT)) < ROUNDING


@pytest.mark.parametrize("loss_type", ["dapo", "bnpo", "dr_grpo"])
def test_so_is_it_with_every_mean_over_tokens(bench, gradient, loss_type):
    field = bench.adapter.hyperparameters.model_fields.get("loss_type")
    if field is None:
        pytest.skip("has one")
    assert loss_type in get_args(field.annotation)
    whole, cut = (gradient(4, **way, loss_type=loss_type) for way in (ANSWERS, CUT_ANSWERS))
    assert distance(whole, cut) < ROUNDING


def test_what_says_how_an_update_is_cut_is_in_the_digest(adapter):
    outcome, places = split_places(adapter.hyperparameters())
    assert CUT.keys() <= outcome.keys()
    assert not CUT.keys() & places.keys()
