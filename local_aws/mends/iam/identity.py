"""Who is the account's root.

Wrong upstream: besides the server's own key, `test` and every 12-digit number are root, whatever
AUTH=true says; and a signature of root's is not verified.
Source: IAM user guide, "AWS Signature Version 4 for API requests".
Last needed: ministack 1.5.33.
"""

from __future__ import annotations

import hmac

from ministack.core import iam_evaluator

from local_aws.mending import Mending


def install(mending: Mending) -> None:
    """Let the random root key alone be root."""
    root = mending.settings.access_key

    def is_root_access_key(access_key: str) -> bool:
        # no key at all: a request without a signature, which ministack refuses where AWS does
        return not access_key or hmac.compare_digest(access_key, root)

    mending.put(iam_evaluator, "is_root_access_key", is_root_access_key)
    # ministack asks this one only where it leaves signatures alone
    mending.put(iam_evaluator, "_is_root_key", lambda access_key: not access_key)
