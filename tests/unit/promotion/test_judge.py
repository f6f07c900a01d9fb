"""The judge: same rows, each version by its own model and contract, and no guess when in doubt."""

import math
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import skops.io
from mlflow import MlflowClient

from salary_kedro.bundle import BundleStore
from salary_kedro.bundle.calibration import Calibration
from salary_kedro.bundle.report import ColumnScores, GroupReport, GroupScores, Report
from salary_kedro.contract import Contract
from salary_kedro.errors import UserError
from salary_kedro.modelling.estimators import build_pipeline
from salary_kedro.modelling.evaluation import features_and_target
from salary_kedro.promotion.by_hand import promote_by_hand, roll_back
from salary_kedro.promotion.judge import MAX_ERROR, Judge, UnscorableError
from salary_kedro.promotion.logged import read_contract
from salary_kedro.promotion.packaging import export_production
from salary_kedro.promotion.verdict import Contestant, Evidence, Gap, Interval, Policy
from salary_kedro.registry.registry import Registry
from salary_kedro.registry.stages import Stage, Version
from salary_kedro.tables.trained_rows import RowPrints
from samples import column, constant, contract_of, default_contract, straight_line
from stores import (
    HOLDOUT,
    Models,
    alias,
    all_of_it,
    contest,
    log,
    own_registry,
    register,
)

pytestmark = pytest.mark.slow  # whole decisions, in a store of MLflow

LENIENT = Policy(replace_unreadable_champion=True)
UNSCORABLE = "version 1 cannot score today's holdout rows: "
WAY_OUT = (
    "; nothing is promoted or archived. Restore its model, go back with `kedro models rollback "
    "--reason TEXT`, or let a new version replace it with "
    "--params promotion.replace_unreadable_champion=true"
)


@pytest.fixture
def registry(store: str) -> Registry:
    """The registry of an empty store."""
    return own_registry()


@pytest.fixture
def fragile(registry: Registry, contract: Contract) -> Registry:
    """Version 1, in production, has RMSE 5 and files of its own."""
    contest(register(log(constant(105), contract, 5.0)).number)
    return registry


def spoil(registry: Registry) -> None:
    """Damage the model file of version 1."""
    (registry.model_folder(1) / "model.skops").write_bytes(b"garbage")


def refused(number: int, holdout: pd.DataFrame = HOLDOUT, policy: Policy | None = None) -> str:
    """What is said when nothing is decided; nothing may be written."""
    before = all_of_it()
    with pytest.raises(UserError) as caught:
        contest(number, policy or Policy(), holdout)
    assert all_of_it() == before
    return str(caught.value)


def test_judge_when_the_champion_takes_a_field_that_is_gone_then_says_so_and_the_way_out(
    settled: Registry,
) -> None:
    renamed = HOLDOUT.rename(columns={HOLDOUT.columns[0]: "other"})

    with pytest.raises(UserError) as caught:
        Judge(settled, renamed, Policy()).judge(settled.version(2), settled.version(1))

    assert str(caught.value) == (
        f"{UNSCORABLE}it takes '{HOLDOUT.columns[0]}', which the contract no longer has under that "
        f"name; nothing is promoted or archived. Let a new version replace it, without a "
        f"comparison, with --params promotion.replace_unreadable_champion=true"
    )


# --- Coverage of the intervals --------------------------------------------------------


@pytest.mark.parametrize(("width", "expected"), [(4, 0.0), (5, 1.0)])
def test_judge_when_a_coverage_is_required_then_counts_rows_within_the_versions_intervals(
    registry: Registry, contract: Contract, width: float, expected: float
) -> None:
    sure = Calibration(
        reason="", knots=(0,), shifts=(0,), spreads=(1,), levels=(0.9,), widths=(width,)
    )
    version = register(log(constant(105), contract, 5.0, calibration=sure))

    found = Judge(registry, HOLDOUT, Policy(min_coverage=0.1)).judge(version, None).evidence

    assert found.coverage is not None
    assert (found.coverage.rows, found.coverage.share) == (2, expected)


def test_judge_when_the_version_was_trained_on_rows_then_its_coverage_is_that_of_the_others(
    registry: Registry, contract: Contract, monkeypatch: pytest.MonkeyPatch
) -> None:
    sure = Calibration(reason="", knots=(0,), shifts=(0,), spreads=(1,), levels=(0.9,), widths=(4,))
    version = register(log(constant(100), contract, 5.0, calibration=sure))
    holdout = HOLDOUT.assign(salary=[100.0, 200.0])
    keys = pd.DataFrame({"key": np.array([5, 9], dtype=np.uint64)})
    both = RowPrints.of(holdout, keys, contract, b"secret")
    first = RowPrints.of(holdout[:1], keys, contract, b"secret")
    monkeypatch.setattr(Registry, "run_file", lambda *_: first.to_bytes())

    judge = Judge(registry, holdout, Policy(min_coverage=0.1), prints=both)

    found = judge.judge(version, None).evidence.coverage
    assert found is not None
    assert (found.rows, found.share) == (1, 0.0)


def test_judge_when_rows_are_one_persons_then_its_coverage_counts_them_as_one(
    registry: Registry, contract: Contract
) -> None:
    sure = Calibration(reason="", knots=(0,), shifts=(0,), spreads=(1,), levels=(0.9,), widths=(5,))
    version = register(log(constant(105), contract, 5.0, calibration=sure))
    judge = Judge(registry, HOLDOUT, Policy(min_coverage=0.1), clusters=np.array([0, 0]))

    found = judge.judge(version, None).evidence.coverage

    assert found is not None
    assert (found.rows, found.effective_rows) == (2, 1)


def overlapping(
    settled: Registry, contract: Contract, monkeypatch: pytest.MonkeyPatch, min_unseen_rows: int
) -> Evidence:
    """Of versions that predict 105 and 103, both trained on the first of three weighted rows."""
    holdout = pd.concat([HOLDOUT, HOLDOUT[:1]], ignore_index=True).assign(salary=[0.0, 100, 110])
    keys = pd.DataFrame({"key": np.array([5, 9, 7], dtype=np.uint64)})
    rows, first = (RowPrints.of(part, keys, contract, b"secret") for part in (holdout, holdout[:1]))
    monkeypatch.setattr(Registry, "run_file", lambda *_: first.to_bytes())
    policy = Policy(min_unseen_rows=min_unseen_rows)
    judge = Judge(settled, holdout, policy, np.array([1.0, 3.0, 1.0]), rows)
    return judge.judge(settled.version(2), settled.version(1)).evidence


@pytest.mark.parametrize(("trained_by", "known"), [("person", True), (None, False)])
def test_judge_when_rows_are_split_by_person_then_rows_of_persons_it_has_met_are_seen(
    trained_by: str | None,
    known: bool,
    settled: Registry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    named = contract_of(column("experience_years"), column("person", use="split"))
    holdout = pd.concat([HOLDOUT, HOLDOUT], ignore_index=True).assign(person=[1.0, 2, 1, 3])
    keys = pd.DataFrame({"key": np.arange(4, dtype=np.uint64)})
    today = RowPrints.of(holdout, keys, named, b"secret", "person")
    first = RowPrints.of(holdout[:1], keys, named, b"secret", trained_by)
    monkeypatch.setattr(Registry, "run_file", lambda *_: first.to_bytes())

    judge = Judge(settled, holdout, Policy(), prints=today, split="group")

    found = judge.judge(settled.version(2), settled.version(1)).evidence
    assert (found.group, found.group_unknown) == ("person", () if known else (1, 2))
    assert found.unseen_rows == (2 if known else 3)


@pytest.mark.parametrize(("least", "rests_on"), [(2, "unseen"), (3, "all")])
def test_judge_when_just_enough_rows_are_unseen_then_it_rests_on_these_by_their_weights(
    least: int,
    rests_on: str,
    settled: Registry,
    contract: Contract,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = overlapping(settled, contract, monkeypatch, least)

    assert (found.rests_on, found.unseen_rows, found.challenger.seen_rows) == (rests_on, 2, 1)
    # Errors of 103 are 3 and -7 of weights 3 and 1, and of 105 are 5 and -5.
    assert found.challenger.unseen_rmse == pytest.approx(math.sqrt((3 * 9 + 49) / 4))
    assert found.champion is not None
    assert found.champion.unseen_rmse == pytest.approx(5)


def test_judge_when_a_coverage_is_required_of_a_version_without_intervals_then_archives_it(
    registry: Registry, models: Models
) -> None:
    version = register(models[5])

    verdict = Judge(registry, HOLDOUT, Policy(min_coverage=0.1)).judge(version, None)

    assert (verdict.action, verdict.evidence.coverage) == ("archive", None)


# --- Gaps between groups --------------------------------------------------------------


def report(*gaps: tuple[float, float, float]) -> Report:
    """A report in which groups `0`, `1` … are compared with another."""
    errors = {"rows": 9, "mean_residual": 0, "low": 0, "high": 0, "rmse": 0, "mae": 0}
    groups = tuple(
        GroupScores(group=str(place), gap_low=low, gap=gap, gap_high=high, **errors)
        for place, (low, gap, high) in enumerate(gaps)
    )
    column = ColumnScores(column="sex", withheld=0, reference="other", groups=groups)
    return Report(groups=GroupReport(rows=9, min_rows=5, confidence=0.95, columns=(column,)))


def test_judge_when_gaps_are_limited_then_shows_the_one_that_is_largest_beyond_chance(
    registry: Registry, contract: Contract
) -> None:
    found = report((-9, 0, 9), (-8, -5, -2), (1, 6, 11))
    version = register(log(constant(105), contract, 5.0, report=found))

    verdict = Judge(registry, HOLDOUT, Policy(max_group_gap=1)).judge(version, None)

    assert verdict.action == "archive"
    assert verdict.evidence.largest_gap == Gap(
        column="sex", group="1", reference="other", gap=-5, low=-8, high=-2, confidence=0.95
    )


@pytest.mark.parametrize("found", [Report(), report()])
def test_judge_when_gaps_are_limited_and_none_is_known_then_archives(
    found: Report, registry: Registry, contract: Contract
) -> None:
    version = register(log(constant(105), contract, 5.0, report=found))

    verdict = Judge(registry, HOLDOUT, Policy(max_group_gap=1)).judge(version, None)

    assert (verdict.action, verdict.evidence.largest_gap) == ("archive", None)


@pytest.mark.parametrize(
    ("policy", "file"),
    [
        (Policy(min_coverage=0.5), "calibration.json"),
        (Policy(max_group_gap=1), "report.json"),
    ],
)
def test_judge_when_what_a_gate_asks_for_cannot_be_read_then_that_version_cannot_be_judged(
    policy: Policy, file: str, registry: Registry, contract: Contract
) -> None:
    version = register(
        log(constant(105), contract, 5.0, calibration=Calibration(), report=Report())
    )
    (registry.model_folder(1) / "extra_files" / file).write_bytes(b"[")

    with pytest.raises(UnscorableError, match=f"version 1 cannot be judged: .*{file}"):
        Judge(registry, HOLDOUT, policy).judge(version, None)


# --- The evidence ---------------------------------------------------------------------


def test_judge_when_both_are_scored_then_the_evidence_is_of_the_same_rows(
    settled: Registry,
) -> None:
    verdict = Judge(settled, HOLDOUT, Policy()).judge(settled.version(2), settled.version(1))

    assert verdict.evidence == Evidence(
        challenger=Contestant(version=2, rmse=3.0, stored_rmse=3.0),
        champion=Contestant(version=1, rmse=5.0, stored_rmse=5.0),
        holdout_rows=2,
        gain=Interval(low=2.0, high=2.0, confidence=0.95),
    )


def test_judge_when_scores_were_stored_then_shows_them_beside_todays(
    registry: Registry, models: Models
) -> None:
    old, new = register(models[5], 0.25), register(models[3], 999.0)

    evidence = Judge(registry, HOLDOUT, Policy()).judge(new, old).evidence

    assert evidence.challenger == Contestant(version=2, rmse=3.0, stored_rmse=999.0)
    assert evidence.champion == Contestant(version=1, rmse=5.0, stored_rmse=0.25)


def test_judge_when_the_run_tells_of_its_data_then_shows_its_fingerprint(
    registry: Registry, models: Models
) -> None:
    version = register(models[5])
    MlflowClient().set_tag(version.run_id, "data_sha256", "d")
    MlflowClient().set_tag(version.run_id, "data_method", "table-1")

    evidence = Judge(registry, HOLDOUT, Policy()).judge(version, None).evidence

    challenger = evidence.challenger
    assert (challenger.data_sha256, challenger.data_method) == ("d", "table-1")
    assert evidence.champion is None


def test_judge_when_confidence_is_required_then_the_interval_is_of_that(settled: Registry) -> None:
    judge = Judge(settled, HOLDOUT, Policy(required_confidence=0.8))

    gain = judge.judge(settled.version(2), settled.version(1)).evidence.gain

    assert gain is not None
    assert gain.confidence == 0.8


def test_judge_when_rows_are_one_persons_then_there_is_no_interval(settled: Registry) -> None:
    judge = Judge(settled, HOLDOUT, Policy(), clusters=np.array([0, 0]))

    assert judge.judge(settled.version(2), settled.version(1)).evidence.gain is None


def test_judge_when_there_is_one_row_then_there_is_no_interval(settled: Registry) -> None:
    judge = Judge(settled, HOLDOUT[:1], Policy())

    assert judge.judge(settled.version(2), settled.version(1)).evidence.gain is None


@pytest.mark.parametrize("rmse", [math.nan, math.inf])
def test_judge_when_the_recorded_rmse_is_not_finite_then_does_not_score_the_version(
    rmse: float, registry: Registry, models: Models
) -> None:
    verdict = Judge(registry, HOLDOUT, Policy()).judge(register(models[5], rmse), None)

    assert verdict.reason == f"version 1 is not promoted: its RMSE is {rmse}, not a finite number"
    assert verdict.evidence.challenger.stored_rmse is None


def test_judge_when_the_stage_tag_holds_no_number_then_says_so(registry: Registry) -> None:
    version = Version(number=2, stages={Stage.STAGING: "low"}, run_id="r")

    with pytest.raises(UnscorableError, match=r"^version 2: its stage tag holds 'low', not an RM"):
        Judge(registry, HOLDOUT, Policy()).judge(version, None)


def test_judge_when_champions_recorded_rmse_is_not_finite_then_is_scored_all_the_same(
    registry: Registry, models: Models
) -> None:
    promote_by_hand(registry, register(models[5], math.nan).number, "so")

    verdict = contest(register(models[7]).number)

    assert "RMSE 7.0 against 5.0; a loss of 2.0 " in verdict.reason


def test_errors_when_a_version_is_scored_then_are_actual_minus_predicted(
    settled: Registry,
) -> None:
    judge = Judge(settled, HOLDOUT, Policy())

    assert judge.errors(1).tolist() == [-5.0, -5.0]


def test_errors_when_asked_again_then_are_not_worked_out_again(fragile: Registry) -> None:
    judge = Judge(fragile, HOLDOUT, Policy())
    first = judge.errors(1)
    spoil(fragile)

    assert judge.errors(1) is first


def test_error_table_when_a_version_was_not_scored_then_lacks_its_column(
    registry: Registry, models: Models
) -> None:
    judge = Judge(registry, HOLDOUT, Policy())
    verdict = judge.judge(register(models[5]), None)

    assert judge.error_table(verdict) == "row,error_version_1\n0,-5.0\n1,-5.0\n"


def test_read_contract_when_a_model_was_logged_then_is_the_one_it_was_trained_by(
    registry: Registry, models: Models
) -> None:
    register(models[5])

    assert read_contract(registry.model_folder(1)) == default_contract()


# --- A champion that cannot be scored ---------------------------------------------------


def test_contest_when_the_champions_model_file_is_damaged_then_is_an_error_with_ways_out(
    fragile: Registry, models: Models
) -> None:
    spoil(fragile)

    assert refused(register(models[3]).number) == (
        f"{UNSCORABLE}the model file cannot be loaded: File is not a zip file{WAY_OUT}"
    )


def test_contest_when_the_champions_model_file_is_gone_then_is_an_error(
    fragile: Registry, models: Models
) -> None:
    (fragile.model_folder(1) / "model.skops").unlink()

    assert refused(register(models[3]).number).startswith(
        f"{UNSCORABLE}the model file cannot be loaded: [Errno 2] No such file or directory: "
    )


def test_contest_when_the_champions_folder_is_gone_then_is_an_error(
    fragile: Registry, models: Models
) -> None:
    shutil.rmtree(fragile.model_folder(1))

    assert refused(register(models[3]).number).startswith(UNSCORABLE)


@pytest.mark.parametrize("content", [None, "{", "{}"])
def test_contest_when_the_champions_contract_is_gone_or_damaged_then_is_an_error(
    content: str | None, fragile: Registry, models: Models
) -> None:
    path = fragile.model_folder(1) / "extra_files" / "contract.json"
    path.unlink()
    if content is not None:
        path.write_text(content)

    assert refused(register(models[3]).number).startswith(UNSCORABLE)


def test_contest_when_the_champion_wants_columns_that_todays_rows_lack_then_is_an_error(
    registry: Registry, models: Models
) -> None:
    promote_by_hand(
        registry, register(log(constant(105), contract_of(column("age")), 5.0)).number, "so"
    )

    message = refused(register(models[3]).number)

    assert message.startswith(UNSCORABLE)
    assert "age" in message


def test_contest_when_the_champion_cannot_predict_and_has_no_arrays_then_is_an_error(
    registry: Registry, models: Models, contract: Contract
) -> None:
    model = straight_line(contract)
    promote_by_hand(registry, register(log(model, contract, 5.0)).number, "so")
    del model.named_steps["model"].intercept_  # as if another scikit-learn had written it
    (registry.model_folder(1) / "model.skops").write_bytes(skops.io.dumps(model))
    (registry.model_folder(1) / "extra_files" / "runtime.json").unlink()

    assert refused(register(models[3]).number).startswith(UNSCORABLE)


def test_contest_when_the_champions_exact_form_does_not_load_then_its_arrays_are_scored(
    registry: Registry, models: Models, contract: Contract
) -> None:
    rows = pd.DataFrame({contract.feature_names[0]: [0.0, 60.0], "salary": [105.0, 105.0]})
    boosting = build_pipeline(contract, "hist_gradient_boosting", {}, 234)
    model = boosting.fit(*features_and_target(rows, contract))
    contest(register(log(model, contract, 5.0)).number)
    spoil(registry)  # as if an upgrade of scikit-learn could not read it any more

    verdict = contest(register(models[3]).number)

    champion = verdict.evidence.champion
    assert champion is not None
    assert (champion.rmse, champion.by_arrays) == (5.0, True)
    assert verdict.action == "promote"
    assert "; version 1 was scored by its arrays, because its model cannot predict here: the " in (
        verdict.reason
    )
    assert champion.arrays_reason is not None
    assert champion.arrays_reason.startswith("the model file cannot be loaded: ")
    assert champion.arrays_reason.endswith(" does, to the last bit")


def test_contest_when_the_champion_loads_but_cannot_predict_then_the_evidence_says_so(
    registry: Registry, models: Models, contract: Contract
) -> None:
    model = straight_line(contract)
    contest(register(log(model, contract, 5.0)).number)
    del model.named_steps["model"].intercept_  # as if another scikit-learn had written it
    (registry.model_folder(1) / "model.skops").write_bytes(skops.io.dumps(model))

    champion = contest(register(models[3]).number).evidence.champion

    assert champion is not None
    assert champion.arrays_reason is not None
    assert champion.arrays_reason.startswith(
        "AttributeError in the model, whose text may hold people's data; its arrays predicted "
    )


def test_roll_back_when_only_the_arrays_of_a_version_load_then_they_serve(
    registry: Registry, models: Models, contract: Contract, tmp_path: Path
) -> None:
    contest(register(log(straight_line(contract), contract, 5.0)).number)
    promote_by_hand(registry, register(models[3]).number, "to have a former production")
    spoil(registry)

    roll_back(registry, "back to the line", to=1)
    bundle = BundleStore(tmp_path).load(export_production(registry, BundleStore(tmp_path)))

    assert (bundle.version, bundle.form) == (1, "arrays")
    assert bundle.predict_row([2.5]) == pytest.approx(2500)


def test_contest_when_there_are_no_holdout_rows_then_is_an_error(
    settled: Registry, models: Models
) -> None:
    assert refused(register(models[1]).number, HOLDOUT[:0]) == (
        "there are no holdout rows to compare versions on: lower data_engineering.train_size, or "
        "give more data"
    )


def test_contest_when_a_champion_that_cannot_be_scored_may_be_replaced_then_is_and_it_is_recorded(
    fragile: Registry, models: Models
) -> None:
    spoil(fragile)

    verdict = contest(register(models[9]).number, LENIENT)

    assert verdict.reason == (
        f"version 2 is promoted: RMSE 9.0; version 1 is replaced, because it cannot be scored "
        f"({UNSCORABLE}the model file cannot be loaded: File is not a zip file) and "
        f"promotion.replace_unreadable_champion is set"
    )
    assert verdict.evidence.champion == Contestant(version=1, rmse=None, stored_rmse=5.0)
    assert alias() == 2
    assert fragile.state().history[-1].evidence == verdict.model_dump(mode="json")


@pytest.mark.parametrize("leftover", [9, 1])
def test_contest_when_a_champion_may_be_replaced_then_a_leftover_must_beat_the_runs_own_version(
    leftover: int, fragile: Registry, models: Models
) -> None:
    register(models[leftover])  # another run was interrupted before its version was decided on
    spoil(fragile)

    contest(register(models[3]).number, LENIENT)

    moved = [(r.before, r.after) for r in fragile.state().history.done if r.moves]
    assert moved == [(None, 1), (1, 3), *([(3, 2)] if leftover < 3 else [])]
    assert alias() == (2 if leftover < 3 else 3)
    last = fragile.state().history[-1].evidence
    assert last is not None
    assert last["evidence"]["champion"]["rmse"] == 3.0


def test_contest_when_the_runs_own_version_may_not_replace_it_then_a_leftover_does_not_either(
    fragile: Registry, models: Models
) -> None:
    register(models[9])
    spoil(fragile)

    verdict = contest(
        register(models[7]).number, Policy(replace_unreadable_champion=True, max_rmse=6)
    )

    assert (verdict.action, alias()) == ("archive", 1)
    assert fragile.version(2).stages == {Stage.STAGING: "9.0"}  # contests when there is a way


def test_contest_when_a_champion_may_be_replaced_but_can_be_scored_then_must_be_beaten(
    fragile: Registry, models: Models
) -> None:
    assert contest(register(models[9]).number, LENIENT).action == "archive"


def test_contest_when_a_champion_fails_with_a_long_message_then_its_record_still_fits(
    fragile: Registry, models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Registry.model_folder

    def fail_at_length(self: Registry, number: int) -> object:
        if number == 1:
            raise UserError("ä" * 9000)
        return real(self, number)

    monkeypatch.setattr(Registry, "model_folder", fail_at_length)

    verdict = contest(register(models[9]).number, LENIENT)

    assert verdict.evidence.champion_error == (UNSCORABLE + "ä" * 9000)[:MAX_ERROR]


# --- Verdicts without a comparison -----------------------------------------------------------


def test_refuse_when_given_a_reason_then_archives_with_as_much_of_it_as_a_record_holds(
    settled: Registry,
) -> None:
    verdict = Judge(settled, HOLDOUT, Policy()).refuse(settled.version(1), "x" * 5000)

    assert verdict.action == "archive"
    assert verdict.reason == f"version 1 is not promoted: {'x' * MAX_ERROR}"
    assert verdict.evidence.challenger == Contestant(version=1, rmse=None, stored_rmse=5.0)


def test_overrule_when_a_version_would_have_won_then_archives_it_with_the_same_evidence(
    settled: Registry,
) -> None:
    judge = Judge(settled, HOLDOUT, Policy())
    won = judge.judge(settled.version(2), settled.version(1))

    verdict = judge.overrule(won, "somebody says so")

    assert (verdict.action, verdict.reason) == (
        "archive",
        "version 2 is not promoted: somebody says so",
    )
    assert verdict.evidence == won.evidence


def test_judge_when_a_library_fails_on_a_cell_then_its_words_are_not_repeated(
    registry: Registry, models: Models, contract: Contract
) -> None:
    promote_by_hand(registry, register(log(straight_line(contract), contract, 5.0)).number, "x")
    rows = pd.DataFrame({"experience_years": ["Jane Doe, 98765 EUR"] * 2, "salary": [100.0, 100.0]})

    with pytest.raises(UserError) as caught:
        contest(register(models[3]).number, holdout=rows)

    assert "Jane" not in str(caught.value)
    assert "ValueError" in str(caught.value)


@pytest.mark.filterwarnings("ignore:overflow")
def test_judge_when_errors_are_beyond_what_a_float_can_square_then_archives(
    settled: Registry, contract: Contract
) -> None:
    verdict = contest(register(log(constant(1e200), contract, 4.0)).number)

    assert (verdict.action, alias()) == ("archive", 2)
