"""Tables on disk."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from graft.datasets.committed import CommittedDataset

if TYPE_CHECKING:
    import pandas as pd
    from kedro_datasets._typing import TablePreview

COLUMN_TYPES = "columns.json"


class TableDataset(CommittedDataset["pd.DataFrame", "pd.DataFrame"]):
    """A data frame as CSV, with the types of its columns beside it.

        quarantine:
          type: graft.datasets.TableDataset
          filepath: data/08_reporting/digits/quarantine.csv
          versioned: true

    Numbers come back bit for bit, and text as text, be it an id "007", a class "NA" or an empty
    one; a text that is missing comes back empty. The index is not saved. Dates and categories
    become text.
    """

    def write(self, path: Path, data: pd.DataFrame) -> None:
        from pandas.api.types import is_numeric_dtype

        types = {
            str(column): str(dtype) if is_numeric_dtype(dtype) else "str"
            for column, dtype in data.dtypes.items()
        }
        data.to_csv(path, index=False, lineterminator="\n")
        path.with_name(COLUMN_TYPES).write_text(json.dumps(types, indent=2))

    def read(self, path: Path) -> pd.DataFrame:
        import pandas as pd

        types = json.loads(path.with_name(COLUMN_TYPES).read_text())
        return pd.read_csv(
            path,
            dtype=types,
            keep_default_na=False,
            na_values={column: [""] for column, dtype in types.items() if dtype != "str"},
            lineterminator="\n",
        )

    def preview(self, nrows: int = 10) -> TablePreview:
        """The first rows."""
        return json.loads(self.read(self.filepath).head(nrows).to_json(orient="split"))
