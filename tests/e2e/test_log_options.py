"""A service's log by the options of its role: made, kept from being deleted, and gone."""

from __future__ import annotations

import json

from tests.e2e.platform import Platform

DEPLOY = "playbooks/service.yml"


def test_a_log_is_masked_counted_and_protected_until_it_may_go(
    platform: Platform, hello_image: str
) -> None:
    logs, cloudformation = platform.aws.client("logs"), platform.aws.client("cloudformation")
    service = platform.service("logged", hello_image, service_database=False, service_route=False)
    options = {
        "service_masked_data": ["EmailAddress", "TaxId-DE"],
        "service_masking_audit": True,
        "service_error_lines_threshold": 3,
        "service_log_queries": True,
        "service_log_deletion_protection": True,
    }
    refused = platform.play_in_vain(
        DEPLOY, **service, service_masked_data=["TaxId"], service_log_subscription_pattern="x"
    )
    assert "service_masked_data is 'TaxId', but" in refused

    platform.play(DEPLOY, **service, **options)
    told = logs.get_data_protection_policy(logGroupIdentifier="/shop/logged")["policyDocument"]
    kinds = [it.rpartition("/")[2] for it in json.loads(told)["Statement"][1]["DataIdentifier"]]
    assert kinds == ["EmailAddress", "TaxId-DE"]
    groups = logs.describe_log_groups(logGroupNamePrefix="/shop/logged")["logGroups"]
    protected = {it["logGroupName"]: it["deletionProtectionEnabled"] for it in groups}
    assert protected == {"/shop/logged": True, "/shop/logged/audit": False}
    assert logs.describe_metric_filters(logGroupName="/shop/logged")["metricFilters"]
    queries = logs.describe_query_definitions(queryDefinitionNamePrefix="shop/logged/")
    assert len(queries["queryDefinitions"]) == 3

    kept = platform.play_in_vain(
        DEPLOY, service_platform="shop", service_name="logged", service_state="absent"
    )
    assert "service_log_deletion_protection (parameter LogDeletionProtection) is true" in kept
    (watching,) = cloudformation.describe_stacks(StackName="shop-monitoring-logged")["Stacks"]
    assert watching["StackStatus"] == "CREATE_COMPLETE"

    stopped = platform.play_in_vain(DEPLOY, **service)
    assert (
        "service_log_deletion_protection (parameter LogDeletionProtection) isn't given" in stopped
    )
    platform.play(
        DEPLOY,
        **service,
        **options | {"service_log_deletion_protection": False, "service_error_lines_threshold": 0},
    )
    platform.play(DEPLOY, service_platform="shop", service_name="logged", service_state="absent")
    assert logs.describe_log_groups(logGroupNamePrefix="/shop/logged")["logGroups"] == []
