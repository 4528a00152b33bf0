"""Makes a release (docs/upgrading.md).

    python -m release prepare 1.4.0    writes the version and the changelog, for a person to commit
    python -m release build            writes dist/ from what is committed
    python -m release tag              gives the commit the tag v1.4.0

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
    tag = f"v{version.current(options.root)}"
    if Repository(options.root).tagged(tag) is None:
        print("Not tagged. To do so: python -m release tag")
    print(f"Not pushed. To do so: git push origin {tag}")


def give_tag(options: argparse.Namespace) -> None:
    """Give the release its tag, unless it has it, and say what comes next."""
    repository, current = Repository(options.root), version.current(options.root)
    distribution.refuse_unreleased(repository)
    tag = f"v{current}"
    if repository.tagged(tag) is None:
        repository.tag(tag, f"Quayside {current}")
    print(f"Tag {tag} is of commit {repository.commit}, and not pushed: git push origin {tag}")


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
    second.set_defaults(do=build)
    third = commands.add_parser("tag", help="give the commit its tag; it isn't pushed")
    third.set_defaults(do=give_tag)
    options = parser.parse_args()
    try:
        options.do(options)
    except ReleaseError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
