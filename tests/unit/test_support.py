"""What tests share: it depends neither on who starts them, nor on how fast the machine is."""

import subprocess
import threading
import time

import psutil

from support import forget_settings, is_running, pauses_noted, wait_until


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


def test_pauses_when_another_thread_makes_some_then_are_not_this_ones() -> None:
    with pauses_noted() as noted:
        other = threading.Thread(target=lambda: time.sleep(0.02))
        other.start()
        other.join()
        time.sleep(0.01)

    assert noted == [0.01]
