"""`kedro models export`, `import`, `backup` and `restore`: what goes out and comes in as a file."""

from pathlib import Path
from typing import Any

import click

from salary_kedro.bundle.signing import read_signer, read_verifier
from salary_kedro.cli import console
from salary_kedro.cli.command import answer, common_options
from salary_kedro.cli.console import count, printable
from salary_kedro.project.ownership import refuse_owned
from salary_kedro.project.project import Project
from salary_kedro.upkeep.findings import in_environment

Row = dict[str, Any]
SHOWN_PLACES = 3


@click.command(short_help="Write a version to one archive.")
@click.argument("number", type=int)
@click.argument("file", type=click.Path(path_type=Path))
@common_options
def export(number: int, file: Path, env: str | None, json_: bool) -> None:
    """Write a version to one checksummed archive; an existing FILE is never replaced.

    FILE must be outside the project's own configuration, code, data, store and bundles.

    Example: kedro models export 3 version-3.zip
    """
    answer(env, json_, lambda project: export_to(project, number, file), tell_exported)


@click.command("import", short_help="Create a version from an archive of `export`.")
@click.argument("file", type=click.Path(path_type=Path))
@common_options
def import_(file: Path, env: str | None, json_: bool) -> None:
    """Create a version from an archive of `kedro models export`, after checking all of it.

    The version is archived, and its RMSE marked as claimed: production changes only by
    `kedro models promote N`, which measures it. Each import creates a version of its own,
    even of the same archive.

    Example: kedro models import version-3.zip
    """
    answer(
        env,
        json_,
        lambda project: import_from(project, file),
        lambda result: tell_imported(result, env),
    )


@click.command(short_help="Write store, artifacts and bundles to one archive.")
@click.argument("file", type=click.Path(path_type=Path))
@common_options
def backup(file: Path, env: str | None, json_: bool) -> None:
    """Write store, artifacts and bundles to one checksummed archive, while runs go on.

    It holds one moment of the store, and appears whole or not at all; an existing FILE is
    never replaced, and it must be outside the project's own files. Raw data and conf/ are not
    in it. A server's store is backed up by its own means.

    Example: kedro models backup ../salary-monday.zip
    """
    answer(env, json_, lambda project: back_up_to(project, file), tell_backup)


@click.command(short_help="Restore an archive of `backup`.")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Set aside the store and bundles that are there.")
@common_options
def restore(file: Path, force: bool, env: str | None, json_: bool) -> None:
    """Restore an archive made by `kedro models backup`, after checking all of it.

    Into a new project, or a new environment: `mkdir conf/NAME`, then --env NAME. With --force
    into one that has models, which are set aside, not deleted: let runs end first. The store
    is told its new place.

    Example: kedro models restore ../salary-monday.zip
    """
    answer(
        env,
        json_,
        lambda project: restore_from(project, file, force),
        lambda result: tell_restored(result, env),
    )


def export_to(project: Project, number: int, file: Path) -> Row:
    """Write a version's archive."""
    from salary_kedro.upkeep.opening import registry_of
    from salary_kedro.upkeep.transfer import export_version

    remedy = f"choose another file, such as version-{number}.zip"
    refuse_owned(file, project, remedy)
    export_version(registry_of(project), number, file, read_signer())
    return {"version": number, "file": str(file)}


def tell_exported(result: Row) -> None:
    """Print where the version is."""
    console.say(f"Version {result['version']} is in {result['file']}")


def import_from(project: Project, file: Path) -> Row:
    """Create a version of what an archive holds, in a new store if there is none yet."""
    from salary_kedro.promotion.packaging import align_and_package
    from salary_kedro.registry.relocation import refuse_former_places
    from salary_kedro.registry.store import prepare_store
    from salary_kedro.upkeep.opening import registry_of
    from salary_kedro.upkeep.transfer import import_version, read_archive

    transfer = read_archive(file, read_verifier())
    refuse_former_places(project.uri, project.artifacts)
    prepare_store(project.uri, project.experiment, project.artifacts)
    registry = registry_of(project)
    align_and_package(registry, project.bundles)
    number = import_version(registry, project.experiment, transfer)
    return {"version": number, "file": str(file)}


def tell_imported(result: Row, env: str | None = None) -> None:
    """Print which version the archive has become, and how it gets into production."""
    promote = in_environment(
        f"`kedro models promote {result['version']} --reason TEXT` makes it production", env
    )
    console.say(
        f"{result['file']} is version {result['version']}, archived, its RMSE claimed; {promote}"
    )


def back_up_to(project: Project, file: Path) -> Row:
    """Write an archive of all that runs have made."""
    from salary_kedro.upkeep.backup import back_up
    from salary_kedro.upkeep.opening import registry_of

    refuse_owned(file, project, "choose another file, such as ../all.zip")
    registry_of(project)  # says what is wrong with it
    return back_up(project, file)


def tell_backup(made: Row) -> None:
    """Print what an archive of all holds, and what it does not."""
    production = "none" if made["production"] is None else f"version {made['production']}"
    versions = count(made["versions"], "version")
    console.say(f"{made['file']} holds {versions}; production is {production}")
    console.say(
        "Not in it: the key that tells which rows a version was trained on; keep a copy of "
        "row_fingerprints.key in the data folder, or of SALARY_ROW_KEY"
    )
    if made["elsewhere"]:
        places = ", ".join(map(printable, made["elsewhere"][:SHOWN_PLACES]))
        console.say(
            f"Not in it, because they lie elsewhere: {count(len(made['elsewhere']), 'folder')}, "
            f"such as {places}"
        )


def restore_from(project: Project, file: Path, force: bool) -> Row:
    """Put what an archive of all holds into the project."""
    from salary_kedro.upkeep.backup import restore

    return restore(project, file, force)


def tell_restored(result: Row, env: str | None = None) -> None:
    """Print what an archive of all has brought, and what it took."""
    production = "none" if result["production"] is None else f"version {result['production']}"
    console.say(f"Restored: {count(result['versions'], 'version')}; production is {production}")
    see = in_environment("see `kedro models doctor`", env)
    lines = [
        *(("set aside", line) for line in result["set_aside"]),
        *(("fixed    ", line) for line in result["fixed"]),
        *(("left     ", f"{line}; {see}") for line in result["left"]),
    ]
    for line in console.labelled(lines):
        console.echo(line)
