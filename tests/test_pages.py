"""What the README and the docs say of files, pipelines, datasets and parameters is so.

Their commands are run by tests/end_to_end/test_docs.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from omegaconf import DictConfig, OmegaConf

import graft.datasets
from graft.config.experiments import METADATA, ExperimentFolder
from graft.config.schema import validate_parameters
from graft.pipeline_registry import register_pipelines

ROOT = Path(__file__).parents[1]
PAGES = ["README.md", *(f"docs/{page.name}" for page in sorted(ROOT.glob("docs/*.md")))]
TEXTS = {page: (ROOT / page).read_text() for page in PAGES}
FOLDER = ExperimentFolder(str(ROOT / "conf/experiments"))


def anchors(page: Path) -> set[str]:
    """What a link to one of the page's headings ends with."""
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    titles = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_to_a_file_and_to_a_heading(page: str) -> None:
    for target in re.findall(r"\]\((?!http)([^)]+)\)", TEXTS[page]):
        name, _, anchor = target.partition("#")
        file = (ROOT / page).parent / name if name else ROOT / page
        assert file.exists(), target
        assert not anchor or anchor in anchors(file), target


@pytest.mark.parametrize("page", PAGES)
def test_a_page_has_one_title_and_no_gap(page: str) -> None:
    text = re.sub(r"```.*?```", "", TEXTS[page], flags=re.DOTALL)
    assert len(re.findall(r"^# ", text, re.MULTILINE)) == 1
    assert not re.search(r"\b(RESULTS|TODO|TBD|XXX)\b", text)


def test_the_readme_leads_to_every_page() -> None:
    assert [page for page in PAGES[1:] if f"({page}" not in TEXTS["README.md"]] == []


def test_every_pipeline_is_listed() -> None:
    section = TEXTS["docs/running.md"].partition("## Pipelines")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (`.*?`) \|", section, re.MULTILINE)
    listed = [name for row in rows for name in re.findall(r"`(\w+)`", row)]
    assert sorted(listed) == sorted(set(register_pipelines()) - {"__default__"})


def test_every_dataset_is_listed() -> None:
    listed = re.findall(r"`(\w+Dataset)`", TEXTS["docs/architecture.md"])
    assert sorted(set(listed)) == sorted(graft.datasets.__all__)


# --- Experiments ----------------------------------------------------------------------------------


def defaults() -> DictConfig:
    files = sorted(ROOT.glob("conf/base/parameters*.yml"))
    merged = OmegaConf.merge(*map(OmegaConf.load, files))
    assert isinstance(merged, DictConfig)
    return merged


def experiments() -> Iterator[Any]:
    """The yaml blocks that are experiments, and not the settings of a cluster or a study."""
    known = {*METADATA, *defaults()}
    for page, text in TEXTS.items():
        for block in re.finditer(r"```yaml\n(.*?)```", text, re.DOTALL):
            content = OmegaConf.create(block[1])
            if "_description" in content or set(content) <= known:
                line = text.count("\n", 0, block.start()) + 1
                yield pytest.param(content, id=f"{page}:{line}")


@pytest.mark.parametrize("shown", list(experiments()))
def test_an_experiment_that_is_shown_is_valid(shown: DictConfig) -> None:
    metadata = {key: shown.pop(key) for key in METADATA if key in shown}
    parent = metadata.get("_extends")
    lineage = FOLDER.lineage(parent) if parent else []
    pipeline = metadata.get("_pipeline") or (lineage[-1].pipeline if lineage else None)
    assert pipeline in {None, *register_pipelines()}
    merged = OmegaConf.merge(defaults(), *(member.overrides for member in lineage), shown)
    validate_parameters(OmegaConf.to_container(merged, resolve=True), {})
