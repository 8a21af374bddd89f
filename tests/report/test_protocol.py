"""The protocol of each benchmark, setting by setting."""

from __future__ import annotations

from synthetic_results import make_results, score
from table_texts import texts

from lorr_bench.report.tables.protocol import protocol_frame, protocol_table, shared_settings_table
from lorr_bench.values import START

CONDITIONS = {
    "b": {
        "sampling": {"temperature": 0.6, "stop": ["a", "é"], "empty": {}},
        "limit": None,
        "chat": True,
        "template": "x" * 400,
    }
}


def test_nested_settings_have_dotted_names_and_values_are_text() -> None:
    results = make_results(scores=[score(START, "b", "math", "greedy", [0, 1])], conditions=CONDITIONS)
    table = protocol_frame(results).set_index("setting")
    assert table["value"].to_dict() == {
        "sampling.temperature": "0.6",
        "sampling.stop": '["a", "é"]',
        "sampling.empty": "{}",
        "limit": "null",
        "chat": "true",
        "template": "x" * 400,
    }
    assert set(table["problems"]) == {2}


def test_long_values_are_cut_for_reading() -> None:
    results = make_results(scores=[], conditions=CONDITIONS)
    assert texts(protocol_table(results)) == [["b", "–", "–"]]
    shared = dict(texts(shared_settings_table(results)))
    assert shared["template"] == "x" * 159 + "…"
    assert shared["sampling: temperature"] == "0.6"


def test_values_are_words_and_what_is_not_set_stands_in_one_row() -> None:
    results = make_results(scores=[], conditions=CONDITIONS)
    shared = dict(texts(shared_settings_table(results)))
    assert (shared["sampling: stop"], shared["sampling: empty"], shared["chat"]) == ("a, é", "none", "yes")
    assert [*shared.items()][-1] == ("not set", "limit")


def test_a_benchmark_is_told_in_words() -> None:
    conditions = {"b": {"greedy": True, "max_tokens": 1024, "chat_template": False, "num_fewshot": 5}}
    ((_, _, words),) = texts(protocol_table(make_results(scores=[], conditions=conditions)))
    assert words == "one greedy answer, of at most 1,024 tokens, 5 examples, without a chat template"


def test_what_differs_stands_by_benchmark_and_what_does_not_once() -> None:
    easy = {"template": "plain", "repeats": 3}
    hard = {"template": "plain", "repeats": 10, "stop": "###"}
    results = make_results(scores=[], conditions={"easy": easy, "hard": hard})
    table = protocol_table(results)
    assert [column.title for column in table.columns] == [
        "benchmark",
        "problems",
        "in words",
        "repeats",
        "stop",
    ]
    assert texts(table) == [
        ["easy", "–", "3 sampled answers at temperature unknown", "3", ""],
        ["hard", "–", "10 sampled answers at temperature unknown", "10", "###"],
    ]
    assert texts(shared_settings_table(results)) == [["template", "plain"]]


def test_without_conditions_there_is_no_row() -> None:
    results = make_results(conditions={})
    assert protocol_table(results).rows == shared_settings_table(results).rows == ()
    assert protocol_frame(make_results(conditions={})).empty
