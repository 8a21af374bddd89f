"""A suite as commented YAML."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from lorr_bench.draft.choices import BACKEND, Choices
from lorr_bench.draft.held_out import METRIC, TASK
from lorr_bench.draft.model import FoundModel
from lorr_bench.draft.rows import FoundRows
from lorr_bench.draft.training import ADAPTER
from lorr_bench.quantities import GIB
from lorr_bench.spec.evaluation import EMBEDDED
from lorr_bench.spec.schema import SCHEMA_PATH

COMMENT_COLUMN: Final = 40
HELD_OUT: Final = "held_out"
EMBEDDED_NAME: Final = "nano_easy"
EMBEDDED_PROBLEMS: Final = 200
_PLAIN: Final = re.compile(r"[A-Za-z_./][\w./-]*")
_WORDS: Final = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})


@dataclass(frozen=True)
class Places:
    """Where things lie, as the suite says it.

    Attributes:
        model: Path or Hub id.
        source: Of the rows.
        tasks: Folder with the task of the held-out pairs; None where there are none.
        name: Of the suite.
    """

    model: str
    source: str
    tasks: str | None
    name: str


@dataclass(frozen=True)
class Draft:
    """What a suite is written from.

    Attributes:
        model: The start model.
        rows: The set.
        choices: What was chosen for them.
        places: Where they lie.
        device: What the suite was written for, in words.
        workers: Stages side by side; None for as many as usual.
    """

    model: FoundModel
    rows: FoundRows
    choices: Choices
    places: Places
    device: str
    workers: int | None

    def text(self) -> str:
        """The suite."""
        sections = (
            self._head(),
            self._model(),
            self._seeds(),
            self._data(),
            self._budget(),
            self._methods(),
            self._plugins(),
            self._evaluation(),
            self._analysis(),
            self._engine(),
        )
        return "\n".join("".join(f"{line}\n" for line in section) for section in sections)

    def _head(self) -> Iterator[str]:
        yield f"# yaml-language-server: $schema={SCHEMA_PATH.as_uri()}"
        yield f"# Written by `lorr-bench init` for {self.device}. Every value may be changed:"
        yield "# editors explain each key by the schema above, `lorr-bench validate` names a wrong one."
        yield _line(f"name: {self.places.name}", "names the folder of the results")
        method, plugin = self.choices.method.name, self.choices.method.plugin
        yield f"description: {_value(f'{method}, plain and with {plugin}, on pairs of our own.')}"

    def _model(self) -> Iterator[str]:
        found = self.model
        yield "model:"
        yield _line(f"  path: {_value(self.places.model)}", str(found))
        if found.commit:
            yield f"  revision: {found.commit}"
        why = "bfloat16 would round small updates away"
        if self.choices.fit.training.lora:
            why = "of the frozen weights; the adapter's are float32" if self.choices.fit.share else why
        yield _line(f"  dtype: {self.choices.fit.dtype}", why)
        if self.rows.in_template:
            yield "  # system_prompt: You are …           # a system turn for rows that have none"

    def _seeds(self) -> Iterator[str]:
        yield _line(
            "seeds: [0, 1, 2]", "each trains in an order of its own; one alone tells no chance from gain"
        )

    def _data(self) -> Iterator[str]:
        yield "data:"
        yield "  pairs:"
        yield _line(f"    source: {_value(self.places.source)}", self._shape)
        for key, value in self.rows.settings.items():
            yield _line(f"    {key}: {_value(value)}", _MEANINGS.get(key, ""))
        if self.choices.limit is not None:
            why = "the first rows; the others are held out" if self.choices.held_out else "the first rows"
            yield _line(f"    limit: {self.choices.limit}", why)

    @property
    def _shape(self) -> str:
        kind = "conversations" if self.rows.conversations else "strings"
        written = "written in the chat template" if self.rows.in_template else "trained on as they stand"
        return f"{kind}, {written}"

    def _budget(self) -> Iterator[str]:
        chosen = self.choices
        yield "budget:"
        yield _line("  equal: data", "all arms train on the same pairs")
        few = max(1, chosen.pairs // 4)
        comment = f"of {chosen.usable} usable ones; [{few}, {chosen.pairs}] draws a curve against data"
        yield _line(f"  unique_pairs: [{chosen.pairs}]", comment)

    def _methods(self) -> Iterator[str]:
        fit, training = self.choices.fit, self.choices.fit.training
        batch = fit.rows * fit.accumulation
        yield _line("methods:", "more: simpo, orpo, kto, …: `lorr-bench list methods`")
        yield f"  {self.choices.method.name}:"
        yield _line(f"    backend: {BACKEND}", "`trl` trains the same objective with TRL's own trainer")
        yield _line(f"    learning_rate: {_number(self.choices.learning_rate)}", self._rate_reason)
        yield from ["    beta: 0.1"] if self.choices.method.name != "sft" else []
        yield _line(f"    max_length: {self.choices.max_length}", self._length_reason)
        yield _line(
            f"    per_device_train_batch_size: {fit.rows}",
            "what fits the memory; lower it when that runs out",
        )
        yield _line(f"    gradient_accumulation_steps: {fit.accumulation}", f"batches of {batch}")
        yield "    warmup_ratio: 0.1"
        yield "    lr_scheduler_type: cosine"
        if training.mixed:
            yield _line("    bf16: true", "computes in bfloat16 on float32 weights")
        if training.checkpointing:
            yield _line("    gradient_checkpointing: true", "less memory, more time")
        if fit.reference_rows:
            yield f"    precompute_ref_batch_size: {fit.reference_rows}"
        if training.lora:
            yield _line(f"    lora: {{r: {ADAPTER.rank}}}", "training all weights has no room here")

    @property
    def _rate_reason(self) -> str:
        if self.model.size is None or self.choices.learning_rate == self.choices.method.rate:
            return "for 3B to 8B parameters; smaller models take more. Tune it for each arm"
        return "not tuned: tune it for each arm"

    @property
    def _length_reason(self) -> str:
        cut = sum(length > self.choices.max_length for length in self.choices.lengths.longer)
        return f"tokens of prompt and response; {cut} of {len(self.choices.lengths.longer)} pairs are cut"

    def _plugins(self) -> Iterator[str]:
        yield _line("plugins:", "methods × plugins are the arms; the first is the baseline")
        yield _line("  plain:", "the method as it is, one pass")
        if self.choices.method.plugin == "lorr":
            yield _line("  lorr:", "three replays, resets between them, SFT term")
            yield "  # no_reset: {type: lorr, reset: off}   # a control: its replays and SFT term alone"
        else:
            yield _line(
                f"  {self.choices.method.plugin}:",
                "three replays and resets; an SFT term would be the same loss twice",
            )
            yield "    type: lorr"
            yield "    sft: off"

    def _evaluation(self) -> Iterator[str]:
        yield "evaluation:"
        yield from self._held_out() if self.places.tasks else self._embedded()
        yield "  # of the Hub, once there is a network: math: [gsm8k, math500], general: [classic]; see"
        yield "  # `lorr-bench list benchmarks` and `lorr-bench list presets`"

    def _held_out(self) -> Iterator[str]:
        number = len(self.choices.held_out)
        yield "  general:"
        yield _line(
            f"    - name: {HELD_OUT}", f"{number} pairs whose prompts are not trained on: how often the"
        )
        yield _line(f"      tasks: [{TASK}]", "preferred response is the more likely one, for its length")
        yield f"      include_path: {_value(self.places.tasks)}"
        yield f"      metric: {METRIC}"

    def _embedded(self) -> Iterator[str]:
        prompt = "chat" if self.model.has_template else "plain"
        yield _line("  math:", "word problems that come with the package, for want of another benchmark")
        yield f"    - name: {EMBEDDED_NAME}"
        yield f"      source: {EMBEDDED}easy"
        yield f"      limit: {EMBEDDED_PROBLEMS}"
        yield f"      prompt: {prompt}"
        yield f"      max_tokens: {min(256, self.choices.context // 2)}"

    def _analysis(self) -> Iterator[str]:
        measure = f"{HELD_OUT} {METRIC}" if self.places.tasks else f"{EMBEDDED_NAME} greedy"
        yield _line("analysis:", "what is tested, said before anything runs")
        yield f"  measure: {measure}"
        yield f"  primary: [{self.choices.method.plugin} - plain]"

    def _engine(self) -> Iterator[str]:
        share = self.choices.fit.share
        yield "engine:"
        yield _line(f"  max_model_len: {self.choices.context}", "tokens of prompt and answer")
        if share is not None:
            yield _line(f"  gpu_memory_utilization: {share}", "of a GPU, while it answers")
        elif self._cache > 1:
            yield f"  kv_cache_gib: {self._cache}"
        if self.workers is not None:
            yield ""
            yield "execution:"
            yield _line(f"  workers: {self.workers}", "more side by side have no room in the memory")

    @property
    def _cache(self) -> int:
        """GiB that one context takes on a CPU."""
        each = self.model.size.kv_bytes_per_token(4) if self.model.size else 0
        return -(-each * self.choices.context // GIB)


_MEANINGS: Final[Mapping[str, str]] = {
    "revision": "the commit that was read",
    "columns": "columns of a set in wide use: docs/data.md",
    "chat_template": "the prompt becomes a user turn, the response the answer",
    "type": "one response a row",
}


def _line(text: str, comment: str) -> str:
    """A line of YAML with a comment behind it, where there is one."""
    return f"{text:<{COMMENT_COLUMN - 2}}  # {comment}" if comment else text


def _number(value: float) -> str:
    """A float that YAML 1.1 reads as one: with a point."""
    mantissa, _, exponent = f"{value:.1e}".partition("e")
    return f"{mantissa}e{int(exponent)}"


def _value(value: Any) -> str:
    """A value as YAML: text without quotes where that is safe, all else as JSON, which is YAML, too."""
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    return json.dumps(value, ensure_ascii=False)
