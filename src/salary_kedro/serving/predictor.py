"""Holds the bundle that is served, and follows the pointer file to a new one."""

import gc
import json
import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from salary_kedro.bundle import Bundle, BundleError, BundleStore, Choice, limits
from salary_kedro.bundle.places import bundles_override
from salary_kedro.bundle.signing import read_verifier
from salary_kedro.bundle.store import POINTER
from salary_kedro.contract.domain import DomainCheck
from salary_kedro.contract.interval import Interval
from salary_kedro.serving.history import HeldHistory
from salary_kedro.serving.metrics import forget_dead_workers, model_metrics
from salary_kedro.serving.openapi import describe
from salary_kedro.serving.place import BUILD_BENTO, Place, environment, find_place
from salary_kedro.serving.request_metrics import request_metrics
from salary_kedro.serving.schemas import ModelFacts, Schemas

log = logging.getLogger("salary_kedro.serving")

POLL_SECONDS = 0.25
RETRY_SECONDS = 10
#: After so long a look at the bundles that goes on is told of; it is waited for at the start.
STALL_SECONDS = 15.0


def open_predictor() -> "Predictor":
    """The predictor over the bundles of what is served, which verifies them if keys are given.

    Raises:
        UserError: If it is not clear what is served, or a key cannot be read.
    """
    place = find_place()
    limits.max_model_bytes()  # a setting that is wrong must not wait for the first model
    return Predictor(BundleStore(place.folder, place.only, read_verifier()), place)


def _advice(place: Place, empty: bool) -> str:
    """What to do when nothing can be served; `empty` if nothing was ever packaged."""
    env = environment()
    if bundles_override():
        return "see that SALARY_BUNDLES names a folder of bundles, and that it can be read here"
    if place.bento:
        return f"rebuild the Bento with {BUILD_BENTO}"
    if empty:
        return f"package one with `make run{env and f' ENV={env}'}`"
    return f"repair it with `kedro models doctor --fix{env and f' --env {env}'}`"


@dataclass(frozen=True)
class Served:
    """A bundle with the request and response models made from its contract.

    Attributes:
        choice: The bundle, and why this one.
        schemas: The models that its contract asks for.
        check: Tells what of a row its training did not cover.
        facts: What the bundle says about its model, as JSON.
        version: What each answer says of the model.
        possible: What the target may be, and predictions should.
    """

    choice: Choice
    schemas: Schemas
    check: DomainCheck
    facts: Mapping[str, Any]
    version: Mapping[str, Any]
    possible: Interval

    @classmethod
    def of(cls, choice: Choice, before: Self | None = None) -> Self:
        """Derive what a chosen bundle is served with.

        The schemas of a bundle before that has the same contract are used again: they take
        longer to make than the rest, and classes are slow to leave the memory. Whatever a
        request may ask of the bundle is made here once, so that none of it fails later.
        """
        bundle = choice.bundle
        same = before is not None and before.bundle.contract == bundle.contract
        schemas = before.schemas if before and same else Schemas.of(bundle.contract)
        facts = ModelFacts.of(bundle).model_dump(mode="json")
        json.dumps([facts, describe(bundle, schemas)], allow_nan=False)
        version = {"model_name": bundle.model_name, "model_version": bundle.version}
        check, possible = DomainCheck(bundle.domain, bundle.contract), bundle.contract.target.bounds
        return cls(choice, schemas, check, facts, version, possible)

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
        place: Where bundles are looked for.
        history: What was decided about the versions, as it lies beside the bundles.
    """

    def __init__(self, store: BundleStore, place: Place | None = None) -> None:
        """Take a store; nothing is loaded before `follow` or `refresh`."""
        self.served: Served | None = None
        self.problem = ""
        self.place = place or Place("project", store.folder)
        self.history = HeldHistory(store)
        self._store = store
        self._seen: object = None
        self._trouble: str | None = None
        self._logged: str | None = None
        self._retry_at = 0.0
        self._empty = False
        self._derived: Served | None = None
        #: Held while what was found is taken over: the watchdog writes the same attributes.
        self._lock = threading.RLock()
        self._looking_since: float | None = None
        self._stalled = self._is_settled = False

    def follow(self) -> None:
        """Serve the bundle to be served, and look for another several times a second from now on.

        Returns when the first look has ended, or takes too long. The threads end with the process.
        """
        forget_dead_workers()
        request_metrics()  # whose series are to be there before the first request
        looked = threading.Event()
        for name, run in (("bundles", lambda: self._poll(looked)), ("watchdog", self._watch)):
            threading.Thread(target=run, name=name, daemon=True).start()
        looked.wait(STALL_SECONDS)

    def _poll(self, looked: threading.Event) -> None:
        pause = threading.Event()
        while True:
            self._looking_since = time.monotonic()
            try:
                self.refresh()
                if not looked.is_set():
                    self._log_trouble()
            except Exception:  # whatever it was, the thread must go on looking
                log.exception("the bundles could not be inspected; the model stays as it is")
            self._looked()
            if self.served is not None and not self._is_settled:
                self._is_settled = True
                _settle()
            looked.set()
            pause.wait(POLL_SECONDS)

    def _watch(self) -> None:
        pause = threading.Event()
        while not pause.wait(min(1.0, STALL_SECONDS)):
            self._check_stall()

    def _check_stall(self) -> None:
        """Tell of a look at the bundles that does not end, as on a network mount that is gone."""
        with self._lock:
            since = self._looking_since
            if self._stalled or since is None or time.monotonic() - since < STALL_SECONDS:
                return
            self._stalled = True
            model_metrics().stalled(True)
            self._refuse(
                f"inspecting the bundles in {self._store.folder} has not finished for "
                f"{STALL_SECONDS:g} s; see whether its disk or network mount answers"
            )
            self._log_trouble()

    def _looked(self) -> None:
        with self._lock:
            self._looking_since = None
            if self._stalled:
                self._stalled, self._retry_at = False, 0.0
                model_metrics().stalled(False)

    def refresh(self) -> None:
        """Serve what the pointer names, if that or the bundle changed since the last look.

        The history is looked at first, so that the card of a new model tells of its promotion.
        What is refused is logged when the next look finds it unchanged, for until then it
        may be a bundle that is still being copied. It is tried again now and then even so:
        a full table of open files passes, and leaves no trace in the folder.
        """
        self.history.refresh()
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
            with self._lock:
                self._refuse(str(error))
            return
        written = self._store.written(found.bundle.name)
        with self._lock:
            self._trouble = self._logged = found.choice.reason
            self._retry_at = time.monotonic() + RETRY_SECONDS
            self._swap(found, written)

    def _find(self) -> Served:
        """Load what the pointer names; only if nothing is served yet, a reserve may do.

        Raises:
            BundleError: If there is nothing good to move to.
        """
        store, before, self._empty = self._store, self.served, False
        choose = store.choose if before is None else store.load_current
        choice = choose(self._derive)
        derived, self._derived = self._derived, None
        if choice is not None and derived is not None:
            return derived.because(choice.source, choice.reason)
        if before is not None or store.names():
            raise BundleError(f"the pointer {store.folder / POINTER} is gone")
        self._empty = True
        raise BundleError(f"there is no model to serve yet in {store.folder}")

    def _derive(self, bundle: Bundle) -> None:
        """Make what a bundle is served with; it is not good if that cannot be made."""
        try:
            self._derived = Served.of(Choice(bundle, "current", None), self.served)
        except Exception as error:  # a contract for which no request model can be made, say
            raise BundleError(f"bundle {bundle.name}: {error!r}") from error

    def _refuse(self, reason: str) -> None:
        model_metrics().failed()
        self._trouble, self._retry_at = reason, time.monotonic() + RETRY_SECONDS
        self.problem = f"{reason}; {_advice(self.place, self._empty)}; the service will pick it up"
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

    def _swap(self, found: Served, written: float) -> None:
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
        contract = found.bundle.contract
        request_metrics().expect(contract.feature_names, contract.target.name)
        model_metrics().serve(found.bundle, written)
        model_metrics().follows(reason is None)
        model_metrics().count("swapped" if reason is None else "reserve")


def _settle() -> None:
    """Take out of the collector's sight what stays: a full round over it holds up all requests.

    That is such a round itself. So it is not for models that follow, which are few objects more,
    and which the collector must see to find what they leave in circles.
    """
    gc.collect()
    gc.freeze()
