"""The one place that knows the inside of scikit-learn, which checks settings in `fit` alone."""

from sklearn.base import BaseEstimator


def check_hyperparameters(estimator: BaseEstimator) -> None:
    """Check an estimator's hyperparameters without fitting it, those of a Pipeline's steps alike.

    Raises:
        ValueError: If it refuses the value of one.
    """
    for part in getattr(estimator, "named_steps", {"": estimator}).values():
        part._validate_params()
