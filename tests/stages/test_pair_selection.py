"""Which rows a training takes, held against the tokens that transformers' own tokenizer gives."""

import dataclasses
import hashlib
import json
import shutil

import pytest
from lorr_bench_adapters.trl.methods import DPO
from stage_samples import sample

from lorr_bench.data.nano import tokenizer
from lorr_bench.data.pairs import write_pairs
from lorr_bench.errors import DataError, ModelError
from lorr_bench.plan.identity.origins import NANO_MODEL
from lorr_bench.ports.trainer import KnownSettings
from lorr_bench.stages.task import EngineRoom, Task
from lorr_bench.stages.training.selection import check_budget, select, tell_fit
from lorr_bench.values import Demonstration, Labelled, Pair

LENGTH = 64
WORDS = "Tom has 5 apples . " * 60


def tokens(text):
    """The token numbers of a text and its end, by the library alone."""
    return [*tokenizer.build()(text)["input_ids"], tokenizer.build().eos_token_id]


@pytest.fixture
def chosen(tmp_path, adapters):
    """Select from pairs; gives the selection and its task."""

    def make(pairs, kind="pairs", *, budget=4, number=1, max_length=LENGTH, answers=None, **params):
        folder = tmp_path / "pairs"
        folder.mkdir(exist_ok=True)
        write_pairs(folder / "pairs.jsonl", pairs)
        if answers is not None:
            prompts = [{"id": name, "answers": 1} for name in dict.fromkeys(row["id"] for row in answers)]
            for name, rows in (("prompts", prompts), ("answers", answers)):
                (folder / f"{name}.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows), "utf-8")
        settings = {"max_length": max_length}
        asked = {"unique_pairs": budget, "round": [number, 2], "hyperparameters": settings, **params}
        stage = sample("train", "train it", **asked)
        task = Task(stage, {"pairs": folder}, tmp_path, tmp_path, EngineRoom(), lambda *_: None)
        adapter = DPO()
        adapter.rows = kind
        adapters(adapter)
        return select(task), task

    return make


def long_prompt(pair):
    return Pair("too-long", WORDS, pair.chosen, pair.rejected, pair.prompt_index)


def twin(pair, number):
    """A pair whose responses share their first 200 words."""
    return Pair(f"twin-{number}", pair.prompt, WORDS + "1", WORDS + "2", pair.prompt_index)


@pytest.mark.slow
def test_pairs_that_are_equal_after_cutting_are_left_out_and_named(chosen, nano_pairs, capsys):
    twins = [twin(pair, number) for number, pair in enumerate(nano_pairs[:16])]
    for pair in twins:
        both = [tokens(f"{pair.prompt}{text}")[:LENGTH] for text in (pair.chosen, pair.rejected)]
        assert both[0] == both[1]
    selection, task = chosen([*twins, *nano_pairs], budget=10)
    assert [pair.id for pair in selection.pairs] == [pair.id for pair in nano_pairs[:10]]
    assert selection.metrics["equal_after_cutting"] == 16
    tell_fit(task, selection)
    told = capsys.readouterr().out
    assert f"16 whose responses are equal within max_length = {LENGTH} tokens" in told
    length = len(tokens(twins[0].prompt + twins[0].chosen))
    assert f"twin-0 ({length:,} tokens)" in told
    assert "and 11 more" in told


def test_what_is_held_out_shares_no_prompt_with_what_is_trained_on(chosen, nano_pairs):
    again = Pair("again", nano_pairs[0].prompt, "1", "2", 4)
    adaptive = {"signal": "held_out_margin", "held_out_pairs": 3, "reset": "below_last"}
    adaptive |= {"scale": None, "patience": None}
    pairs = [*nano_pairs[:4], again, twin(nano_pairs[4], 1), *nano_pairs[5:10]]
    selection, _ = chosen(pairs, adaptive=adaptive)
    assert list(selection.pairs) == nano_pairs[:4]
    assert list(selection.held_out) == nano_pairs[5:8]
    assert list(chosen(pairs)[0].held_out) == []


def test_16_twins_alone_are_no_training(chosen, nano_pairs):
    with pytest.raises(DataError, match="none of 16 pairs is usable: 16 whose responses are equal") as caught:
        chosen([twin(pair, number) for number, pair in enumerate(nano_pairs[:16])])
    assert "max_length" in caught.value.fix


@pytest.mark.parametrize("kind", ["pairs", "labels", "chosen"])
def test_an_overlong_prompt_is_left_out_for_every_kind_of_method(chosen, nano_pairs, kind, capsys):
    selection, task = chosen([long_prompt(nano_pairs[0]), *nano_pairs], kind)
    assert list(selection.pairs) == nano_pairs[:4]
    tell_fit(task, selection)
    length = len(tokenizer.build()(WORDS)["input_ids"])
    assert f"1 whose prompt alone reaches max_length = 64 tokens: too-long ({length} tokens)" in (
        capsys.readouterr().out
    )
    of_kind = {
        "pairs": nano_pairs[:4],
        "chosen": [Demonstration(pair.prompt, pair.chosen) for pair in nano_pairs[:4]],
        "labels": [
            Labelled(pair.prompt, text, label)
            for pair in nano_pairs[:4]
            for text, label in ((pair.chosen, True), (pair.rejected, False))
        ],
    }
    assert list(selection.rows) == of_kind[kind]


@pytest.mark.parametrize(("kind", "sides"), [("pairs", 2), ("labels", 2), ("chosen", 1)])
def test_cut_responses_are_counted(chosen, nano_pairs, kind, sides):
    """Against the lengths of the texts; for imitation only the chosen ones count."""
    length = 40
    selection, _ = chosen(nano_pairs, kind, budget=30, max_length=length)
    expected = sum(
        len(tokens(f"{pair.prompt}{text}")) > length
        for pair in selection.pairs
        for text in (pair.chosen, pair.rejected)[:sides]
    )
    assert selection.cut_responses == expected > 0
    assert selection.spend == {
        "cut_responses": expected,
        "left_out_pairs": selection.metrics["long_prompts"] + selection.metrics["equal_after_cutting"],
    }


def checked(selected):
    selection, task = selected
    check_budget(task.stage, selection)


def test_too_few_that_fit_are_an_error_of_the_first_round_that_says_why(chosen, nano_pairs):
    pairs = [long_prompt(nano_pairs[0]), twin(nano_pairs[1], 1), *nano_pairs[:3]]
    with pytest.raises(
        DataError,
        match=r"the budget is 4 pairs, there are 3; left out were 1 whose prompt alone reaches max_length = 64 "
        r"tokens: too-long \(\d+ tokens\) and 1 whose responses are equal",
    ) as caught:
        checked(chosen(pairs))
    assert caught.value.fix.startswith(
        "Raise max_length in the method's settings, give a set with more pairs"
    )
    checked(chosen(pairs, number=2))


def answer(name, prompt, text):
    row = {"id": name, "prompt": prompt, "text": text, "gold": "5", "correct": True, "truncated": False}
    row |= {"end": "", "usable": True}
    return {**row, "tokens": 5}


def test_right_answers_and_prompts_are_held_to_the_same_length(chosen, nano_pairs, capsys):
    pair = nano_pairs[0]
    rows = [
        answer("a", pair.prompt, pair.chosen),
        answer("b", WORDS, "5"),
        answer("c", pair.prompt, WORDS + "1"),
        answer("d", pair.prompt, WORDS + "2"),
    ]
    last = Pair("d", pair.prompt, pair.chosen, pair.rejected, 3)
    selection, task = chosen([last], "right_answers", answers=rows)
    assert [row.response for row in selection.rows] == [pair.chosen, WORDS + "1"]
    assert (selection.cut_responses, selection.metrics["left_out_rows"]) == (1, 2)
    tell_fit(task, selection)
    assert "repeat one before them: 1" in capsys.readouterr().out
    selection, _ = chosen([last], "prompts", answers=rows)
    assert [row.id for row in selection.rows] == ["a"]
    assert (selection.cut_responses, selection.metrics["left_out_rows"]) == (0, 1)


def test_prompts_that_are_all_too_long_are_an_error(chosen, nano_pairs):
    with pytest.raises(DataError, match="none of 1 rows is usable"):
        chosen(nano_pairs[:1], "prompts", answers=[answer("p0", WORDS, "5")])


def test_a_method_without_a_length_takes_every_pair(chosen, nano_pairs, adapters):
    selection, task = chosen([long_prompt(nano_pairs[0])], max_length=10_000)
    assert len(selection.pairs) == 1

    class Free(DPO):
        def known_settings(self, hyperparameters):
            return KnownSettings()

    adapters(Free())
    selection = select(task)
    assert [pair.id for pair in selection.pairs] == ["too-long"]
    assert selection.spend == {"cut_responses": 0, "left_out_pairs": 0}


def test_a_tokenizer_without_end_token_is_named(chosen, nano_pairs, monkeypatch, tmp_path):
    """Found before any adapter is asked, in the words of an adapter."""
    settings = tmp_path / "the start"
    shutil.copytree(NANO_MODEL, settings)
    file = settings / "tokenizer_config.json"
    values = json.loads(file.read_text("utf-8"))
    del values["eos_token"]
    file.write_text(json.dumps(values), "utf-8")
    monkeypatch.undo()  # the real tokenizer, not that of the fixture
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelError, match="names no end-of-sequence token") as caught:
        chosen(nano_pairs)
    assert caught.value.where == "the start"


# --- label noise -----------------------------------------------------------------------------------------

NOISE = {"label_noise": {"share": 0.3, "seed": 5}}


def wrong(pairs):
    """Ids of the pairs that draw less than 0.3 with seed 5, by the rule written out."""
    draws = {pair.id: hashlib.sha256(f"label noise/5/{pair.id}".encode()).hexdigest()[:16] for pair in pairs}
    return {name for name, draw in draws.items() if int(draw, 16) / 16**16 < 0.3}


@pytest.mark.parametrize("max_length", [LENGTH, None])
def test_rows_have_flipped_labels_and_all_other_pairs_their_own(
    chosen, nano_pairs, monkeypatch, capsys, max_length
):
    if max_length is None:
        monkeypatch.setattr(DPO, "known_settings", lambda *_: KnownSettings())
    selection, task = chosen(nano_pairs, budget=20, **NOISE)
    expected = wrong(nano_pairs[:20])
    assert 1 < len(expected) < 19
    assert selection.flipped == expected
    assert list(selection.pairs) == nano_pairs[:20]
    assert list(selection.rest) == nano_pairs[20:]
    for pair, row in zip(nano_pairs, selection.rows, strict=False):
        ways = (pair.rejected, pair.chosen) if pair.id in expected else (pair.chosen, pair.rejected)
        assert (row.id, row.prompt, row.chosen, row.rejected) == (pair.id, pair.prompt, *ways)
    counted = {"flipped_pairs": len(expected)}
    assert selection.spend.items() >= counted.items()
    assert selection.metrics.items() >= counted.items()
    tell_fit(task, selection)
    told = f"{len(expected)} of 20 pairs have their responses swapped: label noise."
    assert told in capsys.readouterr().out


def test_of_flipped_pairs_the_other_response_is_imitated_and_may_be_cut(chosen, nano_pairs):
    """Every rejected response is too long, and no chosen one is."""
    pairs = [dataclasses.replace(pair, rejected=WORDS) for pair in nano_pairs[:20]]
    selection, _ = chosen(pairs, "chosen", budget=20, **NOISE)
    assert selection.cut_responses == len(wrong(pairs)) > 1


def test_right_answers_of_flipped_pairs_are_the_wrong_ones(chosen, nano_pairs):
    answers = [
        {"id": p.id, "prompt": p.prompt, "text": text, "correct": correct, "truncated": False, "end": "",
         "usable": True, "gold": "1"}
        for p in nano_pairs[:20]
        for text, correct in ((p.chosen, True), (p.rejected, False))
    ]  # fmt: skip
    selection, _ = chosen(nano_pairs, "right_answers", budget=20, answers=answers, max_length=96, **NOISE)
    flipped = wrong(nano_pairs[:20])
    assert [row.response for row in selection.rows] == [
        pair.rejected if pair.id in flipped else pair.chosen for pair in nano_pairs[:20]
    ]
