"""Import ready-made pairs, in the order of a seed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from lorr_bench.plan.json_values import JsonObject
from lorr_bench.plan.kinds.model import ModelPlace
from lorr_bench.plan.kinds.prompts import ChatTemplate
from lorr_bench.plan.stage import Kind, Parameters, Pool, Role, Setting, Source, Stage, Work
from lorr_bench.ports.trainer import StartModel
from lorr_bench.spec.sources import RESPONSES, DataType, PairFileSpec

OPTIONAL: Final = (
    "subset",
    "limit",
    "type",
    "completion_column",
    "label_column",
    "system_column",
    "chat_template",
)
"""Settings that stand in the parameters where they are not the default: other sets keep their digest."""


@dataclass(frozen=True, kw_only=True)
class PairTemplate(JsonObject):
    """The chat template that conversations are written in.

    Attributes:
        model: Identity of the model that it belongs to.
        trust_remote_code: Whether code that comes with the model may run.
        chat: What it is told.
    """

    model: str
    trust_remote_code: bool
    chat: ChatTemplate


@dataclass(frozen=True, kw_only=True)
class ImportPairsParameters(Parameters):
    """Which pairs, in which order; ``PairFileSpec`` describes the columns.

    Attributes:
        source: Identity of what lies there.
        revision: Commit of a Hub data set.
        seed: Of the order.
        template: What conversations are written in; None where the rows are known to be strings that are
            trained on as they are.
    """

    source: str
    revision: str | None
    split: str
    prompt_column: str | None
    chosen_column: str
    rejected_column: str
    seed: int
    subset: str | None = None
    limit: int | None = None
    type: DataType | None = None
    completion_column: str | None = None
    label_column: str | None = None
    system_column: str | None = None
    chat_template: bool | None = None
    template: PairTemplate | None = None

    @property
    def responses(self) -> int:
        """How many a row has."""
        return RESPONSES[self.type or "preference"]


@dataclass(frozen=True, kw_only=True)
class ImportPairsSetting(Setting):
    """Where the pairs lie, and how many are needed.

    Attributes:
        source: A file, a folder, or a Hub id.
        unique_pairs: The largest data budget; a set with fewer pairs is refused.
        streaming: Whether a Hub data set is read row by row; None for no.
        place: Where the model lies that has the chat template; None where none is used.
        asked_in_template: Whether a benchmark asks in the chat template; None for no.
    """

    source: str
    unique_pairs: int
    streaming: bool | None = None
    place: ModelPlace | None = None
    asked_in_template: bool | None = None


@dataclass(frozen=True, kw_only=True)
class ImportPairs(Stage):
    """The pairs of a ready-made set, each once."""

    kind: ClassVar[Kind] = "import_pairs"
    version: ClassVar[int] = 3
    pool: ClassVar[Pool] = "train"
    entry_point: ClassVar[str] = "lorr_bench.stages.pairs.collect:import_pairs"

    parameters: ImportPairsParameters
    setting: ImportPairsSetting

    @property
    def file(self) -> PairFileSpec:
        """What reads the pairs."""
        asked = self.parameters
        values = {name: getattr(asked, name) for name in OPTIONAL}
        return PairFileSpec(
            source=self.setting.source,
            revision=asked.revision,
            split=asked.split,
            streaming=bool(self.setting.streaming),
            prompt_column=asked.prompt_column,
            chosen_column=asked.chosen_column,
            rejected_column=asked.rejected_column,
            **{name: value for name, value in values.items() if value is not None},
        )

    @property
    def template_model(self) -> StartModel | None:
        """The model whose chat template conversations are written in."""
        template, place = self.parameters.template, self.setting.place
        if template is None or place is None:
            return None
        return StartModel(
            path=place.model_path,
            revision=place.revision,
            dtype="float32",  # only its tokenizer is loaded
            trust_remote_code=template.trust_remote_code,
        )

    def work(self, inputs: Mapping[Role, Stage]) -> Work:  # noqa: ARG002 - it reads none
        """How many pairs there are is not known before they are read."""
        return Work(units=None, like=self.parameters.source)

    def sources(self) -> Iterator[Source]:
        """The pairs, and the model whose chat template is used."""
        yield Source(self.setting.source, self.parameters.source, "file")
        if self.parameters.template is not None and self.setting.place is not None:
            yield Source(self.setting.place.model_path, self.parameters.template.model, "model")


def optional_parameters(file: PairFileSpec) -> dict[str, Any]:
    """Those parameters that a set has only where its suite says something else than the default."""
    return {
        name: getattr(file, name)
        for name in OPTIONAL
        if getattr(file, name) != PairFileSpec.model_fields[name].default
    }
