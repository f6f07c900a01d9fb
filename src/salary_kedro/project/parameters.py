"""The parameters of every pipeline, typed: a misspelt key or a bad value fails before a run."""

import difflib
import hashlib
import json
from typing import Annotated, Any, Literal

import pandas as pd
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from salary_kedro.bundle.lineage import Lineage
from salary_kedro.contract import Contract, describe_invalid
from salary_kedro.contract.columns import RESERVED_FOR_TARGET, RESERVED_NAMES
from salary_kedro.errors import UserError
from salary_kedro.modelling.folding import Splitting, check_split
from salary_kedro.modelling.names import MODEL_NAMES, ModelName
from salary_kedro.modelling.spaces import Candidates, Space
from salary_kedro.partitions.cluster import Cluster
from salary_kedro.promotion.verdict import Policy
from salary_kedro.tables.fingerprint import fingerprint

SEED = Field(ge=0, le=2**32 - 1)


def _name_file(value: Any) -> Any:
    if value is None or not str(value).strip():
        raise ValueError("is empty: name a .csv or .parquet file, or leave it out")
    return value


#: A file that a person names for one run.
NamedFile = Annotated[str, BeforeValidator(_name_file)]


class Group(BaseModel):
    """A group of parameters; it takes no other keys than its own."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


class DataEngineering(Splitting):
    """How the clean rows are split; the keys are those of `Splitting`."""


class Halves(Group):
    """Training and holdout rows of one split of one table.

    Attributes:
        data_sha256: Fingerprint of the raw table.
        data_method: How it was taken.
        parameters: How the rows were split.
        train_sha256: Fingerprint of the training rows.
        holdout_sha256: Fingerprint of the holdout rows.
        keys_sha256: Fingerprint of the table's row keys.
        astride: Field that tells whose a row is, if rows of one person lie on both sides.
        drawn_from: How many training rows there are, if a sample of them is trained on.
        holdout_of: How many holdout rows there are, if they lie in parts, and those here are a
            sample of them.
    """

    data_sha256: str
    data_method: str
    parameters: DataEngineering
    train_sha256: str
    holdout_sha256: str
    keys_sha256: str = ""
    astride: str | None = None
    drawn_from: int | None = Field(default=None, exclude_if=lambda rows: rows is None)
    holdout_of: int | None = Field(default=None, exclude_if=lambda rows: rows is None)

    def refuse_others(self, **tables: pd.DataFrame) -> None:
        """Check that tables are those of this split.

        Args:
            tables: Any of `train`, `holdout` and `keys`, by name.

        Raises:
            UserError: If one is not.
        """
        if any(
            fingerprint(table) != getattr(self, f"{name}_sha256") for name, table in tables.items()
        ):
            raise UserError(
                "training and holdout rows come from different raw tables or splits: an earlier "
                "run was interrupted; run the pipeline data_engineering again"
            )

    def refuse_other_folds(self, out_of_fold: pd.DataFrame) -> None:
        """Check that predictions out of fold are those of this split's training rows.

        Raises:
            UserError: If they are of others.
        """
        if set(out_of_fold.get("train_sha256", ())) != {self.train_sha256}:
            raise UserError(
                "the predictions out of fold are of other training rows: an earlier run was "
                "interrupted; run again from the node cross_validate"
            )


#: By `auto`, how often rows are folded at most, and how many of them are predicted in all repeats.
#: Of 2,000 log-normal salaries, how they are folded moves the RMSE by 0.1 % (linear regression) to
#: 1.7 % (a tree); which were drawn into the table, by 2.4 to 2.6 %.
MOST_REPEATS, REPEATED_ROWS = 5, 10_000


def _read_repeats(value: Any) -> Any:
    if value == "auto" or (type(value) is int and value >= 1):
        return value
    raise ValueError(f"must be auto, or a whole number of at least 1 (found {value!r:.60})")


class CrossValidation(Group):
    """Repeated k-fold cross-validation on the training rows.

    Attributes:
        folds: Number of folds, at least 2.
        repeats: How often the rows are shuffled and folded, at least once; `auto`: five times,
            and of many rows less often.
    """

    folds: int = Field(ge=2)
    repeats: Annotated[int | Literal["auto"], BeforeValidator(_read_repeats)]

    def repeats_of(self, rows: int) -> int:
        """How often so many training rows are folded."""
        if self.repeats != "auto":
            return self.repeats
        return min(MOST_REPEATS, max(1, REPEATED_ROWS // rows))


class IntervalSettings(Group):
    """Prediction intervals.

    Attributes:
        confidence: Share of cases that an interval should cover, between 0 and 1.
    """

    confidence: float = Field(default=0.9, gt=0, lt=1)


class GroupSettings(Group):
    """Reports by group.

    Attributes:
        min_rows: A group of fewer rows is withheld, at least 2.
    """

    min_rows: int = Field(default=5, ge=2)


class PlotSettings(Group):
    """What plots may show. It has no part in what a training gives, nor in its lineage.

    Attributes:
        public_data: Fingerprints of raw tables whose rows may be drawn one by one; of others,
            nothing is drawn that rests on few people.
    """

    public_data: tuple[Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")], ...] = ()


class DataScience(Group):
    """Which model is trained, and how.

    Attributes:
        model: Name of the estimator.
        random_state: Seed of everything random in training.
        cross_validation: How the RMSE is estimated on the training rows.
        intervals: How sure predictions should be.
        groups: What is told of groups of people.
        plots: What plots may show.
        hyperparameters: By estimator, its own settings by their scikit-learn names, null for
            none; what is not named keeps scikit-learn's default.
    """

    model: ModelName
    random_state: int = SEED
    cross_validation: CrossValidation
    intervals: IntervalSettings = IntervalSettings()
    groups: GroupSettings = GroupSettings()
    plots: PlotSettings = Field(default=PlotSettings(), exclude=True)
    hyperparameters: dict[ModelName, dict[str, Any]]

    @field_validator("hyperparameters", mode="before")
    @classmethod
    def _check_models(cls, settings: Any, known: ValidationInfo) -> Any:
        if not isinstance(settings, dict):
            return settings
        given = {
            key: {} if value is None and key in MODEL_NAMES else value
            for key, value in settings.items()
        }
        if bare := [key for key, value in given.items() if not isinstance(value, dict)]:
            model = known.data.get("model", "MODEL")
            raise ValueError(
                f"'{bare[0]}' stands beside the models: hyperparameters are by model, such as "
                f"data_science.hyperparameters.{model}.{bare[0]}"
            )
        return given


class WinningParameters(DataScience):
    """What the winner of a tournament is trained by. No lineage holds what it has of its own.

    Attributes:
        train_sha256: Fingerprint of the training rows that were searched on.
        run_id: The MLflow run that holds the search.
    """

    train_sha256: str = Field(exclude=True)
    run_id: str = Field(exclude=True)

    def refuse_other_rows(self, train: pd.DataFrame) -> None:
        """Check that training rows are those that were searched on.

        Raises:
            UserError: If they are others.
        """
        if fingerprint(train) != self.train_sha256:
            raise UserError(
                "the winner of the tournament was chosen on other training rows: an earlier "
                "tournament was interrupted; run again from the node search_models"
            )


def _all_untuned() -> dict[ModelName, Space]:
    return {name: {} for name in MODEL_NAMES}


class Tournament(Group):
    """Which models compete, and how settings are chosen for them.

    Seed, and the settings that are not chosen, are those of `data_science`.

    Attributes:
        candidates: By estimator, its settings and the values that each may take; none for one
            that is not tuned. What an environment makes null takes no part.
        trials: How many settings are tried, those of plain runs included.
        seconds: How long all fits may take, divided by the workers, an interrupted run's part
            included; None for any time.
        workers: How many processes compute; None for one a core that we may use.
        cross_validation: How trials are scored on the training rows.
    """

    candidates: Candidates = Field(default_factory=_all_untuned)
    trials: int = Field(default=60, ge=1, le=10_000)
    seconds: float | None = Field(default=None, gt=0)
    workers: int | None = Field(default=None, ge=1, le=1_000)
    cross_validation: CrossValidation = CrossValidation(folds=5, repeats=2)

    @model_validator(mode="after")
    def _check_trials(self) -> "Tournament":
        if self.trials < len(self.candidates):
            raise ValueError(
                f"trials: {self.trials} are fewer than the {len(self.candidates)} candidates, each "
                f"of which is tried as a plain run trains it: allow more, or make candidates null"
            )
        return self


class RegistryNames(Group):
    """Names in the model registry.

    Attributes:
        model_name: Name of the registered model, without `/`, `:` and `'`, which MLflow cannot
            look up.
    """

    model_name: str = Field(min_length=1, pattern=r"^[^/:']+$")


class Packaging(Group):
    """How the production model is packaged.

    Attributes:
        bento_name: Name of the Bento; lower-case letters, digits, `_`, `-` and `.`.
        keep: How many bundles, the newest, are kept whatever they are, at least 1; None
            keeps all. What is served, or would be next, is kept in any case.
    """

    bento_name: str = Field(pattern=r"^[a-z0-9]([a-z0-9._-]*[a-z0-9])?$")
    keep: int | None = Field(default=None, ge=1)


class BatchScoring(Group):
    """How files are scored.

    Attributes:
        max_rejected_share: More rejected rows than this share stop the run, 0 to 1.
        prediction_column: What scored files call the prediction; None for the target's field
            name. A column of the file that is called so gets another name.
    """

    max_rejected_share: float = Field(default=1, ge=0, le=1)
    prediction_column: str | None = Field(default=None, pattern=r"^[A-Za-z][A-Za-z0-9_]*$")

    @field_validator("prediction_column")
    @classmethod
    def _check_prediction_column(cls, name: str | None) -> str | None:
        if name in RESERVED_NAMES | RESERVED_FOR_TARGET:
            raise ValueError(
                f"'{name}' is what scored files call another column: choose another name, such as "
                f"'predicted_salary'"
            )
        return name


class Monitoring(Group):
    """How logged requests are compared with the training rows of the production version.

    Attributes:
        days: How far to go back from its last logged request; None for all that is there.
        min_rows: Fewer requests are not judged.
        min_known: Fewer rows whose salary is known are not judged.
        false_alarms: Share of reports that may tell of drift without there being any, whatever
            they compare; 0.001 and more.
        least_shift: The smallest shift of a number that matters, in standard deviations.
        least_psi: By how much PSI must exceed what chance gives to matter.
        least_rmse: By what share the RMSE must be larger than in training to matter.
        least_uncovered: What share of rows intervals must hold too few of to matter.
        challenger: Number of a version whose predictions of the same rows are compared; None for
            none.
        shadow_rows: How many rows it predicts at most, the last ones.
        beyond: Predictions that differ by more than this share are counted.
        true_salaries: Whether the file of true salaries was asked for: it must then be there.
        retrain: The command that is told where a model should be trained again.
    """

    days: int | None = Field(default=30, ge=1, le=36_500)
    min_rows: int = Field(default=100, ge=20)
    min_known: int = Field(default=20, ge=5)
    false_alarms: float = Field(default=0.01, ge=0.001, le=0.2)
    least_shift: float = Field(default=0.1, ge=0)
    least_psi: float = Field(default=0.02, ge=0)
    least_rmse: float = Field(default=0.05, ge=0)
    least_uncovered: float = Field(default=0.02, ge=0)
    challenger: int | None = Field(default=None, ge=1)
    shadow_rows: int = Field(default=10_000, ge=100)
    beyond: float = Field(default=0.1, gt=0)
    true_salaries: NamedFile | None = None
    retrain: str = "kedro run"


class Parameters(Group):
    """All parameters. The first eight are short cuts for `--params`.

    Attributes:
        model: Picked up by `data_science.model`.
        refresh: Picked up by the catalog: fetch the raw file again.
        rows_to_score: Picked up by the catalog: the file that `batch_scoring` reads;
            empty for the catalog's own, as for the next one.
        scored_rows: Picked up by the catalog: the file that it writes.
        overwrite: Picked up by the catalog: replace a file there that holds something else.
        spreadsheet_safe: Picked up by the catalog: make texts in CSV harmless to spreadsheets.
        true_salaries: Picked up by the catalog: the file that `monitoring` compares with.
        challenger: Picked up by `monitoring.challenger`.
    """

    model: Any = None
    refresh: bool = False
    rows_to_score: NamedFile = ""
    scored_rows: NamedFile = ""
    overwrite: bool = False
    spreadsheet_safe: bool = True
    true_salaries: NamedFile = ""
    challenger: Any = None
    contract: Contract
    registry: RegistryNames
    data_engineering: DataEngineering
    data_science: DataScience
    promotion: Policy
    packaging: Packaging
    tournament: Tournament = Tournament()
    batch_scoring: BatchScoring = BatchScoring()
    monitoring: Monitoring = Monitoring()
    partitions: Cluster = Cluster()


def check_parameters(parameters: dict[str, Any], contract: str = "") -> Parameters:
    """Check all parameters at once.

    Args:
        parameters: What the configuration holds.
        contract: The file of the contract, for the message.

    Raises:
        UserError: One line; names every bad key, what was found and what is allowed.
    """
    unknown = sorted(set(parameters) - set(Parameters.model_fields))
    if unknown:
        places = _places()
        close = difflib.get_close_matches(unknown[0], places, n=1)
        guess = f"did you mean '{places[close[0]]}'?" if close else "see conf/base/parameters*.yml."
        raise UserError(
            f"unknown parameter '{unknown[0]}': {guess} "
            f"Known are {', '.join(sorted(Parameters.model_fields))}"
        )
    try:
        checked = Parameters.model_validate(parameters)
    except ValidationError as error:
        told = describe_invalid(error, "parameters", Parameters, parameters)
        where = f"{contract}: contract" if contract else "parameters.contract"
        raise UserError(told.replace("parameters.contract", where)) from error
    check_split(checked.data_engineering, checked.contract)
    chosen = checked.data_science.model
    if checked.model not in (None, chosen):
        raise UserError(
            f"model={checked.model} has no effect, because data_science.model is set to "
            f"'{chosen}' without a way to override it: write "
            f"`model: ${{runtime_params:model,{chosen}}}` there"
        )
    return checked


def _places() -> dict[str, str]:
    """Where each parameter stands, by its last name; the outermost, if several bear that."""
    places = {}
    for group, field in Parameters.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            places.update({name: f"{group}.{name}" for name in kind.model_fields})
    return places | {name: name for name in Parameters.model_fields}


def parameters_hash(*groups: BaseModel) -> str:
    """Hexadecimal SHA-256 of what a model was trained by, the same for the same values.

    The order of settings within a group does not matter.
    """
    content = "\n".join(
        json.dumps(group.model_dump(mode="json"), sort_keys=True) for group in groups
    )
    return hashlib.sha256(content.encode()).hexdigest()


class TrainedBy(Group):
    """The parameters that decide what a training gives.

    Attributes:
        data_engineering: How the rows were split.
        data_science: Which model was trained on them, and how.
    """

    data_engineering: DataEngineering
    data_science: DataScience


def parameters_lineage(contract: Contract, trained_by: TrainedBy) -> dict[str, str]:
    """What a model was trained by, as its lineage holds it.

    Returns:
        `parameters`, as JSON, and `parameters_sha256`, which covers the contract too.
    """
    return {
        "parameters": json.dumps(trained_by.model_dump(mode="json"), sort_keys=True),
        "parameters_sha256": parameters_hash(
            contract, trained_by.data_engineering, trained_by.data_science
        ),
    }


def read_parameters(version: int, lineage: Lineage) -> TrainedBy:
    """Read back from its lineage what a version was trained by.

    Args:
        version: Version number, for the message.
        lineage: What the version was made from.

    Raises:
        UserError: If it is not there, or is nothing that this release can train by.
    """
    where = f"the lineage of version {version}"
    if lineage.parameters is None:
        raise UserError(
            f"{where} does not hold the parameters of its training: it was registered before "
            f"runs recorded them, so it cannot be trained again"
        )
    try:
        return TrainedBy.model_validate_json(lineage.parameters)
    except ValidationError as error:
        raise UserError(f"{where}: {describe_invalid(error, 'parameters', TrainedBy)}") from error
