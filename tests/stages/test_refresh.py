"""Rollouts: which rows are drawn, what becomes of them, and what they cost."""

import dataclasses
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted_fingerprint import put_fingerprint, start_folder
from stage_samples import PARAMETERS, REFRESHED, sample

from lorr_bench.data.pairs import read_pairs, write_pairs
from lorr_bench.stages.pairs.refresh import HELD_OUT, draw_rows, refresh, refresh_scored
from lorr_bench.stages.pairs.scored import sample as draw
from lorr_bench.stages.task import EngineRoom, Task
from lorr_bench.values import Completion, Pair

PROBLEMS = 6
BUDGET = 4
NOTHING_CUT = {"cut_responses": 0, "left_out_pairs": 0}


class ScriptedEngine:
    """Answers by the text of the prompt; remembers what it was asked, and of which model."""

    def __init__(self, script):
        self.script = script
        self.loaded = []
        self.asked = []

    def disagreement(self, fingerprint):
        return None

    def load(self, folder, revision):
        self.loaded.append(folder)

    context = 5

    def fits(self, prompt):
        return self.count_tokens(prompt) < self.context

    def count_tokens(self, prompt):
        return len(prompt.split())

    def generate(self, prompts, sampling, progress=None, names=None):
        self.asked.append((list(prompts), sampling))
        return [
            [Completion(f"Now \\boxed{{{value}}}", 5, truncated=False) for value in self.script[prompt]]
            for prompt in prompts
        ]


def old_pair(index):
    """Of the problem ``0 and index``, whose prompt went through a chat template."""
    return Pair(f"p{index}", f"<user>0 and {index}", f"old {index}", "old wrong", 10 + index)


@pytest.fixture
def refreshed(tmp_path):
    """Run a refresh; gives the outcome, the pairs and the engine."""
    source = tmp_path / "problems.jsonl"
    rows = [{"id": f"p{i}", "problem": f"0 and {i}", "answer": str(i)} for i in range(PROBLEMS)]
    source.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")

    def run(script, ratio=1.0, *, held_out=2, replay=2, again=False, long=None, scored=False, **changes):
        asked = {
            "chat_template": True,
            "template_date": "2025-01-01",
            "num_prompts": PROBLEMS,
            "num_samples": 2,
            "temperature": 0.5,
            "top_p": 0.9,
            "max_tokens": 9,
            "rollout_ratio": ratio,
            "unique_pairs": BUDGET,
            "replay": replay,
            **changes,
        }
        setting = {"source": str(source)}
        pairs, policy = tmp_path / "pairs", tmp_path / "policy"
        for folder in (pairs, policy, tmp_path / "out"):
            folder.mkdir(exist_ok=True)
        tail = [Pair(f"held-{i}", f"held {i}", "c", "r", 50 + i) for i in range(held_out)]
        rows = [*map(old_pair, range(BUDGET)), *tail]
        if long is not None:
            rows[long] = dataclasses.replace(
                rows[long], prompt="one two three four five six seven eight nine"
            )
        if again:
            rows = read_pairs(tmp_path / "out" / "pairs.jsonl")
        write_pairs(pairs / "pairs.jsonl", rows)
        put_fingerprint(policy)
        engine = ScriptedEngine(script)

        def task(kind, out, inputs, **parameters):
            return Task(
                stage=sample(
                    kind, "rollouts", setting=setting if kind != "refresh_scored" else {}, **parameters
                ),
                inputs=inputs,
                output=tmp_path / out,
                scratch=tmp_path / "scratch",
                engines=EngineRoom(lambda *_: engine),
                progress=lambda *_: None,
            )

        with_models = {"pairs": pairs, "model": policy, "start": start_folder(tmp_path)}
        if scored:
            (tmp_path / "answers").mkdir()
            sampled = {name: asked[name] for name in PARAMETERS["sample"] | REFRESHED if name in asked}
            draw(task("sample", "answers", with_models, **{**REFRESHED, **sampled}))
            rows = (tmp_path / "answers" / "answers.jsonl").read_text("utf-8").splitlines()
            (tmp_path / "answers" / "scores.jsonl").write_text("\n".join(map(judged, rows)), "utf-8")
            paired = {name: asked[name] for name in PARAMETERS["refresh_scored"] if name in asked}
            stored = dict.fromkeys(("answers", "scores"), tmp_path / "answers")
            outcome = refresh_scored(task("refresh_scored", "out", {"pairs": pairs, **stored}, **paired))
        else:
            outcome = refresh(task("refresh", "out", with_models, **asked))
        return outcome, read_pairs(tmp_path / "out" / "pairs.jsonl"), engine

    return run


def judged(row):
    """A score like the verifier's: the right answer to p3 is 3."""
    answer = json.loads(row)
    right = answer["text"] == f"Now \\boxed{{{answer['id'][1:]}}}"
    return json.dumps({"id": answer["id"], "repeat": answer["repeat"], "score": float(right)})


@pytest.mark.parametrize(
    "changes",
    [{}, {"ratio": 0.0}, {"ratio": 0.5, "seed": 1}, {"long": 1, "max_length": 9, "unique_pairs": 3}],
)
def test_answers_that_are_scored_alike_refresh_alike(refreshed, words, changes):
    """A reward model that scores as the verifier does, in stages of its own."""
    script = {**answers(1, 3), "one two three four five six seven eight nine": ["1", "98"]}
    at_once, pairs, engine = refreshed(script, pair_rule="best_worst", **changes)
    apart, same, asked = refreshed(script, pair_rule="best_worst", scored=True, **changes)
    assert (apart.metrics, apart.spend, same) == (at_once.metrics, at_once.spend, pairs)
    assert asked.asked == engine.asked


def answers(*right):
    """A right and a wrong answer to the problems that are named, two wrong ones to the others."""
    return {f"<user>0 and {i}": [str(i) if i in right else "99", "98"] for i in range(PROBLEMS)}


def test_new_answers_replace_a_pair_and_its_place_stays(refreshed):
    _, pairs, _ = refreshed(answers(0, 1, 2, 3))
    for index, pair in enumerate(pairs[:BUDGET]):
        assert pair == dataclasses.replace(
            old_pair(index), chosen=f"Now \\boxed{{{index}}}", rejected="Now \\boxed{98}"
        )


def test_a_row_without_a_new_pair_stays_and_is_charged(refreshed):
    outcome, pairs, _ = refreshed(answers(1, 2))
    assert [pair.chosen for pair in pairs[:BUDGET]] == [
        "old 0",
        "Now \\boxed{1}",
        "Now \\boxed{2}",
        "old 3",
    ]
    assert outcome.metrics == {"drawn": 4, "refreshed": 2, "repeated_pairs": 0, "left_out_pairs": 0}
    assert outcome.spend == {**NOTHING_CUT, "unique_pairs": 2, "verifier_calls": 8, "generated_tokens": 40}


def test_rows_that_are_not_drawn_stay_and_cost_nothing(refreshed):
    outcome, pairs, engine = refreshed({}, ratio=0.0)
    assert pairs[:BUDGET] == [old_pair(i) for i in range(BUDGET)]
    assert outcome.spend == {}
    assert outcome.metrics == {"drawn": 0, "refreshed": 0, "repeated_pairs": 0, "left_out_pairs": 0}
    assert engine.loaded == []


def test_a_new_pair_that_is_there_already_is_not_taken(refreshed, capsys):
    """Asked again, the policy gives the first two rows the answers of the round before."""
    first, _, _ = refreshed(answers(0, 1))
    assert first.metrics["refreshed"] == 2
    again, pairs, _ = refreshed(answers(0, 1, 2), again=True)
    assert again.metrics == {"drawn": 4, "refreshed": 1, "repeated_pairs": 2, "left_out_pairs": 0}
    assert again.spend == {**NOTHING_CUT, "unique_pairs": 1, "verifier_calls": 8, "generated_tokens": 40}
    assert len({(pair.prompt, pair.chosen, pair.rejected) for pair in pairs}) == len(pairs)
    assert "2 new pairs repeat another one" in capsys.readouterr().out


def test_a_prompt_beyond_the_context_keeps_its_pair(refreshed, capsys):
    script = answers(0, 1, 2, 3)
    outcome, pairs, engine = refreshed(script, long=1)
    assert pairs[1].chosen == "old 1"
    assert [len(prompts) for prompts, _ in engine.asked] == [3]
    assert outcome.spend == {**NOTHING_CUT, "unique_pairs": 3, "verifier_calls": 6, "generated_tokens": 30}
    assert "p1 (9 tokens)" in capsys.readouterr().out


class Words:
    """A tokenizer whose tokens are words, numbers and signs: a prompt here is six of them."""

    eos_token = " ."

    def __call__(self, texts):
        return {"input_ids": [re.findall(r"[A-Za-z]+|\d+|\S", text) for text in texts]}


@pytest.fixture
def words(monkeypatch):
    monkeypatch.setattr("lorr_bench.stages.pairs.refresh.load_tokenizer", lambda _: Words())


def test_rows_are_drawn_among_those_that_the_method_trains_on(refreshed, words):
    """The prompt of the second pair is nine tokens, as many as the length: the fourth is in the budget of 3."""
    _, pairs, engine = refreshed(answers(), long=1, max_length=9, unique_pairs=3)
    assert [prompts for prompts, _ in engine.asked] == [[f"<user>0 and {i}" for i in (0, 2, 3)]]
    assert [pair.id for pair in pairs] == ["p0", "p2", "p3", "held-0", "held-1"]


def test_a_new_pair_that_is_equal_after_cutting_is_not_taken(refreshed, words, capsys):
    """Six tokens of prompt, then `Now` and a backslash in both answers; the old ones differ in the second."""
    outcome, pairs, _ = refreshed(answers(0, 1, 2, 3), max_length=8)
    assert [pair.chosen for pair in pairs[:BUDGET]] == ["old 0", "old 1", "old 2", "old 3"]
    assert outcome.metrics == {"drawn": 4, "refreshed": 0, "repeated_pairs": 0, "left_out_pairs": 4}
    assert (outcome.spend["unique_pairs"], outcome.spend["left_out_pairs"]) == (0, 4)
    assert (
        "4 whose responses are equal within max_length = 8 tokens: p0 (13 tokens)" in capsys.readouterr().out
    )


def test_the_rows_that_are_asked_are_those_that_are_drawn(refreshed):
    drawn = draw_rows(BUDGET, 0.5, 0, 3)
    assert 0 < len(drawn) < BUDGET
    _, pairs, engine = refreshed(answers(0, 1, 2, 3), ratio=0.5, replay=3)
    assert [prompts for prompts, _ in engine.asked] == [[f"<user>0 and {i}" for i in drawn]]
    assert [i for i, pair in enumerate(pairs[:BUDGET]) if pair.chosen.startswith("Now")] == drawn


def test_the_current_policy_answers_as_the_collection_was_sampled(refreshed, tmp_path):
    _, _, engine = refreshed(answers())
    assert engine.loaded == [str(tmp_path / "policy" / "model")]
    [(_, sampling)] = engine.asked
    assert (sampling.n, sampling.temperature, sampling.top_p, sampling.max_tokens) == (2, 0.5, 0.9, 9)


def test_answers_before_each_replay_are_draws_of_their_own(refreshed):
    purposes = [refreshed(answers(), replay=replay)[2].asked[0][1].purpose for replay in (2, 3)]
    assert purposes == ["refresh, replay 2", "refresh, replay 3"]


@pytest.mark.parametrize(("held_out", "kept"), [(0, 0), (2, 2), (HELD_OUT + 3, HELD_OUT)])
def test_the_last_pairs_beyond_the_budget_are_kept(refreshed, held_out, kept):
    _, pairs, _ = refreshed(answers(), held_out=held_out)
    assert [pair.id for pair in pairs[BUDGET:]] == [f"held-{i}" for i in range(held_out - kept, held_out)]


def test_refreshed_rows_can_be_refreshed_again(refreshed):
    _, first, _ = refreshed(answers(0, 1, 2, 3))
    _, again, _ = refreshed(answers(0, 1, 2, 3), replay=3)
    assert [(pair.id, pair.prompt_index) for pair in again] == [
        (pair.id, pair.prompt_index) for pair in first
    ]


# --- the draw -------------------------------------------------------------------------------------------


@pytest.mark.slow
@given(st.integers(0, 200), st.integers(0, 100), st.integers(1, 20))
def test_ratios_of_nothing_and_of_all(rows, seed, replay):
    assert draw_rows(rows, 0.0, seed, replay) == []
    assert draw_rows(rows, 1.0, seed, replay) == list(range(rows))


@pytest.mark.slow
@given(st.integers(0, 200), st.floats(0, 1), st.integers(0, 100), st.integers(1, 20))
def test_a_draw_is_rows_in_their_order_and_reproducible(rows, ratio, seed, replay):
    drawn = draw_rows(rows, ratio, seed, replay)
    assert drawn == sorted(set(drawn) & set(range(rows)))
    assert draw_rows(rows, ratio, seed, replay) == drawn


@pytest.mark.slow
@given(st.integers(1, 100), st.floats(0, 0.5), st.integers(0, 100))
def test_a_larger_ratio_draws_the_same_rows_and_more(rows, ratio, seed):
    assert set(draw_rows(rows, ratio, seed, 2)) <= set(draw_rows(rows, ratio + 0.5, seed, 2))


def test_each_replay_and_seed_draws_others():
    draws = [draw_rows(100, 0.5, seed, replay) for seed in (0, 1) for replay in (2, 3, 5)]
    assert len({tuple(drawn) for drawn in draws}) == 6


@pytest.mark.parametrize("ratio", [0.1, 0.5, 0.9])
def test_each_row_is_drawn_with_the_ratio(ratio):
    """Of 20,000 rows the share is within four standard errors: 4·√(ρ(1-ρ)/20000)."""
    rows = 20_000
    share = len(draw_rows(rows, ratio, 0, 2)) / rows
    assert abs(share - ratio) < 4 * (ratio * (1 - ratio) / rows) ** 0.5


def test_rows_are_drawn_one_by_one_not_as_a_fixed_number():
    sizes = {len(draw_rows(100, 0.5, seed, 2)) for seed in range(20)}
    assert len(sizes) > 5
