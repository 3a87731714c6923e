"""Records what the API server that KUBECONFIG names sends about one Job, its pods and events, for `recording.py`.

python -m tests.kubernetes.replay.record FOLDER [NUMBER ...]

Each situation has a namespace of its own; four are recorded at the same time, on a machine that should do nothing else.
Left out are names of nodes and addresses, and the events of every pod.
"""

from __future__ import annotations

import http.client
import json
import pathlib
import ssl
import sys
import threading
import time
import types
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from launchpad.kubernetes.config import find_cluster
from tests.helping import eventually
from tests.kubernetes.cluster import Cluster

from .recording import Object

SLEEPS = "sleep 300"
TRAPS = "trap 'exit 0' TERM; sleep 300 & wait $!"
IMAGE_THAT_IS_NOT_THERE = {"image": "127.0.0.1:5999/no/such:1", "imagePullPolicy": "Always"}

START_TIMEOUT = 120.0
PATHS = {"Job": ("batch/v1", "jobs"), "Pod": ("", "pods"), "Event": ("", "events")}

METADATA = [
    "name",
    "uid",
    "resourceVersion",
    "creationTimestamp",
    "labels",
    "finalizers",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
]
LABELS = ["launchpad.io/run-id", "controller-uid", "job-name"]
JOB = [
    "backoffLimit",
    "completions",
    "parallelism",
    "suspend",
    "activeDeadlineSeconds",
    "ttlSecondsAfterFinished",
    "managedBy",
]
POD = ["restartPolicy", "terminationGracePeriodSeconds", "activeDeadlineSeconds"]
STATUS = [
    "active",
    "succeeded",
    "failed",
    "startTime",
    "completionTime",
    "conditions",
    "phase",
    "reason",
    "message",
    "containerStatuses",
    "initContainerStatuses",
]
CONDITION = ["type", "status", "lastTransitionTime", "reason", "message"]
EVENTS_OF_EVERY_POD = ["Scheduled", "SuccessfulCreate", "Pulled", "Created", "Started", "MissingClusterDNS"]
CONTAINER = ["name", "state", "lastState", "restartCount"]


def delete_pod(cluster: Cluster, pod: str) -> None:
    cluster.delete("", "pods", pod)


def evict_pod(cluster: Cluster, pod: str) -> None:
    eviction = {"apiVersion": "policy/v1beta1", "kind": "Eviction", "metadata": {"name": pod}}
    cluster.create("", f"pods/{pod}/eviction", eviction)


def delete_job(cluster: Cluster, pod: str) -> None:
    cluster.delete("batch/v1", "jobs", cluster.jobs()[0]["metadata"]["name"], propagationPolicy="Foreground")


NOTHING: Mapping[str, Any] = types.MappingProxyType({})


class Situation(NamedTuple):
    """A Job, what others do to it 2 s after its pod has started, and how many seconds are recorded after that."""

    name: str
    script: str
    seconds: float
    action: Callable[[Cluster, str], None] | None = None
    job: Mapping[str, Any] = NOTHING
    pod: Mapping[str, Any] = NOTHING
    container: Mapping[str, Any] = NOTHING
    quota: bool = False


SITUATIONS = {
    "01": Situation("success", "sleep 2", 8),
    "05": Situation("active-deadline", SLEEPS, 45, job={"activeDeadlineSeconds": 5}),
    "05b": Situation("active-deadline-exits-0", TRAPS, 30, job={"activeDeadlineSeconds": 5}),
    "06": Situation("bad-image", "true", 65, container=IMAGE_THAT_IS_NOT_THERE),
    "11": Situation(
        "init-then-bad-image",
        "true",
        65,
        pod={"initContainers": [{"name": "prepare", "args": ["sh", "-c", "sleep 1"]}]},
        container=IMAGE_THAT_IS_NOT_THERE,
    ),
    "13": Situation(
        "native-sidecar",
        "sleep 2",
        65,
        pod={"initContainers": [{"name": "sidecar", "restartPolicy": "Always", "args": ["sh", "-c", SLEEPS]}]},
    ),
    "15": Situation("pod-deleted", SLEEPS, 25, delete_pod),
    "15b": Situation("pod-deleted-exits-0", TRAPS, 25, delete_pod),
    "18": Situation("evicted", SLEEPS, 25, evict_pod),
    "18b": Situation("evicted-exits-0", TRAPS, 25, evict_pod),
    "20": Situation("job-deleted-foreground", SLEEPS, 30, delete_job),
    "20b": Situation("job-deleted-foreground-exits-0", TRAPS, 40, delete_job),
    "23": Situation("suspended-at-creation", "sleep 2", 25, job={"suspend": True}),
    "25": Situation("managed-by-another", "true", 10, job={"managedBy": "example.com/other"}),
    "27b": Situation("on-failure-backoff-0", "sleep 1; exit 5", 20, pod={"restartPolicy": "OnFailure"}),
    "29": Situation("quota", "true", 65, quota=True),
}


class Recorder:
    """Records one situation, in a namespace that is removed afterwards."""

    def __init__(self, situation: Situation) -> None:
        self._situation = situation
        self._cluster = Cluster()
        self._changes: list[tuple[float, str, str, Object]] = []
        self._began = time.monotonic()
        self._watches = threading.Barrier(1 + len(PATHS))
        self._ended = False
        self._lock = threading.Lock()

    def record(self) -> list[Object]:
        try:
            self._prepare()
            for kind in PATHS:
                threading.Thread(target=self._watch, args=[kind], daemon=True).start()
            self._watches.wait(START_TIMEOUT)
            self._began = time.monotonic()
            self._cluster.create("batch/v1", "jobs", manifest(self._situation))
            self._act()
            time.sleep(self._situation.seconds)
            with self._lock:
                self._ended = True
                return list(trimmed(sorted(self._changes, key=lambda change: change[0])))
        finally:
            self._ended = True
            self._cluster.remove()

    def _act(self) -> None:
        action = self._situation.action
        if action is not None:
            pod = eventually(self._running_pod, bool, START_TIMEOUT, interval=0.1)
            time.sleep(2.0)
            self._add("Action", action.__name__.replace("_", " "), {})
            action(self._cluster, pod)

    def _prepare(self) -> None:
        """Waits for the service account of the namespace, without which no pod is created."""
        eventually(lambda: self._cluster.list("", "serviceaccounts"), bool, START_TIMEOUT, interval=0.1)
        if self._situation.quota:
            self._cluster.create("", "resourcequotas", {"metadata": {"name": "none"}, "spec": {"hard": {"pods": "0"}}})
            time.sleep(2.0)

    def _running_pod(self) -> str:
        pods = [item for _, kind, _, item in list(self._changes) if kind == "Pod"]
        return next((pod["metadata"]["name"] for pod in pods if pod["status"]["phase"] == "Running"), "")

    def _watch(self, kind: str) -> None:
        path = self._cluster.path(*PATHS[kind]) + "?watch=true"
        try:
            lines = lines_of(path)
            self._watches.wait(START_TIMEOUT)
            for line in lines:
                change = json.loads(line)
                self._add(kind, change["type"], change["object"])
        except (OSError, http.client.HTTPException):
            if not self._ended:
                raise

    def _add(self, kind: str, type: str, item: Object) -> None:
        with self._lock:
            if not self._ended:
                self._changes.append((time.monotonic() - self._began, kind, type, item))


def lines_of(path: str) -> Iterable[bytes]:
    """The lines of a response, as they come."""
    configuration = find_cluster(None, None)[0]()
    server = urlsplit(configuration.host)
    context = ssl.create_default_context(cafile=configuration.ssl_ca_cert)
    if not configuration.verify_ssl:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    connection = http.client.HTTPSConnection(server.netloc, context=context)
    credentials = {one["key"]: one["value"] for one in configuration.auth_settings().values()}
    connection.request("GET", path, headers=credentials)
    return connection.getresponse()


def manifest(situation: Situation) -> Object:
    usual = {"image": "busybox:1", "imagePullPolicy": "Never"}
    containers = [{**usual, "name": "job", "args": ["sh", "-c", situation.script], **situation.container}]
    pod = {"restartPolicy": "Never", "terminationGracePeriodSeconds": 5, "containers": containers, **situation.pod}
    if "initContainers" in pod:
        pod["initContainers"] = [{**usual, **one} for one in pod["initContainers"]]
    labels = {"app.kubernetes.io/managed-by": "launchpad", "launchpad.io/run-id": situation.name}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": situation.name, "labels": labels},
        "spec": {"backoffLimit": 0, **situation.job, "template": {"metadata": {"labels": labels}, "spec": pod}},
    }


def trimmed(changes: Iterable[tuple[float, str, str, Object]]) -> Iterable[Object]:
    """The lines of a recording: from the second state of an object on, only what has changed."""
    states: dict[tuple[str, str], Object] = {}
    for at, kind, type, item in changes:
        line: Object = {"t": round(at, 3), "kind": kind, "type": type}
        if kind == "Event":
            if item["reason"] in EVENTS_OF_EVERY_POD:
                continue
            line["object"] = event(item)
        elif kind in PATHS:
            state = {
                "metadata": metadata(item["metadata"]),
                "spec": spec(item["spec"], JOB if kind == "Job" else POD),
                "status": status(item["status"]),
            }
            key = (kind, item["metadata"]["name"])
            line["object"] = difference(states.get(key), state)
            states[key] = state
        yield line


def metadata(item: Object) -> Object:
    labels = {key: value for key, value in item.get("labels", {}).items() if key in LABELS}
    return {**chosen(item, METADATA), "labels": labels}


def spec(item: Object, keys: Iterable[str]) -> Object:
    found = chosen(item, keys)
    if "template" in item:
        found["template"] = {"spec": spec(item["template"]["spec"], POD)}
    if "nodeName" in item:
        found["nodeName"] = "node1"
    for kind in ("containers", "initContainers"):
        if kind in item:
            found[kind] = [chosen(one, ("name", "restartPolicy")) for one in item[kind]]
    return found


def status(item: Object) -> Object:
    found = chosen(item, STATUS)
    if "conditions" in found:
        found["conditions"] = [chosen(one, CONDITION) for one in found["conditions"]]
    for kind in ("containerStatuses", "initContainerStatuses"):
        if kind in found:
            found[kind] = [container(one) for one in found[kind]]
    return found


def container(item: Object) -> Object:
    """A container's status, without its ids and without what is empty."""
    found = chosen(item, CONTAINER)
    for key in ("state", "lastState"):
        found[key] = {state: {k: v for k, v in one.items() if k != "containerID"} for state, one in found[key].items()}
    return {key: value for key, value in found.items() if value}


def event(item: Object) -> Object:
    found = chosen(item, ("type", "reason", "message", "count"))
    about = {"uid": item["involvedObject"].get("uid")}
    return {"metadata": {"name": item["metadata"]["name"]}, "involvedObject": about, **found}


def chosen(item: Object, keys: Iterable[str]) -> Object:
    return {key: item[key] for key in keys if item.get(key) is not None}


def difference(before: Object | None, now: Object) -> Object:
    """What has changed; None for what is no longer there. The name of the object is always there."""
    if before is None:
        return now
    parts = {}
    for part, values in now.items():
        old = before[part]
        changed: dict[str, Any] = {key: value for key, value in values.items() if old.get(key) != value}
        changed.update({key: None for key in old if key not in values})
        parts[part] = changed
    parts["metadata"]["name"] = now["metadata"]["name"]
    return {part: changed for part, changed in parts.items() if changed}


def main(folder: str, *numbers: str) -> None:
    chosen_numbers = numbers or tuple(SITUATIONS)
    with ThreadPoolExecutor(4) as pool:
        recorded = pool.map(lambda number: Recorder(SITUATIONS[number]).record(), chosen_numbers)
        for number, lines in zip(chosen_numbers, recorded, strict=True):
            file = pathlib.Path(folder) / f"{number}-{SITUATIONS[number].name}.jsonl"
            file.write_text("".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines), "utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
