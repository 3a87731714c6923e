"""Whatever is given, the only errors are ValueError, TypeError and LaunchError, with short printable messages.

Each input takes bounded time and memory.
"""

from __future__ import annotations

import io
import itertools
import os
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from launchpad import (
    Deployment,
    DockerLauncher,
    Handle,
    KubernetesLauncher,
    Launcher,
    LaunchError,
    LaunchExecutor,
    Run,
    SubprocessLauncher,
    get_image_name,
)
from launchpad.cli.app import run_app
from launchpad.cli.batch_file import read_stream
from launchpad.core.cancellation import StopToken
from launchpad.docker.config import engine_address
from launchpad.docker.logins import find_login
from launchpad.kubernetes.kubeconfig import select
from launchpad.net.http import BadResponse, ResponseParser

from . import inputs

EXAMPLES = int(os.environ.get("LAUNCHPAD_FUZZ_EXAMPLES", "25"))
"""Inputs for each test."""

LONGEST_MESSAGE = 20_000

MOST_SECONDS = 20.0
"""Seconds of the processor for one input, also on a slow machine: most take milliseconds."""

MOST_MEMORY = 1 << 30
"""Bytes of memory for all inputs, beyond what the process has."""

fuzzed = settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    derandomize=EXAMPLES < 100,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(autouse=True, scope="module")
def bounded_memory() -> Iterator[None]:
    """Makes what takes too much memory a MemoryError, which is none of the errors that are allowed."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (psutil.Process().memory_info().vms + MOST_MEMORY, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


@contextmanager
def bounded_time() -> Iterator[None]:
    began = time.thread_time()
    yield
    assert time.thread_time() - began < MOST_SECONDS


def tried(call: Callable[..., object], *arguments: Any, **named: Any) -> None:
    """Calls a function, which may refuse what it is given in the one right way."""
    try:
        with bounded_time():
            call(*arguments, **named)
    except (ValueError, TypeError, LaunchError) as error:
        message = str(error)
        assert message
        assert len(message) < LONGEST_MESSAGE
        assert all(line.isprintable() for line in message.split("\n")), repr(message)


def preview(launcher: Launcher) -> None:
    launcher.preview(Run(command=["a"]))
    launcher.to_settings()
    repr(launcher)


@fuzzed
@given(inputs.arguments_of(Run))
def test_runs(arguments: dict[str, Any]) -> None:
    tried(lambda: repr(Run(**{"command": ["a"], **arguments})))
    tried(Run, **arguments)


@pytest.mark.parametrize("cls", [SubprocessLauncher, DockerLauncher, KubernetesLauncher])
@fuzzed
@given(st.data())
def test_launchers(cls: type[Launcher], data: st.DataObject) -> None:
    arguments = data.draw(inputs.arguments_of(cls))
    tried(lambda: preview(cls(**arguments)))


@fuzzed
@given(inputs.manifests(), st.one_of(st.lists(inputs.mappings(inputs.plain, *inputs.MANIFEST_KEYS)), inputs.values))
def test_manifests_and_patches(job: Any, patch: Any) -> None:
    tried(lambda: preview(KubernetesLauncher(image="x", job=job)))
    tried(lambda: preview(KubernetesLauncher(image="x", customizations=patch)))


@fuzzed
@given(inputs.values, inputs.values, inputs.values)
def test_other_constructors(one: Any, two: Any, three: Any) -> None:
    def executor() -> None:
        with LaunchExecutor(SubprocessLauncher(), one, max_launches=two, thread_name_prefix="a"):
            pass

    tried(executor)
    tried(lambda: repr(Handle(one, two, three, one, two)))
    tried(get_image_name, one, two, three)
    tried(Launcher.from_settings, one)
    tried(Launcher.from_settings, {"type": two, "config": three})
    tried(Deployment, one, two, SubprocessLauncher())


def in_file(text: str, read: Callable[[Path], object], name: str = "file") -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, name)
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
        tried(read, path)


RUN = inputs.mappings(inputs.plain, *inputs.RUN_KEYS)
DEPLOYMENTS = st.fixed_dictionaries(
    {
        "deployments": st.lists(
            st.fixed_dictionaries(
                {"name": inputs.texts, "run": RUN, "launcher": inputs.mappings(inputs.plain, "type", "config")}
            )
        )
    }
)


@fuzzed
@given(inputs.written(DEPLOYMENTS))
def test_deployment_files(text: str) -> None:
    in_file(text, Deployment.load)


@pytest.mark.parametrize("lines", [False, True])
@fuzzed
@given(inputs.written(st.one_of(RUN, st.lists(RUN))))
def test_batch_files(lines: bool, text: str) -> None:
    stream: Any = io.BufferedReader(io.BytesIO(text.encode("utf-8", "surrogatepass")))
    tried(read_stream, stream, "runs", lines=lines)


@fuzzed
@given(inputs.written(inputs.manifests()))
def test_manifest_and_patch_files(text: str) -> None:
    in_file(text, lambda path: preview(KubernetesLauncher(image="x", job=path)))
    in_file(text, lambda path: preview(KubernetesLauncher(image="x", customizations=path)))


KUBECONFIG_KEYS = ("clusters", "users", "contexts", "current-context", "name", "cluster", "user", "context", "server")
KUBECONFIGS = inputs.mappings(
    st.one_of(
        inputs.plain, st.lists(inputs.mappings(inputs.mappings(inputs.plain, *KUBECONFIG_KEYS), *KUBECONFIG_KEYS))
    ),
    *KUBECONFIG_KEYS,
)


@fuzzed
@given(inputs.written(KUBECONFIGS))
def test_kubeconfigs(text: str) -> None:
    in_file(text, lambda path: select(str(path), None))


DOCKER_KEYS = ("auths", "credHelpers", "currentContext", "proxies", "HttpHeaders", "auth", "username", "docker.io")


@fuzzed
@given(inputs.written(inputs.mappings(inputs.mappings(inputs.plain, *DOCKER_KEYS), *DOCKER_KEYS)), inputs.texts)
def test_docker_configs_and_addresses(text: str, host: str) -> None:
    def read(path: Path) -> None:
        engine_address({"DOCKER_CONFIG": str(path.parent)})
        find_login(None, {"DOCKER_CONFIG": str(path.parent)}, StopToken())

    in_file(text, read, "config.json")
    tried(engine_address, {"DOCKER_CONFIG": "/nowhere", "DOCKER_HOST": host})
    tried(engine_address, {"DOCKER_CONFIG": "/nowhere", "DOCKER_CONTEXT": host})


COMMANDS = ("run", "batch", "preview", "doctor", "ps", "logs", "wait", "stop", "reap", "journal", "journey")
OPTIONS = (
    "--set", "--param", "--launcher", "--entrypoint", "--env", "--env-file", "--name", "--timeout", "--working-dir",
    "--image", "--volume", "--workers", "--label", "--older-than", "--json", "--lines", "--failed", "--keep", "-q",
    "-h", "--detach", "--dry-run", "--follow", "--fail-fast",
)  # fmt: skip
WORDS = st.one_of(
    st.sampled_from(
        ["docker", "kubernetes", "image=x", "job={a: [*b]}", "env.A=1", "os:getpid", "--", "a", "5m", "-1"]
    ),
    st.tuples(st.sampled_from(["image", "env", "job", "options", "x", "grace"]), inputs.texts).map("=".join),
    inputs.texts,
).filter(lambda word: "\0" not in word)  # which the system cannot pass on


@pytest.fixture(scope="module")
def no_engines() -> Iterator[None]:
    """No engine and no run is found, so that a command line that is valid launches nothing."""
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        patch.setenv("DOCKER_HOST", f"unix://{folder}/none.sock")
        patch.setenv("KUBECONFIG", f"{folder}/none")
        patch.setenv("XDG_STATE_HOME", folder)
        yield


@pytest.mark.usefixtures("no_engines")
@pytest.mark.parametrize("command", COMMANDS)
@fuzzed
@given(st.lists(st.tuples(st.sampled_from(OPTIONS), WORDS), max_size=3), st.lists(WORDS, max_size=2))
def test_command_lines(command: str, options: list[tuple[str, str]], rest: list[str]) -> None:
    words = [command, *(["--launcher", "docker"] if command == "run" else []), *itertools.chain(*options), *rest]
    with bounded_time(), redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()) as said:
        status = run_app(words)
    lines = said.getvalue().splitlines()
    assert status in (0, 1, 2, 125), (words, lines)
    assert status in (0, 1) or lines
    assert all(line.isprintable() for line in lines), lines
    assert not any("bug in launchpad" in line for line in lines), (words, lines)


HTTP = (
    b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 100 \r\n", b"Content-Length: 5\r\n", b"\r\n", b"5\r\n", b"0\r\n",
    b"Transfer-Encoding: chunked\r\n", b"hello", b"\xff\0", b"-1",
)  # fmt: skip


@fuzzed
@given(
    st.lists(
        st.one_of(
            st.sampled_from(HTTP),
            st.binary(max_size=10),
        )
    )
)  # fmt: skip
def test_responses(parts: list[bytes]) -> None:
    parser = ResponseParser()
    try:
        for part in parts:
            parser.feed(part)
        parser.finish()
    except BadResponse:
        pass
