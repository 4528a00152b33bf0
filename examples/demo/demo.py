"""The demo's sequence, from nothing to two services that answer, and back to nothing."""

from __future__ import annotations

from examples import local
from examples.demo import inventory
from examples.demo.commands import ROOT, play
from examples.demo.report import Report, Rotation
from examples.demo.steps import CheckError, Steps
from examples.demo.traffic import Orders
from local_aws.control import LocalAws

# The second service is the same playbook with other variables.
SERVICES: dict[str, dict[str, str]] = {
    "orders": {},
    "invoices": {"service_name": "invoices", "service_host_name": "invoices.example.com"},
}
_FOLDER = ROOT / "build" / "demo"
_STATE = _FOLDER / "local_aws"
_REPORT = _FOLDER / "report.json"

_SEE_LOG = f"The local AWS wrote down more in {_STATE.relative_to(ROOT)}/server.log."
_SEE_PLAY = f"The first failed task above has the cause. {_SEE_LOG}"


def run_demo() -> None:
    """Run all steps, print what stands where, and write build/demo/report.json.

    Raises:
        StepError: one failed; by then everything that was started has ended.
    """
    _REPORT.unlink(missing_ok=True)
    steps = Steps()
    with steps.step("local_aws", "Start a local AWS", _SEE_LOG):
        aws = LocalAws.start(_STATE)
    try:
        demo = _Demo(aws, steps)
        demo.deploy()
        called = demo.call_services()
        changed = demo.redeploy()
        stacks = demo.stacks()
        rotation = demo.rotate()
    finally:
        with steps.step("stop", "Stop the local AWS", _SEE_LOG):
            aws.stop()
    report = Report(stacks, called, steps.seconds, changed, rotation)
    report.write(_REPORT)
    print(f"\n{report.text()}\n\nWritten: {_REPORT.relative_to(ROOT)}", flush=True)


class _Demo:
    """The steps between the start of the local AWS and its end."""

    def __init__(self, aws: LocalAws, steps: Steps) -> None:
        self._aws, self._step = aws, steps.step
        with self._step("image", "Push the image of examples/orders", _SEE_LOG):
            self._image = aws.push_image(ROOT / "examples" / "orders", "orders:1")

    def deploy(self) -> None:
        """Deploy the platform and the services with the playbooks that a user runs."""
        with self._step("functions", "Build the Lambda functions", "Then try again."):
            local.build_functions()
        with self._step("platform", "Deploy the platform: playbooks/platform.yml", _SEE_PLAY):
            play("playbooks/platform.yml", local.VARIABLES, self._aws.environment)
        for name in SERVICES:
            with self._step(name, f"Deploy {name}: examples/orders/deploy.yml", _SEE_PLAY):
                self._deploy_service(name)

    def call_services(self) -> list[tuple[inventory.Service, int, int]]:
        """Write orders to each service and read them back; return it with requests and ok."""
        with self._step("requests", "Write orders and read them back", _SEE_LOG):
            stacks = inventory.stacks(self._aws.client, local.PLATFORM)
            services = inventory.services(self._aws.client, local.PLATFORM, stacks)
            if [service.name for service in services] != list(SERVICES):
                raise CheckError(f"the services that AWS knows are {services}")
            return [(service, *self._call(service)) for service in services]

    def redeploy(self) -> int:
        """Deploy both services again; return how many tasks changed something, which is none."""
        advice = "`make up`, and the playbook twice, then with --check --diff: that shows what."
        with self._step("redeploy", "Deploy both again: nothing may change", advice):
            changed = sum(self._deploy_service(name) for name in SERVICES)
            if changed:
                raise CheckError(f"{changed} tasks changed something where nothing had changed")
        return changed

    def stacks(self) -> list[inventory.Stack]:
        """Ask AWS what stands where."""
        with self._step("inventory", "Ask AWS what stands where", _SEE_LOG):
            return inventory.stacks(self._aws.client, local.PLATFORM)

    def rotate(self) -> Rotation:
        """Rotate both users of orders under traffic; return whom the service moved to."""
        name = next(iter(SERVICES))
        title = "Rotate both users of orders under traffic: playbooks/rotate.yml -e all=true"
        with self._step("rotation", title, _SEE_PLAY):
            before = self._service(name)
            orders = Orders(self._aws.url, before.host_name)
            with orders.without_pause():
                variables = {"service_platform": local.PLATFORM, "service_name": name, "all": True}
                play("playbooks/rotate.yml", variables, self._aws.environment)
            active, after = before.active_user, self._service(name).active_user
            traffic = orders.traffic
            told = traffic.told(name)
            print(told)
            if traffic.failures or after != active:
                raise CheckError(f"{told}, and its active user is {after}, before {active}")
        idle = "green" if active == "blue" else "blue"
        return Rotation(name, [active, idle, active], traffic.sent, traffic.answered)

    def _service(self, name: str) -> inventory.Service:
        stacks = inventory.stacks(self._aws.client, local.PLATFORM)
        services = inventory.services(self._aws.client, local.PLATFORM, stacks)
        return next(service for service in services if service.name == name)

    def _deploy_service(self, name: str) -> int:
        variables = {"service_image": self._image, **SERVICES[name]}
        return play("examples/orders/deploy.yml", variables, self._aws.environment)

    def _call(self, service: inventory.Service) -> tuple[int, int]:
        orders = Orders(self._aws.url, service.host_name)
        orders.write_and_read()
        traffic = orders.traffic
        told = traffic.told(service.name)
        print(told)
        if traffic.failures:
            raise CheckError(told)
        return traffic.sent, traffic.answered
