"""The commit protocol under full disks, damage and company. Kills: test_storage_kills.py."""

from __future__ import annotations

import json
import mmap
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from graft import storage
from graft.errors import GraftError
from graft.storage import CorruptedFileError, committed, is_committed, remove_stale_partials, verify


def save(target: Path, **files: str) -> None:
    with committed(target) as folder:
        for name, text in files.items():
            (folder / name).write_text(text)


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def dead_pid() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system with room for 64 KiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("mounting a tmpfs is not permitted here")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_folder_is_not_there_until_it_is_complete(tmp_path: Path) -> None:
    target = tmp_path / "made" / "on the way" / "store"
    with committed(target) as folder:
        (folder / "a").write_text("a")
        assert not target.exists()
        assert not is_committed(target)
    assert is_committed(target)
    verify(target)
    assert names_in(target) == ["a", "manifest.json"]
    assert names_in(target.parent) == ["store"]


def test_manifest_records_size_and_sha256_of_every_file(tmp_path: Path) -> None:
    with committed(tmp_path / "store") as folder:
        (folder / "inner").mkdir()
        (folder / "inner" / "a").write_text("abc")
    manifest = json.loads((tmp_path / "store" / "manifest.json").read_text())
    sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-2
    assert manifest == {"format": 1, "files": {"inner/a": {"sha256": sha256, "bytes": 3}}}


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_an_exception_leaves_the_old_folder_and_nothing_else(
    tmp_path: Path, error: type[BaseException]
) -> None:
    save(tmp_path / "store", a="old")

    def fail_half_way() -> None:
        with committed(tmp_path / "store") as folder:
            (folder / "a").write_text("new")
            raise error

    with pytest.raises(error):
        fail_half_way()
    assert (tmp_path / "store" / "a").read_text() == "old"
    assert names_in(tmp_path) == ["store"]


@pytest.mark.parametrize("exchange", ["at once", "in steps"])
def test_a_new_folder_replaces_the_old_one(
    tmp_path: Path, exchange: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if exchange == "in steps":
        monkeypatch.setattr(storage, "_exchange", lambda partial, target: False)
    save(tmp_path / "store", a="old", b="old")
    save(tmp_path / "store", a="new")
    verify(tmp_path / "store")
    assert names_in(tmp_path / "store") == ["a", "manifest.json"]
    assert (tmp_path / "store" / "a").read_text() == "new"
    assert names_in(tmp_path) == ["store"]


def test_a_folder_set_aside_by_a_dead_process_is_put_back(tmp_path: Path, dead_pid: int) -> None:
    save(tmp_path / "store", a="old")
    aside = tmp_path / f".store.{storage._HOST}.{dead_pid}-00000000.replaced"
    (tmp_path / "store").rename(aside)
    assert is_committed(tmp_path / "store")
    assert names_in(tmp_path) == ["store"]


def test_a_reader_of_the_replaced_folder_goes_on_reading_it(tmp_path: Path) -> None:
    save(tmp_path / "store", a="old")
    with (tmp_path / "store" / "a").open("rb") as file:
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    save(tmp_path / "store", a="new")
    assert mapped[:] == b"old"


def test_of_two_writers_the_later_one_stays(tmp_path: Path) -> None:
    with committed(tmp_path / "store") as first:
        save(tmp_path / "store", a="second")
        (first / "a").write_text("first")
    verify(tmp_path / "store")
    assert (tmp_path / "store" / "a").read_text() == "first"
    assert names_in(tmp_path) == ["store"]


def test_full_disk_is_explained_and_leaves_the_old_folder(tiny_disk: Path) -> None:
    save(tiny_disk / "store", a="old")
    with pytest.raises(GraftError, match=r"no room to save .*store.* after [\d,]+ bytes"):
        save(tiny_disk / "store", a="new" * 100_000)
    verify(tiny_disk / "store")
    assert (tiny_disk / "store" / "a").read_text() == "old"
    assert names_in(tiny_disk) == ["store"]


def test_limit_on_file_sizes_is_explained_and_leaves_the_old_folder(tmp_path: Path) -> None:
    save(tmp_path / "store", a="old")
    with largest_file(10_000), pytest.raises(GraftError, match="after 10,000 bytes"):
        save(tmp_path / "store", a="new" * 100_000)
    assert (tmp_path / "store" / "a").read_text() == "old"
    assert names_in(tmp_path) == ["store"]


def test_another_error_of_the_system_is_passed_on(tmp_path: Path) -> None:
    with pytest.raises(PermissionError), committed(tmp_path / "store"):
        raise PermissionError(13, "not yours")


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_a_flipped_bit_is_found_by_verify_alone(tmp_path: Path) -> None:
    save(tmp_path / "store", a="weights", b="other")
    flip_a_bit(tmp_path / "store" / "a")
    assert is_committed(tmp_path / "store")
    with pytest.raises(CorruptedFileError, match=r"store/a is not what was saved"):
        verify(tmp_path / "store")


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda folder: (folder / "a").unlink(), id="file missing"),
        pytest.param(lambda folder: os.truncate(folder / "a", 3), id="file torn"),
        pytest.param(lambda folder: (folder / "manifest.json").unlink(), id="manifest missing"),
        pytest.param(lambda folder: os.truncate(folder / "manifest.json", 30), id="manifest torn"),
        pytest.param(lambda folder: (folder / "manifest.json").write_text("[]"), id="other JSON"),
        *(
            pytest.param(
                lambda folder, files=files: (folder / "manifest.json").write_text(
                    json.dumps({"format": 1, "files": files})
                ),
                id=f"files are {files}",
            )
            for files in ({"a": {"sha256": "00"}}, {"a": 7}, {"a": {"bytes": "many"}}, ["a"])
        ),
    ],
)
def test_a_torn_folder_is_not_committed(tmp_path: Path, damage: Callable[[Path], object]) -> None:
    save(tmp_path / "store", a="weights")
    damage(tmp_path / "store")
    assert not is_committed(tmp_path / "store")
    with pytest.raises(CorruptedFileError, match=r"store/(a|manifest\.json)"):
        verify(tmp_path / "store")


def test_nothing_there_is_not_committed(tmp_path: Path) -> None:
    assert not is_committed(tmp_path / "no" / "store")


def test_only_the_partials_of_dead_processes_of_this_host_are_removed(
    tmp_path: Path, dead_pid: int
) -> None:
    ours = tmp_path / f".store.{storage._HOST}.{dead_pid}-0123abcd.partial"
    alive = tmp_path / f".store.{storage._HOST}.{os.getpid()}-0123abcd.partial"
    elsewhere = tmp_path / f".store.another-host.{dead_pid}-0123abcd.partial"
    somebody = tmp_path / f".store.{dead_pid}.partial"
    for folder in (ours, alive, elsewhere, somebody):
        folder.mkdir()
    assert remove_stale_partials(tmp_path) == [ours]
    assert names_in(tmp_path) == sorted([alive.name, elsewhere.name, somebody.name])


def test_the_next_save_removes_stale_partials(tmp_path: Path, dead_pid: int) -> None:
    (tmp_path / f".other.{storage._HOST}.{dead_pid}-0123abcd.partial").mkdir()
    save(tmp_path / "store", a="a")
    assert names_in(tmp_path) == ["store"]


def test_a_folder_of_somebody_else_is_never_replaced(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    (photos / "cats").mkdir(parents=True)
    (photos / "cats" / "tom.png").write_text("tom")
    with pytest.raises(GraftError, match=r"tom\.png, which Graft did not save"):
        save(photos, a="a")
    assert (photos / "cats" / "tom.png").read_text() == "tom"


def test_a_file_called_like_the_manifest_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"manifest\.json"):
        save(tmp_path / "store", **{"manifest.json": "mine"})
    assert names_in(tmp_path) == []


# --- What a later attempt can go on with ----------------------------------------------------------


def fail_in(target: Path, name: str, error: type[BaseException] = RuntimeError) -> None:
    def attempt() -> None:
        with committed(target, resumable=True) as folder:
            (folder / name).write_text(name)
            raise error

    with pytest.raises(error):
        attempt()


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_an_attempt_goes_on_in_what_a_failed_one_has_left(
    tmp_path: Path, error: type[BaseException]
) -> None:
    fail_in(tmp_path / "store", "a", error)
    fail_in(tmp_path / "store", "b", error)
    assert not (tmp_path / "store").exists()
    with committed(tmp_path / "store", resumable=True) as folder:
        assert names_in(folder) == ["a", "b"]
        (folder / "c").write_text("c")
    verify(tmp_path / "store")
    assert names_in(tmp_path / "store") == ["a", "b", "c", "manifest.json"]
    assert names_in(tmp_path) == ["store"]


def test_what_is_unfinished_is_left_alone_by_all_others(tmp_path: Path) -> None:
    save(tmp_path / "store", a="old")
    fail_in(tmp_path / "store", "a")
    save(tmp_path / "other", a="a")
    save(tmp_path / "store", a="newer")
    with committed(tmp_path / "third", resumable=True) as folder:
        assert names_in(folder) == []
    with committed(tmp_path / "store", resumable=True) as folder:
        assert names_in(folder) == ["a"]
    assert (tmp_path / "store" / "a").read_text() == "a"
    assert names_in(tmp_path) == ["other", "store", "third"]


def test_only_what_a_dead_process_of_this_host_has_left_is_gone_on_with(
    tmp_path: Path, dead_pid: int
) -> None:
    alive = tmp_path / f".store.{storage._HOST}.{os.getppid()}-0123abcd.unfinished"
    elsewhere = tmp_path / f".store.another-host.{dead_pid}-0123abcd.unfinished"
    for folder in (alive, elsewhere):
        folder.mkdir()
        (folder / "theirs").write_text("theirs")
    with committed(tmp_path / "store", resumable=True) as folder:
        assert names_in(folder) == []
    ours = tmp_path / f".store.{storage._HOST}.{dead_pid}-0123abcd.unfinished"
    ours.mkdir()
    (ours / "a").write_text("a")
    (ours / "manifest.json").write_text("{}")  # killed while it was sealed
    with committed(tmp_path / "store", resumable=True) as folder:
        assert names_in(folder) == ["a"]
    assert names_in(tmp_path) == sorted(["store", alive.name, elsewhere.name])


def test_a_resumable_save_that_finds_no_room_keeps_what_it_has(tmp_path: Path) -> None:
    save(tmp_path / "store", a="old")
    with (
        largest_file(10_000),
        pytest.raises(GraftError, match="after 10,000 bytes"),
        committed(tmp_path / "store", resumable=True) as folder,
    ):
        (folder / "a").write_text("new" * 100_000)
    assert (tmp_path / "store" / "a").read_text() == "old"
    with committed(tmp_path / "store", resumable=True) as folder:
        assert (folder / "a").stat().st_size == 10_000
        (folder / "a").write_text("new")
    assert (tmp_path / "store" / "a").read_text() == "new"
    assert names_in(tmp_path) == ["store"]
