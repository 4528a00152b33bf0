"""Makes a release (docs/upgrading.md).

    python -m release prepare 1.4.0    writes the version and the changelog, for a person to commit
    python -m release build            writes dist/ from what is committed
    python -m release build --tag      and gives the commit the tag v1.4.0

Nothing is ever pushed.
"""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path

from release import changelog, distribution, version
from release.errors import ReleaseError
from release.repository import Repository


def prepare(options: argparse.Namespace) -> None:
    """Write a version and its news, and say what comes next."""
    changelog.prepare(options.root, options.version, options.date)
    print(
        f"Written, not committed: version {options.version}, and its news in CHANGELOG.md.\n"
        f"Read them (git diff), and commit: git commit --all --message 'Release {options.version}'"
    )


def build(options: argparse.Namespace) -> None:
    """Write what a release gives out, and say what comes next."""
    files = distribution.build(options.root, options.output)
    for path in files:
        print(f"{path.stat().st_size:>10,}  {path}")
    repository, tag = Repository(options.root), f"v{version.current(options.root)}"
    if repository.tagged(tag) is None and options.tag:
        repository.tag(tag, f"Quayside {tag.removeprefix('v')}")
    if repository.tagged(tag) is None:
        print(f"Not tagged. To do so: git tag --annotate {tag} --message 'Quayside {tag[1:]}'")
    print(f"Not pushed. To do so: git push origin {tag}")


def main() -> int:
    """Do what the command line says; 1 if that can't be done."""
    parser = argparse.ArgumentParser(prog="release", description="Make a release of Quayside.")
    parser.add_argument("--root", type=Path, default=version.ROOT, help="the repository")
    commands = parser.add_subparsers(required=True)
    first = commands.add_parser(
        "prepare", help="write a version and its news; nothing is committed"
    )
    first.add_argument("version", help="such as 1.4.0")
    first.add_argument("--date", default=f"{datetime.now(UTC):%Y-%m-%d}", help="of the release")
    first.set_defaults(do=prepare)
    second = commands.add_parser("build", help="write what the release gives out")
    second.add_argument("--output", type=Path, default=Path("dist"), help="folder for it")
    second.add_argument("--tag", action="store_true", help="tag the commit too; it isn't pushed")
    second.set_defaults(do=build)
    options = parser.parse_args()
    try:
        options.do(options)
    except ReleaseError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
