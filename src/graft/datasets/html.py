"""Pages on disk."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from graft.datasets.committed import CommittedDataset

if TYPE_CHECKING:
    from kedro_datasets._typing import HTMLPreview


class HTMLDataset(CommittedDataset[str, str]):
    """A page in one file, for a browser.

    report:
      type: graft.datasets.HTMLDataset
      filepath: data/08_reporting/digits/report.html
      versioned: true
    """

    def write(self, path: Path, data: str) -> None:
        path.write_text(data, encoding="utf-8")

    def read(self, path: Path) -> str:
        return path.read_text(encoding="utf-8")

    def preview(self) -> HTMLPreview:
        """All of it, in a form that Kedro-Viz shows as it is: it reads a page as Markdown.

        It drops the styles, would make a blank line of every line end, and take the underscores
        and asterisks of names for emphasis.
        """
        page = re.sub(r">\s*\n\s*<", "><", self.read(self.filepath))
        return re.sub(r">[^<]+", _as_no_emphasis, page)  # type: ignore[return-value]


def _as_no_emphasis(text: re.Match[str]) -> str:
    return text[0].replace("_", "&#95;").replace("*", "&#42;")
