"""What is chosen for rows, by a tokenizer whose tokens are letters."""

import pytest

from lorr_bench.draft import choices
from lorr_bench.draft.choices import choose
from lorr_bench.draft.held_out import rows_held_out
from lorr_bench.errors import DataError
from lorr_bench.forecast.memory import Machine

CPU = Machine((), 64 << 30)


def numbered(count, prompt="question {}"):
    return [{"prompt": prompt.format(n), "chosen": f" yes {n}", "rejected": f" no {n}"} for n in range(count)]


def chosen(model, rows, *, hold_out=True):
    return choose(model, rows, CPU, hold_out=hold_out)


@pytest.mark.parametrize(("rows", "held_out"), [(40, 20), (200, 20), (1000, 100), (10_000, 500)])
def test_a_tenth_of_the_rows_is_held_out_within_bounds(rows, held_out):
    assert rows_held_out(rows) == held_out


def test_the_last_rows_are_held_out_and_the_others_trained_on(model, rows_of):
    found = chosen(model, rows_of(numbered(60)))
    assert (found.limit, found.usable, found.pairs) == (40, 40, 40)
    assert [pair.prompt for pair in found.held_out] == [f"question {n}" for n in range(40, 60)]


def test_a_prompt_that_is_trained_on_is_not_held_out_and_one_is_held_out_once(model, rows_of):
    rows = [*numbered(40), *numbered(5), *numbered(13, "another {}"), *numbered(2, "another 1")]
    found = chosen(model, rows_of(rows))
    assert [pair.prompt for pair in found.held_out] == [f"another {n}" for n in range(13)]


def test_where_all_prompts_are_trained_on_nothing_is_held_out(model, rows_of):
    rows = [{**row, "chosen": f" yes, {again}"} for again in range(3) for row in numbered(20)]
    found = chosen(model, rows_of(rows))
    assert (found.held_out, found.limit, found.usable) == ((), None, 60)


def test_nothing_is_held_out_where_that_is_not_asked_for(model, rows_of):
    found = chosen(model, rows_of(numbered(40)), hold_out=False)
    assert (found.held_out, found.limit, found.usable) == ((), None, 40)


def test_nothing_is_cut_up_to_the_usual_length(model, rows_of):
    long = {"prompt": "q", "chosen": "a" * 998, "rejected": "b"}  # with its end 1,000 tokens
    found = chosen(model, rows_of([*numbered(59), long]))
    assert (found.max_length, found.context) == (1024, 1088)


def test_beyond_it_one_pair_of_twenty_may_be_cut(model, rows_of):
    long = [{"prompt": f"q{n}", "chosen": "a" * 5000, "rejected": "b"} for n in range(3)]
    found = chosen(model, rows_of([*long, *numbered(57)]))
    assert found.max_length == 64  # `question 10 yes 10.` has 19
    assert chosen(model, rows_of([*long, *numbered(56)])).max_length == 5056


@pytest.mark.parametrize(
    ("kind", "method", "plugin"), [("unpaired", "kto", "lorr"), ("prompt_completion", "sft", "replay_reset")]
)
def test_rows_of_one_response_get_a_method_that_learns_from_them(kind, method, plugin, model, rows_of):
    label = {"label": True} if kind == "unpaired" else {}
    rows = [{"prompt": row["prompt"], "completion": row["chosen"], **label} for row in numbered(30)]
    found = chosen(model, rows_of(rows))
    assert (found.method.name, found.method.plugin, found.usable) == (method, plugin, 30)
    assert (found.held_out, found.limit) == ((), None)


def test_of_a_large_set_the_first_rows_are_read(model, rows_of, monkeypatch):
    monkeypatch.setattr("lorr_bench.draft.rows.MAX_ROWS", 60)
    found = rows_of(numbered(100))
    assert (len(found.rows), found.more) == (60, True)
    assert chosen(model, found, hold_out=False).limit == 60


def test_the_budget_is_no_larger_than_the_published_one(model, rows_of, monkeypatch):
    monkeypatch.setattr(choices, "MOST_PAIRS", 30)
    found = chosen(model, rows_of(numbered(60)))
    assert (found.usable, found.pairs) == (40, 30)


def test_too_few_pairs_are_told_with_where_the_others_are(model, rows_of):
    rows = [*numbered(30), *[{"prompt": "q", "chosen": "a", "rejected": "a"}] * 4, numbered(1)[0]]
    with pytest.raises(DataError) as caught:
        chosen(model, rows_of(rows))
    assert caught.value.what == (
        "15 usable pairs among 35 rows (held out: 20), too few: 20 are the least to train on"
    )
    with pytest.raises(DataError, match=r"0 usable pairs among 5 rows \(all of them would be held out\)"):
        chosen(model, rows_of(numbered(5)))
    with pytest.raises(DataError) as caught:
        chosen(model, rows_of([*numbered(5), *rows[30:]]), hold_out=False)
    assert "(both responses are the same: 4; repeated: 1)" in caught.value.what


def test_a_row_that_is_wrong_is_told_as_itself(model, rows_of):
    rows = numbered(60)
    rows[55]["chosen"] = [7]
    with pytest.raises(DataError, match="turn 1 in column 'chosen' is no turn of a conversation"):
        chosen(model, rows_of(rows))
