"""Merging: base, environment, experiment, runtime parameters; and what the catalog is told."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from graft.config.loader import data_key, pixel_key
from graft.config.problems import ConfigError

PROJECT_CONF = Path(__file__).parents[2] / "conf"


def write(conf: Path, file: str, text: str) -> None:
    (conf / file).write_text(text)


def test_an_environment_overrides_single_keys(load, conf):
    before = load(conf)["parameters"]
    write(conf, "local/parameters.yml", "model: {backbone: resnet18}\ntraining: {epochs: 77}\n")
    after = load(conf)["parameters"]
    assert after["training"] == {**before["training"], "epochs": 77}
    assert after["model"] == {**before["model"], "backbone": "resnet18"}


def test_an_experiment_overrides_the_environment(load, conf):
    write(conf, "local/parameters.yml", "training: {epochs: 77, batch_size: 8}\n")
    write(conf, "experiments/short.yml", "_description: Short\ntraining: {epochs: 1}\n")
    training = load(conf, experiment="short")["parameters"]["training"]
    assert (training["epochs"], training["batch_size"]) == (1, 8)


def test_runtime_parameters_win(load, conf):
    write(conf, "experiments/short.yml", "_description: Short\ntraining: {epochs: 1}\n")
    parameters = load(conf, experiment="short", training={"epochs": 5})["parameters"]
    assert parameters["training"]["epochs"] == 5


def test_the_experiment_may_be_set_in_an_environment(load, conf):
    write(conf, "experiments/short.yml", "_description: Short\nseed: 9\n")
    write(conf, "local/parameters.yml", "experiment: short\n")
    parameters = load(conf)["parameters"]
    assert (parameters["experiment"], parameters["seed"]) == ("short", 9)


def test_an_experiment_goes_on_top_of_all_that_it_extends(load, conf):
    write(conf, "experiments/a.yml", "_description: A\nseed: 1\ntraining: {epochs: 1}\n")
    write(conf, "experiments/b.yml", "_description: B\n_extends: a\nseed: 2\n")
    write(conf, "experiments/c.yml", "_description: C\n_extends: b\nfeatures: {taps: [logits]}\n")
    parameters = load(conf, experiment="c")["parameters"]
    assert parameters["seed"] == 2
    assert parameters["training"]["epochs"] == 1
    assert parameters["features"]["taps"] == ["logits"]  # lists replace, they do not add up


def test_interpolations_see_the_merged_values(load, conf):
    write(conf, "experiments/x.yml", "_description: X\nscratch: {epochs: '${training.epochs}'}\n")
    parameters = load(conf, experiment="x", training={"epochs": 3})["parameters"]
    assert parameters["scratch"]["epochs"] == 3


def test_parameters_are_plain_and_scratch_holds_only_what_differs(load, conf):
    write(conf, "experiments/x.yml", "_description: X\nscratch: {epochs: 2}\n")
    before, after = load(conf)["parameters"], load(conf, experiment="x")["parameters"]
    assert after["scratch"] == {**before["scratch"], "epochs": 2}
    assert type(after) is dict
    assert type(after["features"]["taps"]) is list


def test_the_globals_fill_the_catalog(load, conf):
    write(
        conf,
        "base/catalog.yml",
        "a: {type: MemoryDataset, path: 'data/${globals:experiment}/${globals:data_key}'}\n"
        "b: {type: MemoryDataset, source: '${globals:source}', name: '${globals:source.name}',"
        " folder: '${globals:source.folder}', backbone: '${globals:model.backbone}'}\n",
    )
    loader = load(conf)
    catalog, parameters = loader["catalog"], loader["parameters"]
    assert catalog["a"]["path"] == f"data/digits/{data_key(parameters)}"
    assert catalog["b"]["source"] == parameters["source"]
    assert catalog["b"]["name"] == parameters["source"]["name"]
    assert catalog["b"]["folder"] is None
    assert catalog["b"]["backbone"] == parameters["model"]["backbone"]


def test_own_globals_are_kept_and_may_be_used_by_parameters(load, conf):
    write(conf, "base/globals.yml", "lucky: 7\n")
    write(conf, "local/parameters.yml", "seed: ${globals:lucky}\n")
    loader = load(conf)
    assert loader["parameters"]["seed"] == 7
    assert loader["globals"]["lucky"] == 7
    assert loader["globals"]["experiment"] == "digits"


def test_two_loaders_in_one_process_keep_to_their_own_globals(load, make_conf, tmp_path):
    first, second = make_conf(tmp_path / "first"), make_conf(tmp_path / "second")
    write(second, "experiments/other.yml", "_description: Other\n")
    early, late = load(first), load(second, experiment="other")
    for loader, name, project in ((early, "digits", "first"), (late, "other", "second")):
        mlflow = loader["mlflow"]
        assert mlflow["tracking"]["run"]["name"] == name
        assert f"/{project}/mlflow.db" in mlflow["server"]["mlflow_tracking_uri"]


def test_the_environments_tracking_server_is_respected(load, conf, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://tracking.example:5000")
    mlflow = load(conf)["mlflow"]
    assert mlflow["server"]["mlflow_tracking_uri"] == "http://tracking.example:5000"
    location = mlflow["tracking"]["experiment"]["create_experiment_kwargs"]["artifact_location"]
    assert location is None


def test_an_environments_mlflow_file_states_only_what_differs(load, conf):
    write(conf, "local/mlflow.yml", "server: {mlflow_tracking_uri: 'http://lab:5000'}\n")
    mlflow = load(conf)["mlflow"]
    assert mlflow["server"]["mlflow_tracking_uri"] == "http://lab:5000"
    assert mlflow["tracking"]["run"]["nested"] is False


def test_the_data_key_changes_with_what_changes_the_images_and_with_nothing_else(load, conf):
    def key(**runtime_params):
        return data_key(load(conf, **runtime_params)["parameters"])

    default = key()
    assert default.startswith("digits-")
    assert key(training={"epochs": 1}) == key(split={"test": 0.2}) == default
    others = [key(seed=5), key(split={"shots": 3}), key(images={"size": 40})]
    assert len({default, *others}) == 4


def test_the_pixel_key_changes_with_what_changes_the_pixels_and_with_nothing_else(load, conf):
    def key(**runtime_params):
        return pixel_key(load(conf, **runtime_params)["parameters"])

    default = key()
    assert default.startswith("digits-")
    same = [key(seed=5), key(split={"shots": 3}), key(images={"duplicates": "drop"})]
    assert {default, *same} == {default}
    others = [
        key(images={"size": 40}),
        key(images={"max_pixels": 1000}),
        key(source={"name": "folder", "folder": "photos"}),
    ]
    assert len({default, *others}) == 4
    assert load(conf)["globals"]["pixel_key"] == default


def test_a_problem_names_the_file_it_comes_from(load, conf):
    write(conf, "local/parameters.yml", "training: {batch_size: 0}\n")
    write(conf, "experiments/bad.yml", "_description: Bad\ntraining: {learnig_rate: 1}\n")
    with pytest.raises(ConfigError) as caught:
        load(conf, experiment="bad", training={"epochs": "x"})
    lines = str(caught.value).splitlines()
    assert lines[0] == "3 problems in the parameters:"
    assert '  training.epochs = "x"  (--params)' in lines
    assert "  training.batch_size = 0  (conf/local/parameters.yml)" in lines
    assert "  training.learnig_rate = 1  (conf/experiments/bad.yml)" in lines
    assert "      is no parameter; did you mean 'learning_rate'?" in lines


def test_a_packaged_project_reads_experiments_from_the_archive(load, conf, tmp_path, monkeypatch):
    write(conf, "experiments/short.yml", "_description: Short\nseed: 9\n")
    archive = shutil.make_archive(str(tmp_path / "conf"), "gztar", tmp_path, "conf")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    loader = load(Path(archive), experiment="short")
    assert loader["parameters"]["seed"] == 9
