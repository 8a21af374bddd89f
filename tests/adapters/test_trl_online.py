"""Steps, charges and refusals of GRPO and RLOO."""

import pytest
from pydantic import ValidationError

from lorr_bench.errors import DataError
from lorr_bench.ports.registry import load_adapter

METHODS = ["grpo", "rloo"]
FEW = {"per_device_train_batch_size": 4, "num_generations": 2, "max_completion_length": 8}


@pytest.mark.parametrize(
    ("prompts", "batch", "generations", "steps"),
    [
        (12, (8, 1), 4, 6),  # two prompts a step
        (13, (8, 1), 4, 6),  # the last prompt fills no step
        (12, (4, 4), 8, 6),
        (12, (16, 1), 2, 1),  # eight prompts a step: four are left over
        (3, (16, 1), 4, 0),
    ],
)
@pytest.mark.parametrize("method", METHODS)
def test_steps_of_a_pass(method, prompts, batch, generations, steps):
    adapter = load_adapter(f"trl.{method}")
    settings = adapter.hyperparameters(
        per_device_train_batch_size=batch[0],
        gradient_accumulation_steps=batch[1],
        num_generations=generations,
    )
    assert adapter.steps_per_pass(prompts, settings) == steps


@pytest.mark.parametrize("method", METHODS)
def test_a_step_of_broken_groups_is_no_setting(method):
    with pytest.raises(ValidationError, match="12 answers a step must be a multiple of num_generations = 8"):
        load_adapter(f"trl.{method}").hyperparameters(
            per_device_train_batch_size=4, gradient_accumulation_steps=3, num_generations=8
        )


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_prompts_that_fill_no_step_are_refused(method, make_trainer, tmp_path):
    trainer = make_trainer(method, rows=3)
    with pytest.raises(DataError, match="3 prompts do not fill one optimizer step of 4"):
        trainer(tmp_path, settings={**FEW, "per_device_train_batch_size": 8})


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("accumulation", [1, 2])
def test_charges_by_hand(method, accumulation, make_trainer, tokenizer, tmp_path):
    trainer = make_trainer(method, rows=9)
    settings = {**FEW, "gradient_accumulation_steps": accumulation}
    trained = trainer(tmp_path, trainer.loop((0.0, 0.0)), settings=settings)
    outcome, visited = trained.outcome, 8  # the ninth prompt of each order fills no step
    assert outcome.optimizer_steps == 2 * visited // (2 * accumulation)
    assert outcome.verifier_calls == 2 * visited * 2
    asked = [trainer.rows[row] for replay in (1, 2) for row in trained.loop.order(replay)[:visited]]
    prompt_tokens = 2 * sum(len(tokenizer(prompt.text)["input_ids"]) for prompt in asked)
    assert outcome.train_tokens == prompt_tokens + outcome.generated_tokens
    assert outcome.generated_tokens == 8 * outcome.verifier_calls  # no answer ends within 8 tokens


@pytest.mark.slow
def test_answers_are_rewarded_by_the_policy_of_the_collection():
    pytest.importorskip("trl")
    from lorr_bench_adapters.trl.training.online import rewards

    from lorr_bench.grade import Policy

    answers = ["4", "4"], [r"\boxed{5}", r"\boxed{4}"]
    assert rewards(*answers, Policy()) == [0.0, 1.0]
    assert rewards(*answers, Policy(tolerance=0.5)) == [1.0, 1.0]
