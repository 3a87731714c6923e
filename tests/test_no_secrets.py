"""A secret that is planted at any entrance of launchpad appears at none of its exits."""

from __future__ import annotations

import base64
import json
import logging
import pickle
import stat
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from launchpad import Deployment, DockerLauncher, KubernetesLauncher, Launcher, LaunchExecutor, Run, SubprocessLauncher

from .cli.command import launchpad

SECRET = "T0PSECRET"
FORMS = [SECRET, base64.b64encode(SECRET.encode()).decode()]
RUN = Run(entrypoint="m:f", parameters={"p": SECRET}, env={"PW": SECRET})
COMMAND = Run(command=["/nope"], env={"PW": SECRET})
JOB = {
    "apiVersion": "batch/v1",
    "kind": "Job",
    "spec": {"template": {"spec": {"containers": [{"name": "job", "env": [{"name": "A", "value": SECRET}]}]}}},
}
PATCH = [{"op": "add", "path": "/spec/template/spec/containers/0/env/-", "value": {"name": "B", "value": SECRET}}]
LOGIN = {"username": "u", "password": SECRET}

LAUNCHERS = {
    "subprocess": SubprocessLauncher(env={"A": SECRET}),
    "docker": DockerLauncher(image="a:1", env={"A": SECRET}, registry_auth=LOGIN),
    "kubernetes": KubernetesLauncher(image="a:1", env={"A": SECRET}, job=JOB, customizations=PATCH),
}


class Recorder(logging.Handler):
    """Keeps what handlers that show local variables would log."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.text = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.text += record.getMessage() + (shown(record.exc_info[1]) if record.exc_info else "")


def shown(error: BaseException | None) -> str:
    """An error with those before it, their local variables and their pickles, as far as they are launchpad's."""
    text, seen = "", set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        trace = traceback.TracebackException(type(error), error, error.__traceback__, capture_locals=True)
        frames = [frame for frame in trace.stack if "test_no_secrets" not in frame.filename]
        text += f"{error!r} {error} {[(frame.name, frame.locals) for frame in frames]} {error.__dict__!r}"
        text += pickle.dumps(error).decode("latin-1")
        error = error.__cause__ or error.__context__
    return text


@pytest.fixture
def log() -> Iterator[Recorder]:
    recorder, root = Recorder(), logging.getLogger()
    before = root.level
    root.addHandler(recorder)
    root.setLevel(logging.DEBUG)
    yield recorder
    root.removeHandler(recorder)
    root.setLevel(before)


def failure_of(call: Callable[[], object]) -> str:
    with pytest.raises(Exception) as caught:  # noqa: PT011
        call()
    return shown(caught.value)


def hides(text: str) -> bool:
    return not any(form in text for form in FORMS)


@pytest.mark.parametrize("launcher", LAUNCHERS.values(), ids=LAUNCHERS)
def test_reprs_html_and_previews_show_none(launcher: Launcher) -> None:
    for run in (RUN, COMMAND):
        texts = [repr(run), repr(launcher), launcher._repr_html_(), launcher.preview(run)]
        texts += [repr(launcher.spec(run, "a")), repr(Deployment("d", {"command": ["a"], "env": run.env}, launcher))]
        assert all(map(hides, texts))
    assert SECRET in launcher.preview(RUN, reveal=True)


def test_a_launch_that_fails_shows_none(log: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"tcp://user:{SECRET}@127.0.0.1:1")
    for name in ("subprocess", "docker"):
        launcher = LAUNCHERS[name]
        assert hides(failure_of(lambda: launcher.submit(COMMAND)))  # noqa: B023
        assert hides(repr(launcher.check()))
    assert "LaunchError" in log.text
    assert hides(log.text)


def test_a_call_that_fails_shows_no_argument(tmp_path: Path) -> None:
    launcher = SubprocessLauncher(working_dir=tmp_path / "missing")
    with LaunchExecutor(launcher) as executor:
        assert hides(failure_of(lambda: launcher.call(hides, SECRET)))
        assert hides(failure_of(lambda: launcher.call(hides, SECRET, SECRET)))
        assert hides(failure_of(lambda: executor.call(hides, SECRET).value()))
        assert hides(failure_of(lambda: executor.call(hides, SECRET, form=SECRET)))


ENV = {"PW": SECRET}
BAD: dict[str, Callable[[], object]] = {
    "Run": lambda: Run(command=[], env=ENV),
    "Run with two programs": lambda: Run(command=["a"], entrypoint="m:f", parameters={"p": SECRET}),
    "Run with a bad value": lambda: Run(command=["a"], env={"PW": f"{SECRET}\0"}),
    "Run with an unknown argument": lambda: Run(command=["a"], env=ENV, cwd="/"),  # type: ignore[call-arg]
    "Run.of": lambda: Run.of(hides, parameters={"form": SECRET}, env=ENV),
    "SubprocessLauncher": lambda: SubprocessLauncher(env=ENV, grace=-1),
    "DockerLauncher": lambda: DockerLauncher(image="", env=ENV, registry_auth=LOGIN),
    "KubernetesLauncher": lambda: KubernetesLauncher(image="", env=ENV, job=JOB, customizations=PATCH),
    "from_settings": lambda: Launcher.from_settings({"type": "subprocess", "config": {"env": ENV, "grace": -1}}),
    "Deployment": lambda: Deployment("d", {"command": [], "env": ENV}, SubprocessLauncher()),
}


@pytest.mark.parametrize("make", BAD.values(), ids=BAD)
def test_a_constructor_that_refuses_its_arguments_shows_none(make: Callable[[], object]) -> None:
    assert hides(failure_of(make))


def kubeconfig(folder: Path, server: str = "http://127.0.0.1:1", **user: Any) -> str:
    content = {
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "users": [{"name": "u", "user": user}],
        "current-context": "c",
    }
    file = folder / "kubeconfig"
    file.write_text(json.dumps(content))
    return str(file)


PRINTS = {"apiVersion": "client.authentication.k8s.io/v1", "command": "sh"}
CREDENTIAL = {"apiVersion": PRINTS["apiVersion"], "kind": "ExecCredential", "status": {"token": f"{SECRET}\n"}}
USERS: dict[str, dict[str, Any]] = {
    "token": {"token": SECRET},
    "line end": {"token": f"{SECRET}\n"},
    "two lines": {"token": f"{SECRET}\nx"},
    "password": {"username": "u", "password": SECRET},
    "odd password": {"username": "u", "password": f"{SECRET}€"},
    "plugin": {"exec": {**PRINTS, "args": ["-c", f"echo '{json.dumps(CREDENTIAL)}'"]}},
    "broken plugin": {"exec": {**PRINTS, "args": ["-c", "echo $PW; exit 3"], "env": [{"name": "PW", "value": SECRET}]}},
    "provider": {"auth-provider": {"name": "oidc", "config": {"id-token": f"{SECRET}.{SECRET}.x"}}},
}


@pytest.mark.parametrize("user", USERS.values(), ids=USERS)
def test_a_cluster_that_is_out_of_reach_shows_none(tmp_path: Path, log: Recorder, user: dict[str, Any]) -> None:
    file = kubeconfig(tmp_path, f"http://u:{SECRET}@127.0.0.1:1", **user)
    launcher = KubernetesLauncher(image="a:1", kubeconfig=file, job=JOB, env={"A": SECRET}, namespace="n")
    assert hides(failure_of(lambda: launcher.connect().find(None, output=False)))  # type: ignore[arg-type]
    assert hides(repr(launcher.check()))
    assert hides(log.text)


@pytest.mark.parametrize(
    "config",
    [
        {"auths": {"a": {"auth": SECRET}}, "proxies": []},
        {"HttpHeaders": {"X-Token": f"{SECRET}\n"}},
        {"HttpHeaders": {"X-Token": f" {SECRET}"}},
        {"HttpHeaders": {"X-Token": [SECRET]}},
        {"auths": {"a": SECRET}, "currentContext": "nope"},
    ],
)
def test_a_docker_config_that_is_not_valid_shows_none(
    tmp_path: Path, log: Recorder, monkeypatch: pytest.MonkeyPatch, config: dict[str, Any]
) -> None:
    (tmp_path / "config.json").write_text(json.dumps(config))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    assert hides(failure_of(lambda: LAUNCHERS["docker"].submit(COMMAND)))
    assert hides(log.text)


@pytest.mark.parametrize(
    "url",
    [
        f"foo://u:{SECRET}@h",
        f"u:{SECRET}@h:x",
        f"tcp://{SECRET}@h:0",
        f"tcp://u:1/{SECRET}@h",
        f"npipe://u:{SECRET}@h",
        f"ssh://u:{SECRET}@-h",
        f"ssh://u:{SECRET}@h;x",
    ],
)
def test_an_address_that_is_not_valid_shows_no_login(log: Recorder, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("DOCKER_HOST", url)
    assert hides(failure_of(lambda: LAUNCHERS["docker"].submit(COMMAND)))
    assert hides(log.text)


@pytest.mark.parametrize("mode", [None, 0o644, 0o666, 0o640, 0o600])
def test_only_its_owner_can_read_a_dumped_file(tmp_path: Path, mode: int | None) -> None:
    file = tmp_path / "deployments.yaml"
    if mode is not None:
        file.touch()
        file.chmod(mode)
    (tmp_path / "link").symlink_to(file)
    Deployment.dump(tmp_path / "link", [Deployment("d", {"command": ["a"]}, LAUNCHERS["docker"])])
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert SECRET in file.read_text()
    assert sorted(tmp_path.iterdir()) == [file, tmp_path / "link"]


def test_parameters_and_env_are_not_in_the_process_list(tmp_path: Path) -> None:
    lines: list[str] = []
    run = Run(command=["sh", "-c", "tr '\\0' ' ' </proc/$$/cmdline"], env={"PW": SECRET})
    assert LAUNCHERS["subprocess"].submit(run, on_output=lambda _, line: lines.append(line))
    assert hides(" ".join([*lines, *LAUNCHERS["subprocess"].spec(RUN, "a")["command"]]))


@pytest.mark.parametrize("options", [[], ["--json"], ["--failed"]])
def test_a_batch_shows_none_in_tables_results_or_messages(tmp_path: Path, options: list[str]) -> None:
    file = tmp_path / "runs.jsonl"
    runs = [{"command": ["false"], "env": {"PW": SECRET}}, {"entrypoint": "no_such:f", "parameters": {"p": SECRET}}]
    file.write_text("".join(json.dumps(run) + "\n" for run in runs))
    done = launchpad("batch", str(file), "--set", f"env.A={SECRET}", *options)
    assert done.returncode == 1
    assert "failed" in done.stderr
    assert hides(done.stdout + done.stderr)


def test_a_check_shows_no_login_of_an_address_or_a_proxy(tmp_path: Path) -> None:
    address = f"http://u:{SECRET}@127.0.0.1:1"
    env = dict.fromkeys(["HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"], address)
    env |= {"DOCKER_HOST": f"tcp://u:{SECRET}@127.0.0.1:1", "KUBECONFIG": kubeconfig(tmp_path, address)}
    done = launchpad("doctor", env=env)
    assert "127.0.0.1:1" in done.stdout
    assert hides(done.stdout + done.stderr)


def test_labels_have_none() -> None:
    for name in ("docker", "kubernetes"):
        spec: Any = LAUNCHERS[name].spec(RUN, "a")
        labels = (
            [spec["create"]["labels"]] if name == "docker" else [spec["metadata"], spec["spec"]["template"]["metadata"]]
        )
        assert all(hides(json.dumps(one)) for one in labels)
