"""Documents of the nano tasks for lm-eval, made at load time: nothing is downloaded or cached.

lm-eval loads this file by its path (``custom_dataset: !function`` in the task files).
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, Final

from lorr_bench.data.nano.general import Question, questions

if TYPE_CHECKING:
    from datasets import DatasetDict

QUESTIONS: Final = 400
SEED: Final = 0


def documents(family: str, **_metadata: Any) -> DatasetDict:
    """The first test questions of a family, as the split ``test``.

    Args:
        family: Name of the family; the task file's ``dataset_kwargs`` give it.
        **_metadata: What else lm-eval passes: the task's metadata.
    """
    from datasets import Dataset, DatasetDict

    rows = [_document(question) for question in itertools.islice(questions(family, "test", SEED), QUESTIONS)]
    return DatasetDict({"test": Dataset.from_list(rows)})


def _document(question: Question) -> dict[str, Any]:
    if not question.choices:
        return {"question": question.text, "answer": question.answer.removesuffix(".")}
    gold = question.choices.index(question.answer)
    return {"question": question.text, "choices": list(question.choices), "gold": gold}
