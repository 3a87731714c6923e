"""An engine that is reached by TLS with client certificates: a proxy in front of the real engine."""

from __future__ import annotations

import os
import select
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import wait
from contextlib import suppress
from pathlib import Path

import pytest

from launchpad import EngineUnavailable, LaunchExecutor, Reason, Run
from tests.helping import launch_recorded

from .conftest import Launch, sh

pytestmark = [
    pytest.mark.docker,
    pytest.mark.usefixtures("nothing_left"),
    pytest.mark.skipif(shutil.which("openssl") is None, reason="needs the program openssl, to make certificates"),
]


class TlsProxy:
    """Passes TLS connections of clients with a certificate of `authority` on to the engine's Unix socket."""

    def __init__(self, certificates: Path, authority: Path, engine: str) -> None:
        self._tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(authority))
        self._tls.verify_mode = ssl.CERT_REQUIRED
        self._tls.load_cert_chain(certificates / "server.pem", certificates / "server.key")
        self._engine = engine
        self.pulling = threading.Event()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=self._serve, args=self._listening.accept()[:1], daemon=True).start()

    def _serve(self, plain: socket.socket) -> None:
        """Passes data in both directions in one thread: a TLS connection must not be read and written at once."""
        with (
            suppress(OSError),
            self._tls.wrap_socket(plain, server_side=True, do_handshake_on_connect=False) as client,
            socket.socket(socket.AF_UNIX) as engine,
        ):
            try:
                client.do_handshake()
            except ssl.SSLError:
                self._refuse(client)
                return
            engine.connect(self._engine)
            while self._passed(client, engine):
                pass

    def _refuse(self, client: socket.socket) -> None:
        """Reads until the client closes: else the system resets the connection, and the TLS alert is lost."""
        socket.socket.shutdown(client, socket.SHUT_WR)
        while socket.socket.recv(client, 1024):
            pass

    def _passed(self, client: ssl.SSLSocket, engine: socket.socket) -> bool:
        ready = [client] if client.pending() else select.select([client, engine], [], [])[0]
        for source, target in ((client, engine), (engine, client)):
            if source in ready:
                data = source.recv(64 * 1024)
                if not data:
                    return False
                target.sendall(data)
                if b"/images/create" in data:
                    self.pulling.set()
        return True


def openssl(folder: Path, *words: str) -> None:
    subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)


def certificate(folder: Path, name: str, extension: str) -> None:
    """Makes a key, and a certificate of the authority in `folder`."""
    new = ("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}")
    openssl(folder, *new, "-keyout", f"{name}.key", "-out", f"{name}.csr")
    (folder / "extension").write_text(f"authorityKeyIdentifier = keyid\n{extension}\n")
    by = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "extension", "-days", "1")
    openssl(folder, "x509", "-req", "-in", f"{name}.csr", *by, "-out", f"{name}.pem")


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certificates")
    own = ("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=authority", "-days", "1")
    openssl(folder, *own, "-addext", "keyUsage = critical, keyCertSign, cRLSign", "-keyout", "ca.key", "-out", "ca.pem")
    certificate(folder, "server", "subjectAltName = IP:127.0.0.1")
    certificate(folder, "cert", "extendedKeyUsage = clientAuth")
    (folder / "cert.key").rename(folder / "key.pem")
    return folder


@pytest.fixture
def tls_proxy(certificates: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TlsProxy]:
    """The proxy, which the environment names, with a client certificate."""
    proxy = TlsProxy(certificates, certificates / "ca.pem", os.environ["DOCKER_HOST"].removeprefix("unix://"))
    monkeypatch.setenv("DOCKER_HOST", f"tcp://127.0.0.1:{proxy.port}")
    monkeypatch.setenv("DOCKER_TLS_VERIFY", "1")
    monkeypatch.setenv("DOCKER_CERT_PATH", str(certificates))
    yield proxy
    proxy.close()


@pytest.mark.usefixtures("tls_proxy")
def test_runs_and_their_output_go_through_tls(make: Launch) -> None:
    lines, outcome = launch_recorded(make(auto_remove=True), sh("seq 100000; exit 3"))
    assert (len(lines), lines[-1], outcome.exit_code) == (100_000, "100000", 3)


@pytest.mark.usefixtures("tls_proxy")
def test_input_goes_through_tls(make: Launch) -> None:
    run = Run(command=["wc", "-c"], stdin=bytes(1_000_000))
    assert launch_recorded(make(auto_remove=True), run)[0] == ["1000000"]


@pytest.mark.usefixtures("tls_proxy")
def test_a_run_is_cancelled_through_tls(make: Launch) -> None:
    with LaunchExecutor(make(auto_remove=True)) as executor:
        future = executor.submit(sh("echo up; sleep 1000"))
        future.wait_started(60)
        assert future.cancel()
    assert future.outcome is not None
    assert future.outcome.reason is Reason.STOPPED


def test_a_pull_is_given_up_through_tls_when_the_run_is_cancelled(make: Launch, tls_proxy: TlsProxy) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # a registry that never answers
        launcher = make(image=f"127.0.0.1:{silent.getsockname()[1]}/nowhere:1")
        with LaunchExecutor(launcher) as executor:
            future = executor.submit(sh("true"))
            assert tls_proxy.pulling.wait(60)
            assert not wait([future], 0.5).done
            assert future.cancel()
            assert wait([future], 10).done
    assert future.cancelled()


@pytest.mark.usefixtures("tls_proxy")
def test_a_certificate_of_another_authority_is_not_trusted(
    make: Launch, monkeypatch: pytest.MonkeyPatch, certificates: Path, tmp_path: Path
) -> None:
    openssl(tmp_path, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=other", "-out", "ca.pem")
    for name in ("cert.pem", "key.pem"):
        shutil.copy(certificates / name, tmp_path)
    monkeypatch.setenv("DOCKER_CERT_PATH", str(tmp_path))
    with pytest.raises(EngineUnavailable, match="certificate verify failed"):
        make().submit(sh("true"))


@pytest.mark.usefixtures("tls_proxy")
def test_a_client_without_a_certificate_gets_an_error_that_says_so(
    make: Launch, monkeypatch: pytest.MonkeyPatch, certificates: Path, tmp_path: Path
) -> None:
    shutil.copy(certificates / "ca.pem", tmp_path)
    monkeypatch.setenv("DOCKER_CERT_PATH", str(tmp_path))
    with pytest.raises(EngineUnavailable, match="certificate required"):
        make().submit(sh("true"))
