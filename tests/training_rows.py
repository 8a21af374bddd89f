"""Training rows of each kind that methods train on, made from pairs."""

import itertools

from lorr_bench.data.nano import problems
from lorr_bench.values import Demonstration, Labelled, Prompt


def training_rows(kind, pairs):
    """Rows of a kind: two labelled responses for each pair, of the other kinds one row for each."""
    if kind == "pairs":
        return pairs
    if kind == "labels":
        return labelled(pairs)
    if kind == "prompts":
        asked = itertools.islice(problems.problems("train", 6), len(pairs))
        return [Prompt(str(number), p.text, str(p.answer)) for number, p in enumerate(asked)]
    return demonstrations(pairs)


def labelled(pairs):
    """Both responses of each pair, the chosen one first."""
    return [
        row
        for p in pairs
        for row in (
            Labelled(p.prompt, p.chosen, True, p.chosen_truncated, p.chosen_end),
            Labelled(p.prompt, p.rejected, False, p.rejected_truncated, p.rejected_end),
        )
    ]


def demonstrations(pairs):
    """The chosen response of each pair."""
    return [Demonstration(p.prompt, p.chosen, p.chosen_truncated, p.chosen_end) for p in pairs]
