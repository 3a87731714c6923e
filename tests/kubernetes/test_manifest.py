"""Base manifests: shapes, exported Jobs and files with several objects."""

from __future__ import annotations

import pathlib
from typing import Any

import pytest
import yaml

from launchpad import KubernetesLauncher, LaunchError, Run
from launchpad.kubernetes.manifest import base_manifest, ignored
from launchpad.kubernetes.shapes import Fault
from tests.helping import users_own

RUN = Run(command=["echo", "hello"], id="id-1")
JOB: dict[str, Any] = {"apiVersion": "batch/v1", "kind": "Job"}
ACCOUNT: dict[str, Any] = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "trainer"}}


def job(**pod: Any) -> dict[str, Any]:
    return {**JOB, "spec": {"template": {"spec": pod}}}


def variables(*entries: Any) -> dict[str, Any]:
    return job(containers=[{"env": list(entries)}])


def sent(base: Any, **settings: Any) -> dict[str, Any]:
    return KubernetesLauncher(image="busybox:1", job=base, stream_output=False, **settings).spec(RUN, "name-1")


CONTAINER = "spec.template.spec.containers[0]"
WRONG: list[tuple[dict[str, Any], str]] = [
    (job(containers=[{"env": {"A": "1"}}]), f"{CONTAINER}.env must be a list, not a mapping"),
    (variables("A=1"), f"{CONTAINER}.env[0] must be a mapping, not text"),
    (variables({"value": "1"}), f"{CONTAINER}.env[0] must have a name"),
    (variables({"name": 3}), f"{CONTAINER}.env[0].name must be text, not a number"),
    (variables({"name": "A", "value": True}), f"{CONTAINER}.env[0].value must be text, not true or false"),
    (variables({"name": "A", "value": ["x"]}), f"{CONTAINER}.env[0].value must be text, not a list"),
    (variables({"name": "A", "valueFrom": "s"}), f"{CONTAINER}.env[0].valueFrom must be a mapping, not text"),
    (job(containers="job"), "spec.template.spec.containers must be a list, not text"),
    (job(containers=["job"]), f"{CONTAINER} must be a mapping, not text"),
    (job(containers=[None]), f"{CONTAINER} must be a mapping, not nothing"),
    (job(containers=[{"image": 3.1}]), f"{CONTAINER}.image must be text, not a number"),
    (job(containers=[{"resources": {"limits": "1Gi"}}]), f"{CONTAINER}.resources.limits must be a mapping"),
    (job(containers=[{"livenessProbe": "x"}]), f"{CONTAINER}.livenessProbe must be a mapping, not text"),
    (job(containers=[{"tty": "yes"}]), f"{CONTAINER}.tty must be true or false, not text"),
    (job(initContainers={"name": "x"}), "spec.template.spec.initContainers must be a list, not a mapping"),
    (job(initContainers=[{"args": "echo x"}]), "spec.template.spec.initContainers[0].args must be a list, not text"),
    (job(volumes=[{"name": "v", "emptyDir": "x"}]), "spec.template.spec.volumes[0].emptyDir must be a mapping"),
    (job(nodeSelector=["a"]), "spec.template.spec.nodeSelector must be a mapping, not a list"),
    ({**JOB, "metadata": "x"}, "metadata must be a mapping, not text"),
    ({**JOB, "metadata": {"labels": {"a": True}}}, "metadata.labels.a must be text, not true or false"),
    ({**JOB, "metadata": {"namespace": 7}}, "metadata.namespace must be text, not a number"),
    ({**JOB, "spec": "x"}, "spec must be a mapping, not text"),
    ({**JOB, "spec": {"backoffLimit": "3"}}, "spec.backoffLimit must be a whole number, not text"),
    ({**JOB, "spec": {"template": ["x"]}}, "spec.template must be a mapping, not a list"),
]


@pytest.mark.parametrize(("base", "message"), WRONG)
def test_a_wrong_shape_is_an_error_with_its_path_when_the_launcher_is_created(base: Any, message: str) -> None:
    with pytest.raises(ValueError, match="job: ") as raised:
        KubernetesLauncher(job=base)
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("env: {A: hush}", r"job\.yaml:7: .*env: must be a list, not a mapping"),
        ("args: hush", r"job\.yaml:7: .*args: must be a list, not text"),
        ("resources: [hush]", r"job\.yaml:7: .*resources: must be a mapping, not a list"),
    ],
)
def test_a_wrong_shape_in_a_file_is_an_error_with_file_line_and_path(
    tmp_path: pathlib.Path, line: str, message: str
) -> None:
    head = "apiVersion: batch/v1\nkind: Job\nspec:\n  template:\n    spec:\n      containers:\n"
    (tmp_path / "job.yaml").write_text(f"{head}      - {line}\n")
    for launch in (lambda launcher: launcher.preview(RUN), lambda launcher: launcher.submit(RUN)):
        with pytest.raises(LaunchError, match=message) as raised:
            launch(KubernetesLauncher(image="busybox:1", job=tmp_path / "job.yaml"))
        assert "hush" not in str(raised.value)


@pytest.mark.parametrize("base", [JOB, {**JOB, "metadata": None, "spec": None, "status": {}}, job(containers=None)])
def test_sections_that_are_missing_or_null_are_as_if_absent(base: Any) -> None:
    assert sent(base) == sent(JOB)


def test_null_parts_of_a_container_are_as_if_absent() -> None:
    empty = {"name": "job", "env": None, "command": None, "resources": None, "volumeMounts": None}
    assert sent(job(containers=[empty], nodeSelector=None, volumes=None)) == sent(JOB)


def test_numbers_as_values_of_variables_and_labels_become_text() -> None:
    base = variables({"name": "A", "value": 3}, {"name": "B", "value": 0.5}, {"name": "C", "value": None})
    base["metadata"] = {"labels": {"team": 7}, "annotations": {"cost": 1.5}}
    made = sent(base)
    assert users_own(made["spec"]["template"]["spec"]["containers"][0]["env"]) == [
        {"name": "A", "value": "3"},
        {"name": "B", "value": "0.5"},
        {"name": "C"},
    ]
    assert (made["metadata"]["labels"]["team"], made["metadata"]["annotations"]) == ("7", {"cost": "1.5"})


def test_no_value_is_in_an_error() -> None:
    with pytest.raises(ValueError, match="must be text") as raised:
        KubernetesLauncher(job=variables({"name": "A", "value": {"hush": "hush"}}))
    assert "hush" not in str(raised.value)


# Customizations.


def test_a_number_that_a_patch_gives_a_variable_becomes_text() -> None:
    path = "/spec/template/spec/containers/0/env/-"
    made = sent(JOB, customizations=[{"op": "add", "path": path, "value": {"name": "A", "value": 3}}])
    assert users_own(made["spec"]["template"]["spec"]["containers"][0]["env"]) == [{"name": "A", "value": "3"}]


@pytest.mark.parametrize(
    ("path", "value"), [("/spec/template/spec/containers/0/env", {"A": "1"}), ("/spec/backoffLimit", "hush")]
)
def test_a_patch_that_leaves_a_wrong_shape_is_an_error_that_names_the_operation(path: str, value: Any) -> None:
    patch = [
        {"op": "add", "path": "/spec/parallelism", "value": 1},
        {"op": "replace", "path": path, "value": value},
        {"op": "add", "path": "/spec/completions", "value": 1},
    ]
    with pytest.raises(ValueError, match=rf"operation 1 \(replace {path}\) leaves .*: {path[1:5]}") as raised:
        sent(JOB, customizations=patch)
    assert "hush" not in str(raised.value)


def test_a_patch_may_pass_through_a_wrong_shape() -> None:
    path = "/spec/backoffLimit"
    patch = [{"op": "replace", "path": path, "value": "x"}, {"op": "replace", "path": path, "value": 2}]
    assert sent(JOB, customizations=patch)["spec"]["backoffLimit"] == 2


# Exported Jobs, lists and other objects.


def test_what_the_server_added_to_an_exported_job_is_dropped() -> None:
    added = {"uid": "u", "resourceVersion": "7", "creationTimestamp": "2030-01-01T00:00:00Z", "generation": 1}
    labels = {"controller-uid": "u", "job-name": "x", "batch.kubernetes.io/controller-uid": "u", "team": "a"}
    notes = {"kubectl.kubernetes.io/last-applied-configuration": "{}", "batch.kubernetes.io/job-tracking": ""}
    owner = [{"kind": "CronJob", "name": "nightly"}]
    exported = {
        **JOB,
        "metadata": {**added, "labels": labels, "annotations": notes, "ownerReferences": owner, "managedFields": []},
        "spec": {
            "selector": {"matchLabels": {"controller-uid": "u"}},
            "manualSelector": False,
            "podReplacementPolicy": "TerminatingOrFailed",
            "ttlSecondsAfterFinished": 60,
            "template": {"metadata": {"creationTimestamp": None, "labels": labels}, "spec": {"nodeName": "n"}},
        },
        "status": {"succeeded": 1},
    }
    assert base_manifest([exported]) == {
        **JOB,
        "metadata": {"labels": {"team": "a"}, "annotations": {}},
        "spec": {
            "ttlSecondsAfterFinished": 60,
            "template": {"metadata": {"labels": {"team": "a"}}, "spec": {"nodeName": "n"}},
        },
    }


def test_the_parameters_of_an_exported_run_are_dropped() -> None:
    base = variables({"name": "LAUNCHPAD_PARAMETERS", "value": "{}"}, {"name": "A", "value": "1"})
    made = KubernetesLauncher(job=base).spec(Run(entrypoint="m:f", parameters={"day": 1}), "name-1")
    assert users_own(made["spec"]["template"]["spec"]["containers"][0]["env"]) == [
        {"name": "LAUNCHPAD_PARAMETERS", "value": '{"day": 1}'},
        {"name": "A", "value": "1"},
        {"name": "LAUNCHPAD_RESULT", "value": "4096\n/dev/termination-log"},
    ]


@pytest.mark.parametrize(
    "documents",
    [
        [ACCOUNT, JOB],
        [{"apiVersion": "v1", "kind": "List", "items": [JOB, ACCOUNT]}],
        [{"apiVersion": "batch/v1", "kind": "JobList", "items": [{}]}, ACCOUNT],
    ],
)
def test_the_only_job_of_several_objects_is_used_and_the_others_are_listed(documents: list[Any]) -> None:
    assert base_manifest(documents) == base_manifest([JOB])
    assert ignored(documents) == ["ServiceAccount trainer"]
    assert ignored([JOB]) == []


@pytest.mark.parametrize(
    ("documents", "message"),
    [
        ([], "there is nothing"),
        ([ACCOUNT, ACCOUNT], "exactly one Job is needed, and there are 0"),
        ([JOB, {**JOB, "metadata": {"name": "b"}}], "there are 2 in its documents .objects: Job, Job b"),
        ([{"kind": "List", "items": []}], "there are 0"),
        ([{"kind": "List", "items": "x"}], "items must be a list"),
        ([{"kind": "List", "items": [{**JOB, "spec": 3}]}], r"items\[0\].spec must be a mapping"),
        ([{**JOB, "kind": "CronJob"}], "take the spec of the CronJob's jobTemplate"),
    ],
)
def test_anything_but_one_job_is_an_error(documents: list[Any], message: str) -> None:
    with pytest.raises(Fault, match=message):
        base_manifest(documents)


def test_a_preview_lists_the_objects_of_the_file_that_are_not_used(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "job.yaml"
    file.write_text(f"---\n# empty\n---\n{yaml.safe_dump_all([ACCOUNT, JOB])}---\n")
    launcher = KubernetesLauncher(image="busybox:1", job=file, stream_output=False)
    preview = launcher.preview(RUN)
    assert preview.startswith(f"# Not used, of {file}: ServiceAccount trainer\napiVersion: batch/v1\n")
    assert yaml.safe_load(preview) == launcher.spec(RUN, next(launcher.names(RUN)))


# Retries by the cluster.


@pytest.mark.parametrize(
    "settings",
    [
        {"restart_policy": "OnFailure"},
        {"job": job(restartPolicy="OnFailure")},
        {"job": {**JOB, "spec": {"backoffLimit": 0}}, "restart_policy": "OnFailure"},
    ],
)
def test_restarts_without_retries_are_refused_because_the_cluster_would_run_twice(settings: Any) -> None:
    with pytest.raises(ValueError, match="executes a run that fails twice"):
        KubernetesLauncher(**settings)
    assert KubernetesLauncher(**settings, backoff_limit=1)


def test_restarts_without_retries_in_a_file_or_a_patch_are_refused_at_the_launch(tmp_path: pathlib.Path) -> None:
    (tmp_path / "job.yaml").write_text(yaml.safe_dump(job(restartPolicy="OnFailure")))
    with pytest.raises(LaunchError, match=r"job\.yaml.*executes a run that fails twice"):
        sent(tmp_path / "job.yaml")
    patch = [{"op": "replace", "path": "/spec/template/spec/restartPolicy", "value": "OnFailure"}]
    with pytest.raises(ValueError, match="executes a run that fails twice"):
        sent(JOB, customizations=patch)
