"""The last lines of a run: what a person wants to know."""

from collections.abc import Mapping, Sequence
from typing import Any

from salary_kedro.cli.console import count, holdout_rows, no_gap, printable
from salary_kedro.project.places import run_folder
from salary_kedro.promotion.verdict import figure, signed
from salary_kedro.tables.left_out import NO_ROW, WORDS


def summarise(outputs: Mapping[str, Any], env: str | None) -> str:
    """Say in aligned lines what a run did.

    Args:
        outputs: What its nodes gave, by dataset name; parts of the pipeline that did
            not run are missing.
        env: The environment, if not the default one.

    Returns:
        Lines `label  text`, with the next commands at the end.
    """
    lines = [
        *_rows(outputs, env),
        *_split(outputs),
        *_model(outputs),
        *_verdict(outputs),
        *_moves(outputs),
        *_package(outputs, env),
        *_scoring(outputs),
        *_monitoring(outputs, env),
    ]
    width = max((len(label) for label, _ in lines), default=0)
    return "\n".join(["", *(f"{label:<{width}}  {printable(text)}" for label, text in lines)])


Lines = list[tuple[str, str]]
#: What counts of rows mean that are not rejected.
ROWS = {
    "repeats": "repeat an earlier row in every column",
    "top_coded": "are cut off at the top code, which the model takes for their salary",
    **WORDS,
}


def _rows(outputs: Mapping[str, Any], env: str | None) -> Lines:
    if not {"salaries", "rejected_rows"} <= outputs.keys():
        return []
    rejected = len(outputs["rejected_rows"])
    total = len(outputs["salaries"]) + rejected
    table = f"{run_folder(env)}/02_intermediate/rejected_rows.csv"
    where = f", see {table}" if rejected else ""
    counted = {key: rows for key, rows in outputs.get("row_counts", {}).items() if rows}
    shown = [f"{rows:,} {ROWS[key]}" for key, rows in counted.items()]
    rows = f"{total:,} read, {rejected:,} rejected{where}"
    return [("Rows", rows), *(("", text) for text in shown)]


def _split(outputs: Mapping[str, Any]) -> Lines:
    """Whether people stand on both sides, though a field names them."""
    field = (outputs.get("split") or {}).get("astride")
    if field is None:
        return []
    text = (
        f"'{field}' is not used by the split: rows with the same value lie on both sides, which "
        f"flatters RMSE and intervals"
    )
    return [("Split", text)]


def _model(outputs: Mapping[str, Any]) -> Lines:
    if not {"metrics", "registered_version"} <= outputs.keys():
        return []
    metrics, version = outputs["metrics"], outputs["registered_version"]
    rmse, mean, sd = (figure(metrics[name]) for name in ("rmse", "cv_rmse_mean", "cv_rmse_sd"))
    text = (
        f"{version['model']}, version {version['version']}: RMSE {rmse} on the holdout rows, "
        f"{mean} ± {sd} by cross-validation"
    )
    return [("Model", text), *_baseline(outputs, metrics), *_report(outputs)]


def _baseline(outputs: Mapping[str, Any], metrics: Mapping[str, float]) -> Lines:
    """What plain means and medians would give, if a run of today measured it."""
    if not {"baseline_mean_rmse", "baseline_median_rmse"} <= metrics.keys():
        return []
    mean, median = (figure(metrics[f"baseline_{name}_rmse"]) for name in ("mean", "median"))
    is_better = metrics["rmse"] < min(
        metrics["baseline_mean_rmse"], metrics["baseline_median_rmse"]
    )
    by = ((outputs.get("report") or {}).get("baseline") or {}).get("median_by")
    kind = f"the median of each {by}" if by else "the median"
    doubt = "" if is_better else ": the model is no better"
    return [("Baseline", f"RMSE {mean} by the mean, {median} by {kind}{doubt}")]


def _report(outputs: Mapping[str, Any]) -> Lines:
    """How sure the model is, and whom it says to be paid apart the most."""
    if not {"calibration", "report"} <= outputs.keys():
        return []
    report, reason = outputs["report"], outputs["calibration"]["reason"]
    text = _intervals(report["intervals"]) if report["intervals"] else f"none: {reason}"
    gaps = [_gap(column) for column in (report["groups"] or {"columns": []})["columns"]]
    return [("Intervals", text), *_under("Pay gap", gaps)]


def _intervals(scores: Mapping[str, Any]) -> str:
    found = scores["coverage"]
    share, low, high = (100 * found[end] for end in ("share", "low", "high"))
    wanted = 100 * scores["confidence"]
    by_chance = "within chance" if low <= wanted <= high else "beyond chance"
    return (
        f"of {wanted:g} % hold {share:.1f} % of {holdout_rows(found)}, {by_chance} "
        f"({low:.1f} to {high:.1f} %); {figure(scores['mean_width'])} wide on average"
    )


def _gap(column: Mapping[str, Any]) -> str:
    """The largest gap between the groups of a column, or why there is none."""
    if why := no_gap(column):
        return f"{column['column']}: none is known, for {why}"
    told = [group for group in column["groups"] if group["gap"] is not None]
    group = max(told, key=lambda group: abs(group["gap"]))
    less = "less" if group["gap"] < 0 else "more"
    ends = " to ".join(signed(group[end]) for end in ("gap_low", "gap_high"))
    chance = ", within chance" if group["gap_low"] <= 0 <= group["gap_high"] else ""
    return (
        f"{column['column']}: {group['group']} earn {figure(abs(group['gap']))} {less} "
        f"than {column['reference']} with the same inputs, interval {ends}{chance}"
    )


def _verdict(outputs: Mapping[str, Any]) -> Lines:
    if "verdict" not in outputs:
        return []
    verdict = outputs["verdict"]
    evidence, lines = verdict["evidence"], [("Verdict", verdict["reason"])]
    champion = evidence["champion"]
    if champion is not None:
        told = _champion(champion, evidence["challenger"])
        if evidence.get("rests_on") == "unseen":
            told += f"; {figure(champion['unseen_rmse'])} on those that neither has seen"
        lines.insert(0, ("Champion", told))
    return lines


def _champion(champion: Mapping[str, Any], challenger: Mapping[str, Any]) -> str:
    rmse = "unknown" if champion["rmse"] is None else figure(champion["rmse"])
    text = f"version {champion['version']}: RMSE {rmse}"
    stored, data = champion["stored_rmse"], champion["data_sha256"]
    is_comparable = data is not None and champion["data_method"] == challenger["data_method"]
    if stored is None or not is_comparable or data == challenger["data_sha256"]:
        return text
    return f"{text} on today's rows, {figure(stored)} at its training on other data"


def _moves(outputs: Mapping[str, Any]) -> Lines:
    """Every move of the alias, unless the verdict tells of the only one."""
    moves = outputs.get("production_moves", [])
    verdict = outputs.get("verdict")
    if verdict is not None and [move["why"] for move in moves] == [verdict["reason"]]:
        return []
    texts = [
        f"production from {_named(move['from'])} to {_named(move['to'])}: {move['why']}"
        for move in moves
    ]
    return _under("Moved", texts)


def _named(version: int | None) -> str:
    return "none" if version is None else f"version {version}"


def _package(outputs: Mapping[str, Any], env: str | None) -> Lines:
    if not {"bundle_name", "bento_tag"} <= outputs.keys():
        return []
    make_env = f" ENV={env}" if env not in (None, "local", "base") else ""
    steps = {
        f"make serve{make_env}": "answer requests on http://127.0.0.1:3000",
        "make app": "open a web page to try the model",
        f"make ui{make_env}": "look at runs and versions in MLflow",
    }
    width = max(map(len, steps)) + 3
    nexts = [f"{command:<{width}}{what}" for command, what in steps.items()]
    return [
        ("Production", f"version {outputs['bundle_name'].partition('-')[0]}"),
        ("Bento", outputs["bento_tag"]),
        *_removed(outputs.get("removed_bundles", [])),
        *zip(("Next", "", ""), nexts, strict=True),
    ]


def _removed(names: Sequence[str]) -> Lines:
    if not names:
        return []
    shown = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
    return [
        (
            "Removed",
            f"{count(len(names), 'bundle')} beyond packaging.keep, with the Bento of each: {shown}",
        )
    ]


def _scoring(outputs: Mapping[str, Any]) -> Lines:
    if "scoring_report" not in outputs:
        return []
    report = outputs["scoring_report"]
    given = f"; {report['given']} is what the file had" if report["given"] else ""
    return [
        ("Production", f"version {report['model_version']}"),
        ("Scored", f"{count(report['scored'], 'row')}, {report['warned']:,} with warnings"),
        ("File", report["scored_file"]),
        ("Prediction", f"column {report['predicted']}{given}"),
        ("Rejected", _rejected(report)),
        *([("", f"{report['left_out']:,} {WORDS[NO_ROW]}")] if report["left_out"] else []),
    ]


def _monitoring(outputs: Mapping[str, Any], env: str | None) -> Lines:
    if "monitoring_report" not in outputs:
        return []
    report = outputs["monitoring_report"]
    drift, shadow = report["drift"], report["shadow"]
    asked = drift["problem"] or _asked(drift)
    found = [item["words"] for item in drift["findings"]]
    known = [f"by {item['source']}: {item['words']}" for item in report["errors"]["sources"]]
    texts = {"Drift": found, "Since": known, "Shadow": shadow["words"]}
    return [
        ("Production", f"version {report['model_version']}"),
        ("Requests", asked),
        *(line for label, told in texts.items() for line in _under(label, told)),
        ("Verdict", report["words"]),
        *([("Next", f"{report['retrain']}   train again")] if report["retrain"] else []),
        ("Report", f"{run_folder(env)}/08_reporting/monitoring.html"),
    ]


def _asked(drift: Mapping[str, Any]) -> str:
    told = f"{count(drift['rows'], 'logged row')} of that version"
    if not drift["unusable"]:
        return told
    return f"{told}; {count(len(drift['unusable']), 'file')} of the log not used: see the report"


def _under(label: str, texts: Sequence[str]) -> Lines:
    """Texts under one label."""
    return list(zip((label, *[""] * len(texts)), texts, strict=False))


def _rejected(report: Mapping[str, Any]) -> str:
    rejected, total = report["rejected"], report["rejected"] + report["scored"]
    if not rejected:
        return "0 rows"
    return (
        f"{rejected:,} of {total:,} rows ({rejected / total:.1%}), which have no prediction: "
        f"{report['rejected_file']} lists each line with its reasons"
    )
