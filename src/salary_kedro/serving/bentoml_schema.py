"""The description that BentoML's own clients read, as its services give it at `/schema.json`."""

from typing import Any

from pydantic import BaseModel

from salary_kedro.serving.schemas import Schemas

SERVICE = "salary_prediction"


def describe_for_bentoml(schemas: Schemas) -> dict[str, Any]:
    """Describe the routes that `bentoml.SyncHTTPClient` makes methods of.

    Args:
        schemas: The models of the served bundle's contract.
    """
    routes = [
        _route("predict", "Predict for one row", schemas.request, schemas.answer),
        _route("predict_batch", "Predict for rows", schemas.batch, schemas.batch_answer),
        _route("explain", "What a prediction is made of", schemas.request, schemas.explanation),
    ]
    return {"name": SERVICE, "type": "service", "routes": routes}


def _route(
    name: str, doc: str, request: type[BaseModel], answer: type[BaseModel]
) -> dict[str, Any]:
    return {
        "name": name,
        "route": f"/{name}",
        "doc": doc,
        "description": doc,
        "batchable": False,
        "input": request.model_json_schema(),
        "output": answer.model_json_schema(),
        "is_task": False,
    }
