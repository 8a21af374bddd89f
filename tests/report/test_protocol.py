"""The protocol of each benchmark, setting by setting."""

from __future__ import annotations

from synthetic_results import make_results, score

from lorr_bench.report.protocol import protocol_rows, protocol_table
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
    table = protocol_table(results).set_index("setting")
    assert table["value"].to_dict() == {
        "sampling.temperature": "0.6",
        "sampling.stop": '["a", "é"]',
        "sampling.empty": "{}",
        "limit": "null",
        "chat": "true",
        "template": "x" * 400,
    }
    assert set(table["problems"]) == {2}


def test_long_values_are_cut_in_the_row() -> None:
    (row,) = protocol_rows(make_results(scores=[], conditions=CONDITIONS))
    assert row.problems == "–"
    assert dict(row.settings)["template"] == "x" * 159 + "…"
    assert dict(row.settings)["sampling.temperature"] == "0.6"


def test_without_conditions_there_is_no_row() -> None:
    assert protocol_rows(make_results(conditions={})) == ()
    assert protocol_table(make_results(conditions={})).empty
