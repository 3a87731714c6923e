"""An API server for Jobs without a cluster: its Jobs run until they are ended, all at once.

    python cluster_script.py LATE_PODS LATE_JOBS

Prints its port. Watches report everything so many seconds after it happened; requests get the state of now. The paths
`/measure/end` and `/measure/counts` are for the measurement, and are not counted.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
import uuid
from collections import Counter
from typing import Any
from urllib.parse import parse_qs, urlsplit

Object = dict[str, Any]

POD_DELAY = 0.05
"""Seconds from the creation of a Job to that of its pod, and from there to its start."""

LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
TIME = "2030-01-01T00:00:00Z"


class Cluster:
    """The Jobs and pods of one namespace."""

    def __init__(self, late_pods: float, late_jobs: float) -> None:
        self.counts: Counter[str] = Counter()
        self._delays = {"jobs": late_jobs, "pods": late_pods, "events": 0.0}
        self._version = 0
        self._objects: dict[str, dict[str, Object]] = {"jobs": {}, "pods": {}, "events": {}}
        self._events: dict[str, list[tuple[int, float, bytes]]] = {"jobs": [], "pods": [], "events": []}

    def create(self, job: Object) -> Object:
        job["metadata"].update(uid=str(uuid.uuid4()), creationTimestamp=TIME)
        job["status"] = {}
        self._publish("jobs", "ADDED", job)
        asyncio.get_running_loop().call_later(POD_DELAY, self._create_pod, job)
        return job

    def _create_pod(self, job: Object) -> None:
        name, template = job["metadata"]["name"], job["spec"]["template"]
        labels = {**template["metadata"]["labels"], "job-name": name, "controller-uid": job["metadata"]["uid"]}
        metadata = {"name": f"{name}-p", "uid": str(uuid.uuid4()), "labels": labels, "creationTimestamp": TIME}
        pod = {"metadata": metadata, "spec": template["spec"], "status": {"phase": "Pending"}}
        self._publish("pods", "ADDED", pod)
        asyncio.get_running_loop().call_later(
            POD_DELAY, self._change_pod, pod, "Running", {"running": {"startedAt": TIME}}
        )

    def _change_pod(self, pod: Object, phase: str, state: Object) -> None:
        status = {"phase": phase, "containerStatuses": [{"name": "job", "restartCount": 0, "state": state}]}
        self._publish("pods", "MODIFIED", {**pod, "metadata": {**pod["metadata"]}, "status": status})

    def end(self) -> None:
        """Ends all Jobs that run."""
        end = {"exitCode": 0, "reason": "Completed", "startedAt": TIME, "finishedAt": TIME}
        for pod in list(self._objects["pods"].values()):
            self._change_pod(pod, "Succeeded", {"terminated": end})
        status = {"succeeded": 1, "conditions": [{"type": "Complete", "status": "True", "lastTransitionTime": TIME}]}
        for job in list(self._objects["jobs"].values()):
            self._publish("jobs", "MODIFIED", {**job, "metadata": {**job["metadata"]}, "status": status})

    def _publish(self, kind: str, change: str, item: Object) -> None:
        self._version += 1
        item["metadata"]["resourceVersion"] = str(self._version)
        self._objects[kind][item["metadata"]["name"]] = item
        line = json.dumps({"type": change, "object": item}).encode() + b"\n"
        self._events[kind].append((self._version, time.monotonic() + self._delays[kind], line))

    def answer(self, kind: str, name: str, query: dict[str, str]) -> tuple[int, Object]:
        """The answer to a request for one object, or for a page of all."""
        if name:
            found = self._objects[kind].get(name)
            return (200, found) if found else (404, {"kind": "Status", "reason": "NotFound", "message": "not found"})
        label, _, value = query.get("labelSelector", "").partition("=")
        items = [one for one in self._objects[kind].values() if not value or one["metadata"]["labels"][label] == value]
        start = int(query.get("continue") or 0)
        end = start + int(query.get("limit") or len(items))
        more = {"continue": str(end)} if end < len(items) else {}
        return 200, {"metadata": {"resourceVersion": str(self._version), **more}, "items": items[start:end]}

    async def watch(self, kind: str, query: dict[str, str], writer: asyncio.StreamWriter) -> None:
        sent = int(query["resourceVersion"])
        until = time.monotonic() + float(query["timeoutSeconds"])
        events, position = self._events[kind], 0
        while time.monotonic() < until and not writer.is_closing():
            now, lines = time.monotonic(), []
            while position < len(events) and (events[position][0] <= sent or events[position][1] <= now):
                if events[position][0] > sent:
                    lines.append(events[position][2])
                position += 1
            if lines:
                data = b"".join(lines)
                writer.write(b"%x\r\n%s\r\n" % (len(data), data))
                await writer.drain()
            await asyncio.sleep(0.02)
        writer.write(b"0\r\n\r\n")


class Server:
    """Serves one cluster by HTTP/1.1."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                method, target, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
                length = LENGTH.search(head)
                body = json.loads(await reader.readexactly(int(length[1]))) if length else None
                parts = urlsplit(target)
                query = {key: values[-1] for key, values in parse_qs(parts.query).items()}
                if await self._answer(method, parts.path, query, body, writer):
                    break
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _answer(
        self, method: str, path: str, query: dict[str, str], body: Any, writer: asyncio.StreamWriter
    ) -> bool:
        """Whether it was a watch, after which the connection is closed."""
        cluster = self._cluster
        if path.startswith("/measure/"):
            if path.endswith("/end"):
                cluster.end()
            return self._write(writer, 200, dict(cluster.counts))
        cluster.counts["requests"] += 1
        kind, name, *_ = [*path.partition("/namespaces/")[2].split("/")[1:], "", ""]
        if query.get("watch"):
            cluster.counts["watches"] += 1
            writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n")
            await cluster.watch(kind, query, writer)
            return True
        if path == "/version":
            return self._write(writer, 200, {"major": "1", "minor": "30", "gitVersion": "v1.30.0"})
        if method == "POST":
            return self._write(writer, 201, cluster.create(body))
        return self._write(writer, *cluster.answer(kind, name, query))

    def _write(self, writer: asyncio.StreamWriter, status: int, content: Object) -> bool:
        data = json.dumps(content).encode()
        head = f"HTTP/1.1 {status} OK\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
        writer.write(head.encode() + data)
        return False


async def main() -> None:
    cluster = Cluster(*map(float, sys.argv[1:]))
    server = await asyncio.start_server(Server(cluster).serve, "127.0.0.1", 0, backlog=2048)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
