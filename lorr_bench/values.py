"""Frozen values that travel between stages."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from statistics import fmean
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Prompt:
    """A problem to answer.

    Attributes:
        id: Unique within its source.
        text: What the model is given, template applied.
        answer: The right final answer; empty where a reward model scores and none is known.
    """

    id: str
    text: str
    answer: str


MAX_TRUNCATED_SHARE: Final = 0.05
"""Of a collection's answers; above it the user is told that the model hardly stops."""


@dataclass(frozen=True, slots=True)
class Completion:
    """One generated answer.

    Attributes:
        text: The generated text, without end-of-sequence token.
        tokens: How many tokens were generated, the end-of-sequence token included.
        truncated: Whether the token limit, not the model, ended it.
        end: The token at which the model stopped; empty where the token limit or a text to stop at ended it.
    """

    text: str
    tokens: int
    truncated: bool
    end: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the grader found.

    Attributes:
        correct: Whether the answer equals the gold answer.
        extracted: The answer that was found in the text, or None.
        reason: Why: ``equal``, ``different``, ``no_answer``, ``timeout`` or ``crash``.
        seconds: Seconds of the processor that the grader spent on it.
    """

    correct: bool
    extracted: str | None
    reason: str
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Pair:
    """One preference pair.

    Attributes:
        id: Unique within its file.
        prompt: The prompt text, template applied.
        chosen: The preferred response; empty where a ready-made row has only one that is not wanted.
        rejected: The other response; empty where a ready-made row has only one that is wanted.
        prompt_index: Which prompt of the collection it came from, counted from 0 in the order of asking;
            the budget charges all prompts up to it.
        chosen_score: Verifier or reward score of the chosen response.
        rejected_score: Verifier or reward score of the rejected response.
        chosen_truncated: Whether a token limit ended the chosen response when it was sampled; such a response
            is not finished, and is trained on without an end-of-sequence token.
        rejected_truncated: Likewise of the rejected response.
        chosen_end: The token at which the model stopped when it wrote the chosen response; empty where that
            is not known, and the model's usual end is trained.
        rejected_end: Likewise of the rejected response.
    """

    id: str
    prompt: str
    chosen: str
    rejected: str
    prompt_index: int
    chosen_score: float = 1.0
    rejected_score: float = 0.0
    chosen_truncated: bool = False
    rejected_truncated: bool = False
    chosen_end: str = ""
    rejected_end: str = ""


@dataclass(frozen=True, slots=True)
class Labelled:
    """One completion with a label, for methods that need no pairs.

    Attributes:
        prompt: The prompt text, template applied.
        completion: The response.
        label: Whether the response is wanted.
        truncated: Whether a token limit ended the response when it was sampled.
        end: The token at which the model stopped when it wrote the response; empty where that is not known.
    """

    prompt: str
    completion: str
    label: bool
    truncated: bool = False
    end: str = ""

    @property
    def demonstration(self) -> Demonstration:
        """The completion without its label."""
        return Demonstration(self.prompt, self.completion, self.truncated, self.end)


@dataclass(frozen=True, slots=True)
class Demonstration:
    """One response to imitate.

    Attributes:
        prompt: The prompt text, template applied.
        response: The response.
        truncated: Whether a token limit ended the response when it was sampled.
        end: The token at which the model stopped when it wrote the response; empty where that is not known.
    """

    prompt: str
    response: str
    truncated: bool = False
    end: str = ""


Row = Pair | Labelled | Demonstration | Prompt
"""What a method is trained on; which of them, the adapter says."""


@dataclass(frozen=True, slots=True)
class ArmParts:
    """What an arm combines.

    Attributes:
        method: Name of the method.
        plugin: Name of the plug-in.
    """

    method: str
    plugin: str

    @classmethod
    def of(cls, name: str) -> ArmParts:
        """The parts of an arm that is known by name alone, as in a file; neither part has a plus in it."""
        method, _, plugin = name.partition("+")
        return cls(method, plugin)


@dataclass(frozen=True, slots=True)
class Spend:
    """What an arm used: one line of the ledger.

    Attributes:
        prompts: Prompts that were asked to obtain the pairs.
        unique_pairs: Different pairs trained on.
        pair_visits: Pairs times replays.
        cut_responses: Responses of the rows trained on that ``max_length`` cuts.
        left_out_pairs: Pairs passed over on the way to the last one trained on, because the prompt alone
            reaches ``max_length`` or both responses are equal after cutting.
        flipped_pairs: Of the pairs trained on those whose responses were swapped by label noise.
        verifier_calls: Answers graded to obtain the pairs.
        generated_tokens: Tokens generated to obtain the pairs.
        train_tokens: Tokens that passed through the trained policy.
        optimizer_steps: Updates.
        flops: Estimated floating-point operations of training: for each token 6 per trained parameter and 4
            per frozen one.
        wall_seconds: Seconds of training, evaluation not included.
        peak_memory_bytes: Largest memory of the training process; taken from its device where it has one.
    """

    prompts: int = 0
    unique_pairs: int = 0
    pair_visits: int = 0
    cut_responses: int = 0
    left_out_pairs: int = 0
    flipped_pairs: int = 0
    verifier_calls: int = 0
    generated_tokens: int = 0
    train_tokens: int = 0
    optimizer_steps: int = 0
    flops: float = 0.0
    wall_seconds: float = 0.0
    peak_memory_bytes: int = 0

    def to_dict(self) -> dict[str, float]:
        """The quantities by name."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Spend:
        """The spend that ``to_dict`` described; unknown names are left out."""
        known = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in values.items() if name in known})


def total_spend(spends: Sequence[Spend]) -> Spend:
    """The sum of several spends; of memory the largest."""
    found = {name: sum(getattr(spend, name) for spend in spends) for name in Spend().to_dict()}
    peak = max((spend.peak_memory_bytes for spend in spends), default=0)
    return Spend.from_dict({**found, "peak_memory_bytes": peak})


def arm_name(method: str, plugin: str) -> str:
    """How suites, records and reports name an arm; neither part has a plus in it."""
    return f"{method}+{plugin}"


@dataclass(frozen=True, slots=True)
class Point:
    """Where an evaluated model stands in the suite.

    Attributes:
        arm: ``method+plugin``, or ``start`` for the start model.
        unique_pairs: The data budget; 0 for the start model.
        seed: The training seed; -1 for the start model.
    """

    arm: str
    unique_pairs: int
    seed: int

    def __str__(self) -> str:
        """In words: ``dpo+lorr, 1,024 pairs, seed 0``."""
        if self == START:
            return "start model"
        return f"{self.arm}, {self.unique_pairs:,} pairs, seed {self.seed}"


START = Point("start", 0, -1)


MATH: Final = "math"
GENERAL: Final = "general"
"""Kinds of benchmarks: answers that are graded, and lm-eval's tasks."""
GREEDY: Final = "greedy"
"""The metric of single answers at temperature 0."""
UNTESTED_METRICS: Final = ("pass@", "maj@")
"""Beginnings of the metrics of repeated answers, which are shown and never tested: they are functions of the
same answers as avg@k."""


@dataclass(frozen=True, slots=True)
class Measure:
    """One metric on one benchmark.

    Attributes:
        benchmark: Name of the benchmark, lm-eval task or lm-eval group.
        kind: ``math`` or ``general``.
        metric: ``greedy``, ``avg@k``, ``pass@k``, ``maj@k`` or an lm-eval metric name.
    """

    benchmark: str
    kind: str
    metric: str

    @property
    def title(self) -> str:
        """Benchmark and metric, for headings."""
        return f"{self.benchmark} · {self.metric}"

    @property
    def tested(self) -> bool:
        """Whether arms are compared on it: all but pass@k and maj@k of math; lm-eval's pass@k is its own."""
        return self.kind != MATH or not self.metric.startswith(UNTESTED_METRICS)


def preferred(measures: Sequence[Measure]) -> Measure:
    """The measure that stands for all of a benchmark: greedy, or the first where there is none.

    Args:
        measures: At least one.
    """
    return next((measure for measure in measures if measure.metric == GREEDY), measures[0])


@dataclass(frozen=True, slots=True)
class Stratum:
    """Problems of a benchmark that stand together and have a share of its score of their own.

    Attributes:
        problems: How many.
        weight: Their share of the score; those of all strata add up to 1.
    """

    problems: int
    weight: float


@dataclass(frozen=True, slots=True)
class Score:
    """One metric of one model on one benchmark.

    Attributes:
        point: The evaluated model.
        benchmark: Name of the benchmark, lm-eval task or lm-eval group.
        kind: ``math`` or ``general``.
        metric: ``greedy``, ``avg@k``, ``pass@k``, ``maj@k`` or an lm-eval metric name.
        value: Between 0 and 1; NaN where answers are missing.
        per_problem: One value a problem, in the order of the benchmark, the same for all models; NaN where
            answers to it are missing.
        deviation: Standard deviation of the accuracy of single repeats, for ``avg@k``; else NaN.
        reason: Why the value is NaN; empty otherwise.
        strata: How the problems weigh, in their order; empty where each counts alike.
    """

    point: Point
    benchmark: str
    kind: str
    metric: str
    value: float
    per_problem: tuple[float, ...]
    deviation: float = math.nan
    reason: str = ""
    strata: tuple[Stratum, ...] = ()

    @property
    def measure(self) -> Measure:
        """What it is a value of."""
        return Measure(self.benchmark, self.kind, self.metric)


@dataclass(frozen=True, slots=True)
class Conduct:
    """How a model went about its answers to one math benchmark, all repeats together.

    Attributes:
        point: The evaluated model.
        benchmark: The benchmark.
        answers: Answers that were graded.
        mean_tokens: Tokens of an answer.
        truncated_share: Share of answers that the token limit ended.
        no_answer_share: Share in which no final answer was found.
        timeouts: Answers that the grader gave up on; they count as wrong.
        missing: Answers that could not be asked for, because the prompt does not fit the context.
    """

    point: Point
    benchmark: str
    answers: int
    mean_tokens: float
    truncated_share: float
    no_answer_share: float
    timeouts: int
    missing: int


@dataclass(frozen=True, slots=True)
class Overlap:
    """How much of a benchmark the training prompts of one seed hold.

    Attributes:
        benchmark: The benchmark or lm-eval task.
        seed: Whose prompts.
        ngram: Words in a row that count as a match.
        prompts: Training prompts that were compared.
        problems: Problems of the benchmark that were compared; shorter ones count as one n-gram.
        overlapping: Problems that share an n-gram with a training prompt.
        examples: Ids of some of them.
    """

    benchmark: str
    seed: int
    ngram: int
    prompts: int
    problems: int
    overlapping: int
    examples: tuple[str, ...]


BUDGET_SIGN: Final = "@"
"""Between an arm and one of its data budgets; no name of an arm holds one."""


@dataclass(frozen=True, slots=True)
class Contrast:
    """Two arms that are compared: ``dpo+lorr - dpo+plain``, or ``dpo+lorr@512 - dpo+plain@1024``.

    Attributes:
        treatment: The arm in question.
        reference: The arm that it is compared with.
        treatment_pairs: Data budget of the treatment; None where both are compared at each budget they share.
        reference_pairs: Data budget of the reference; one of the two may be None only before a suite is
            resolved.
    """

    treatment: str
    reference: str
    treatment_pairs: int | None = None
    reference_pairs: int | None = None

    @property
    def names_budgets(self) -> bool:
        """Whether it says at which budgets its arms are compared."""
        return self.treatment_pairs is not None or self.reference_pairs is not None

    @property
    def arms(self) -> frozenset[str]:
        """Its arms, whichever way round."""
        return frozenset((self.treatment, self.reference))

    @property
    def sides(self) -> tuple[str, str]:
        """Both arms, each with its budget where it names one."""
        return (
            at_budget(self.treatment, self.treatment_pairs),
            at_budget(self.reference, self.reference_pairs),
        )

    def __str__(self) -> str:
        return " - ".join(self.sides)


def at_budget(arm: str, unique_pairs: int | None) -> str:
    """``dpo+lorr@512``; the arm alone without a budget."""
    return arm if unique_pairs is None else f"{arm}{BUDGET_SIGN}{unique_pairs}"


@dataclass(frozen=True, slots=True)
class SweepLine:
    """Arms that differ in one setting only.

    Attributes:
        name: What it is called: the names of its arms, with a star where they differ.
        arms: The arms, by rising value.
        values: The setting's value of each.
    """

    name: str
    arms: tuple[str, ...]
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Sweep:
    """A setting that a suite varies.

    Attributes:
        setting: Its name, or its path in a plug-in: ``learning_rate``, ``reset.factor``.
        lines: The lines along which nothing else differs.
    """

    setting: str
    lines: tuple[SweepLine, ...]


@dataclass(frozen=True, slots=True)
class Analysis:
    """What a suite says it will test, before anything runs.

    Attributes:
        benchmark: Of the primary measure; empty for the first of the results.
        metric: Of the primary measure; empty for the first of the benchmark.
        primary: The contrasts that are tested on it, at the largest budget or at those that they name.
        budgets: Data budgets at which both arms of a primary contrast that names none are trained, rising;
            empty where they are not known.
        secondary: Further contrasts; these and the primary ones are looked at on every measure and budget.
        declared: Whether the suite says so itself; otherwise it is the default.
        changes: What was declared earlier and changed after results were known, a sentence a change.
        equivalence_margin: Share below which a difference of a primary contrast is as good as none; None
            where equivalence is not tested.
        sweep: What is looked at along a setting; None where nothing is.
    """

    benchmark: str
    metric: str
    primary: tuple[Contrast, ...]
    secondary: tuple[Contrast, ...] = ()
    budgets: tuple[int, ...] = ()
    declared: bool = False
    changes: tuple[str, ...] = ()
    equivalence_margin: float | None = None
    sweep: Sweep | None = None


@dataclass(frozen=True, slots=True)
class Published:
    """A figure that somebody published, to stand beside ours.

    Attributes:
        arm: The arm of this suite that it is put beside; ``start`` for the start model.
        benchmark: The benchmark of this suite.
        value: Between 0 and 1.
        deviation: As printed, between 0 and 1; NaN where there is none.
        model: The model as its source calls it.
        protocol: How it was measured, as its source says.
        source: Who printed it.
        note: What else its reader should know.
    """

    arm: str
    benchmark: str
    value: float
    deviation: float
    model: str
    protocol: str
    source: str
    note: str


DIVERGED: Final = "diverged"
"""Why a try has no score that counts all the same: as the worst."""
NOT_RUN: Final = "not run yet"
"""Why something has no result that a run will give it."""


@dataclass(frozen=True, slots=True)
class Try:
    """Settings that were tried for an arm at a data budget.

    Attributes:
        settings: Hyper-parameters of the grid, as the suite says them.
        values: Scores, one for each tuning seed that has one.
        reason: Why it has no score to be chosen by: ``DIVERGED``, or what came in the way; else empty.
        spend: What the training of all its seeds used together.
    """

    settings: Mapping[str, Any]
    values: tuple[float, ...] = ()
    reason: str = ""
    spend: Spend = field(default_factory=Spend)

    def __str__(self) -> str:
        """The settings in words: ``beta 2, learning_rate 0.0003``."""
        values = {
            name: f"{each:g}" if isinstance(each, float) else each for name, each in self.settings.items()
        }
        return ", ".join(f"{name} {value}" for name, value in values.items())

    @property
    def score(self) -> float:
        """Mean over the tuning seeds; NaN where there is none to be chosen by."""
        return fmean(self.values) if self.scored else math.nan

    @property
    def scored(self) -> bool:
        """Whether it has a score to be chosen by."""
        return bool(self.values) and not self.reason

    @property
    def failed(self) -> bool:
        """Whether something came in the way of a score."""
        return self.reason not in ("", DIVERGED, NOT_RUN)


@dataclass(frozen=True, slots=True)
class Tuned:
    """The tries of an arm at a data budget, and which of them was chosen.

    Attributes:
        arm: ``method+plugin``.
        unique_pairs: The data budget that it was tuned at.
        used_at: The data budgets at which the arm takes the settings.
        tries: In the order of the grid.
        chosen: Place of the best try in ``tries``; None while that is not known.
        edges: ``smallest`` or ``largest`` for hyper-parameters of which the chosen value is that of its grid:
            a better one may lie beyond.
    """

    arm: str
    unique_pairs: int
    used_at: tuple[int, ...]
    tries: tuple[Try, ...]
    chosen: int | None = None
    edges: Mapping[str, str] = field(default_factory=dict)

    @property
    def settings(self) -> Mapping[str, Any] | None:
        """The chosen ones; None while that is not known."""
        return None if self.chosen is None else self.tries[self.chosen].settings

    @property
    def runner_up(self) -> Try | None:
        """The best of the others that have a score; None where there is none."""
        others = [each for place, each in enumerate(self.tries) if place != self.chosen]
        return max((each for each in others if each.scored), key=lambda each: each.score, default=None)

    @property
    def measured(self) -> bool:
        """Whether anything was run to choose: a single try needs no score."""
        return len(self.tries) > 1

    @property
    def spend(self) -> Spend:
        """What the training of all tries used together; of memory the largest."""
        return total_spend([each.spend for each in self.tries])


@dataclass(frozen=True, slots=True)
class Tuning:
    """How the settings of the arms were chosen before a test problem was touched.

    Attributes:
        benchmark: What they were chosen by.
        metric: Of the benchmark.
        seeds: Training seeds of the tries.
        problems: How many the benchmark is limited to; None for all of it.
        arms: What came of it, for each arm and data budget that was tuned.
    """

    benchmark: str
    metric: str
    seeds: tuple[int, ...]
    problems: int | None
    arms: tuple[Tuned, ...]


@dataclass(frozen=True, slots=True)
class SampleAnswer:
    """One graded answer, for reading.

    Attributes:
        point: The model that wrote it.
        benchmark: The benchmark of the problem.
        problem_id: The problem.
        prompt: What the model was given.
        gold: The right answer.
        text: What the model wrote.
        extracted: The answer that the grader found in it, or None.
        correct: The verdict.
        reason: Why: ``equal``, ``different``, ``no_answer``, ``timeout`` or ``crash``.
        tokens: How many tokens were generated.
        truncated: Whether the token limit ended it.
    """

    point: Point
    benchmark: str
    problem_id: str
    prompt: str
    gold: str
    text: str
    extracted: str | None
    correct: bool
    reason: str = ""
    tokens: int = 0
    truncated: bool = False


@dataclass(frozen=True, slots=True)
class StageTime:
    """Where the seconds of a run went.

    Attributes:
        label: Readable name of the stage.
        kind: Kind of the stage, such as ``collect``, ``train`` or ``answer_math``.
        seconds: Wall-clock seconds of the stage.
        parts: Seconds of named parts of it, for example ``engine_start``.
    """

    label: str
    kind: str
    seconds: float
    parts: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Results:
    """Everything a report is made from, read from the store.

    Attributes:
        suite: Name of the suite.
        description: Its description, one or two sentences.
        suite_text: The resolved suite as YAML.
        baselines: Each arm's baseline: the arm of the same method with the suite's first plug-in. A baseline
            is its own.
        arms: All arms by name, in the order of the suite, baselines included.
        held_equal: Name of the budget axis: ``data``, ``updates`` or ``visits``.
        equal_quantities: The names in ``Spend`` that this axis holds equal.
        scores: Every metric of every evaluated model.
        spends: The ledger: a line for each trained model.
        diagnostics: What was measured at the end of each replay of each training, by name; of iterative
            training in its last round.
        answers: A sample of graded answers: the same problems for all models.
        conduct: Length and completeness of the answers to each math benchmark.
        overlaps: Contamination of the training prompts, by benchmark and seed.
        truncated: Share of a collection's answers that the token limit ended, by name of the collection.
        published: Figures of others, to be shown beside ours.
        start_model: Identity of the start model: a digest of its files, or ``id@revision``.
        protocol: Name of the evaluation protocol.
        conditions: Everything that decides the numbers of a benchmark besides the model, by benchmark: source
            identity, template, sampling, engine, grader. Plain JSON values; equal conditions, comparable
            scores.
        analysis: What the suite says it will test; None for results of a version that did not ask.
        families: Family of each problem, in the order of ``Score.per_problem``, by benchmark; nothing for
            benchmarks whose problems have nothing in common.
        tuning: How settings were chosen; None where the suite has them as it says.
        times: Seconds of every stage.
        versions: Package versions, engine and hardware, by name.
        missing: Stages that have no result, each with the reason.
    """

    suite: str
    description: str
    suite_text: str
    baselines: Mapping[str, str]
    arms: Mapping[str, ArmParts]
    held_equal: str
    equal_quantities: tuple[str, ...]
    scores: Sequence[Score]
    spends: Mapping[Point, Spend]
    diagnostics: Mapping[Point, Sequence[Mapping[str, float]]]
    answers: Sequence[SampleAnswer]
    times: Sequence[StageTime]
    versions: Mapping[str, str]
    missing: Mapping[str, str]
    conduct: Sequence[Conduct] = ()
    overlaps: Sequence[Overlap] = ()
    truncated: Mapping[str, float] = field(default_factory=dict)
    published: Sequence[Published] = ()
    start_model: str = ""
    protocol: str = ""
    conditions: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    analysis: Analysis | None = None
    families: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    tuning: Tuning | None = None
