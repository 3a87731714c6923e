"""Manifests and patches in YAML files: text means what is written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from launchpad import Deployment, KubernetesLauncher, LaunchError, Run
from tests.helping import users_own

RUN = Run(command=["true"], id="an-id")

MANIFEST = """\
apiVersion: batch/v1
kind: Job
metadata:
  labels: {version: WRITTEN, limits: WRITTEN}
  annotations: {WRITTEN: WRITTEN}
spec:
  template:
    spec:
      nodeSelector: {zone: WRITTEN}
      serviceAccountName: WRITTEN
      priorityClassName: WRITTEN
      affinity:
        podAffinity: {a: [{topologyKey: WRITTEN, labelSelector: {matchLabels: {x: WRITTEN}}}]}
        nodeAffinity: {a: [{key: WRITTEN, values: [WRITTEN], weight: 5}]}
      volumes:
      - {name: WRITTEN, secret: {secretName: WRITTEN, defaultMode: 0644, optional: yes}}
      - {name: b, projected: {sources: [{secret: {name: WRITTEN, items: [{key: WRITTEN, mode: 0400}]}}]}}
      containers:
      - env: [&v {name: WRITTEN, value: WRITTEN}, {<<: *v, name: B}]
        workingDir: WRITTEN
        resources: {limits: {cpu: AMOUNT}}
        livenessProbe: {httpGet: {port: 80, httpHeaders: [{name: X, value: WRITTEN}]}, exec: {command: [a, WRITTEN]}}
        securityContext: {runAsUser: 1000, privileged: no}
"""


def sent(tmp_path: Path, manifest: str, patch: str = "[]", amount: str = "1", **settings: Any) -> Any:
    """The manifest that is previewed, as YAML text with what is written in it replaced."""
    for name, text in (("job.yaml", manifest.replace("AMOUNT", amount)), ("patch.yaml", patch)):
        (tmp_path / name).write_text(text)
    launcher = KubernetesLauncher(
        image="busybox:1",
        job=tmp_path / "job.yaml",
        customizations=str(tmp_path / "patch.yaml"),
        stream_output=False,
        **settings,
    )
    return yaml.safe_load(launcher.preview(RUN, reveal=True))


@pytest.mark.parametrize("written", ["0545", "3.10", "12:30", "no", "1e3", "0x1F", "1_000", "2024-01-02", "1.0", ".5"])
def test_text_of_a_manifest_is_what_is_written(tmp_path: Path, written: str) -> None:
    assert sent(tmp_path, MANIFEST.replace("WRITTEN", written)) == sent(
        tmp_path, MANIFEST.replace("WRITTEN", f"'{written}'")
    )


@pytest.mark.parametrize("written", ["0545", "3.10", "1e3", ".5"])
def test_an_amount_in_a_manifest_is_what_is_written(tmp_path: Path, written: str) -> None:
    made = sent(tmp_path, MANIFEST, amount=written)["spec"]["template"]["spec"]
    assert made["containers"][0]["resources"] == {"limits": {"cpu": written}}


def test_numbers_and_booleans_of_a_manifest_are_read_as_in_yaml(tmp_path: Path) -> None:
    made = sent(tmp_path, MANIFEST.replace("WRITTEN", "x"))["spec"]["template"]["spec"]
    assert made["volumes"][0]["secret"] == {"secretName": "x", "defaultMode": 0o644, "optional": True}
    assert made["volumes"][1]["projected"]["sources"][0]["secret"]["items"] == [{"key": "x", "mode": 0o400}]
    assert made["containers"][0]["securityContext"] == {"runAsUser": 1000, "privileged": False}


@pytest.mark.parametrize("written", ["0545", "3.10", "no", "12:30", "2024-01-02"])
def test_text_in_a_patch_is_what_is_written(tmp_path: Path, written: str) -> None:
    patch = f"""
- {{op: add, path: /metadata/labels/a~1b, value: {written}}}
- {{op: add, path: /metadata/annotations, value: {{x: {written}}}}}
- {{op: add, path: /spec/template/spec/containers/0/env/-, value: {{name: A, value: {written}}}}}
- {{op: add, path: /spec/template/spec/containers/0/env/0, value: {{name: B, value: x}}}}
- {{op: replace, path: /spec/template/spec/containers/0/env/0/value, value: {written}}}
- {{op: add, path: /spec/backoffLimit, value: 2}}
"""
    made = sent(tmp_path, "apiVersion: batch/v1\nkind: Job\n", patch)
    assert (made["metadata"]["labels"]["a/b"], made["metadata"]["annotations"]) == (written, {"x": written})
    variables = [{"name": "B", "value": written}, {"name": "A", "value": written}]
    assert users_own(made["spec"]["template"]["spec"]["containers"][0]["env"]) == variables
    assert made["spec"]["backoffLimit"] == 2


def test_text_of_a_manifest_in_a_deployments_file_is_what_is_written(tmp_path: Path) -> None:
    file = tmp_path / "deployments.yaml"
    pod = "{containers: [{env: [{name: A, value: 0545}]}], volumes: [{name: v, secret: {defaultMode: 0644}}]}"
    patch = "[{op: add, path: /metadata/labels/x, value: 3.10}]"
    job = f"{{apiVersion: batch/v1, kind: Job, spec: {{template: {{spec: {pod}}}}}}}"
    file.write_text(
        "deployments:\n- name: a\n  run: {command: [a]}\n  launcher: {type: kubernetes, config: "
        f"{{stream_output: no, image: 3.10, namespace: 0123, job: {job}, customizations: {patch}}}}}\n"
    )
    launcher = Deployment.load(file)["a"].launcher
    assert isinstance(launcher, KubernetesLauncher)
    made = yaml.safe_load(launcher.preview(RUN, reveal=True))
    container = made["spec"]["template"]["spec"]["containers"][0]
    assert (users_own(container["env"]), container["image"]) == ([{"name": "A", "value": "0545"}], "3.10")
    assert made["spec"]["template"]["spec"]["volumes"][0]["secret"]["defaultMode"] == 0o644
    assert (made["metadata"]["labels"]["x"], made["metadata"]["namespace"]) == ("3.10", "0123")


JOB = "apiVersion: batch/v1\nkind: Job\nmetadata: {labels: {own: y}}\n"
ACCOUNT = "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: trainer}\n"


@pytest.mark.parametrize(
    "text",
    [
        JOB + "---\n",
        f"---\n# nothing\n---\n{JOB}---\n---\n# nothing\n",
        f"{ACCOUNT}---\n{JOB}",
        f"{JOB}---\n{ACCOUNT}...\n",
        f"kind: ConfigMap\ndata: {{a: 2024-01-02, 5: !x y}}\n---\n{JOB}",
        "\ufeff" + JOB.replace("\n", "\r\n"),
        '{\n\t"apiVersion": "batch/v1",\n\t"kind": "Job", "metadata": {"labels": {"own": "y"}}\n}',
    ],
)
def test_the_one_job_of_a_file_is_used(tmp_path: Path, text: str) -> None:
    assert sent(tmp_path, text)["metadata"]["labels"]["own"] == "y"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (f"{JOB}---\n{JOB}", "exactly one Job is needed, and there are 2"),
        (f"{ACCOUNT}---\n{ACCOUNT}", "exactly one Job is needed, and there are 0"),
        ("# nothing\n---\n", "there is nothing"),
        (f"{ACCOUNT}---\n{JOB}spec: {{{{ spec }}}}\n", r"job\.yaml:8: spec\.\{\{ \}\}: a template is left in it"),
        (JOB + "{% if x %}\n", r"job\.yaml:4: .*; if the file is a template, render it first\.$"),
        (JOB + "kind: Job\n", "job.yaml:4: kind: the key is there twice"),
        (JOB + "spec: {template: {metadata: {labels: {a: <no value>}}}}", "job.yaml:4: .*a template left <no value>"),
    ],
)
def test_a_fault_in_a_file_of_manifests_names_its_line(tmp_path: Path, text: str, fault: str) -> None:
    with pytest.raises(LaunchError, match=fault):
        sent(tmp_path, text)
