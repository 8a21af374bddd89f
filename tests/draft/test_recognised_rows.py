"""Which settings rows need, found by reading them: every expectation is what docs/data.md says of the shape."""

from types import SimpleNamespace

import pytest

from lorr_bench.draft.draft import read_columns
from lorr_bench.draft.rows import AskedRows, look_at_rows
from lorr_bench.errors import DataError, SuiteError

Q, C, R = "2 + 3?", "5", "6"
USER, GOOD, BAD = (
    {"role": role, "content": text} for role, text in (("user", Q), ("assistant", C), ("assistant", R))
)
PLAIN = {"prompt": Q, "chosen": C, "rejected": R}
HH = "\n\nHuman: 2 + 3?\n\nAssistant:"
TEMPLATE = {"chat_template": True}
BARE = {"chat_template": False, "system_column": None}


class Special(str):
    special = True


CHAT = SimpleNamespace(chat_template="{{ messages }}", added_tokens_decoder={7: Special("<|im_start|>")})
ULTRAFEEDBACK = {
    "prompt": Q,
    "prompt_id": "0a",
    "chosen": [USER, GOOD],
    "rejected": [USER, BAD],
    "messages": [USER, GOOD],
    "score_chosen": 8.0,
    "score_rejected": 5.0,
}
SHAPES = {
    "strings": (PLAIN, {}, TEMPLATE),
    "strings that somebody wrote in the template": (
        {**PLAIN, "prompt": f"<|im_start|>user\n{Q}"},
        {},
        {},
    ),
    "strings that begin with the prompt": (
        {"chosen": f"{Q} {C}", "rejected": f"{Q} {R}"},
        {"prompt_column": None},
        {"prompt_column": None, **TEMPLATE},
    ),
    "HH-RLHF": ({"chosen": f"{HH} 5", "rejected": f"{HH} 6"}, {}, TEMPLATE),
    "UltraFeedback": (ULTRAFEEDBACK, {}, {}),
    "conversations that hold the prompt": ({"chosen": [USER, GOOD], "rejected": [USER, BAD]}, {}, {}),
    "Orca": (
        {"system": "Be short.", "question": Q, "chosen": C, "rejected": R},
        {"columns": "orca_dpo", **BARE},
        {"columns": "orca_dpo"},
    ),
    "Truthy DPO": (
        {"system": "Be short.", **PLAIN},
        {"columns": "truthy_dpo", **BARE},
        {"columns": "truthy_dpo"},
    ),
    "ShareGPT": (
        {
            "conversations": [{"from": "human", "value": Q}],
            "chosen": {"from": "gpt", "value": C},
            "rejected": {"from": "gpt", "value": R},
        },
        {"columns": "sharegpt"},
        {"columns": "sharegpt"},
    ),
    "labels": (
        {"prompt": Q, "completion": C, "label": True},
        {"type": "unpaired"},
        {"type": "unpaired", **TEMPLATE},
    ),
    "one response": (
        {"prompt": Q, "completion": C},
        {"type": "prompt_completion"},
        {"type": "prompt_completion", **TEMPLATE},
    ),
    "one conversation": ({"messages": [USER, GOOD]}, {"columns": "messages"}, {"columns": "messages"}),
}


@pytest.mark.parametrize(("row", "base", "chat"), SHAPES.values(), ids=SHAPES)
def test_a_shape_is_recognised(row, base, chat, rows_of):
    assert rows_of([row]).settings == base
    assert rows_of([row], CHAT).settings == chat


def test_a_row_that_is_no_pair_hides_no_shape(rows_of):
    assert rows_of([{"chosen": "", "rejected": None}, {"chosen": "ab1", "rejected": "ab2"}]).settings == {
        "prompt_column": None
    }


def test_columns_are_taken_by_the_names_that_are_given(rows_of):
    row = {"question": Q, "good": C, "bad": R}
    found = rows_of([row], prompt="question", chosen="good", rejected="bad")
    assert found.settings == {
        "prompt_column": "question",
        "chosen_column": "good",
        "rejected_column": "bad",
    }


@pytest.mark.parametrize("row", [{"tone": "Be short.", **PLAIN}, {"tone": "Be short.", **ULTRAFEEDBACK}])
def test_a_system_turn_needs_a_template(row, rows_of):
    assert rows_of([row], CHAT, system="tone").settings == {"system_column": "tone", **TEMPLATE}
    if row["chosen"] == C:
        assert rows_of([row], system="tone").settings == {"system_column": None}


def test_a_subset_of_a_file_is_told(tmp_path):
    with pytest.raises(DataError, match=r"a subset is given, but rows\.jsonl is no Hub id"):
        look_at_rows(AskedRows("rows.jsonl", None, "main", {}), tmp_path, CHAT)


@pytest.mark.parametrize(
    ("row", "absent", "option"),
    [
        ({"promt": Q, "chosen": C, "rejected": R}, "no column 'prompt'; there are 'promt',", "prompt=promt"),
        ({"topic": Q, "chosen": C, "rejected": R}, "no column 'prompt'; there are 'topic',", "prompt=NAME"),
        (
            {"prompt": Q, "choosen": C, "rejected": R},
            "no column 'chosen'; there are 'prompt',",
            "chosen=choosen",
        ),
    ],
)
def test_an_unknown_column_is_told_with_the_nearest(row, absent, option, rows_of):
    with pytest.raises(DataError) as caught:
        rows_of([row])
    assert caught.value.what.startswith(absent)
    assert caught.value.where.endswith("rows.jsonl:1")
    assert caught.value.fix.startswith(f"Say which holds it: --column {option}.")


def test_what_is_wrong_in_a_known_column_is_told_as_such(rows_of):
    with pytest.raises(DataError, match="turn 1 in column 'chosen' has the role 'bot'"):
        rows_of([{**PLAIN, "chosen": [{"role": "bot", "content": C}]}])


def test_a_set_without_rows_is_told(rows_of):
    with pytest.raises(DataError, match="there are no rows"):
        rows_of([])


def test_a_set_whose_first_rows_are_no_pairs_is_told(rows_of):
    with pytest.raises(DataError, match="none of the first 2 rows is a pair"):
        rows_of([{**PLAIN, "rejected": C}] * 2)


def test_columns_are_read_from_options():
    assert read_columns(["prompt=a=b", "chosen=c"]) == {"prompt": "a=b", "chosen": "c"}


@pytest.mark.parametrize(
    ("option", "meant"), [("promt=q", "did you mean `prompt`? "), ("prompt=", ""), ("q", "")]
)
def test_an_option_that_names_no_column_is_told(option, meant):
    with pytest.raises(SuiteError, match="is nothing that a column holds") as caught:
        read_columns([option])
    assert meant in caught.value.fix
