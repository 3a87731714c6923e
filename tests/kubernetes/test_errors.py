"""Error responses of API servers: what they quote of a request is not in the message."""

from __future__ import annotations

import json
from typing import Any

import pytest

from launchpad import LaunchError
from launchpad.core.retries import Transient
from launchpad.kubernetes.errors import error_of
from launchpad.kubernetes.known_fields import check_fields, unknown_fields
from launchpad.kubernetes.shapes import path, unknown

SENT = {"spec": {"containers": [{"name": "job", "env": [{"name": "A", "value": 'hu"sh hush'}, {"name": "B"}]}]}}
V1_20 = (
    'Job in version "v1" cannot be handled as a Job: v1.Job.Spec: v1.PodSpec.Affinity: readObjectStart: expect { or n, '
    'but found ", error found in #10 byte of ...|finity": "hush"}}}|..., bigger context ...|{"value": "hus|...'
)
V1_36 = "couldn't get version/kind; json parse error: invalid character 'n' looking for beginning ({nonsense hush)"
MAP = 'Invalid value: map[string]string{"a":"hush", "b":"}: hush"}: `selector` does not match template `labels`'


def message(status: int, text: str, **more: Any) -> str:
    return str(error_of(status, {}, json.dumps({"message": text, **more}).encode(), SENT))


@pytest.mark.parametrize(
    ("status", "text", "kept"),
    [
        (400, V1_20, "v1.PodSpec.Affinity: readObjectStart: expect { or n"),
        (400, V1_36, "json parse error"),
        (403, 'admission webhook "w" denied the request: A=hu"sh hush is bad', "denied the request: A=*** is bad"),
        (422, 'Job "j" is invalid: x: Invalid value: "hush": must be y', "x: Invalid value: must be y"),
        (422, f'Job "j" is invalid: x: {MAP}', "does not match template"),
        (500, 'failed calling webhook: hu\\"sh hush', "failed calling webhook: ***"),
    ],
)
def test_what_the_server_quotes_of_a_request_is_not_in_the_error(status: int, text: str, kept: str) -> None:
    assert kept in message(status, text)
    assert "hush" not in message(status, text)


def test_the_faults_of_an_invalid_job_are_listed_without_their_values() -> None:
    causes = [{"field": "metadata.labels", "message": MAP}, {"field": "spec.x", "message": "Required value: a or b"}]
    text = message(422, 'Job.batch "j" is invalid: [hush]', reason="Invalid", details={"causes": causes})
    assert 'Job.batch "j" is invalid: metadata.labels: Invalid value: `selector` does not' in text
    assert text.endswith("spec.x: Required value: a or b")
    assert "hush" not in text


@pytest.mark.parametrize(
    "text",
    [
        'jobs.batch "x" is forbidden: exceeded quota: none, requested: count/jobs.batch=1, used: 0, limited: 0',
        'namespaces "no-such" not found',
        'error looking up service account ns/no-such: serviceaccount "no-such" not found',
    ],
)
def test_refusals_keep_the_words_of_the_server(text: str) -> None:
    assert message(403, text) == f"The API server refused the request (403): {text}"


def test_an_answer_that_is_no_status_is_one_short_line() -> None:
    text = str(error_of(403, {}, b"<html>\n\n<h1>Denied</h1>" + b"x" * 5000))
    assert "<html> <h1>Denied" in text
    assert "\n" not in text
    assert len(text) < 1100
    assert isinstance(error_of(502, {}, b"hush", SENT), Transient)


def test_fields_that_a_strict_server_does_not_know_are_named() -> None:
    text = 'cannot be handled as a Job: strict decoding error: unknown field "spec.a", unknown field "spec.b[0].c"'
    assert (
        message(400, text)
        == "The cluster does not know these fields of the Job: spec.a, spec.b[0].c. Correct or remove them."
    )


# Servers that drop unknown fields.


class Server:
    def __init__(self, *version: int) -> None:
        self._version = version

    def version(self) -> Any:
        return self._version


def job(pod: Any = None, **spec: Any) -> dict[str, Any]:
    return {"apiVersion": "batch/v1", "kind": "Job", "spec": {"template": {"spec": pod or {}}, **spec}}


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        (job({"nodeSelecter": {"a": "b"}}), r"spec.template.spec.nodeSelecter .did you mean 'nodeSelector'"),
        (job({"containers": [{"env_from": []}]}), r"containers\[0\].env_from .did you mean 'envFrom'"),
        (job({"containers": [{"livenessProbe": {"HTTPGet": {}}}]}), r"livenessProbe.HTTPGet"),
        (job(backoff_limit=3), r"spec.backoff_limit .did you mean 'backoffLimit'"),
        ({**job(), "specs": {}}, r"silently: specs"),
    ],
)
def test_a_field_that_an_old_server_would_drop_is_an_error_with_the_closest_field(manifest: Any, message: str) -> None:
    assert unknown(manifest)
    with pytest.raises(LaunchError, match=message):
        check_fields(Server(1, 20), manifest)
    check_fields(Server(1, 25), manifest)  # it checks the fields itself


def test_known_fields_are_not_refused() -> None:
    affinity = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": []}}}
    container = {"livenessProbe": {"httpGet": {"port": 1, "httpHeaders": [{"name": "a", "value": "b"}]}}, "stdin": True}
    volume = {"name": "v", "csi": {"driver": "d", "volumeAttributes": {"any": "x"}}}
    manifest = job(
        {"affinity": affinity, "containers": [container], "volumes": [volume]}, podFailurePolicy={"rules": []}
    )
    check_fields(Server(1, 20), manifest)
    assert not unknown(job({"containers": [{"env": [{"name": "A", "value": "x"}]}], "nodeSelector": {"any": "x"}}))


def test_unknown_fields_have_their_place() -> None:
    found = unknown_fields(job({"containers": [{"name": "a"}, {"volumeMounts": [{"readonly": True}]}]}))
    assert [path(steps) for steps, _ in found] == ["spec.template.spec.containers[1].volumeMounts[0].readonly"]


def test_a_404_that_is_no_status_of_an_api_server_proves_nothing() -> None:
    assert isinstance(error_of(404, {}, b"404 page not found"), Transient)
