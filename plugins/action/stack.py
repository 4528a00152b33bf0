"""Deploy or delete one CloudFormation stack, in the process of ansible-playbook's worker."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.quayside.fargate.plugins.plugin_utils import (
    aws,
    changes,
    parameters,
    template,
)
from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError
from ansible_collections.quayside.fargate.plugins.plugin_utils.stack import (
    REPLACEABLE,
    SHELL,
    Busy,
    Clock,
    Stack,
    describe,
    outputs,
)

display = Display()

# plugins/modules/stack.py documents these; a test holds the two together.
OPTIONS: dict[str, dict[str, Any]] = {
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "template": {"type": "str"},
    "variable_prefix": {"type": "str"},
    "parameters": {"type": "dict", "default": {}},
    "parameters_from": {"type": "list", "elements": "str", "default": []},
    "initial_parameters": {"type": "dict", "default": {}},
    "overlay": {"type": "dict", "default": {}},
    "tags": {"type": "dict", "default": {}},
    "role_arn": {"type": "str"},
    "role_arn_from": {"type": "str"},
    "artifacts_bucket": {"type": "str"},
    "artifacts_bucket_from": {"type": "str"},
    "capabilities": {
        "type": "list",
        "elements": "str",
        "choices": ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
        "default": ["CAPABILITY_NAMED_IAM"],
    },
    "termination_protection": {"type": "bool"},
    "timeout": {"type": "int", "default": 3600},
    "region": {"type": "str"},
    "profile": {"type": "str"},
    "endpoint_url": {"type": "str"},
}


class ActionModule(ActionBase):  # type: ignore[misc]
    """The action quayside.fargate.stack."""

    _supports_check_mode = True
    _supports_async = False

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Bring the stack to the wanted state; see the documentation of the module."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, options = self.validate_argument_spec(
            OPTIONS,
            mutually_exclusive=[
                ("role_arn", "role_arn_from"),
                ("artifacts_bucket", "artifacts_bucket_from"),
            ],
        )
        self._options = options
        try:
            result.update(self._absent() if options["state"] == "absent" else self._present())
        except StackError as error:
            raise AnsibleActionFail(str(error)) from None
        return result

    def _present(self) -> dict[str, Any]:
        options = self._options
        references = parameters.references(options["parameters"])
        explicit = parameters.texts(
            {name: value for name, value in options["parameters"].items() if name not in references}
        )
        initial = parameters.texts(options["initial_parameters"])
        text = self._template() if options["template"] else None
        stack = self._stack()
        text = text or stack.template()
        document = template.load(text, options["template"] or f"the template of {stack.name}")
        if options["overlay"]:
            document = template.overlay(document, options["overlay"])
            text = template.dump(document)
        declared = document.get("Parameters", {})
        parameters.check(declared, {**initial, **explicit}, options["variable_prefix"])
        sources = self._source_outputs(options["parameters_from"])
        request = {
            "TemplateBody": text,
            "Capabilities": options["capabilities"],
        }
        if options["tags"]:  # none given: CloudFormation keeps what the stack has
            tags = parameters.texts(options["tags"])
            request["Tags"] = [{"Key": key, "Value": value} for key, value in tags.items()]
        role = options["role_arn"] or self._from_output(sources, "role_arn_from")
        if role:
            request["RoleARN"] = role
        while True:
            description = stack.settled()
            status = description["StackStatus"] if description else ""
            stack.refuse_stuck(status)
            if description and status in REPLACEABLE:
                stack.delete(description["StackId"])
                continue
            new = description is None or status == SHELL
            previous = (
                None if new else [p["ParameterKey"] for p in description.get("Parameters", [])]
            )
            request["Parameters"] = parameters.resolve(
                declared, parameters.Sources(explicit, references, sources, initial, previous)
            )
            try:
                with stack.change_set("CREATE" if new else "UPDATE", request) as change_set:
                    made = changes.summary(change_set["Changes"]) if change_set else []
                    if change_set and not self._task.check_mode:
                        description = stack.execute(change_set)
            except Busy:
                continue
            break
        result = {"changed": change_set is not None, "changes": made}
        if self._task.diff:
            result["diff"] = [changes.diff(stack.name, made)]
        if description:
            result.update(
                stack_id=description["StackId"],
                status=description["StackStatus"],
                outputs=outputs(description),
            )
        result["seconds"] = round(stack.clock.elapsed, 1)
        return result

    def _template(self) -> str:
        return template.read(Path(self._find_needle("templates", self._options["template"])))

    def _absent(self) -> dict[str, Any]:
        stack = self._stack()
        description = stack.settled()
        if description is None:
            return {"changed": False, "status": "absent", "changes": [], "outputs": {}}
        if not self._task.check_mode:
            if (
                description.get("EnableTerminationProtection")
                and self._options["termination_protection"] is False
            ):
                stack.protect(False)
            stack.delete(description["StackId"])
        return {"changed": True, "status": "absent", "changes": [], "outputs": {}}

    def _stack(self) -> Stack:
        options = self._options
        account = aws.Account(options["region"], options["profile"], options["endpoint_url"])
        self._client = account.client("cloudformation")
        return Stack(
            self._client,
            options["name"],
            Clock(options["timeout"]),
            lambda text, colour: display.display(text, color=colour),
        )

    def _source_outputs(self, names: list[str]) -> dict[str, dict[str, str]]:
        if not names:
            return {}
        with ThreadPoolExecutor(max_workers=min(8, len(names))) as pool:
            found = list(pool.map(lambda name: describe(self._client, name), names))
        for name, description in zip(names, found, strict=True):
            if description is None:
                raise StackError(
                    f"Stack {name}, named in parameters_from, does not exist. Deploy it first, or "
                    "take it from the list."
                )
        return {name: outputs(item) for name, item in zip(names, found, strict=True) if item}

    def _from_output(self, sources: dict[str, dict[str, str]], option: str) -> str | None:
        name = self._options[option]
        for found in sources.values():
            if name in found:
                return found[name]
        return None
