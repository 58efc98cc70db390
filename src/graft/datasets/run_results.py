"""What earlier runs said of their test images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro.io import Version

from graft.datasets.committed import LoadOnlyDataset
from graft.datasets.table import TableDataset
from graft.errors import GraftError
from graft.storage import is_committed

if TYPE_CHECKING:
    from graft.evaluation.leaderboard import Result
    from graft.tracking.compared_runs import TrackedRun


class RunResultsDataset(LoadOnlyDataset["list[Result]"]):
    """The stored predictions of runs that MLflow knows.

        compared_results:
          type: graft.datasets.RunResultsDataset
          folder: data/07_model_output
          predictions: [network_predictions, svm_predictions]
          runs: ${globals:comparison.runs}
          experiments: ${globals:comparison.experiments}

    MLflow says which version of which experiment is a run's own; what it predicted lies on this
    machine, in the folders that the catalog's entries of these names have.
    """

    def __init__(
        self,
        *,
        folder: str,
        predictions: Sequence[str],
        runs: Sequence[str] | None,
        experiments: Sequence[str] | None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        """
        Args:
            folder: Holds a folder for each experiment.
            predictions: Names of the catalog's entries; a run need not have all of them.
            runs: MLflow's ids of runs; or None.
            experiments: Names of experiments whose newest runs are wanted; or None.
            metadata: For Kedro-Viz.
        """
        self._folder = Path(folder)
        self._predictions = tuple(predictions)
        self._runs = runs
        self._experiments = experiments
        self.metadata = metadata

    def load(self) -> list[Result]:
        """The results, run by run.

        Raises:
            GraftError: Nothing is chosen, or what is chosen does not exist.
        """
        from graft.tracking.compared_runs import configuration_names, newest_runs, runs_by_id

        require_chosen(self._runs, self._experiments)
        if self._runs:
            runs = runs_by_id(self._runs)
        else:
            experiments = self._experiments or ()
            made = {
                path.name
                for name in experiments
                for path in (self._folder / name).glob("*_predictions.csv/*")
            }
            runs = newest_runs(experiments, sorted(made))
        names = configuration_names(runs)
        return [result for run in runs for result in self._of_run(run, names[run.run_id])]

    def _of_run(self, run: TrackedRun, configuration: str) -> list[Result]:
        from graft.evaluation.leaderboard import Result
        from graft.evaluation.predictions import Predictions

        files = [
            self._folder / run.experiment / f"{name}.csv" / run.version
            for name in self._predictions
        ]
        frames = [
            TableDataset(filepath=str(file.parent), version=Version(run.version, None)).load()
            for file in files
            if is_committed(file)
        ]
        if not frames:
            raise GraftError(
                f"comparison: the run '{run.run_id}' has left no predictions below "
                f"{self._folder / run.experiment}, version {run.version}. Name a run that has "
                "evaluated its classifiers, and compare on the machine that holds its results."
            )
        return [
            Result(
                configuration,
                run.seed,
                run.run_id,
                run.data,
                Predictions.from_frame(frame),
                run.decisive,
            )
            for frame in frames
        ]

    def _describe(self) -> dict[str, Any]:
        return {"runs": self._runs, "experiments": self._experiments}


def require_chosen(runs: Sequence[str] | None, experiments: Sequence[str] | None) -> None:
    """The parameters `comparison.runs` and `comparison.experiments`: one of them has to be set.

    Raises:
        GraftError: None is.
    """
    if not (runs or experiments):
        raise GraftError(
            "comparison: nothing is chosen. Name experiments or MLflow runs, for example "
            "--params=comparison.experiments=digits+digits_10shot"
        )
