"""Whose a Job is: launches of one run that get into each other's way, by an API server that does as it is told."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from launchpad import LaunchError, NameConflict, Run
from launchpad.core.backend import Unit
from launchpad.core.cancellation import StopToken
from launchpad.kubernetes.backend import KubernetesBackend
from launchpad.kubernetes.labels import RUN_ID

RUN = Run(command=["true"], id="run-1")
SPEC = {"metadata": {"name": "j", "labels": {RUN_ID: RUN.id}}}
COMPLETE = [{"type": "Complete", "status": "True"}]
SOON = 20.0


class ApiServer(ThreadingHTTPServer):
    """Keeps Jobs by their names. `faults` come first, one a create: a status to answer, or 0 for no answer at all."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.jobs: dict[str, dict[str, Any]] = {}
        self.faults: list[int] = []
        self.creates = 0
        self.creating = threading.Event()
        self.creates_are_answered = threading.Event()
        self.creates_are_answered.set()
        self.over = threading.Event()

    def make(self, manager: str, *conditions: dict[str, str]) -> dict[str, Any]:
        metadata = {**SPEC["metadata"], "uid": f"uid-{len(self.jobs)}", "managedFields": [{"manager": manager}]}
        job = {"metadata": metadata, "status": {"conditions": list(conditions)}}
        return self.jobs.setdefault("j", job)


class Answering(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: ApiServer

    def do_GET(self) -> None:
        place = urlsplit(self.path)
        if "watch" in parse_qs(place.query):
            self.send_response(200)
            self.end_headers()
            self.server.over.wait()
            self.close_connection = True
        elif place.path.endswith("/j"):
            self._answer(200, self.server.jobs["j"])
        else:
            self._answer(200, {"items": [], "metadata": {"resourceVersion": "1"}})

    def do_POST(self) -> None:
        server = self.server
        self.rfile.read(int(self.headers["Content-Length"]))
        server.creates += 1
        server.creating.set()
        server.creates_are_answered.wait()
        manager = parse_qs(urlsplit(self.path).query)["fieldManager"][0]
        fault = server.faults.pop(0) if server.faults else None
        if fault == 0:
            server.make(manager, *COMPLETE)
            self.close_connection = True
        elif fault:
            self._answer(fault, {"message": "as it was told"})
        elif "j" in server.jobs:
            self._answer(409, {"reason": "AlreadyExists"})
        else:
            self._answer(201, server.make(manager))

    def _answer(self, status: int, content: object) -> None:
        body = json.dumps(content).encode()
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
        server.over.set()
        server.shutdown()
        thread.join()


@pytest.fixture
def backend(server: ApiServer) -> Iterator[KubernetesBackend]:
    host = f"http://127.0.0.1:{server.server_address[1]}"
    settings = SimpleNamespace(host=host, proxy=None, auth_settings=dict)
    backend = KubernetesBackend(lambda: settings, "ns", 60.0)
    yield backend
    backend.close()


def start(backend: KubernetesBackend) -> Unit:
    return backend.start(SPEC, "j", RUN, output=False, stop_token=StopToken())


def test_while_a_job_is_being_made_its_name_is_taken_for_another_launch_of_the_run(
    server: ApiServer, backend: KubernetesBackend
) -> None:
    server.creates_are_answered.clear()
    with ThreadPoolExecutor() as threads:
        first = threads.submit(start, backend)
        assert server.creating.wait(SOON)
        with pytest.raises(NameConflict, match="another launch of the same run"):
            start(backend)
        server.creates_are_answered.set()
        unit = first.result(SOON)
    with pytest.raises(NameConflict):
        start(backend)
    assert server.creates == 1
    unit.close()


def test_the_name_of_a_job_that_was_not_made_is_free(server: ApiServer, backend: KubernetesBackend) -> None:
    server.faults = [403]
    with pytest.raises(LaunchError, match="as it was told"):
        start(backend)
    start(backend).close()


def test_the_name_of_a_job_that_is_followed_no_more_is_free(server: ApiServer, backend: KubernetesBackend) -> None:
    unit = start(backend)
    unit.close()
    server.jobs.clear()
    start(backend).close()
    assert server.creates == 2


def test_an_earlier_job_of_the_run_that_has_ended_is_not_ours_though_the_server_was_busy(
    server: ApiServer, backend: KubernetesBackend
) -> None:
    server.make("launchpad-of-yesterday", *COMPLETE)
    server.faults = [429]
    with pytest.raises(NameConflict):
        start(backend)
    assert server.creates == 2


def test_a_job_that_has_ended_before_its_create_was_answered_is_ours(
    server: ApiServer, backend: KubernetesBackend
) -> None:
    server.faults = [0]
    unit = start(backend)
    assert (unit.handle.id, server.creates) == ("uid-0", 2)
    unit.close()
