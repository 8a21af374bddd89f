"""The forms of a report: the page, Markdown, LaTeX, and the results for programs."""
