"""What a person writes in ten lines: FastAPI before a scikit-learn Pipeline."""

import os
from typing import Any

import skops.io
from fastapi import FastAPI
from pandas import DataFrame
from rows import Row, Rows

FILE = os.environ["MODEL_FILE"]
model = skops.io.load(FILE, trusted=skops.io.get_untrusted_types(file=FILE))
app = FastAPI()


@app.get("/readyz")
def ready() -> str:
    """Answer once the model is there."""
    return "ready"


@app.post("/predict")
def predict(row: Row) -> dict[str, float]:
    """Predict the salary of one row."""
    return {"salary": float(model.predict(DataFrame([row.model_dump()]))[0])}


@app.post("/predict_batch")
def predict_batch(batch: Rows) -> dict[str, Any]:
    """Predict the salaries of many rows."""
    frame = DataFrame([row.model_dump() for row in batch.rows])
    return {"predictions": [{"salary": salary} for salary in model.predict(frame).tolist()]}
