"""Many services deployed at the same time."""

from __future__ import annotations

import pytest

from tests.e2e.platform import Platform

COUNT = 20


@pytest.mark.walk
@pytest.mark.timeout(1500)  # forty runs of ansible-playbook: a noisy machine takes minutes
def test_twenty_services_deployed_at_once_get_distinct_priorities(
    platform: Platform, hello_image: str
) -> None:
    services = [platform.service(f"crowd-{n}", hello_image, service_cpu=256) for n in range(COUNT)]
    playbooks = [platform.start_playbook("playbooks/service.yml", **s) for s in services]
    outputs = [p.communicate(timeout=600)[0] for p in playbooks]
    failed = [out for p, out in zip(playbooks, outputs, strict=True) if p.returncode]
    assert not failed, failed[0]

    names = [str(s["service_name"]) for s in services]
    priorities = [platform.outputs(f"shop-service-{n}")["ListenerPriority"] for n in names]
    assert len(set(priorities)) == COUNT
    assert {platform.call(name, "/health").status for name in names} == {200}

    playbooks = [
        platform.start_playbook("playbooks/service.yml", service_state="absent", **s)
        for s in services
    ]
    for playbook in playbooks:
        output, _ = playbook.communicate(timeout=600)
        assert playbook.returncode == 0, output
