"""A page is one file that asks for nothing, and shows what it is given as it is."""

from __future__ import annotations

import base64
import io
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from graft.report import Code, Facts, Note, Picture, Section, Table, Text, render_page

NASTY = "<script>alert('x')</script> & \"quotes\" {{ 7 * 7 }}"


class Shown(HTMLParser):
    """The text and the tags of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data: str) -> None:
        self.text += data


def png(width: int = 40, height: int = 20, noise: bool = False) -> bytes:
    pixels = np.zeros((height, width, 3), dtype=np.uint8)
    if noise:
        pixels = np.random.default_rng(0).integers(0, 256, pixels.shape, dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format="png")
    return file.getvalue()


def page_of(*blocks: object) -> str:
    return render_page("A title", "A subtitle", [Section("A section", blocks)])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "block",
    [
        Text(NASTY),
        Note(NASTY),
        Code(NASTY),
        Facts([(NASTY, NASTY)]),
        Table([NASTY, "b"], [[NASTY, f"{NASTY}\n{NASTY}"]], NASTY),
        Table([NASTY], [[NASTY]], NASTY, folded=True),
        Picture(png(), NASTY, NASTY),
        Picture(png(), NASTY, NASTY, folded=True),
    ],
)
def test_names_are_shown_and_not_obeyed(block: object) -> None:
    shown = Shown(page_of(block))
    assert NASTY in shown.text
    assert "script" not in {tag for tag, _ in shown.tags}
    shown = Shown(render_page(NASTY, NASTY, [Section(NASTY, [Text("x")])], [(NASTY, NASTY)]))
    assert shown.text.count(NASTY) >= 6
    assert "script" not in {tag for tag, _ in shown.tags}


def test_a_page_asks_for_nothing_outside_itself() -> None:
    page = page_of(Picture(png(), "A picture"), Text("x"), Table(["a"], [["b"]]))
    shown = Shown(page)
    addresses = [
        value
        for _, attributes in shown.tags
        for name, value in attributes.items()
        if name in ("src", "href", "srcset", "action", "data")
    ]
    assert addresses
    assert all((address or "").startswith(("#", "data:image/")) for address in addresses)
    assert not {"script", "link", "iframe", "object"} & {tag for tag, _ in shown.tags}
    assert "url(" not in page
    assert "@import" not in page
    (policy,) = [a["content"] for t, a in shown.tags if t == "meta" and "http-equiv" in a]
    assert (policy or "").startswith("default-src 'none'")


def test_a_small_picture_is_in_the_page_byte_for_byte() -> None:
    content = png()
    (picture,) = [a for t, a in Shown(page_of(Picture(content, "A picture"))).tags if t == "img"]
    kind, _, data = (picture["src"] or "").partition(";base64,")
    assert kind == "data:image/png"
    assert base64.b64decode(data) == content
    assert (picture["width"], picture["height"], picture["alt"]) == ("40", "20", "A picture")


def test_a_large_picture_is_compressed_but_as_large_as_before() -> None:
    content = png(400, 300, noise=True)
    kind, _, data = Picture(content, "noise").uri.partition(";base64,")
    assert kind == "data:image/webp"
    assert len(data) < len(content)
    with Image.open(io.BytesIO(base64.b64decode(data))) as image:
        assert image.size == (400, 300)


def test_sections_are_listed_at_the_top_and_empty_ones_left_out() -> None:
    sections = [
        Section("Errors to look at", [Text("x")]),
        Section("Nothing"),
        Section("Data", [Text("y")]),
    ]
    page = render_page("A title", "", sections)
    links = re.findall(r'<a href="#([^"]+)">([^<]+)</a>', page)
    assert links == [("errors-to-look-at", "Errors to look at"), ("data", "Data")]
    assert re.findall(r'<section id="([^"]+)">', page) == ["errors-to-look-at", "data"]


def test_a_cell_shows_its_second_line_smaller() -> None:
    page = page_of(Table(["method", "accuracy"], [["network", "99.0 %\n[98.0, 99.5]"]]))
    assert "<td>99.0 %<small>[98.0, 99.5]</small></td>" in page
    assert "<th scope=row>network</th>" in page
