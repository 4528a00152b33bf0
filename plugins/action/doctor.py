"""Look at an account before the first platform, inside ansible-playbook."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from ansible_collections.quayside.fargate.plugins.plugin_utils import aws, doctor, screen
from ansible_collections.quayside.fargate.plugins.plugin_utils.action import (
    AWS_OPTIONS,
    Action,
    Options,
)


class ActionModule(Action):  # type: ignore[misc]
    """The action quayside.fargate.doctor."""

    _supports_check_mode = True
    options: ClassVar[Options] = {
        "platform": {"type": "str", "required": True},
        "vpc_id": {"type": "str", "default": ""},
        "zone_count": {"type": "int", "default": 2},
        "availability_zones": {"type": "list", "elements": "str", "default": []},
        "nat_gateways": {
            "type": "str",
            "choices": ["none", "single", "per-zone"],
            "default": "single",
        },
        "engine_version": {"type": "str", "default": ""},
        "instance_class": {"type": "str", "default": ""},
        "certificate_arn": {"type": "str", "default": ""},
        "hosted_zone_id": {"type": "str", "default": ""},
        "host_name": {"type": "str", "default": ""},
        "image": {"type": "str", "default": ""},
        "permissions": {"type": "str", "choices": ["platform", "service"], "default": "platform"},
        "show": {"type": "str", "choices": ["table", "json", "nothing"], "default": "nothing"},
        **AWS_OPTIONS,
    }

    def outcome(self, options: dict[str, Any]) -> dict[str, Any]:
        """Look, and print what was found as it is wanted."""
        findings = doctor.examine(aws.Account.of(options), options)
        document, lines = doctor.document(findings), doctor.table(findings)
        shown = {"table": "\n".join(lines), "json": json.dumps(document, indent=2)}
        if options["show"] in shown:
            # Ansible's own way to show a result would break the lines.
            screen.answer(shown[options["show"]])
        verdict = doctor.verdict(findings)
        return {"changed": False, **document, "verdict": verdict, "table": lines}
