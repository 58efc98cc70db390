"""A tar archive is unpacked whole and inside its folder, or nothing is."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from graft.errors import GraftError
from graft.images import archives
from graft.images.archives import fetch_folder, unpack_tar

from .image_files import as_published, tar_folders


def write_tar(archive: Path, *members: tuple[tarfile.TarInfo, bytes]) -> Path:
    with tarfile.open(archive, "w:gz") as tar:
        for member, content in members:
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return archive


def link(name: str, target: str) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = tarfile.SYMTYPE, target
    return member


def test_the_folder_is_unpacked(class_folder: Path, tmp_path: Path) -> None:
    archive = tar_folders(tmp_path / "down" / "pets.tgz", class_folder)
    unpack_tar(archive, tmp_path / "down" / "pets")
    original = (class_folder / "cat" / "0.JPG").read_bytes()
    assert (tmp_path / "down" / "pets" / "cat" / "0.JPG").read_bytes() == original
    assert {path.name for path in (tmp_path / "down").iterdir()} == {"pets", "pets.tgz"}


def test_an_archive_is_not_asked_for_once_it_is_unpacked(
    class_folder: Path, tmp_path: Path
) -> None:
    archive = tar_folders(tmp_path / "down" / "pets.tgz", class_folder)
    remote, target = as_published(archive), tmp_path / "down" / "pets"
    assert fetch_folder(remote, target, "a folder") == target
    archive.unlink()
    assert fetch_folder(remote, target, "a folder") == target
    assert (target / "cat" / "0.JPG").is_file()


def test_a_folder_that_is_there_stays(class_folder: Path, tmp_path: Path) -> None:
    unpack_tar(tmp_path / "nothing.tgz", class_folder)
    assert (class_folder / "cat" / "0.JPG").is_file()


def test_what_a_killed_process_left_is_replaced(class_folder: Path, tmp_path: Path) -> None:
    archive = tar_folders(tmp_path / "down" / "pets.tgz", class_folder)
    (tmp_path / "down" / ".pets.partial" / "pets" / "half").mkdir(parents=True)
    unpack_tar(archive, tmp_path / "down" / "pets")
    assert {path.name for path in (tmp_path / "down" / "pets").iterdir()} == {"cat", "dog"}


@pytest.mark.parametrize(
    "member",
    [
        tarfile.TarInfo("../outside"),
        tarfile.TarInfo("pets/../../outside"),
        link("pets/link", "/etc/hostname"),
        link("pets/link", "../../outside"),
    ],
)
def test_members_that_leave_the_folder_are_refused(tmp_path: Path, member: tarfile.TarInfo) -> None:
    archive = write_tar(tmp_path / "bad.tgz", (tarfile.TarInfo("pets/a"), b"a"), (member, b""))
    with pytest.raises(GraftError, match="damaged or unsafe"):
        unpack_tar(archive, tmp_path / "pets")
    assert [path.name for path in tmp_path.iterdir()] == ["bad.tgz"]
    assert not (tmp_path.parent / "outside").exists()


def test_a_torn_archive_leaves_nothing(class_folder: Path, tmp_path: Path) -> None:
    archive = tar_folders(tmp_path / "down" / "pets.tgz", class_folder)
    archive.write_bytes(archive.read_bytes()[:-200])
    with pytest.raises(GraftError, match="damaged"):
        unpack_tar(archive, tmp_path / "down" / "pets")
    assert [path.name for path in (tmp_path / "down").iterdir()] == ["pets.tgz"]


@pytest.mark.parametrize(
    ("cap", "value"),
    [("MAX_ARCHIVE_MEMBERS", 2), ("MAX_ARCHIVE_BYTES", 15), ("MAX_FILE_BYTES", 9)],
)
def test_an_archive_beyond_the_caps_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cap: str, value: int
) -> None:
    members = [(tarfile.TarInfo(f"pets/{name}"), bytes(10)) for name in "abc"]
    archive = write_tar(tmp_path / "bomb.tgz", *members)
    monkeypatch.setattr(archives, cap, value)
    with pytest.raises(GraftError, match="refused"):
        unpack_tar(archive, tmp_path / "pets")
    assert [path.name for path in tmp_path.iterdir()] == ["bomb.tgz"]


def test_an_archive_of_something_else_is_named(tmp_path: Path) -> None:
    archive = write_tar(tmp_path / "cars.tgz", (tarfile.TarInfo("cars/a"), b"a"))
    with pytest.raises(GraftError, match="holds no folder 'pets'"):
        unpack_tar(archive, tmp_path / "pets")
