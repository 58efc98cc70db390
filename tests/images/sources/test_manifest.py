"""Tables of one's own: what they may look like, and the mistakes that are named by their row."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from graft.errors import GraftError
from graft.images.decode import decode_images
from graft.images.listing import ImageListing
from graft.images.sources import get_source
from graft.images.sources.manifest import SPEC, list_images

from ..ingestion import ingest
from ..labelled_files import write_manifest

DOCS = (Path(__file__).parents[3] / "docs" / "own_images.md").read_text()
ROWS = [
    {"path": "a/1.png", "label": "dog"},
    {"path": "a/2.png", "label": "cat"},
    {"path": "3.png", "label": "dog"},
]


def listed(table: Path, **options: Any) -> ImageListing:
    return list_images(table, Path("not-used"), **options)


def write(folder: Path, text: str, images: str = "a.png b.png c.png") -> Path:
    """A CSV of that text, and empty files for images."""
    for name in ("labels.csv", *images.split()):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    (folder / "labels.csv").write_text(text, encoding="utf-8")
    return folder / "labels.csv"


@pytest.mark.parametrize("name", ["labels.csv", "labels.parquet"])
def test_paths_start_from_the_tables_folder(tmp_path: Path, name: str) -> None:
    listing = listed(write_manifest(tmp_path / name, ROWS))
    assert listing.records["id"].tolist() == ["a/1.png", "a/2.png", "3.png"]
    assert listing.records["label"].tolist() == ["dog", "cat", "dog"]
    assert listing.records["split"].isna().all()
    assert listing.class_names == ("cat", "dog")
    assert not listing.multi_label
    assert listing.read("a/2.png") == (tmp_path / "a" / "2.png").read_bytes()


def test_a_table_of_one_label_reaches_the_store(tmp_path: Path) -> None:
    rows = [{"image": f"{k}.png", "class": ["x", "y"][k % 2]} for k in range(20)]
    store = ingest("manifest", write_manifest(tmp_path / "t.csv", rows, column="image"))
    assert store.class_names == ("x", "y")
    assert len(store.manifest) == 20
    assert len(store.indices("test")) == 4


def test_a_table_of_several_labels_reaches_the_store(tmp_path: Path) -> None:
    rows = [{"path": f"{k}.png", "x": k % 2, "y": int(k < 10)} for k in range(20)]
    table = write_manifest(tmp_path / "t.csv", rows)
    store = ingest("manifest", table, options={"label": ["x", "y"]})
    assert store.multi_label
    assert sorted(store.targets.sum(axis=0).tolist()) == [10, 10]


# --- Columns --------------------------------------------------------------------------------------


@pytest.mark.parametrize("header", ["Image Path,Class", "file_name,target", "ID,labels"])
def test_usual_names_of_columns_are_known(tmp_path: Path, header: str) -> None:
    listing = listed(write(tmp_path, f"{header}\na.png,x\nb.png,y\n"))
    assert listing.class_names == ("x", "y")


def test_a_path_is_preferred_to_a_number(tmp_path: Path) -> None:
    listing = listed(write(tmp_path, "id,filename,label\n1,a.png,x\n2,b.png,y\n"))
    assert listing.records["id"].tolist() == ["a.png", "b.png"]


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("where,label", "columns for paths. Set source.options.path to one of where, label"),
        ("path,what", r"columns for labels. Set source.options.label to one of path, what; or"),
    ],
)
def test_unusual_columns_are_asked_for(tmp_path: Path, header: str, message: str) -> None:
    with pytest.raises(GraftError, match=message):
        listed(write(tmp_path, f"{header}\na.png,x\n"))


def test_columns_can_be_named(tmp_path: Path) -> None:
    table = write(tmp_path, "where,path,what,fold\na.png,1,x,train\nb.png,2,y,test\n")
    listing = listed(table, path="where", label="what", split="fold")
    assert listing.records["id"].tolist() == ["a.png", "b.png"]
    assert listing.records["split"].tolist() == ["train", "test"]


@pytest.mark.parametrize("option", ["path", "label", "split"])
def test_a_column_that_is_not_there_is_named_with_those_that_are(
    tmp_path: Path, option: str
) -> None:
    table = write(tmp_path, "path,label\na.png,x\n")
    with pytest.raises(GraftError, match=rf"{option}: .* no column 'kind'; .* are path, label"):
        listed(table, **{option: "kind"})


def test_parts_are_understood_in_capitals_or_not(tmp_path: Path) -> None:
    table = write(tmp_path, "path,label,Split\na.png,x,TRAIN\nb.png,y,valid\nc.png,x,Test\n")
    assert listed(table).records["split"].tolist() == ["train", "validation", "test"]


@pytest.mark.parametrize("part", ["fold3", ""])
def test_an_unknown_part_is_named_with_its_line(tmp_path: Path, part: str) -> None:
    table = write(tmp_path, f"path,label,split\na.png,x,train\nb.png,y,{part}\n")
    with pytest.raises(GraftError, match=f"labels.csv', line 3: '{part}' in the column 'split'"):
        listed(table)


# --- Labels ---------------------------------------------------------------------------------------


def test_class_names_stay_as_they_are_written(tmp_path: Path) -> None:
    table = write(tmp_path, "path,label\na.png,NA\nb.png,007\nc.png,1e3\n")
    assert listed(table).class_names == ("007", "1e3", "NA")


def test_numbers_are_classes_in_the_order_of_their_size(tmp_path: Path) -> None:
    frame = pd.DataFrame({"path": ["a.png", "b.png", "c.png"], "label": [10, 9, 10]})
    table = write(tmp_path, frame.to_csv(index=False))
    frame.to_parquet(tmp_path / "labels.parquet")
    for file in (table, tmp_path / "labels.parquet"):
        assert listed(file).class_names == ("9", "10")
        assert listed(file).records["label"].tolist() == ["10", "9", "10"]


def test_a_missing_label_is_an_error_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(GraftError, match=r"labels.csv', line 3: no label"):
        listed(write(tmp_path, "path,label\na.png,x\nb.png, \n"))


def test_a_missing_label_in_parquet_is_an_error_with_its_row(tmp_path: Path) -> None:
    rows = [{"path": "a.png", "label": "x"}, {"path": "b.png", "label": None}]
    with pytest.raises(GraftError, match=r"t.parquet', row 2: no label"):
        listed(write_manifest(tmp_path / "t.parquet", rows))


def test_several_labels_need_a_separator(tmp_path: Path) -> None:
    table = write(tmp_path, "path,label\na.png,cat|dog\nb.png,dog\n")
    with pytest.raises(GraftError, match=r"line 2: the label 'cat\|dog'.*separator to '\|'"):
        listed(table)


@pytest.mark.parametrize("separator", ["|", " ", ";", ", "])
def test_labels_are_split_at_the_separator(tmp_path: Path, separator: str) -> None:
    both = separator.join(["dog", "cat"])
    table = write(tmp_path, f'path,labels\na.png,"{both}"\nb.png,\nc.png,"dog{separator}dog"\n')
    listing = listed(table, separator=separator)
    assert listing.multi_label
    assert listing.class_names == ("cat", "dog")
    assert listing.records["label"].tolist() == ["cat|dog", "", "dog"]
    assert listing.records["ignored"].tolist() == ["", "", ""]


def test_a_class_name_of_several_labels_cannot_hold_the_bar(tmp_path: Path) -> None:
    with pytest.raises(GraftError, match=r"line 3: 'b\|c;d': a class name cannot hold '\|'"):
        listed(write(tmp_path, "path,label\na.png,a\nb.png,b|c;d\n"), separator=";")
    with pytest.raises(GraftError, match=r"column 'b\|c' cannot be a class"):
        listed(write(tmp_path, "path,a,b|c\na.png,1,0\n"), label="*")


def test_a_table_without_any_label_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GraftError, match="no image has a label"):
        listed(write(tmp_path, "path,labels\na.png,\nb.png,|\n"), separator="|")
    for columns in ("dog,cat\na.png,0,-1\nb.png,0,0\n", "split\na.png,train\n"):
        with pytest.raises(GraftError, match="no image has a label"):
            listed(write(tmp_path, f"path,{columns}"), label="*")


def test_a_column_is_one_class_only(tmp_path: Path) -> None:
    with pytest.raises(GraftError, match=r"options\.label names a column twice"):
        listed(write(tmp_path, "path,dog,cat\na.png,1,0\n"), label=["dog", "cat", "dog"])


@pytest.mark.parametrize("label", ["*", ["dog", "cat"]])
def test_columns_may_be_classes(tmp_path: Path, label: str | list[str]) -> None:
    rows = "path,dog,cat,split\na.png,1,1,train\nb.png,0,-1,test\nc.png,True,0.0,train\n"
    listing = listed(write(tmp_path, rows), label=label)
    assert listing.multi_label
    assert listing.class_names == ("dog", "cat")
    assert listing.records["label"].tolist() == ["dog|cat", "", "dog"]
    assert listing.records["ignored"].tolist() == ["", "cat", ""]


@pytest.mark.parametrize("cells", [[1, 0], [True, False], [1.0, 0.0], ["1", "0"]])
def test_classes_in_parquet_columns_may_have_any_type(tmp_path: Path, cells: list[Any]) -> None:
    rows = [{"path": f"{k}.png", "dog": cell, "cat": 0} for k, cell in enumerate(cells)]
    listing = listed(write_manifest(tmp_path / "t.parquet", rows), label="*")
    assert listing.records["label"].tolist() == ["dog", ""]


@pytest.mark.parametrize("cell", ["", "2", "yes", "0.5"])
def test_a_class_column_holds_nothing_else(tmp_path: Path, cell: str) -> None:
    table = write(tmp_path, f"path,dog,cat\na.png,1,0\nb.png,0,{cell}\n")
    with pytest.raises(GraftError, match=rf"line 3: '{cell}' in the column 'cat'; there must be 1"):
        listed(table, label="*")


def test_a_separator_beside_class_columns_is_refused(tmp_path: Path) -> None:
    table = write(tmp_path, "path,dog,cat\na.png,1,0\n")
    with pytest.raises(GraftError, match="separator is for labels in a single column"):
        listed(table, label=["dog", "cat"], separator="|")


# --- Paths ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("extension", [".png", "png"])
def test_an_extension_is_appended_where_it_lacks(tmp_path: Path, extension: str) -> None:
    table = write(tmp_path, "id_code,label\na,x\nb.PNG,y\n")
    assert listed(table, extension=extension).records["id"].tolist() == ["a.png", "b.PNG"]


def test_the_images_may_lie_below_another_folder(tmp_path: Path) -> None:
    table = write(tmp_path / "tables", "path,label\na.png,x\nb.png,y\n", images="")
    write(tmp_path / "images", "")
    for root in ("../images", str(tmp_path / "images")):
        listing = listed(table, root=root)
        assert listing.records["id"].tolist() == ["a.png", "b.png"]
        assert listing.read("a.png") == b""


def test_a_root_that_is_no_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(GraftError, match=r"source\.options\.root: .*nowhere' is no folder"):
        listed(write(tmp_path, "path,label\na.png,x\n"), root="nowhere")


@pytest.mark.parametrize("path", ["./a.png", ".//a.png", "{root}/a.png", ".\\a.png"])
def test_one_image_has_one_id_however_its_path_is_written(tmp_path: Path, path: str) -> None:
    table = write(tmp_path, f"path,label\n{path.format(root=tmp_path)},x\nb.png,y\n")
    assert listed(table).records["id"].tolist() == ["a.png", "b.png"]


@pytest.mark.parametrize(
    "path", ["../a.png", "x/../../a.png", "/etc/hostname", "..\\a.png", "a\0.png", "."]
)
def test_a_path_that_leaves_the_root_is_refused_with_its_line(tmp_path: Path, path: str) -> None:
    table = write(tmp_path, f"path,label\na.png,x\n{path},y\n")
    with pytest.raises(GraftError, match=r"line 3: '.*' leads out of .*source\.options\.root"):
        listed(table)


def test_an_absolute_path_into_a_folder_of_a_similar_name_is_refused(tmp_path: Path) -> None:
    table = write(tmp_path / "in", f"path,label\n{tmp_path}/inside/a.png,x\n")
    with pytest.raises(GraftError, match="leads out of"):
        listed(table)


def test_an_empty_path_is_refused_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(GraftError, match="line 2: the column 'path' is empty"):
        listed(write(tmp_path, "path,label\n,x\n"))


@pytest.mark.parametrize("path", ["a.png", "./a.png"])
def test_an_image_that_is_listed_twice_is_named_with_both_lines(tmp_path: Path, path: str) -> None:
    table = write(tmp_path, f"path,label\na.png,x\nb.png,y\n{path},x\n")
    with pytest.raises(GraftError, match=r"line 4: 'a\.png' is listed already in line 2"):
        listed(table)


def test_a_missing_image_is_quarantined(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    table = write_manifest(tmp_path / "labels.csv", ROWS)
    (tmp_path / "a" / "2.png").unlink()
    with caplog.at_level(logging.WARNING):
        decoded = decode_images(listed(table), 16, max_pixels=10**6)
    assert "1 of 3 images are not there" in caplog.text
    assert decoded.records["id"].tolist() == ["a/1.png", "3.png"]
    assert decoded.quarantine["id"].tolist() == ["a/2.png"]
    assert decoded.quarantine["reason"][0].startswith("FileNotFoundError")


def test_what_is_no_ordinary_file_is_quarantined(tmp_path: Path) -> None:
    table = write_manifest(tmp_path / "labels.csv", ROWS)
    (tmp_path / "a" / "2.png").unlink()
    (tmp_path / "a" / "2.png").mkdir()
    decoded = decode_images(listed(table), 16, max_pixels=10**6)
    assert decoded.quarantine["reason"].tolist() == ["OSError: not an ordinary file"]


@pytest.mark.parametrize(
    ("images", "remedy"),
    [("x.png a.jpeg b.jpeg", r"source\.options\.extension to '\.jpeg'"), ("", "options.root")],
)
def test_if_no_image_is_there_the_remedy_is_named(tmp_path: Path, images: str, remedy: str) -> None:
    with pytest.raises(GraftError, match=rf"None of the 2 images is there, .*/a' for.*{remedy}"):
        listed(write(tmp_path, "path,label\na,x\nb,y\n", images))


def test_no_table_is_an_error_that_names_the_parameter() -> None:
    with pytest.raises(GraftError, match=r"source\.folder"):
        list_images(None, Path("not-used"))


# --- What docs/own_images.md says -----------------------------------------------------------------


def test_the_tables_in_the_docs_are_understood(tmp_path: Path) -> None:
    single, joined, columns = re.findall(r"```csv\n(.*?)```", DOCS, re.DOTALL)
    images = "beach/1.jpg beach/2.jpg hills/7.jpg 1.jpg 2.jpg"
    listing = listed(write(tmp_path, single, images))
    assert listing.records["split"].tolist() == ["train", "train", "test"]
    listing = listed(write(tmp_path, joined, images), separator="|")
    assert listing.records["label"].tolist() == ["cat|dog", "", "dog"]
    for label in (["cat", "dog"], "*"):
        listing = listed(write(tmp_path, columns, images), label=label, extension=".jpg")
        assert listing.records["label"].tolist() == ["cat", "cat"]
        assert listing.records["ignored"].tolist() == ["", "dog"]


def test_the_docs_list_the_options() -> None:
    section = DOCS.partition("| `source.options` |")[2].partition("\n\n")[0]
    assert re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE) == [o.name for o in SPEC.options]


def test_the_options_reach_the_source(tmp_path: Path) -> None:
    table = write(tmp_path, "where,7\na.png,x\nb.png,y\n")
    options = {"path": "where", "label": 7, "extension": None}
    listing = get_source("manifest").list_from(table, Path("not-used"), options)
    assert listing.class_names == ("x", "y")
