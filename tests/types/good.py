"""Uses of the public API that type checkers accept. Read by mypy, never executed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any, ClassVar

import tenacity
from typing_extensions import assert_type

from launchpad import (
    Deployment,
    DockerLauncher,
    Handle,
    ImagePullPolicy,
    Journal,
    KubernetesLauncher,
    Launcher,
    LauncherSettings,
    LaunchExecutor,
    LaunchFuture,
    Listed,
    Outcome,
    Reason,
    RestartPolicy,
    Retry,
    Run,
    RunError,
    RunEvent,
    RunFailed,
    SubprocessLauncher,
    UniversalLauncher,
    lookup_launcher,
    on_event,
    progress,
    register_launcher,
    table,
)


def report(day: str = "today") -> int:
    return len(day)


# Runs: every form that a converter accepts.
run = Run(command=["echo", "hello"])
Run(command=("echo", "hello"), name="n", labels={"team": "a", "level": 1}, timeout=5, id="x")
Run(command=["ls"], env={"A": "1", "B": 2, "C": 0.5, "D": None}, working_dir=Path("/tmp"), timeout=None)
Run(entrypoint="m:f", parameters={"day": "today", "deep": {"list": [1, None]}}, working_dir="~")
Run(command=["ls", Path("/tmp")])
Run(command=[Path("./script.sh")])
Run(command=(Path("./script.sh"), "-v"))
words: list[str] = ["ls"]
paths: list[Path] = [Path("/bin/ls")]
mixed: list[str | Path] = ["ls", Path("/tmp")]
Run(command=words)
Run(command=paths)
Run(command=mixed)
Run(entrypoint="m:f", parameters={"file": Path("/tmp")})
Run.of(report, parameters={"day": "x"}, env={"A": 1}, name="n", timeout=1.5, labels={"n": 1}, working_dir=Path("/"))
counts: dict[str, int] = {"N": 1}
Run(command=["ls"], env=counts, labels=counts)

# A converted field has the type that it is kept in.
assert_type(run.command, list[str] | None)
assert_type(run.env, dict[str, str | None])
assert_type(run.labels, dict[str, str])
assert_type(run.working_dir, str | None)
assert_type(run.timeout, float | None)
Run(command=["cat"], stdin="text")
Run(command=["cat"], stdin=b"bytes")
Run(command=["cat"], stdin=Path("file"))
assert_type(run.name, str)

# Launchers.
local = SubprocessLauncher(env={"A": 1}, virtualenv=Path("/venv"), grace=3, stream_output=False)
SubprocessLauncher(condaenv="base", working_dir=Path.home(), stream_output=0)
docker = DockerLauncher(image="x", networks=("a", "b"), volumes=["/a:/b"], mem_limit="512m", cpus=1, user=1000)
DockerLauncher(image_pull_policy=ImagePullPolicy.ALWAYS, mem_limit=2**20, forward_urls={"URL"}, options={"init": True})
DockerLauncher(image_pull_policy="Never", registry_auth={"username": "u", "password": "p"}, labels={"a": 1})
KubernetesLauncher(image="x", job={"spec": {}}, customizations=[{"op": "remove", "path": "/spec"}], finished_job_ttl=5)
KubernetesLauncher(job=Path("job.yaml"), customizations="patch.json", restart_policy=RestartPolicy.NEVER)
KubernetesLauncher(resources={"limits": {"cpu": 1, "memory": "1Gi"}}, image_pull_secrets=["a"], restart_policy="Never")
kubernetes = KubernetesLauncher(env={"P": {"secret": "db", "key": "password"}, "A": 1}, env_from=("secret:db",))
UniversalLauncher(env={"A": "1"}).to("docker", image="x")
assert_type(kubernetes.env, dict[str, str | dict[str, str] | None])
assert_type(kubernetes.env_from, list[str])
assert_type(docker.replace(image="y"), DockerLauncher)
assert_type(docker.networks, list[str])
assert_type(docker.image_pull_policy, ImagePullPolicy | None)
assert_type(UniversalLauncher().to("docker"), Launcher)
assert_type(lookup_launcher("docker"), type[Launcher])


@register_launcher
class Mine(SubprocessLauncher):
    type: ClassVar[str] = "mine"


assert_type(Mine(grace=1), Mine)
with DockerLauncher() as entered:
    assert_type(entered, DockerLauncher)

# Settings.
assert_type(local.to_settings(), LauncherSettings)
assert_type(Launcher.from_settings({"type": "docker", "config": {"image": "x"}}), Launcher)
assert_type(DockerLauncher.from_settings(LauncherSettings("docker", {"image": "x"})), DockerLauncher)


# Launching.
def on_start(handle: Handle) -> None: ...


def on_output(run: Run, line: str) -> None: ...


assert_type(local.submit(run, on_start=on_start, on_output=on_output), bool)
assert_type(local.launch(run, on_start=on_start, on_output=lambda run, line: print(line)), Outcome)
handle = assert_type(local.start(run), Handle)
outcome = assert_type(local.wait(handle, timeout=5, on_output=on_output), Outcome)
assert_type(local.call(report, "today"), Any)
assert_type((outcome.value, outcome.value_error, outcome.error), tuple[Any, str, RunError | None])
assert_type(RunFailed(outcome).outcome, Outcome)
local.stop(handle)
local.remove(Handle("docker", "id", "name", "engine", "run"))
assert_type(local.preview(run, reveal=True), str)
assert_type((handle.type, handle.id), tuple[str, str])
assert_type((outcome.ok, outcome.exit_code, outcome.reason), tuple[bool, int | None, Reason])
assert_type(outcome.handle, Handle | None)
Outcome(ok=False, reason=Reason.FAILED, exit_code=1)

# A Retry takes sets and lists, reasons and their names, seconds and functions of tenacity.
retry = Retry(3, on={Reason.FAILED, "oom_killed"}, exit_codes=range(70, 80), free=(), free_limit=5, wait=0.5)
Retry(attempts=2, on=["failed"], exit_codes=None, wait=tenacity.wait_exponential(multiplier=2))
Retry(wait=lambda state: 2.0 * state.attempt_number)
assert_type(retry.on, frozenset[Reason])
assert_type(retry.exit_codes, frozenset[int] | None)
assert_type(Retry.from_settings(retry.to_settings()), Retry)

# The executor: a Run gives a LaunchFuture, a function the Future of its result.
journal = Journal(Path("batch.journal"), retry_failed=True)
assert_type(journal.path, str)
with journal, LaunchExecutor(local, 8, max_launches=2, retry=retry, journal=journal, prefix=None) as executor:
    future = assert_type(executor.submit(run, on_start=on_start, on_output=on_output), LaunchFuture)
    assert_type(executor.submit(run, launcher=docker.replace(cpus=2)), LaunchFuture)
    assert_type(executor.submit(run, retry=Retry(5)).attempts, list[Outcome])
    assert_type(executor.submit(report, "today"), Future[int])
    assert_type(executor.submit(report, day="today"), Future[int])
    assert_type(executor.call(report, day="today"), LaunchFuture)
    assert_type(executor.launch_all([run]), list[LaunchFuture])
    assert_type(executor.launch_iter(run for _ in range(2)), Iterator[LaunchFuture])
    assert_type(executor.launch_iter([run], ahead=5), Iterator[LaunchFuture])
    assert_type(executor.launch_all((run for _ in range(2)), on_output=on_output), list[LaunchFuture])
assert_type(future.result(), bool)
assert_type(len(table([future])), int)
table(iter({future: 1}))
assert_type(future.result(timeout=5), bool)
assert_type(future.value(timeout=5), Any)
assert_type(future.outcome, Outcome | None)
assert_type(future.run, Run)
assert_type(future.wait_started(timeout=1), Handle)
for ended in progress([future]):
    assert_type(ended, LaunchFuture)
callback: Callable[[Future[bool]], None] = lambda future: None  # noqa: E731
future.add_done_callback(callback)

# Deployments.
deployment = Deployment("nightly", {"command": ["echo"], "env": {"A": 1}}, local, retry=Retry(2))
assert_type(deployment.retry, Retry | None)
assert_type(deployment.make_run(day="x"), Run)
assert_type(deployment.launch(day="x"), bool)
assert_type(deployment.call(day="x"), Any)
assert_type(deployment.run, dict[str, Any])
assert_type(Deployment.load("deployments.yaml"), dict[str, Deployment])
Deployment.dump(Path("deployments.yaml"), [deployment])

# Housekeeping.
assert_type(docker.list_runs(), list[Listed])
assert_type(docker.logs(Handle("docker", "1", "n", "engine", "r"), follow=True), Iterator[str])
assert_type(docker.reap(older_than=3600, dry_run=True), list[Handle])


KubernetesLauncher(queue="team-a", pod_watch_timeout=None)
KubernetesLauncher(queue=None, pod_watch_timeout=2.5, ends_with="container")


# Events: why a run is pending.
def show_pending(event: RunEvent) -> None:
    if event.kind == "pending":
        assert_type((event.attempt, event.reason), tuple[int, str | None])
        assert_type(event.message, str | None)


with on_event(show_pending):
    pass
