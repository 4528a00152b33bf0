"""Answers of an AWS about one service, given by a loopback server for as many as are wanted.

What is recorded are the bodies that a local AWS sent. For each further service the name of the
first is replaced in them by its own. The server takes as long as it is told for each call, takes as
many names at a time as AWS does and no more, and throttles where AWS says at which rate it does
(Amazon ECS API reference, "Request throttling"; CloudTrail API reference, LookupEvents). How many
stacks AWS puts on a page of DescribeStacks isn't said: here 50, and 100 on one of ListStacks.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import re
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs
from xml.etree import ElementTree

from local_aws.control import LocalAws

NAME = "orders"  # the service that is recorded
_CFN = "http://cloudformation.amazonaws.com/doc/2010-05-15/"
_PAGES = {"ListStacks": 100, "DescribeStacks": 50}
_AT_A_TIME = {
    "DescribeServices": ("services", 10),
    "DescribeServiceDeployments": ("serviceDeploymentArns", 20),
    "DescribeServiceRevisions": ("serviceRevisionArns", 20),
}
# action: the list's name, how many are on a page, and which of the recorded are the service's
_LISTS = {
    "LookupEvents": ("Events", 50, f"service-{NAME}/"),
    "ListSecrets": ("SecretList", 100, f"/{NAME}/db/"),
}
# action: calls at once, calls a second
_RATES = {
    "DescribeServices": (100, 20),
    "DescribeServiceDeployments": (50, 20),
    "ListServiceDeployments": (50, 20),
    "DescribeServiceRevisions": (50, 20),
    "LookupEvents": (2, 2),
}


@dataclass(frozen=True)
class Recorded:
    """What an AWS answered.

    bodies: of the answers, by action, and by action and the user for secrets; types: their content
    types; account, region, platform: where.
    """

    bodies: dict[str, str]
    types: dict[str, str]
    region: str
    platform: str

    @classmethod
    def read(cls, file: Path) -> Recorded:
        """Return what `write` wrote."""
        return cls(**json.loads(file.read_text()))

    def write(self, file: Path) -> None:
        """Keep it in a file."""
        file.write_text(json.dumps(asdict(self)))


def record(aws: LocalAws, platform: str) -> Recorded:
    """Ask an AWS with one service all that status.yml asks; return its answers.

    Args:
        aws: the local AWS.
        platform: with the service NAME.
    """
    bodies: dict[str, str] = {}
    types: dict[str, str] = {}

    def ask(service: str, operation: str, key: str = "", **request: Any) -> Any:
        client = aws.client(service)

        def keep(response_dict: dict[str, Any], **_: Any) -> None:
            name = operation.title().replace("_", "") + key
            bodies[name] = response_dict["body"].decode("latin-1")
            types[name] = response_dict["headers"].get("content-type", "")

        client.meta.events.register("before-parse", keep)
        return getattr(client, operation)(**request)

    ask("cloudformation", "list_stacks")
    ask("cloudformation", "describe_stacks")
    ask("cloudwatch", "describe_alarms", AlarmNamePrefix=f"{platform}-", StateValue="ALARM")
    attribute = {"AttributeKey": "EventName", "AttributeValue": "ExecuteChangeSet"}
    ask("cloudtrail", "lookup_events", LookupAttributes=[attribute])
    (service,) = ask("ecs", "describe_services", cluster=platform, services=[NAME])["services"]
    ask(
        "ecs",
        "describe_service_deployments",
        serviceDeploymentArns=[service["currentServiceDeployment"]],
    )
    arns = [it["arn"] for it in service["currentServiceRevisions"]]
    answer = ask("ecs", "describe_service_revisions", serviceRevisionArns=arns[:1])
    ask("secretsmanager", "list_secrets")
    for user in ("blue", "green"):
        ask("secretsmanager", "describe_secret", user, SecretId=f"{platform}/{NAME}/db/{user}")
    digest = answer["serviceRevisions"][0]["containerImages"][0]["imageDigest"]
    ask("ecr", "describe_images", repositoryName=NAME, imageIds=[{"imageDigest": digest}])
    return Recorded(bodies, types, aws.region, platform)


# --- The server ---


@dataclass
class _Bucket:
    """Amazon's token bucket."""

    size: float
    rate: float
    tokens: float = field(init=False)
    at: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.tokens = self.size

    def take(self) -> bool:
        now = time.monotonic()
        self.tokens = min(self.size, self.tokens + (now - self.at) * self.rate)
        self.at = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


class _Aws:
    """Answers calls."""

    def __init__(self, found: Recorded, count: int, denied: Sequence[str]) -> None:
        self._found = found
        self._denied = denied
        self.names = [NAME, *(f"{NAME}-{number:03}" for number in range(1, count))]
        self._buckets = {name: _Bucket(*rate) for name, rate in _RATES.items()}
        self.answered: Counter[str] = Counter()
        self.throttled: Counter[str] = Counter()
        self._stacks = {action: self._multiplied(action) for action in _PAGES}
        self._by_name = dict(self._named(self._stacks["DescribeStacks"]))
        self._lists = {action: self._of_everyone(action) for action in _LISTS}

    def answer(self, action: str, request: dict[str, Any]) -> tuple[int, str, str]:
        """Return status, content type and body."""
        bucket = self._buckets.get(action)
        if bucket and not bucket.take():
            self.throttled[action] += 1
            return self._refused("ThrottlingException", "Rate exceeded")
        self.answered[action] += 1
        if action in self._denied and "StackName" not in request:
            return self._denial(action)
        if action in _PAGES:
            return self._page(action, request)
        if action in _AT_A_TIME:
            return self._entries(action, request[_AT_A_TIME[action][0]])
        if action in _LISTS:
            return self._listed(action, int(request.get("NextToken", 0)))
        # shop/orders/db/blue; the user's answers are the recorded ones of that user
        _, name, _, user = request.get(
            "SecretId", f"/{request.get('repositoryName', NAME)}//"
        ).split("/")
        return self._recorded(action + user, name)

    def _recorded(self, key: str, name: str) -> tuple[int, str, str]:
        return 200, self._found.types[key], _called(self._found.bodies[key], name)

    def _entries(self, action: str, asked: Sequence[str]) -> tuple[int, str, str]:
        given, most = _AT_A_TIME[action]
        if len(asked) > most:
            return self._refused("InvalidParameterException", f"{given} has more than {most}")
        body = json.loads(self._found.bodies[action])
        (member,) = [it for it in body if it != "failures"]
        text = json.dumps(body[member][0])
        names = [it.split("/")[-2] if it.startswith("arn:") else it for it in asked]
        entries = ",".join(_called(text, it) for it in names)
        return 200, self._found.types[action], f'{{"{member}": [{entries}], "failures": []}}'

    def _listed(self, action: str, start: int) -> tuple[int, str, str]:
        member, size, _mine = _LISTS[action]
        page = self._lists[action][start : start + size]
        more = {"NextToken": str(start + size)} if start + size < len(self._lists[action]) else {}
        return 200, self._found.types[action], json.dumps({member: page, **more})

    def _of_everyone(self, action: str) -> list[dict[str, Any]]:
        member, _size, mine = _LISTS[action]
        texts = [json.dumps(it) for it in json.loads(self._found.bodies[action])[member]]
        texts = [it for it in texts if re.search(mine, it)]
        return [json.loads(_called(it, name)) for name in self.names for it in texts]

    def _multiplied(self, action: str) -> list[str]:
        """Return the members of all stacks."""
        root = ElementTree.fromstring(self._found.bodies[action])
        listed = root.find(
            f".//{{{_CFN}}}" + ("Stacks" if "Describe" in action else "StackSummaries")
        )
        assert listed is not None
        texts = [ElementTree.tostring(it, encoding="unicode") for it in listed]
        mine = re.compile(f">[a-z-]+-(service|monitoring)-{NAME}<")
        own = [it for it in texts if not mine.search(it)]
        services = [it for it in texts if mine.search(it)]
        return own + [_called(it, name) for name in self.names for it in services]

    @staticmethod
    def _named(members: Sequence[str]) -> Iterator[tuple[str, str]]:
        for it in members:
            (name,) = re.findall(r"StackName>([^<]+)<", it)
            yield name, it

    def _page(self, action: str, request: dict[str, Any]) -> tuple[int, str, str]:
        start, size = int(request.get("NextToken", 0)), _PAGES[action]
        if "StackName" in request:
            page, rest = [self._by_name[request["StackName"]]], False
        else:
            page = self._stacks[action][start : start + size]
            rest = start + size < len(self._stacks[action])
        token = f"<NextToken>{start + size}</NextToken>" if rest else ""
        member = "Stacks" if action == "DescribeStacks" else "StackSummaries"
        return (
            200,
            "text/xml",
            f'<{action}Response xmlns="{_CFN}"><{action}Result><{member}>{"".join(page)}</{member}>'
            f"{token}</{action}Result></{action}Response>",
        )

    def _denial(self, action: str) -> tuple[int, str, str]:
        if action not in _PAGES:
            return self._refused("AccessDeniedException", "not allowed")
        return (
            403,
            "text/xml",
            f'<ErrorResponse xmlns="{_CFN}"><Error><Type>Sender</Type><Code>AccessDenied</Code>'
            "<Message>not allowed</Message></Error><RequestId>1</RequestId></ErrorResponse>",
        )

    @staticmethod
    def _refused(code: str, message: str) -> tuple[int, str, str]:
        body = json.dumps({"__type": code, "message": message})
        return 400, "application/x-amz-json-1.1", body


def _called(text: str, name: str) -> str:
    """Return an answer about the recorded service as one about another."""
    return re.sub(
        rf"(?<![a-z-]){NAME}(?![a-z-])|(?<=service-){NAME}|(?<=monitoring-){NAME}", name, text
    )


class _Front:
    """Speaks HTTP/1.1, and takes its time."""

    def __init__(self, aws: _Aws, seconds: float) -> None:
        self._aws = aws
        self._seconds = seconds
        self._now = self.most = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of a connection until it is closed."""
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                headers = {
                    name.lower(): value.strip()
                    for name, _, value in (it.partition(":") for it in head.split("\r\n")[1:-2])
                }
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                writer.write(await self._answer(head, headers, body))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def _answer(self, head: str, headers: dict[str, str], body: bytes) -> bytes:
        if head.startswith("GET /calls"):
            told = {
                "answered": self._aws.answered,
                "throttled": self._aws.throttled,
                "at_once": self.most,
            }
            return _response(200, "application/json", json.dumps(told))
        self._now += 1
        self.most = max(self.most, self._now)
        await asyncio.sleep(self._seconds)
        self._now -= 1
        target = headers.get("x-amz-target", "")
        if target:
            return _response(*self._aws.answer(target.rpartition(".")[2], json.loads(body)))
        path = head.split(" ", 2)[1]
        if "/operation/" in path:  # Smithy's RPC v2
            return _response(*self._aws.answer(path.rpartition("/")[2], {}))
        form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        return _response(*self._aws.answer(form["Action"], form))


def _response(status: int, kind: str, text: str) -> bytes:
    body = text.encode("latin-1" if "cbor" in kind else "utf-8")
    protocol = "smithy-protocol: rpc-v2-cbor\r\n" if "cbor" in kind else ""
    return (
        f"HTTP/1.1 {status} OK\r\ncontent-type: {kind}\r\n{protocol}"
        f"content-length: {len(body)}\r\n\r\n".encode()
        + body
    )


@dataclass(frozen=True)
class Served:
    """A server that runs: its URL, and where it says it is."""

    endpoint: str
    region: str
    platform: str

    def calls(self) -> dict[str, Any]:
        """Return how many calls were answered and throttled, by action, and the most at once."""
        with urllib.request.urlopen(f"{self.endpoint}/calls", timeout=10) as answer:
            told: dict[str, Any] = json.loads(answer.read())
            return told


@contextmanager
def serving(
    found: Recorded, count: int, seconds: float, denied: Sequence[str] = ()
) -> Iterator[Served]:
    """Serve answers for as many services as are wanted, as long as the block lasts.

    Args:
        found: what was recorded.
        count: number of services.
        seconds: that each call takes.
        denied: actions that aren't allowed unless they name a stack.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(
        target=_run, args=(found, count, seconds, tuple(denied), theirs), daemon=True
    )
    process.start()
    try:
        yield Served(f"http://127.0.0.1:{ours.recv()}", found.region, found.platform)
    finally:
        process.terminate()
        process.join()


def _run(
    found: Recorded, count: int, seconds: float, denied: Sequence[str], started: Connection
) -> None:
    front = _Front(_Aws(found, count, denied), seconds)

    async def serve() -> None:
        server = await asyncio.start_server(front.serve, "127.0.0.1", 0)
        started.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(serve())
