"""The answer to CloudFormation: crhelper, with its traps closed.

crhelper 2.0.12 as it comes keeps the end of a long reason and cuts off its beginning, makes up
random physical ids, answers a time-out with an empty one and then a second time, takes every HTTP
status for a delivery, logs properties and answers at DEBUG, sleeps two minutes on every Delete, and
makes three clients for a poller that nobody here uses.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from crhelper import FAILED, CfnResource

from custom_resources.shared import log
from custom_resources.shared.delivery import deliver
from custom_resources.shared.failure import Failure
from custom_resources.shared.request import Answer, Context, Request
from custom_resources.shared.sentences import place, sentence

# Time to answer before Lambda ends the function; a TLS handshake with S3 has to fit in.
_SECONDS_TO_ANSWER = 5.0
# A response has at most 4096 bytes, all fields together, and the ids take their part of it
# (CloudFormation user guide, "Custom resource response objects").
_REASON_CHARACTERS = 1024


class CustomResource(CfnResource):
    """crhelper's `CfnResource` for one resource type. Call it with Lambda's event and context."""

    # crhelper sets these, but its stub doesn't know them.
    _event: Mapping[str, Any]
    _context: Context
    _response_url: str
    _timer: threading.Timer | None

    def __init__(self) -> None:
        logging.basicConfig()  # Lambda's root logger has a handler, another host's may not
        self._begin()
        os.environ.setdefault("AWS_SAM_LOCAL", "true")  # crhelper then makes no poller's clients
        super().__init__(
            json_logging=True,
            log_level=os.environ.get("LOG_LEVEL", "INFO"),
            boto_level="ERROR",
            sleep_on_delete=0,
        )
        logging.getLogger("crhelper").setLevel(logging.INFO)

    @contextmanager
    def importing(self) -> Iterator[None]:
        """Guard the imports of a function's own modules: CloudFormation gets an answer even if a
        library in the zip was built for another Python or another processor."""
        try:
            yield
        except Exception as error:
            happened = f"The function cannot load its code: {type(error).__name__}: {error}."
            remedy = "Build the functions for the runtime and architecture of the support stack."
            self.init_failure(Failure(happened, remedy))

    def converge(self, work: Callable[[Request], Answer]) -> None:
        """Register what Create and Update do."""

        def run(event: Mapping[str, Any], _context: object) -> str:
            answer = work(Request(event, self._claim, self._seconds_left))
            self.Data = dict(answer.data)
            return answer.physical_id

        self.create(self._in_sentences(run))
        self.update(self._in_sentences(run))

    def remove(self, prefix: str, work: Callable[[Request], None]) -> None:
        """Register what Delete does to resources whose physical id begins with the prefix.

        Any other id is that of a resource that was never created: its Delete succeeds.
        """

        def run(event: Mapping[str, Any], _context: object) -> str:
            request = Request(event, self._claim, self._seconds_left)
            if request.physical_id.startswith(prefix):
                work(request)
            else:
                log.info("nothing to delete", physical_id=request.physical_id)
            return request.physical_id

        self.delete(self._in_sentences(run))

    def __call__(self, event: Mapping[str, Any], context: Context) -> None:
        """Do what the event asks for, and answer its `ResponseURL`.

        Raises:
            Failure: CloudFormation didn't get the answer; Lambda counts it among the errors.
        """
        self._begin()
        log.forget_secrets()
        super().__call__(event, context)
        if self._timer:
            self._timer.join()  # it may be answering; Lambda would freeze it on our return
        if self._undelivered:
            raise self._undelivered

    def _begin(self) -> None:
        self._claimed = ""
        self._answer = threading.Lock()
        self._undelivered: Failure | None = None

    def generate_physical_id(self, event: Mapping[str, Any]) -> str:
        """The id that answers a Create which failed."""
        return self._claimed or f"not-created:{event['LogicalResourceId']}"

    def _claim(self, physical_id: str) -> None:
        self._claimed = physical_id

    def _in_sentences(
        self, work: Callable[[Mapping[str, Any], object], str]
    ) -> Callable[[Mapping[str, Any], object], str]:
        """Turn an error into a sentence, before crhelper can log or send it as it is."""

        def run(event: Mapping[str, Any], context: object) -> str:
            try:
                physical_id = work(event, context)
            except Exception as error:
                self.Status, self.Reason, self.Data = FAILED, sentence(error), {}
                log.error("failed", reason=self.Reason, at=place(error))
                return ""
            log.info("done", physical_id=physical_id, **self.Data)
            return physical_id

        return run

    def _set_timeout(self) -> None:
        seconds = self._seconds_left() - _SECONDS_TO_ANSWER
        self._timer = threading.Timer(max(seconds, 0), self._timeout)
        self._timer.daemon = True
        self._timer.start()

    def _timeout(self) -> None:
        happened = "The function ran out of time."
        remedy = "See its log for the last thing it did, then deploy again."
        log.error("timed out")
        self._send(FAILED, f"{happened} {remedy}")

    def _send(self, status: str | None = None, reason: str = "") -> None:
        # The timer's thread and the work's may both want to answer: the first one does.
        if not self._answer.acquire(blocking=False):
            return
        physical_id = self.PhysicalResourceId or self._event.get("PhysicalResourceId")
        body = {
            "Status": status or self.Status,
            "PhysicalResourceId": physical_id or self.generate_physical_id(self._event),
            "StackId": self.StackId,
            "RequestId": self.RequestId,
            "LogicalResourceId": self.LogicalResourceId,
            "Reason": _fitting(reason or self.Reason),
            "Data": {} if status == FAILED else self.Data,
            "NoEcho": False,
        }
        try:
            deliver(self._response_url, body, self._seconds_left)
        except Failure as undelivered:
            # crhelper would swallow it here.
            log.error("not answered", reason=undelivered)
            self._undelivered = undelivered

    def _seconds_left(self) -> float:
        return self._context.get_remaining_time_in_millis() / 1000


def _fitting(reason: str) -> str:
    # ASCII alone, since JSON makes six bytes of any other character.
    return reason.encode("ascii", "replace").decode()[:_REASON_CHARACTERS]
