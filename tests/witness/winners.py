"""Which settings a tuned suite had to choose, from the raw files of its store, with no code of lorr-bench.

    python tests/witness/winners.py results/store nano/validation

prints the accuracy of every try, from its single verdicts, and the settings that the tested models were trained
with; says so where these are not those of the best try. The store must hold one tuned suite alone.
"""

import json
import re
import sys
from collections import defaultdict
from fractions import Fraction
from pathlib import Path

LABEL = re.compile(
    r"train (?P<method>.+?)(-(?P<number>\d+))?\+(?P<plugin>[^,]+), (?P<pairs>[\d,]+) pairs, seed (?P<seed>\d+)"
)


def records(store, kind):
    """Folder and record of each result, by digest."""
    for file in store.glob(f"{kind}/*/record.json"):
        record = json.loads(file.read_text("utf-8"))
        yield record["digest"], file.parent, record["stage"]


def trained(store):
    """Name, number of the try or None, seed and settings of each model, by digest."""
    for digest, _, stage in records(store, "train"):
        found = LABEL.fullmatch(stage["label"])
        arm = f"{found['method']}+{found['plugin']}", int(found["pairs"].replace(",", ""))
        yield digest, arm, found["number"], stage["params"]["hyperparameters"]


def shares(store, source):
    """Share of right answers of each trained model on the problems of a source, by digest of its training."""
    answered = {digest: stage for digest, _, stage in records(store, "answer_math")}
    for _, folder, stage in records(store, "grade_math"):
        asked = answered[stage["inputs"]["answers"]]
        if f'"{source}:' in json.dumps(asked["params"]) and "model" in asked["inputs"]:
            lines = (folder / "verdicts.jsonl").read_text("utf-8").splitlines()
            correct = [json.loads(line)["correct"] for line in lines]
            yield asked["inputs"]["model"], Fraction(sum(correct), len(correct))


def tries(store, source):
    """By arm and budget: of each try, by its number, settings and the shares of its seeds."""
    found = defaultdict(lambda: defaultdict(lambda: ({}, [])))
    right = dict(shares(store, source))
    for digest, arm, number, settings in trained(store):
        if number is not None:
            found[arm][int(number)][0].update(settings)
            found[arm][int(number)][1].append(right[digest])
    return found


def best(of_arm):
    """The try with the highest mean; of equal ones that with the lowest number."""
    return min(of_arm, key=lambda number: (-sum(of_arm[number][1]) / len(of_arm[number][1]), number))


def final_settings(store):
    """By arm and budget: the settings of all models that are no tries, each once."""
    found = defaultdict(list)
    for _, arm, number, settings in trained(store):
        if number is None and settings not in found[arm]:
            found[arm].append(settings)
    return found


def main():
    store, source = Path(sys.argv[1]), sys.argv[2]
    for arm, of_arm in tries(store, source).items():
        winner = best(of_arm)
        for number, (settings, found) in sorted(of_arm.items()):
            varied = {
                name: value
                for name, value in settings.items()
                if any(value != s[name] for s, _ in of_arm.values())
            }
            print(
                *arm, number, varied, [f"{float(share):.4f}" for share in found], "best" * (number == winner)
            )
        print(
            *arm,
            "as it should be"
            if final_settings(store)[arm] == [of_arm[winner][0]]
            else "NOT TRAINED WITH THESE",
        )


if __name__ == "__main__":
    main()
