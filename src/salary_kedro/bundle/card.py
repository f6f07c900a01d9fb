"""The model card of a version: what it is, what it is for and not for, how good, made from what.

After Mitchell et al. (2019), Model Cards for Model Reporting, FAT* '19.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from salary_kedro.bundle.bundle import Bundle
from salary_kedro.bundle.calibration import Calibration
from salary_kedro.bundle.facts import Covered, IntervalFacts
from salary_kedro.bundle.files import read_json
from salary_kedro.bundle.history import ServedHistory
from salary_kedro.bundle.lineage import Lineage
from salary_kedro.bundle.profile import Profile
from salary_kedro.bundle.report import Report
from salary_kedro.contract import Column, Contract
from salary_kedro.contract.domain import Domain

#: More than a card has whose contract, domain and profile are as long as may be.
MAX_CARD_BYTES = 64_000_000


class Promotion(BaseModel):
    """How a version became production.

    Attributes:
        when: When.
        why: The reason, one sentence.
        action: `promotion`, `promotion by hand`, `rollback`, `alias by hand` or `repair`.
        before: The version that it replaced, `from` in JSON; None if it was the first.
    """

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    when: datetime
    why: str
    action: str
    before: int | None = Field(
        validation_alias=AliasChoices("from", "before"), serialization_alias="from"
    )


class ModelCard(BaseModel):
    """All that people may want to know of one version.

    Attributes:
        model_name: Name of the registered model; None while it is not registered.
        model_version: Its version; None while it is not registered.
        bundle: The bundle that it is served from; None if it is not.
        promoted: How it became production; None if that is not known.
        run_id: The MLflow run that trained it; None if that is not known.
        model: The estimator's name; None if it was not recorded.
        parameters: What it was trained by; empty if that was not recorded.
        lineage: What it was made from.
        metrics: Metrics at training, in the target's unit; None for one that is not a number.
        contract: The contract of its rows.
        domain: What its training rows covered.
        intervals: How sure its predictions are.
        report: What else was found out about it at training; of each section None if nothing.
        profile: How its training rows were distributed, in counts that tell of no single person.
        intended_use: What it is meant for, a sentence each.
        not_for: What it must not be used for.
        claimed: Whether its RMSE is what the archive claims that it was imported from.
    """

    model_config = ConfigDict(frozen=True, protected_namespaces=())

    model_name: str | None
    model_version: int | None
    bundle: str | None
    promoted: Promotion | None
    run_id: str | None
    model: str | None
    parameters: Mapping[str, Any]
    lineage: Mapping[str, Any]
    metrics: Mapping[str, float | None]
    contract: Contract
    domain: Covered
    intervals: IntervalFacts
    report: Report
    profile: Profile
    intended_use: tuple[str, ...]
    not_for: tuple[str, ...]
    claimed: bool


def make_card(
    *,
    contract: Contract,
    domain: Domain,
    metrics: Mapping[str, float | None],
    lineage: Lineage,
    calibration: Calibration,
    report: Report,
    profile: Profile,
    model_name: str | None = None,
    model_version: int | None = None,
    bundle: str | None = None,
    promoted: Promotion | None = None,
    run_id: str | None = None,
) -> ModelCard:
    """Make the card of a version from what is recorded of it; see `ModelCard`."""
    parameters = read_parameters(lineage)
    return ModelCard(
        model_name=model_name,
        model_version=model_version,
        bundle=bundle,
        promoted=promoted,
        run_id=run_id,
        model=estimator_of(parameters),
        parameters=parameters,
        lineage={name: text for name, text in lineage.texts().items() if name != "parameters"},
        metrics=metrics,
        contract=contract,
        domain=Covered.of(domain, contract),
        intervals=IntervalFacts.of(calibration, report),
        report=report,
        profile=profile,
        intended_use=_intended_use(contract),
        not_for=_not_for(contract, domain, report),
        claimed=lineage.claimed,
    )


def card_of(bundle: Bundle, history: ServedHistory) -> ModelCard:
    """The card of the version in a bundle, with what a history tells of it."""
    record, known = history.promotion_of(bundle.version), history.facts_of(bundle.version)
    promoted = None
    if record is not None:
        promoted = Promotion(
            when=record.when, why=record.why, action=record.action, before=record.before
        )
    return make_card(
        contract=bundle.contract,
        domain=bundle.domain,
        metrics=bundle.metrics,
        lineage=bundle.lineage,
        calibration=bundle.calibration,
        report=bundle.report,
        profile=bundle.profile,
        model_name=bundle.model_name,
        model_version=bundle.version,
        bundle=bundle.name,
        promoted=promoted,
        run_id=None if known is None else known.run_id,
    )


def card_json(card: ModelCard) -> bytes:
    """A card for programs; all numbers in it are finite."""
    plain = card.model_dump(mode="json", by_alias=True)
    return json.dumps(plain, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def parse_card(content: bytes) -> ModelCard:
    """Read what `card_json` has written.

    Raises:
        FileError: If it holds something else.
    """
    card: ModelCard = read_json(ModelCard, content, "the model card")
    return card


def read_parameters(lineage: Lineage) -> dict[str, Any]:
    """The parameters of a training as a lineage holds them; empty if it holds none."""
    try:
        found = json.loads(lineage.parameters or "{}")
    except ValueError:  # MLflow cuts long ones
        return {}
    return found if isinstance(found, dict) else {}


def estimator_of(parameters: Mapping[str, Any]) -> str | None:
    """The estimator's name among the parameters of a training; None if it is not there."""
    section = parameters.get("data_science")
    found = section.get("model") if isinstance(section, dict) else None
    return found if isinstance(found, str) else None


def _intended_use(contract: Contract) -> tuple[str, ...]:
    target, inputs = contract.target, _listed([named(column) for column in contract.inputs])
    estimate = (
        f"Estimating {named(target)} ({target.unit}) from {inputs}, for people like those it was "
        f"trained on, with an interval that says how sure the estimate is."
    )
    return (
        estimate,
        "Comparing a figure that somebody has with what people like them have, as a percentile.",
    )


def _not_for(contract: Contract, domain: Domain, report: Report) -> tuple[str, ...]:
    strangers = (
        f"People unlike those it was trained on ({_covered(contract, domain)}): it answers, with "
        f"a warning, and nothing was tested there."
    )
    groups = "for whom it predicts well was not looked into: no column of its table is audited"
    if report.groups is not None:
        audited = _listed([named(column) for column in contract.audits])
        groups = f"how it does by {audited} is told here, and is no proof of fairness"
    decisions = (
        "Deciding by itself what a person is paid: it repeats what was paid, fair or not, and "
        "knows nothing but its inputs."
    )
    return (
        decisions,
        "Saying what causes pay: an input that moves the prediction need not move what is paid.",
        strangers,
        f"Judging groups of people: {groups}.",
    )


def _covered(contract: Contract, domain: Domain) -> str:
    """The ends of what training covered, of the first inputs that have any."""
    covered = Covered.of(domain, contract)
    texts = [
        f"{named(column)} {_plain(ends[0])} to {_plain(ends[1])}"
        for column in contract.inputs
        if (ends := covered.ranges.get(column.name)) is not None
    ]
    return _listed(texts[:3]) or "other places, jobs or times"


def _plain(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:,.6g}"


def named(column: Column) -> str:
    """A column's label within a sentence; what looks like an abbreviation keeps its capitals."""
    label = column.label
    return label if label[1:2].isupper() else label[:1].lower() + label[1:]


def _listed(texts: list[str]) -> str:
    return f"{', '.join(texts[:-1])} and {texts[-1]}" if len(texts) > 1 else "".join(texts)
