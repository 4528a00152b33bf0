"""The demo's sequence, from nothing to two services that answer, and back to nothing."""

from __future__ import annotations

import os
import sys

from examples.demo import inventory
from examples.demo.commands import ROOT, play, run
from examples.demo.report import Report
from examples.demo.steps import StepError, Steps
from examples.demo.traffic import Traffic
from local_aws.control import LocalAws

PLATFORM = "shop"
# The second service is the same playbook with other variables.
SERVICES: dict[str, dict[str, str]] = {
    "orders": {},
    "invoices": {"service_name": "invoices", "service_host_name": "invoices.example.com"},
}
_FOLDER = ROOT / "build" / "demo"
_STATE = _FOLDER / "local_aws"
_REPORT = _FOLDER / "report.json"
_RUNTIME = f"python3.{sys.version_info.minor}"
_ARCHITECTURE = "arm64" if os.uname().machine == "aarch64" else "x86_64"
_BUILD = ["python", "-m", "custom_resources.build", "--output", "build/functions"]
_PLATFORM_VARIABLES = {
    "platform": PLATFORM,
    "support_functions_directory": str(ROOT / "build" / "functions"),
    "support_function_runtime": _RUNTIME,
    "support_function_architecture": _ARCHITECTURE,
}

_SEE_LOG = f"The local AWS wrote down more in {_STATE.relative_to(ROOT)}/server.log."
_SEE_PLAY = f"The first failed task above has the cause. {_SEE_LOG}"


class Demo:
    """One run of the demo."""

    def __init__(self) -> None:
        self._steps = Steps()

    def run(self) -> None:
        """Run all steps, print what stands where, and write build/demo/report.json.

        Raises:
            StepError: one failed; by then everything that was started has ended.
        """
        _REPORT.unlink(missing_ok=True)
        with self._steps.step("local_aws", "Start a local AWS", _SEE_LOG):
            aws = LocalAws.start(_STATE)
        try:
            self._deploy(aws)
            services = self._call_services(aws)
            changed = self._redeploy(aws)
            stacks = inventory.stacks(aws.client, PLATFORM)
        finally:
            with self._steps.step("stop", "Stop the local AWS", _SEE_LOG):
                aws.stop()
        report = Report(stacks, services, self._steps.seconds, changed)
        report.write(_REPORT)
        print(f"\n{report.text()}\n\nWritten: {_REPORT.relative_to(ROOT)}", flush=True)

    def _deploy(self, aws: LocalAws) -> None:
        with self._steps.step("image", "Push the image of examples/orders", _SEE_LOG):
            self._image = aws.push_image(ROOT / "examples" / "orders", "orders:1")
            print(self._image)
        with self._steps.step(
            "functions", "Build the Lambda functions", "Its output above has the cause."
        ):
            run([*_BUILD, "--runtime", _RUNTIME, "--architecture", _ARCHITECTURE])
        with self._steps.step("platform", "Deploy the platform: playbooks/platform.yml", _SEE_PLAY):
            play("playbooks/platform.yml", _PLATFORM_VARIABLES, aws.environment)
        for name in SERVICES:
            with self._steps.step(name, f"Deploy {name}: examples/orders/deploy.yml", _SEE_PLAY):
                self._deploy_service(aws, name)

    def _deploy_service(self, aws: LocalAws, name: str) -> int:
        variables = {"service_image": self._image, **SERVICES[name]}
        return play("examples/orders/deploy.yml", variables, aws.environment)

    def _redeploy(self, aws: LocalAws) -> int:
        title = "Deploy both again: nothing may change"
        with self._steps.step("redeploy", title, _SEE_PLAY):
            changed = sum(self._deploy_service(aws, name) for name in SERVICES)
            if changed:
                raise StepError(
                    f"The step redeploy failed: {changed} tasks changed something. "
                    "Run the playbook with --check --diff on `make up` to see what."
                )
        return changed

    def _call_services(self, aws: LocalAws) -> list[tuple[inventory.Service, int, int]]:
        with self._steps.step("requests", "Write orders and read them back", _SEE_LOG):
            stacks = inventory.stacks(aws.client, PLATFORM)
            services = inventory.services(aws.client, PLATFORM, stacks)
            if [service.name for service in services] != list(SERVICES):
                raise StepError(
                    f"The step requests failed: AWS knows the services {services}. {_SEE_LOG}"
                )
            return [(service, *_call(aws, service)) for service in services]


def _call(aws: LocalAws, service: inventory.Service) -> tuple[int, int]:
    traffic = Traffic(aws.url, service.host_name)
    traffic.write_and_read()
    print(f"{service.url}: {traffic.ok} of {traffic.requests} requests answered well")
    if traffic.ok < traffic.requests:
        raise StepError(
            f"The step requests failed: {service.name} answered {traffic.ok} of "
            f"{traffic.requests} requests as it must. {_SEE_LOG}"
        )
    return traffic.requests, traffic.ok
