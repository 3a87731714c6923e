"""The replaying API server: HTTP on a socket, one `World` for each namespace."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from launchpad.kubernetes.status import containers, state

from .recording import Object
from .world import World

EXPIRED = {
    "type": "ERROR",
    "object": {"kind": "Status", "status": "Failure", "message": "too old resource version", "code": 410},
}
LINE = "2026-11-27T17:54:00.660303024Z hello\n"


class ReplayServer(ThreadingHTTPServer):
    """Serves the worlds in `worlds`, by namespace. A recorded exchange in place of a world answers every request."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.worlds: dict[str, Any] = {}
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: ReplayServer

    def log_message(self, *words: object) -> None: ...

    def handle(self) -> None:
        try:
            super().handle()
        except OSError:  # the client has closed the connection
            self.close_connection = True

    def do_GET(self) -> None:
        kind, name, more, query = self._target()
        if self._is_canned():
            return None
        if name and more == "log":
            return self._follow_log(name, follow=query.get("follow") == "true")
        self._world.lookups += not query.get("watch")
        about, _, uid = query.get("fieldSelector", "").partition("=")
        if about == "involvedObject.uid":
            return self._reply(200, {"items": list(self._world.events(uid))})
        if kind == "events" and self._world.cut:  # to have both cases, and fewer requests in the many cuts
            return self._reply(403, {"kind": "Status", "reason": "Forbidden", "message": "events are not allowed"})
        if name:
            return self._reply_object(self._world.read(kind, name))
        if query.get("watch"):
            return self._watch(kind, int(query["resourceVersion"]))
        with self._world.changed:
            items, version = self._world.list(kind), str(len(self._world.published))
        label, _, value = query.get("labelSelector", "").partition("=")
        items = [item for item in items if not value or item["metadata"].get("labels", {}).get(label) == value]
        return self._reply(200, {"metadata": {"resourceVersion": version}, "items": items})

    def do_POST(self) -> None:
        self._target()
        if not self._is_canned():
            self._reply(201, self._world.create(self._body))

    def do_DELETE(self) -> None:
        kind, name, _, _ = self._target()
        options = self._body
        self._world.requests.append(f"delete {kind} {options.get('gracePeriodSeconds', '')}".strip())
        item = self._world.read(kind, name)
        version = (options.get("preconditions") or {}).get("resourceVersion")
        if item is not None and version not in (None, item["metadata"]["resourceVersion"]):
            return self._reply(409, {"kind": "Status", "reason": "Conflict", "message": "changed"})
        if kind == "jobs":
            return self._reply_object(self._world.delete_job(name))
        return self._reply_object(self._world.delete_pod(name, options.get("gracePeriodSeconds")))

    def _target(self) -> tuple[str, str, str, dict[str, str]]:
        """Kind, name, subresource and query of the request. Sets the world, and the body."""
        parts = urlsplit(self.path)
        namespace, kind, name, more, *_ = [*parts.path.partition("/namespaces/")[2].split("/"), "", ""]
        self._world: World = self.server.worlds[namespace]
        data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self._body: Object = json.loads(data) if data else {}
        return kind, name, more, {key: values[-1] for key, values in parse_qs(parts.query).items()}

    def _is_canned(self) -> bool:
        """Whether the response is that of a recorded exchange, which is then sent."""
        exchange = self.server.worlds[self.path.partition("/namespaces/")[2].split("/")[0]]
        if isinstance(exchange, World):
            return False
        if exchange["status"] == 204:  # the connection stays open, without a length
            self.send_response(204)
            self.end_headers()
        elif "lines" in exchange or isinstance(exchange["body"], str):
            texts = [json.dumps(line) + "\n" for line in exchange.get("lines", ())] or [exchange["body"]]
            with self._chunked() as send:
                for text in filter(None, texts):
                    send(text.encode())
        else:
            self._reply(exchange["status"], exchange["body"])
        return True

    def _reply(self, status: int, content: Object) -> None:
        data = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _reply_object(self, item: Object | None) -> None:
        if item is None:
            self._reply(404, {"kind": "Status", "reason": "NotFound", "message": "not found"})
        else:
            self._reply(200, item)

    @contextmanager
    def _chunked(self) -> Iterator[Any]:
        self.close_connection = True
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        yield lambda data: self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.write(b"0\r\n\r\n")

    def _watch(self, kind: str, version: int) -> None:
        with self._chunked() as send:
            for event in self._world.watched(kind, version, self.client_address[1]):
                send(json.dumps(event or EXPIRED).encode() + b"\n")

    def _follow_log(self, pod: str, follow: bool) -> None:
        """The log of a container that writes one line at its start. It ends with the container, or with its pod."""
        world, port = self._world, self.client_address[1]
        if not _has_started(world.read("pods", pod)):
            self._reply(404, {"kind": "Status", "reason": "NotFound", "message": f'pods "{pod}" not found'})
            return
        with self._chunked() as send:
            send(LINE.encode())
            with world.changed:
                while follow and not world.closed and _is_running(world.read("pods", pod)):
                    world.idle[port] = "log"
                    world.rests.notify_all()
                    world.changed.wait()
                world.idle.pop(port, None)


def _has_started(pod: Object | None) -> bool:
    return pod is not None and any(one.is_own and "waiting" not in one.status["state"] for one in containers(pod))


def _is_running(pod: Object | None) -> bool:
    return pod is not None and any(one.is_own and state(one.status, "running") is not None for one in containers(pod))


@contextmanager
def serving() -> Iterator[ReplayServer]:
    server = ReplayServer()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
