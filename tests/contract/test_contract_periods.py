"""A reset before the first replay, and one after the last: their weights by arithmetic, killed on the way too."""

import dataclasses

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from lorr_bench.lorr.loop import ReplayLoop, Reset
from lorr_bench.ports.causal_lm import load_causal_lm

pytestmark = pytest.mark.slow


@pytest.fixture(scope="package")
def without(bench, tmp_path_factory):
    """Two replays without any reset."""
    return bench.train(tmp_path_factory.mktemp("without"), loop=bench.loop(reset=None))


def test_a_reset_of_all_before_the_first_replay_is_starting_over(bench, without, killed, tmp_path):
    """From other weights, back to the start with nothing kept; killed in the second replay."""
    if bench.adapter.online:
        pytest.skip("its reference would be the model that training begins with; such arms are not primed")
    primed = AutoModelForCausalLM.from_pretrained(bench.start.path, dtype=torch.float32)
    with torch.no_grad():
        for parameter in primed.parameters():
            parameter.mul_(1.25)
    primed.save_pretrained(tmp_path / "primed")
    AutoTokenizer.from_pretrained(bench.start.path).save_pretrained(tmp_path / "primed")

    def loop():
        kept = bench.loop(reset=None)
        return ReplayLoop(
            rows=kept.rows,
            seed=3,
            sft_weights=tuple(kept.sft_weight(replay) for replay in (1, 2)),
            reset=Reset(".", 0.0, clear_optimizer=True, period="begin"),
            anchor=lambda _: load_causal_lm(bench.start),
        )

    start = dataclasses.replace(bench.start, path=str(tmp_path / "primed"))
    with pytest.raises(killed):
        bench.train(tmp_path, model=start, loop=loop(), kill_at=4)
    finished = bench.train(tmp_path, model=start, loop=loop())
    assert [step for step, _ in finished.progress] == [4, 5, 6]
    assert finished.resets_done == 1
    assert [
        name for name, tensor in without.weights.items() if not torch.equal(tensor, finished.weights[name])
    ] == []


def test_a_reset_after_the_last_replay_is_in_the_saved_weights(bench, without, killed, tmp_path):
    """A quarter of what was trained, and three of the start; killed between the last step and the reset."""
    end = Reset(".", 0.25, clear_optimizer=True, period="end")
    with pytest.raises(killed):
        bench.train(tmp_path, loop=bench.loop(reset=end), kill_at=6)
    finished = bench.train(tmp_path, loop=bench.loop(reset=end))
    assert finished.resets_done == 1
    for name, trained in without.weights.items():
        expected = 0.25 * trained + 0.75 * bench.start_weights[name]
        torch.testing.assert_close(finished.weights[name], expected, rtol=1e-6, atol=1e-8)
        assert not torch.equal(finished.weights[name], trained)
    saved = sum(float(tensor.double().sum()) for tensor in finished.weights.values())
    assert finished.diagnostics[-1]["sum"] == pytest.approx(saved, rel=1e-9)
