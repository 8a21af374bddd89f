"""Tables in GitHub-flavoured Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def markdown_table(head: Sequence[str], rows: Iterable[Sequence[str]], texts: Sequence[bool]) -> str:
    """A pipe table.

    Args:
        head: Headings.
        rows: Cells, Markdown already: texts must have passed ``markdown_text``.
        texts: Whether each column holds texts, which stand left; numbers stand right.

    Returns:
        The table, without a line end after it.
    """
    rule = [":--" if text else "--:" for text in texts]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, rule, *rows))
