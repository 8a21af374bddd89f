"""A small suite with real plan, store and stages, whose engine, trainer and graders answer from a script."""

import contextlib
import gc
import hashlib
import json
import shutil
from types import SimpleNamespace

import pytest
from finished_suite import SUITE, plan_of
from lorr_bench_adapters.trl.methods import DPO
from scripted_fingerprint import SCRIPTED

from lorr_bench.evaluate.general import GeneralResult
from lorr_bench.evaluate.scores import TaskScore
from lorr_bench.plan.kinds import train as train_kind
from lorr_bench.plan.parts import in_parts
from lorr_bench.ports.trainer import TrainOutcome
from lorr_bench.run.worker import run_stage
from lorr_bench.stages import fingerprint
from lorr_bench.stages.measuring import evaluate_general, grade_math
from lorr_bench.stages.pairs import answers, scored
from lorr_bench.stages.task import EngineRoom
from lorr_bench.stages.training import train
from lorr_bench.store.seal import is_sealed, seal
from lorr_bench.store.store import Store
from lorr_bench.values import Completion, Verdict

STEPS = 4
ROLLOUTS = {"type": "lorr", "replays": 2, "rollout_ratio": 0.5, "reset": "off"}


VALUES = {
    **SUITE,
    "seeds": [0],
    "budget": {"unique_pairs": [8], "equal": "prompts"},
    "plugins": {"plain": {}, "renewed": ROLLOUTS},
    "training": {"diagnostics": False},
    "data": {"collect": {"source": "nano/train", "num_prompts": 12, "num_samples": 2, "max_tokens": 9}},
    "evaluation": {
        "math": [
            {
                "name": "easy",
                "source": "nano/easy",
                "limit": 2,
                "max_tokens": 9,
                "avg_at": 2,
                "cluster_column": "family",
            }
        ],
        "general": [{"name": "general", "tasks": ["nano_compare"], "limit": 2}],
    },
}


class ScriptedEngine:
    """Answers each prompt with ``right`` and ``wrong`` in turns."""

    llm = None

    def load(self, folder, revision):
        pass

    def disagreement(self, fingerprint):
        return None

    home = "a folder"

    def chat(self, problem, chat):
        return problem

    def fits(self, prompt):
        return True

    def generate(self, prompts, sampling, progress=None, names=None):
        words = ("1", "2")  # tokens of the embedded model: unknown words would be equal
        return [
            [Completion(words[repeat % 2], 3, truncated=False) for repeat in range(sampling.n)]
            for _ in prompts
        ]


def grade(answers, *, policy):
    return [Verdict(text == "1", text, "equal" if text == "1" else "different") for _, text in answers]


def score(problems, answers, reward_model, progress):
    """Of a reward model that likes ``1``."""
    return [[float(text == "1") for text in row] for row in answers]


class FileTrainer(DPO):
    """Keeps a checkpoint after every step, and leaves a model that tells how often it learned."""

    def reference(self, model, rows, hyperparameters, output):
        output.write_text("".join(f"{row.prompt}\n" for row in rows), "utf-8")

    def train(self, job):
        whole = sorted(path for path in job.checkpoints.glob("step-*") if is_sealed(path))
        step = json.loads((whole[-1] / "state.json").read_text("utf-8"))["step"] if whole else 0
        last = STEPS * job.stop_after // job.loop.replays
        while step < last:
            step += 1
            self._keep(job.checkpoints, step)
            job.progress(step, STEPS)
        job.output.mkdir(exist_ok=True)
        content = hashlib.sha256(f"{step} {len(job.rows)}".encode()).hexdigest()
        (job.output / "weights").write_text(content, "utf-8")
        return TrainOutcome(
            optimizer_steps=step, train_tokens=10 * step, parameters=5, replays=({"loss": 0.5},)
        )

    def _keep(self, folder, step):
        draft = folder / "draft"
        draft.mkdir(exist_ok=True)
        (draft / "state.json").write_text(json.dumps({"step": step}), "utf-8")
        seal(draft)
        draft.rename(folder / f"step-{step}")


def run_lm_eval(llm, **asked):
    score = TaskScore(
        "nano_compare",
        ("nano_compare",),
        "1",
        "acc",
        "none",
        0.5,
        "lm-eval",
        (),
        (1.0, 0.0),
        (("0", "q"), ("1", "r")),
        {},
    )
    return GeneralResult((score,), {}, 0, {"results": {}}, {"nano_compare": [{"doc_id": 0}]})


@pytest.fixture
def scripted(monkeypatch):
    """Stages whose heavy parts answer from a script."""
    script_heavy_parts(monkeypatch)


def script_heavy_parts(patch):
    trainer = FileTrainer()
    patch.setattr(train_kind, "adapter_of", lambda name: trainer)
    for module in (answers, grade_math):
        patch.setattr(module, "grade_many", grade)
    patch.setattr(scored, "score_many", score)
    patch.setattr(evaluate_general, "run_lm_eval", run_lm_eval)
    patch.setattr(evaluate_general, "counted", lambda llm, progress: contextlib.nullcontext())
    patch.setattr(fingerprint, "take_fingerprint", lambda model: SCRIPTED)
    patch.setattr(train, "forget_peak_memory", lambda: None)
    patch.setattr(train, "peak_memory", lambda: 1)


@pytest.fixture(scope="session")
def plan(tmp_path_factory):
    """Every kind of stage of a suite that samples, grades and trains."""
    return plan_of(VALUES, tmp_path_factory.mktemp("suite"))


@pytest.fixture(scope="session")
def others(tmp_path_factory):
    """Stages of the kinds that the plan lacks, with those that they read before them."""
    return [*ready_made(tmp_path_factory.mktemp("ready-made")), *judged(tmp_path_factory.mktemp("judged"))]


def ready_made(folder):
    """Pairs from a file."""
    rows = [{"prompt": f"p{number}", "chosen": "c", "rejected": "r"} for number in range(16)]
    (folder / "pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    found = plan_of({**SUITE, "data": {"pairs": {"source": "pairs.jsonl"}}}, folder)
    return [stage for stage in found.stages if stage.kind == "import_pairs"]


def judged(folder):
    """All of a suite whose answers a reward model scores; a benchmark's answers in two parts, which nobody reads."""
    judge = {"path": "owner/judge", "revision": "abc"}
    collect = {**VALUES["data"]["collect"], "pair_rule": "best_worst", "reward_model": judge}
    plan = plan_of({**VALUES, "data": {"collect": collect}}, folder)
    asked = {stage.digest for stage in plan.stages if stage.kind == "answer_math"}
    parts = [stage for stage in in_parts(plan, asked, 2, drawn=True).stages if stage.kind == "part"]
    return [*plan.stages, *parts[:2]]


class Bench:
    """Runs stages of a plan in this process, as a worker does."""

    def __init__(self, plan, store):
        self.plan = plan
        self.store = store
        self.stages = {stage.digest: stage for stage in plan.stages}

    def run(self, stage):
        inputs = {role: self.stages[digest] for role, digest in stage.inputs.items()}
        engines = EngineRoom(lambda *_: ScriptedEngine())
        with self.store.claim(stage):
            progress = lambda done, total, tokens=0: None  # noqa: E731
            return run_stage(stage, inputs, self.store, engines, progress=progress, notice=print)

    def add(self, stages):
        """Stages that another plan has."""
        self.stages.update({stage.digest: stage for stage in stages})

    def finish(self):
        """Run what is not done."""
        for stage in self.stages.values():
            if not self.store.whole(stage):
                self.run(stage)


@pytest.fixture
def notices():
    return []


@pytest.fixture
def bench(plan, quick_collections, scripted, tmp_path, notices):
    return Bench(plan, Store(tmp_path / "store", notices.append))


@pytest.fixture(scope="session")
def finished_stages(plan, others, tmp_path_factory):
    """A store in which all stages are done, ``others`` among them; made without faults."""
    folder = tmp_path_factory.mktemp("finished") / "store"
    with pytest.MonkeyPatch.context() as patch:
        script_heavy_parts(patch)
        bench = Bench(plan, Store(folder))
        bench.add(others)
        bench.finish()
    return folder


@pytest.fixture
def finished(bench, others, finished_stages):
    """All stages done, in a store of the test's own."""
    shutil.copytree(finished_stages, bench.store.root, dirs_exist_ok=True)
    bench.add(others)
    return bench


@pytest.fixture(scope="session")
def quick_collections(finished_stages):
    """Stages collect garbage before they load a model; what they have imported need not be looked at each time."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


def one_of_each(plan):
    """A stage of every kind, the last train stage among them."""
    return SimpleNamespace(**{stage.kind: stage for stage in plan.stages})
