"""Creating a Job while other launches of the run do the same, on a scripted API server."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from launchpad import EngineUnavailable, LaunchError, NameConflict, Run
from launchpad.core.backend import Unit
from launchpad.core.cancellation import StopToken
from launchpad.kubernetes.backend import KubernetesBackend
from launchpad.kubernetes.labels import ATTEMPT, RUN_ID

RUN = Run(command=["true"], id="run-1")
SPEC = {"metadata": {"name": "j", "labels": {RUN_ID: RUN.id}}}
COMPLETE = [{"type": "Complete", "status": "True"}]
TIMEOUT = 20.0


class ApiServer(ThreadingHTTPServer):
    """Keeps Jobs by name. The first creations meet the `faults`: a status, or 0 for a Job without a response."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.jobs: dict[str, dict[str, Any]] = {}
        self.faults: list[int] = []
        self.creates = 0
        self.bodies: list[dict[str, Any]] = []
        self.unknown = ""
        self.answer: bytes | None = None
        self.creating = threading.Event()
        self.respond_to_creates = threading.Event()
        self.respond_to_creates.set()
        self.closing = threading.Event()

    def add(self, manager: str, *conditions: dict[str, str]) -> dict[str, Any]:
        metadata = {**SPEC["metadata"], "uid": f"uid-{len(self.jobs)}", "managedFields": [{"manager": manager}]}
        job = {"metadata": metadata, "status": {"conditions": list(conditions)}}
        return self.jobs.setdefault("j", job)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: ApiServer

    def do_GET(self) -> None:
        place = urlsplit(self.path)
        if "watch" in parse_qs(place.query):
            self.send_response(200)
            self.end_headers()
            self.server.closing.wait()
            self.close_connection = True
        elif place.path == "/version":
            self._respond(200, {"major": "1", "minor": "26+"})
        elif place.path.endswith("/j"):
            self._respond(200, self.server.jobs["j"])
        else:
            self._respond(200, {"items": [], "metadata": {"resourceVersion": "1"}})

    def do_POST(self) -> None:
        server = self.server
        server.bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        server.creates += 1
        server.creating.set()
        server.respond_to_creates.wait()
        manager = parse_qs(urlsplit(self.path).query)["fieldManager"][0]
        fault = server.faults.pop(0) if server.faults else None
        unknown = {"backofLimit", server.unknown} & set(server.bodies[-1].get("spec", ()))
        if fault == 0:
            server.add(manager, *COMPLETE)
            self.close_connection = True
        elif unknown and parse_qs(urlsplit(self.path).query)["fieldValidation"] == ["Strict"]:
            self._respond(400, {"message": f'strict decoding error: unknown field "spec.{unknown.pop()}"'})
        elif fault:
            self._respond(fault, {"message": "scripted"})
        elif "j" in server.jobs:
            self._respond(409, {"reason": "AlreadyExists"})
        else:
            self._respond(201, server.add(manager))

    def _respond(self, status: int, content: object) -> None:
        body = json.dumps(content).encode() if self.server.answer is None else self.server.answer
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[ApiServer]:
    with ApiServer() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.closing.set()
        server.shutdown()
        thread.join()


@pytest.fixture
def backend(server: ApiServer) -> Iterator[KubernetesBackend]:
    host = f"http://127.0.0.1:{server.server_address[1]}"
    configuration = SimpleNamespace(host=host, proxy=None, auth_settings=dict)
    backend = KubernetesBackend(lambda: configuration, "ns", 60.0)
    yield backend
    backend.close()


def start(backend: KubernetesBackend) -> Unit:
    return backend.start(SPEC, "j", RUN, output=False, stop_token=StopToken())


def test_a_name_is_taken_while_another_launch_of_the_run_creates_or_follows_its_job(
    server: ApiServer, backend: KubernetesBackend
) -> None:
    server.respond_to_creates.clear()
    with ThreadPoolExecutor() as threads:
        first = threads.submit(start, backend)
        assert server.creating.wait(TIMEOUT)
        with pytest.raises(NameConflict, match="another launch of the same run"):
            start(backend)
        server.respond_to_creates.set()
        unit = first.result(TIMEOUT)
    with pytest.raises(NameConflict):
        start(backend)
    assert server.creates == 1
    unit.close()


def test_a_name_is_free_again_after_a_failed_creation(server: ApiServer, backend: KubernetesBackend) -> None:
    server.faults = [403]
    with pytest.raises(LaunchError, match="scripted"):
        start(backend)
    start(backend).close()


def test_a_replacement_policy_that_the_server_does_not_know_is_left_out(
    server: ApiServer, backend: KubernetesBackend
) -> None:
    server.unknown = "podReplacementPolicy"
    spec = {**SPEC, "spec": {"backoffLimit": 1, "podReplacementPolicy": "Failed"}}
    backend.start(spec, "j", RUN, output=False, stop_token=StopToken()).close()
    assert server.bodies[-1]["spec"] == {"backoffLimit": 1}
    assert spec["spec"] == {"backoffLimit": 1, "podReplacementPolicy": "Failed"}
    server.jobs.clear()
    with pytest.raises(LaunchError, match=r"does not know these fields of the Job: spec\.backofLimit"):
        backend.start({**SPEC, "spec": {"backofLimit": 1}}, "j", RUN, output=False, stop_token=StopToken())


@pytest.mark.parametrize("answer", [b"<html>log in</html>", b"[]", b""])
def test_an_answer_that_is_not_that_of_an_api_server_is_unavailable(
    server: ApiServer, backend: KubernetesBackend, answer: bytes
) -> None:
    server.answer = answer
    with pytest.raises(EngineUnavailable, match="does not answer as an API server does"):
        backend.examine()


@pytest.mark.parametrize(("attempt", "is_ours"), [("2", True), ("1", False), (None, False)])
def test_a_running_job_of_the_run_is_ours_if_it_is_of_the_same_attempt(
    server: ApiServer, backend: KubernetesBackend, attempt: str | None, is_ours: bool
) -> None:
    labels = {RUN_ID: RUN.id} if attempt is None else {RUN_ID: RUN.id, ATTEMPT: attempt}
    server.add("another")["metadata"]["labels"] = labels
    spec = {"metadata": {"name": "j", "labels": {RUN_ID: RUN.id, ATTEMPT: "2"}}}
    with nullcontext() if is_ours else pytest.raises(NameConflict):
        backend.start(spec, "j", RUN, output=False, stop_token=StopToken()).close()


def test_a_name_is_free_again_after_its_unit_is_closed(server: ApiServer, backend: KubernetesBackend) -> None:
    unit = start(backend)
    unit.close()
    server.jobs.clear()
    start(backend).close()
    assert server.creates == 2


def test_an_ended_job_of_an_earlier_launch_is_a_conflict_even_after_a_retry(
    server: ApiServer, backend: KubernetesBackend
) -> None:
    server.add("launchpad-of-yesterday", *COMPLETE)
    server.faults = [429]
    with pytest.raises(NameConflict):
        start(backend)
    assert server.creates == 2


def test_a_job_that_ended_before_its_creation_was_confirmed_is_used(
    server: ApiServer, backend: KubernetesBackend
) -> None:
    server.faults = [0]
    unit = start(backend)
    assert (unit.handle.id, server.creates) == ("uid-0", 2)
    unit.close()
