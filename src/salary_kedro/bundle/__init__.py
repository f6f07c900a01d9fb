"""A bundle is all that serving needs: model, contract, metrics, lineage, recorded examples."""

from salary_kedro.bundle.bundle import Bundle, BundleError
from salary_kedro.bundle.store import BundleStore, Choice

__all__ = ["Bundle", "BundleError", "BundleStore", "Choice"]
