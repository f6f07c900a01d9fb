"""Who computes, as the catalog says."""

import pytest
from kedro.io.core import DatasetError

from salary_kedro.datasets import ClusterDataset
from salary_kedro.partitions.cluster import Cluster


def test_cluster_when_none_is_named_then_is_this_machine() -> None:
    assert ClusterDataset().load() is None


def test_cluster_when_named_then_is_not_spoken_to_yet() -> None:
    found = ClusterDataset({"scheduler": "tcp://127.0.0.1:9", "part_rows": 7}).load()

    assert found == Cluster(scheduler="tcp://127.0.0.1:9", part_rows=7)


def test_cluster_when_saved_then_is_refused() -> None:
    with pytest.raises(DatasetError, match=r"who computes is said in catalog.yml: it cannot be sa"):
        ClusterDataset().save("me")
