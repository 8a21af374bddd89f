from __future__ import annotations

import json
from dataclasses import asdict, fields
from importlib.metadata import PackageNotFoundError

import pytest

from lorr_bench.grade import Policy, grade_many

HALF_PERCENT = r"\boxed{0.5\%}"
# option, value, gold, answer, right. Those with a root need Math-Verify; the others are judged exactly.
OPTIONS = [
    ("percent", "either", "50", r"\boxed{50\%}", True),
    ("percent", "either", "0.5", r"\boxed{50\%}", True),
    ("percent", "either", r"50\%", HALF_PERCENT, False),
    ("percent", "either", r"50\%", r"\boxed{\sqrt{0.25}}", True),
    ("percent", "fraction", "50", r"\boxed{50\%}", False),
    ("percent", "fraction", "0.5", r"\boxed{50\%}", True),
    ("percent", "fraction", r"50\%", r"\boxed{\sqrt{0.25}}", True),
    ("percent", "fraction", r"50\%", r"\boxed{\sqrt{2500}}", False),
    ("percent", "number", "50", r"\boxed{50\%}", True),
    ("percent", "number", "0.5", r"\boxed{50\%}", False),
    ("percent", "number", r"50\%", r"\boxed{\sqrt{0.25}}", False),
    ("percent", "number", r"50\%", r"\boxed{\sqrt{2500}}", True),
    ("units", "agree", "5 cm", r"\boxed{5\text{ m}}", False),
    ("units", "agree", "5 cm", r"\boxed{50\text{ mm}}", True),
    ("units", "agree", "5 cm", r"\boxed{5\text{ apples}}", True),
    ("units", "agree", r"73\%", r"\boxed{73^\circ}", False),
    ("units", "ignore", r"73\%", r"\boxed{73^\circ}", True),
    ("units", "agree", r"9\text{ am}", r"\boxed{9\text{ pm}}", False),
    ("units", "agree", r"5\pi \text{ cm}", r"\boxed{5\pi \text{ m}}", False),
    ("units", "agree", r"x \text{ cm}", r"\boxed{x \text{ m}}", False),
    ("units", "ignore", "5 cm", r"\boxed{5\text{ m}}", True),
    ("units", "ignore", "5 cm", r"\boxed{50\text{ mm}}", False),
    ("units", "ignore", r"5\pi \text{ cm}", r"\boxed{5\pi \text{ m}}", True),
    ("units", "ignore", r"x \text{ cm}", r"\boxed{x \text{ m}}", True),
    ("order", "tuples", "1, 2", r"\boxed{2, 1}", True),
    ("order", "tuples", r"\{1, 2\}", r"\boxed{\{2, 1\}}", True),
    ("order", "tuples", "(1, 2)", r"\boxed{(2, 1)}", False),
    ("order", "tuples", "(1, 2)", r"\boxed{1, 2}", True),
    ("order", "tuples", "(1, 2)", r"\boxed{2, 1}", False),
    ("order", "tuples", r"\sqrt{2}, \sqrt{3}", r"\boxed{3^{1/2}, 2^{1/2}}", True),
    ("order", "always", "1, 2", r"\boxed{2, 1}", False),
    ("order", "always", r"\{1, 2\}", r"\boxed{\{2, 1\}}", True),
    ("order", "always", "(1, 2)", r"\boxed{(2, 1)}", False),
    ("order", "always", r"\sqrt{2}, \sqrt{3}", r"\boxed{3^{1/2}, 2^{1/2}}", False),
    ("order", "never", "1, 2", r"\boxed{2, 1}", True),
    ("order", "never", "(1, 2)", r"\boxed{(2, 1)}", True),
    ("order", "never", "[1, 2)", r"\boxed{[2, 1)}", False),
    ("order", "never", r"\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}", r"\boxed{\begin{pmatrix} 2 & 1 \\ 3 & 4 \end{pmatrix}}", False),
    ("rounding", "shown", "8.33", r"\boxed{\frac{25}{3}}", True),
    ("rounding", "shown", "8.33", r"\boxed{8.336}", False),
    ("rounding", "shown", "2.5", r"\boxed{2.48}", False),
    ("rounding", "shown", r"\frac{1}{3}", r"\boxed{0.333333}", True),
    ("rounding", "shown", r"\frac{1}{3}", r"\boxed{0.33333}", False),
    ("rounding", "shown", r"\sqrt{2}", r"\boxed{1.41421356}", True),
    ("rounding", "none", "8.33", r"\boxed{\frac{25}{3}}", False),
    ("rounding", "none", r"\frac{1}{3}", r"\boxed{0.333333}", False),
    ("rounding", "none", r"\sqrt{2}", r"\boxed{1.41421356}", False),
    ("tolerance", 0.0, "100", r"\boxed{101}", False),
    ("tolerance", 0.01, "100", r"\boxed{101}", True),
    ("tolerance", 0.01, "100", r"\boxed{102}", False),
    ("tolerance", 0.01, "-100", r"\boxed{-99}", True),
    ("tolerance", 0.01, "0", r"\boxed{0.001}", False),
    ("tolerance", 0.01, r"\sqrt{2}", r"\boxed{1.41}", True),
    ("tolerance", 0.01, r"\sqrt{2}", r"\boxed{1.39}", False),
    ("choices", "any", "B", r"\boxed{b}", True),
    ("choices", "any", "B", r"\boxed{(B) 12}", True),
    ("choices", "any", "B", r"\boxed{B. 12}", True),
    ("choices", "any", "B", r"\boxed{C. not B}", False),
    ("choices", "text", "B", r"\boxed{b}", False),
    ("choices", "text", "B", r"\boxed{(B) 12}", True),
    ("choices", "alone", "B", r"\boxed{b}", False),
    ("choices", "alone", "B", r"\boxed{(B) 12}", False),
    ("choices", "alone", "B", r"\boxed{\text{(B)}}", True),
    ("boxes", "parts", "2, 5", r"\boxed{2} and \boxed{5}", True),
    ("boxes", "parts", "5", r"\boxed{2} and \boxed{5}", False),
    ("boxes", "last", "2, 5", r"\boxed{2} and \boxed{5}", False),
    ("boxes", "last", "5", r"\boxed{2} and \boxed{5}", True),
    ("equations", "value", "5", r"\boxed{x = 5}", True),
    ("equations", "value", "x = 5", r"\boxed{5}", True),
    ("equations", "whole", "5", r"\boxed{x = 5}", False),
    ("equations", "whole", "x = 5", r"\boxed{5}", False),
    ("equations", "whole", "x = 5", r"\boxed{5 = x}", True),
    ("bases", "either", "413_5", r"\boxed{413}", True),
    ("bases", "shown", "413_5", r"\boxed{413}", False),
    ("bases", "shown", "413", r"\boxed{413_5}", True),
    ("bases", "shown", "413_5", r"\boxed{413_{\text{five}}}", True),
    ("logarithms", "either", r"\ln 2", r"\boxed{\log 2}", True),
    ("logarithms", "either", r"\log_{10} 2", r"\boxed{\log 2}", True),
    ("logarithms", "natural", r"\ln 2", r"\boxed{\log 2}", True),
    ("logarithms", "natural", r"\log_{10} 2", r"\boxed{\log 2}", False),
    ("logarithms", "decimal", r"\ln 2", r"\boxed{\log 2}", False),
    ("logarithms", "decimal", r"\log_{10} x", r"\boxed{\log x}", True),
    ("domain", "shared", r"2 \ln x", r"\boxed{\ln x^2}", True),
    ("domain", "same", r"2 \ln x", r"\boxed{\ln x^2}", False),
    ("domain", "same", r"2 \ln x", r"\boxed{\ln x + \ln x}", True),
]  # fmt: skip


@pytest.mark.parametrize(("option", "value", "gold", "answer", "right"), OPTIONS)
def test_what_each_value_of_an_option_does(option, value, gold, answer, right):
    assert grade_many([(gold, answer)], policy=Policy(**{option: value}))[0].correct == right


def test_every_option_is_tried():
    limits = {"timeout_seconds", "max_chars"}  # tests of their own, in test_grader.py
    assert {option for option, *_ in OPTIONS} | limits == {field.name for field in fields(Policy)}


def test_the_version_names_all_that_a_verdict_depends_on():
    assert Policy().version == (
        "math-verify 0.9.0, grading 4, percent either, units agree, order tuples, rounding shown, "
        "tolerance 0.0, choices any, boxes parts, equations value, bases either, logarithms either, "
        "domain shared, timeout_seconds 5.0, max_chars 20000"
    )


@pytest.mark.parametrize("field", [field.name for field in fields(Policy)])
def test_another_value_of_any_field_is_another_version(field):
    other = {"percent": "number", "units": "ignore", "order": "never", "rounding": "none", "choices": "text"}
    other |= {
        "boxes": "last",
        "equations": "whole",
        "bases": "shown",
        "logarithms": "natural",
        "domain": "same",
    }
    assert Policy(**{field: other.get(field, 0.5)}).version != Policy().version


def test_the_version_without_math_verify(monkeypatch):
    def not_installed(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr("lorr_bench.grade.policy.version", not_installed)
    assert Policy().version.startswith("math-verify none")


def test_a_policy_goes_through_json():
    policy = Policy(percent="number", tolerance=1e-4)
    assert Policy(**json.loads(json.dumps(asdict(policy)))) == policy


@pytest.mark.parametrize(
    "limits", [{"timeout_seconds": 0}, {"max_chars": 0}, {"timeout_seconds": float("inf")}]
)
def test_limits_must_be_positive_and_finite(limits):
    with pytest.raises(ValueError, match="must be positive and finite"):
        Policy(**limits)


@pytest.mark.parametrize("tolerance", [-0.1, 1.0, float("nan")])
def test_a_tolerance_must_be_a_small_share(tolerance):
    with pytest.raises(ValueError, match="at least 0 and below 1"):
        Policy(tolerance=tolerance)


def test_another_policy_is_another_cache_entry():
    item = ("50", HALF_PERCENT.replace("0.5", "50"))
    verdicts = [
        grade_many([item], policy=Policy(percent=value))[0] for value in ("number", "fraction", "number")
    ]
    assert [verdict.correct for verdict in verdicts] == [True, False, True]
