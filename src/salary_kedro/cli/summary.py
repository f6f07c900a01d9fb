"""The last lines of a run: what a person wants to know."""

from collections.abc import Mapping, Sequence
from math import isnan
from typing import Any

from salary_kedro.bundle.figures import figure, percent, signed
from salary_kedro.cli.console import count, holdout_rows, labelled, no_gap, seconds, times
from salary_kedro.project.parameters import MOST_REPEATS
from salary_kedro.project.places import run_folder, run_name
from salary_kedro.promotion.verdict import Contestant
from salary_kedro.tables.left_out import NO_ROW, REPEATED, WORDS

#: What to do once requests differ from what a model was trained on.
AGAIN = "train again, once the table has such rows"
#: A model whose RMSE is less than this share of a plain baseline's has hardly learned that from
#: people: an R² of 0.9996 of the mean's variance.
TOO_GOOD_SHARE = 0.02
TOO_GOOD = (
    "the model is all but exact, as where an input holds the salary, or parts that add up to it: "
    "`kedro models show` tells which inputs count most; give such a column `use: ignore` in "
    "contract.yml, unless pay follows from a published scale"
)


def summarise(
    outputs: Mapping[str, Any], env: str | None, taken: Mapping[str, float] | None = None
) -> str:
    """Say in aligned lines what a run did.

    Args:
        outputs: What its nodes gave, by dataset name; parts of the pipeline that did
            not run are missing.
        env: The environment, if not the default one.
        taken: Seconds that each step took, by the node's name; and all of them, as `""`.

    Returns:
        Lines `label  text`, with the next commands at the end, as a terminal shows them.
    """
    lines = [
        *_rows(outputs, env),
        *_split(outputs),
        *_tournament(outputs, env),
        *_model(outputs),
        *_staged(outputs, env),
        *_verdict(outputs),
        *_caution(outputs, env),
        *_moves(outputs),
        *_package(outputs),
        *_scoring(outputs),
        *_monitoring(outputs, env),
        *_taken(taken or {}),
        *_next(outputs, env),
    ]
    return "\n".join(["", *labelled(lines)])


Lines = list[tuple[str, str]]
#: Steps that the line on times names, and those that are too short to be among them.
SLOWEST, SHORT = 3, 0.5
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
    counts = outputs.get("row_counts", {})
    total = len(outputs["salaries"]) + rejected + counts.get(REPEATED, 0)
    table = f"{run_folder(env)}/02_intermediate/rejected_rows.csv"
    where = f", see {table}" if rejected else ""
    counted = {key: rows for key, rows in counts.items() if rows}
    shown = [f"{rows:,} {ROWS[key]}" for key, rows in counted.items()]
    rows = f"{total:,} read, {rejected:,} rejected{where}"
    return [("Rows", rows), *(("", text) for text in shown)]


def _split(outputs: Mapping[str, Any]) -> Lines:
    """Of how many rows a sample stands for all; whether people stand on both sides."""
    split, texts = outputs.get("split") or {}, []
    if total := split.get("drawn_from"):
        sample = split["parameters"]["sample"]
        texts.append(f"trained on {sample:,} of {total:,} training rows, drawn by random_state")
    if (held := split.get("holdout_of") or 0) > (split.get("parameters", {}).get("sample") or held):
        sample = split["parameters"]["sample"]
        texts.append(f"examined on {sample:,} of {held:,} holdout rows, and judged by all of them")
    if (field := split.get("astride")) is not None:
        texts.append(
            f"'{field}' is not used by the split: rows with the same value lie on both sides, "
            f"which flatters RMSE and intervals"
        )
    return _under("Split", texts)


def _tournament(outputs: Mapping[str, Any], env: str | None) -> Lines:
    """What a tournament has found, and how much better that is than what needs no search."""
    if "leaderboard" not in outputs:
        return []
    board = outputs["leaderboard"].to_dict("records")
    done = (row for row in board if row["tuned"] == "no" and not isnan(row["cv_rmse_mean"]))
    best, plain = board[0], next(done, None)
    tried = f"{count(len(board), 'setting')} of {count(len({r['model'] for r in board}), 'model')}"
    text = f"{tried}; best is {best['model']}, RMSE {figure(best['cv_rmse_mean'])}"
    if plain is best:
        text += ", which no other settings beat"
    elif plain is not None:
        text += f", against {figure(plain['cv_rmse_mean'])} of {plain['model']}, the best untuned"
    where = f"{run_folder(env)}/07_model_output/leaderboard.csv"
    return [("Tournament", f"{text}, by cross-validation"), ("", f"all of them: {where}")]


def _model(outputs: Mapping[str, Any]) -> Lines:
    if not {"metrics", "registered_version"} <= outputs.keys():
        return []
    metrics, version = outputs["metrics"], outputs["registered_version"]
    rmse, mean, sd = (figure(metrics[name]) for name in ("rmse", "cv_rmse_mean", "cv_rmse_sd"))
    text = (
        f"{version['model']}, version {version['version']}: RMSE {rmse} on the holdout rows, "
        f"{mean} ± {sd} by cross-validation{_folded(outputs)}"
    )
    return [("Model", text), *_baseline(outputs, metrics), *_report(outputs)]


def _folded(outputs: Mapping[str, Any]) -> str:
    """How often the rows were folded, if that is less often than few rows are."""
    if "out_of_fold" not in outputs:
        return ""
    repeats = int(outputs["out_of_fold"]["repeat"].max()) + 1
    return f", folded {times(repeats)}" if repeats < MOST_REPEATS else ""


def _baseline(outputs: Mapping[str, Any], metrics: Mapping[str, float]) -> Lines:
    """What plain means and medians would give, if a run of today measured it."""
    if not {"baseline_mean_rmse", "baseline_median_rmse"} <= metrics.keys():
        return []
    mean, median = (figure(metrics[f"baseline_{name}_rmse"]) for name in ("mean", "median"))
    best = min(metrics["baseline_mean_rmse"], metrics["baseline_median_rmse"])
    by = ((outputs.get("report") or {}).get("baseline") or {}).get("median_by")
    kind = f"the median of each {by}" if by else "the median"
    doubt = "" if metrics["rmse"] < best else ": the model is no better"
    told = [("Baseline", f"RMSE {mean} by the mean, {median} by {kind}{doubt}")]
    return [*told, ("Warning", TOO_GOOD)] if metrics["rmse"] < TOO_GOOD_SHARE * best else told


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


def _staged(outputs: Mapping[str, Any], env: str | None) -> Lines:
    """What decides on a version where the run left that out."""
    if "registered_version" not in outputs or "verdict" in outputs:
        return []
    version = outputs["registered_version"]["version"]
    name = run_name()  # in whose folder the rows are that it decides by
    command = f"{f'SALARY_RUN={name} ' if name else ''}kedro run --pipelines promotion,packaging"
    command += _option(env)
    return [("Staged", f"nothing is decided on version {version} yet: `{command}` does")]


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


def _caution(outputs: Mapping[str, Any], env: str | None) -> Lines:
    """What to do where a version became production that has learned nothing."""
    verdict = outputs.get("verdict", {})
    if verdict.get("action") != "promote":
        return []
    if Contestant(**verdict["evidence"]["challenger"]).beats_baseline:
        return []
    text = (
        f"the version that was promoted has learned nothing: look whether `kedro contract "
        f"check{_option(env)}` tells of values that are far off, and set "
        f"promotion.require_better_than_baseline: true in parameters_promotion.yml to refuse such "
        f"versions"
    )
    return [("Warning", text)]


def _option(env: str | None) -> str:
    """What a `kedro` command must say to mean this environment."""
    return f" --env {env}" if env not in (None, "local", "base") else ""


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


def _package(outputs: Mapping[str, Any]) -> Lines:
    if not {"bundle_name", "bento_tag"} <= outputs.keys():
        return []
    return [
        ("Production", f"version {outputs['bundle_name'].partition('-')[0]}"),
        ("Bento", outputs["bento_tag"]),
        *_removed(outputs.get("removed_bundles", [])),
    ]


def _taken(taken: Mapping[str, float]) -> Lines:
    """How long all of it took, and the slowest steps."""
    if "" not in taken:
        return []
    steps = sorted(((time, name) for name, time in taken.items() if name), reverse=True)
    slow = [f"{name} {seconds(time)}" for time, name in steps[:SLOWEST] if time >= SHORT]
    return [("Took", seconds(taken[""]) + (f"; {', '.join(slow)}" if slow else ""))]


def _next(outputs: Mapping[str, Any], env: str | None) -> Lines:
    """The next commands, once something was packaged."""
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
    return [*zip(("Next", "", ""), nexts, strict=True)]


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
        *_warned(drift),
        *(line for label, told in texts.items() for line in _under(label, told)),
        ("Verdict", report["words"]),
        *([("Next", f"{report['retrain']}   {AGAIN}")] if report["retrain"] else []),
        ("Report", f"{run_folder(env)}/08_reporting/monitoring.html"),
    ]


def _asked(drift: Mapping[str, Any]) -> str:
    told = f"{count(drift['rows'], 'logged row')} of that version"
    if not drift["unusable"]:
        return told
    return f"{told}; {count(len(drift['unusable']), 'file')} of the log not used: see the report"


def _warned(drift: Mapping[str, Any]) -> Lines:
    if drift["problem"] or not drift["warned"]:
        return []
    return [("Warned", f"{percent(drift['warned'])} of them: beyond what was trained on")]


def _under(label: str, texts: Sequence[str]) -> Lines:
    """Texts under one label."""
    return list(zip((label, *[""] * len(texts)), texts, strict=False))


def _rejected(report: Mapping[str, Any]) -> str:
    rejected, total = report["rejected"], report["rejected"] + report["scored"]
    if not rejected:
        return "0 rows"
    return (
        f"{rejected:,} of {total:,} rows ({percent(rejected / total)}), which have no prediction: "
        f"{report['rejected_file']} lists each line with its reasons"
    )
