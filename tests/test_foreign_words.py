"""Words of others: control characters reach no terminal raw, and no word becomes an option or a command."""

from __future__ import annotations

import json
import shlex
import subprocess

import pytest
import yaml

from launchpad import DockerLauncher, KubernetesLauncher, LaunchError, Outcome, Reason, Run, SubprocessLauncher
from launchpad.cli.completion import _shown
from launchpad.docker.config import engine_address
from launchpad.docker.connections import ssh_command
from launchpad.errors import EngineUnavailable
from launchpad.text import in_json, printable, quoted, shell_word

ODD = ["\x1b[31m", "a\x9b2J", "\u202eabc", "\x7f", "a\rb", "é\x1bü", "a\nb", "\udce9", "\x08", "💥\x00"[:-1], "\u2028"]


@pytest.mark.parametrize("text", ODD)
def test_an_engine_s_words_are_one_printable_line_in_errors_and_outcomes(text: str) -> None:
    assert str(LaunchError(f"it said {text}")).isprintable()
    assert Outcome(ok=False, reason=Reason.FAILED, message=text, hint=text).message.isprintable()
    assert quoted(text).isprintable()
    assert printable(printable(text)) == printable(text)


@pytest.mark.parametrize("text", ODD)
def test_a_preview_has_no_control_characters_and_says_exactly_what_is_sent(text: str) -> None:
    run = Run(command=["echo", text], name="a", env={"A": text})
    shown = (
        {launcher.type: launcher.preview(run, reveal=True) for launcher in (SubprocessLauncher(), DOCKER, JOB)}
        if (text.isascii() or "\udce9" not in text)
        else {"subprocess": SubprocessLauncher().preview(run, reveal=True)}
    )
    assert all(one.replace("\n", "").isprintable() for one in shown.values())
    if "docker" in shown:
        assert json.loads(shown["docker"])["create"]["command"][1] == text
        assert yaml.safe_load(shown["kubernetes"])["spec"]["template"]["spec"]["containers"][0]["args"][1] == text


DOCKER = DockerLauncher(image="a:1")
JOB = KubernetesLauncher(image="a:1")


@pytest.mark.parametrize("text", [*ODD, "", "a b", "'", "$(x)"])
def test_a_shell_gets_the_same_word(text: str) -> None:
    done = subprocess.run(["sh", "-c", f"printf %s {shell_word(text)}"], stdout=subprocess.PIPE, check=True)
    assert done.stdout == text.encode("utf-8", "surrogateescape")


def test_json_stays_the_same_json() -> None:
    assert json.loads(in_json(json.dumps(ODD[:-4], ensure_ascii=False))) == ODD[:-4]


def test_a_completion_offers_no_name_with_control_characters() -> None:
    assert _shown(["a", "a\x1b[31m", "a\nb", "b"], "a") == ["a"]


@pytest.mark.parametrize("environment", ["-x", "--name", "-"])
def test_a_conda_environment_is_not_an_option(environment: str) -> None:
    with pytest.raises(ValueError, match="conda takes it for an option"):
        SubprocessLauncher(condaenv=environment)


@pytest.mark.parametrize("program", ["-x", "--", "--dev"])
def test_a_program_is_not_an_option_of_conda(program: str) -> None:
    with pytest.raises(LaunchError, match="give its path"):
        SubprocessLauncher(condaenv="x").submit(Run(command=[program]))


@pytest.mark.parametrize("path", ["/a b", "/$(touch x)", "/;x", "/'", "/`x`"])
def test_the_path_of_an_ssh_address_is_one_word_for_the_remote_shell(path: str) -> None:
    command = ssh_command(engine_address({"DOCKER_HOST": f"ssh://me@h{path}"}).url, 5)
    words = shlex.split(" ".join(command[command.index("--") + 2 :]))
    assert words == ["docker", "--host", f"unix://{path}", "system", "dial-stdio"]


@pytest.mark.parametrize(
    "address", ["-oProxyCommand=x", "$(x)", "a;x", "a`x`", "-l@h", "-oProxyCommand=x@h", "$(x)@h", "a%20b@h"]
)
def test_the_host_and_the_user_of_an_ssh_address_are_plain(address: str) -> None:
    with pytest.raises(EngineUnavailable, match="is not valid"):
        engine_address({"DOCKER_HOST": f"ssh://{address}"})
