"""What a plan says of its pairs, held against plain counting of the file and transformers' tokenizer."""

import json
import shutil

import pytest
from typer.testing import CliRunner

from lorr_bench.cli import app
from lorr_bench.data.pairs import write_pairs
from lorr_bench.errors import DataError
from lorr_bench.forecast.pair_counts import check_pairs, pair_lines
from lorr_bench.plan.identity.origins import NANO_MODEL
from lorr_bench.plan.plan import make_plan
from lorr_bench.spec.load import load_suite
from lorr_bench.stages.pairs.collect import BARE_STRINGS
from lorr_bench.store.record import Outcome
from lorr_bench.store.store import Store

COLLECT = {"collect": {"source": "nano/train", "num_prompts": 50, "max_tokens": 32}}


@pytest.fixture
def rows(nano_pairs):
    """25 times 10 different pairs."""
    return [{"prompt": p.prompt, "chosen": p.chosen, "rejected": p.rejected} for p in nano_pairs[:10]] * 25


@pytest.fixture
def suite(tmp_path):
    """Write a suite and its pairs; gives the file of the suite."""

    def make(rows, budgets, data=None, **settings):
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        (tmp_path / "pairs.jsonl").write_text(lines, "utf-8")
        values = {
            "name": "counted",
            "model": {"path": "nano"},
            "seeds": [0],
            "data": data or {"pairs": {"source": "pairs.jsonl"}},
            "budget": {"unique_pairs": budgets},
            "methods": {"dpo": {"max_length": 96, **settings}, "simpo": {"max_length": 35}},
            "plugins": {"plain": {}},
            "evaluation": {"math": [{"name": "e", "source": "nano/easy", "limit": 2, "max_tokens": 8}]},
        }
        (tmp_path / "suite.yaml").write_text(json.dumps(values), "utf-8")
        return tmp_path / "suite.yaml"

    return make


def plan_of(file):
    return make_plan(load_suite(file))


def fits(row, length):
    """By transformers alone: whether the prompt leaves room and the cut sequences differ, and the cut ones."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(NANO_MODEL)
    texts = [row["prompt"] + row[side] + tokenizer.eos_token for side in ("chosen", "rejected")]
    prompt, *both = tokenizer([row["prompt"], *texts])["input_ids"]
    usable = len(prompt) < length and both[0][:length] != both[1][:length]
    return usable, sum(len(ids) > length for ids in both) if usable else 0


@pytest.mark.slow
def test_250_rows_of_10_pairs_are_refused_for_a_budget_of_200_when_planning(suite, rows, tmp_path):
    file = suite(rows, [8, 200])
    for store in (None, Store(tmp_path / "store")):
        with pytest.raises(
            DataError, match="the budget is 200 pairs, the set has 10 usable ones, 240 more repeat them"
        ) as caught:
            check_pairs(plan_of(file), store)
        assert "data.collect" not in caught.value.fix
    for command in ("validate", "plan", "run"):
        places = [] if command == "validate" else ["--output", str(tmp_path / "out")]
        result = CliRunner().invoke(app, [command, str(file), *places])
        assert isinstance(result.exception, DataError), command


@pytest.mark.slow
def test_what_repeats_and_is_cut_is_told(suite, rows, tmp_path):
    rows = [*rows, {"prompt": "p", "chosen": "same", "rejected": " same "}]
    found = {length: [fits(row, length) for row in rows[:10]] for length in (96, 35)}
    usable = {length: sum(each for each, _ in of) for length, of in found.items()}
    cut = {length: sum(number for _, number in of) for length, of in found.items()}
    assert usable[96] == 10
    assert 0 < usable[35] < 10
    lines = list(pair_lines(plan_of(suite(rows, [usable[35]])), Store(tmp_path / "store")))
    assert (
        lines[0]
        == "Pairs of seed 0: 10; 240 rows repeat one before them, 1 are no pairs (both responses are the same: 1)."
    )
    assert lines[1].startswith(f"dpo+plain: {usable[35]} pairs fit max_length = 96, 0 of their")
    assert lines[2].startswith(
        f"simpo+plain: {usable[35]} pairs fit max_length = 35, {cut[35]} of their {2 * usable[35]} responses"
    )


def test_pairs_that_do_not_fit_count_against_the_budget(suite, rows, tmp_path):
    plan = plan_of(suite(rows, [10]))
    usable = sum(fits(row, 35)[0] for row in rows[:10])
    with pytest.raises(DataError, match=f"the set has {usable} usable ones.*left out are") as caught:
        check_pairs(plan, Store(tmp_path / "store"))
    assert "raise max_length" in caught.value.fix
    check_pairs(plan)  # without a store nothing is tokenized


def test_pairs_to_hold_out_are_counted_too(suite, rows, tmp_path):
    """All ten fit 96 tokens."""

    def checked(held_out):
        file = suite(rows, [8])
        values = json.loads(file.read_text("utf-8"))
        values["methods"] = {"dpo": {"max_length": 96}}
        adaptive = {"held_out_pairs": held_out}
        values["plugins"] = {"plain": {}, "lorr": {"type": "lorr", "adaptive": adaptive}}
        file.write_text(json.dumps(values), "utf-8")
        check_pairs(plan_of(file), Store(tmp_path / "store"))

    checked(2)
    with pytest.raises(
        DataError, match="3 pairs are to be held out, and 2 usable ones are beyond the largest budget"
    ) as caught:
        checked(3)
    assert caught.value.where == "plugins.*.adaptive.held_out_pairs"


@pytest.fixture
def chat_suite(suite, rows, small_model, tmp_path):
    """A suite whose model has a chat template, and whose benchmark asks in it."""
    shutil.copytree(small_model, tmp_path / "model")
    template = "{% for turn in messages %} to:{{ turn.content }}{% endfor %}"
    (tmp_path / "model" / "chat_template.jinja").write_text(template, "utf-8")

    def make(rows, model="model", source="pairs.jsonl"):
        file = suite(rows, [8], {"pairs": {"source": source}})
        values = json.loads(file.read_text("utf-8"))
        values |= {"model": {"path": model}, "methods": {"dpo": {"max_length": 96}}}
        values["evaluation"]["math"][0]["chat_template"] = True
        file.write_text(json.dumps(values), "utf-8")
        return plan_of(file)

    return make


def in_turns(row):
    return {
        "chosen": [
            {"role": "user", "content": row["prompt"]},
            {"role": "assistant", "content": row["chosen"]},
        ],
        "rejected": [
            {"role": "user", "content": row["prompt"]},
            {"role": "assistant", "content": row["rejected"]},
        ],
    }


@pytest.mark.slow
def test_conversations_are_counted_in_the_template(chat_suite, rows, tmp_path):
    lines = list(pair_lines(chat_suite([in_turns(row) for row in rows]), Store(tmp_path / "store")))
    assert lines[0] == "Pairs of seed 0: 10; 240 rows repeat one before them, 0 are no pairs."
    assert lines[1].startswith("dpo+plain: 8 pairs fit max_length = 96")
    assert len(lines) == 2


def test_bare_strings_are_warned_of_where_a_benchmark_asks_in_the_template(
    chat_suite, rows, tmp_path, nano_pairs
):
    """Of pairs in a form that only their reading tells; of others the plan's checks warn."""
    lines = [f"{row['prompt']}\t{row['chosen']}\t{row['rejected']}\n" for row in rows]
    (tmp_path / "pairs.tsv").write_text("prompt\tchosen\trejected\n" + "".join(lines), "utf-8")
    plan, store = chat_suite(rows, source="pairs.tsv"), Store(tmp_path / "store")
    note = f"Note: {BARE_STRINGS}"
    assert note in list(pair_lines(plan, store))
    with store.writing(source_of(plan)) as draft:
        write_pairs(draft.folder / "pairs.jsonl", nano_pairs[:9])
        draft.commit(Outcome(metrics={"in_template": False}))
    assert note in list(pair_lines(plan, store))


def test_system_turns_that_are_not_used_are_warned_of(suite, rows, tmp_path):
    plan = plan_of(suite([{"system": "s", **row} for row in rows], [8]))
    lines = list(pair_lines(plan, Store(tmp_path / "store")))
    assert lines[1].startswith("Note: 250 rows have a text in column 'system', which is not used")


def test_conversations_for_a_model_elsewhere_are_counted_later(chat_suite, rows, tmp_path):
    plan = chat_suite([in_turns(row) for row in rows], "owner/model")
    assert list(pair_lines(plan, Store(tmp_path / "store"))) == [
        "Pairs: what repeats, is left out or is cut at max_length is known after they are collected."
    ]


def source_of(plan):
    return next(stage for stage in plan.stages if stage.kind in ("collect", "import_pairs"))


def test_pairs_to_be_collected_are_known_later(suite, rows, tmp_path, nano_pairs):
    plan, store = plan_of(suite(rows, [8], data=COLLECT)), Store(tmp_path / "store")
    check_pairs(plan, store)
    assert list(pair_lines(plan, store)) == [
        "Pairs: what repeats, is left out or is cut at max_length is known after they are collected."
    ]
    with store.writing(source_of(plan)) as draft:
        write_pairs(draft.folder / "pairs.jsonl", nano_pairs[:9])
        draft.commit(Outcome())
    lines = list(pair_lines(plan, store))
    assert lines[0] == "Pairs of seed 0: 9."
    assert lines[1].startswith("dpo+plain: 8 pairs fit max_length = 96")


@pytest.fixture
def collected(suite, rows, tmp_path, nano_pairs):
    """What is said of a collection in the store, by the share of its answers that were never finished."""

    def collected(share):
        plan, store = plan_of(suite(rows, [8], data=COLLECT)), Store(tmp_path / "store")
        with store.writing(source_of(plan)) as draft:
            write_pairs(draft.folder / "pairs.jsonl", nano_pairs[:9])
            draft.commit(Outcome(metrics={"truncated_share": share}))
        return next(iter(pair_lines(plan, store)))

    return collected


def test_the_share_of_unfinished_answers_is_told(collected):
    assert collected(0.03) == "Pairs of seed 0: 9; 3.0% of the answers reached max_tokens."


def test_many_unfinished_answers_come_with_advice(collected):
    assert "5.1% of the answers reached max_tokens (many: raise max_tokens" in collected(0.051)


def test_a_hub_set_is_counted_once_it_is_in_the_store(suite, rows, tmp_path, nano_pairs):
    hub = {"pairs": {"source": "someone/prefs", "revision": "abc"}}
    plan, store = plan_of(suite(rows, [20], data=hub)), Store(tmp_path / "store")
    check_pairs(plan)
    check_pairs(plan, store)
    with store.writing(source_of(plan)) as draft:
        write_pairs(draft.folder / "pairs.jsonl", nano_pairs[:9])
        draft.commit(Outcome())
    with pytest.raises(DataError, match="the budget is 20 pairs, the set has"):
        check_pairs(plan, store)


def test_a_large_file_is_not_read_where_an_answer_is_wanted_at_once(suite, rows, monkeypatch):
    monkeypatch.setattr("lorr_bench.forecast.pair_counts.QUICK_BYTES", 100)
    check_pairs(plan_of(suite(rows, [200])))


def test_without_a_tokenizer_file_lengths_are_known_later(suite, rows, tmp_path, monkeypatch):
    monkeypatch.setattr("lorr_bench.forecast.pair_counts.start_tokenizer", lambda _: None)
    lines = list(pair_lines(plan_of(suite(rows, [8])), Store(tmp_path / "store")))
    assert (
        lines[1] == "What is left out or cut at max_length is known when training: no tokenizer.json is here."
    )
