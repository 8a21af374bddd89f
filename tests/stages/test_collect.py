"""Collection with an engine that answers from a script."""

import dataclasses
import json

import pytest
from scripted_fingerprint import start_folder
from stage_samples import sample

from lorr_bench.data.pairs import read_pairs
from lorr_bench.errors import DataError
from lorr_bench.stages.pairs.collect import BARE_STRINGS, collect, import_pairs, shuffled_pairs
from lorr_bench.stages.task import EngineRoom, Task
from lorr_bench.stages.training.charge import collection_spend
from lorr_bench.stages.training.rows import Collection
from lorr_bench.values import Completion, Pair

PROBLEMS = [("two and two", "4"), ("three and three", "6"), ("one and one", "2")]


class ScriptedEngine:
    """Gives each prompt the answers of a script, by the text of the prompt."""

    def __init__(self, script):
        self.script = script
        self.loaded = []

    def disagreement(self, fingerprint):
        return None

    def load(self, folder, revision):
        self.loaded.append(folder)

    context = 5

    def fits(self, prompt):
        return self.count_tokens(prompt) < self.context

    def count_tokens(self, prompt):
        return len(prompt.split())

    def generate(self, prompts, sampling, progress=None, names=None):
        return [[self.answer(value) for value in self.script[prompt]] for prompt in prompts]

    def answer(self, value):
        """One that ends with dots was never finished."""
        truncated = value.endswith("...")
        return Completion(
            f"It is \\boxed{{{value.removesuffix('...')}}}", 7, truncated, "" if truncated else "<end>"
        )

    def chat(self, problem, chat):
        return f"<user>{problem},{chat.today:%d%b}<assistant>"


@pytest.fixture
def task(tmp_path):
    source = tmp_path / "problems.jsonl"

    def make(script, problems=PROBLEMS, **changes):
        rows = [{"problem": problem, "answer": answer} for problem, answer in problems]
        source.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
        asked = {"num_prompts": len(problems), "num_samples": 3, "max_tokens": 9, **changes}
        setting = {"source": str(source)}
        (tmp_path / "out").mkdir()
        engine = ScriptedEngine(script)
        return Task(
            stage=sample("collect", "collect, seed 0", setting=setting, **asked),
            inputs={"start": start_folder(tmp_path)},
            output=tmp_path / "out",
            scratch=tmp_path / "scratch",
            engines=EngineRoom(lambda model, revision, settings: engine),
            progress=lambda *_: None,
        )

    return make


def test_an_answer_that_was_never_finished_is_not_paired(task):
    """Two prompts would have a right and a wrong answer with it, one has both without."""
    job = task(
        {
            "two and two": ["4...", "5", "5"],
            "three and three": ["6", "7", "7..."],
            "one and one": ["2", "3..."],
        }
    )
    outcome = collect(job)
    [pair] = read_pairs(job.output / "pairs.jsonl")
    assert (pair.prompt, pair.chosen_truncated, pair.rejected_truncated) == ("three and three", False, False)
    assert (pair.chosen_end, pair.rejected_end) == ("<end>", "<end>")
    assert outcome.metrics["truncated_share"] == 3 / 8
    rows = [json.loads(line) for line in (job.output / "answers.jsonl").read_text("utf-8").splitlines()]
    assert [row["usable"] for row in rows] == [not row["truncated"] for row in rows]


def test_unfinished_answers_are_paired_where_that_is_asked_for(task):
    job = task({"two and two": ["4...", "5"]}, PROBLEMS[:1], truncated="pair")
    collect(job)
    [pair] = read_pairs(job.output / "pairs.jsonl")
    assert (pair.chosen_truncated, pair.rejected_truncated) == (True, False)
    assert (pair.chosen_end, pair.rejected_end) == ("", "<end>")


@pytest.mark.parametrize(
    ("script", "share"), [(["4", "5"] * 10 + ["5..."], None), (["4", "5"] * 9 + ["5..."], "5.3%")]
)
def test_the_user_is_told_where_many_answers_were_never_finished(task, capsys, script, share):
    """One of 21 answers is 4.8 %, one of 19 is 5.3 %; the log says both."""
    told = []
    job = dataclasses.replace(task({"two and two": script}, PROBLEMS[:1]), notice=told.append)
    collect(job)
    said = "of the answers reached max_tokens = 9 and are not paired"
    assert said in capsys.readouterr().out
    assert [share in line and said in line for line in told] == [True] * (share is not None)


def test_prompts_with_both_verdicts_give_a_pair_each(task):
    job = task(
        {"two and two": ["4", "5", "4"], "three and three": ["6", "6", "6"], "one and one": ["3", "3", "2"]}
    )
    outcome = collect(job)
    pairs = read_pairs(job.output / "pairs.jsonl")
    assert {pair.prompt for pair in pairs} == {"two and two", "one and one"}
    by_prompt = {pair.prompt: pair for pair in pairs}
    assert by_prompt["two and two"].chosen == "It is \\boxed{4}"
    assert by_prompt["two and two"].rejected == "It is \\boxed{5}"
    assert outcome.metrics["pairs"] == 2
    assert outcome.metrics["correct_share"] == pytest.approx(6 / 9)
    assert outcome.spend == {"prompts": 3, "verifier_calls": 9, "generated_tokens": 63}


def test_every_answer_is_kept_with_its_verdict(task):
    job = task({problem: ["4", "5", "6"] for problem, _ in PROBLEMS})
    collect(job)
    rows = [json.loads(line) for line in (job.output / "answers.jsonl").read_text("utf-8").splitlines()]
    assert len(rows) == 9
    assert {(row["gold"], row["extracted"], row["correct"]) for row in rows if row["gold"] == "4"} == {
        ("4", "4", True),
        ("4", "5", False),
        ("4", "6", False),
    }


def test_the_chat_template_wraps_every_prompt(task):
    job = task(
        {f"<user>{problem},24Dec<assistant>": ["4", "6", "2"] for problem, _ in PROBLEMS},
        chat_template=True,
        template_date="2024-12-24",
    )
    collect(job)
    assert all(pair.prompt.endswith(",24Dec<assistant>") for pair in read_pairs(job.output / "pairs.jsonl"))


@pytest.mark.parametrize(
    ("values", "advice"),
    [
        ({"4": ["4"] * 3, "6": ["6"] * 3, "2": ["2"] * 3}, "harder problems"),
        ({"4": ["0"] * 3, "6": ["0"] * 3, "2": ["0"] * 3}, "No answer was right"),
        ({"4": ["4"] * 3, "6": ["0"] * 3, "2": ["0"] * 3}, "Raise num_samples"),
    ],
)
def test_no_valid_pair_is_an_error_with_advice_and_keeps_nothing_half_done(task, values, advice):
    job = task({problem: values[answer] for problem, answer in PROBLEMS})
    with pytest.raises(
        DataError, match="pair_rule one_each finds no pair among the answers to 3 prompts"
    ) as caught:
        collect(job)
    assert advice in caught.value.fix


def test_prompts_of_the_same_text_give_a_pair_once(task, capsys):
    """Four rows, two of them twice: with one right and one wrong answer each, the pair is drawn twice."""
    job = task(
        {"two and two": ["4", "5"], "one and one": ["2", "3"]},
        problems=[("two and two", "4"), ("one and one", "2")] * 2,
        num_samples=2,
    )
    outcome = collect(job)
    rows = [json.loads(line) for line in (job.output / "pairs.jsonl").read_text("utf-8").splitlines()]
    assert sorted(row["prompt"] for row in rows) == ["one and one", "two and two"]
    assert (outcome.metrics["pairs"], outcome.metrics["repeated_pairs"]) == (2, 2)
    assert outcome.spend["verifier_calls"] == 8  # they were asked
    assert "2 pairs repeat one before them" in capsys.readouterr().out


LONG = "one and one and one and one"


def test_a_prompt_beyond_the_context_is_left_out_named_and_not_charged(task, capsys):
    answers = {"two and two": ["4", "5", "4"], "one and one": ["3", "3", "2"]}
    job = task(answers, problems=[("two and two", "4"), (LONG, "4"), ("one and one", "2")])
    outcome = collect(job)
    assert (outcome.metrics["prompts"], outcome.metrics["left_out_prompts"]) == (2, 1)
    assert outcome.spend == {"prompts": 2, "verifier_calls": 6, "generated_tokens": 42}
    assert "1 of 3 prompts leave no room" in (told := capsys.readouterr().out)
    assert "problems-2 (7 tokens)" in told
    rows = [json.loads(line) for line in (job.output / "prompts.jsonl").read_text("utf-8").splitlines()]
    assert sorted(row["answers"] for row in rows) == [0, 3, 3]
    pairs = read_pairs(job.output / "pairs.jsonl")
    assert [rows[pair.prompt_index]["id"] for pair in pairs] == [pair.id for pair in pairs]  # places stay
    assert collection_spend(Collection(job.output), pairs) == {
        "prompts": 2,
        "verifier_calls": 6,
        "generated_tokens": 42,
    }


def test_without_a_prompt_that_fits_there_is_an_error(task):
    with pytest.raises(DataError, match="none of 2 prompts leaves room for an answer in 5 tokens"):
        collect(task({}, problems=[(LONG, "4"), (LONG + " too", "4")]))


def test_a_budget_is_charged_every_prompt_up_to_its_last_pair(tmp_path):
    """Prompts 0 and 2 gave pairs, 1 gave none: two pairs cost three prompts."""
    rows = [
        {"id": str(i), "answers": 4, "generated_tokens": tokens} for i, tokens in enumerate([10, 20, 30, 40])
    ]
    (tmp_path / "prompts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    pairs = [Pair("a", "p", "c", "r", 0), Pair("b", "p", "c", "r", 2), Pair("c", "p", "c", "r", 3)]
    assert collection_spend(Collection(tmp_path), pairs[:2]) == {
        "prompts": 3,
        "verifier_calls": 12,
        "generated_tokens": 60,
    }


def test_ready_made_pairs_cost_no_prompts(tmp_path):
    assert collection_spend(Collection(tmp_path), [Pair("a", "p", "c", "r", 0)]) == {}


def test_ready_made_pairs_are_shuffled_by_seed_and_lose_none(tmp_path):
    pairs = [Pair(str(i), f"p{i}", "good", "bad", i) for i in range(30)]
    first, other = shuffled_pairs(pairs, 0), shuffled_pairs(pairs, 1)
    assert {pair.id for pair in first} == {pair.id for pair in pairs}
    assert [pair.id for pair in first] != [pair.id for pair in other]
    assert [pair.prompt_index for pair in first] == list(range(30))


def test_import_of_fewer_pairs_than_the_budget_is_an_error_of_the_set(tmp_path):
    file = tmp_path / "pairs.jsonl"
    rows = [{"prompt": f"p{i % 4}", "chosen": "g", "rejected": "b"} for i in range(9)]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    setting = {"source": str(file), "unique_pairs": 5}
    stage = sample("import_pairs", "pairs, seed 0", setting=setting)
    task = Task(stage, {}, tmp_path, tmp_path / "scratch", EngineRoom(), lambda *_: None)
    with pytest.raises(DataError, match="the budget is 5 pairs, the set has 4; 5 rows repeat") as caught:
        import_pairs(task)
    assert "data.pairs" in caught.value.fix


def test_import_writes_each_pair_once_and_says_what_it_left_out(tmp_path):
    file = tmp_path / "pairs.jsonl"
    rows = [{"q": f"p{i}", "good": "g", "bad": "b"} for i in range(4)]
    rows += [{"q": f"p{i}", "good": "g ", "bad": "\nb"} for i in range(3)]
    rows += [{"q": "p", "good": "same", "bad": "same"}]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    columns = {"prompt_column": "q", "chosen_column": "good", "rejected_column": "bad"}
    (tmp_path / "out").mkdir()
    stage = sample("import_pairs", "pairs, seed 0", setting={"source": str(file)}, **columns)
    said = []
    task = Task(stage, {}, tmp_path / "out", tmp_path / "scratch", EngineRoom(), lambda *_: None, said.append)
    outcome = import_pairs(task)
    assert outcome.metrics == {
        "pairs": 4,
        "dropped": 1,
        "repeated_pairs": 3,
        "rows": 8,
        "left_out": {"equal": 1},
        "in_template": False,
    }
    assert said == [
        "pairs, seed 0: 1 of 8 rows are no pairs (both responses are the same: 1), and were left out.",
        "pairs, seed 0: 3 rows repeat a pair before them, and were left out.",
    ]
    assert len(read_pairs(tmp_path / "out" / "pairs.jsonl")) == 4


@pytest.mark.parametrize("asked_in_template", [True, None])
def test_bare_strings_are_warned_of_where_a_benchmark_asks_in_the_template(tmp_path, asked_in_template):
    file = tmp_path / "pairs.jsonl"
    file.write_text('{"prompt": "p", "chosen": "g", "rejected": "b"}\n', "utf-8")
    said = []
    template = {"model": "m", "trust_remote_code": False, "template_date": "2025-01-01"}
    setting = {
        "source": str(file),
        "asked_in_template": asked_in_template,
        "model_path": "m",
        "revision": None,
    }
    stage = sample("import_pairs", "pairs, seed 0", setting=setting, template=template)
    import_pairs(Task(stage, {}, tmp_path, tmp_path / "scratch", EngineRoom(), lambda *_: None, said.append))
    assert [BARE_STRINGS in line for line in said] == [True] * bool(asked_in_template)
