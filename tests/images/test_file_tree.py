"""Folders and archives of images: what is found, what is passed over, what is refused."""

from __future__ import annotations

import os
import sys
import zipfile
from pathlib import Path

import pytest

from graft.errors import GraftError
from graft.images import file_tree
from graft.images.file_tree import readable_extensions, scan_tree

from .image_files import encode, make_pixels, write_classes, zip_folder


def test_extensions_count_in_capitals_or_not(class_folder: Path) -> None:
    assert "cat/0.JPG" in scan_tree(class_folder).files
    assert "cat/1.png" in scan_tree(class_folder).files


def test_formats_that_need_another_program_are_no_images() -> None:
    extensions = readable_extensions()
    assert {".png", ".jpeg", ".webp", ".tif", ".bmp", ".gif"} <= extensions
    assert not {".eps", ".ps", ".h5", ".wmf", ".txt", ".pdf"} & extensions


def test_hidden_files_and_other_files_are_passed_over(class_folder: Path) -> None:
    before = scan_tree(class_folder).files
    (class_folder / "cat" / "._0.jpg").write_bytes(b"resource fork")
    (class_folder / "cat" / "notes.txt").write_text("two cats")
    (class_folder / ".thumbnails").mkdir()
    (class_folder / ".thumbnails" / "0.png").write_bytes(encode(make_pixels(0)))
    assert scan_tree(class_folder).files == before


def test_a_symlink_loop_lists_no_image_twice(
    class_folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before = scan_tree(class_folder).files
    (class_folder / "cat" / "again").symlink_to(class_folder, target_is_directory=True)
    assert scan_tree(class_folder).files == before
    assert "not followed" in caplog.text


def test_a_pipe_is_not_waited_for(class_folder: Path) -> None:
    os.mkfifo(class_folder / "cat" / "pipe.png")
    with pytest.raises(OSError, match="not an ordinary file"):
        scan_tree(class_folder).read("cat/pipe.png")


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such a name")
def test_a_name_that_is_no_utf8_can_be_written_and_read(class_folder: Path) -> None:
    content = encode(make_pixels(7))
    Path(os.fsdecode(os.fsencode(class_folder / "cat") + b"/\xff.png")).write_bytes(content)
    tree = scan_tree(class_folder)
    (odd,) = (path for path in tree.files if path.endswith("xff.png"))
    assert odd.encode("utf-8")
    assert tree.read(odd) == content


def test_a_zip_lists_and_reads_as_its_folder_does(class_folder: Path, tmp_path: Path) -> None:
    (class_folder / "empty").mkdir()
    folder = scan_tree(class_folder)
    archive = scan_tree(zip_folder(class_folder, tmp_path / "pets.zip"))
    assert archive.files == folder.files
    assert archive.folders == folder.folders
    assert [archive.read(path) for path in archive.files] == [
        folder.read(path) for path in folder.files
    ]


def test_backslashes_of_a_windows_zip_are_separators(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "pets.zip", "w") as file:
        file.writestr("cat\\1.png", b"image")
    tree = scan_tree(tmp_path / "pets.zip")
    assert tree.files == ("cat/1.png",)
    assert tree.read("cat/1.png") == b"image"


@pytest.mark.parametrize("name", ["../../outside.png", "/etc/outside.png", "cat\\..\\..\\1.png"])
def test_a_member_that_leaves_the_archive_is_refused(tmp_path: Path, name: str) -> None:
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as file:
        file.writestr(name, b"image")
    with pytest.raises(GraftError, match="unsafe member"):
        scan_tree(tmp_path / "evil.zip")


@pytest.mark.parametrize(
    ("cap", "value", "message"),
    [
        ("MAX_FILE_BYTES", 9_999, "would unpack to 10000 bytes"),
        ("MAX_ARCHIVE_BYTES", 19_999, "would unpack to 20000 bytes"),
        ("MAX_ARCHIVE_MEMBERS", 1, "2 members"),
    ],
)
def test_a_zip_bomb_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cap: str, value: int, message: str
) -> None:
    monkeypatch.setattr(file_tree, cap, value)
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as file:
        for number in range(2):
            file.writestr(f"cat/{number}.png", bytes(10_000))
    with pytest.raises(GraftError, match=message):
        scan_tree(tmp_path / "bomb.zip")


def test_a_member_larger_than_declared_is_not_unpacked_further(tmp_path: Path) -> None:
    """The caps rest on the sizes that an archive declares, so a lie must not get past them."""
    path = tmp_path / "lie.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("cat/0.png", bytes(10_000))
    path.write_bytes(path.read_bytes().replace((10_000).to_bytes(4, "little"), b"\x0a\0\0\0"))
    with pytest.raises(zipfile.BadZipFile):
        scan_tree(path).read("cat/0.png")


def test_a_file_beyond_the_cap_is_not_read(
    class_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_tree, "MAX_FILE_BYTES", 10)
    with pytest.raises(OSError, match="more than 10"):
        scan_tree(class_folder).read("cat/0.JPG")


def test_a_path_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(GraftError, match=r"nowhere.*does not exist"):
        scan_tree(tmp_path / "nowhere")


def test_a_damaged_archive_is_named(tmp_path: Path) -> None:
    good = zip_folder(write_classes(tmp_path / "pets"), tmp_path / "pets.zip").read_bytes()
    (tmp_path / "torn.zip").write_bytes(good[: len(good) // 2])
    with pytest.raises(GraftError, match=r"torn\.zip"):
        scan_tree(tmp_path / "torn.zip")


def test_a_folder_without_images_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(GraftError, match=r"holds no image file.*Set source\.folder"):
        scan_tree(tmp_path)


# --- States ---------------------------------------------------------------------------------------


def test_the_state_of_a_file_changes_with_its_size_and_with_its_time(class_folder: Path) -> None:
    file = class_folder / "cat" / "1.png"
    tree = scan_tree(class_folder)
    states = [tree.state("cat/1.png")]
    assert states[0] == f"{file.stat().st_size}:{file.stat().st_mtime_ns}"
    os.utime(file, ns=(1, 10**18))
    states.append(tree.state("cat/1.png"))
    file.write_bytes(b"other")
    os.utime(file, ns=(1, 10**18))
    states.append(tree.state("cat/1.png"))
    assert len(set(states)) == 3


def test_a_file_that_has_gone_has_an_empty_state(class_folder: Path) -> None:
    tree = scan_tree(class_folder)
    (class_folder / "cat" / "1.png").unlink()
    assert tree.state("cat/1.png") == ""


def test_the_state_of_a_zips_member_is_that_of_its_content(
    class_folder: Path, tmp_path: Path
) -> None:
    before = scan_tree(zip_folder(class_folder, tmp_path / "a.zip"))
    os.utime(class_folder / "dog" / "1.png", ns=(1, 10**18))
    (class_folder / "cat" / "1.png").write_bytes((class_folder / "cat" / "3.png").read_bytes())
    after = scan_tree(zip_folder(class_folder, tmp_path / "b.zip"))
    changed = [path for path in before.files if before.state(path) != after.state(path)]
    assert changed == ["cat/1.png"]
    assert after.state("cat/1.png") == after.state("cat/3.png")
