"""Uses of the public API that type checkers refuse. A comment holds mypy's code for the error of its line."""

from __future__ import annotations

from pathlib import Path

from launchpad import (
    Deployment,
    DockerLauncher,
    Handle,
    KubernetesLauncher,
    Launcher,
    LauncherSettings,
    LaunchExecutor,
    Outcome,
    Reason,
    Retry,
    Run,
    SubprocessLauncher,
    register_launcher,
    table,
)

run = Run(command=["true"])
handle = Handle("subprocess", "1", "n", "host", "r")
local = SubprocessLauncher()
executor = LaunchExecutor(local)

Run(command=3)  # error: arg-type
Run(command="echo hello")  # error: arg-type
Run(command=[1])  # error: list-item
Run(command=[b"ls"])  # error: list-item
Run(command=Path("ls"))  # error: arg-type
Run(entrypoint=print)  # error: arg-type
Run(entrypoint="m:f", parameters=[1])  # error: arg-type
Run(entrypoint="m:f", parameters={1: 2})  # error: dict-item
Run(command=["true"], name=5)  # error: arg-type
Run(command=["true"], env=[1])  # error: arg-type
Run(command=["true"], env={"A": []})  # error: dict-item
Run(command=["true"], labels={"a": None})  # error: dict-item
Run(command=["true"], working_dir=b"/tmp")  # error: arg-type
Run(command=["true"], timeout="x")  # error: arg-type
Run(command=["true"], stdin=5)  # error: arg-type
Run(command=["true"], stdin=["text"])  # error: arg-type
Run(command=["true"], id=None)  # error: arg-type
Run(command=["true"], unknown=1)  # error: call-arg
Run(["true"])  # error: call-arg
Run.of("m:f")  # error: arg-type
Run.of(print, env=[1])  # error: arg-type
Run.of(print, timeout="x")  # error: arg-type
run.name = "other"  # error: misc

SubprocessLauncher(grace="x")  # error: arg-type
SubprocessLauncher(stream_output="yes")  # error: arg-type
SubprocessLauncher(stream_output=2)  # error: arg-type
SubprocessLauncher(env={"A": b"x"})  # error: dict-item
SubprocessLauncher(env={"P": {"secret": "db", "key": "k"}})  # error: dict-item
SubprocessLauncher(virtualenv=3)  # error: arg-type
SubprocessLauncher(condaenv=b"base")  # error: arg-type
SubprocessLauncher(working_dir=["a"])  # error: arg-type
DockerLauncher(image=3)  # error: arg-type
DockerLauncher(image_pull_policy=1)  # error: arg-type
DockerLauncher(networks="bridge")  # error: arg-type
DockerLauncher(network_mode=True)  # error: arg-type
DockerLauncher(labels={"a": None})  # error: dict-item
DockerLauncher(auto_remove="yes")  # error: arg-type
DockerLauncher(volumes="a:b")  # error: arg-type
DockerLauncher(mem_limit=0.5)  # error: arg-type
DockerLauncher(cpus="1")  # error: arg-type
DockerLauncher(user=0.5)  # error: arg-type
DockerLauncher(registry_auth="u:p")  # error: arg-type
DockerLauncher(forward_urls="URL")  # error: arg-type
DockerLauncher(options=["init"])  # error: arg-type
KubernetesLauncher(image=3)  # error: arg-type
KubernetesLauncher(namespace=3)  # error: arg-type
KubernetesLauncher(service_account_name=3)  # error: arg-type
KubernetesLauncher(env={"P": {"secret": 1}})  # error: dict-item
KubernetesLauncher(env_from="secret:db")  # error: arg-type
KubernetesLauncher(labels=["a"])  # error: arg-type
KubernetesLauncher(image_pull_policy=1)  # error: arg-type
KubernetesLauncher(restart_policy=None)  # error: arg-type
KubernetesLauncher(job=[1])  # error: arg-type
KubernetesLauncher(customizations=[1])  # error: list-item
KubernetesLauncher(resources={"limits": 1})  # error: dict-item
KubernetesLauncher(image_pull_secrets="a")  # error: arg-type
KubernetesLauncher(backoff_limit=0.5)  # error: arg-type
KubernetesLauncher(finished_job_ttl="5")  # error: arg-type
KubernetesLauncher(pod_watch_timeout="5")  # error: arg-type
KubernetesLauncher(queue=5)  # error: arg-type
KubernetesLauncher(ends_with=True)  # error: arg-type
KubernetesLauncher(job_watch_timeout="5")  # error: arg-type
KubernetesLauncher(context=3)  # error: arg-type
KubernetesLauncher(kubeconfig=b"x")  # error: arg-type
KubernetesLauncher(forward_urls="URL")  # error: arg-type
register_launcher(int)  # error: type-var
Launcher()  # error: abstract
LauncherSettings(5)  # error: arg-type
LauncherSettings("docker", [1])  # error: arg-type

local.submit(["true"])  # error: arg-type
local.submit(run, on_start=lambda: None)  # error: arg-type, misc
local.launch(run, on_output=lambda line: None)  # error: arg-type, misc
local.call("m:f")  # error: arg-type
executor.call(run)  # error: arg-type
local.wait(handle, timeout="5")  # error: arg-type
local.stop("id")  # error: arg-type
Handle("docker", 5, "n", "e", "r")  # error: arg-type
Outcome(ok=True)  # error: call-arg
Outcome(ok=True, reason="completed")  # error: arg-type
Outcome(ok=True, reason=Reason.COMPLETED).exit_code + 1  # error: operator

executor.submit(5)  # error: call-overload
executor.submit(run, retry=3)  # error: call-overload
executor.submit(run, on_start=5)  # error: call-overload
executor.submit(["echo"])  # error: call-overload
executor.launch_all([print])  # error: list-item
executor.launch_all([run], on_output=print, progress=True)  # error: call-arg
executor.launch_all([run], on_output=lambda line: None)  # error: arg-type, misc
ok = executor.submit(run).outcome.ok  # error: union-attr
Retry("3")  # error: arg-type
Retry(3, [Reason.FAILED])  # error: call-arg
Retry(on=[1])  # error: list-item
Retry(exit_codes=75)  # error: arg-type
Retry(wait="5")  # error: arg-type
LaunchExecutor(local, retry=3)  # error: arg-type
LaunchExecutor(local, journal="batch.journal")  # error: arg-type
LaunchExecutor("docker")  # error: arg-type
LaunchExecutor(local, prefix="run: ")  # error: arg-type

Deployment(5, {}, local)  # error: arg-type
Deployment("n", [], local)  # error: arg-type
Deployment("n", {}, "docker")  # error: arg-type
Deployment.dump("f", {"n": run})  # error: arg-type

local.logs("name")  # error: arg-type
local.logs(handle, True)  # error: call-arg
local.reap(2.0)  # error: call-arg
local.reap(older_than="2h")  # error: arg-type
table([Outcome(ok=True, reason=Reason.COMPLETED)])  # error: list-item
table(executor.submit(run))  # error: arg-type
