"""The fields of a row, as the peers check them."""

import json
import os

from pydantic import BaseModel, create_model

#: By name, whether it is a text.
FIELDS: dict[str, bool] = json.loads(os.environ["FIELDS"])
Row = create_model("Row", **{name: (str if text else float, ...) for name, text in FIELDS.items()})


class Rows(BaseModel):
    """Many rows."""

    rows: list[Row]  # type: ignore[valid-type]  # it is made of the contract
