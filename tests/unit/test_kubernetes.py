"""deploy/kubernetes: valid by Kubernetes' schemas, in agreement with itself and the service."""

from typing import Any

import kubernetes_validate
import pytest
import yaml

from support import ROOT

FOLDER = ROOT / "deploy" / "kubernetes"
#: Releases that are supported; the schemas of all come with the validator.
RELEASES = ("1.32", "1.34", "1.36")
NAME = {"app.kubernetes.io/name": "salary-service"}


def read(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((FOLDER / name).read_text())
    return found


KUSTOMIZATION = read("kustomization.yaml")
RESOURCES: list[str] = KUSTOMIZATION["resources"]


def container() -> dict[str, Any]:
    (found,) = read("deployment.yaml")["spec"]["template"]["spec"]["containers"]
    return dict(found)


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("name", RESOURCES)
def test_manifest_when_checked_by_the_schemas_of_a_release_then_is_valid(
    name: str, release: str
) -> None:
    kubernetes_validate.validate(read(name), release, strict=True)


def test_validator_when_a_key_is_misspelt_then_refuses_it() -> None:
    wrong = read("deployment.yaml")
    wrong["spec"]["stratgy"] = wrong["spec"].pop("strategy")

    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, RELEASES[0], strict=True)


def test_kustomization_when_a_manifest_lies_in_the_folder_then_names_it() -> None:
    there = {path.name for path in FOLDER.glob("*.yaml")}

    assert {*RESOURCES} == there - {"kustomization.yaml"}


def test_selectors_when_pods_are_looked_for_then_are_those_of_the_deployment() -> None:
    spec = read("deployment.yaml")["spec"]

    assert spec["template"]["metadata"]["labels"] == NAME
    assert spec["selector"]["matchLabels"] == NAME
    assert read("service.yaml")["spec"]["selector"] == NAME
    assert read("disruption-budget.yaml")["spec"]["selector"]["matchLabels"] == NAME
    assert read("network-policy.yaml")["spec"]["podSelector"]["matchLabels"] == NAME
    target = read("autoscaler.yaml")["spec"]["scaleTargetRef"]
    assert target["name"] == read("deployment.yaml")["metadata"]["name"]


def test_autoscaler_when_it_asks_for_a_metric_then_the_service_has_it() -> None:
    processor, requests = read("autoscaler.yaml")["spec"]["metrics"]

    assert processor["resource"]["name"] in container()["resources"]["requests"]
    page = (ROOT / "docs" / "deploy.md").read_text()
    rule = yaml.safe_load(page.partition("```yaml\nrules:")[2].partition("```")[0])[0]
    assert rule["name"]["as"] == requests["pods"]["metric"]["name"]
    served = (ROOT / "src/salary_kedro/serving/request_metrics.py").read_text()
    assert f'"{rule["seriesQuery"].removesuffix("_total")}"' in served


def test_ports_when_anybody_asks_the_service_then_all_manifests_name_the_one_it_has() -> None:
    (port,) = container()["ports"]
    (opened,) = read("service.yaml")["spec"]["ports"]
    (allowed,) = read("network-policy.yaml")["spec"]["ingress"]

    assert opened["targetPort"] in (port["name"], port["containerPort"])
    assert [each["port"] for each in allowed["ports"]] == [port["containerPort"]] == [3000]
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert container()[probe]["httpGet"]["port"] in (port["name"], port["containerPort"])


def test_token_when_the_service_reads_it_then_from_where_the_secret_is_mounted() -> None:
    (given,) = [each for each in container()["env"] if each["name"] == "SALARY_TOKEN_FILE"]
    mounts = {each["mountPath"] for each in container()["volumeMounts"]}

    assert given["value"].rpartition("/")[0] in mounts
    assert container()["securityContext"]["readOnlyRootFilesystem"] is True
    assert "/tmp" in mounts  # noqa: S108 - of the pod


def test_container_when_it_is_limited_then_as_the_compose_file_says() -> None:
    composed = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())
    service = composed["services"]["service"]

    assert container()["resources"]["limits"]["memory"] == "320Mi"
    assert service["mem_limit"] == "320m"
    grace = read("deployment.yaml")["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
    assert service["stop_grace_period"] == f"{grace}s"
    settings = {*service["environment"]} - {"SALARY_BUNDLES"}
    assert {*read("configmap.yaml")["data"]} == settings


def test_manifests_when_the_token_is_needed_then_only_name_the_secret() -> None:
    pod = read("deployment.yaml")["spec"]["template"]["spec"]
    (volume,) = [volume for volume in pod["volumes"] if "secret" in volume]

    assert volume["secret"]["secretName"] == "salary-token"
    kinds = {read(name)["kind"] for name in RESOURCES}
    assert "Secret" not in kinds
    assert "secretGenerator" not in KUSTOMIZATION


def test_manifests_when_nothing_was_set_then_name_no_image_that_runs_by_accident() -> None:
    (image,) = KUSTOMIZATION["images"]

    assert image == {"name": container()["image"], "newTag": "unset"}
