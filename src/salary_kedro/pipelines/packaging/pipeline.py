"""Export the production version, build its Bento, and remove what nothing needs any more."""

from kedro.pipeline import Pipeline, node

from salary_kedro.pipelines.packaging.nodes import (
    build_bento,
    export_bundle,
    remove_outdated,
)


def create_pipeline() -> Pipeline:
    """Build the pipeline."""
    return Pipeline(
        [
            node(
                export_bundle,
                inputs={
                    "verdict": "verdict",
                    "bundles": "bundles",
                    "registry": "registry",
                },
                outputs="bundle_name",
                name="export_bundle",
            ),
            node(
                build_bento,
                inputs={
                    "bento_project": "bento_project",
                    "bundles": "bundles",
                    "bundle_name": "bundle_name",
                    "parameters": "params:packaging",
                    "registry": "registry",
                },
                outputs="bento_tag",
                name="build_bento",
            ),
            node(
                remove_outdated,
                inputs={
                    "bento_project": "bento_project",
                    "bundles": "bundles",
                    "bento_tag": "bento_tag",
                    "registry": "registry",
                    "parameters": "params:packaging",
                },
                outputs="removed_bundles",
                name="remove_outdated",
            ),
        ]
    )
