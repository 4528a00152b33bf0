"""Which sizes Fargate has."""

from __future__ import annotations

import pytest

from local_aws.mends.ecs.fargate import refusal


@pytest.mark.parametrize(
    ("cpu", "memory"),
    [("256", "512"), (256, 2048), (".25 vCPU", "0.5 GB"), ("1 vCPU", "8GB"), ("16384", "122880")],
)
def test_a_size_that_there_is(cpu: object, memory: object) -> None:
    assert refusal(["FARGATE"], cpu, memory) is None


@pytest.mark.parametrize(
    ("cpu", "memory"), [("256", "4096"), ("300", "512"), ("1 vCPU", "1 GB"), ("8192", "17408")]
)
def test_a_size_that_there_is_not(cpu: object, memory: object) -> None:
    assert "No Fargate configuration exists" in str(refusal(["FARGATE"], cpu, memory))


def test_a_task_without_a_size_is_none_for_fargate_but_one_for_ec2() -> None:
    assert "cpu" in str(refusal(["FARGATE"], None, "512"))
    assert refusal(["EC2"], None, None) is None
