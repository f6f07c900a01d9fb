"""Holds the bundle that is served, and follows the pointer file to a new one."""

import logging
import os
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from salary_kedro.bundle import Bundle, BundleError, BundleStore, Choice
from salary_kedro.contract.domain import DomainCheck
from salary_kedro.locations import BUNDLES, bundles_override, data_folder
from salary_kedro.serving.schemas import Schemas

log = logging.getLogger("salary_kedro.serving")

POLL_SECONDS = 0.5


def bundles_folder() -> Path:
    """Where the bundles are: `SALARY_BUNDLES`, else the project's, else the Bento's own.

    The project's are those of the environment that `KEDRO_ENV` names.
    """
    if folder := bundles_override():
        return Path(folder)
    source = Path(__file__).parents[2]
    if not (source.parent / "pyproject.toml").is_file():
        return source / "data" / BUNDLES  # inside a Bento, which holds the package at its top
    return source.parent / data_folder(os.environ.get("KEDRO_ENV")) / BUNDLES


@dataclass(frozen=True)
class Served:
    """A bundle with the request and response models made from its contract.

    Attributes:
        choice: The bundle, and why this one.
        schemas: The models that its contract asks for.
        check: Tells what of a row its training did not cover.
    """

    choice: Choice
    schemas: Schemas
    check: DomainCheck

    @classmethod
    def of(cls, choice: Choice) -> Self:
        """Derive what a chosen bundle is served with."""
        bundle = choice.bundle
        check = DomainCheck(bundle.domain, bundle.contract)
        return cls(choice, Schemas.of(bundle.contract), check)

    @property
    def bundle(self) -> Bundle:
        """The bundle itself."""
        return self.choice.bundle


class Predictor:
    """What is served now.

    Read `served` once for each request, so that model, contract and version agree.

    Attributes:
        served: The bundle, or None while there is none to serve.
        problem: Why there is none, with what to do.
    """

    def __init__(self, store: BundleStore) -> None:
        """Take a store; nothing is loaded before `follow` or `refresh`."""
        self.served: Served | None = None
        self.problem = ""
        self._store = store
        self._seen: object = None

    def follow(self) -> None:
        """Serve the bundle to be served, and look for another every half second from now on.

        The thread that looks ends with the process.
        """
        self.refresh()
        threading.Thread(target=self._poll, name="bundles", daemon=True).start()

    def _poll(self) -> None:
        pause = threading.Event()
        while not pause.wait(POLL_SECONDS):
            try:
                self.refresh()
            except Exception:  # whatever it was, the thread must go on looking
                log.exception("the bundles could not be looked at; the model stays as it is")

    def refresh(self) -> None:
        """Serve what the pointer names, if that changed since the last look."""
        state = self._state()
        if state == self._seen:
            return
        self._seen = state
        try:
            self._swap(self._store.choose())
        except BundleError as error:
            self.problem = f"{error}. Run `make run` to package a model anew"
            log.warning("%s%s", self.problem, "; the old model stays" if self.served else "")

    def _swap(self, choice: Choice | None) -> None:
        if choice is None:
            self.problem = (
                f"there is no model to serve yet in {self._store.folder}: run `make run` "
                f"(or `kedro run`), the service will notice"
            )
            log.warning("%s%s", self.problem, "; the old model stays" if self.served else "")
            return
        self.served = Served.of(choice)
        if choice.reason is None:
            log.info("serving bundle %s", choice.bundle.name)
        else:
            log.error("serving the reserve bundle %s: %s", choice.bundle.name, choice.reason)

    def _state(self) -> tuple[object, ...]:
        """What the choice depends on, cheap to look at: the pointer, and the bundle it names.

        A bundle that is still being copied, or is mended later, looks different then.
        """
        try:
            name = self._store.current()
        except BundleError as error:
            return (str(error),)
        if name is None:
            return (None,)
        try:
            stats = [(entry.name, entry.stat()) for entry in os.scandir(self._store.folder / name)]
        except OSError as error:
            return (name, error.errno)
        return (name, *sorted((file, stat.st_mtime_ns, stat.st_size) for file, stat in stats))
