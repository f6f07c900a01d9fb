"""BentoML as its documentation starts: one API, which answers a constant."""

import os

import bentoml
from rows import Row


@bentoml.service(workers=int(os.environ["WORKERS"]))
class NoOp:
    """Predicts nothing."""

    @bentoml.api(input_spec=Row)
    def predict(self, **row: object) -> dict[str, float]:
        """Answer always the same."""
        return {"salary": 1.0}
