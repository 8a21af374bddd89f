"""Tables, figures and one self-contained page from the results of a suite."""

from lorr_bench.report.write import ReportFiles, write_report

__all__ = ["ReportFiles", "write_report"]
