"""From logged requests to a report."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import numpy as np

from salary_kedro.bundle import Bundle
from salary_kedro.contract.encoding import Value
from salary_kedro.contract.logged import ACTUAL, HOUR, PREDICTED
from salary_kedro.contract.scoring import comparing_contract, scoring_contract, truth_contract
from salary_kedro.errors import UserError
from salary_kedro.modelling.drift import DRIFTED, Thresholds, compare
from salary_kedro.modelling.since import (
    Differences,
    Numbers,
    compare_predictions,
    score_since,
)
from salary_kedro.pipelines.batch_scoring.nodes import CHUNK_ROWS
from salary_kedro.pipelines.batch_scoring.scoring import score
from salary_kedro.pipelines.monitoring.comparing import (
    Places,
    cells_of,
    facts_of,
    name_cells,
    not_logged,
    rows_for,
    served_intervals,
    told,
)
from salary_kedro.pipelines.monitoring.page import page
from salary_kedro.pipelines.monitoring.words import overall, say_differences, say_errors
from salary_kedro.project.parameters import Monitoring
from salary_kedro.promotion.packaging import pack_version
from salary_kedro.registry.registry import Registry
from salary_kedro.tables.header import check_header
from salary_kedro.tables.reader import TableReader
from salary_kedro.tables.request_log import LoggedRequests, RequestLogReader

#: Its RMSE, and the coverage of intervals.
TESTS_BY_SOURCE = 2


def measure_errors(
    requests: RequestLogReader,
    true_salaries: TableReader,
    production: Bundle,
    parameters: Monitoring,
) -> dict[str, Any]:
    """Compare predictions with salaries that have become known, in a file or by requests.

    Args:
        requests: The log; what clients have sent is in it only if the contract asks for it.
        true_salaries: A table like the raw one, which need not be there: production predicts it.
        production: The production version.
        parameters: What is found, and how far the log goes back.

    Returns:
        Under `sources` what each of them says; `file` says why there is nothing of the file.

    Raises:
        UserError: If a file was asked for that is not there or cannot be read.
    """
    sources, missing = {}, None
    if true_salaries.path.exists() or parameters.true_salaries:
        sources[f"the salaries in {true_salaries.path.name}"] = _of_file(true_salaries, production)
    else:
        missing = f"there is no file {true_salaries.path.name} in {true_salaries.path.parent.name}"
    if (sent := _of_log(requests, production, parameters)) is not None:
        sources["the salaries that clients sent"] = sent
    # half of the false alarms are for the fields
    chance = parameters.false_alarms / 2 / max(1, len(sources) * TESTS_BY_SOURCE)
    found = [
        _told_errors(source, *pair, production, chance, parameters)
        for source, pair in sources.items()
    ]
    return {"sources": found, "file": missing}


def _of_file(table: TableReader, production: Bundle) -> tuple[Numbers, Numbers]:
    """Predictions and actual targets of a table, without the rows that break the contract."""
    both = comparing_contract(production.contract)
    inputs, truth = scoring_contract(production.contract), truth_contract(production.contract)
    advice = f"write the table as version {production.version} was trained on, its target included"
    check_header(table.header(both), both, advice)
    parts = [score(chunk, production, inputs, truth) for chunk in table.chunks(both, CHUNK_ROWS)]
    predicted = np.concatenate([part.predicted.to_numpy(np.float64) for part in parts])
    actual = np.concatenate(
        [np.empty(0) if part.actual is None else part.actual.to_numpy(np.float64) for part in parts]
    )
    known = np.isfinite(actual)
    return predicted[known], actual[known]


def _of_log(
    requests: RequestLogReader, production: Bundle, parameters: Monitoring
) -> tuple[Numbers, Numbers] | None:
    """What clients sent, with its predictions; None if that is not logged, or there is no log."""
    if not production.contract.request_log.salary:
        return None
    try:
        answers = _read(requests, production, parameters).answers
    except UserError:  # which `measure_drift` raises again, if nothing else can be compared
        return None
    if answers.empty:
        return np.empty(0), np.empty(0)
    sent = answers[answers[ACTUAL].notna()]
    return sent[PREDICTED].to_numpy(np.float64), sent[ACTUAL].to_numpy(np.float64)


def _read(requests: RequestLogReader, production: Bundle, parameters: Monitoring) -> LoggedRequests:
    names = production.model_name, production.version, production.name
    return requests.read(production.contract, *names, parameters.days)


def _told_errors(
    source: str,
    predicted: Numbers,
    actual: Numbers,
    production: Bundle,
    chance: float,
    parameters: Monitoring,
) -> dict[str, Any]:
    calibration = production.calibration
    intervals = calibration.intervals(predicted)
    if len(actual) < parameters.min_known:
        words = f"{len(actual):,} rows, fewer than {parameters.min_known:,}: no verdict"
        return {"source": source, "worse": None, "words": words, "figures": None}
    errors, rows = production.profile.errors, calibration.effective_rows
    found = score_since(predicted, actual, intervals, errors, rows)
    if found is None:
        words = "errors that are no numbers: no verdict"
        return {"source": source, "worse": None, "words": words, "figures": None}
    worse, words = say_errors(found, calibration.confidence, chance, parameters)
    figures = asdict(found)
    figures["coverage"] = None if found.coverage is None else found.coverage.model_dump()
    return {"source": source, "worse": worse, "words": words, "figures": figures}


def measure_drift(
    requests: RequestLogReader,
    production: Bundle,
    errors_since: dict[str, Any],
    parameters: Monitoring,
) -> dict[str, Any]:
    """Compare logged requests, field by field, with the training rows of production.

    Returns:
        How much was logged, and a finding for each field that is; `problem` says why there are
        none, where true salaries alone are known.

    Raises:
        UserError: If there is nothing to compare, and no true salary either.
    """
    try:
        logged = _read(requests, production, parameters)
        _check_comparable(logged, production)
    except UserError as error:
        if not errors_since["sources"]:
            raise
        return {"problem": str(error), "findings": []}
    fields = cells_of(logged, production.contract, production.profile)
    is_shared = any(item["worse"] is not None for item in errors_since["sources"])
    thresholds = Thresholds(
        false_alarms=parameters.false_alarms / (2 if is_shared else 1),
        least_shift=parameters.least_shift,
        least_psi=parameters.least_psi,
        least_rows=parameters.min_rows,
    )
    findings = [told(name, finding) for name, finding in compare(fields, thresholds).items()]
    missing = not_logged(production.contract, logged.inputs)
    return {"problem": None, **facts_of(logged), "not_logged": missing, "findings": findings}


def _check_comparable(logged: LoggedRequests, production: Bundle) -> None:
    if not production.profile.fields:
        raise UserError(
            f"version {production.version} was trained before releases recorded what its training "
            f"rows were like, or on too few of them: train it again, and promote that version"
        )
    if logged.answers.empty:
        others = ", ".join(f"{rows:,} of {name}" for name, rows in logged.others.items())
        raise UserError(
            f"the log holds no request of version {production.version}, which is production, "
            f"but {others}: wait until that version has answered"
        )


def shadow_challenger(
    requests: RequestLogReader,
    production: Bundle,
    registry: Registry,
    drift: dict[str, Any],
    parameters: Monitoring,
) -> dict[str, Any]:
    """Let a challenger predict the logged rows, and say how it differs from what was served.

    Returns:
        `challenger`, its number, None if none is named; what was found, as `words` and `figures`.

    Raises:
        UserError: If there is no such version, or the log lacks what it has to know.
    """
    number = parameters.challenger
    if number is None or drift["problem"] is not None:
        return {"challenger": number, "words": [], "figures": None}
    registry.version(number)  # or a message of its own
    challenger = Bundle.parse(*pack_version(registry, number))
    logged = _last(_read(requests, production, parameters), parameters.shadow_rows)
    if missing := not_logged(challenger.contract, logged.inputs):
        raise UserError(
            f"version {number} takes {', '.join(missing)}, which the log does not hold: name "
            f"another challenger, or log these fields (request_log in the contract)"
        )
    rows, kept = rows_for(challenger.contract, logged.inputs)
    if len(rows) < parameters.min_rows:
        few = f"{len(rows):,} rows for version {number}, fewer than {parameters.min_rows:,}"
        return {"challenger": number, "words": [few], "figures": None}
    found = _differences(logged, (production, challenger), (rows, kept), parameters.beyond)
    same = [f"version {number} is production itself"] if number == production.version else []
    words = [*same, *say_differences(number, found, parameters.beyond)]
    refused = len(logged.answers) - len(kept)
    words += [f"{refused:,} rows break its contract"] if refused else []
    return {"challenger": number, "words": words, "figures": asdict(found)}


def _differences(
    logged: LoggedRequests,
    bundles: tuple[Bundle, Bundle],
    taken: tuple[list[list[Value]], Places],
    beyond: float,
) -> Differences:
    """How a challenger's predictions of the rows that it takes, and their places, differ."""
    (production, challenger), (rows, kept) = bundles, taken
    answers, predicted = logged.answers.iloc[kept], challenger.predict(rows)
    cells = name_cells(logged, production.contract, production.profile)
    return compare_predictions(
        answers[PREDICTED].to_numpy(np.float64),
        predicted,
        (
            served_intervals(answers, production.calibration.confidence),
            challenger.calibration.intervals(predicted),
        ),
        {name: names[kept] for name, names in cells.items()},
        beyond,
    )


def _last(logged: LoggedRequests, rows: int) -> LoggedRequests:
    """The rows that were logged last, as far as the hour tells."""
    return logged.at(logged.answers.sort_values(HOUR, kind="stable").index[-rows:])


def report_monitoring(
    production: Bundle,
    drift: dict[str, Any],
    errors_since: dict[str, Any],
    shadow: dict[str, Any],
    parameters: Monitoring,
) -> tuple[dict[str, Any], str]:
    """Put what was found together, with a verdict on all of it.

    Returns:
        The report as plain JSON, and as a page of HTML.
    """
    findings = drift["findings"]
    drifted = [item["field"] for item in findings if item["verdict"] in DRIFTED]
    worse = [
        f"by {item['source']}, the model is worse than in training"
        for item in errors_since["sources"]
        if item["worse"]
    ]
    unjudged = [item["field"] for item in findings if item["verdict"] == "unknown"]
    judged = len(findings) - len(unjudged)
    judged += sum(item["worse"] is not None for item in errors_since["sources"])
    verdict, words = overall(drifted, worse, judged, unjudged, parameters.min_rows)
    report = {
        "model_name": production.model_name,
        "model_version": production.version,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "verdict": verdict,
        "words": words,
        "retrain": parameters.retrain if verdict == "drift" else None,
        "drift": drift,
        "errors": errors_since,
        "shadow": shadow,
    }
    return report, page(report)
