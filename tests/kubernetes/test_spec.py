"""The manifest that is sent to the cluster."""

from __future__ import annotations

import json
import pathlib
import re
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from launchpad import KubernetesLauncher, LaunchError, Run
from launchpad.kubernetes.environment import literal
from launchpad.kubernetes.labels import RUN_ID
from launchpad.kubernetes.spec import job_names
from tests.helping import users_own

RUN = Run(command=["echo", "hello"], name="Hello, World", id="id-1")


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LAUNCHPAD_IMAGE", "LAUNCHPAD_API_URL"):
        monkeypatch.delenv(name, raising=False)


def spec(run: Run = RUN, **settings: Any) -> dict[str, Any]:
    return KubernetesLauncher(**{"image": "busybox:1", "stream_output": False, **settings}).spec(run, "name-1")


def pod(spec: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = spec["spec"]["template"]["spec"]
    return found


def container(spec: dict[str, Any]) -> dict[str, Any]:
    return next(one for one in pod(spec)["containers"] if one["name"] == "job")


def manifest(**pod: Any) -> dict[str, Any]:
    return {"apiVersion": "batch/v1", "kind": "Job", "spec": {"template": {"spec": pod}}}


def test_a_run_is_a_job_without_retries() -> None:
    labels = {
        "app.kubernetes.io/managed-by": "launchpad",
        RUN_ID: "id-1",
        "launchpad.io/run-name": "Hello-World",
        "launchpad.io/attempt": "1",
    }
    made = spec(namespace="here")
    env = container(made)["env"]
    assert made == {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "name-1", "namespace": "here", "labels": labels},
        "spec": {
            "backoffLimit": 0,
            "template": {
                "metadata": {"labels": labels},
                "spec": {
                    "restartPolicy": "Never",
                    "terminationGracePeriodSeconds": 10,
                    "containers": [{"name": "job", "image": "busybox:1", "args": ["echo", "hello"], "env": env}],
                },
            },
        },
    }


def test_every_field_is_in_the_manifest() -> None:
    made = spec(
        service_account_name="robot",
        image_pull_policy="Never",
        restart_policy="OnFailure",
        resources={"requests": {"cpu": 1}, "limits": {"memory": "1Gi"}},
        image_pull_secrets=["one", "two"],
        backoff_limit=3,
        finished_job_ttl=0.5,
        grace=2.5,
    )
    assert made["spec"]["backoffLimit"] == 3
    assert made["spec"]["ttlSecondsAfterFinished"] == 1
    assert pod(made)["serviceAccountName"] == "robot"
    assert pod(made)["restartPolicy"] == "OnFailure"
    assert pod(made)["terminationGracePeriodSeconds"] == 3
    assert pod(made)["imagePullSecrets"] == [{"name": "one"}, {"name": "two"}]
    assert container(made)["imagePullPolicy"] == "Never"
    assert container(made)["resources"] == {"requests": {"cpu": "1"}, "limits": {"memory": "1Gi"}}


def test_a_time_to_live_of_zero_is_kept_and_a_grace_of_zero_is_a_second() -> None:
    made = spec(finished_job_ttl=0, grace=0)
    assert made["spec"]["ttlSecondsAfterFinished"] == 0
    assert pod(made)["terminationGracePeriodSeconds"] == 1  # with 0, the server removes the pod before it has ended


def test_the_entrypoint_of_the_image_is_kept() -> None:
    assert "command" not in container(spec())
    assert container(spec(job=manifest(containers=[{"command": None, "args": ["x"]}])))["args"] == ["echo", "hello"]


@pytest.mark.parametrize("run", [RUN, Run(entrypoint="pkg.mod:main")])
def test_a_run_replaces_the_command_and_the_args_of_the_manifest(run: Run) -> None:
    sidecar = {"name": "proxy", "command": ["envoy"]}
    base = manifest(containers=[sidecar, {"name": "job", "command": ["sh", "-c"], "args": ["echo theirs"]}])
    made = container(spec(run, job=base))
    assert made["command"] == container(spec(run))["args"]
    assert "args" not in made
    assert pod(spec(run, job=base))["containers"][0] == sidecar


def test_a_patch_can_put_a_program_before_the_command() -> None:
    path = "/spec/template/spec/containers/0/command"
    made = container(spec(customizations=[{"op": "add", "path": path, "value": ["tini", "--"]}]))
    assert (made["command"], made["args"]) == (["tini", "--"], ["echo", "hello"])
    base = manifest(containers=[{"name": "job", "command": ["theirs"]}])
    for patch in ({"op": "replace", "path": path, "value": ["tini", "--"]}, {"op": "remove", "path": path}):
        made = container(spec(job=base, customizations=[patch]))
        assert (made.get("command"), made["args"]) == (patch.get("value"), ["echo", "hello"])


def test_an_entrypoint_runs_the_engine_with_its_parameters_in_a_variable() -> None:
    made = container(spec(Run(entrypoint="pkg.mod:main", parameters={"day": "today"})))
    assert made["args"][:2] == ["python", "-c"]
    assert made["args"][3] == "pkg.mod:main"
    assert users_own(made["env"]) == [
        {"name": "LAUNCHPAD_PARAMETERS", "value": '{"day": "today"}'},
        {"name": "LAUNCHPAD_RESULT", "value": "4096\n/dev/termination-log"},
    ]


@pytest.mark.parametrize(("containers", "limit"), [(1, 4096), (3, 4096), (4, 3072), (7, 1755)])
def test_the_containers_of_a_pod_share_the_room_for_the_result(containers: int, limit: int) -> None:
    others = [{"name": f"other-{number}", "image": "a:1"} for number in range(1, containers)]
    base = manifest(containers=[{"name": "job", "terminationMessagePath": "/result"}], initContainers=others)
    made = container(spec(Run(entrypoint="m:f"), job=base))
    assert made["env"][-1] == {"name": "LAUNCHPAD_RESULT", "value": f"{limit}\n/result"}


def test_the_image_is_that_of_the_field_the_manifest_or_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    base = manifest(containers=[{"image": "theirs:1"}])
    patch = [{"op": "add", "path": "/spec/template/spec/containers/0/image", "value": "patched:1"}]
    assert container(spec(job=base))["image"] == "busybox:1"
    assert container(spec(job=base, image=None))["image"] == "theirs:1"
    assert container(spec(image=None, customizations=patch))["image"] == "patched:1"
    monkeypatch.setenv("LAUNCHPAD_IMAGE", "usual:1")
    assert container(spec(image=None))["image"] == "usual:1"


def test_without_an_image_a_function_runs_in_that_of_python_and_a_command_is_refused() -> None:
    assert re.fullmatch(r"python:3\.\d+-slim", container(spec(Run(entrypoint="m:f"), image=None))["image"])
    with pytest.raises(LaunchError, match="set the launcher's image, or LAUNCHPAD_IMAGE"):
        KubernetesLauncher().preview(RUN)


def test_variables_of_run_launcher_manifest_and_environment_are_merged_in_this_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LAUNCHPAD_API_URL", "http://outside")
    secret = {"name": "SECRET", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}
    base = manifest(
        containers=[{"env": [{"name": "A", "value": "manifest"}, secret, {"name": "B", "value": "manifest"}]}]
    )
    made = spec(
        Run(command=["x"], env={"A": "run", "B": None, "C": 3}), job=base, env={"A": "launcher", "D": "launcher"}
    )
    assert users_own(container(made)["env"]) == [
        {"name": "LAUNCHPAD_API_URL", "value": "http://outside"},
        {"name": "A", "value": "run"},
        secret,
        {"name": "D", "value": "launcher"},
        {"name": "C", "value": "3"},
    ]


def test_only_variables_that_are_set_are_forwarded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_URL", "http://x")
    assert users_own(container(spec(forward_urls=["MY_URL", "OTHER_URL"]))["env"]) == [
        {"name": "MY_URL", "value": "http://x"}
    ]


@pytest.mark.parametrize("text", ["$(HOME)", "$$", "$$(X)", "a$b", "$$$", "$", "$(", "echo $((1+1)) $$ $HOME"])
def test_text_that_kubernetes_would_expand_is_escaped(text: str) -> None:
    def expanded(word: str) -> str:  # as the kubelet does, with no variable defined but HOME
        return re.sub(r"\$\$|\$\(HOME\)", lambda found: "$" if found[0] == "$$" else "/root", word)

    assert expanded(literal(text)) == text


def test_labels_of_launcher_and_run_are_made_valid_and_cannot_replace_those_of_launchpad() -> None:
    run = Run(command=["x"], id="id-1", labels={"team": "b b", RUN_ID: "other"})
    made = spec(run, labels={"team": "a", "Cost Centre": "7"})
    for labels in (made["metadata"]["labels"], made["spec"]["template"]["metadata"]["labels"]):
        assert (labels["team"], labels["Cost-Centre"], labels[RUN_ID]) == ("b-b", "7", "id-1")


def test_the_working_directory_of_the_run_is_that_of_the_container() -> None:
    assert container(spec(Run(command=["x"], working_dir="/app")))["workingDir"] == "/app"
    assert "workingDir" not in container(spec())


# Base manifests.


def test_sidecars_are_not_changed_and_the_container_job_runs_the_command() -> None:
    sidecar = {"name": "proxy", "image": "envoy:1", "env": [{"name": "A", "value": "1"}]}
    made = spec(job=manifest(containers=[sidecar, {"name": "job", "tty": True}]), env={"A": "2"})
    assert pod(made)["containers"][0] == sidecar
    assert pod(made)["containers"][1]["tty"] is True
    assert users_own(container(made)["env"]) == [{"name": "A", "value": "2"}]


def test_a_single_container_runs_the_command_whatever_its_name() -> None:
    made = spec(job=manifest(containers=[{"name": "main", "tty": True}]))
    assert [(one["name"], one["tty"]) for one in pod(made)["containers"]] == [("job", True)]


def test_fields_you_set_override_the_manifest_and_defaults_do_not() -> None:
    base = manifest(restartPolicy="OnFailure", terminationGracePeriodSeconds=60, serviceAccountName="theirs")
    base["spec"]["backoffLimit"] = 4
    made = spec(job=base)
    assert (made["spec"]["backoffLimit"], pod(made)["restartPolicy"]) == (4, "OnFailure")
    assert (pod(made)["terminationGracePeriodSeconds"], pod(made)["serviceAccountName"]) == (60, "theirs")
    made = spec(job=base, backoff_limit=1, service_account_name="ours")
    assert (made["spec"]["backoffLimit"], pod(made)["serviceAccountName"]) == (1, "ours")


def test_with_retries_a_pod_is_replaced_only_after_its_end() -> None:
    assert "podReplacementPolicy" not in spec()["spec"]
    assert spec(backoff_limit=1)["spec"]["podReplacementPolicy"] == "Failed"
    theirs = {**manifest(), "spec": {"backoffLimit": 2, "podReplacementPolicy": "TerminatingOrFailed"}}
    assert spec(job=theirs)["spec"]["podReplacementPolicy"] == "TerminatingOrFailed"


def test_a_manifest_is_read_from_its_file_when_a_spec_is_built(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "job.yaml"
    launcher = KubernetesLauncher(image="busybox:1", job=str(file))
    with pytest.raises(LaunchError, match="cannot be read"):
        launcher.spec(RUN, "name-1")
    file.write_text(yaml.safe_dump(manifest(nodeSelector={"disk": "ssd"})))
    assert pod(launcher.spec(RUN, "name-1"))["nodeSelector"] == {"disk": "ssd"}
    assert launcher.job == str(file)


@pytest.mark.parametrize("content", ["", "[]", "kind: Pod", "{", "apiVersion: batch/v1\nkind: Job\nspec: 3"])
def test_a_file_without_a_manifest_is_an_error_that_names_it(tmp_path: pathlib.Path, content: str) -> None:
    file = tmp_path / "job.yaml"
    file.write_text(content)
    with pytest.raises(LaunchError, match=r"job\.yaml"):
        spec(job=file)


@pytest.mark.parametrize(
    ("base", "message"),
    [
        ({}, "apiVersion: batch/v1"),
        ({"apiVersion": "batch/v1", "kind": "CronJob"}, "kind: Job"),
        (manifest(containers=[{"name": "a"}, {"name": "b"}]), "one must have the name 'job'"),
        (manifest(containers={"name": "a"}), "must be a list"),
        ({"apiVersion": "batch/v1", "kind": "Job", "spec": []}, ""),
        ({**manifest(), "metadata": {"when": {1, 2}}}, "made of text"),
    ],
)
def test_an_invalid_manifest_is_an_error_when_the_launcher_is_created(base: Any, message: str) -> None:
    if base.get("spec") == []:
        assert KubernetesLauncher(job=base)  # an empty value counts as absent, as it does for the server
        return
    with pytest.raises(ValueError, match=message):
        KubernetesLauncher(job=base)


def test_objects_of_the_caller_are_not_changed() -> None:
    base = manifest(containers=[{"name": "main"}])
    patch = [{"op": "add", "path": "/spec/parallelism", "value": 1}]
    before = json.dumps([base, patch])
    spec(job=base, customizations=patch, labels={"a": "b"})
    assert json.dumps([base, patch]) == before


# Customizations.


def test_a_version_of_the_job_is_not_sent_because_the_server_creates_no_job_that_has_one() -> None:
    patch = [{"op": "add", "path": "/metadata/resourceVersion", "value": "7"}]
    assert (
        "resourceVersion"
        not in spec(job={"apiVersion": "batch/v1", "kind": "Job", "metadata": {"resourceVersion": "8"}})["metadata"]
    )
    assert "resourceVersion" not in spec(customizations=patch)["metadata"]


@pytest.mark.parametrize("form", ["list", "string", "file"])
def test_customizations_are_applied_last(tmp_path: pathlib.Path, form: str) -> None:
    patch: Any = [{"op": "replace", "path": "/spec/backoffLimit", "value": 9}]
    if form == "string":
        patch = json.dumps(patch)
    elif form == "file":
        (tmp_path / "patch.json").write_text(json.dumps(patch))
        patch = tmp_path / "patch.json"
    assert spec(customizations=patch, backoff_limit=2)["spec"]["backoffLimit"] == 9


def test_a_key_with_a_slash_can_be_patched() -> None:
    path = "/spec/template/spec/containers/0/resources/limits/nvidia.com~1gpu"
    made = spec(resources={"limits": {"cpu": "1"}}, customizations=[{"op": "add", "path": path, "value": "1"}])
    assert container(made)["resources"] == {"limits": {"cpu": "1", "nvidia.com/gpu": "1"}}


@pytest.mark.parametrize("patch", ["[{", '{"op": "add"}', [{"op": "x"}], 7])
def test_an_invalid_patch_is_an_error_when_the_launcher_is_created(patch: Any) -> None:
    with pytest.raises(ValueError, match="customizations"):
        KubernetesLauncher(customizations=patch)


def test_a_patch_that_does_not_fit_is_an_error_that_names_the_operation() -> None:
    with pytest.raises(ValueError, match=r"customizations: operation 0 .remove /spec/missing"):
        spec(customizations=[{"op": "remove", "path": "/spec/missing"}])


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "replace", "path": "/metadata/name", "value": "other"},
        {"op": "remove", "path": "/metadata/labels/launchpad.io~1run-id"},
        {"op": "remove", "path": "/spec/template/metadata/labels/launchpad.io~1run-id"},
        {"op": "replace", "path": "/spec/template/spec/containers/0/name", "value": "other"},
        {"op": "replace", "path": "", "value": 7},
    ],
)
def test_a_patch_must_not_change_what_identifies_the_run(operation: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="these identify the run"):
        spec(customizations=[operation])


# Names.


def test_a_name_is_a_slug_and_a_suffix_from_the_runs_id() -> None:
    name = next(job_names("Grüße aus _Köln_", "id-1"))
    assert re.fullmatch(r"grusse-aus-koln-[0-9a-f]{8}", name)
    assert name == next(job_names("Grüße aus _Köln_", "id-1"))
    assert name != next(job_names("Grüße aus _Köln_", "id-2"))


def test_a_later_attempt_has_its_number_at_the_end_of_each_name() -> None:
    first, second = list(job_names("x" * 99, "id-1")), list(job_names("x" * 99, "id-1", "2"))
    assert second[:3] == [f"{name}-2" for name in first[:3]]
    assert all(name.endswith("-2") and len(name) <= 63 for name in second)


def test_there_are_eight_different_names_to_try() -> None:
    names = list(job_names("x", "id-1"))
    assert len(set(names)) == len(names) == 8


def test_a_name_without_valid_characters_is_replaced_by_the_id_of_the_run() -> None:
    assert next(job_names("***", "id-1")).startswith("id-1-")
    assert next(job_names("***", "***")).startswith("run-")


@given(st.text(), st.text(min_size=1))
def test_every_name_is_a_valid_dns_label(text: str, run_id: str) -> None:
    for name in job_names(text, run_id):
        assert re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", name)
