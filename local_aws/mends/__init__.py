"""The mends of ministack, a room for each concern; each names beside itself what was wrong.

A mend replaces a name of ministack's when `install_all` is called, before the server serves. The
names are listed in local_aws/hooks.py and checked at start, so that a new ministack can't silently
go without its mend.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import botocore.httpsession

from local_aws.databases import Databases
from local_aws.mends import (
    alarms,
    calls,
    certificates,
    custom_resources,
    ecs_drain,
    ecs_engine,
    ecs_permissions,
    ecs_refusals,
    ecs_rollout,
    ecs_secrets,
    ecs_templates,
    events,
    fargate,
    iam_permissions,
    identity,
    idle_functions,
    lambdas,
    lateness,
    listener_rules,
    load_balancers,
    objects,
    offers,
    parameters,
    pass_role,
    queues,
    quotas,
    rds,
    records,
    resource_types,
    rotation,
    secrets,
    service_deployments,
    service_linked_roles,
    service_targets,
    stack_changes,
    stack_contexts,
    stack_deletion,
    stack_events,
    stack_exports,
    stack_failures,
    stack_journal,
    stack_numbers,
    stack_operations,
    stack_shells,
    stack_unfinished,
    stack_validation,
    taken_names,
    target_health,
    throttling,
    trust_policies,
)
from local_aws.settings import Settings
from local_aws.tls import Authority, Certificate


@dataclass(frozen=True)
class Installed:
    """What the mends brought along that the server must serve with, or stop."""

    certificate: Certificate
    databases: Databases


def install_all(settings: Settings) -> Installed:
    """Install every mend; order matters where one builds on another."""
    public = Path(botocore.httpsession.get_cert_path(True))
    authority = Authority(settings.directory / "tls", settings.ca_bundle, public)
    certificate = authority.server_certificate("server", ["localhost", "127.0.0.1"])
    databases = Databases(settings, certificate)
    identity.install(settings)
    calls.install(settings)
    trust_policies.install()
    for mend in (service_linked_roles, iam_permissions, parameters, ecs_permissions):
        mend.install()
    custom_resources.install(settings)
    stack_shells.install()
    stack_operations.install()
    pass_role.install()
    stack_changes.install()
    stack_contexts.install()
    stack_exports.install()
    stack_journal.install()
    stack_failures.install()
    stack_unfinished.install()
    stack_numbers.install()
    stack_events.install()
    stack_deletion.install()
    stack_validation.install()
    taken_names.install()
    resource_types.install()
    secrets.install()
    rotation.install(settings)
    events.install()
    alarms.install()
    lambdas.install(settings)
    idle_functions.install()
    queues.install(settings)
    objects.install()
    rds.install(databases)
    for mend in (offers, certificates, quotas, listener_rules, load_balancers, records):
        mend.install()
    ecs_engine.install(settings)
    ecs_drain.install()
    ecs_secrets.install()
    ecs_templates.install()
    ecs_refusals.install()
    fargate.install()
    service_targets.install()
    target_health.install()
    ecs_rollout.install()
    service_deployments.install()
    if settings.strict:
        lateness.install()
        throttling.install()
    return Installed(certificate, databases)
