"""What to tell of an event of ECS, and how. No calls.

Source: Amazon ECS developer guide, "Amazon ECS task state change events", "Amazon ECS service
deployment state change events" and "Amazon ECS stopped tasks error codes"; API reference, Task
(`startedBy` of a service's task is its deployment, its `group` is `service:NAME`).

Of an event only the fields named here are told: the overrides of a task hold values of its
environment.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from custom_resources.shared.failure import Failure

_DEPLOYMENT, _TASK = "ECS Deployment State Change", "ECS Task State Change"
_FAILED, _STOPPED = "SERVICE_DEPLOYMENT_FAILED", "STOPPED"
_GROUP = "service:"
# By others: who stopped them knows, and scaling and deployments do so all the time.
_BY_OTHERS = ("ServiceSchedulerInitiated", "UserInitiated", "")
_PAGE = "docs/alarms/notices.md"
_MOST_CHARACTERS = 500  # of what ECS says; a reason may quote a whole answer
_MOST_OF_A_SUBJECT = 99  # "less than 100 characters" (SNS API reference, Publish)

Event = Mapping[str, Any]


@dataclass(frozen=True)
class Notice:
    """What is told.

    Args:
        once: what it is told of once: a deployment and a kind of event.
        cause: whose event it is: the task, or the deployment. The same event may come again.
        subject: of the mail, ASCII.
        text: one sentence on what happened, one on what to do, and where to read on.
    """

    once: str
    cause: str
    subject: str
    text: str


def notice(event: Event) -> Notice | None:
    """What to tell of an event; None if it is nothing to tell of.

    Args:
        event: of EventBridge, from ECS.
    Raises:
        Failure: it lacks what AWS documents.
    """
    try:
        kind, detail = event["detail-type"], event["detail"]
        if kind == _DEPLOYMENT and detail["eventName"] == _FAILED:
            return _of_deployment(event["resources"][0], detail)
        if kind == _TASK and detail["lastStatus"] == _STOPPED:
            return _of_task(detail)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        raise Failure(
            "The event is none that ECS is documented to send.",
            "See which rule has this function as its target, and what ECS sends to it.",
        ) from None
    return None


def _of_deployment(service_arn: str, detail: Event) -> Notice:
    platform, service = service_arn.rsplit("/", 2)[1:]
    deployment = detail["deploymentId"]
    who = _named(platform, service)
    return Notice(
        once=f"{deployment} {_FAILED}",
        cause=deployment,
        subject=_subject(platform, service, "a deployment failed"),
        text=(
            f"Deployment {_plain(deployment)} of service {_plain(service)} of {_plain(platform)} "
            f"failed: {_ended(_plain(detail.get('reason') or 'ECS gives no reason'))}\n"
            "ECS takes the service back to the last deployment that succeeded, if there is one. "
            "What the tasks wrote says why:\n"
            f"ansible-playbook playbooks/logs.yml {who} -e since=1d\n"
            f"({_PAGE}, deployment-failed)"
        ),
    )


def _of_task(detail: Event) -> Notice | None:
    code, group = detail.get("stopCode") or "", detail.get("group") or ""
    if code in _BY_OTHERS or not group.startswith(_GROUP):
        return None
    platform, service = detail["clusterArn"].rsplit("/", 1)[1], group.removeprefix(_GROUP)
    deployment, task = detail["startedBy"], detail["taskArn"].rsplit("/", 1)[1]
    containers = [it for told in detail.get("containers") or () if (it := _container(told))]
    said = "; ".join(filter(None, [_plain(detail.get("stoppedReason") or ""), *containers]))
    return Notice(
        once=f"{deployment} {code}",
        cause=detail["taskArn"],
        subject=_subject(platform, service, f"a task stopped ({code})"),
        text=(
            f"Task {_plain(task)} of service {_plain(service)} of {_plain(platform)}, deployment "
            f"{_plain(deployment)}, stopped by itself with {_plain(code)}"
            f"{': ' if said else '.'}{_ended(said)}\n"
            f"{_advice(code, _named(platform, service), _plain(task))}\n"
            f"Others of this deployment that stop with the same code aren't told of ({_PAGE}, "
            "task-stopped)."
        ),
    )


def _advice(code: str, who: str, task: str) -> str:
    """What to do, and in a line of its own the command for it."""
    status = f"ansible-playbook playbooks/status.yml {who}"
    if code == "EssentialContainerExited":
        logs = f"ansible-playbook playbooks/logs.yml {who} -e task={task} -e since=1d"
        return f"The last lines that it wrote say why:\n{logs}"
    if code == "TaskFailedToStart":
        return f"Mend what the reason names, and see whether others run:\n{status}"
    return (
        f"Nothing is to be done, since ECS starts another one; this says whether it runs:\n{status}"
    )


def _container(told: Event) -> str:
    """What ECS says of a container; empty if it says nothing of its end."""
    code, reason = told.get("exitCode"), _plain(told.get("reason") or "")
    ended = [] if code is None else [f"exit code {int(code)}"]
    said = ", ".join([*ended, *([reason] if reason else [])])
    return f"container {_plain(told['name'])}: {said}" if said else ""


def _named(platform: str, service: str) -> str:
    return f"-e service_platform={_plain(platform)} -e service_name={_plain(service)}"


def _subject(platform: str, service: str, what: str) -> str:
    """The subject of a mail: ASCII without control characters (SNS API reference, Publish)."""
    text = _plain(f"{platform} {service}: {what}")
    return text.encode("ascii", "replace").decode()[:_MOST_OF_A_SUBJECT]


def _plain(text: str) -> str:
    """A text in one line, without what a terminal or a mail reader would obey, and not too long."""
    printable = "".join(it if it.isprintable() else " " for it in str(text))
    line = " ".join(printable.split())
    return line if len(line) <= _MOST_CHARACTERS else f"{line[:_MOST_CHARACTERS]}..."


def _ended(text: str) -> str:
    """A text with a full stop, if it has any words."""
    return text if not text or text.endswith(".") else f"{text}."
