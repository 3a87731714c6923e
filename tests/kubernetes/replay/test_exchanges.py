"""Single requests and their recorded responses: what the client makes of refusals, logs, lists and watches."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest

from launchpad.core.retries import Transient
from launchpad.kubernetes.api import Jobs, KubernetesApi
from launchpad.kubernetes.errors import ApiError
from launchpad.kubernetes.events import ListAndWatch
from launchpad.kubernetes.podlog import PodLog

from .recording import exchanges
from .server import ReplayServer

Answered = Callable[[str, str], Jobs]

TYPE = (
    'The API server refused the request (400): Job in version "v1" cannot be handled as a Job: json: cannot unmarshal'
)
FIELDS = "The cluster does not know these fields of the Job:"

REFUSALS = {
    ("32", "unknown fields, fieldValidation Strict"): (
        f"{FIELDS} spec.template.spec.containers[0].comand, spec.backofLimit. Correct or remove them."
    ),
    ("32", "a field in another case, Strict"): f"{FIELDS} spec.BackoffLimit. Correct or remove them.",
    ("32", "a field twice, fieldValidation Strict"): 'duplicate field "spec.backoffLimit"',
    ("33", "env value: a number"): f"{TYPE} number into Go struct field",
    ("33", "env value: a bool"): f"{TYPE} bool into Go struct field",
    ("33", "env value: a mapping"): f"{TYPE} object into Go struct field",
    ("33", "env value: env as a mapping"): "of type []v1.EnvVar",
    ("33", "env value: a bad name"): "spec.template.spec.containers[0].env[0].name: Invalid value: a valid environment",
    ("33", "env value: value and valueFrom"): "may not be specified when `value` is not empty",
    ("33", "env value: a long text and a number"): f"{TYPE} number into Go struct field",
    ("33", "env value: a number, Strict"): f"{TYPE} number into Go struct field",
    ("33", "args: a number"): "containers.args of type string",
    ("33", "no kind"): "metadata.name: Required value: name or generateName is required",
    ("33", "not JSON"): "the object provided is unrecognized (must be of type Job)",
    ("33", "a bad quantity"): "quantities must match the regular expression",
    ("33", "requests over limits"): "must be less than or equal to memory limit of 1Gi",
    ("33", "restartPolicy Always"): 'spec.template.spec.restartPolicy: Required value: valid values: "OnFailure"',
    ("33", "a bad label"): "metadata.labels: Invalid value: a valid label must be",
    ("33", "a name that is there: again"): 'jobs.batch "same" already exists',
    ("33", "delete with another uid"): "the UID in the precondition",
    ("33", "no such namespace"): 'namespaces "no-such" not found',
    ("33", "read a Job that is not there"): 'jobs.batch "no-such" not found',
    ("33", "change of the template of a Job"): "spec.template: Invalid value",
    ("36", "sendInitialEvents without resourceVersionMatch"): "sendInitialEvents requires setting resourceVersionMatch",
    ("36", "list, a bad continue"): "invalid continue token",
    (
        "36b",
        "list at an exact resourceVersion that nobody has any more",
    ): "resourceVersion for the provided list is too old",
}

OUTPUT = {
    "follow, ended": b"out\nerr\nno end of line",
    "not followed, ended": b"out\nerr\nno end of line",
    "follow, Pod not scheduled": b"",
    "sinceTime in the future": b"",
    "follow, nothing written for 5 s": b"first\n",
}


@pytest.fixture
def answered(server: ReplayServer) -> Iterator[Answered]:
    """Connects to a server that answers every request as it did in one exchange of a file."""
    apis = []

    def connect(file: str, exchange: str) -> Jobs:
        server.worlds["canned"] = exchanges(file)[exchange]
        configuration = types.SimpleNamespace(host=server.url, proxy=None, auth_settings=dict)
        apis.append(KubernetesApi(lambda: configuration))
        return Jobs(apis[-1], "canned")

    yield connect
    for api in apis:
        api.close()


@pytest.mark.parametrize("case", REFUSALS, ids="-".join)
def test_a_refusal_is_an_error_in_the_servers_words_without_values(answered: Answered, case: tuple[str, str]) -> None:
    with pytest.raises(ApiError) as caught:
        answered(*case).create({}, "launchpad")
    assert REFUSALS[case] in str(caught.value)
    assert "s3cr3t" not in str(caught.value)


@pytest.mark.parametrize(
    "case",
    [
        ("32", "unknown fields, fieldValidation Warn"),
        ("32", "a status given, Strict"),
        ("32", "a uid given, Strict"),
        ("33", "env value: a null"),
    ],
    ids="-".join,
)
def test_what_the_server_accepts_is_the_job_that_it_created(answered: Answered, case: tuple[str, str]) -> None:
    assert answered(*case).create({}, "launchpad")["kind"] == "Job"


@pytest.mark.parametrize(
    "case",
    [
        ("36", "list at a resourceVersion in the future"),
        ("36b", "list, continued from a resourceVersion that nobody has any more"),
    ],
    ids="-".join,
)
def test_a_version_that_the_server_does_not_have_is_listed_again(answered: Answered, case: tuple[str, str]) -> None:
    jobs = answered(*case)
    with pytest.raises(Transient):
        ListAndWatch(jobs.api, jobs.path, "job").open()


@pytest.mark.parametrize("exchange", OUTPUT)
def test_a_recorded_log_is_read_to_its_end(answered: Answered, exchange: str) -> None:
    assert read_log(answered("35", exchange)) == OUTPUT[exchange]


@pytest.mark.parametrize("exchange", ["follow, image cannot be pulled", "no such Pod"])
def test_a_log_that_is_not_there_yet_is_requested_again(answered: Answered, exchange: str) -> None:
    jobs = answered("35", exchange)
    with closing(PodLog("pod", jobs.log)) as log:
        while not log.not_found:
            log.read(ended=False)
        assert (log.finished, log.due is not None) == (False, True)


def test_a_parameter_that_the_server_does_not_know_is_an_error(answered: Answered) -> None:
    with pytest.raises(ApiError, match="stream: Forbidden: may not be specified"):
        read_log(answered("35", "stream All"))


def read_log(jobs: Jobs) -> Any:
    """Everything that the log has, of a container that has ended."""
    data = b""
    with closing(PodLog("pod", jobs.log)) as log:
        while not log.finished:
            data += log.read(ended=True)
    return data
