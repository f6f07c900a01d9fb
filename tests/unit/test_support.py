"""What tests share: it depends neither on who starts them, nor on how fast the machine is."""

import subprocess

import psutil

from support import forget_settings, is_running, wait_until


def test_settings_when_the_caller_has_some_then_no_test_meets_them() -> None:
    environment = {
        "SALARY_SIGNING_KEY_FILE": "/nowhere/key.pem",
        "KEDRO_ENV": "prod",
        "MLFLOW_TRACKING_URI": "http://mlflow.example:5000",
        "MLFLOW_REGISTRY_URI": "http://mlflow.example:5000",
        "COLUMNS": "40",
        "HOME": "/home/me",
        "COVERAGE_FILE": ".coverage.quick",
    }

    forget_settings(environment)

    assert environment == {"HOME": "/home/me", "COVERAGE_FILE": ".coverage.quick"}


def test_is_running_when_nobody_has_asked_how_a_process_ended_then_it_has_ended() -> None:
    with subprocess.Popen(["true"]) as ended:
        wait_until(lambda: not is_running(ended.pid), "its end")
        assert psutil.pid_exists(ended.pid)
    assert not is_running(ended.pid)
