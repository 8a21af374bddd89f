"""YAML text to values and lines."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from lorr_bench.errors import SuiteError
from lorr_bench.spec.document import Lines, read_document


def read(text: str, depth: int = 0) -> Any:
    return read_document(text, lambda line: f"s.yaml:{line}", depth=depth).value


@pytest.fixture(params=[True, False], ids=["libyaml", "python"])
def parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param and not yaml.__with_libyaml__:
        pytest.skip("PyYAML was built without libyaml")
    monkeypatch.setattr(yaml, "__with_libyaml__", request.param)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-4", 0.0001),
        ("1E5", 100000.0),
        ("-2.5e+3", -2500.0),
        (".5", 0.5),
        ("1.", 1.0),
        ("7", 7),
        ("-7", -7),
        ("010", 10),
        ("0o10", 8),
        ("0x1F", 31),
        ("'1e-4'", "1e-4"),
        ("1:30", "1:30"),
        ("2024-01-02", "2024-01-02"),
        ("off", False),
        ("On", True),
        ("NO", False),
        ("true", True),
        ("~", None),
        ("null", None),
        ("'off'", "off"),
        ("-", [None]),
        ("e4", "e4"),
        ("1e", "1e"),
        ("{a: [1, {b: x}]}", {"a": [1, {"b": "x"}]}),
        ("{on: 1, 2: 3}", {"on": 1, "2": 3}),
        ("a: |\n  x\n  y\n", {"a": "x\ny\n"}),
        ("", None),
        ("# nothing\n", None),
    ],
)
@pytest.mark.usefixtures("parser")
def test_reads_values_by_yaml_1_2(text: str, value: object) -> None:
    found = read(text)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.usefixtures("parser")
def test_lines_are_those_of_keys_and_entries() -> None:
    document = read_document("# first\na:\n  b: 1\n  c:\n    - x\n    - d: 2\n", str)
    assert document.lines == {
        (): 2,
        ("a",): 2,
        ("a", "b"): 3,
        ("a", "c"): 4,
        ("a", "c", 0): 5,
        ("a", "c", 1): 6,
        ("a", "c", 1, "d"): 6,
    }


@pytest.mark.parametrize(
    ("text", "where", "what"),
    [
        ("a: 1\nb: 2\na: 3\n", "s.yaml:3", "key `a` stands on line 1 and again on line 3"),
        ("a:\n\tb: 1\n", "s.yaml:2", "a tab indents this line, at column 1"),
        ("a: [1, 2\nb: 3\n", "s.yaml:2", "column"),
        ("a: @x\n", "s.yaml:1", "column 4"),
        ("a: &x 1\nb: *x\n", "s.yaml:2", "`*x` is an alias"),
        ("a: !!python/object:os.system x\n", "s.yaml:1", "is a tag"),
        ("a: !!binary aGk=\n", "s.yaml:1", "is a tag"),
        ("a: 1\n---\nb: 2\n", "s.yaml:2", "second document"),
        ("? [1, 2]\n: 3\n", "s.yaml:1", "a key must be plain text"),
        ("a: .inf\n", "s.yaml:1", ".inf is not a finite number"),
        ("a:\n- .NaN\n", "s.yaml:2", ".NaN is not a finite number"),
        ("a: 1e999\n", "s.yaml:1", "1e999 is not a finite number"),
        (f"a: {'9' * 5000}\n", "s.yaml:1", "is not a finite number"),
        ("a: \x01\n", "s.yaml:1", "not readable as YAML"),
    ],
)
@pytest.mark.usefixtures("parser")
def test_refuses_with_place(text: str, where: str, what: str) -> None:
    with pytest.raises(SuiteError) as caught:
        read(text)
    assert caught.value.where == where
    assert what in caught.value.what
    assert caught.value.fix


@pytest.mark.slow
@pytest.mark.usefixtures("parser")
def test_nesting_ends_at_32_levels() -> None:
    deepest = read("[" * 32 + "]" * 32)
    for _ in range(31):
        (deepest,) = deepest
    assert deepest == []
    with pytest.raises(SuiteError, match="nested deeper than 32 levels"):
        read("[" * 33 + "]" * 33)
    with pytest.raises(SuiteError, match="nested deeper than 32 levels"):
        read("[" * 200_000)
    with pytest.raises(SuiteError, match="nested deeper than 32 levels"):
        read("[]", depth=32)


def refused(text: str, where: str, what: str = "nested deeper than 32 levels") -> None:
    with pytest.raises(SuiteError) as caught:
        read(text)
    assert (caught.value.where, caught.value.what) == (where, what)


NESTINGS = {
    "[": "nested deeper than 32 levels",
    "- ": "nested deeper than 32 levels",
    "{a: ": "nested deeper than 32 levels",
    "[{a: ": "nested deeper than 32 levels",
    "{": "a key must be plain text",
    "? ": "a key must be plain text",
}


@pytest.mark.parametrize("times", [40, 900, 1_001, 20_000])
@pytest.mark.parametrize("opening", NESTINGS)
@pytest.mark.usefixtures("parser")
def test_nesting_is_refused_in_the_same_words_at_any_depth(opening: str, times: int) -> None:
    refused(f"# first\n{opening * times}", "s.yaml:2", NESTINGS[opening])


@pytest.mark.usefixtures("parser")
def test_nesting_by_lines_is_refused_where_it_is_too_deep() -> None:
    refused("".join(f"{' ' * level}a:\n" for level in range(1_100)), "s.yaml:33")
    refused("[\n" * 2_000, "s.yaml:33")


class Shallow(yaml.SafeLoader):
    """A parser with a limit of its own, in the place where that of PyYAML's newer releases is."""

    limit: int

    def fetch_flow_collection_start(self, token: Any) -> None:
        if self.flow_level >= self.limit:
            raise yaml.scanner.ScannerError("while scanning", None, "too much for me", self.get_mark())
        super().fetch_flow_collection_start(token)


@pytest.mark.parametrize("limit", [33, 50, 255, 1_000])
@pytest.mark.parametrize("opening", NESTINGS)
def test_a_parser_with_a_lower_limit_changes_no_word(
    opening: str, limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(yaml, "__with_libyaml__", False)
    monkeypatch.setattr(yaml, "SafeLoader", type("Limited", (Shallow,), {"limit": limit}))
    refused(opening * 1_100, "s.yaml:1", NESTINGS[opening])


def test_a_parser_that_runs_out_of_stack_changes_no_word(monkeypatch: pytest.MonkeyPatch) -> None:
    def parse(text: str, Loader: object) -> Any:  # noqa: N803 - PyYAML's own name
        raise RecursionError

    monkeypatch.setattr(yaml, "parse", parse)
    refused("\n" + "[" * 1_100, "s.yaml:1")


@pytest.mark.usefixtures("parser")
def test_a_fault_behind_shallow_nesting_keeps_its_own_words() -> None:
    for text in ("[" * 32 + "@", "- " * 31 + "[1", "'" + "[" * 2_000):
        with pytest.raises(SuiteError, match="not valid YAML: "):
            read(text)


@pytest.mark.usefixtures("parser")
def test_of_two_faults_on_a_line_the_first_is_named() -> None:
    refused("[" * 33 + "@", "s.yaml:1")
    refused("[*a, @]", "s.yaml:1", "`*a` is an alias")


def test_an_alias_bomb_does_not_grow() -> None:
    bomb = "a0: &a0 [x]\n" + "".join(f"a{i + 1}: &a{i + 1} [{', '.join([f'*a{i}'] * 9)}]\n" for i in range(9))
    with pytest.raises(SuiteError, match=r"`\*a0` is an alias"):
        read(bomb)


def only_suite_errors(text: str) -> None:
    with contextlib.suppress(SuiteError):
        read(text)


@pytest.mark.slow
@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    only_suite_errors(text)


@pytest.mark.slow
@given(st.text(alphabet="ab:-[]{}&*!|>'\"%@`#,? \n\t0.e~<\\Ux", max_size=60))
def test_any_syntax_is_read_or_refused(text: str) -> None:
    only_suite_errors(text)


def test_python_parser_refuses_an_impossible_escape(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yaml, "__with_libyaml__", False)
    with pytest.raises(SuiteError, match="not readable as YAML"):
        read('"\\UFFFFFFFF"')


class TestLines:
    lines = Lines({(): 1, ("a",): 2, ("a", "b"): 3, ("c",): 9})
    path = Path("s.yaml")

    def test_is_a_mapping(self) -> None:
        assert self.lines["a", "b"] == 3
        assert len(self.lines) == 4
        assert list(self.lines) == [(), ("a",), ("a", "b"), ("c",)]

    @pytest.mark.parametrize(
        ("location", "line"),
        [(("a", "b"), 3), (("a", "b", 0, "x"), 3), (("a", "z"), 2), (("z",), 1), ((), 1)],
    )
    def test_line_is_the_nearest_ancestors(self, location: tuple[str | int, ...], line: int) -> None:
        assert self.lines.line(location) == line

    def test_without_any_line_it_is_the_first(self) -> None:
        assert Lines({}).line(("a",)) == 1

    def test_an_option_is_the_place_of_what_it_gave(self) -> None:
        lines = self.lines.replaced(("a", "b"), "--set a.b=1")
        assert lines.place(self.path, ("a", "b", "x")) == "--set a.b=1"
        assert lines.place(self.path, ("a",)) == "s.yaml:2"
        assert lines.place(self.path, ("c", "d")) == "s.yaml:9"
        assert lines.line(("a", "b")) == 2

    def test_a_later_option_above_replaces_those_below(self) -> None:
        lines = self.lines.replaced(("a", "b"), "--set a.b=1").replaced(("a",), "--set a={}")
        assert lines.place(self.path, ("a", "b")) == "--set a={}"
