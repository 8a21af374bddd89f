"""Suite files: what is read, what is refused and with which words."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lorr_bench.errors import SuiteError
from lorr_bench.spec.load import LoadedSuite, load_suite, resolved_yaml
from lorr_bench.spec.methods import MethodSpec, ResetSpec, SftSpec
from lorr_bench.spec.models import Suite

Write = Callable[..., Path]
in_one_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def refusal(path: Path, *overrides: str) -> SuiteError:
    with pytest.raises(SuiteError) as caught:
        load_suite(path, overrides)
    return caught.value


def test_reads_a_suite_with_its_short_forms(write_suite: Write) -> None:
    suite = load_suite(write_suite()).suite
    assert suite.name == "tiny"
    assert suite.model.path == "nano"
    assert suite.seeds == (0, 1)
    assert suite.data.collect is not None
    assert suite.data.collect.num_samples == 4
    assert suite.methods["dpo"].hyperparameters == {"beta": 0.1, "learning_rate": 0.0001}
    assert suite.methods["simpo"].hyperparameters == {}
    assert list(suite.plugins) == ["plain", "lorr"]
    lorr = suite.plugins["lorr"]
    assert lorr.type == "lorr"
    assert lorr.reset is None
    assert lorr.sft == SftSpec()


@pytest.mark.parametrize("form", ["on", "true", "'on'", "{}"])
def test_a_part_of_lorr_is_switched_on(write_suite: Write, form: str) -> None:
    lorr = load_suite(write_suite("reset: off", f"reset: {form}")).suite.plugins["lorr"]
    assert lorr.type == "lorr"
    assert lorr.reset == ResetSpec()


@pytest.mark.parametrize("form", ["off", "'off'", "false", "null"])
def test_a_part_of_lorr_is_switched_off(write_suite: Write, form: str) -> None:
    lorr = load_suite(write_suite("reset: off", f"sft: {form}")).suite.plugins["lorr"]
    assert lorr.type == "lorr"
    assert lorr.sft is None


def test_knows_folder_lines_and_places(write_suite: Write) -> None:
    path = write_suite()
    loaded = load_suite(path, ["methods.dpo.beta=0.5"])
    assert loaded.folder == path.parent
    assert loaded.lines["data", "collect", "num_prompts"] == 7
    assert loaded.line(("data", "collect", "top_p")) == 5
    assert loaded.line(("methods", "dpo", "learning_rate")) == 14
    assert loaded.place(("methods", "dpo", "beta")) == "--set methods.dpo.beta=0.5"
    assert loaded.place(("methods", "dpo")) == f"{path}:12"


def test_lines_may_be_a_plain_mapping(write_suite: Write) -> None:
    loaded = load_suite(write_suite())
    plain = LoadedSuite(loaded.suite, loaded.path, {("seeds",): 3})
    assert plain.line(("seeds", 0)) == 3
    assert plain.place(("seeds", 0)) == f"{loaded.path}:3"


def test_reads_a_file_with_a_byte_order_mark(write_suite: Write) -> None:
    path = write_suite()
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert load_suite(path).suite.name == "tiny"


# --- files that are no suites ---------------------------------------------------------------------------


def test_missing_file_names_what_lies_beside(write_suite: Write) -> None:
    path = write_suite()
    error = refusal(path.with_name("siute.yaml"))
    assert error.what == "no such file"
    assert error.where == str(path.with_name("siute.yaml"))
    assert "did you mean `suite.yaml`?" in error.fix


def test_missing_file_in_a_missing_folder() -> None:
    error = refusal(Path("/no/such/folder/suite.yaml"))
    assert error.what == "no such file"
    assert "suites/quickstart.yaml" in error.fix


def test_folder(write_suite: Write) -> None:
    error = refusal(write_suite().parent)
    assert error.what == "is a folder, not a suite file"
    assert "suite.yaml" in error.fix


def test_unreadable_file(write_suite: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise PermissionError(13, "Permission denied")

    path = write_suite()
    monkeypatch.setattr(Path, "open", refuse)  # root may read everything, so the system is not asked
    error = refusal(path)
    assert error.what == "may not be read"
    assert "chmod u+r" in error.fix


@pytest.mark.parametrize("name", ["x" * 5000, "a\0b"])
def test_impossible_path(name: str) -> None:
    assert "can't be read" in refusal(Path(name)).what


def test_file_that_is_not_utf_8(tmp_path: Path) -> None:
    path = tmp_path / "latin.yaml"
    path.write_bytes(b"name: a\ndescription: caf\xe9\n")
    error = refusal(path)
    assert error.what == "is not UTF-8 text"
    assert error.where == f"{path}:2"


def test_file_over_one_mebibyte(tmp_path: Path) -> None:
    path = tmp_path / "large.yaml"
    path.write_bytes(b"#" * (1024 * 1024 + 1))
    assert refusal(path).what == "is larger than 1 MiB"
    path.write_bytes(b"#" * (1024 * 1024))
    assert refusal(path).what == "is empty instead of a mapping"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "is empty instead of a mapping"),
        ("- a\n", "holds a list instead of a mapping"),
        ("a\n", "holds a text instead of a mapping"),
        ("4.5\n", "holds a number instead of a mapping"),
        ("yes\n", "holds a boolean instead of a mapping"),
    ],
)
def test_top_level_is_no_mapping(tmp_path: Path, text: str, what: str) -> None:
    path = tmp_path / "suite.yaml"
    path.write_text(text)
    error = refusal(path)
    assert error.what == what
    assert error.where == f"{path}:1"
    assert "name:" in error.fix


# --- suites that contradict themselves ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "line", "what"),
    [
        (
            "max_tokens: 32\nbudget",
            "max_tokens: 32\n    template: Q\nbudget",
            9,
            "must hold {problem} exactly once",
        ),
        ("  collect:", "  pairs: {source: x}\n  collect:", 4, "give exactly one of `collect` and `pairs`"),
        ("[16, 64]", "[64, 16]", 10, "must rise, without repeats"),
        ("[16, 64]", "[16, 16]", 10, "must rise, without repeats"),
        ("reset: off", "reset: {tensors: '('}", 18, "neither a preset nor a regular expression"),
        ("reset: off", "sft: {weights: [0, 1]}", 18, "sft.weights has 2 entries for 3 replays"),
        (
            "reset: off",
            "reset: {optimizer_state: clean}",
            18,
            "`plugins.lorr.reset.optimizer_state` can't be 'clean'",
        ),
        ("[0, 1]", "[1, 1]", 3, "a seed is listed twice"),
        ("[0, 1]", "[]", 3, "at least 1"),
        ("[0, 1]", "[-1]", 3, "`seeds.0`: input should be greater than or equal to 0, got -1"),
        ("name: nano", "name: nano\n      limit: off", 22, "`evaluation.math.0.limit`"),
        (
            "  math:\n",
            "  general: [{name: nano, tasks: [x]}]\n  math:\n",
            19,
            "benchmark name used twice: nano",
        ),
        ("name: tiny", "name: Tiny", 1, "`name`: 'Tiny' is no name"),
        ("  simpo:", "  SimPO:", 15, "`methods.SimPO`: 'SimPO' is no name"),
        ("  simpo:", "  simpo: 3", 15, "`methods.simpo` should be a mapping, got 3"),
        ("plain:", "first:", 17, "`plugins.first` has no `type`"),
        ("plain:", "first: {type: lor}", 17, "`plugins.first` has the unknown type `lor`"),
        (
            "budget:",
            "overrides: {simpo+lor: {}}\nbudget:",
            9,
            "no arm is called simpo+lor; did you mean",
        ),
        ("reset: off", "sft: {cap: '.inf'}", 18, "`plugins.lorr.sft.cap`"),
        (
            "reset: off",
            "sft: {cap: inf}",
            18,
            "`plugins.lorr.sft.cap`: input should be a finite number, got 'inf'",
        ),
        ("methods:\n", "methods:\n  - x\n", 13, "column"),
        ("100", "ten", 7, "`data.collect.num_prompts`: input should be a valid integer"),
    ],
)
def test_faults_have_line_and_reason(write_suite: Write, old: str, new: str, line: int, what: str) -> None:
    path = write_suite(old, new)
    error = refusal(path)
    assert error.where == f"{path}:{line}"
    assert what in error.what


def test_no_benchmark(write_suite: Write) -> None:
    error = refusal(write_suite(), "evaluation={}")
    assert error.what == "`evaluation`: name at least one benchmark under `math` or `general`"
    assert error.where == "--set evaluation={}"


def test_methods_and_plugins_that_are_no_mappings(write_suite: Write) -> None:
    path = write_suite()
    assert "`methods` should be a mapping, got a list" in refusal(path, "methods=[dpo]").what
    assert "`plugins` should be a mapping, got 'lorr'" in refusal(path, "plugins=lorr").what


def test_faulty_methods_do_not_hide_behind_their_overrides(write_suite: Write) -> None:
    error = refusal(write_suite(), "overrides.dpo+plain.beta=1", "methods=1")
    assert error.what == "`methods` should be a mapping, got 1"


# --- speed and imports ----------------------------------------------------------------------------------


@pytest.mark.slow
def test_loading_imports_nothing_slow() -> None:
    slow = "{'torch', 'transformers', 'numpy', 'pandas', 'trl', 'vllm', 'rich', 'jinja2'}"
    code = f"import sys, lorr_bench.spec.load; print(sorted({slow} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# --- anything at all ------------------------------------------------------------------------------------


@pytest.mark.slow
@in_one_folder
@given(data=st.binary(max_size=200))
def test_any_bytes_are_a_suite_error(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "any.yaml"
    path.write_bytes(data)
    error = refusal(path)
    assert error.fix


keys = st.sampled_from(
    [*Suite.model_fields, "collect", "pairs", "math", "dpo", "lorr", "plain", "type", "reset", "x"]
)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4)
trees = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4)
)


@pytest.mark.slow
@in_one_folder
@given(values=st.dictionaries(st.sampled_from(sorted(Suite.model_fields)), trees))
def test_any_tree_is_a_suite_error(tmp_path: Path, values: dict[str, Any]) -> None:

    path = tmp_path / "tree.yaml"
    path.write_text(yaml.safe_dump(values), encoding="utf-8")
    assert str(path) in refusal(path).where


# --- the resolved suite ---------------------------------------------------------------------------------


def again(suite: Suite, folder: Path) -> Suite:
    path = folder / "resolved.yaml"
    path.write_text(resolved_yaml(suite), encoding="utf-8")
    return load_suite(path).suite


def test_resolved_yaml_has_defaults_in_order(write_suite: Write, tmp_path: Path) -> None:
    suite = load_suite(write_suite()).suite
    text = resolved_yaml(suite)
    top = [line.partition(":")[0] for line in text.splitlines() if line[0].isalpha()]
    assert top == [
        "name",
        "description",
        "model",
        "seeds",
        "data",
        "budget",
        "methods",
        "plugins",
        "overrides",
        "evaluation",
        "analysis",
        "tuning",
        "published",
        "training",
        "engine",
        "execution",
        "device",
        "variants",
    ]
    assert "    num_samples: 4\n" in text
    assert "    type: plain\n" in text
    assert "    reset: null\n" in text
    assert again(suite, tmp_path) == suite


words = st.text(max_size=12) | st.sampled_from(
    ["1e-4", "off", "010", "0o7", "~", "", "2024-01-02", "1:30", "<<", "="]
)
hyperparameters = st.dictionaries(
    words.filter(lambda name: name not in MethodSpec.model_fields and name != "model_config"),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | words,
        lambda inner: st.lists(inner, max_size=2) | st.dictionaries(words, inner, max_size=2),
        max_leaves=5,
    ),
    max_size=3,
)


@pytest.mark.slow
@in_one_folder
@given(description=words, extra=hyperparameters, seeds=st.sets(st.integers(0, 2**40), min_size=1))
def test_resolved_yaml_loads_as_an_equal_suite(
    write_suite: Write, tmp_path: Path, description: str, extra: dict[str, Any], seeds: set[int]
) -> None:
    values = load_suite(write_suite()).suite.model_dump()
    values |= {"description": description, "seeds": tuple(seeds), "overrides": {"dpo+lorr": extra}}
    values["methods"]["dpo"] = extra
    values["plugins"]["lorr"]["reset"] = {"factor": 1e-05, "tensors": r"\.layers\.\d+"}
    suite = Suite.model_validate(values)
    assert again(suite, tmp_path) == suite
