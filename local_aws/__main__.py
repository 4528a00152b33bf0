"""The command line: python -m local_aws start|stop|status|env|push|url|run."""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import sys
from pathlib import Path

from local_aws.control import LocalAws
from local_aws.errors import LocalAwsError
from local_aws.settings import DEFAULT_REGION

# `env` exports it, so that a shell has its local AWS whatever folder it is in.
_DIRECTORY = "LOCAL_AWS_DIRECTORY"


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return its exit status."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except LocalAwsError as error:
        print(f"local_aws: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m local_aws", description="An AWS on this machine, without Docker."
    )
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--directory",
        type=Path,
        default=Path(os.environ.get(_DIRECTORY, "build/local_aws")),
        help=f"where it keeps everything (${_DIRECTORY}, else build/local_aws)",
    )
    where = argparse.ArgumentParser(add_help=False)
    where.add_argument("--port", type=int, help="of the API (start: 4566; run: a free one)")
    where.add_argument("--region", default=DEFAULT_REGION)
    where.add_argument(
        "--strict",
        action="store_true",
        default=None,
        help="answer a moment late and throttle calls, as AWS does (LOCAL_AWS_STRICT=1 too)",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(
        name: str, run: object, description: str, *more: argparse.ArgumentParser
    ) -> argparse.ArgumentParser:
        command = commands.add_parser(name, parents=[common, *more], help=description)
        command.set_defaults(run=run)
        return command

    add("start", _start, "start it, and return when it answers", where)
    add("stop", _stop, "stop it and all it started")
    add("status", _status, "say whether it runs, and where")
    add("env", _env, "print what `aws` and `ansible-playbook` need, for eval")
    push = add("push", _push, "push the image that a folder is")
    push.add_argument("folder", type=Path)
    push.add_argument("image", help="NAME:TAG")
    url = add("url", _url, "print where a host name is served, and how to call it")
    url.add_argument("host", help="of a listener rule or a load balancer")
    url.add_argument("path", nargs="?", default="/")
    url.add_argument("--https", action="store_true", help="that of the HTTPS listener")
    run = add("run", _run, "run a command with a local AWS that lives as long", where)
    run.add_argument("words", nargs=argparse.REMAINDER, metavar="COMMAND ...")
    return parser


def _start(options: argparse.Namespace) -> int:
    aws = LocalAws.start(
        options.directory,
        options.port or 4566,
        options.region,
        attached=False,
        strict=options.strict,
    )
    print(f"The local AWS answers at {aws.environment['AWS_ENDPOINT_URL']}.")
    print(f'For this shell: eval "$(python -m local_aws env --directory {options.directory})"')
    return 0


def _stop(options: argparse.Namespace) -> int:
    try:
        LocalAws.running(options.directory).stop()
    except LocalAwsError:
        print("The local AWS does not run.")
    else:
        print("The local AWS is stopped.")
    return 0


def _status(options: argparse.Namespace) -> int:
    aws = LocalAws.running(options.directory)
    print(f"The local AWS answers at {aws.environment['AWS_ENDPOINT_URL']}, region {aws.region}.")
    return 0


def _env(options: argparse.Namespace) -> int:
    aws = LocalAws.running(options.directory)
    needed = {**aws.environment, _DIRECTORY: str(aws.directory)}
    # A profile, a session's token or a service's endpoint of another account would win over ours.
    for name in sorted(name for name in os.environ if name.startswith("AWS_")):
        if name not in needed:
            print(f"unset {name}")
    for name, value in needed.items():
        print(f"export {name}={shlex.quote(value)}")
    return 0


def _push(options: argparse.Namespace) -> int:
    print(LocalAws.running(options.directory).push_image(options.folder, options.image))
    return 0


def _url(options: argparse.Namespace) -> int:
    aws = LocalAws.running(options.directory)
    scheme = "https" if options.https else "http"
    url, headers = aws.url(options.host, options.path, scheme)
    words = ["curl", *(["--cacert", str(aws.ca_bundle)] if options.https else [])]
    words += [word for header in headers.items() for word in ("--header", ": ".join(header))]
    print(url)
    if sys.stdout.isatty():  # "$(...)" wants the URL alone
        print(f"To call it: {shlex.join([*words, url])}")
    return 0


def _run(options: argparse.Namespace) -> int:
    words = [word for word in options.words if word != "--"]
    if not words:
        raise LocalAwsError("There is no command to run. Name it: python -m local_aws run -- make")
    with LocalAws.start(
        options.directory, options.port, options.region, strict=options.strict
    ) as aws:
        return subprocess.run(words, env=os.environ | aws.environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
