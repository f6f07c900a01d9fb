"""The service behind a real nginx: TLS, HTTP/2, and a path of its own."""

import gc
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import bentoml
import httpx
import pytest
from playwright.sync_api import expect, sync_playwright

from service_client import ServiceClient
from support import free_port, running, wait_until

pytestmark = pytest.mark.server

PREFIX = "/salaries"
ROW = {"experience_years": 5}
SALARY = 72861.25
CONFIGURATION = """
{user}
daemon off;
pid nginx.pid;
error_log stderr;
events {{}}
http {{
    access_log off;
    client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi; scgi_temp_path scgi;
    server {{
        listen 127.0.0.1:{port} ssl http2;
        ssl_certificate certificate.pem;
        ssl_certificate_key key.pem;
        location {prefix}/ {{
            proxy_pass {service}/;
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For 203.0.113.9;
            proxy_set_header X-Forwarded-Host $http_host;
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_set_header X-Forwarded-Prefix {prefix};
            client_max_body_size 2m;
        }}
    }}
}}
"""


@dataclass(frozen=True)
class Proxy:
    """What nginx shows.

    Attributes:
        address: Where the service is reached through it.
        certificate: The file of its certificate, which it has made itself.
    """

    address: str
    certificate: Path


@pytest.fixture(scope="module")
def proxy(service_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """A real nginx before a real service."""
    missing = [name for name in ("nginx", "openssl", "curl") if not program(name)]
    if missing:
        obstacle = f"{', '.join(missing)} not installed (Debian, Ubuntu: apt install)"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(obstacle)
    folder, port = tmp_path_factory.mktemp("nginx"), free_port()
    make_certificate(folder)
    user = "user root;" if os.geteuid() == 0 else ""
    text = CONFIGURATION.format(user=user, port=port, prefix=PREFIX, service=service_url)
    (folder / "nginx.conf").write_text(text)
    address = f"https://localhost:{port}{PREFIX}"
    command = [program("nginx"), "-p", str(folder), "-c", "nginx.conf", "-e", "stderr"]
    with running(command, folder, dict(os.environ)):
        shown = Proxy(address, folder / "certificate.pem")
        wait_until(lambda: curl(shown, "readyz").endswith("200"), "nginx")
        yield shown


def program(name: str) -> str:
    """Path of a program, empty if it is not installed."""
    return shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin") or ""


def make_certificate(folder: Path) -> None:
    """A certificate for this machine, signed by itself."""
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    files = ["-keyout", "key.pem", "-out", "certificate.pem", "-days", "2", "-nodes"]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", *files, *names]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)


def curl(proxy: Proxy, route: str, *options: str) -> str:
    """The version of HTTP and the status that curl gets."""
    told = ["--silent", "--output", os.devnull, "--write-out", "%{http_version} %{http_code}"]
    command = ["curl", *told, "--cacert", str(proxy.certificate), *options]
    return subprocess.run(
        [*command, f"{proxy.address}/{route}"], capture_output=True, text=True, check=False
    ).stdout


def test_proxy_when_it_speaks_http_2_then_the_service_answers(proxy: Proxy) -> None:
    sent = ("--json", '{"experience_years": 5}')
    assert curl(proxy, "predict", "--http2", *sent) == "2 200"
    assert curl(proxy, "predict", "--http1.1", *sent) == "1.1 200"


@pytest.fixture
def trusting(proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> Proxy:
    """The proxy, whose certificate this process trusts."""
    monkeypatch.setenv("SSL_CERT_FILE", str(proxy.certificate))
    return proxy


def test_description_when_it_is_asked_through_the_proxy_then_tells_the_outside_address(
    trusting: Proxy,
) -> None:
    described = httpx.get(f"{trusting.address}/openapi.json", timeout=30).json()
    assert described["servers"] == [{"url": trusting.address}]


def test_description_when_it_is_asked_past_the_proxy_then_tells_the_inside_address(
    service_url: str,
) -> None:
    described = httpx.get(f"{service_url}/openapi.json", timeout=30).json()
    assert described["servers"] == [{"url": service_url}]


def test_client_of_the_page_when_its_address_is_the_proxy_then_predicts(
    trusting: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SALARY_SERVICE_URL", trusting.address)
    client = ServiceClient()
    assert client.model().version == 1
    assert round(client.predict(ROW, "salary").value, 2) == SALARY


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # it leaves a folder to the collector
def test_client_of_bentoml_when_its_address_is_the_proxy_then_predicts(trusting: Proxy) -> None:
    with bentoml.SyncHTTPClient(trusting.address) as client:
        assert round(client.predict(**ROW)["salary"], 2) == SALARY
    del client
    gc.collect()


@pytest.mark.browser
def test_page_when_it_is_opened_through_the_proxy_then_try_it_out_works(proxy: Proxy) -> None:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("chromium is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(ignore_https_errors=True)
        page.set_default_timeout(30_000)
        page.goto(f"{proxy.address}/")
        with page.expect_response("**/predict") as answered:
            page.get_by_role("button", name="Send").click()
        assert answered.value.status == 200
        assert urlsplit(answered.value.url).path == f"{PREFIX}/predict"
        told = page.get_by_role("region", name="Status 200")
        expect(told).to_contain_text('"salary"', timeout=30_000)
        browser.close()
