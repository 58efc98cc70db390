"""Studies: a report's table, row by row, with what was measured beside what was reported."""
