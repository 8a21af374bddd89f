"""Every place where something from outside is read: what is thrown at it, and what reads it."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml
from finished_suite import finish
from hypothesis import strategies as st
from mutations import damaged, mutated, places, texts, values
from rich.console import Console

from lorr_bench.data.pairs import load_pair_file, read_pairs
from lorr_bench.data.prompts import load_families, load_prompts
from lorr_bench.errors import LorrBenchError
from lorr_bench.forecast.forecast import estimate_plan
from lorr_bench.plan.identity.origins import NANO_MODEL
from lorr_bench.plan.identity.task_files import check_task_files
from lorr_bench.plan.plan import Plan, make_plan
from lorr_bench.plan.published import load_published
from lorr_bench.report.formats.results_file import read_results, results_bytes
from lorr_bench.run.state import Journal
from lorr_bench.spec.load import load_suite
from lorr_bench.spec.sources import PairFileSpec, PromptSpec
from lorr_bench.store.lock import holder
from lorr_bench.store.record import signed
from lorr_bench.store.results import load_results
from lorr_bench.store.store import Store
from lorr_bench.terminal.plan_tables import estimates_view

ROOT: Final = Path(__file__).parents[2]
SMOKE: Final = ROOT / "suites" / "smoke.yaml"
SUITES: Final = tuple(sorted((ROOT / "suites").rglob("*.yaml")))


@dataclass(frozen=True)
class Surface:
    """A place where something from outside is read.

    Attributes:
        name: What is read.
        cases: What is thrown at it.
        read: Reads a case, in an empty folder; may raise a ``LorrBenchError``, and nothing else.
    """

    name: str
    cases: st.SearchStrategy[Any]
    read: Callable[[Any, Path], object]


def attempt(surface: Surface, case: Any, folder: Path) -> None:
    """Read one case; what comes out must be a value, or an error that says what, where and what to do."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        surface.read(case, folder)
    except LorrBenchError as error:
        refused = error
    else:
        return
    assert refused.what.strip(), f"{refused!r} says nothing"
    assert refused.where.strip(), f"{refused!r} says no place"
    assert refused.fix.strip(), f"{refused!r} says no remedy"


# --- suites ---------------------------------------------------------------------------------------------


def read_suite(data: bytes, folder: Path) -> Plan:
    (folder / "results").symlink_to(ROOT / "results")
    path = folder / "suites" / "fuzz.yaml"
    path.parent.mkdir()
    path.write_bytes(data)
    return make_plan(load_suite(path))


def as_yaml(value: Any) -> bytes:
    text: str = yaml.dump(value, Dumper=_Dumper, allow_unicode=True, sort_keys=False)
    return text.encode("utf-8", "surrogatepass")


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


SUITE_VALUES: Final = tuple(yaml.safe_load(path.read_text("utf-8")) for path in SUITES)
SUITE_BYTES: Final = tuple(path.read_bytes() for path in SUITES)
WAYS: Final = tuple(sorted({".".join(map(str, way)) for suite in SUITE_VALUES for way in places(suite)}))
KEYS: Final = tuple(sorted({step for way in WAYS for step in way.split(".") if not step.isdigit()}))
trees = st.recursive(
    values, lambda inner: st.dictionaries(st.sampled_from(KEYS) | texts, inner, max_size=4), max_leaves=12
)


def read_with_options(options: list[str], _folder: Path) -> Plan:
    return make_plan(load_suite(SMOKE, options))


@st.composite
def options(draw: st.DrawFn) -> list[str]:
    """``--set`` options: known and unknown paths, with values that YAML may or may not read."""
    ways = st.sampled_from(WAYS) | st.lists(st.sampled_from(KEYS) | texts, max_size=4).map(".".join)
    given = values.map(lambda value: as_yaml(value).decode("utf-8", "surrogatepass")) | texts
    return draw(st.lists(st.builds("{}={}".format, ways, given) | texts, min_size=1, max_size=3))


# --- data files -----------------------------------------------------------------------------------------

COLUMNS: Final = ("id", "problem", "answer", "prompt", "chosen", "rejected")
columns = st.sampled_from(COLUMNS) | texts
PROMPT_ROWS: Final = [
    {"id": "a", "problem": "What is 2 + 2?", "answer": "\\boxed{4}"},
    {"problem": "1/2 + 1/2", "answer": 1},
    {"problem": "roots of x^2 = 4", "answer": [-2, 2.0]},
]
PAIR_ROWS: Final = [
    {"id": "a", "prompt": "2 + 2 =", "chosen": "4", "rejected": "5", "prompt_index": 0},
    {"id": "b", "prompt": "1 + 1 =", "chosen": "2", "rejected": "3", "prompt_index": 1},
]


def as_lines(rows: Any) -> bytes:
    text = "\n".join(json.dumps(row) for row in rows)
    return text.encode()


def as_json(cases: st.SearchStrategy[Any]) -> st.SearchStrategy[bytes]:
    return cases.map(lambda value: json.dumps(value).encode())


def jsonl(rows: list[dict[str, Any]]) -> st.SearchStrategy[bytes]:
    """Lines with faults in their values, in their bytes, or nested beyond reason."""
    deep = st.integers(1, 3000).map(lambda depth: b'{"problem": ' + b"[" * depth + b"]" * depth + b"}")
    faulty = st.tuples(st.binary(max_size=40), deep).map(lambda parts: parts[1] + b"\n" + parts[0])
    return mutated((rows,)).map(as_lines) | damaged((as_lines(rows),)) | faulty


def write(data: bytes, folder: Path, name: str) -> Path:
    (folder / name).write_bytes(data)
    return folder / name


prompt_specs = st.fixed_dictionaries(
    {},
    optional={
        "problem_column": columns,
        "answer_column": columns | st.none(),
        "answer_pattern": st.sampled_from(("boxed", "(.*)", "#### (.*)", "(a)?", "(?:x)(y)*")),
        "incomplete": st.sampled_from(("refuse", "skip")),
    },
)


def read_prompts(case: tuple[bytes, Mapping[str, Any], int | None], folder: Path) -> object:
    data, options, count = case
    write(data, folder, "rows.jsonl")
    spec = PromptSpec(source="rows.jsonl", **options)
    prompts = load_prompts(spec, folder=folder, count=count, seed=0, shuffle=count is not None)
    found = load_families(spec, spec.problem_column, folder=folder, count=count)
    assert len(found) == len(prompts)
    return json.dumps([prompt.text.encode().decode() + prompt.answer for prompt in prompts])


def read_preferences(case: tuple[bytes, Mapping[str, str]], folder: Path) -> object:
    data, options = case
    write(data, folder, "rows.jsonl")
    pairs = load_pair_file(PairFileSpec(source="rows.jsonl", **options), folder).pairs
    return [(pair.prompt + pair.chosen + pair.rejected + pair.id).encode() for pair in pairs]


def read_stored_pairs(data: bytes, folder: Path) -> object:
    return read_pairs(write(data, folder, "pairs.jsonl"))


PUBLISHED: Final = (ROOT / "results" / "reference" / "published.csv").read_bytes()
PUBLISHED_ROWS: Final = tuple(csv.DictReader(io.StringIO(PUBLISHED.decode())))[:20]
HEAD: Final = b"".join(PUBLISHED.splitlines(keepends=True)[:20])


@st.composite
def figures(draw: st.DrawFn) -> tuple[bytes, list[dict[str, str]]]:
    """A file of published figures with faults, and what is wanted of it."""
    row = draw(st.sampled_from(PUBLISHED_ROWS))
    wanted = {"arm": "start", **{name: row[name] for name in ("model", "source", "labels")}}
    rows = [row, *draw(st.lists(st.sampled_from(PUBLISHED_ROWS), max_size=3))]
    changed = [
        {**one, **draw(st.dictionaries(st.sampled_from(sorted(one)), texts, max_size=2))} for one in rows
    ]
    out = io.StringIO()
    writer = csv.DictWriter(out, list(row), extrasaction="ignore")
    writer.writeheader()
    writer.writerows(changed)
    data = out.getvalue().encode("utf-8", "surrogatepass")
    asked = draw(st.just(wanted) | st.fixed_dictionaries(dict.fromkeys(wanted, texts)))
    return draw(st.just(data) | damaged((data, HEAD)) | st.binary(max_size=60)), [asked]


def read_figures(case: tuple[bytes, list[dict[str, str]]], folder: Path) -> object:
    data, wanted = case
    found = load_published(write(data, folder, "published.csv"), wanted)
    assert all(-1e6 < figure.value < 1e6 for figure in found)
    return found


TASK: Final = {
    "task": "mine",
    "include": "other.yaml",
    "dataset_path": "json",
    "dataset_kwargs": {"data_files": {"test": "rows.jsonl"}},
    "output_type": "multiple_choice",
    "doc_to_text": "{{question}}",
    "doc_to_choice": ["a", "b"],
    "metric_list": [{"metric": "acc", "aggregation": "mean", "higher_is_better": True}],
    "metadata": {"version": 1.0},
}


def read_task(data: bytes, folder: Path) -> None:
    (folder / "other.yaml").write_text("task: other\n", "utf-8")
    write(data, folder, "mine.yaml")
    check_task_files(folder)


MODEL_CONFIG: Final = json.loads((NANO_MODEL / "config.json").read_text("utf-8"))


NO_WEIGHTS: Final = (8).to_bytes(8, "little") + b"{}      "


def read_model(case: tuple[bytes, bytes], folder: Path) -> object:
    """Plan and estimate with a model folder that is not what it should be."""
    config, weights = case
    model = folder / f"model-{hashlib.sha256(config + weights).hexdigest()[:12]}"  # sizes are kept by path
    model.mkdir()
    (model / "config.json").write_bytes(config)
    (model / "tokenizer.json").write_text("{}", "utf-8")
    (model / "model.safetensors").write_bytes(weights)
    plan = make_plan(load_suite(SMOKE, [f"model.path={model}"]))
    view = estimates_view(estimate_plan(plan, Store(folder / "store"), {"CUDA_VISIBLE_DEVICES": ""}))
    Console(file=io.StringIO()).print(view)
    return plan


@st.composite
def weights(draw: st.DrawFn) -> bytes:
    """A safetensors file whose header is not what it should be."""
    shapes = {"model.embed_tokens.weight": {"dtype": "F32", "shape": [8, 4], "data_offsets": [0, 128]}}
    text = json.dumps(draw(st.just({}) | mutated((shapes,)) | values)).encode()
    length = draw(st.just(len(text)) | st.integers(0, 2**64 - 1))
    return length.to_bytes(8, "little") + text


# --- what a run left behind -----------------------------------------------------------------------------


@cache
def smoke_plan() -> Plan:
    return make_plan(load_suite(SMOKE))


def spoiled(root: Path, original: Path, name: str, data: bytes) -> Store:
    shutil.copytree(original, root / "store", copy_function=os.link)
    (root / "store" / name).unlink()
    (root / "store" / name).write_bytes(data)
    return Store(root / "store")


@cache
def finished(folder: Path) -> tuple[Path, tuple[str, ...]]:
    """A store of the smoke suite, all done, and the names of its files."""
    root = folder / "finished"
    store = Store(root)
    for stage in smoke_plan().stages:
        finish(store, stage)
    names = (path.relative_to(root).as_posix() for path in sorted(root.rglob("*")) if path.is_file())
    return root, tuple(name for name in names if not name.startswith("claims"))


def read_store(case: tuple[int, bytes | int], folder: Path) -> object:
    """Read every result of a store of which one file was damaged."""
    original, names = finished(folder.parent)
    name = names[case[0] % len(names)]
    data = case[1] if isinstance(case[1], bytes) else _flipped((original / name).read_bytes(), case[1])
    store = spoiled(folder, original, name, data)
    for stage in smoke_plan().stages:
        store.read(stage, verify=True)
        store.whole(stage)
    return load_results(smoke_plan(), Store(folder / "store"), {})


def _flipped(data: bytes, place: int) -> bytes:
    """The data with one bit of it flipped; one byte where there is none."""
    if not data:
        return b"\x01"
    bit = place % (8 * len(data))
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def read_record(record: Any, folder: Path) -> object:
    """Read a record that was written by hand, with its checksum."""
    original, _ = finished(folder.parent)
    stage = next(stage for stage in smoke_plan().stages if stage.kind == "train")
    store = Store(folder / "store")
    where = store.folder(stage).relative_to(store.root)
    shutil.copytree(original / where, store.folder(stage))
    text = signed(record) if isinstance(record, dict) and signable(record) else json.dumps(record)
    (store.folder(stage) / "record.json").write_text(text, "utf-8")
    store.read(stage, verify=True)
    return store.whole(stage)


def signable(record: dict[str, Any]) -> bool:
    """Whether a record can be signed: no key comes before ``checksum``."""
    return all(isinstance(key, str) and key >= "checksum" for key in record)


def records() -> st.SearchStrategy[Any]:
    stage = next(stage for stage in smoke_plan().stages if stage.kind == "train")
    record = {
        "digest": stage.digest,
        "stage": stage.to_dict(),
        "outcome": {"metrics": {}, "spend": {}, "parts": {}},
        "files": {"model/model.safetensors": "0" * 64, "../../x": "0" * 64},
        "started": 0.0,
        "wall_seconds": 1.0,
        "provenance": {"python": "3.11"},
        "format": 2,
    }
    return mutated((record,)).filter(signable) | values


STATE: Final = {
    "seconds": {"abc": 1.5},
    "running": {"abc": "train 1"},
    "troubles": {"abc": {"attempts": 2, "reason": "out of memory", "log": "train.log"}},
}


def read_state(data: bytes, folder: Path) -> object:
    journal = Journal(write(data, folder, "state.json"))
    for digest in ("abc", "xyz", *journal.troubles):
        journal.begins(digest, "train 1")
        journal.fails(digest, "again", folder / "log")
        journal.ends(digest, 1.0)
    return [str(trouble.reason) + trouble.log for trouble in journal.troubles.values()]


OWNER: Final = {"host": "a", "machine": "b", "pid": 1, "started": "2", "token": "c", "needs": ["d"]}


def read_lock(data: bytes, folder: Path) -> object:
    owner = holder(write(data, folder, "lock"))
    return str(owner)


@cache
def results_text(folder: Path) -> bytes:
    root, _ = finished(folder)
    return gzip.decompress(results_bytes(load_results(smoke_plan(), Store(root), {})))


def read_published_results(case: tuple[bool, Any], folder: Path) -> object:
    packed, change = case
    text = results_text(folder.parent)
    data = change(text) if callable(change) else change
    return read_results(write(gzip.compress(data) if packed else data, folder, "results.json.gz"))


def cut(places: tuple[int, int, bytes]) -> Callable[[bytes], bytes]:
    """Put some bytes in place of others."""

    def change(data: bytes) -> bytes:
        start = places[0] % (len(data) + 1)
        return data[:start] + places[2] + data[start + places[1] :]

    return change


def surfaces() -> tuple[Surface, ...]:
    """All surfaces."""
    numbers = st.integers(0, 1 << 30)
    deep = st.integers(1, 5000).map(lambda depth: b'{"a":' * depth + b"1" + b"}" * depth)
    junk = st.binary(max_size=120) | deep | as_json(values)
    prompts = st.tuples(jsonl(PROMPT_ROWS), prompt_specs, st.none() | st.integers(1, 4))
    pair_columns = st.fixed_dictionaries({}, optional={f"{name}_column": columns for name in COLUMNS[3:]})
    changes = st.tuples(numbers, st.integers(0, 30), st.binary(max_size=6)).map(cut)
    return (
        Surface("suite, any bytes", junk | st.text(":-[]{}&*!#'\"\n \t|>%ab1", max_size=60).map(str.encode), read_suite),
        Surface("suite, any values", trees.map(as_yaml), read_suite),
        Surface("suite, wrong values", mutated(SUITE_VALUES).map(as_yaml), read_suite),
        Surface("suite, damaged text", damaged(SUITE_BYTES), read_suite),
        Surface("--set", options(), read_with_options),
        Surface("problems (JSONL)", prompts, read_prompts),
        Surface("pairs (JSONL)", st.tuples(jsonl(PAIR_ROWS), pair_columns), read_preferences),
        Surface("stored pairs (JSONL)", jsonl(PAIR_ROWS), read_stored_pairs),
        Surface("published figures (CSV)", figures(), read_figures),
        Surface("lm-eval task file", mutated((TASK,)).map(as_yaml) | damaged((as_yaml(TASK),)) | junk, read_task),
        Surface("model folder", st.tuples(as_json(mutated((MODEL_CONFIG,))) | junk, st.just(NO_WEIGHTS) | weights()), read_model),
        Surface("store, damaged file", st.tuples(numbers, junk | numbers), read_store),
        Surface("store, wrong record", records(), read_record),
        Surface("state of a run", as_json(mutated((STATE,))) | junk, read_state),
        Surface("lock", mutated((OWNER,)).filter(signable).map(lambda v: signed(v).encode()) | junk, read_lock),
        Surface("results.json.gz", st.tuples(st.booleans(), changes | junk), read_published_results),
    )  # fmt: skip
