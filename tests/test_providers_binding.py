"""Which host may be sent which key: the local file and its rules."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from workbench.errors import BadConfig, Conflict, KeyNotBound, Problems, UnknownName, WorkbenchError
from workbench.providers import provider_for
from workbench.providers.binding import Binding, add, bindings, config_path, find, remove
from workbench.providers.openai import OpenAI
from workbench.providers.theirs import Theirs

URL = "https://api.example.com/v1"


@pytest.fixture
def file(monkeypatch, tmp_path) -> Path:
    """The place of the local configuration, not there yet."""
    path = tmp_path / "deep" / "providers.yaml"
    monkeypatch.setenv("WORKBENCH_CONFIG", str(path))
    for name in ("OPENAI_BASE_URL", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    return path


def written(file: Path, text: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    file.chmod(0o600)
    return file


def test_a_binding_is_found_again(file):
    """What was added is there, with its limits; nothing else is in the folder."""
    made = add("router", URL + "/", "ROUTER_KEY", timeout=30, rpm=60, tpm=10_000)
    assert made == Binding("router", URL, "ROUTER_KEY", "openai", 30.0, 60, 10_000)
    assert find("router") == made
    assert bindings() == {"router": made}
    assert [entry.name for entry in file.parent.iterdir()] == ["providers.yaml"]


def test_only_the_owner_can_read_it(file):
    """The file is written with mode 0600, also over a wider one."""
    add("router", URL, "ROUTER_KEY")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_adding_the_same_again_changes_nothing_and_another_address_is_a_conflict(file):
    """A key is never moved to another host in passing."""
    add("router", URL, "ROUTER_KEY")
    before = file.read_bytes()
    add("router", URL, "ROUTER_KEY")
    with pytest.raises(Conflict, match="providers remove router"):
        add("router", "https://evil.example/v1", "ROUTER_KEY")
    assert file.read_bytes() == before


def test_a_removed_binding_is_gone(file):
    """Removing forgets one alias and keeps the others."""
    add("one", URL, "A")
    add("two", URL, "B")
    remove("one")
    assert set(bindings()) == {"two"}
    with pytest.raises(UnknownName):
        remove("one")


def test_an_unknown_alias_is_refused_with_the_command_that_allows_it(file):
    """Nothing in a project can make a key go anywhere."""
    with pytest.raises(KeyNotBound, match=r"workbench providers add router --url https://… --key-env NAME") as caught:
        provider_for("router")
    assert caught.value.exit_code == 3


def test_a_missing_variable_is_named(file, monkeypatch):
    """The variable's name is told, never a value."""
    add("router", URL, "ROUTER_KEY")
    monkeypatch.delenv("ROUTER_KEY", raising=False)
    with pytest.raises(KeyNotBound, match="ROUTER_KEY"):
        provider_for("router")


def test_the_key_is_in_no_repr(file, monkeypatch):
    """A provider shows its address and not its key."""
    monkeypatch.setenv("ROUTER_KEY", "sk-very-secret-value")
    add("router", URL, "ROUTER_KEY")
    provider = provider_for("router")
    assert isinstance(provider, OpenAI)
    assert "sk-very" not in f"{provider!r} {vars(provider)!r} {find('router')!r} {find('router').key()!r}"
    assert URL in repr(provider)


@pytest.mark.parametrize(
    "url",
    [
        "http://api.example.com/v1",
        "http://10.0.0.1/v1",
        "http://localhost.example.com/v1",
        "http://127.0.0.1.example.com/v1",
        "ftp://api.example.com",
        "api.example.com/v1",
        "https://user:secret@api.example.com/v1",
        "https://api.example.com/v1?key=x",
        "https://api.example.com/v1#x",
        "https:///v1",
        "https://api.example.com:port/v1",
        "https://[::1",
        "https://api.exämple.com/v1",
        "https://api.example.com/v 1",
        "https://api.example.com/v1\nHost: evil",
        "",
    ],
)
def test_addresses_that_may_not_be_bound(file, url):
    """Plain http leaves this machine never; an address is scheme, host and path."""
    with pytest.raises(BadConfig):
        add("router", url, "ROUTER_KEY")
    assert not file.exists()


@pytest.mark.parametrize("url", ["http://localhost:8000/v1", "http://127.0.0.1:11434/v1", "http://[::1]:80/v1"])
def test_plain_http_to_this_machine_is_allowed(file, url):
    """A local server needs neither TLS nor a key."""
    assert add("local", url).loopback
    assert find("local").key() is None


@pytest.mark.parametrize("alias", ["", "Router", "a b", "../x", "offline", "llm", "x" * 65, "llm:gpt"])
def test_aliases_that_may_not_be_bound(file, alias):
    """Aliases are short plain names, and not those of the embedded providers."""
    with pytest.raises(BadConfig):
        add(alias, URL, "KEY")


@pytest.mark.parametrize(
    "rest", [{"kind": "other"}, {"rpm": 0}, {"rpm": 1.5}, {"tpm": -1}, {"timeout": True}, {"colour": "red"}]
)
def test_other_fields_are_checked(file, rest):
    """A binding says only what is known here."""
    with pytest.raises(BadConfig):
        add("router", URL, "KEY", **rest)


def test_a_key_is_not_taken_for_its_variable(file):
    """A key given in place of the variable's name is refused without being shown."""
    with pytest.raises(BadConfig) as caught:
        add("router", URL, "sk-abc-123")
    assert "sk-abc" not in str(caught.value)


def test_every_fault_of_the_file_is_listed_with_its_line(file):
    """All at once, each with file and line."""
    written(
        file,
        "providers:\n  one:\n    url: http://far.example\n  two:\n    link: x\n  good:\n    url: https://x.example\n",
    )
    with pytest.raises(Problems) as caught:
        bindings()
    assert [error.where for error in caught.value.errors] == [f"{file}:2", f"{file}:4"]


@pytest.mark.parametrize(
    "text", ["[]", "providers: 7\n", "other: {}\n", "providers: {a: {url: 1}}\n", "{", "a: &x 1\n"]
)
def test_a_file_that_is_no_configuration_is_one_error(file, text):
    """Bad YAML or another shape ends in a named error."""
    written(file, text)
    with pytest.raises(WorkbenchError) as caught:
        bindings()
    assert str(file) in str(caught.value)


@pytest.mark.parametrize("text", ["", "providers:\n", "providers: {}\n"])
def test_an_empty_file_binds_nothing(file, text):
    """Nothing bound is no error."""
    written(file, text)
    assert bindings() == {}


@pytest.mark.skipif(os.name != "posix", reason="file modes")
def test_a_file_that_others_may_write_is_refused(file):
    """Whoever may write the file decides where keys go."""
    written(file, "providers:\n").chmod(0o666)
    with pytest.raises(KeyNotBound, match="chmod 600"):
        bindings()


def test_the_place_follows_the_environment(file, monkeypatch, tmp_path):
    """$WORKBENCH_CONFIG, then $XDG_CONFIG_HOME, then the user's folder."""
    assert config_path() == file
    monkeypatch.delenv("WORKBENCH_CONFIG")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert config_path() == tmp_path / "generation-workbench" / "providers.yaml"
    monkeypatch.delenv("XDG_CONFIG_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert config_path() == tmp_path / "home" / ".config" / "generation-workbench" / "providers.yaml"


def test_openai_needs_no_binding(file, monkeypatch):
    """It goes to OpenAI with OPENAI_API_KEY, or to the host that the user names in OPENAI_BASE_URL."""
    assert find("openai") == Binding("openai", "https://api.openai.com/v1", "OPENAI_API_KEY")
    with pytest.raises(KeyNotBound, match="OPENAI_API_KEY"):
        provider_for("openai")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:8000/v1/")
    assert find("openai") == Binding("openai", "http://127.0.0.1:8000/v1", None)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-x")
    assert find("openai").key_env == "OPENAI_API_KEY"
    monkeypatch.setenv("OPENAI_BASE_URL", "http://far.example/v1")
    with pytest.raises(BadConfig, match="OPENAI_BASE_URL"):
        find("openai")


def test_a_binding_of_openai_comes_before_the_environment(file, monkeypatch):
    """What was bound by a command is not moved by a variable."""
    add("openai", URL, "OTHER_KEY")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:8000/v1")
    assert find("openai").url == URL


def test_the_embedded_model_needs_no_file(file):
    """`offline` works before anything is configured, and says that no model wrote its answers."""
    assert provider_for("offline").synthetic


class _Point:
    """An entry point as another package would declare it."""

    value = "their_package:make"

    def __init__(self, load):
        self.load = lambda: load


def test_other_packages_bring_providers(file, monkeypatch):
    """An entry point's callable gets the whole alias; one that fails is named."""
    made: list[str] = []
    points = {"theirs": [_Point(made.append)], "broken": [_Point(lambda alias: 1 / 0)]}
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group, name: points.get(name, []))
    assert isinstance(provider_for("theirs:large"), Theirs) and made == ["theirs:large"]
    with pytest.raises(BadConfig, match="the provider 'broken' cannot be made: ZeroDivisionError"):
        provider_for("broken")
    with pytest.raises(KeyNotBound):
        provider_for("nobody")
