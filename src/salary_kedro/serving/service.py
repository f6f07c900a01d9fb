"""The BentoML service: `bentoml serve` finds it through bentofile.yaml."""

import bentoml

from salary_kedro.bundle import BundleStore
from salary_kedro.serving.app import create_app
from salary_kedro.serving.predictor import Predictor, bundles_folder

predictor = Predictor(BundleStore(bundles_folder()))


@bentoml.service(name="salary_prediction", http={"host": "127.0.0.1", "port": 3000})
@bentoml.asgi_app(create_app(predictor), path="/")
class SalaryPrediction:
    """Predicts salaries with the production model, over HTTP."""

    def __init__(self) -> None:
        """Follow the bundles from now on, in every worker."""
        predictor.follow()

    def __is_ready__(self) -> bool:
        """Answer `/readyz`: there is a model."""
        return predictor.served is not None
