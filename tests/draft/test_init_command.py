"""``lorr-bench init`` on the embedded model: what it writes, leaves alone, and says in trouble."""

import json
import shutil

import pytest
from command_line import lorr_bench_here

from lorr_bench.plan.identity.origins import NANO_MODEL


@pytest.fixture
def pairs(tmp_path, nano_pairs):
    """A file of 40 pairs."""
    file = tmp_path / "pairs.jsonl"
    rows = ({"prompt": p.prompt, "chosen": p.chosen, "rejected": p.rejected} for p in nano_pairs)
    file.write_text("".join(f"{json.dumps(row)}\n" for row in rows), "utf-8")
    return file


@pytest.fixture
def init(tmp_path, pairs):
    """The command, on the embedded model and these pairs where nothing else is said."""

    def call(*arguments, model="nano", data="pairs.jsonl"):
        return lorr_bench_here("init", "--model", model, "--data", data, *arguments, cwd=tmp_path)

    return call


@pytest.mark.slow
def test_what_is_written_is_valid_as_it_stands(init, tmp_path):
    done = init("-o", "mine.yaml")
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith(
        "Written: mine.yaml, and mine_held_out/ with the pairs that are held out. Next:\n"
        "  lorr-bench validate --data mine.yaml\n  lorr-bench run mine.yaml\n"
    )
    assert "Rows      40, 20 usable to train on\n" in done.stdout
    assert sorted(file.name for file in tmp_path.iterdir()) == ["mine.yaml", "mine_held_out", "pairs.jsonl"]
    checked = lorr_bench_here("validate", "--data", "mine.yaml", cwd=tmp_path)
    assert checked.returncode == 0, checked.stderr
    assert checked.stdout.splitlines()[-1].startswith("mine.yaml: valid, data and model included, 2 arms,")


def test_the_held_out_pairs_are_the_last_with_the_better_one_first_and_second_in_turn(
    init, tmp_path, nano_pairs
):
    init()
    rows = [
        json.loads(line)
        for line in (tmp_path / "suite_held_out" / "pairs.jsonl").read_text("utf-8").splitlines()
    ]
    assert [row["gold"] for row in rows] == [0, 1] * 10
    assert [row["prompt"] for row in rows] == [pair.prompt for pair in nano_pairs[20:]]
    assert [row["choices"][row["gold"]] for row in rows] == [pair.chosen for pair in nano_pairs[20:]]
    assert [row["choices"][1 - row["gold"]] for row in rows] == [pair.rejected for pair in nano_pairs[20:]]


@pytest.mark.slow
def test_what_is_there_stays_unless_it_may_be_replaced(init, tmp_path):
    suite = tmp_path / "suite.yaml"
    suite.write_text("mine\n", "utf-8")
    done = init()
    assert (done.returncode, suite.read_text("utf-8")) == (2, "mine\n")
    assert "suite.yaml: is there already, and stays as it is" in done.stderr
    assert not (tmp_path / "suite_held_out").exists()
    assert init("--force").returncode == 0
    assert suite.read_text("utf-8").startswith("# yaml-language-server: $schema=file:///")


def test_a_folder_of_the_name_of_the_task_stays(init, tmp_path):
    (tmp_path / "suite_held_out").mkdir()
    done = init()
    assert (done.returncode, (tmp_path / "suite.yaml").exists()) == (2, False)
    assert "suite_held_out: is there already" in done.stderr


def test_the_standard_output_gets_the_suite_and_nothing_else(init, tmp_path):
    done = init("-o", "-")
    assert done.stdout.startswith("# yaml-language-server: ")
    assert "nano/easy" in done.stdout
    assert done.stderr.startswith("Model     ")
    assert [file.name for file in tmp_path.iterdir()] == ["pairs.jsonl"]


@pytest.mark.slow
def test_paths_are_those_from_the_suite(init, tmp_path):
    (tmp_path / "suites").mkdir()
    shutil.copytree(NANO_MODEL, tmp_path / "my-model")
    done = init("-o", "suites/mine.yaml", model="my-model")
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "suites" / "mine.yaml").read_text("utf-8")
    assert "name: my-model-pairs " in text
    assert "path: ../my-model " in text
    assert "source: ../pairs.jsonl " in text
    checked = lorr_bench_here("validate", "--data", "suites/mine.yaml", cwd=tmp_path)
    assert checked.returncode == 0, checked.stderr


def test_gpus_that_are_not_here_can_be_written_for(init):
    done = init("-o", "-", "--devices", "h100-80gb:2")
    assert "by `lorr-bench init` for 2 × H100 80 GB." in done.stdout
    assert "bf16: true" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ({"model": "missing-model"}, 3, "--model: no model folder at missing-model"),
        ({"model": "pairs.jsonl"}, 3, "--model: no model folder at pairs.jsonl"),
        ({"model": "."}, 3, "the model folder has no config.json"),
        ({"data": "pair.jsonl"}, 3, "pair.jsonl: there is no such file\n  did you mean pairs.jsonl"),
        ({"data": "empty.jsonl"}, 3, "empty.jsonl: there are no rows"),
    ],
)
def test_trouble_is_one_sentence(arguments, code, said, init, tmp_path):
    (tmp_path / "empty.jsonl").touch()
    done = init(**arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr
    assert not (tmp_path / "suite.yaml").exists()


def test_a_model_without_a_tokenizer_is_told(init, tmp_path):
    shutil.copytree(NANO_MODEL, tmp_path / "my-model", ignore=shutil.ignore_patterns("tokenizer*"))
    done = init(model="my-model")
    assert (done.returncode, "the model folder has no tokenizer" in done.stderr) == (3, True)


def test_conversations_for_a_model_without_a_template_are_told(init, tmp_path):
    turns = [{"role": "user", "content": "Hi"}]
    row = {side: [*turns, {"role": "assistant", "content": side}] for side in ("chosen", "rejected")}
    (tmp_path / "chat.jsonl").write_text(f"{json.dumps(row)}\n" * 40, "utf-8")
    done = init(data="chat.jsonl")
    assert done.returncode == 3
    assert "the rows are conversations, and the tokenizer has no chat template" in done.stderr


@pytest.mark.parametrize(
    ("place", "said"),
    [("missing/suite.yaml", "there is no folder missing"), (".", "this is a folder")],
)
def test_a_place_that_is_none_is_told(place, said, init):
    done = init("-o", place)
    assert (done.returncode, said in done.stderr) == (2, True)


def test_a_folder_that_can_not_be_written_to_is_told(init, tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("lorr_bench.draft.write.write_text", refuse)
    done = init()
    assert (done.returncode, "can't be written: Permission denied" in done.stderr) == (2, True)
