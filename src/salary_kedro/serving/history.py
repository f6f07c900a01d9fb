"""Holds the history of decisions that lies beside the bundles, and follows it."""

import gzip
import logging
import time

from salary_kedro.bundle import BundleError, BundleStore
from salary_kedro.bundle.history import NONE_YET, ServedHistory
from salary_kedro.serving.answers import JSON, Answer
from salary_kedro.serving.compression import LEVEL, PACKED

log = logging.getLogger("salary_kedro.serving")

RETRY_SECONDS = 10


class HeldHistory:
    """The history as it was found last, packed: few ask for it, and it may be long.

    Attributes:
        brief: What cards need of it.
    """

    def __init__(self, store: BundleStore) -> None:
        """Take a store; nothing is read before `refresh`."""
        self._store = store
        self._seen: object = None
        self._trouble: str | None = None
        self._is_told = True
        self._retry_at = 0.0
        self._hold(ServedHistory(reason=NONE_YET))

    def refresh(self) -> None:
        """Take what lies beside the bundles, if that changed since the last look.

        What is refused takes the place of what is held when the next look finds it unchanged,
        for until then its signature may still be on its way; it is tried again now and then.
        """
        state = self._store.history_state()
        if state == self._seen:
            if self._trouble is None:
                return
            self._refuse(self._trouble)
            if time.monotonic() < self._retry_at:
                return
        self._seen = state
        self._try()

    def _try(self) -> None:
        try:
            found = self._store.history()
        except BundleError as error:
            self._is_told = self._is_told and str(error) == self._trouble
            self._trouble, self._retry_at = str(error), time.monotonic() + RETRY_SECONDS
            return
        self._trouble, self._is_told = None, False
        self._hold(found or ServedHistory(reason=NONE_YET))

    def _refuse(self, trouble: str) -> None:
        if not self._is_told:
            self._is_told = True
            log.error("%s", trouble)
            self._hold(ServedHistory(reason=trouble))

    def _hold(self, history: ServedHistory) -> None:
        self._packed = gzip.compress(history.to_json(), LEVEL, mtime=0)
        self.brief = history.brief()

    def answer(self, packed: bool) -> Answer:
        """The history as JSON, compressed by gzip or not."""
        if packed:
            return Answer(200, self._packed, (*JSON, *PACKED))
        return Answer(200, gzip.decompress(self._packed), JSON)
