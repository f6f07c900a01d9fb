"""Asks the service through the client that openapi-python-client has made."""

import json
import sys

from made import AuthenticatedClient, Client
from made.api.model import get_model
from made.api.predictions import explain, predict, predict_batch
from made.models import (
    BatchPrediction,
    BatchRequest,
    Explanation,
    ModelInfo,
    Prediction,
    Request,
)

address, token, written = sys.argv[1:]
client = AuthenticatedClient(address, token) if token else Client(address)
row = Request.from_dict(json.loads(written))
one = predict.sync(client=client, body=row)
many = predict_batch.sync(client=client, body=BatchRequest(rows=[row, row]))
why = explain.sync(client=client, body=row)
model = get_model.sync(client=client)
assert isinstance(one, Prediction), one
assert isinstance(many, BatchPrediction), many
assert isinstance(why, Explanation), why
assert isinstance(model, ModelInfo), model
version: int = one.model_version
answers = {
    "one": one.to_dict(),
    "many": many.to_dict(),
    "why": why.to_dict(),
    "model": model.to_dict(),
}
sys.stdout.write(json.dumps({"version": version, **answers}))
