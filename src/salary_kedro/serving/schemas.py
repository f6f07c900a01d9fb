"""Request and response models. Those that name fields are derived from the bundle's contract."""

from dataclasses import dataclass
from types import GenericAlias
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, create_model

from salary_kedro.bundle import Bundle
from salary_kedro.bundle.facts import Covered, IntervalFacts
from salary_kedro.bundle.report import Report
from salary_kedro.contract import Contract
from salary_kedro.contract.columns import Target
from salary_kedro.contract.request import request_model
from salary_kedro.serving.limits import MAX_BATCH_ROWS


class Problem(BaseModel):
    """One thing that is wrong with a request."""

    field: str
    message: str


class Error(BaseModel):
    """What went wrong, for programs (`code`) and people (`message`)."""

    code: str
    message: str
    details: list[Problem] = []


class ErrorBody(BaseModel):
    """The body of every answer that is not 200."""

    error: Error


class ModelFacts(BaseModel):
    """What a bundle says about its model.

    Attributes:
        model_name: Name of the registered model.
        model_version: Its version.
        bundle: The bundle it was loaded from.
        runtime: What predicts: `arrays`, its plain arrays, or `scikit-learn`, the exact model.
        runtime_reason: Why the one or the other, in a sentence.
        metrics: Metrics at training.
        claimed: Whether its RMSE is what the archive claims that it was imported from; then, and
            once it was measured instead, `lineage.rmse_source` says more.
        lineage: What it was made from.
        contract: The contract of its rows.
        domain: What its training rows covered; values beyond it are answered with a warning.
        intervals: How sure its predictions are.
        report: What else was found out about it at training; of each section null if nothing.
    """

    model_config = ConfigDict(protected_namespaces=())

    model_name: str
    model_version: int
    bundle: str
    runtime: str
    runtime_reason: str
    metrics: dict[str, float | None]
    claimed: bool
    lineage: dict[str, Any]
    contract: Contract
    domain: Covered
    intervals: IntervalFacts
    report: Report

    @classmethod
    def of(cls, bundle: Bundle) -> Self:
        """The facts of a bundle."""
        return cls(
            model_name=bundle.model_name,
            model_version=bundle.version,
            bundle=bundle.name,
            runtime=bundle.form,
            runtime_reason=bundle.form_reason,
            metrics=dict(bundle.metrics),
            claimed=bundle.lineage.claimed,
            lineage=bundle.lineage.texts(),
            contract=bundle.contract,
            domain=Covered.of(bundle.domain, bundle.contract),
            intervals=IntervalFacts.of(bundle.calibration, bundle.report),
            report=bundle.report,
        )


class ModelInfo(ModelFacts):
    """The model that answers.

    Attributes:
        source: `current` if it is the bundle that the pointer names; `kept` if that one was
            refused while this one served; `reserve` if it was refused at the start.
        reason: What is wrong with the one that the pointer names.
        place: Where bundles are looked for: `project`; `bento`, inside the Bento that is
            served; `SALARY_BUNDLES`, the folder that this variable names.
        bento: Tag of the Bento that is served; null for a project.
    """

    source: str
    reason: str | None
    place: str
    bento: str | None


@dataclass(frozen=True)
class Schemas:
    """The models that depend on a contract.

    Attributes:
        request: One flat row, beside which the target may be given, to be compared.
        batch: `{"rows": [...]}`.
        answer: The prediction of one row.
        batch_answer: The predictions of rows.
        explanation: What the prediction of one row is made of.
    """

    request: type[BaseModel]
    batch: type[BaseModel]
    answer: type[BaseModel]
    batch_answer: type[BaseModel]
    explanation: type[BaseModel]

    @classmethod
    def of(cls, contract: Contract) -> Self:
        """Derive the models of a contract."""
        request = request_model(contract, compared=True)
        row = _model("RowPrediction", **_prediction(contract))
        return cls(
            request=request,
            batch=_model("BatchRequest", rows=_rows_of(request)),
            answer=_model("Prediction", **_prediction(contract), **_VERSION),
            batch_answer=_model(
                "BatchPrediction", predictions=(GenericAlias(list, (row,)), ...), **_VERSION
            ),
            explanation=_model("Explanation", **_explanation(contract), **_VERSION),
        )


_WARNINGS = {"warnings": (list[str], Field(description="Reasons to doubt the prediction"))}
_VERSION = {"model_name": (str, ...), "model_version": (int, ...)}


def _model(name: str, **fields: Any) -> type[BaseModel]:
    config = ConfigDict(strict=True, extra="forbid", protected_namespaces=())
    return create_model(name, __config__=config, **fields)


def _rows_of(request: type[BaseModel]) -> Any:
    return (GenericAlias(list, (request,)), Field(min_length=1, max_length=MAX_BATCH_ROWS))


def _prediction(contract: Contract) -> dict[str, Any]:
    return {
        **_value(contract.target),
        "low": (float | None, Field(description="Lower end of the interval")),
        "high": (float | None, Field(description="Upper end of the interval")),
        "confidence": (float | None, Field(description="Share of cases it should cover")),
        "percentile": (
            float | None,
            Field(
                default=None,
                ge=0,
                le=100,
                description=f"Percentage of those predicted alike that have less than the "
                f"{contract.target.name} sent; absent if none was sent, null if it is not known",
            ),
        ),
        "percentile_margin": (
            float | None,
            Field(default=None, ge=0, description="Points by which the percentile may be off"),
        ),
        **_WARNINGS,
    }


def _explanation(contract: Contract) -> dict[str, Any]:
    average = "Mean prediction of made-up rows like those of the training; null if there are none"
    parts = (
        "By field, how far its value moves the prediction from that mean; they add up to the "
        "difference of the two"
    )
    return {
        **_value(contract.target),
        "average_prediction": (float | None, Field(description=average)),
        "contributions": (dict[str, float] | None, Field(description=parts)),
        **_WARNINGS,
    }


def _value(target: Target) -> dict[str, Any]:
    description = f"Predicted, {target.unit}"
    return {"prediction": (float, Field(alias=target.name, description=description))}
