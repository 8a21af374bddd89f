"""The ledger's line of a training run, from small records by hand.

The collection asked four prompts, two answers each, of 10, 20, 30 and 40 tokens in all.
"""

import json
from types import SimpleNamespace

import pytest

from lorr_bench.stages.training.charge import Counted, charge, collection_spend
from lorr_bench.stages.training.rows import Collection
from lorr_bench.stages.training.selection import Selection
from lorr_bench.stages.training.spent import Spent
from lorr_bench.values import Pair, Spend

PAIRS = [Pair(str(place), "p", "c", "r", index) for place, index in enumerate([0, 2, 3])]
COUNTED = Counted(optimizer_steps=9, train_tokens=1000, generated_tokens=0, verifier_calls=0, parameters=50)


@pytest.fixture
def collected(finished):
    def make(name="collection", **params):
        folder = finished(name, **params)
        rows = [{"id": str(i), "answers": 2, "generated_tokens": 10 * (i + 1)} for i in range(4)]
        (folder / "prompts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
        return folder

    return make


@pytest.fixture
def line(adapters, training):
    """The ledger's line of a training of three seconds."""

    def make(inputs, pairs=PAIRS[:2], counted=COUNTED, peak=100, *, held_out=(), replays=3, **params):
        collection = Collection(inputs.get("collection", inputs["pairs"]))
        selection = Selection(
            pairs, rows=pairs, rest=[], collection=collection, max_length=None, held_out=held_out
        )
        return charge(training(inputs, **params), selection, counted, Spent(3.0, peak), replays)

    return make


def test_a_budget_is_charged_every_prompt_up_to_its_last_pair(collected):
    """Prompts 0 and 2 gave pairs, 1 gave none: two pairs cost three prompts."""
    assert collection_spend(Collection(collected()), PAIRS[:2]) == {
        "prompts": 3,
        "verifier_calls": 6,
        "generated_tokens": 60,
    }


def test_a_prompt_that_was_never_asked_costs_nothing(collected):
    folder = collected()
    lines = (folder / "prompts.jsonl").read_text("utf-8").splitlines()
    lines[1] = json.dumps({"id": "1", "answers": 0, "generated_tokens": 0})  # it did not fit the context
    (folder / "prompts.jsonl").write_text("\n".join(lines), "utf-8")
    assert collection_spend(Collection(folder), PAIRS[:2]) == {
        "prompts": 2,
        "verifier_calls": 4,
        "generated_tokens": 40,
    }


def test_ready_made_pairs_cost_no_prompts(tmp_path):
    assert collection_spend(Collection(tmp_path), PAIRS) == {}


def test_one_round(line, collected):
    assert line({"pairs": collected()}) == {
        "prompts": 3,
        "verifier_calls": 6,
        "generated_tokens": 60,
        "unique_pairs": 2,
        "pair_visits": 6,
        "optimizer_steps": 9,
        "train_tokens": 1000,
        "flops": 6 * 50 * 1000,
        "wall_seconds": 3.0,
        "peak_memory_bytes": 100,
        "cut_responses": 0,
        "left_out_pairs": 0,
    }


def test_held_out_pairs_cost_what_it_took_to_collect_them(line, collected):
    """Prompt 3 gave the pair that is held out; it is not trained on."""
    spend = line({"pairs": collected()}, held_out=PAIRS[2:])
    assert (spend["prompts"], spend["verifier_calls"], spend["generated_tokens"]) == (4, 8, 100)
    assert (spend["unique_pairs"], spend["pair_visits"]) == (2, 6)


def test_replays_that_were_not_made_are_not_charged(line, collected):
    assert line({"pairs": collected()}, replays=2)["pair_visits"] == 4


def test_ready_made_pairs(line, tmp_path):
    spend = line({"pairs": tmp_path})
    assert (spend["unique_pairs"], spend["pair_visits"]) == (2, 6)
    assert "prompts" not in spend
    assert (spend["verifier_calls"], spend["generated_tokens"]) == (0, 0)


def test_an_online_method_is_charged_prompts_and_its_own_answers(line, collected, adapters):
    adapters(SimpleNamespace(online=True))
    counted = Counted(9, 1000, generated_tokens=500, verifier_calls=24, parameters=50)
    spend = line({"pairs": collected()}, counted=counted)
    assert (spend["prompts"], spend["verifier_calls"], spend["generated_tokens"]) == (3, 24, 500)
    assert "unique_pairs" not in spend
    assert "pair_visits" not in spend


def earlier_round(finished, **spend):
    known = {
        "prompts": 2,
        "verifier_calls": 4,
        "generated_tokens": 30,
        "unique_pairs": 2,
        "pair_visits": 6,
        "optimizer_steps": 5,
        "train_tokens": 400,
        "flops": 120_000.0,
        "wall_seconds": 2.0,
        "peak_memory_bytes": 70,
    }
    return finished("earlier", spend={**known, **spend})


def test_a_later_round_adds_to_the_rounds_before(line, collected, finished):
    spend = line({"pairs": collected(part=[2, 2]), "model": earlier_round(finished)}, round=[2, 2])
    assert spend == {
        "prompts": 2 + 3,
        "verifier_calls": 4 + 6,
        "generated_tokens": 30 + 60,
        "unique_pairs": 4,
        "pair_visits": 12,
        "optimizer_steps": 5 + 9,
        "train_tokens": 1400,
        "flops": 120_000 + 300_000,
        "wall_seconds": 5.0,
        "peak_memory_bytes": 100,
        "cut_responses": 0,
        "left_out_pairs": 0,
    }


def test_a_priming_is_charged_its_training_and_none_of_the_data(line, collected, finished):
    """Its pairs are the first of those that the arm pays for: four passes over one, of 40 tokens each."""
    counted = {
        "optimizer_steps": 4,
        "train_tokens": 160,
        "generated_tokens": 0,
        "verifier_calls": 0,
        "parameters": 50,
    }
    spend = {
        "prompts": 1,
        "verifier_calls": 2,
        "generated_tokens": 10,
        "unique_pairs": 1,
        "pair_visits": 4,
        "cut_responses": 1,
        "flipped_pairs": 1,
        "wall_seconds": 2.0,
        "peak_memory_bytes": 300,
    }
    primed = finished("primed", spend=spend, metrics={"counted": counted})
    assert line({"pairs": collected(), "primed": primed}) == {
        "prompts": 3,
        "verifier_calls": 6,
        "generated_tokens": 60,
        "unique_pairs": 2,
        "pair_visits": 4 + 6,
        "optimizer_steps": 4 + 9,
        "train_tokens": 160 + 1000,
        "flops": 6 * 50 * 1160,
        "wall_seconds": 5.0,
        "peak_memory_bytes": 300,
        "cut_responses": 0,
        "left_out_pairs": 0,
    }


@pytest.mark.parametrize(("before", "in_all"), [(2, 3), (3, 3), (4, 4)])
def test_the_same_prompts_asked_again_count_once(line, collected, finished, before, in_all):
    spend = line({"pairs": collected(), "model": earlier_round(finished, prompts=before)}, round=[2, 2])
    assert spend["prompts"] == in_all
    assert spend["verifier_calls"] == 4 + 6  # their answers are new


def test_peak_memory_is_the_largest_of_all_stages(line, collected, finished):
    spend = line({"pairs": collected(part=[2, 2]), "model": earlier_round(finished, peak_memory_bytes=900)})
    assert spend["peak_memory_bytes"] == 900


def test_rollouts_go_on_from_the_replay_before(line, collected, finished):
    """The adapter counts from the start of the round: what the stage before counted is not charged twice."""
    before = finished(
        "before",
        spend={
            "prompts": 3,
            "verifier_calls": 6,
            "generated_tokens": 60,
            "unique_pairs": 2,
            "pair_visits": 6,
            "optimizer_steps": 3,
            "train_tokens": 300,
            "flops": 90_000.0,
            "wall_seconds": 2.0,
            "peak_memory_bytes": 120,
        },
        metrics={
            "counted": {
                "optimizer_steps": 3,
                "train_tokens": 300,
                "generated_tokens": 0,
                "verifier_calls": 0,
                "parameters": 50,
            }
        },
    )
    rollouts = finished("rollouts", spend={"verifier_calls": 2, "generated_tokens": 25})
    spend = line({"pairs": rollouts, "collection": collected(), "before": before}, stop_after=2)
    assert spend == {
        "prompts": 3,
        "verifier_calls": 6 + 2,
        "generated_tokens": 60 + 25,
        "unique_pairs": 2,
        "pair_visits": 6,
        "optimizer_steps": 9,
        "train_tokens": 1000,
        "flops": 300_000,
        "wall_seconds": 2.0 + 3.0,
        "peak_memory_bytes": 120,
    }


def test_rollouts_of_a_later_round_keep_what_the_first_round_cost(line, collected, finished):
    """The stage before holds the earlier round's 5 steps beside 3 of its own."""
    before = finished(
        "before",
        spend={"optimizer_steps": 8, "train_tokens": 700, "flops": 210_000.0, "peak_memory_bytes": 1},
        metrics={
            "counted": {
                "optimizer_steps": 3,
                "train_tokens": 300,
                "generated_tokens": 0,
                "verifier_calls": 0,
                "parameters": 50,
            }
        },
    )
    inputs = {
        "pairs": finished("rollouts"),
        "collection": collected(),
        "before": before,
        "model": earlier_round(finished),
    }
    spend = line(inputs, round=[2, 2])
    assert (spend["optimizer_steps"], spend["train_tokens"]) == (5 + 9, 400 + 1000)
    assert spend["flops"] == 120_000 + 300_000


def test_the_record_of_an_input_is_read_once(training, finished):
    task = training({"model": earlier_round(finished)})
    first = task.record_of("model")
    (task.inputs["model"] / "record.json").unlink()
    assert task.record_of("model") is first


def test_every_charged_quantity_is_one_of_the_ledger(line, collected):
    assert set(line({"pairs": collected()})) <= set(Spend().to_dict())
