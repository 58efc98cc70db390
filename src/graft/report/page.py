"""A page of sections, each of blocks, as one self-contained HTML file.

Whatever is written on the page is text: the template escapes it, so that a class named "<b>" is
shown and not obeyed. Pictures are data URIs. The page has no script and forbids the browser, by its
content security policy, to load anything.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, TypeAlias

_LARGE = 150_000  # bytes of a PNG
_NARROW = 660  # pixels, of which a figure has 120 an inch


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    text: str
    kind: ClassVar[str] = "text"


@dataclass(frozen=True)
class Note:
    """A paragraph that must not be overlooked."""

    text: str
    kind: ClassVar[str] = "note"


@dataclass(frozen=True)
class Facts:
    """Names and values, in pairs."""

    pairs: Sequence[tuple[str, str]]
    kind: ClassVar[str] = "facts"


@dataclass(frozen=True)
class Table:
    """Rows of texts; the first column names the row, the others are aligned to the right.

    Attributes:
        header: A text for each column.
        rows: As many texts a row as there are columns; after a line break comes what is less
            important.
        caption: Under the table.
        folded: Whether the reader has to open it.
        prose: Whether the columns are sentences, aligned to the left, and not numbers.
    """

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str = ""
    folded: bool = False
    prose: bool = False
    kind: ClassVar[str] = "table"


@dataclass(frozen=True)
class Code:
    """A text to copy."""

    text: str
    kind: ClassVar[str] = "code"


@dataclass(frozen=True)
class Picture:
    """A figure.

    Attributes:
        png: The bytes of a PNG file.
        title: What it shows.
        caption: How to read it.
        folded: Whether the reader has to open it.
    """

    png: bytes
    title: str
    caption: str = ""
    folded: bool = False
    kind: ClassVar[str] = "picture"

    @property
    def uri(self) -> str:
        """The picture itself, as an address."""
        return as_data_uri(self.png)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        from PIL import Image

        with Image.open(io.BytesIO(self.png)) as image:
            return image.size

    @property
    def narrow(self) -> bool:
        """Whether two of its width have room side by side."""
        return self.size[0] <= _NARROW


Block: TypeAlias = Text | Note | Facts | Table | Code | Picture


@dataclass(frozen=True)
class Section:
    """A heading and what stands under it."""

    title: str
    blocks: Sequence[Block] = field(default_factory=tuple)

    @property
    def anchor(self) -> str:
        """Its name in addresses."""
        return "-".join("".join(c if c.isalnum() else " " for c in self.title.lower()).split())


def render_page(
    title: str,
    subtitle: str,
    sections: Sequence[Section],
    highlights: Sequence[tuple[str, str]] = (),
) -> str:
    """The page as HTML.

    Args:
        title: Its heading.
        subtitle: Under it.
        sections: In order; those without blocks are left out.
        highlights: The most important numbers, as value and what it is, at the top.
    """
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("graft.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html").render(
        title=title,
        subtitle=subtitle,
        sections=[section for section in sections if section.blocks],
        highlights=highlights,
    )


def as_data_uri(png: bytes) -> str:
    """The picture as an address.

    Large ones, which hold photographs, become WebP of high quality: a tenth of the size.
    """
    from PIL import Image

    kind, content = "png", png
    if len(png) > _LARGE:
        webp = io.BytesIO()
        with Image.open(io.BytesIO(png)) as image:
            image.convert("RGB").save(webp, format="webp", quality=88)
        kind, content = "webp", webp.getvalue()
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
