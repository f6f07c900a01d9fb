"""deploy/: alerts, dashboard and scrape example, tried with Prometheus' own programs."""

import json
import os
import re
import shutil
import subprocess
import urllib.parse
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from support import ROOT, Project, free_port, get, running, wait_until

pytestmark = pytest.mark.server

DEPLOY = ROOT / "deploy"
TOKEN = "s3cret-token-of-tests"  # noqa: S105 - a test's own
BEARER = {"Authorization": f"Bearer {TOKEN}"}
#: What Grafana puts in the place of its variables.
VARIABLES = {"$job": "salary", "$instance": ".*", "$__rate_interval": "1m"}


def program(name: str) -> str:
    """Path of a program of Prometheus; without it the test is skipped, but fails in CI."""
    if path := shutil.which(name):
        return path
    reason = f"{name} is not installed (Debian, Ubuntu: apt install prometheus)"
    return pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)


def promtool(*arguments: str, given: str | None = None) -> str:
    """Run promtool, which must succeed; gives all it says."""
    result = subprocess.run(
        [program("promtool"), *arguments],
        cwd=ROOT,
        input=given,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout + result.stderr


def alerts() -> dict[str, dict[str, Any]]:
    """The alerting rules, by name."""
    (group,) = yaml.safe_load((DEPLOY / "alerts.yml").read_text())["groups"]
    return {rule["alert"]: rule for rule in group["rules"]}


def dashboard_queries() -> list[str]:
    """All queries of the dashboard, with Grafana's variables replaced."""
    dashboard = json.loads((DEPLOY / "grafana-dashboard.json").read_text())
    targets = [target for panel in dashboard["panels"] for target in panel.get("targets", ())]
    found = [each["expr"] for each in (*targets, *dashboard["annotations"]["list"])]
    for name, value in VARIABLES.items():
        found = [query.replace(name, value) for query in found]
    return found


def test_alerts_when_checked_by_promtool_then_are_sound() -> None:
    assert f"{len(alerts())} rules found" in promtool("check", "rules", "deploy/alerts.yml")
    promtool("check", "config", "--syntax-only", "deploy/prometheus.yml")


def test_alerts_when_tried_by_promtool_then_fire_when_they_should_and_only_then() -> None:
    promtool("test", "rules", "tests/alerts.test.yml")


def test_alerts_when_one_is_added_then_it_is_tried_too() -> None:
    tried = set()
    for case in yaml.safe_load((ROOT / "tests" / "alerts.test.yml").read_text())["tests"]:
        for each in case["promql_expr_test"]:
            if each.get("exp_samples"):
                tried |= set(re.findall(r'alertname="(\w+)"', each["expr"]))
    assert tried == set(alerts())


def test_alerts_when_one_fires_then_says_what_is_so_and_what_to_do() -> None:
    for name, rule in alerts().items():
        assert set(rule["annotations"]) == {"summary", "description"}, name
        assert rule["labels"]["severity"] in {"critical", "warning", "info"}, name


@pytest.fixture(scope="module")
def service(_trained: Project) -> Iterator[str]:
    """Address of a service with a token, which has answered one prediction."""
    with _trained.serve(SALARY_TOKEN=TOKEN) as address:
        wait_until(lambda: get(f"{address}/readyz").status == 200, "the service to be ready")
        row = {"experience_years": 5}
        assert (
            httpx.post(f"{address}/predict", json=row, headers=BEARER, timeout=30).status_code
            == 200
        )
        yield address


@pytest.fixture(scope="module")
def exposed(service: str) -> str:
    """What its `/metrics` answers."""
    return httpx.get(f"{service}/metrics", headers=BEARER, timeout=30).text


def test_metrics_when_checked_by_promtool_then_have_no_fault(exposed: str) -> None:
    assert promtool("check", "metrics", given=exposed) == ""


def test_alerts_and_dashboard_when_they_name_a_metric_then_the_service_has_it(
    exposed: str,
) -> None:
    families = text_string_to_metric_families(exposed)
    there = {sample.name for family in families for sample in family.samples}
    queries = [*(rule["expr"] for rule in alerts().values()), *dashboard_queries()]
    named = set(re.findall(r"\b(?:salary|process)_\w+", " ".join(queries)))
    assert len(named) >= 15
    assert named - there == {"salary_request_log_rows_total"}  # of a service that logs requests


def test_docs_when_they_list_the_metrics_then_it_is_all_of_them(exposed: str) -> None:
    families = {re.sub("^# TYPE ", "", x).split()[0] for x in exposed.splitlines() if "# TYPE" in x}
    table = (ROOT / "docs" / "service.md").read_text().partition("## Metrics")[2]
    listed = re.findall(r"`((?:salary|process)_\w+)`", table.partition("\nCounters")[0])
    with_a_log = {"salary_request_log_rows_total"}  # of requests, which this service has not
    assert sorted(listed) == sorted(families | with_a_log)


@pytest.fixture(scope="module")
def prometheus(service: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a Prometheus that scrapes the service, as deploy/prometheus.yml says."""
    folder = tmp_path_factory.mktemp("prometheus")
    text = (DEPLOY / "prometheus.yml").read_text()
    target = service.removeprefix("http://")
    scraped = text.replace("127.0.0.1:3000", target).replace("15s", "1s")
    (folder / "prometheus.yml").write_text(scraped)
    (folder / "token").write_text(f"{TOKEN}\n")
    shutil.copy(DEPLOY / "alerts.yml", folder)
    address = f"127.0.0.1:{free_port()}"
    command = [program("prometheus"), "--config.file=prometheus.yml", "--storage.tsdb.path=data"]
    with running([*command, f"--web.listen-address={address}"], folder, dict(os.environ)):
        wait_until(lambda: get(f"http://{address}/-/ready").status == 200, "Prometheus")
        yield f"http://{address}"


def query(prometheus: str, expression: str) -> list[dict[str, Any]]:
    """What Prometheus answers to a query, which must be one."""
    answer = get(f"{prometheus}/api/v1/query?{urllib.parse.urlencode({'query': expression})}")
    assert answer.status == 200, f"{expression}: {answer.body}"
    found: list[dict[str, Any]] = answer.body["data"]["result"]
    return found


def test_prometheus_when_it_follows_the_example_then_scrapes_the_service_with_its_token(
    prometheus: str,
) -> None:
    def counted() -> list[str]:
        return [
            x["value"][1] for x in query(prometheus, 'salary_predictions_total{route="/predict"}')
        ]

    wait_until(lambda: counted() == ["1"], "a scrape")
    assert [x["value"][1] for x in query(prometheus, 'up{job="salary"}')] == ["1"]


def test_prometheus_when_it_evaluates_the_rules_then_none_fails_and_none_fires(
    prometheus: str,
) -> None:
    def rules() -> list[dict[str, Any]]:
        (group,) = get(f"{prometheus}/api/v1/rules").body["data"]["groups"]
        return list(group["rules"])

    wait_until(lambda: all(rule["health"] == "ok" for rule in rules()), "all rules evaluated")
    assert {rule["name"] for rule in rules()} == set(alerts())
    assert [rule["name"] for rule in rules() if rule["state"] == "firing"] == []


def test_prometheus_when_asked_what_the_dashboard_asks_then_has_an_answer(
    prometheus: str,
) -> None:
    moments = "count_over_time(salary_model_ready[1m]) >= 3"
    wait_until(lambda: query(prometheus, moments), "rates over some scrapes")
    empty = [each for each in dashboard_queries() if not query(prometheus, each)]
    # Nothing was refused, and no model changed, while Prometheus watched.
    assert all(each.endswith("> 0") for each in empty), empty
