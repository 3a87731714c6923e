"""Situations in which an engine refuses something. Each is provoked on a real engine, and its words are recorded.

`python -m tests.docker.situations NAME` provokes all of them on the engine that DOCKER_HOST names, and prints what it
says as lines for `words.jsonl`. NAME is the engine and its version, such as "Docker 28.5".
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
import tempfile
import threading
import urllib.request
import uuid
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import attrs
import docker

from launchpad import DockerLauncher, LaunchError, Run
from launchpad.core.cancellation import StopToken
from launchpad.docker.errors import ApiError

REGISTRY = os.environ.get("LAUNCHPAD_TEST_REGISTRY", "")
MANIFESTS = "application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"


@attrs.frozen
class Refused:
    """A launch that engines refuse. `advice` is a part of what launchpad advises."""

    advice: str
    settings: Mapping[str, Any] = {}
    command: tuple[str, ...] = ("true",)
    working_dir: str | None = None

    @property
    def run(self) -> Run:
        return Run(command=list(self.command), working_dir=self.working_dir, name=f"refused-{uuid.uuid4().hex}")


def _options(**options: Any) -> dict[str, Any]:
    return {"options": options}


def _mount(source: str, target: str) -> dict[str, Any]:
    return _options(mounts=[{"Type": "bind", "Source": source, "Target": target}])


LAUNCHES = {
    "program not found": Refused("check the program's name", command=("nope",)),
    "program path not found": Refused("check the program's name", command=("/no/such/nope",)),
    "program not executable": Refused("chmod", command=("/etc/passwd",)),
    "program is a directory": Refused("chmod", command=("/etc",)),
    "unknown user": Refused("check user", {"user": "nobody-at-all"}),
    "unknown group": Refused("check user", {"user": "root:no-such-group"}),
    "directory on a file": Refused("a directory onto a file", {"volumes": ["/:/etc/passwd"]}),
    "file on a directory": Refused("a directory onto a file", {"volumes": ["/etc/passwd:/etc"]}),
    "mount source missing": Refused("check volumes", _mount("/proc/no-such-source", "/m")),
    "mount target relative": Refused("check volumes", _mount("/tmp", "m")),
    "two mounts": Refused("may occur once", {"volumes": ["/tmp:/m"], **_options(tmpfs={"/m": ""})}),
    "relative directory": Refused("absolute path", working_dir="relative"),
    "directory is a file": Refused("check working_dir", working_dir="/etc/passwd"),
    "unknown runtime": Refused("check the options", _options(runtime="no-such-runtime")),
    "little memory": Refused("check mem_limit", {"mem_limit": "1k"}),
    "little swap": Refused("check mem_limit", {"mem_limit": "16m", **_options(memswap_limit="8m")}),
    "too many CPUs": Refused("check mem_limit and cpus", {"cpus": 4096}),
    "bad security option": Refused("check the option security_opt", _options(security_opt=["all"])),
    "no such device": Refused("check the option devices", _options(devices=["/dev/no-such-device:/dev/x:r"])),
    "no GPU": Refused("lacks one", _options(device_requests=[{"Count": -1, "Capabilities": [["gpu"]]}])),
    "no CDI device": Refused(
        "lacks one", _options(device_requests=[{"Driver": "cdi", "DeviceIDs": ["vendor.example/gpu=0"]}])
    ),
    "unknown capability": Refused("cap_add", _options(cap_add=["NO_SUCH"])),
    "unknown sysctl": Refused("sysctls", _options(sysctls={"kernel.no_such": "1"})),
    "unknown log driver": Refused("log_config", _options(log_config={"type": "no-such-driver"})),
    "unknown volume driver": Refused("volume_driver", {"volumes": ["/m"], **_options(volume_driver="no-such-driver")}),
    "unknown network": Refused("create the network", {"networks": ["no-such-network"]}),
    "unknown second network": Refused("create the network", {"networks": ["bridge", "no-such-network"]}),
    "unknown network mode": Refused("create the network", {"network_mode": "no-such-network"}),
    "foreign address": Refused(
        "an address of the engine's machine",
        {"network_mode": "bridge", **_options(ports={"80/tcp": ("192.0.2.7", 18080)})},
    ),
    "long hostname": Refused("hostname", _options(hostname="a" * 80)),
    "bad platform": Refused("check the option platform", _options(platform="no/such/platform/x")),
    "platform not there": Refused(
        "set the option platform", {"image_pull_policy": "Never", **_options(platform="linux/s390x")}
    ),
    "missing tag": Refused("its tag", {"image": f"{REGISTRY}/busybox:nowhere"}),
    "missing repository": Refused("its tag", {"image": f"{REGISTRY}/no-such:1"}),
    "registry refuses connections": Refused("reach the registry", {"image": "127.0.0.1:9/busybox:1"}),
}


def port_in_use() -> contextlib.AbstractContextManager[Refused]:
    """A port that this process listens on."""

    @contextlib.contextmanager
    def taken() -> Iterator[Refused]:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            ports = {"80/tcp": ("127.0.0.1", listener.getsockname()[1])}
            yield Refused("publish another", {"network_mode": "bridge", **_options(ports=ports)})

    return taken()


@contextlib.contextmanager
def refusing_registry(status: int, code: str, headers: Mapping[str, str] = {}) -> Iterator[str]:
    """A registry that responds to everything with an error. Gives an image's name in it."""
    body = json.dumps({"errors": [{"code": code, "message": code.lower()}]}).encode()

    class Handler(BaseHTTPRequestHandler):
        default_request_version = "HTTP/1.1"  # else it answers a TLS handshake with no HTTP at all

        def do_GET(self) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Type": "application/json"}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        do_HEAD = do_GET

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"127.0.0.1:{server.server_port}/closed:1"
        finally:
            server.shutdown()


REGISTRIES: dict[str, tuple[str, tuple[Any, ...]]] = {
    "login wanted": ("the login", (401, "UNAUTHORIZED", {"WWW-Authenticate": 'Basic realm="closed"'})),
    "pull denied": ("the login", (403, "DENIED")),
    "too many requests": ("try again later", (429, "TOOMANYREQUESTS")),
}
"""The advice, and the arguments of `refusing_registry`."""


def platform_image() -> str:
    """The name of an image in the registry that exists for one platform: amd64."""
    name = uuid.uuid4().hex
    url = f"http://{REGISTRY}/v2/busybox/manifests/"
    with urllib.request.urlopen(urllib.request.Request(url + "1", headers={"Accept": MANIFESTS})) as response:
        one = {"mediaType": response.headers["Content-Type"], "size": int(response.headers["Content-Length"])}
        one |= {"digest": response.headers["Docker-Content-Digest"]}
    one["platform"] = {"os": "linux", "architecture": "amd64"}
    index = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": [one]}).encode()
    headers = {"Content-Type": INDEX}
    urllib.request.urlopen(urllib.request.Request(url + name, index, headers, method="PUT")).close()
    return f"{REGISTRY}/busybox:{name}"


def refusal(launcher: DockerLauncher, run: Run) -> ApiError | None:
    """The engine's words when it refuses the run; None if it starts it."""
    name = run.name or ""
    with launcher, contextlib.closing(launcher.connect()) as backend:
        try:
            unit = backend.start(launcher.spec(run, name), name, run, output=True, stop_token=StopToken())
        except LaunchError as error:
            cause: BaseException | None = error
            while cause is not None and not isinstance(cause, ApiError):
                cause = cause.__context__
            return cause
        unit.kill()
        with contextlib.closing(unit):
            while not unit.has_ended():
                unit.poll(60)
            unit.poll(60)
        return None


def _launched(refused: Refused) -> ApiError | None:
    settings = {"image": "busybox:1", "network_mode": "none", **refused.settings}
    if "networks" in settings:
        del settings["network_mode"]
    return refusal(DockerLauncher(auto_remove=True, **settings), refused.run)


def _requested(request: Callable[[], object]) -> ApiError | None:
    try:
        request()
    except docker.errors.APIError as error:
        return ApiError(str(error.explanation), error.status_code or 0)
    return None


def _requests(client: docker.APIClient) -> Iterator[tuple[str, ApiError | None]]:
    name = f"refused-{uuid.uuid4().hex}"
    container = client.create_container("busybox:1", ["sleep", "60"], name=name)["Id"]
    try:
        yield "taken name", _requested(lambda: client.create_container("busybox:1", ["true"], name=name))
        client.start(container)
        yield "remove while running", _requested(lambda: client.remove_container(container))
        client.pause(container)
        yield "remove while paused", _requested(lambda: client.remove_container(container))
        client.unpause(container)
        network = next(iter(client.inspect_container(container)["NetworkSettings"]["Networks"]))
        yield "second connection", _requested(lambda: client.connect_container_to_network(container, network))
    finally:
        client.remove_container(container, force=True)
    yield "missing image", _requested(lambda: client.create_container("no-such-image:1", ["true"]))


def provoked(client: docker.APIClient) -> Iterator[tuple[str, ApiError | None]]:
    """Each situation, and what the engine says."""
    for name, refused in LAUNCHES.items():
        yield name, _launched(refused)
    yield "private mount", _launched(Refused("", {"volumes": ["/tmp:/m:rshared"]}))  # if the machine does not share it
    with port_in_use() as refused:
        yield "port in use", _launched(refused)
    for name, (advice, registry) in REGISTRIES.items():
        with refusing_registry(*registry) as image:
            yield name, _launched(Refused(advice, {"image": image}))
    image = platform_image()
    yield "image for another platform", _launched(Refused("", {"image": image, **_options(platform="linux/s390x")}))
    yield from _requests(client)


def main(engine: str) -> None:
    client = docker.APIClient(base_url=os.environ["DOCKER_HOST"], version="auto")
    with contextlib.closing(client), tempfile.TemporaryDirectory() as folder:
        os.environ["DOCKER_CONFIG"] = str(Path(folder))
        for situation, error in provoked(client):
            if error is not None:
                row = {"engine": engine, "situation": situation, "status": error.status, "words": error.message.strip()}
                print(json.dumps(row), flush=True)
            else:
                print(f"not refused: {situation}", file=sys.stderr)


if __name__ == "__main__":
    main(sys.argv[1])
