"""What a stack's deployment puts into the artifacts bucket: its files, and a large template."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.quayside.fargate.plugins.plugin_utils import artifacts, aws
from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError
from ansible_collections.quayside.fargate.plugins.plugin_utils.neighbours import (
    Outputs,
    given_or_output,
)


class Uploads:
    """The uploads of one task.

    Args:
        account: whose bucket it is.
        options: the task's options.
        check: whether nothing is to stay there.
    """

    def __init__(self, account: aws.Account, options: Mapping[str, Any], *, check: bool) -> None:
        self._account = account
        self._options = options
        self._check = check

    def stored(self, files: Mapping[str, artifacts.Artifact], values: Outputs) -> dict[str, str]:
        """Put files into the bucket, or in check mode only look there; return their versions.

        Args:
            files: by the parameter that holds the file's key.
            values: outputs of the stacks of which one may name the bucket.
        """
        bucket = self._bucket(values, "Option files needs a bucket to put them into")
        if self._check:
            return {name: bucket.version(it) or artifacts.PLANNED for name, it in files.items()}
        return {name: bucket.stored(file) for name, file in files.items()}

    @contextlib.contextmanager
    def body(self, text: str, values: Outputs, *, kept: bool) -> Iterator[dict[str, Any]]:
        """Yield a template as CreateChangeSet takes it: as the one that the stack has, itself, or
        its address in the bucket.

        Args:
            text: the template.
            values: outputs of the stacks of which one may name the bucket.
            kept: whether the stack has it.
        """
        if kept:  # of any size, and without a bucket
            yield {"UsePreviousTemplate": True}
            return
        if not artifacts.is_large(text):
            yield {"TemplateBody": text}
            return
        bucket = self._bucket(
            values,
            f"The template of stack {self._options['name']} has {len(text.encode()):,} bytes, and "
            f"a request takes {artifacts.REQUEST_LIMIT:,}",
        )
        template = artifacts.Artifact.template(self._options["name"], text)
        with bucket.lent(template, keep=not self._check) as url:
            yield {"TemplateURL": url}

    def _bucket(self, values: Outputs, why: str) -> artifacts.Bucket:
        name = given_or_output(self._options, "artifacts_bucket", values)
        if not name:
            raise StackError(f"{why}. Give option artifacts_bucket.")
        try:
            owner = self._account.client("sts").get_caller_identity()["Account"]
        except aws.AwsError as error:
            raise StackError(aws.explain(error, "GetCallerIdentity")) from error
        return artifacts.Bucket(self._account.client("s3"), name, owner)
