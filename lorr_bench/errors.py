"""Every error a user can meet.

LorrBenchError
├── SuiteError        the suite file: syntax, unknown key, wrong type, impossible combination   (exit 2)
├── DataError         a data file or data set: missing, wrong column, empty, no valid pair      (exit 3)
├── ModelError        a model folder or id: missing, no tokenizer                               (exit 3)
├── BudgetError       an arm that would exceed what is held equal                               (exit 2)
├── MissingPackageError  an optional package, with the command that installs it                 (exit 4)
├── StoreError        an artefact that can't be written or read: damaged, no permission         (exit 5)
│   ├── DiskFullError     there is no room to write                                            (exit 5)
│   └── HeldError         another run is at work on the same suite or stage                    (exit 5)
├── StoppedError      a run that the user ended                                                 (exit 130)
└── StageError        a stage that failed while running                                         (exit 1)
    ├── DivergedError     a training that ran into values that are no numbers                   (exit 1)
    ├── LostError         a process of it was ended from outside                                (exit 1)
    ├── CrowdedError      a GPU whose memory something else holds                               (exit 1)
    └── UnprovenError     an engine that was not shown to hold a model                          (exit 1)

Each message says what is wrong, where, and what to do. What it quotes is made visible, without its secrets.
"""

from __future__ import annotations

from typing import ClassVar, Final

from lorr_bench.outside import fit_to_show

AGAINST_DIVERGENCE: Final = (
    "Lower its learning_rate, set max_grad_norm, or use a dtype of a wider range "
    "(model.dtype: bfloat16 or float32)."
)


class LorrBenchError(Exception):
    """Base of every error that is the user's to mend; printed without a traceback.

    Args:
        what: What is wrong, one sentence.
        where: File and line, stage or option.
        fix: What to do about it.
    """

    exit_code: ClassVar[int] = 1
    may_pass: ClassVar[bool] = False
    """Whether the same work, begun again, may succeed."""

    def __init__(self, what: str, *, where: str = "", fix: str = "") -> None:
        self.what, self.where, self.fix = map(fit_to_show, (what, where, fix))
        super().__init__(self.what)

    def __str__(self) -> str:
        """Where, what and what to do, as one text."""
        place = f"{self.where}: " if self.where else ""
        remedy = f"\n  {self.fix}" if self.fix else ""
        return f"{place}{self.what}{remedy}"


class SuiteError(LorrBenchError):
    """The suite file is not valid."""

    exit_code = 2


class BudgetError(LorrBenchError):
    """An arm would exceed what the suite holds equal, or a limit it sets."""

    exit_code = 2


class DataError(LorrBenchError):
    """A data file or data set is missing, unreadable, empty or lacks a column."""

    exit_code = 3


class ModelError(LorrBenchError):
    """A model is missing or incomplete."""

    exit_code = 3


class MissingPackageError(LorrBenchError):
    """A package that this step needs is not installed."""

    exit_code = 4


class StoreError(LorrBenchError):
    """An artefact can't be written, or does not hold what was written."""

    exit_code = 5
    may_pass = True


class DiskFullError(StoreError):
    """There is no room to write."""


class HeldError(StoreError):
    """Another process is at work on the same thing.

    Args:
        what: What is wrong, one sentence.
        where: The lock.
        fix: What to do about it.
        owner: Who has it, in words.
    """

    def __init__(self, what: str, *, where: str = "", fix: str = "", owner: str = "") -> None:
        super().__init__(what, where=where, fix=fix)
        self.owner = owner


class StoppedError(LorrBenchError):
    """The user ended a run, by Ctrl-C or SIGTERM; no fault, so it is told without that word."""

    exit_code = 130


class StageError(LorrBenchError):
    """A stage failed while running."""

    exit_code = 1


class DivergedError(StageError):
    """Training has run into values that are no numbers; begun again, it would do so again.

    Args:
        found: What holds such values.
        where: What was trained.
        fix: What to do about it.
    """

    def __init__(self, found: str, *, where: str = "", fix: str = AGAINST_DIVERGENCE) -> None:
        super().__init__(found, where=where, fix=fix)


class LostError(StageError):
    """A process of a stage was ended from outside, most often because memory ran out."""

    may_pass = True


class CrowdedError(StageError):
    """Something else holds the memory of a GPU."""

    may_pass = True


class UnprovenError(StageError):
    """A running engine could not be shown to hold a model; a fresh one in a new process may."""

    may_pass = True
