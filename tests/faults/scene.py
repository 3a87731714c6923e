"""Plays a row: starts a launching process, causes the fault, waits for the end, and judges what was seen."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import attrs

from launchpad import Handle
from tests.conformance.docker_harness import DockerHarness
from tests.conformance.harness import MARK, Harness
from tests.conformance.kubernetes_harness import NAMESPACE, KubernetesHarness, api
from tests.conformance.subprocess_harness import SubprocessHarness
from tests.docker.private_engine import PrivateEngine
from tests.docker.proxy import Proxy as DockerProxy
from tests.fault_proxy import FaultProxy
from tests.helping import eventually
from tests.kubernetes.cluster import Cluster
from tests.kubernetes.proxy import Proxy as KubernetesProxy

from .judge import Verdict, judge
from .processes import Clock, cgroup
from .record import LaunchingProcess
from .row import GONE, Row

HARNESSES: Mapping[str, type[Harness]] = {
    "local": SubprocessHarness,
    "Docker": DockerHarness,
    "Kubernetes": KubernetesHarness,
}

FILES_TIMEOUT = 20.0
"""Seconds within which temporary files must be gone after the processes."""


class Scene:
    """What the fault of a row acts on."""

    proxy: FaultProxy
    engine: PrivateEngine
    cluster: Cluster
    clock: Clock

    def __init__(self, row: Row, folder: Path, private: Callable[[], PrivateEngine]) -> None:
        self.row, self.folder = row, folder
        self.stack = ExitStack()
        """What is undone after the play."""
        self._private = private
        self._environment = {"TMPDIR": str(folder / "tmp"), "XDG_STATE_HOME": str(folder / "state")}
        self._settings = dict(row.settings)
        self._wrapper: list[str] = []
        self._left: list[str] = []

    @property
    def handles(self) -> list[Handle]:
        """The handles of the runs that have started."""
        return list(self.launching.handles.values())

    @property
    def mark(self) -> str:
        """The value of the variable and of the label that identify the runs of this play."""
        return self.harness.mark

    def wait(self, seconds: float) -> None:
        """Lets a fault last."""
        time.sleep(seconds)

    def wait_until_gone(self, timeout: float) -> None:
        """Waits until no run is left on the engine; what is left after `timeout` seconds counts as left behind."""
        left = eventually(self.harness.running, lambda left: not left, timeout, interval=0.2)
        self._left += [f"not stopped in {timeout:g} s: {one}" for one in left]

    def play(self) -> Verdict:
        (self.folder / "tmp").mkdir(parents=True)
        self.harness = HARNESSES[self.row.engine]()
        with self.stack:
            self._prepare()
            self.stack.callback(self.harness.leftovers)  # removes them, also if the fault cannot be caused
            if self.row.before is not None:
                self.row.before(self)
            self.launching = self._start(self._plan())
            began = time.monotonic()
            if self.row.until is not None:
                self.launching.wait_for_line(self.row.until)
            self.row.fault(self)
            return self._end(began)

    def _plan(self, **changes: Any) -> Any:
        mark = {MARK: self.mark}
        with self.harness.launcher(**{"grace": 1, **self._settings}) as launcher:
            settings = attrs.asdict(launcher.to_settings())
        changes = {"settings": settings, "env": mark, "labels": mark, "folder": str(self.folder), **changes}
        return attrs.evolve(self.row.plan, **changes)

    def _start(self, plan: Any) -> LaunchingProcess:
        launching = LaunchingProcess(plan, self._environment, self.folder, self._wrapper)
        self.stack.callback(launching.close)
        return launching

    def _end(self, began: float) -> Verdict:
        """Waits for the end; the verdict."""
        last, in_time = self.launching, True
        if self.row.adopted:
            self.launching.close()
            last = self._start(self._plan(**self._adoption()))
        if self.row.expect is not GONE:
            in_time = last.wait_for_results(self.row.limit)
        state = last.state() if not in_time else ""
        ended = last.end(self.row.limit if in_time else 1)
        left = [*self._left, *(last.left or ()), *self.harness.leftovers(), *self._temporary_files()]
        if not ended:
            left.append(f"the launching process has not ended: {state}")
        numbers = range(self.row.plan.count)
        verdict = judge(
            self.row.expect,
            [last.results.get(number) for number in numbers],
            [last.lines[number] for number in numbers],
            self._line_count(),
            left,
        )
        if verdict.details:
            verdict.details.append(f"after {time.monotonic() - began:.0f} s; stderr: {last.errors()[-2000:]}")
        return verdict

    def _adoption(self) -> dict[str, Any]:
        """What changes in the plan for the process that adopts the runs."""
        if self.row.plan.journal:
            return {}
        handles = [attrs.asdict(self.launching.handles[number]) for number in range(self.row.plan.count)]
        return {"verb": "wait", "handles": handles}

    def _temporary_files(self) -> list[str]:
        """The temporary files that are left once watchdogs have had the time to remove theirs."""
        return eventually(lambda: os.listdir(self.folder / "tmp"), lambda left: not left, FILES_TIMEOUT, interval=0.05)

    def _line_count(self) -> int:
        """How many lines a whole run writes, read from its script."""
        _, _, rest = self.row.plan.script.partition("$i -lt ")
        return int(rest.split()[0]) if rest else 0

    def _prepare(self) -> None:
        if self.row.engine == "Docker":
            self._prepare_docker()
        elif self.row.engine == "Kubernetes":
            self._prepare_kubernetes()
        if self.row.clock:
            self.clock = Clock(self.folder)
            self._environment |= self.clock.environment
        if self.row.pids_limit:
            group = self.stack.enter_context(cgroup("pids", {"pids.max": str(self.row.pids_limit)}))
            self._wrapper = [sys.executable, "-m", "tests.faults.reaper", str(group)]

    def _prepare_docker(self) -> None:
        if self.row.private:
            self.engine = self._private()
            self.stack.enter_context(environment(DOCKER_HOST=self.engine.up()))
        if self.row.through:
            self.proxy = DockerProxy(self.folder / "docker.sock", os.environ["DOCKER_HOST"].removeprefix("unix://"))
            self.stack.callback(self.proxy.down)
            self._environment["DOCKER_HOST"] = self.proxy.url

    def _prepare_kubernetes(self) -> None:
        api()  # creates the namespace
        self.cluster = Cluster(NAMESPACE)
        self.stack.callback(self.cluster.api.close)
        if self.row.through:
            self.proxy = KubernetesProxy(self.cluster.api.server)
            self.stack.callback(self.proxy.down)
            self._settings["kubeconfig"] = str(self.cluster.kubeconfig(self.folder, server=self.proxy.url))


@contextmanager
def environment(**variables: str) -> Iterator[None]:
    """Sets variables of this process during the block."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
