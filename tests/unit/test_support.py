"""What tests share: it depends neither on who starts them, nor on how fast the machine is."""

from support import forget_settings


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
