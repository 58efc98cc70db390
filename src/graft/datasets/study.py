"""A study: what it is to run, and what its rows have left."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graft.datasets.committed import LoadOnlyDataset

if TYPE_CHECKING:
    from graft.studies.plan import StudyPlan
    from graft.studies.results import RowResult


class StudyPlanDataset(LoadOnlyDataset["StudyPlan"]):
    """A study with the configuration of each of its rows.

        study_plan:
          type: graft.datasets.StudyPlanDataset
          study: ${globals:study}
          rows: ${globals:study_rows}
          configuration: ${globals:configuration}
          project_path: ${globals:project_path}

    Raises:
        GraftError: When it is loaded: no study is chosen, or it cannot be read.
    """

    def __init__(
        self,
        *,
        study: str | None,
        rows: Mapping[str, Any],
        configuration: Mapping[str, Any],
        project_path: str,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        """
        Args:
            study: The name of a file of `conf/studies`.
            rows: The section `study_rows` of the parameters.
            configuration: conf_source, env and runtime_params of Kedro's configuration loader.
            project_path: The project's folder.
            metadata: For Kedro-Viz.
        """
        self._study = study
        self._rows = rows
        self._configuration = configuration
        self._project_path = Path(project_path)
        self._plan: StudyPlan | None = None  # takes a second for ten rows, and several nodes ask
        self.metadata = metadata

    def load(self) -> StudyPlan:
        self._plan = self._plan or self._read()
        return self._plan

    def _read(self) -> StudyPlan:
        from graft.studies.plan import plan_study

        return plan_study(
            Path(self._configuration["conf_source"]),
            self._project_path,
            self._study,
            self._rows["only"],
            self._rows["seeds"],
            self._configuration["runtime_params"],
            self._configuration["env"],
        )

    def _describe(self) -> dict[str, Any]:
        return {"study": self._study}


class StudyResultsDataset(LoadOnlyDataset["list[RowResult]"]):
    """What runs of a study's rows have left: metrics, predictions and records.

        study_results:
          type: graft.datasets.StudyResultsDataset
          plan: {study: …, rows: …, configuration: …, project_path: …}

    It is asked when the rows have run.
    """

    def __init__(self, *, plan: Mapping[str, Any], metadata: dict[str, Any] | None = None) -> None:
        """
        Args:
            plan: The arguments of a `StudyPlanDataset`.
            metadata: For Kedro-Viz.
        """
        self._plan = StudyPlanDataset(**plan)
        self.metadata = metadata

    def load(self) -> list[RowResult]:
        from graft.studies.results import read_results

        return read_results(self._plan.load())

    def _describe(self) -> dict[str, Any]:
        return self._plan._describe()
