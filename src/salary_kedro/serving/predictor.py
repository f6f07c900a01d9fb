"""Holds the bundle that is served, and follows the pointer file to a new one."""

import logging
import os
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from salary_kedro.bundle import Bundle, BundleError, BundleStore, Choice
from salary_kedro.bundle.model_file import import_reader
from salary_kedro.bundle.store import POINTER
from salary_kedro.contract.domain import DomainCheck
from salary_kedro.errors import UserError
from salary_kedro.locations import BUNDLES, DEFAULT_ENVS, bundles_override, data_folder
from salary_kedro.serving.metrics import forget_dead_workers, model_metrics
from salary_kedro.serving.request_metrics import request_metrics
from salary_kedro.serving.schemas import Schemas

log = logging.getLogger("salary_kedro.serving")

POLL_SECONDS = 0.25
RETRY_SECONDS = 10


def bundles_folder() -> Path:
    """Where the bundles are: `SALARY_BUNDLES`, else the project's, else the Bento's own.

    The project's are those of the environment that `KEDRO_ENV` names.

    Raises:
        UserError: If the project has no such environment.
    """
    if folder := bundles_override():
        return Path(folder)
    source = Path(__file__).parents[2]
    if not (source.parent / "pyproject.toml").is_file():
        return source / "data" / BUNDLES  # inside a Bento, which holds the package at its top
    env = _environment()
    if env and not (source.parent / "conf" / env).is_dir():
        raise UserError(f"KEDRO_ENV names '{env}', but there is no environment conf/{env}")
    return source.parent / data_folder(env) / BUNDLES


def _environment() -> str:
    """The environment that is served; nothing for the default one."""
    env = os.environ.get("KEDRO_ENV", "")
    return "" if env in DEFAULT_ENVS else env


def _advice(empty: bool) -> str:
    """What to do when nothing can be served; `empty` if nothing was ever packaged."""
    env = _environment()
    if bundles_override():
        return "see that SALARY_BUNDLES names a folder of bundles, and that it can be read here"
    if empty:
        return f"package one with `make run{env and f' ENV={env}'}`"
    return f"mend it with `kedro models doctor --fix{env and f' --env {env}'}`"


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
    def of(cls, choice: Choice, before: Self | None = None) -> Self:
        """Derive what a chosen bundle is served with.

        The schemas of a bundle before that has the same contract are used again: they take
        longer to make than the rest, and classes are slow to leave the memory.
        """
        bundle = choice.bundle
        same = before is not None and before.bundle.contract == bundle.contract
        schemas = before.schemas if before and same else Schemas.of(bundle.contract)
        return cls(choice, schemas, DomainCheck(bundle.domain, bundle.contract))

    @property
    def bundle(self) -> Bundle:
        """The bundle itself."""
        return self.choice.bundle

    def because(self, source: str, reason: str | None) -> Self:
        """The same, served for another reason."""
        return replace(self, choice=replace(self.choice, source=source, reason=reason))


class Predictor:
    """What is served now.

    Read `served` once for each request, so that model, contract and version agree. Once
    something is served it goes on from memory, until something good takes its place.

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
        self._trouble: str | None = None
        self._logged: str | None = None
        self._retry_at = 0.0
        self._empty = False

    def follow(self) -> None:
        """Serve the bundle to be served, and look for another several times a second from now on.

        The thread that looks ends with the process.
        """
        forget_dead_workers()
        request_metrics()  # whose series are to be there before the first request
        import_reader()
        self.refresh()
        self._log_trouble()
        threading.Thread(target=self._poll, name="bundles", daemon=True).start()

    def _poll(self) -> None:
        pause = threading.Event()
        while not pause.wait(POLL_SECONDS):
            try:
                self.refresh()
            except Exception:  # whatever it was, the thread must go on looking
                log.exception("the bundles could not be looked at; the model stays as it is")

    def refresh(self) -> None:
        """Serve what the pointer names, if that or the bundle changed since the last look.

        What is refused is logged when the next look finds it unchanged, for until then it
        may be a bundle that is still being copied. It is tried again now and then even so:
        a full table of open files passes, and leaves no trace in the folder.
        """
        state = self._store.state()
        if state == self._seen:
            if self._trouble is None:
                return
            self._log_trouble()
            if time.monotonic() < self._retry_at:
                return
        self._seen = state
        self._try()

    def _try(self) -> None:
        """Load aside what is to be served; only when all of it is good does it serve."""
        try:
            found = self._find()
        except BundleError as error:
            self._refuse(str(error))
            return
        self._trouble = self._logged = found.choice.reason
        self._retry_at = time.monotonic() + RETRY_SECONDS
        self._swap(found)

    def _find(self) -> Served:
        """Load what the pointer names; only if nothing is served yet, a reserve may do.

        Raises:
            BundleError: If there is nothing good to move to.
        """
        store, before, self._empty = self._store, self.served, False
        choice = store.choose() if before is None else store.load_current()
        if choice is not None:
            return _derive(choice, before)
        if before is not None or store.names():
            raise BundleError(f"the pointer {store.folder / POINTER} is gone")
        self._empty = True
        raise BundleError(f"there is no model to serve yet in {store.folder}")

    def _refuse(self, reason: str) -> None:
        model_metrics().failed()
        self._trouble, self._retry_at = reason, time.monotonic() + RETRY_SECONDS
        self.problem = f"{reason}; {_advice(self._empty)}, and the service will notice"
        if (served := self.served) is not None:
            source = "reserve" if served.choice.source == "reserve" else "kept"
            self.served = served.because(source, reason)

    def _log_trouble(self) -> None:
        if self._trouble is None or self._trouble == self._logged:
            return
        self._logged = self._trouble
        model_metrics().follows(False)
        if self.served is None:
            log.error("%s", self.problem)
            return
        name = self.served.bundle.name
        log.error("%s; bundle %s goes on serving from memory", self._trouble, name)
        model_metrics().count("refused")

    def _swap(self, found: Served) -> None:
        before, name, reason = self.served, found.bundle.name, found.choice.reason
        if before is not None and before.bundle.name == name:  # which vouches for the content
            self.served = before.because(found.choice.source, reason)
            if reason is None and before.choice.reason:
                log.info("bundle %s is what the pointer names, and good, again", name)
            model_metrics().follows(reason is None)
            return
        self.served = found
        if reason is None:
            log.info("serving bundle %s", name)
        else:
            log.error("serving the reserve bundle %s: %s", name, reason)
        request_metrics().expect(found.bundle.contract.feature_names)
        model_metrics().serve(found.bundle, self._store.written(name))
        model_metrics().follows(reason is None)
        model_metrics().count("swapped" if reason is None else "reserve")


def _derive(choice: Choice, before: Served | None) -> Served:
    try:
        return Served.of(choice, before)
    except Exception as error:  # a contract for which no request model can be made
        raise BundleError(f"bundle {choice.bundle.name}: {error!r}") from error
