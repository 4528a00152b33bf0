"""What the `secrets` of a service name: secrets of Secrets Manager, parameters of Parameter Store.

Source: ECS developer guide, "Pass sensitive data to an Amazon ECS container".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ansible_collections.quayside.fargate.plugins.plugin_utils import variable_maps

CURRENT = "AWSCURRENT"
_ARN_PARTS = 7  # arn, partition, service, region, account, "secret", name


@dataclass(frozen=True, order=True)
class Reference:
    """A value that a container gets at its start.

    arn: of the secret or parameter; key: of the secret's JSON; stage, version: of the secret, "" if
    the reference names none.
    """

    arn: str
    key: str = ""
    stage: str = ""
    version: str = ""

    @classmethod
    def of(cls, text: str) -> Reference:
        """Read a reference that `variable_maps` has let through."""
        arn = variable_maps.secret_arn(text)
        if arn is None:
            return cls(text)
        rest = [*text.split(":")[_ARN_PARTS:], "", "", ""]
        return cls(arn, *rest[:3])

    @property
    def is_secret(self) -> bool:
        """Whether it is Secrets Manager's; Parameter Store's otherwise."""
        return self.arn.split(":")[2] == "secretsmanager"

    @property
    def region(self) -> str:
        """Where it is."""
        return self.arn.split(":")[3]

    @property
    def account(self) -> str:
        """Whose it is."""
        return self.arn.split(":")[4]

    @property
    def names(self) -> tuple[str, ...]:
        """What a parameter may be called: its ARN leaves a first slash out."""
        name = self.arn.split(":parameter/", 1)[-1]
        return (f"/{name}",) if "/" in name else (name, f"/{name}")


def by_variable(secrets: Mapping[str, str]) -> dict[Reference, list[str]]:
    """Return what a service's secrets refer to, each with the variables that hold it.

    Args:
        secrets: reference by the name of the container's variable.
    """
    found: dict[Reference, list[str]] = {}
    for variable, text in sorted(secrets.items()):
        found.setdefault(Reference.of(text), []).append(variable)
    return found


def arns(references: Iterable[Reference], *, secrets: bool) -> list[str]:
    """Return the ARNs of the secrets among references, or those of the parameters."""
    return sorted({it.arn for it in references if it.is_secret is secrets})
