"""Adaptive LoRR through whole trainings of DPO: what was decided, and that an interruption changes nothing."""

import shutil

import pytest
import torch
from safetensors.torch import load_file

from lorr_bench.data.tokens import load_tokenizer, tokenize_pairs
from lorr_bench.lorr.adaptive import Adaptive, Rule
from lorr_bench.lorr.held_out import HeldOutSignal
from lorr_bench.lorr.loop import ReplayLoop, Reset
from lorr_bench.ports.registry import load_adapter
from lorr_bench.ports.trainer import StartModel, TrainJob

pytestmark = pytest.mark.slow

ROWS, HELD_OUT, STEPS = 12, 6, 3
SETTINGS = {"learning_rate": 2e-3, "per_device_train_batch_size": 4, "max_length": 96, "beta": 2}
DOWNSTREAM = Reset(pattern=r"\.(o_proj|down_proj)\.", factor=0.5, clear_optimizer=True)


class Killed(BaseException):
    """Not an Exception, so that nothing on the way takes it for a failure."""


class Told:
    """A signal with a value for each time that it is measured."""

    name = "told"

    def __init__(self, *values):
        self.values = iter(values)

    def measure(self, model):
        return next(self.values)


@pytest.fixture(scope="module")
def start(small_model):
    return StartModel(str(small_model), None, "float32", trust_remote_code=False)


@pytest.fixture(scope="module", params=["native.dpo", "trl.dpo"])
def train(request, start, nano_pairs, tmp_path_factory):
    """Trains four replays into a folder, or goes on from the checkpoints in it; gives outcome, weights, loop."""
    adapter = load_adapter(request.param)
    settings = adapter.hyperparameters.model_validate(SETTINGS)
    reference = tmp_path_factory.mktemp("reference") / "reference.parquet"
    adapter.reference(start, nano_pairs[:ROWS], settings, reference)
    tokenizer = load_tokenizer(start)
    held_out = tokenize_pairs(nano_pairs[ROWS : ROWS + HELD_OUT], tokenizer, 96)

    def train(folder, rule, signal=None, kill_at=None):
        (folder / "checkpoints").mkdir(parents=True, exist_ok=True)

        def progress(step, total, tokens=0):
            if step == kill_at:
                raise Killed

        signal = signal or HeldOutSignal("held_out_logp_chosen", held_out, tokenizer.pad_token_id)
        job = TrainJob(
            model=start,
            reference=reference,
            rows=nano_pairs[:ROWS],
            output=folder / "output",
            checkpoints=folder / "checkpoints",
            save_steps=1,
            stop_after=4,
            seed=3,
            loop=ReplayLoop(
                rows=ROWS,
                seed=3,
                sft_weights=(0.0,) * 4,
                reset=DOWNSTREAM,
                adaptive=Adaptive(rule, signal),
            ),
            hyperparameters=settings,
            progress=progress,
        )
        outcome = adapter.train(job)
        return outcome, load_file(folder / "output" / "model.safetensors"), job.loop

    return train


@pytest.fixture(scope="module")
def straight(train, tmp_path_factory):
    folder = tmp_path_factory.mktemp("straight")
    return folder, train(folder, Rule("below_last", scale=2.0))


def log_probability_of_chosen(folder, pairs):
    """Mean over the pairs, by transformers alone."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    totals = []
    for pair in pairs:
        prompt = tokenizer(pair.prompt)["input_ids"]
        ids = torch.tensor([*prompt, *tokenizer(pair.chosen)["input_ids"], tokenizer.eos_token_id])
        with torch.no_grad():
            log_probs = model(ids[None]).logits[0].log_softmax(-1)
        every = log_probs[:-1].gather(1, ids[1:, None])[:, 0]
        totals.append(every[len(prompt) - 1 :].sum().item())
    return sum(totals) / len(totals)


def test_the_signal_is_the_log_probability_of_held_out_responses(straight, start, nano_pairs):
    folder, (_, _, loop) = straight
    held_out = nano_pairs[ROWS : ROWS + HELD_OUT]
    measured = [log_probability_of_chosen(place, held_out) for place in (start.path, folder / "output")]
    assert [loop.signals[0], loop.signals[-1]] == pytest.approx(measured, rel=1e-4)


def test_the_decisions_are_those_that_the_recorded_signals_give(straight):
    _, (outcome, _, loop) = straight
    falls = [before - after for before, after in zip(loop.signals, loop.signals[1:], strict=False)]
    factors = [max(0.5, 1 - 0.5 * fall / 2.0) if fall > 0 else 1.0 for fall in falls[:-1]]
    assert [found["reset_factor"] for found in loop.diagnostics] == [*factors, 1.0]
    assert [found["signal/held_out_logp_chosen"] for found in loop.diagnostics] == loop.signals[1:]
    assert loop.resets_done == sum(factor < 1 for factor in factors)
    assert 0 < loop.resets_done < 3  # both decisions were met
    assert outcome.optimizer_steps == 4 * STEPS


def test_a_run_that_is_killed_again_and_again_decides_as_if_it_had_not_been(train, straight, tmp_path):
    rule = Rule("below_last", scale=2.0)
    for step in (2, STEPS + 1, 2 * STEPS, 3 * STEPS + 1):
        with pytest.raises(Killed):
            train(tmp_path, rule, kill_at=step)
    outcome, weights, loop = train(tmp_path, rule)
    _, (expected, expected_weights, expected_loop) = straight
    assert [name for name in weights if not torch.equal(weights[name], expected_weights[name])] == []
    assert (loop.signals, loop.diagnostics) == (expected_loop.signals, expected_loop.diagnostics)
    assert outcome == expected


def test_a_training_that_ends_early_makes_no_further_step_when_it_is_continued(train, tmp_path):
    rule = Rule("always", patience=1)
    outcome, weights, loop = train(tmp_path, rule, Told(0.0, 2.0, 1.0))
    assert outcome.optimizer_steps == 2 * STEPS
    assert len(outcome.replays) == loop.replays_done == 2
    assert loop.resets_done == 1  # after the first replay alone
    shutil.rmtree(tmp_path / "output")
    again, same_weights, _ = train(tmp_path, rule, Told(0.0))
    assert again == outcome
    assert [name for name in weights if not torch.equal(weights[name], same_weights[name])] == []
