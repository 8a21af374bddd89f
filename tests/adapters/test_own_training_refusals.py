"""What a trainer of one's own is told beside LoRR and can't have together with it, is told in a sentence."""

import pytest
import torch
from datasets import Dataset
from lorr_bench_adapters.trl import LoRRCallback, LoRRConfig, with_lorr
from lorr_bench_adapters.trl.training.checks import check_arguments, check_data, check_schedule, check_start
from pydantic import ValidationError
from transformers import Trainer, TrainerState
from trl import DPOConfig, DPOTrainer, SFTConfig, SFTTrainer

from lorr_bench.errors import SuiteError

pytestmark = pytest.mark.slow  # TRL alone takes seconds to import

QUIET = {"use_cpu": True, "bf16": False, "dataloader_pin_memory": False, "report_to": "none"}
LORR = LoRRConfig()


def arguments(folder, config=DPOConfig, **changes):
    return config(output_dir=str(folder), **{**QUIET, **changes})


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"num_train_epochs": 1}, "an epoch is a replay: 1 epochs are not 3 replays"),
        ({"num_train_epochs": 2.5}, "2.5 epochs are not 3 replays"),
        ({"max_steps": 10}, "max_steps cuts the 3 replays short"),
        ({"train_sampling_strategy": "group_by_length"}, "which group_by_length would too"),
        ({"train_sampling_strategy": "sequential"}, "which sequential would too"),
        (
            {"lr_scheduler_type": "greedy", "eval_strategy": "epoch"},
            "greedy follows an evaluation, which a reset throws back",
        ),
        ({"restore_callback_states_from_checkpoint": True}, "does not know the start weights"),
        ({"loss_type": ["sigmoid", "sft"], "loss_weights": [1, 1]}, "has an SFT term already"),
    ],
)
def test_arguments_that_contradict_lorr_are_refused(tmp_path, changes, sentence):
    with pytest.raises(SuiteError, match=sentence) as found:
        check_arguments(arguments(tmp_path, **changes), LORR, in_trainer=True)
    assert found.value.where.startswith("DPOConfig.")


def test_a_best_model_is_not_reset_at_the_end(tmp_path):
    best = {"load_best_model_at_end": True, "eval_strategy": "epoch", "save_strategy": "epoch"}
    args = arguments(tmp_path, **best)
    check_arguments(args, LORR, in_trainer=True)
    with pytest.raises(SuiteError, match="would change the best model instead of the last one") as found:
        check_arguments(args, LoRRConfig(reset={"period": "end"}), in_trainer=True)
    assert found.value.where == "DPOConfig.load_best_model_at_end"


def test_what_needs_held_out_pairs_is_refused():
    with pytest.raises(ValidationError, match="adaptive needs pairs that are held out: `lorr-bench run`"):
        LoRRConfig(adaptive={})


def test_packing_is_refused(tmp_path):
    with pytest.raises(SuiteError, match="packing joins rows before LoRR can order them"):
        check_arguments(arguments(tmp_path, SFTConfig, packing=True), LORR, in_trainer=True)


def test_arguments_that_fit_pass(tmp_path):
    check_arguments(arguments(tmp_path, lr_scheduler_type="cosine"), LORR, in_trainer=True)
    check_arguments(arguments(tmp_path, num_train_epochs=2), LoRRConfig(replays=2), in_trainer=False)


def test_in_deepspeed_a_callback_alone_can_not_clear_moments(tmp_path):
    args = arguments(tmp_path)
    args.deepspeed_plugin = object()
    check_arguments(args, LORR, in_trainer=True)
    check_arguments(args, LoRRConfig(reset={"optimizer_state": "keep"}), in_trainer=False)
    with pytest.raises(SuiteError, match="a callback alone can't clear the moments"):
        check_arguments(args, LORR, in_trainer=False)


def test_streaming_data_are_refused():
    rows = Dataset.from_list([{"prompt": "a"}, {"prompt": "b"}])
    assert check_data(rows) == 2
    with pytest.raises(SuiteError, match="streaming data have no order"):
        check_data(rows.to_iterable_dataset())


def test_a_schedule_that_ends_before_the_last_replay_is_refused():
    """Linear over 4 of 12 steps: nothing would be learned in the third replay; over 9 something would."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)

    def linear(steps):
        return torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: max(0.0, 1 - step / steps))

    check_schedule(linear(9), 12, 3)
    check_schedule(torch.optim.lr_scheduler.StepLR(optimizer, 1), 12, 3)
    with pytest.raises(SuiteError, match="rate is 0 in the last of 3 replays"):
        check_schedule(linear(4), 12, 3)


NAME = "LoRRCallback"
START = {"anchor": "ab", "seed": 3, "config": {"replays": 2}, "rows": 12}


def checkpoint(**changes):
    kept = {"attributes": {**START, "resets_done": 1, **changes}}
    return TrainerState(global_step=4, stateful_callbacks={NAME: kept})


def test_a_checkpoint_of_the_same_start_passes():
    assert check_start(checkpoint(), START, NAME) == 1
    assert check_start(TrainerState(), None, NAME) == 0


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"anchor": "cd"}, "other start weights"),
        ({"rows": 11}, "other rows 11"),
        ({"config": {}}, "other config"),
    ],
)
def test_a_checkpoint_of_another_start_is_refused(changes, sentence):
    with pytest.raises(SuiteError, match=sentence):
        check_start(checkpoint(**changes), START, NAME)


def test_a_checkpoint_without_lorr_is_refused():
    with pytest.raises(SuiteError, match="written without LoRR"):
        check_start(TrainerState(global_step=4, stateful_callbacks={}), START, NAME)


def test_a_callback_that_comes_after_a_checkpoint_is_refused():
    with pytest.raises(SuiteError, match="added after the start weights were gone"):
        check_start(checkpoint(), None, NAME)


def test_a_callback_alone_refuses_an_sft_term():
    with pytest.raises(SuiteError, match="a callback can't add the SFT term"):
        LoRRCallback(LORR)


def test_an_sft_trainer_refuses_an_sft_term():
    with pytest.raises(SuiteError, match="LoRRSFTTrainer's loss would be the same loss again"):
        with_lorr(SFTTrainer)(lorr=LORR)


def test_a_trainer_that_is_not_known_is_refused():
    with pytest.raises(SuiteError, match="and Trainer is none of them"):
        with_lorr(Trainer)


def test_a_subclass_of_a_known_trainer_keeps_what_it_adds():
    class Mine(DPOTrainer):
        own = 1

    assert with_lorr(Mine).own == 1
    assert with_lorr(Mine).__name__ == "LoRRMine"
    assert issubclass(with_lorr(Mine), DPOTrainer)


class Loader:
    """A loader that some callback has put in order already."""

    def __init__(self, sampler):
        self.sampler = sampler

    def get_sampler(self):
        return self.sampler


def test_two_callbacks_are_refused():
    from lorr_bench_adapters.trl.training.callback import LoopCallback, ReplaySampler

    first, second = LoopCallback(), LoopCallback()
    loader = Loader(ReplaySampler(first))
    first.on_train_begin(None, None, None, train_dataloader=loader)
    with pytest.raises(SuiteError, match="two LoRR callbacks"):
        second.on_train_begin(None, None, None, train_dataloader=loader)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"unique_pairs": [8]}, "unique_pairs is for suites"),
        ({"rollout_ratio": 0.5}, "rollout_ratio needs answers and a grader"),
        ({"reset": {"anchor": "init"}}, "`init` needs a second model"),
        ({"reset": {"period": "round"}}, "a trainer has one round"),
        ({"reset": {"period": "begin"}}, "a trainer begins at its anchor, so `begin` changes nothing"),
        ({"label_noise": 0.1}, "label_noise is for suites"),
        ({"replay": 3}, "replay"),
        ({"sft": {"weights": [0.5]}}, "sft.weights has 1 entries for 3 replays"),
    ],
)
def test_options_that_only_a_suite_has_are_refused(settings, sentence):
    with pytest.raises(ValidationError, match=sentence):
        LoRRConfig(**settings)


def test_a_part_that_is_off_is_off():
    config = LoRRConfig(replays=2, reset=None, sft=None)
    assert config.loop_reset is None
    assert config.sft_weights == (0.0, 0.0)


def test_the_public_names_are_those_that_are_told():
    from lorr_bench_adapters import trl

    assert sorted(trl.__all__) == ["LoRRCallback", "LoRRConfig", "with_lorr"]
    with pytest.raises(AttributeError, match="has no attribute 'other'"):
        trl.other  # noqa: B018
