"""A tracking server that follows a run, and that the run never waits for.

The run is recorded in the project's own store, at once and whatever becomes of the server. A thread
looks there every few seconds and delivers what is new, and between whiles earlier runs that the
server was away for. At the end it gets a moment for the rest; what it does not manage is delivered
by the next run, or by `kedro sync`. A run that the server refuses is set aside, so that it holds no
other one up.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from typing import TYPE_CHECKING

from graft.tracking.outbox import NO_ANSWER, Outbox, is_refusal, reason_of
from graft.tracking.provenance import process_tags

if TYPE_CHECKING:
    from graft.tracking.delivery import Delivery

logger = logging.getLogger(__name__)

# Seconds.
_INTERVAL = 3.0
_LONGEST_INTERVAL = 30.0  # while the server is away
_LONGEST_END = 30.0
_LONGEST_SILENCE = 5.0  # at the end, without anything delivered
_LONGEST_SILENCE_OF_ONE_AWAY = 0.8


class Mirror:
    """Delivers the runs that this process and its workers make from now on, live and at their end.

    Args:
        uri: Our own store.
        server: The tracking server.
    """

    def __init__(self, uri: str, server: str):
        self._outbox = Outbox(uri, server)
        self._process = process_tags()["process"]
        self._runs_before = len(self._outbox.runs_of(self._process))
        self._started_in = os.getpid()
        self._closing = threading.Event()
        self._trouble: str | None = None  # with the server
        self._refused: set[str] = set()  # runs
        self._asked_since: float | None = None  # when what is under way began, if anything is
        self._is_complete = False  # whether the server has all that it takes, at the end
        self._thread = threading.Thread(target=self._work, name="mirror", daemon=True)
        self._thread.start()

    def finish(self, seconds: float = _LONGEST_END) -> None:
        """Deliver the rest and stop, in less than a second where the server is away already.

        A server that falls silent at this very moment costs five seconds. Ctrl-C does no harm. In
        a fork, whose parent goes on, and for a second time nothing happens.

        Args:
            seconds: The longest that this may take.
        """
        if self._closing.is_set() or self._started_in != os.getpid():
            return
        import mlflow

        mlflow.flush_async_logging()  # curves that MLflow has yet to write into our own store
        silence = _LONGEST_SILENCE_OF_ONE_AWAY if self._trouble else _LONGEST_SILENCE
        begin = time.monotonic()
        silent_since = self._asked_since or begin  # it may have been silent for long already
        self._closing.set()
        self._thread.join(0.5)
        if self._thread.is_alive() and not self._trouble:
            logger.info("Delivering the run to %s; Ctrl-C does no harm.", self._outbox.server)
        while self._thread.is_alive():
            now = time.monotonic()
            if (
                now - begin > seconds
                or now - max(silent_since, self._outbox.last_progress) > silence
            ):
                break
            self._thread.join(0.1)
        self._tell()

    def page(self) -> str | None:
        """The address of the run's copy for a browser, None as long as there is no copy."""
        runs = self._own_runs()
        return self._outbox.page(runs[0]) if runs else None

    def _tell(self) -> None:
        if self._is_complete:
            if page := self.page():
                logger.info("The run is at %s", page)
            return
        logger.warning(
            "%s has not got all of this run (%s). Nothing is lost, for it is recorded in %s. The "
            "next run delivers the rest, and so does `kedro sync`.",
            self._outbox.server,
            self._trouble or NO_ANSWER,
            self._outbox.database,
        )

    def _own_runs(self) -> list[str]:
        return self._outbox.runs_of(self._process)[self._runs_before :]

    def _work(self) -> None:
        from graft.tracking.delivery import Delivery

        delivery = Delivery(self._outbox)
        earlier = self._outbox.ended_runs()
        pause = _INTERVAL
        while True:
            is_last = self._closing.is_set()  # asked before: what is recorded by now is delivered
            self._is_complete = self._deliver_own(delivery) and is_last
            if is_last:
                if self._is_complete or self._trouble:
                    return
                time.sleep(0.2)  # another process is at it
                continue
            pause = min(2 * pause, _LONGEST_INTERVAL) if self._trouble else _INTERVAL
            if earlier and not self._trouble and _deliver_earlier(delivery, earlier.pop()):
                continue
            self._closing.wait(pause)

    def _deliver_own(self, delivery: Delivery) -> bool:
        """Returns whether the server has all now that it takes."""
        self._asked_since = time.monotonic()
        try:
            run_ids = [*self._own_runs(), *self._outbox.runs_of_workers(self._process)]
            arrived = [
                self._deliver_one(delivery, run_id)
                for run_id in run_ids
                if run_id not in self._refused
            ]
        except Exception as error:  # of MLflow, of the network, of a store of artifacts
            if self._trouble is None and not self._closing.is_set():
                logger.warning(
                    "%s cannot be delivered to: %s. The run goes on, is recorded in %s and "
                    "delivered later.",
                    self._outbox.server,
                    reason_of(error),
                    self._outbox.database,
                )
            self._trouble = reason_of(error)
            return False
        finally:
            self._asked_since = None
        if self._trouble:
            logger.info("%s takes what is delivered again.", self._outbox.server)
            self._trouble = None
        return all(arrived)

    def _deliver_one(self, delivery: Delivery, run_id: str) -> bool:
        """Returns whether that is done: a run is sent or set aside, and not another's business."""
        try:
            return delivery.deliver(run_id) != "busy"
        except Exception as error:
            if not is_refusal(error):
                raise
            self._refused.add(run_id)
            logger.warning(
                "%s refuses the run %s: %s. It is set aside, and later runs are delivered. Nothing "
                "is lost, for it is recorded in %s; once the cause is gone, `kedro sync` delivers "
                "it.",
                self._outbox.server,
                run_id,
                reason_of(error),
                self._outbox.database,
            )
            return True


def _deliver_earlier(delivery: Delivery, run_id: str) -> bool:
    """Deliver a run that another process has left; returns whether that went well."""
    try:
        delivery.deliver(run_id)
    except Exception as error:
        logger.debug("The earlier run %s could not be delivered: %s.", run_id, reason_of(error))
        return False
    return True
