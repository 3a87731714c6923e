"""The fields of the launcher: their values, the preview and the settings."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from launchpad import KubernetesLauncher, Launcher, Run, lookup_launcher
from launchpad.kubernetes.spec import job_names

RUN = Run(command=["echo", "hello"], name="Hello, World", id="id-1")


def manifest(**pod: Any) -> dict[str, Any]:
    return {"apiVersion": "batch/v1", "kind": "Job", "spec": {"template": {"spec": pod}}}


def test_a_preview_parses_to_the_spec() -> None:
    launcher = KubernetesLauncher(image="busybox:1", env={"A": "yes", "B": "01", "C": "x: y\n- z"}, labels={"v": "1.0"})
    name = next(job_names(RUN.name, RUN.id))
    assert yaml.safe_load(launcher.preview(RUN, reveal=True)) == launcher.spec(RUN, name)


def test_a_preview_masks_the_variables_of_all_containers_and_shows_references_to_secrets() -> None:
    secret = {"name": "S", "valueFrom": {"secretKeyRef": {"name": "vault", "key": "k"}}}
    clear = [{"name": "TOKEN", "value": "hush"}]
    base = manifest(
        containers=[{"name": "job", "env": [secret]}, {"name": "proxy", "env": clear}],
        initContainers=[{"name": "init", "env": clear}],
    )
    launcher = KubernetesLauncher(image="busybox:1", job=base, env={"TOKEN": "hush"})
    assert "hush" not in launcher.preview(RUN)
    assert "vault" in launcher.preview(RUN)
    assert "hush" not in repr(launcher)


def test_a_launcher_from_its_settings_is_equal() -> None:
    launcher = KubernetesLauncher(
        image="busybox:1",
        env={"A": "1", "B": None},
        namespace="here",
        job=manifest(containers=[]),
        customizations=[{"op": "add", "path": "/spec/parallelism", "value": 1}],
        resources={"limits": {"cpu": 2}},
        image_pull_policy="Always",
        restart_policy="OnFailure",
        image_pull_secrets={"b", "a"},
        finished_job_ttl=0,
        job_watch_timeout=9,
        context="c",
        kubeconfig="~/k",
        forward_urls=[],
    )
    settings = launcher.to_settings()
    assert json.loads(json.dumps(settings.config)) == settings.config
    assert Launcher.from_settings(settings) == launcher
    assert lookup_launcher("kubernetes") is KubernetesLauncher


def test_the_smaller_timeout_counts() -> None:
    launcher = KubernetesLauncher(job_watch_timeout=5)
    limits = [launcher._timeout(Run(command=["x"], timeout=timeout)) for timeout in (None, 3, 7)]
    assert limits == [5, 3, 5]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("image", ""),
        ("image", 3),
        ("namespace", "Upper_Case"),
        ("namespace", "x" * 64),
        ("service_account_name", "a b"),
        ("labels", {"a": True}),
        ("labels", {"///": "x"}),
        ("image_pull_policy", "Sometimes"),
        ("restart_policy", "Always"),
        ("job", 3),
        ("resources", {"cpu": "1"}),
        ("resources", {"limits": {"cpu": True}}),
        ("resources", {"limits": 3}),
        ("image_pull_secrets", "one"),
        ("image_pull_secrets", [""]),
        ("backoff_limit", -1),
        ("backoff_limit", True),
        ("finished_job_ttl", -1),
        ("pod_watch_timeout", 0),
        ("job_watch_timeout", float("nan")),
        ("context", ""),
        ("kubeconfig", 3),
        ("forward_urls", "X"),
    ],
)
def test_an_invalid_setting_is_a_value_error_when_the_launcher_is_created(field: str, value: Any) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        KubernetesLauncher(**{field: value})


@pytest.mark.parametrize("amount", ["1Gigabyte", "1gb", "1 Gi", "", "-1", "1K", "two", float("nan")])
def test_an_amount_that_kubernetes_cannot_read_is_refused_with_its_path(amount: str) -> None:
    with pytest.raises(ValueError, match=r"^resources\['limits'\]\['memory'\] must be an amount such as"):
        KubernetesLauncher(resources={"limits": {"memory": amount}})
    job = {"spec": {"template": {"spec": {"containers": [{"resources": {"limits": {"memory": str(amount)}}}]}}}}
    with pytest.raises(ValueError, match=r"containers\[0\].resources.limits.memory must be an amount such as"):
        KubernetesLauncher(job={"apiVersion": "batch/v1", "kind": "Job", **job})


@pytest.mark.parametrize("amount", ["500m", "1.5", ".5", "1e3", "1E", "2Ei", "100k", "+1", 1, 0.5])
def test_amounts_are_numbers_with_the_units_of_kubernetes(amount: str) -> None:
    assert KubernetesLauncher(resources={"requests": {"x": amount}}).resources == {"requests": {"x": str(amount)}}
