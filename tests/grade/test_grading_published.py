"""The reader of answers that others publish; what it finds in theirs is in docs/grading.md."""

import importlib.util
import json
import sys
from pathlib import Path

PROGRAM = Path(__file__).parents[2] / "benchmarks" / "grading_published.py"
SPEC = importlib.util.spec_from_file_location("grading_published", PROGRAM)
published = sys.modules["grading_published"] = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(published)


def test_letters_of_others_are_held_to_ours(tmp_path):
    texts = {
        "The answer is (B).": "B",
        "The answer is (B) or (C).": "B",
        "Nothing.": None,
        "Option (D).": "A",
    }
    rows = [{"answer": "B", "generated_text": text, "pred": pred} for text, pred in texts.items()]
    (tmp_path / "letters.json").write_text(json.dumps(rows), "utf-8")
    right, _, differ = published.differing(published.read_rows(tmp_path / "letters.json"))
    assert right == 1
    assert [(row.theirs, found) for row, found in differ] == [("B", None), ("A", "D")]


def test_verdicts_of_others_are_held_to_ours(tmp_path):
    rows = [
        {"gold_final": "16", "raw_prediction": r"So $\boxed{16.00}$", "fallback_correct": False},
        {"gold_final": "5", "prediction": "#### 5", "fallback_correct": True},
    ]
    file = tmp_path / "values.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    right, _, differ = published.differing(published.read_rows(file))
    assert right == 2
    assert [(row.gold, found) for row, found in differ] == [("16", "16.00")]
