"""The clock of the benchmarks."""

from __future__ import annotations

import resource


def processor_seconds() -> float:
    """Used so far by this process and by the workers that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)
