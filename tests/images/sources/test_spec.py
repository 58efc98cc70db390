"""The options of sources: what they may be, and what is said of those that are not."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

from graft.errors import GraftError
from graft.images.sources import SOURCES, get_source
from graft.images.sources.spec import SourceOption, SourceSpec


@pytest.mark.parametrize("spec", SOURCES.values(), ids=SOURCES.keys())
def test_the_options_are_the_keywords_of_the_function(spec: SourceSpec) -> None:
    parameters = inspect.signature(spec.list_images).parameters.values()
    keywords = [p for p in parameters if p.kind is inspect.Parameter.KEYWORD_ONLY]
    assert [p.name for p in keywords] == [option.name for option in spec.options]
    for parameter, option in zip(keywords, spec.options, strict=True):
        assert parameter.default is not inspect.Parameter.empty
        assert not option.choices or parameter.default in option.choices


def test_an_option_is_handed_on_and_one_that_is_null_is_not() -> None:
    seen: list[dict[str, object]] = []
    spec = SourceSpec(
        name="test",
        title="",
        list_images=lambda folder, downloads, **options: seen.append(options),  # type: ignore
        options=(SourceOption("a", ""), SourceOption("b", ""), SourceOption("c", "", (), True)),
    )
    spec.list_from(None, Path("x"), {"a": "1", "b": None, "c": ["x", 3]})
    assert seen == [{"a": "1", "c": ["x", "3"]}]


@pytest.mark.parametrize(
    ("source", "options", "message"),
    [
        ("digits", {"label": "x"}, r"options\.label: the source 'digits' has no options"),
        ("manifest", {"lable": "x"}, r"options\.lable: is no option .* did you mean 'label'\?"),
        ("manifest", {"label": 0.5}, r"options\.label: should be text or a list of texts"),
        ("manifest", {"label": []}, r"options\.label: should be text or a list of texts"),
        ("manifest", {"path": ["a"]}, r"options\.path: should be text$"),
        ("manifest", {"separator": ""}, r"options\.separator: should be text$"),
        ("manifest", {"path": True}, r"options\.path: should be text$"),
        ("voc2007", {"difficult": "ignored"}, r"one of ignore, count; did you mean 'ignore'\?"),
        ("voc2007", {"difficult": 0}, r"one of ignore, count$"),
    ],
)
def test_a_wrong_option_is_explained(source: str, options: dict[str, object], message: str) -> None:
    with pytest.raises(GraftError, match=message):
        get_source(source).list_from(None, Path("not-used"), options)


def test_an_unknown_option_is_told_which_there_are() -> None:
    with pytest.raises(GraftError, match=r"separator: what stands between(.|\n)*extension: what"):
        get_source("manifest").read_option("x", "y")


@pytest.mark.parametrize("source", ["folder", "inaturalist12k", "manifest"])
def test_a_source_that_reads_from_a_folder_wants_its_name(source: str) -> None:
    with pytest.raises(
        GraftError, match=rf"source\.folder: .*'{source}' .*--params=source.folder="
    ):
        get_source(source).list_from(None, Path("not-used"), {})


def test_a_source_that_downloads_wants_none() -> None:
    get_source("mnist").require_folder(None)
