"""Questions to AWS that are asked side by side, and what of them isn't allowed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from ansible_collections.quayside.fargate.plugins.plugin_utils import aws
from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError

# ECS and CloudFormation take bursts of this size; more threads than this wait for one processor.
AT_ONCE = 16
_NAMED = 3  # services that a sentence names; of more it says how many

Answer = TypeVar("Answer")
Item = TypeVar("Item")


class LeftOut:
    """What may not be asked: noted by several threads, told as sentences."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._whose: dict[tuple[str, str], list[str]] = {}

    def note(self, what: str, why: str, whose: Sequence[str] = ()) -> None:
        """Note that something isn't told.

        Args:
            what: is left out, such as `tags of images`.
            why: the rest of the sentence, such as `ecr:DescribeImages isn't allowed`.
            whose: names of the services that lack it; none for all.
        """
        with self._lock:
            self._whose.setdefault((what, why), []).extend(whose)

    def sentences(self) -> list[str]:
        """Return a sentence for each thing that is left out, sorted."""
        return sorted(
            f"Left out: {what}{_of(whose)}, since {why}."
            for (what, why), whose in self._whose.items()
        )


def _of(whose: Iterable[str]) -> str:
    names = sorted(set(whose))
    if not names:
        return ""
    more = len(names) - _NAMED
    return f" of {', '.join(names[:_NAMED])}" + (f" and {more} more" if more > 0 else "")


class Questions:
    """Asks AWS, many questions at the same time.

    Args:
        pool: whose threads ask.
        left_out: gets to know what isn't allowed.
    """

    def __init__(self, pool: ThreadPoolExecutor, left_out: LeftOut) -> None:
        self._pool = pool
        self._left_out = left_out

    def ask(
        self,
        call: Callable[[], Answer],
        default: Answer,
        what: str,
        action: str,
        whose: Sequence[str] = (),
    ) -> Answer:
        """Return what a call answers, and the default if it isn't allowed.

        Args:
            call: asks AWS.
            default: stands for what may not be asked.
            what: is left out then, such as `tags of images`.
            action: of IAM, such as ``ecr:DescribeImages``.
            whose: names of the services that it is asked for.

        Raises: StackError if AWS refuses for another reason.
        """
        try:
            return call()
        except StackError as error:
            if aws.code(error.__cause__ or error) not in aws.DENIED:
                raise
        except aws.AwsError as error:
            if aws.code(error) not in aws.DENIED:
                raise StackError(aws.explain(error, action.partition(":")[2])) from error
        self._left_out.note(what, f"{action} isn't allowed", whose)
        return default

    def each(
        self, items: Iterable[Item], question: Callable[[Item], Answer]
    ) -> Callable[[], list[Answer]]:
        """Begin to ask a question about each item; return what waits for the answers, in order."""
        begun = [self._pool.submit(question, item) for item in items]
        return lambda: [it.result() for it in begun]

    def begin(self, question: Callable[[], Answer]) -> Callable[[], Answer]:
        """Begin to ask one question; return what waits for the answer."""
        return self._pool.submit(question).result


def chunks(items: Sequence[Item], size: int) -> list[Sequence[Item]]:
    """Return items in groups of a size, which a call takes at a time."""
    return [items[start : start + size] for start in range(0, len(items), size)]


def by_name(answers: Iterable[Sequence[dict[str, Any]]], key: str) -> dict[str, dict[str, Any]]:
    """Return what several calls answered, by a member of each entry."""
    return {str(it[key]): it for answer in answers for it in answer}
