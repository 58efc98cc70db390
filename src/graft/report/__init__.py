"""Reports that a person reads: one HTML file each, which asks nothing of a network."""

from graft.report.comparison import comparison_report
from graft.report.page import Code, Facts, Note, Picture, Section, Table, Text, render_page
from graft.report.run import RunResults, run_report

__all__ = [
    "Code",
    "Facts",
    "Note",
    "Picture",
    "RunResults",
    "Section",
    "Table",
    "Text",
    "comparison_report",
    "render_page",
    "run_report",
]
