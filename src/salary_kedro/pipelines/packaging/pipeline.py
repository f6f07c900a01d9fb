"""Export the production version and build its Bento."""

from kedro.pipeline import Pipeline, node

from salary_kedro.pipelines.packaging.nodes import build_bento, export_bundle


def create_pipeline() -> Pipeline:
    """Build the pipeline."""
    return Pipeline(
        [
            node(
                export_bundle,
                inputs={
                    "verdict": "verdict",
                    "bundles": "bundles",
                    "registry": "params:registry",
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
                    "registry": "params:registry",
                },
                outputs="bento_tag",
                name="build_bento",
            ),
        ]
    )
