"""Variables from secrets and config maps: what is accepted, what is sent, and what is shown and saved."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from launchpad import Deployment, DockerLauncher, KubernetesLauncher, Launcher, Run, SubprocessLauncher
from launchpad import UniversalLauncher as Universal
from launchpad.kubernetes.environment import merged_sources

from .cluster import manifest

PASSWORD = {"secret": "db", "key": "password"}
SITE = {"configmap": "site", "key": "name"}


def container(run_env: dict[str, Any], own: dict[str, Any], **settings: Any) -> dict[str, Any]:
    """The container of a run, without the variables that every run has. `own`: the container of the manifest."""
    launcher = KubernetesLauncher(image="x", stream_output=False, job=manifest(containers=[own]), **settings)
    spec = launcher.spec(Run(command=["true"], env=run_env), "name")
    found: dict[str, Any] = spec["spec"]["template"]["spec"]["containers"][0]
    found["env"] = [entry for entry in found["env"] if not entry["name"].startswith("LAUNCHPAD_")]
    return found


def test_a_reference_is_sent_in_place_of_a_value() -> None:
    assert container({}, {}, env={"P": PASSWORD, "S": SITE, "A": 1})["env"] == [
        {"name": "P", "valueFrom": {"secretKeyRef": {"name": "db", "key": "password"}}},
        {"name": "S", "valueFrom": {"configMapKeyRef": {"name": "site", "key": "name"}}},
        {"name": "A", "value": "1"},
    ]


def test_a_reference_overrides_the_manifest_and_is_overridden_by_the_run() -> None:
    own = {"env": [{"name": "P", "value": "clear"}, {"name": "S", "value": "clear"}, {"name": "M", "value": "m"}]}
    assert container({"S": "run", "T": None}, own, env={"P": PASSWORD, "S": SITE, "T": SITE})["env"] == [
        {"name": "P", "valueFrom": {"secretKeyRef": {"name": "db", "key": "password"}}},
        {"name": "S", "value": "run"},
        {"name": "M", "value": "m"},
    ]


def test_whole_objects_follow_those_of_the_manifest_because_the_last_one_counts() -> None:
    prefixed = {"prefix": "A_", "secretRef": {"name": "db"}}
    own = {"envFrom": [{"secretRef": {"name": "db"}}, prefixed, {"configMapRef": {"name": "other"}}]}
    assert container({}, own, env_from=("secret:db", "configmap:site"))["envFrom"] == [
        prefixed,
        {"configMapRef": {"name": "other"}},
        {"secretRef": {"name": "db"}},
        {"configMapRef": {"name": "site"}},
    ]
    assert "envFrom" not in container({}, {})
    assert merged_sources([prefixed], []) == [prefixed]


def test_a_reference_is_no_secret_and_is_kept_by_settings_and_files(tmp_path: Path) -> None:
    launcher = KubernetesLauncher(image="x", env={"P": PASSWORD, "A": "hush"}, env_from={"secret:db"})
    settings = json.loads(json.dumps(launcher.to_settings().config))
    assert (settings["env"]["P"], settings["env_from"]) == (PASSWORD, ["secret:db"])
    assert Launcher.from_settings({"type": "kubernetes", "config": settings}) == launcher
    Deployment.dump(tmp_path / "d.yaml", [Deployment("n", {"command": ["true"]}, launcher)])
    assert Deployment.load(tmp_path / "d.yaml")["n"].launcher == launcher
    for shown in (repr(launcher), launcher._repr_html_(), launcher.preview(Run(command=["true"]))):
        assert ("password" in shown, "db" in shown, "hush" in shown) == (True, True, False)


def test_the_parts_of_a_reference_in_a_file_are_text_as_written(tmp_path: Path) -> None:
    config = "{image: x, env: {A: {secret: 1e3, key: 0545}, B: 0545}, env_from: [secret:007, configmap:no]}"
    launcher = f"{{type: kubernetes, config: {config}}}"
    text = f"deployments: [{{name: n, run: {{command: ['true']}}, launcher: {launcher}}}]"
    (tmp_path / "d.yaml").write_text(text)
    loaded = Deployment.load(tmp_path / "d.yaml")["n"].launcher
    assert isinstance(loaded, KubernetesLauncher)
    assert loaded.env == {"A": {"secret": "1e3", "key": "0545"}, "B": "0545"}
    assert loaded.env_from == ["secret:007", "configmap:no"]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"secret": "db"}, "must be a whole reference"),
        ({"secret": "db", "configmap": "db", "key": "k"}, "must be a whole reference"),
        ({}, "must be a whole reference"),
        ({"secret": "hush hush", "key": "k"}, r"\['secret'\] must be the name of an object"),
        ({"secret": "db", "key": "hush hush"}, r"\['key'\] must be a key"),
        ({"secret": 1, "key": "k"}, r"\['secret'\] must be the name of an object"),
        ({"configMap": "db", "key": "k"}, r"an unknown key \(did you mean 'configmap'\?\)"),
        ({"hush": "hush"}, "has an unknown key"),
        (["hush"], "must be text or a number, not list"),
    ],
)
def test_a_bad_reference_is_refused_without_its_text(value: Any, message: str) -> None:
    with pytest.raises(ValueError, match=rf"^env\['P'\].*{message}") as raised:
        KubernetesLauncher(env={"P": value})
    assert "hush" not in str(raised.value)
    with pytest.raises(ValueError, match="LAUNCHPAD_RUN_ID cannot be set"):
        KubernetesLauncher(env={"LAUNCHPAD_RUN_ID": PASSWORD})


@pytest.mark.parametrize("value", ["secret:db", ["db"], ["secrets:db"], ["secret:"], ["secret:A b"], [3], None])
def test_a_bad_source_of_variables_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=r"^env_from.* must be .*secret:"):
        KubernetesLauncher(env_from=value)


@pytest.mark.parametrize(
    "refuse",
    [lambda env: Run(command=["x"], env=env), lambda env: DockerLauncher(env=env), Universal, SubprocessLauncher],
)
def test_elsewhere_a_reference_is_refused_with_where_it_belongs(refuse: Callable[..., Any]) -> None:
    with pytest.raises(ValueError, match=r"env\['P'\].*belongs in the env of a KubernetesLauncher"):
        refuse(env={"P": PASSWORD})
    assert Universal(env={"P": "1", "A": "1"}).to("kubernetes", env={"P": PASSWORD}).env == {"P": PASSWORD, "A": "1"}
