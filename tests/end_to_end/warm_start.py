"""Commands in processes forked from one that has imported the heavy libraries already.

Importing torch, scikit-learn and MLflow takes ten seconds of a processor, far more than most
commands that the tests run. Nothing of Graft or Kedro is imported beforehand: they look at the
folder that they are imported in.
"""

from __future__ import annotations

import multiprocessing
import runpy
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

PRELOADED = [
    *("torch", "torch.optim", "torch._dynamo", "torchvision", "safetensors.torch"),
    *("sklearn.svm", "sklearn.linear_model", "skops.io", "scipy.stats", "pandas"),
    *("matplotlib.pyplot", "mlflow", "mlflow.data", "sqlalchemy.orm", "pydantic"),
]

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(PRELOADED)


def run_kedro(
    arguments: Sequence[str], folder: Path, environment: Mapping[str, str], timeout: float
) -> subprocess.CompletedProcess[str]:
    """What `subprocess.run(["kedro", *arguments])` would give, its stderr in its stdout.

    Raises:
        subprocess.TimeoutExpired: It takes longer than `timeout` seconds, and is killed.
    """
    with tempfile.NamedTemporaryFile("r", suffix=".log") as output:
        command = {
            "arguments": ["kedro", *arguments],
            "folder": str(folder),
            "environment": dict(environment),
            "output": output.name,
        }
        process = _context.Process(
            target=runpy.run_path,
            args=(str(Path(__file__).with_name("warm_command.py")), {"command": command}),
        )
        process.start()
        process.join(timeout)
        if process.exitcode is None:
            process.kill()
            process.join()
            raise subprocess.TimeoutExpired(command["arguments"], timeout, output.read())
        return subprocess.CompletedProcess(
            command["arguments"], process.exitcode, stdout=output.read()
        )
