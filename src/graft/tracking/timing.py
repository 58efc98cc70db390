"""How long each node of a run took, and how much memory."""

from __future__ import annotations

import logging
import re
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

logger = logging.getLogger(__name__)

_MIB = 2**20


@dataclass
class Stopwatch:
    """Times nodes from the loading of their first input to the saving of their last output.

    In this project that is where much of the work is: a plan of the node is carried out when it is
    saved.
    """

    _started: dict[str, float] = field(default_factory=dict)
    _rows: dict[str, dict[str, float | str | None]] = field(default_factory=dict)

    def start(self, node: str) -> None:
        """The node begins, unless it has begun already."""
        if node not in self._started:
            _forget_peaks()
            self._started[node] = time.perf_counter()

    def stop(self, node: str) -> None:
        """The node has got so far; the last call counts."""
        stage, _, name = node.rpartition(".")
        self._rows[node] = {
            "stage": stage,
            "node": name,
            "seconds": round(time.perf_counter() - self._started[node], 3),
            "peak_memory_mib": _peak_memory(),
            "peak_gpu_memory_mib": _peak_gpu_memory(),
        }

    @property
    def has_stopped(self) -> bool:
        """Whether any node was timed."""
        return bool(self._rows)

    def table(self) -> pd.DataFrame:
        """A row for each node in the order in which they ended, and a last one of the sum.

        Columns: stage (the pipeline), node, seconds, peak_memory_mib (of the process while the
        node ran; where the system does not tell, since the process began) and peak_gpu_memory_mib
        (what torch held on the CUDA device; missing without one). The sum's peaks are the highest.
        """
        import pandas as pd

        numbers = ["seconds", "peak_memory_mib", "peak_gpu_memory_mib"]
        table = pd.DataFrame(list(self._rows.values()), columns=["stage", "node", *numbers])
        table = table.astype(dict.fromkeys(numbers, float))
        total = {"stage": "", "node": "total", "seconds": round(table["seconds"].sum(), 3)}
        total |= {peak: table[peak].max() for peak in numbers[1:]}
        return pd.concat([table, pd.DataFrame([total])], ignore_index=True)


def record_timing(table: pd.DataFrame) -> None:
    """Seconds as the metrics seconds/<stage>.<node> and seconds/total, and the highest peaks."""
    import mlflow

    if mlflow.active_run() is None:
        return
    names = table["stage"].where(table["stage"] == "", table["stage"] + ".") + table["node"]
    metrics = {
        re.sub(r"[^\w./: -]", "_", f"seconds/{name}"): float(seconds)
        for name, seconds in zip(names, table["seconds"], strict=True)
    }
    peaks = table.iloc[-1][["peak_memory_mib", "peak_gpu_memory_mib"]].dropna()
    try:
        mlflow.log_metrics(metrics | {str(name): float(peak) for name, peak in peaks.items()})
    except mlflow.MlflowException as error:
        logger.warning("The times could not be recorded in MLflow: %s", error)


def _forget_peaks() -> None:
    """From here on the peaks are those of what follows, where the system can do that."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")  # Linux: the peak resident size begins anew
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        torch.cuda.reset_peak_memory_stats()


def _peak_memory() -> float:
    """The highest resident size of this process since the peaks were forgotten, MiB."""
    with suppress(OSError, StopIteration):
        lines = Path("/proc/self/status").read_text().splitlines()
        kibibytes = next(line.split()[1] for line in lines if line.startswith("VmHWM"))
        return round(int(kibibytes) * 1024 / _MIB, 1)
    import resource

    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, kibibytes elsewhere
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / _MIB, 1)


def _peak_gpu_memory() -> float | None:
    """The most memory that torch held on the CUDA device, MiB; None where there is none in use."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_initialized():
        return None
    return round(torch.cuda.max_memory_allocated() / _MIB, 1)
