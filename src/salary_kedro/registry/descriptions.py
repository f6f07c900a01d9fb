"""What MLflow's pages say of runs and versions: names, and descriptions in Markdown."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote, urlencode

from salary_kedro.bundle.figures import amount, percent

#: Tags by which MLflow names a run, and describes it.
RUN_NAME, NOTE = "mlflow.runName", "mlflow.note.content"
#: Where a run keeps its plots and its model card.
PLOTS, CARD, CARD_JSON = "plots/", "model_card.html", "model_card.json"
#: File of the run that holds the trials of the tournament that the version has won.
LEADERBOARD = "leaderboard.csv"
#: Characters of a description: PostgreSQL holds 5,000 of a version's.
MOST = 4_500
#: Metrics that are told, in this order, and how; shares are told as percentages.
AMOUNTS = {
    "rmse": "RMSE",
    "mae": "Mean absolute error",
    "median_absolute_error": "Median absolute error",
    "cv_rmse_mean": "RMSE by cross-validation",
    "tournament_rmse": "RMSE in its tournament",
    "tournament_untuned_rmse": "RMSE of the best there that was not tuned",
    "baseline_mean_rmse": "RMSE of the plain mean",
    "baseline_median_rmse": "RMSE of the plain median",
    "interval_mean_width": "Mean width of intervals",
}
SHARES = {"mape": "Mean absolute error, relative", "interval_coverage": "Rows within intervals"}
COUNTS = {"rows_train": "Training rows", "rows_holdout": "Holdout rows"}
TRIALS = "tournament_trials"
#: What Markdown and tables take for marks of their own.
_MARKS = re.compile(r"([\\`*_\[\]<>|#])")


@dataclass(frozen=True)
class Told:
    """What is told of a version and of the run that trained it.

    Attributes:
        registered: Name of the registered model.
        number: The version; None before it is registered.
        model: Name of the estimator, `random_forest`; None if it is not known.
        run_id: The run.
        experiment_id: Its experiment.
        reason: The verdict, or why the version is there, in a sentence; None while there is none.
        metrics: Metrics of the run.
        data: Fingerprint of the raw table; None if it is not known.
        files: Paths of the run's plots and of its model card, as far as it has them.
    """

    registered: str
    number: int | None
    model: str | None
    run_id: str
    experiment_id: str
    reason: str | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    data: str | None = None
    files: Sequence[str] = ()


def run_name(model: str | None, rmse: float, number: int) -> str:
    """For example `random_forest · RMSE 5,182 · version 3`."""
    return f"{model or 'model'} · RMSE {amount(rmse)} · version {number}"


def describe_run(told: Told) -> str:
    """The verdict, a table of the metrics, and the plots."""
    version = f"#/models/{quote(told.registered, safe='')}/versions/{told.number}"
    links = [f"[Version {told.number}]({version})"]
    plots = [
        f"![{_title(path)}]({_artifact(told.run_id, path)})"
        for path in told.files
        if path.startswith(PLOTS)
    ]
    return _joined([_said(told), _table(told.metrics), _links([*_pages(told), *links]), *plots])


def describe_version(told: Told) -> str:
    """The verdict, what the version was made from, and where to read on."""
    metrics = {name: told.metrics[name] for name in ("rmse", "mae") if name in told.metrics}
    trials = told.metrics.get(TRIALS)
    facts = [
        f"Model `{told.model}`" if told.model else "",
        f"best of {trials:,.0f} trials of a tournament" if trials else "",
        f"data `{told.data[:12]}`" if told.data else "",
        f"run [{told.run_id[:8]}]({_run_page(told)})",
    ]
    links = [*_pages(told), *([f"`kedro models show {told.number}`"] if told.number else [])]
    made = ", ".join(filter(None, facts))
    return _joined([_said(told), _table(metrics), f"{made}.", _links(links)])


def describe_model(history: str) -> str:
    """What the alias and the tags mean, and where the reasons are.

    Args:
        history: Number of the experiment that keeps its history.
    """
    where = f"#/experiments/{history}?workflowType=machine_learning"
    return (
        f"The alias **production** names the version that is served. Each version is tagged "
        f"*staging*, *production* or *archived*, with its RMSE on rows it had not seen. Why each "
        f"is where it is: its description, and `kedro models history` "
        f"([where that is kept]({where}))."
    )


def _said(told: Told) -> str:
    if told.reason is None:
        return "No verdict yet: this version was registered, and has not met production."
    text = _MARKS.sub(r"\\\1", told.reason)
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith('.') else '.'}"


def _table(metrics: Mapping[str, float]) -> str:
    told = {
        **{label: amount(metrics[name]) for name, label in AMOUNTS.items() if name in metrics},
        **{label: percent(metrics[name]) for name, label in SHARES.items() if name in metrics},
        **{label: f"{metrics[name]:,.0f}" for name, label in COUNTS.items() if name in metrics},
    }
    if not told:
        return ""
    rows = [f"| {label} | {text} |" for label, text in told.items()]
    return "\n".join(["| Metric | Value |", "| --- | ---: |", *rows])


def _pages(told: Told) -> list[str]:
    shown = {CARD: "Model card", LEADERBOARD: "Leaderboard"}
    return [
        f"[{title}]({_run_page(told)}/artifacts/{name})"
        for name, title in shown.items()
        if name in told.files
    ]


def _run_page(told: Told) -> str:
    return f"#/experiments/{told.experiment_id}/runs/{told.run_id}"


def _artifact(run_id: str, path: str) -> str:
    """Where MLflow's server gives a file of a run, beside its pages."""
    return f"get-artifact?{urlencode({'path': path, 'run_uuid': run_id})}"


def _title(path: str) -> str:
    return path.removeprefix(PLOTS).rpartition(".")[0].replace("_", " ")


def _links(links: Sequence[str]) -> str:
    return " · ".join(links)


def _joined(parts: Sequence[str]) -> str:
    """As many parts, whole, as a description holds."""
    text = ""
    for part in filter(None, parts):
        longer = f"{text}\n\n{part}" if text else part[:MOST]
        if len(longer) > MOST:
            break
        text = longer
    return text
