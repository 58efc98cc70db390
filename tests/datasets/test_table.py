from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from graft.datasets import TableDataset

TABLE = pd.DataFrame(
    {
        "id": ["007", 'a,b\n"c"', "ü/\r数.png"],
        "label": ["NA", "null", "3"],
        "reason": ["torn", "", "nan"],
        "score": np.array([0.1, np.nan, 1e-40], dtype=np.float32),
        "precise": [0.1 + 0.2, np.inf, 1 / 3],
        "count": np.array([1, 2, 2**60], dtype=np.int64),
        "kept": [True, False, True],
    }
)


@pytest.fixture
def dataset(tmp_path: Path) -> TableDataset:
    return TableDataset(filepath=str(tmp_path / "table.csv"))


def test_a_table_comes_back_bit_for_bit(dataset: TableDataset) -> None:
    dataset.save(TABLE)
    assert_frame_equal(dataset.load(), TABLE, check_exact=True)


def test_a_missing_text_comes_back_empty(dataset: TableDataset) -> None:
    dataset.save(TABLE.assign(reason=["torn", None, "nan"]))
    assert_frame_equal(dataset.load(), TABLE)


def test_an_empty_table_keeps_its_columns(dataset: TableDataset) -> None:
    dataset.save(TABLE.head(0))
    assert_frame_equal(dataset.load(), TABLE.head(0))


def test_the_index_is_not_saved(dataset: TableDataset) -> None:
    dataset.save(TABLE.iloc[::-1])
    assert_frame_equal(dataset.load(), TABLE.iloc[::-1].reset_index(drop=True))
