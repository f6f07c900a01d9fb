"""Opens a project's registry for a command, or says why it cannot be used."""

from salary_kedro.errors import UserError
from salary_kedro.project.project import Project
from salary_kedro.registry.registry import Registry, open_registry
from salary_kedro.registry.relocation import refuse_former_places
from salary_kedro.upkeep.doctor import obstacle
from salary_kedro.upkeep.findings import in_environment


def registry_of(project: Project) -> Registry:
    """Open the model registry.

    Raises:
        UserError: If there is no store yet, or it cannot be used, or it still points to the
            place that the project was moved or copied from.
    """
    refuse_former_places(project.uri, project.artifacts)
    return records_of(project)


def records_of(project: Project) -> Registry:
    """Open the model registry, for commands that read no model and write nothing.

    Raises:
        UserError: If there is no store yet, or it cannot be used.
    """
    found = obstacle(project.uri)
    if found is not None and found.severity == "advice":
        never = "no model was ever trained in this environment: `make run` trains one"
        raise UserError(in_environment(never, project.env))
    if found is not None:
        raise UserError(f"{found.what}: {in_environment(found.remedy, project.env)}")
    return open_registry(project.uri, project.model_name)
