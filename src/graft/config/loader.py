"""Kedro's configuration loader, with experiments and a checked schema.

Parameters are merged key by key, later ones winning:

    conf/base -> conf/<environment> -> conf/experiments/<name>.yml -> --params

An experiment goes on top of all that it extends. Its name is the parameter `experiment`, wherever
that is set. As this happens in the loader and not in a hook, `kedro run`, `kedro viz`,
`kedro catalog`, notebooks and the packaged project all see the same parameters.

For `catalog.yml` and `mlflow.yml` the loader offers as `${globals:…}`: `experiment`, `pipeline`
(that the experiment is meant for), `pixel_key`, `data_key`, `source`, `model`, `prediction` and
`comparison` (the sections, so `${globals:source.name}` works too), `candidates` (the backbones to
choose from), `parameters` (all of them), `changes` (where they differ from the defaults),
`registered_as` (the model's name in MLflow's registry), `study` (its name), `study_rows`,
`run_name` (in MLflow), `configuration` (what another loader needs to read the same files),
`project_path`, `tracking_uri` and `artifact_root`.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from kedro.config import OmegaConfigLoader
from kedro.utils import find_kedro_project, is_kedro_project
from omegaconf import DictConfig, OmegaConf

from graft.config.changes import list_changes
from graft.config.experiments import ExperimentFolder
from graft.config.problems import ConfigError
from graft.config.schema import validate_parameters
from graft.nested import leaves
from graft.tracking.location import tracking_location

# OmegaConf's resolvers belong to the process and not to a loader: the loader that reads has to be
# the one that resolves.
_RESOLVERS = threading.RLock()


class GraftConfigLoader(OmegaConfigLoader):
    """Reads `conf/`; see the module for what it adds to Kedro's own loader.

    Attributes:
        experiment: The chosen one.

    Raises:
        ConfigError: An experiment is unknown or broken, or parameters are wrong.
    """

    def __init__(self, *args: Any, **kwargs: Any):
        with _RESOLVERS:
            super().__init__(*args, **kwargs)
            parameters = self._read_parameters()
        self["parameters"] = parameters
        self["globals"] = self._globals | self._derive_globals(parameters)
        self._globals_oc = None  # Kedro's cache, which may hold the globals of before

    def __getitem__(self, key: str) -> Any:
        with _RESOLVERS:
            self._register_globals_resolver()
            return super().__getitem__(key)

    def _read_parameters(self) -> dict[str, Any]:
        base, environment, *_ = self._read_raw_config("parameters")
        layers = [
            (self._shown(file), config)
            for files in (base, environment)
            for file, config in sorted(files.items())
        ]
        runtime = OmegaConf.create(self.runtime_params)
        chosen: Any = OmegaConf.merge(*(config for _, config in layers), runtime)
        name = chosen.get("experiment")
        if not isinstance(name, str):
            raise ConfigError("No experiment is chosen: name one, 'kedro run -x digits'.")
        folder = ExperimentFolder(self._get_conf_env_path("experiments"), self._fs)
        members = folder.lineage(name)
        self.experiment = members[-1]
        lineage = [(member.file, member.overrides) for member in members]
        layers += [*lineage, ("--params", runtime)]

        self._register_runtime_params_resolver()
        parameters = validate_parameters(_merge(config for _, config in layers), _origins(layers))
        preset = _merge([*base.values(), *(config for _, config in lineage)])
        self._changes = list_changes(parameters, _merge(base.values()), preset)
        return parameters

    def _derive_globals(self, parameters: dict[str, Any]) -> dict[str, Any]:
        project_path = self._project_path()
        tracking_uri, artifact_root = tracking_location(project_path)
        return {
            "experiment": parameters["experiment"],
            "pipeline": self.experiment.pipeline,
            "pixel_key": pixel_key(parameters),
            "data_key": data_key(parameters),
            "source": parameters["source"],
            "model": parameters["model"],
            "candidates": parameters["backbone_selection"]["candidates"],
            "comparison": parameters["comparison"],
            "parameters": parameters,
            "changes": self._changes,
            "prediction": parameters["prediction"],
            "study": parameters["study"],
            "study_rows": parameters["study_rows"],
            "run_name": parameters["study"] or parameters["experiment"],
            "configuration": {
                "conf_source": str(self.conf_source),
                "env": self.env,
                "runtime_params": self.runtime_params or {},
            },
            "registered_as": _registered_as(parameters),
            "project_path": str(project_path),
            "tracking_uri": tracking_uri,
            "artifact_root": artifact_root,
        }

    def _project_path(self) -> Path:
        """The folder above `conf`; of a packaged project, whose conf lies anywhere, the current."""
        above = Path(self.conf_source).resolve().parent
        if is_kedro_project(above):
            return above
        return find_kedro_project(Path.cwd()) or Path.cwd()

    def _shown(self, file: Path) -> str:
        """The file as messages name it: "conf/base/parameters.yml"."""
        above = Path(self.conf_source).resolve().parent
        return (file.relative_to(above) if file.is_relative_to(above) else file).as_posix()


def conf_folder(project: Path) -> Path:
    """The project's `conf`."""
    from kedro.framework.project import settings

    return project / str(settings.CONF_SOURCE)


def load_configuration(
    conf_source: Path | str, environment: str | None, runtime_params: Mapping[str, Any]
) -> GraftConfigLoader:
    """The configuration as a `kedro run` with these options has it, checked.

    As `globals` it has the pipeline that is run where no option names one.

    Raises:
        ConfigError: The experiment is unknown, or parameters are wrong.
    """
    from kedro.framework.project import settings

    return GraftConfigLoader(
        str(conf_source),
        env=environment,
        runtime_params=dict(runtime_params),
        **settings.CONFIG_LOADER_ARGS,
    )


def pixel_key(parameters: dict[str, Any]) -> str:
    """Names the decoded images: the same for all parameters that lead to the same pixels."""
    images = {key: parameters["images"][key] for key in ("size", "max_pixels")}
    return _key(parameters["source"], images)


def data_key(parameters: dict[str, Any]) -> str:
    """Names the packed images: the same for all parameters that lead to the same store."""
    return _key(*(parameters[key] for key in ("source", "images", "split", "seed")))


def _registered_as(parameters: dict[str, Any]) -> str | None:
    """The name of the model in MLflow's registry, None where there is to be none."""
    return parameters["experiment"] if parameters["bundle"]["registered"] else None


def _key(source: dict[str, Any], *decisive: Any) -> str:
    digest = hashlib.sha256(json.dumps([source, *decisive], sort_keys=True).encode()).hexdigest()
    return f"{source['name']}-{digest[:8]}"


def _merge(layers: Iterable[DictConfig]) -> dict[str, Any]:
    """All keys of the layers, the later ones winning, interpolations resolved."""
    merged: Any = OmegaConf.to_container(OmegaConf.merge(*layers), resolve=True)
    return dict(merged)


def _origins(layers: list[tuple[str, DictConfig]]) -> dict[str, str]:
    """For each dotted key the last layer that sets it."""
    origins: dict[str, str] = {}
    for origin, config in layers:
        content: Any = OmegaConf.to_container(config, resolve=False)
        origins |= {key: origin for key, _ in leaves(content, with_empty=True)}
    return origins
