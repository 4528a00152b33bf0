"""The zips of the Lambda functions: where the build put them."""

from __future__ import annotations

import json
from pathlib import Path

from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError

_ROOT = Path(__file__).resolve().parents[2]


def files(directory: Path, runtime: str, architecture: str, prefix: str) -> dict[str, str]:
    """Return the path of each function's zip, by the function's name.

    Args:
        directory: that the functions were built into.
        runtime: that they were built for, such as ``python3.13``.
        architecture: ``arm64`` or ``x86_64``.
        prefix: of the role's variables that name these.

    Raises: StackError if they are not built.
    """
    folder = directory / f"{runtime}-{architecture}"
    manifest = folder / "manifest.json"
    try:
        built = json.loads(manifest.read_text(encoding="utf-8"))
    except OSError as error:
        raise StackError(
            f"{prefix}_functions_directory: {manifest} isn't there. Name what the functions are "
            f"built for with {prefix}_function_runtime and {prefix}_function_architecture, or "
            f"build them for {runtime} and {architecture}: cd {_ROOT} && python3 -m "
            f"custom_resources.build --runtime {runtime} --architecture {architecture}"
        ) from error
    return {name: str(folder / entry["file"]) for name, entry in built.items()}
