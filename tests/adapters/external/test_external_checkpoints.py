"""LoRR around a program that adds 1 to every weight, so that every result can be worked out by hand."""

import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from lorr_bench_adapters.external.checkpoints import CheckpointTrainer
from lorr_bench_adapters.external.tokens import count_tokens, fit_texts
from lorr_bench_adapters.loading import load_trainable
from lorr_bench_adapters.settings import LoraSettings, TrainingSettings
from safetensors.torch import load_file, save_file

from lorr_bench.data.tokens import load_tokenizer
from lorr_bench.errors import DataError, DivergedError, ModelError, StageError, SuiteError
from lorr_bench.lorr.adaptive import Adaptive, Rule
from lorr_bench.lorr.loop import ReplayLoop, Reset
from lorr_bench.ports.trainer import StartModel, TrainJob
from lorr_bench.values import Pair

pytestmark = pytest.mark.slow

PROGRAM = Path(__file__).parent / "fake_trainer.py"
SETTINGS = TrainingSettings(per_device_train_batch_size=8, max_length=96)
HALVE = Reset(r"\.(o_proj|down_proj)\.", factor=0.5, clear_optimizer=True)
WEIGHTS = (0.17, 0.33, 0.5)
RESET_NAME = "model.layers.0.self_attn.o_proj.weight"
OTHER_NAME = "model.layers.0.self_attn.q_proj.weight"


class FakeTrainer(CheckpointTrainer):
    """Keeps the runs it was asked for, and fails in the replays named in ``broken``."""

    name = backend = source = "fake"
    version = 1
    hyperparameters = TrainingSettings

    def __init__(self, broken=()):
        self.broken = broken
        self.runs = []

    def packages(self, hyperparameters=None):
        return {}

    def variables(self, settings):
        return {}

    def command(self, run):
        self.runs.append(run)
        replay = int(run.folder.name.removesuffix(".run").removeprefix("replay-"))
        if replay in self.broken:
            return [sys.executable, "-c", self.broken[replay]]
        steps = self.steps_per_pass(len(run.rows), run.settings)
        return [sys.executable, str(PROGRAM), str(run.model), str(run.output), str(steps)]

    def steps_done(self, run):
        file = run.output / "steps"
        return int(file.read_text("utf-8")) if file.exists() else 0

    def logged(self, run):
        return {"sft_weight": run.sft_weight}


@pytest.fixture
def make_job(small_model, nano_pairs, tmp_path):
    """Makes a job on 40 pairs; calling it again continues in the same folders."""

    def make_job(weights=WEIGHTS, reset=HALVE, **changes):
        for name in ("output", "checkpoints"):
            (tmp_path / name).mkdir(exist_ok=True)
        job = TrainJob(
            model=StartModel(str(small_model), None, "float32", trust_remote_code=False),
            reference=None,
            rows=nano_pairs,
            output=tmp_path / "output",
            checkpoints=tmp_path / "checkpoints",
            save_steps=0,
            stop_after=len(weights),
            seed=0,
            loop=ReplayLoop(rows=len(nano_pairs), seed=3, sft_weights=weights, reset=reset),
            hyperparameters=SETTINGS,
            progress=lambda *_: None,
        )
        return replace(job, **changes)

    return make_job


def gained(folder, small_model):
    """By how much each weight grew over the start model."""
    start = load_file(small_model / "model.safetensors")
    trained = load_file(folder / "model.safetensors")
    return {name: trained[name] - start[name] for name in trained}


def assert_gain(change, expected):
    torch.testing.assert_close(change, torch.full_like(change, expected), rtol=0, atol=1e-6)


def test_each_replay_gets_the_rows_in_the_order_of_the_loop(make_job, nano_pairs):
    trainer, job = FakeTrainer(), make_job()
    trainer.train(job)
    for number, run in enumerate(trainer.runs, start=1):
        assert list(run.rows) == [nano_pairs[row] for row in job.loop.order(number)]


def test_each_replay_gets_its_sft_weight(make_job):
    trainer = FakeTrainer()
    trainer.train(make_job())
    assert [run.sft_weight for run in trainer.runs] == [0.17, 0.33, 0.5]


def test_each_replay_starts_from_the_checkpoint_before(make_job):
    trainer = FakeTrainer()
    trainer.train(make_job())
    assert [run.model.name for run in trainer.runs] == ["start", "replay-1", "replay-2"]
    assert {run.start.name for run in trainer.runs} == {"start"}


def test_resets_interpolate_the_saved_weights(make_job, small_model):
    """Three times +1, halved after the first and second: ((0 + 1)/2 + 1)/2 + 1 = 1.75. The others: 3."""
    job = make_job()
    FakeTrainer().train(job)
    gain = gained(job.output, small_model)
    for name, change in gain.items():
        assert_gain(change, 1.75 if ".o_proj." in name or ".down_proj." in name else 3.0)
    assert job.loop.resets_done == 2


def test_a_reset_at_the_end_is_in_the_output_and_is_not_made_again(make_job, small_model):
    """Three times +1, a quarter of it kept: 0.75; a finished training only writes its output again."""
    shrink = Reset(r"\.(o_proj|down_proj)\.", factor=0.25, clear_optimizer=True, period="end")
    for _ in range(2):
        job = make_job(reset=shrink)
        FakeTrainer().train(job)
        for name, change in gained(job.output, small_model).items():
            assert_gain(change, 0.75 if ".o_proj." in name or ".down_proj." in name else 3.0)
        assert job.loop.resets_done == 1


def test_without_reset_the_replays_add_up(make_job, small_model):
    job = make_job(reset=None)
    FakeTrainer().train(job)
    for change in gained(job.output, small_model).values():
        assert_gain(change, 3.0)


def test_a_plain_method_is_one_run(make_job, small_model):
    trainer, job = FakeTrainer(), make_job(weights=(0.0,), reset=None)
    trainer.train(job)
    assert len(trainer.runs) == 1
    assert_gain(gained(job.output, small_model)[OTHER_NAME], 1.0)


def test_a_reset_at_the_end_of_a_round_is_in_the_output(make_job, small_model, nano_pairs):
    reset = replace(HALVE, period="round")
    loop = ReplayLoop(rows=len(nano_pairs), seed=3, sft_weights=(0.0, 0.0), reset=reset, round=1, rounds=2)
    job = make_job(loop=loop, stop_after=2)
    FakeTrainer().train(job)
    assert_gain(gained(job.output, small_model)[RESET_NAME], 1.0)  # (1 + 1) / 2
    assert_gain(gained(job.output, small_model)[OTHER_NAME], 2.0)


def test_after_a_failure_only_the_unfinished_replays_run(make_job, small_model):
    with pytest.raises(StageError, match="exit code 7"):
        FakeTrainer({2: "raise SystemExit(7)"}).train(make_job())
    trainer, job = FakeTrainer(), make_job()
    outcome = trainer.train(job)
    assert [run.model.name for run in trainer.runs] == ["replay-1", "replay-2"]
    assert_gain(gained(job.output, small_model)[RESET_NAME], 1.75)
    assert job.loop.resets_done == 2
    assert [log["sft_weight"] for log in outcome.replays] == [0.17, 0.33, 0.5]


def test_what_a_kill_left_half_written_is_done_again(make_job, small_model):
    FakeTrainer().train(make_job(stop_after=1))
    job = make_job()
    for name in ("replay-2.run/trained", "replay-2.draft"):
        (job.checkpoints / name).mkdir(parents=True)
        (job.checkpoints / name / "model.safetensors").write_bytes(b"half")
    FakeTrainer().train(job)
    assert_gain(gained(job.output, small_model)[RESET_NAME], 1.75)


def test_a_run_that_stops_after_a_replay_is_continued(make_job, small_model):
    first, second = FakeTrainer(), FakeTrainer()
    assert first.train(make_job(stop_after=2)).optimizer_steps == 10
    job = make_job()
    assert second.train(job).optimizer_steps == 15
    assert (len(first.runs), len(second.runs)) == (2, 1)
    assert_gain(gained(job.output, small_model)[RESET_NAME], 1.75)


class Told:
    """A signal with a value for each time that it is measured."""

    name = "told"

    def __init__(self, *values):
        self.values = iter(values)

    def measure(self, model):
        return next(self.values)


def test_a_signal_decides_on_resets_and_on_the_end(make_job, small_model, nano_pairs):
    """+1; +1, halved, for the signal fell: (1 + 1)/2; +1 and no new best for the second time. The others: 3."""

    def job(*values):
        adaptive = Adaptive(Rule("below_last", patience=2), Told(*values))
        loop = ReplayLoop(
            rows=len(nano_pairs), seed=3, sft_weights=(0.0,) * 5, reset=HALVE, adaptive=adaptive
        )
        return make_job(weights=(0.0,) * 5, loop=loop)

    trainer, first = FakeTrainer(), job(0.0, 4.0, 2.0, 3.0)
    outcome = trainer.train(first)
    assert (len(trainer.runs), outcome.optimizer_steps, len(outcome.replays)) == (3, 15, 3)
    assert_gain(gained(first.output, small_model)[RESET_NAME], 2.0)
    assert_gain(gained(first.output, small_model)[OTHER_NAME], 3.0)
    shutil.rmtree(first.output)
    continued = FakeTrainer()
    assert continued.train(job(0.0)) == outcome
    assert continued.runs == []


def test_a_finished_training_only_writes_its_output_again(make_job, small_model):
    FakeTrainer().train(make_job())
    trainer, job = FakeTrainer(), make_job()
    shutil.rmtree(job.output)
    trainer.train(job)
    assert trainer.runs == []
    assert_gain(gained(job.output, small_model)[RESET_NAME], 1.75)


def test_only_the_start_the_last_replay_and_the_logs_are_kept(make_job):
    job = make_job()
    FakeTrainer().train(job)
    kept = sorted(path.name for path in job.checkpoints.iterdir())
    assert kept == ["replay-1.log", "replay-2.log", "replay-3", "replay-3.log", "start"]
    assert (job.checkpoints / "replay-2.log").read_text("utf-8") == "training replay-1\n"


def test_the_output_is_a_model_with_tokenizer_and_no_pickle(make_job):
    job = make_job()
    FakeTrainer().train(job)
    assert load_tokenizer(StartModel(str(job.output), None, "float32", trust_remote_code=False))
    assert {path.suffix for path in job.output.iterdir()} == {".json", ".safetensors"}


def test_progress_counts_the_steps_of_all_replays(make_job):
    seen = []
    FakeTrainer().train(make_job(progress=lambda done, total: seen.append((done, total))))
    assert seen == sorted(seen)
    assert {(5, 15), (10, 15), (15, 15)} <= set(seen)


def test_the_outcome_counts_steps_tokens_and_parameters(make_job, small_model, nano_pairs):
    """The nano tokenizer gives a token a word or digit; each sequence ends with one more."""
    outcome = FakeTrainer().train(make_job())
    tokenizer = load_tokenizer(StartModel(str(small_model), None, "float32", trust_remote_code=False))
    one_pass = sum(
        len(tokenizer.tokenize(pair.prompt)) + len(tokenizer.tokenize(response)) + 1
        for pair in nano_pairs
        for response in (pair.chosen, pair.rejected)
    )
    assert outcome.optimizer_steps == 15
    assert outcome.train_tokens == 3 * one_pass
    assert outcome.parameters == sum(w.numel() for w in load_file(small_model / "model.safetensors").values())


def test_a_trainer_that_leaves_no_model_is_an_error(make_job):
    class Counting(FakeTrainer):
        def steps_done(self, run):
            return 5

    with pytest.raises(StageError, match=r"left no model that loads; its last lines:\nnothing done"):
        Counting({1: "print('nothing done')"}).train(make_job())


def test_a_pass_that_is_too_short_is_an_error(make_job):
    """For example because the trainer left out rows, or made larger batches on several devices."""

    class Short(FakeTrainer):
        def steps_done(self, run):
            return 4

    with pytest.raises(StageError, match="made 4 optimizer steps where a pass has 5"):
        Short().train(make_job())


def test_a_trainer_that_leaves_infinite_weights_has_diverged(make_job, small_model):
    class Diverging(FakeTrainer):
        def command(self, run):
            super().command(run)
            shutil.copytree(run.model, run.output)
            weights = load_file(run.model / "model.safetensors")
            weights[OTHER_NAME][0, 0] = float("nan")
            save_file(weights, run.output / "model.safetensors", {"format": "pt"})
            (run.output / "steps").write_text("5", "utf-8")
            return [sys.executable, "-c", ""]

    trainer = Diverging()
    with pytest.raises(DivergedError, match=f"training diverged: {OTHER_NAME} holds"):
        trainer.train(make_job())
    assert len(trainer.runs) == 1


def test_the_trainer_gets_a_model_that_it_can_save(make_job, small_model, tmp_path):
    greedy = tmp_path / "greedy"
    shutil.copytree(small_model, greedy)
    settings = {"do_sample": False, "temperature": 0.7, "eos_token_id": [1, 5]}
    (greedy / "generation_config.json").write_text(json.dumps(settings), "utf-8")
    job = make_job(model=StartModel(str(greedy), None, "float32", trust_remote_code=False))
    FakeTrainer().train(job)
    for folder in (job.checkpoints / "start", job.output):
        saved = json.loads((folder / "generation_config.json").read_text("utf-8"))
        assert (saved["eos_token_id"], saved.get("temperature")) == ([1, 5], None)


def test_what_can_not_be_saved_is_found_before_anything_runs(make_job, monkeypatch):
    from transformers import PreTrainedConfig

    def refuse(*_, **__):
        raise ValueError("no")

    monkeypatch.setattr(PreTrainedConfig, "save_pretrained", refuse)
    trainer = FakeTrainer()
    with pytest.raises(ModelError, match=r"config\.json of the model can't be saved"):
        trainer.train(make_job())
    assert trainer.runs == []


def test_a_reset_that_selects_nothing_is_refused_before_anything_runs(make_job):
    trainer = FakeTrainer()
    with pytest.raises(SuiteError, match="matches none"):
        trainer.train(make_job(reset=replace(HALVE, pattern="no_such_projection")))
    assert trainer.runs == []


def test_the_plan_is_told_that_nothing_happens_inside_a_run():
    """From this it refuses resets every N steps, moments that are kept, and refreshed rows."""
    assert FakeTrainer.in_process is False


def test_a_prompt_that_leaves_no_room_is_an_error(make_job):
    settings = SETTINGS.model_copy(update={"max_length": 4})
    with pytest.raises(DataError, match="40 of 40 prompts alone reach max_length = 4"):
        FakeTrainer().train(make_job(hyperparameters=settings))


@pytest.fixture
def own_tokenizer(small_model):
    return load_tokenizer(StartModel(str(small_model), None, "float32", trust_remote_code=False))


def test_tokens_are_counted_with_the_prompt_of_each_response_and_its_end(own_tokenizer, nano_pairs):
    pair = nano_pairs[0]
    prompt, chosen, rejected = (
        len(own_tokenizer.tokenize(text)) for text in (pair.prompt, pair.chosen, pair.rejected)
    )
    assert count_tokens([pair], own_tokenizer) == 2 * prompt + chosen + rejected + 2
    unfinished = replace(pair, rejected_truncated=True)
    assert count_tokens([unfinished], own_tokenizer) == 2 * prompt + chosen + rejected + 1


def test_a_response_that_does_not_fit_is_cut_and_not_ended(own_tokenizer, nano_pairs):
    """The texts that are left are the first tokens of the whole ones, and fill the length to the last one."""
    pair = nano_pairs[0]
    prompt = len(own_tokenizer.tokenize(pair.prompt))
    sizes = {side: len(own_tokenizer.tokenize(getattr(pair, side))) for side in ("chosen", "rejected")}
    assert fit_texts([pair], own_tokenizer, prompt + max(sizes.values()) + 1) == [pair]
    for length in (prompt + max(sizes.values()), prompt + min(sizes.values()) - 3):
        [cut] = fit_texts([pair], own_tokenizer, length)
        for side, size in sizes.items():
            text, room = getattr(cut, side), length - prompt
            kept = own_tokenizer(text)["input_ids"]
            assert kept == own_tokenizer(getattr(pair, side))["input_ids"][:room]
            assert getattr(pair, side).startswith(text)
            assert getattr(cut, f"{side}_truncated") == (size + 1 > room)


def test_letters_that_are_several_tokens_are_kept_whole_or_not_at_all():
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    vocabulary = {letter: number for number, letter in enumerate(pre_tokenizers.ByteLevel.alphabet())}
    backend = Tokenizer(models.BPE(vocabulary, []))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    bytewise = PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="!")
    [cut] = fit_texts([Pair("p", "q", "\N{EURO SIGN}\N{EURO SIGN}", "xy", 0)], bytewise, 1 + 5)
    assert (cut.chosen, cut.chosen_truncated) == ("\N{EURO SIGN}", True)  # of six bytes five would fit
    with pytest.raises(DataError, match="1 pairs are the same once their responses are cut: p"):
        fit_texts([Pair("p", "q", "xy1", "xy2", 0)], bytewise, 1 + 2)
    with pytest.raises(DataError, match="the same"):
        fit_texts([Pair("p", "q", "\N{EURO SIGN}1", "\N{EURO SIGN}2", 0)], bytewise, 1 + 1)


def test_a_reference_is_never_asked_for(tmp_path):
    assert not FakeTrainer.needs_reference
    with pytest.raises(NotImplementedError, match="its own reference"):
        FakeTrainer().reference_settings(SETTINGS)
    with pytest.raises(NotImplementedError, match="its own reference"):
        FakeTrainer().reference(None, [], SETTINGS, tmp_path / "reference")


class FakeLora(FakeTrainer):
    """Adds 1 to every ``lora_B``."""

    def command(self, run):
        from peft import PeftModel

        self.runs.append(run)
        base = StartModel(str(run.model), None, "float32", trust_remote_code=False)
        model = load_trainable(base, run.settings.lora, run.seed)
        if run.adapter:
            model = PeftModel.from_pretrained(model.unload(), str(run.adapter), is_trainable=True)
        for name, parameter in model.named_parameters():
            if ".lora_B." in name:
                parameter.data += 1
        model.save_pretrained(str(run.output))
        (run.output / "steps").write_text("5", "utf-8")
        self.factors = {name: p.detach().clone() for name, p in model.named_parameters() if ".lora_" in name}
        return [sys.executable, "-c", ""]


def test_a_lora_adapter_goes_on_and_its_reset_shrinks_it_towards_the_base(make_job, small_model):
    """lora_B of the reset layers: (0 + 1)/2 + 1 = 1.5; of the others 2. The output holds base + scale·B·A."""
    settings = SETTINGS.model_copy(update={"lora": LoraSettings(r=2, lora_alpha=6)})
    trainer, job = FakeLora(), make_job(weights=(0.0, 0.0), hyperparameters=settings)
    outcome = trainer.train(job)
    assert [run.adapter and run.adapter.name for run in trainer.runs] == [None, "replay-1"]
    assert {run.model.name for run in trainer.runs} == {"start"}
    gain = gained(job.output, small_model)
    for name, lora_b in ((RESET_NAME, 1.5), (OTHER_NAME, 2.0)):
        layer = f"base_model.model.{name.removesuffix('.weight')}"
        assert_gain(trainer.factors[f"{layer}.lora_B.default.weight"], lora_b)
        row = trainer.factors[f"{layer}.lora_A.default.weight"].sum(dim=0)
        torch.testing.assert_close(gain[name], (3 * lora_b * row).expand_as(gain[name]), rtol=0, atol=1e-5)
    assert outcome.parameters == sum(factor.numel() for factor in trainer.factors.values())


def test_a_checkpoint_says_what_it_holds(make_job):
    job = make_job(stop_after=1)
    FakeTrainer().train(job)
    state = json.loads((job.checkpoints / "replay-1" / "loop.json").read_text("utf-8"))
    assert state == {
        "replay": 1,
        "optimizer_steps": 5,
        "replays": [{"sft_weight": 0.17}],
        "loop": {"resets_done": 1, "diagnostics": [], "signals": []},
    }
