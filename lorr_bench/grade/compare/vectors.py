"""Matrices and vectors of which one is a calculation: a multiple, a sum, a transpose."""

from __future__ import annotations

from lorr_bench.grade.algebra.expression import Expression, UndecidedError, UnreadError, operation
from lorr_bench.grade.algebra.grammar import read_expression
from lorr_bench.grade.algebra.identity import constant_value, equal
from lorr_bench.grade.algebra.values import Matrix, Value, agree
from lorr_bench.grade.compare.forms import Form
from lorr_bench.grade.policy import Policy


def same_matrix(gold: Form, answer: Form, policy: Policy) -> bool | None:
    """Whether two matrices or vectors are equal; None where neither is a calculation or one can't be read."""
    if not any(form.kind == "scalar" and r"\begin" in form.text for form in (gold, answer)):
        return None
    try:
        mine, other = _expression(gold), _expression(answer)
        return _agree_as_vectors(constant_value(mine), constant_value(other)) or equal(mine, other, policy)
    except (UnreadError, UndecidedError):
        return None


def _expression(form: Form) -> Expression:
    """A vector as a column, a matrix row by row, anything else as the grammar reads it."""
    if form.kind == "tuple":
        return operation("matrix", *(operation("row", read_expression(part.text)) for part in form.parts))
    if form.kind == "matrix":
        rows = ([read_expression(cell.text) for cell in row.parts] for row in form.parts)
        return operation("matrix", *(operation("row", *cells) for cells in rows))
    if form.kind != "scalar":
        raise UnreadError(form.text)
    return read_expression(form.text)


def _agree_as_vectors(gold: Value | None, answer: Value | None) -> bool:
    """Whether two matrices agree, a row with a column too."""
    if not (isinstance(gold, Matrix) and isinstance(answer, Matrix)):
        return False
    if 1 in gold.shape and 1 in answer.shape:
        return agree(_as_row(gold), _as_row(answer))
    return agree(gold, answer)


def _as_row(matrix: Matrix) -> Matrix:
    return Matrix((tuple(cell for row in matrix.rows for cell in row),))
