"""What every dataset type that saves has from its base."""

from __future__ import annotations

import errno
import logging
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from kedro.io import DataCatalog, DatasetError, Version

from graft.datasets import MetricsDataset

FIRST, SECOND, THIRD = (f"2026-03-0{day}T09.00.00.000Z" for day in (1, 2, 3))

SAVE_FOR_EVER = """
import sys
from kedro.io import Version
from graft.datasets import MetricsDataset

generation = int(sys.argv[2])
while True:
    dataset = MetricsDataset(filepath=sys.argv[1], version=Version(None, f"{generation:06}"))
    dataset.save({"generation": generation, "curve": [generation] * 5000})
    print("saved", flush=True)
    generation += 1
"""


def dataset(folder: Path, *, load: str | None = None, save: str | None = FIRST) -> MetricsDataset:
    return MetricsDataset(filepath=str(folder / "metrics.json"), version=Version(load, save))


def version_folder(folder: Path, version: str) -> Path:
    return folder / "metrics.json" / version


def tear(folder: Path) -> None:
    os.truncate(folder / "metrics.json", 5)


def test_a_version_is_a_committed_folder(tmp_path: Path) -> None:
    dataset(tmp_path).save({"accuracy": 1.0})
    files = sorted(path for path in tmp_path.rglob("*") if path.is_file())
    folder = tmp_path / "metrics.json" / FIRST
    assert files == [folder / "manifest.json", folder / "metrics.json"]


def test_without_versions_the_path_itself_is_a_committed_folder(tmp_path: Path) -> None:
    plain = MetricsDataset(filepath=str(tmp_path / "metrics.json"))
    assert not plain.exists()
    plain.save({"accuracy": 0.5})
    plain.save({"accuracy": 1.0})
    assert plain.load() == {"accuracy": 1.0}
    assert plain.filepath == tmp_path / "metrics.json" / "metrics.json"


def test_switching_versions_off_does_not_delete_them(tmp_path: Path) -> None:
    dataset(tmp_path).save({"accuracy": 1.0})
    with pytest.raises(DatasetError, match="which Graft did not save there"):
        MetricsDataset(filepath=str(tmp_path / "metrics.json")).save({"accuracy": 0.5})
    assert dataset(tmp_path).load() == {"accuracy": 1.0}


def test_the_newest_version_is_loaded(tmp_path: Path) -> None:
    for version in (SECOND, FIRST):
        dataset(tmp_path, save=version).save({"version": version})
    assert dataset(tmp_path, save=THIRD).load() == {"version": SECOND}
    assert dataset(tmp_path).list_versions(full_path=False) == [SECOND, FIRST]


def test_a_pinned_version_is_loaded(tmp_path: Path) -> None:
    for version in (FIRST, SECOND):
        dataset(tmp_path, save=version).save({"version": version})
    assert dataset(tmp_path, load=FIRST, save=THIRD).load() == {"version": FIRST}
    missing = dataset(tmp_path, load=THIRD)
    assert not missing.exists()
    with pytest.raises(DatasetError, match=f"{THIRD} does not exist or is incomplete"):
        missing.load()


def test_nothing_saved_yet_is_explained(tmp_path: Path) -> None:
    assert not dataset(tmp_path).exists()
    with pytest.raises(DatasetError, match=r"Nothing is saved at .*metrics\.json yet"):
        dataset(tmp_path).load()


def test_a_torn_newest_version_is_passed_over_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for version in (FIRST, SECOND):
        dataset(tmp_path, save=version).save({"version": version})
    tear(version_folder(tmp_path, SECOND))
    with caplog.at_level(logging.WARNING, logger="graft"):
        assert dataset(tmp_path, save=THIRD).load() == {"version": FIRST}
    assert str(version_folder(tmp_path, SECOND)) in caplog.text
    assert dataset(tmp_path).list_versions(full_path=False) == [FIRST]


def test_a_torn_only_version_does_not_exist(tmp_path: Path) -> None:
    dataset(tmp_path).save({"accuracy": 1.0})
    tear(version_folder(tmp_path, FIRST))
    assert not dataset(tmp_path).exists()


def test_a_flipped_bit_is_refused(tmp_path: Path) -> None:
    dataset(tmp_path).save({"accuracy": 0.25})
    path = version_folder(tmp_path, FIRST) / "metrics.json"
    path.write_text(path.read_text().replace("0.25", "0.75"))
    with pytest.raises(DatasetError, match=r"metrics\.json is not what was saved"):
        dataset(tmp_path).load()


def test_overlapping_runs_read_what_they_wrote(
    tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    ours, theirs = dataset(tmp_path, save=FIRST), dataset(tmp_path, save=SECOND)
    theirs.save({"run": "theirs"})
    ours.save({"run": "ours"})
    assert ours.load() == {"run": "ours"}
    ours.release()
    assert ours.load() == {"run": "ours"}
    assert theirs.load() == {"run": "theirs"}
    assert dataset(tmp_path, save=THIRD).load() == {"run": "theirs"}
    assert not recwarn.list


def test_a_run_reads_its_own_version_through_another_entry_too(tmp_path: Path) -> None:
    dataset(tmp_path, save=SECOND).save({"run": "theirs"})
    dataset(tmp_path, save=FIRST).save({"run": "ours"})
    assert dataset(tmp_path, save=FIRST).load() == {"run": "ours"}


def test_the_version_before_is_read_until_the_run_has_saved(tmp_path: Path) -> None:
    dataset(tmp_path, save=FIRST).save({"run": "before"})
    ours = dataset(tmp_path, save=SECOND)
    assert ours.load() == {"run": "before"}
    ours.save({"run": "ours"})
    assert ours.load() == {"run": "ours"}


def test_saving_twice_in_one_run_is_refused(tmp_path: Path) -> None:
    ours = dataset(tmp_path)
    ours.save({"accuracy": 1.0})
    with pytest.raises(DatasetError, match="must not exist if versioning is enabled"):
        ours.save({"accuracy": 0.0})
    assert ours.load() == {"accuracy": 1.0}


def test_a_full_disk_is_explained_and_leaves_no_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset(tmp_path, save=FIRST).save({"accuracy": 1.0})

    def half(self: MetricsDataset, path: Path, data: dict[str, Any]) -> None:
        path.write_text("{")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(MetricsDataset, "write", half)
    second = dataset(tmp_path, save=SECOND)
    with pytest.raises(DatasetError, match="no room to save") as caught:
        second.save({"accuracy": 0.5})
    assert str(version_folder(tmp_path, SECOND)) in str(caught.value)
    assert second.load() == {"accuracy": 1.0}


def test_killed_while_saving_leaves_a_complete_newest_version(tmp_path: Path) -> None:
    moments, generation = random.Random(0), 0
    for _ in range(10):
        process = subprocess.Popen(
            [sys.executable, "-c", SAVE_FOR_EVER, str(tmp_path / "metrics.json"), str(generation)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "saved\n"
        time.sleep(moments.uniform(0, 0.05))
        process.send_signal(signal.SIGKILL)
        told = process.communicate()[0].count("saved")
        loaded = dataset(tmp_path, save="none").load()
        assert loaded["generation"] >= generation + told
        assert loaded["curve"] == [loaded["generation"]] * 5000
        generation = loaded["generation"] + 1


def test_a_catalog_takes_an_entry_as_it_is_written_in_yaml(tmp_path: Path) -> None:
    entry = {
        "type": "graft.datasets.MetricsDataset",
        "filepath": str(tmp_path / "metrics.json"),
        "versioned": True,
        "metadata": {"mlflow": "metrics"},
    }
    catalog = DataCatalog.from_config({"metrics": entry}, save_version=FIRST)
    catalog.save("metrics", {"accuracy": 1.0})
    catalog.release("metrics")
    assert catalog.load("metrics") == {"accuracy": 1.0}
    assert catalog.exists("metrics")
    assert catalog.get("metrics").metadata == {"mlflow": "metrics"}
    assert catalog.get("metrics").filepath == version_folder(tmp_path, FIRST) / "metrics.json"
    assert catalog.to_config()[0]["metrics"]["versioned"] is True
