"""Pure pandas and scikit-learn: estimators, evaluation, plots."""
