"""Kedro datasets that the ecosystem lacks."""

from salary_kedro.datasets.cached_download import CachedDownloadDataset
from salary_kedro.datasets.handed_on import (
    ChosenBundleDataset,
    ModelDataset,
    PlotDataset,
    TrainingParametersDataset,
)
from salary_kedro.datasets.lineage import CodeLineageDataset
from salary_kedro.datasets.parted import (
    ClusterDataset,
    PartedTableDataset,
    RawPartsDataset,
    ScoredPartsDataset,
)
from salary_kedro.datasets.row_secret import RowSecretDataset
from salary_kedro.datasets.shared_file import SharedFileDataset
from salary_kedro.datasets.stores import (
    BentoProjectDataset,
    BundleStoreDataset,
    RegistryDataset,
    RequestLogDataset,
    ScoredTablesDataset,
    SpreadsheetCSVDataset,
    TableReaderDataset,
    TrialScoresDataset,
)
from salary_kedro.datasets.table import DatabaseTableDataset, TableDataset

__all__ = [
    "BentoProjectDataset",
    "BundleStoreDataset",
    "CachedDownloadDataset",
    "ChosenBundleDataset",
    "ClusterDataset",
    "CodeLineageDataset",
    "DatabaseTableDataset",
    "ModelDataset",
    "PartedTableDataset",
    "PlotDataset",
    "RawPartsDataset",
    "RegistryDataset",
    "RequestLogDataset",
    "RowSecretDataset",
    "ScoredPartsDataset",
    "ScoredTablesDataset",
    "SharedFileDataset",
    "SpreadsheetCSVDataset",
    "TableDataset",
    "TableReaderDataset",
    "TrainingParametersDataset",
    "TrialScoresDataset",
]
