"""`kedro package`, which would make a wheel that cannot run."""

import click


@click.command()
def package() -> None:
    """Refused: a run needs the project's folder, which no wheel holds."""
    raise click.ClickException(
        "a wheel of this project cannot run: a run needs the project's folder, with its data, "
        "configuration, lock file and bentofile. To train elsewhere, clone or copy the folder and "
        "run `make run` there; to serve elsewhere, use the Bento that `kedro run` builds, or the "
        "image of `make image`"
    )
