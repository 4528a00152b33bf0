"""Steady requests to one host, each with its answer, on connections of their own."""

from __future__ import annotations

import http.client
import urllib.parse

from local_aws.control import LocalAws
from tests.repeating import Repeating


class Requests(Repeating):
    """Ask for a path of a host from a thread until the block ends; redirects aren't followed.

    Attributes:
        answers: what came: a status, or 0 for a connection that broke.
    """

    def __init__(self, aws: LocalAws, host: str, path: str = "/") -> None:
        super().__init__(pause=0.02)
        address, self._headers = aws.url(host, path)
        self._address = urllib.parse.urlsplit(address)
        self.answers: list[int] = []

    def lost(self, *expected: int) -> int:
        """Return how many requests got neither 200 nor one of the expected answers."""
        return sum(answer not in (200, *expected) for answer in self.answers)

    def lost_after_the_first(self) -> int:
        """Return how many requests got no 200 once one had."""
        first = self.answers.index(200) if 200 in self.answers else 0
        return sum(answer != 200 for answer in self.answers[first:])

    def once(self) -> None:
        """Ask, and note the answer."""
        self.answers.append(self._ask())

    def _ask(self) -> int:
        connection = http.client.HTTPConnection(self._address.netloc, timeout=10)
        try:
            connection.request("GET", self._address.path, headers=self._headers)
            answer = connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException):
            return 0
        finally:
            connection.close()
        return answer.status
