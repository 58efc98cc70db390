"""The defaults run on a machine without a network."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from .project_copy import ProjectCopy, warnings_in


@pytest.mark.slow
def test_a_first_run_needs_no_network(
    project: ProjectCopy, isolate: Callable[[str], list[str]]
) -> None:
    process = project.kedro(
        "run",
        "--pipeline=transfer_learning",
        "--params=training.epochs=0",  # nothing of the network differs in a longer training
        within=isolate("--net"),
    )
    assert process.returncode == 0, process.stdout
    assert warnings_in(process.stdout) == []
    assert "SVM on frozen features" in process.stdout
