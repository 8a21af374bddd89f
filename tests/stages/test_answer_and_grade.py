"""From prompts to scores with an engine that answers from a script: what is kept, and what is made of it."""

import itertools
import json
import math

import pytest
from scripted_fingerprint import put_fingerprint, start_folder
from stage_samples import GRADING, sample

from lorr_bench.errors import DataError
from lorr_bench.stages.measuring.answer_math import answer_math
from lorr_bench.stages.measuring.grade_math import grade_math
from lorr_bench.stages.task import EngineRoom, Task
from lorr_bench.store.generations import graded_answers, read_lines
from lorr_bench.store.record import RECORD_FILE, Outcome, Record
from lorr_bench.values import Completion

PROBLEMS = [("two and two", "4"), ("three and three", "6"), ("a very long one", "2")]
GREEDY = {"two and two": ["4"], "three and three": ["5"]}
# avg@3: 2/3 and 1/3; pass@3: both have a right one; majority: 4 with 2 of 3 votes, 5 with 2 of 3
SAMPLED = {"two and two": ["4", "5", "4"], "three and three": ["5", "6", "5"]}
ASKED = {
    "model": "identity of the start model",
    "engine": "vllm 1.2",
    "template": "Q: {problem}",
    "limit": None,
    "stop": ["Q:"],
    "max_tokens": 9,
    "repeats": 3,
    "temperature": 0.5,
    "top_p": 0.9,
    "seed": 7,
}


class ScriptedEngine:
    """Answers from a script; the last problem does not fit its context."""

    def __init__(self):
        self.samplings = []
        self.told = []

    def load(self, folder, revision):
        pass

    def disagreement(self, fingerprint):
        return None

    context = 4

    def fits(self, prompt):
        return "very long" not in prompt

    def count_tokens(self, prompt):
        return len(prompt.split())

    def generate(self, prompts, sampling, progress, names):
        self.samplings.append(sampling)
        self.names = names
        progress(len(prompts) * sampling.n, len(prompts) * sampling.n, 100)
        script = SAMPLED if sampling.n > 1 else GREEDY
        return [
            [
                Completion(rf"so \boxed{{{value}}}", int(value), truncated=value == "5")
                for value in script[prompt.removeprefix("Q: ")]
            ]
            for prompt in prompts
        ]


@pytest.fixture
def engine():
    return ScriptedEngine()


@pytest.fixture
def answered(tmp_path, engine):
    """Run the stage with changed parameters; gives its folder and outcome."""
    source = tmp_path / "problems.jsonl"

    def make(name="answers", problems=2, sizes=(), inputs=None, rows=None, **changes):
        stated = [{"problem": text, "answer": gold} for text, gold in rows or PROBLEMS[:problems]]
        source.write_text("".join(json.dumps(row) + "\n" for row in stated), "utf-8")
        setting = {"source": str(source), "sizes": list(sizes)}
        stage = sample("answer_math", "answers", setting=setting, **{**ASKED, **changes})
        return run(answer_math, tmp_path / name, stage, inputs or {}, engine)

    return make


@pytest.fixture
def graded(tmp_path, engine):
    """Grade a folder of answers; gives the folder of the grades and the outcome."""

    def make(answers, name="grades", pass_at=(3,), **policy):
        stage = sample("grade_math", "answers", policy={**GRADING, **policy}, pass_at=list(pass_at))
        return run(grade_math, tmp_path / name, stage, {"answers": answers}, engine)

    return make


def run(function, folder, stage, inputs, engine):
    folder.mkdir()
    inputs = {"start": start_folder(folder.parent), **inputs}
    rooms = EngineRoom(lambda model, revision, settings: engine)
    task = Task(stage, inputs, folder, folder / "scratch", rooms, lambda *of: engine.told.append(of))
    return folder, function(task)


def rows(path):
    return list(read_lines(path))


def scores(folder):
    return json.loads((folder / "scores.json").read_text("utf-8"))


def test_every_answer_is_kept_in_the_order_of_repeats_then_problems(answered):
    folder, outcome = answered()
    kept = [(row["sampling"], row["repeat"], row["text"][-3:]) for row in rows(folder / "answers.jsonl")]
    assert kept == [
        ("greedy", 0, "{4}"),
        ("greedy", 0, "{5}"),
        ("sampled", 0, "{4}"),
        ("sampled", 0, "{5}"),
        ("sampled", 1, "{5}"),
        ("sampled", 1, "{6}"),
        ("sampled", 2, "{4}"),
        ("sampled", 2, "{5}"),
    ]
    assert (outcome.metrics["problems"], outcome.metrics["answers"]) == (2, 8)


def test_the_engine_is_asked_as_the_parameters_say(answered, engine):
    answered()
    greedy, drawn = engine.samplings
    assert (greedy.n, greedy.temperature, greedy.max_tokens, greedy.stop, greedy.seed) == (
        1,
        0,
        9,
        ("Q:",),
        7,
    )
    assert (drawn.n, drawn.temperature, drawn.top_p, drawn.stop, drawn.seed) == (3, 0.5, 0.9, ("Q:",), 7)
    assert (greedy.purpose, drawn.purpose) == ("answer_math", "answer_math")
    assert engine.names == ["problems-1", "problems-2"]


def test_progress_runs_through_all_samplings(answered, engine):
    answered()
    assert engine.told == [(2, 8, 100), (8, 8, 109)]  # the two greedy answers have 4 and 5 tokens


def test_two_rows_of_the_same_text_have_answers_of_their_own(answered, monkeypatch):
    counter = itertools.count()

    def numbered(self, prompts, sampling, progress, names):
        return [
            [Completion(str(next(counter)), 1, truncated=False) for _ in range(sampling.n)] for _ in prompts
        ]

    monkeypatch.setattr(ScriptedEngine, "generate", numbered)
    folder, _ = answered(rows=[PROBLEMS[0], PROBLEMS[1], PROBLEMS[0]])
    kept = rows(folder / "answers.jsonl")
    assert [row["text"] for row in kept if row["sampling"] == "greedy"] == ["0", "1", "2"]
    assert len({row["text"] for row in kept}) == len({row["key"] for row in kept}) == 3 * 4


def test_a_problem_is_kept_without_its_template_too(answered):
    folder, _ = answered()
    first = rows(folder / "problems.jsonl")[0]
    assert (first["problem"], first["prompt"], first["gold"]) == ("two and two", "Q: two and two", "4")


@pytest.mark.parametrize(
    ("changes", "new"),
    [
        ({"engine": "vllm 1.3"}, 8),
        ({"model": "another"}, 8),
        ({"template": "A: {problem}"}, 8),
        ({"temperature": 0.6}, 6),  # greedy answers do not depend on it
        ({"seed": 8}, 8),
        ({"dtype": "bfloat16"}, 0),  # part of the stage's digest, not of the hashes that the issue names
    ],
)
def test_a_key_changes_with_what_the_answer_depends_on(answered, monkeypatch, changes, new):
    before = {row["key"] for row in rows(answered("before")[0] / "answers.jsonl")}
    monkeypatch.setattr(ScriptedEngine, "generate", any_prompt)
    after = {row["key"] for row in rows(answered("after", **changes)[0] / "answers.jsonl")}
    assert (len(before), len(after), len(after - before)) == (8, 8, new)


def any_prompt(self, prompts, sampling, progress, names):
    return [[Completion("4", 1, truncated=False)] * sampling.n for _ in prompts]


def test_weights_are_told_by_the_files_of_the_trained_model(answered, tmp_path):
    def weights(name, files):
        folder = tmp_path / name
        folder.mkdir()
        record = Record(
            "digest", {"kind": "train", "label": "", "params": {}}, Outcome(), files, 0.0, 1.0, {}
        )
        (folder / RECORD_FILE).write_text(json.dumps(record.to_dict()), "utf-8")
        put_fingerprint(folder)
        made, _ = answered(f"by {name}", inputs={"model": folder})
        return json.loads((made / "generation.json").read_text("utf-8"))["weights"]

    first = weights("one", {"model/model.safetensors": "aa", "model/config.json": "c"})
    assert weights("same", {"model/model.safetensors": "aa", "model/config.json": "other"}) == first
    assert weights("other", {"model/model.safetensors": "bb", "model/config.json": "c"}) != first


def test_a_prompt_without_room_is_missing_and_not_wrong(answered, graded):
    folder, outcome = answered(problems=3)
    assert outcome.metrics["missing"] == 4
    grades, _ = graded(folder)
    found = scores(grades)
    assert found["scores"]["greedy"]["per_problem"] == [1, 0, None]
    assert found["scores"]["greedy"]["value"] is None
    assert found["scores"]["greedy"]["reason"].startswith("1 of 3 problems lack answers")
    assert found["conduct"]["missing"] == 4
    assert rows(grades / "verdicts.jsonl")[2]["reason"] == "missing"


def test_a_benchmark_of_another_size_is_refused(answered):
    with pytest.raises(DataError, match="the benchmark has 30 problems, this source has 2") as caught:
        answered(sizes=(30,))
    assert "sizes: []" in caught.value.fix


def test_one_of_several_sizes_is_enough(answered):
    assert answered(sizes=(674, 2))[1].metrics["problems"] == 2


def test_the_size_is_that_of_the_source_and_not_of_the_limit(answered):
    assert answered(problems=3, sizes=(3,), limit=1)[1].metrics["problems"] == 1


def test_metrics_by_hand(answered, graded):
    folder, _ = answered()
    grades, outcome = graded(folder, pass_at=(1, 2, 3))
    found = scores(grades)["scores"]
    assert found["greedy"]["per_problem"] == [1, 0]
    assert found["avg@3"]["per_problem"] == pytest.approx([2 / 3, 1 / 3])
    assert found["pass@1"]["per_problem"] == pytest.approx([2 / 3, 1 / 3])
    # of the 3 pairs of answers, without a right one: none; (5, 5)
    assert found["pass@2"]["per_problem"] == pytest.approx([1, 2 / 3])
    assert found["pass@3"]["per_problem"] == [1, 1]
    assert found["maj@3"]["per_problem"] == [1, 0]
    # accuracies of the repeats: 1/2, 1/2, 1/2
    assert found["avg@3"]["deviation"] == 0
    assert outcome.metrics["greedy"] == 0.5


def test_conduct_by_hand(answered, graded):
    conduct = scores(graded(answered()[0])[0])["conduct"]
    # tokens 4 + 5 greedy, 4 + 5 + 5 + 6 + 4 + 5 sampled
    assert conduct["mean_tokens"] == pytest.approx(38 / 8)
    assert conduct["truncated_share"] == 4 / 8
    assert conduct["no_answer_share"] == 0
    assert (conduct["answers"], conduct["timeouts"], conduct["missing"]) == (8, 0, 0)


def test_one_repeat_has_neither_majority_nor_deviation(answered, graded, monkeypatch):
    monkeypatch.setattr(ScriptedEngine, "generate", any_prompt)
    found = scores(graded(answered(repeats=1, greedy=False)[0], pass_at=())[0])["scores"]
    assert set(found) == {"avg@1"}
    assert found["avg@1"]["deviation"] is None


def test_grading_again_needs_the_answers_alone(answered, graded):
    folder, _ = answered()
    answers = (folder / "answers.jsonl").read_bytes()
    first, second = graded(folder, "first")[0], graded(folder, "second", tolerance=0.5)[0]
    assert (folder / "answers.jsonl").read_bytes() == answers
    # 5 is within half of 6 and 4: the policy decides
    assert scores(first)["scores"]["greedy"]["per_problem"] == [1, 0]
    assert scores(second)["scores"]["greedy"]["per_problem"] == [1, 1]


def test_a_report_reads_one_answer_to_each_of_the_first_problems(answered, graded):
    folder, _ = answered()
    grades, _ = graded(folder)
    shown = [
        (row.problem["gold"], row.answer["repeat"], row.verdict["correct"])
        for row in graded_answers(folder, grades, 2)
    ]
    assert shown == [("4", 0, True), ("6", 0, False)]
    assert len(list(graded_answers(folder, grades))) == 8
    assert len(list(graded_answers(folder, grades, 100))) == 2


def test_no_number_is_written_as_nan(answered, graded):
    grades, _ = graded(answered(problems=3)[0])
    json.loads((grades / "scores.json").read_text("utf-8"), parse_constant=refuse)


def refuse(constant):
    raise AssertionError(f"{constant} is no JSON ({math.nan})")
