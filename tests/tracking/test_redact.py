"""Secrets are taken out of text, and nothing else is."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from types import MappingProxyType
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from toolkit.tracking.redact import REDACTED, SHORTEST_SECRET, Redactor

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
SECRET = st.text(st.characters(exclude_categories=["Cs", "Cc", "Z"]), min_size=SHORTEST_SECRET, max_size=40)
# Text in which URLs, secrets and markers stand close together and overlap.
CROWDED = st.lists(
    st.sampled_from(
        ["://", "http", "https", "ssh", ":", "@", "/", "#", " ", "user", "hunter2", "80", "'", REDACTED, "a", ">"]
    )
).map("".join)


@pytest.mark.parametrize(
    "name", ["WANDB_API_KEY", "hf_token", "DB_PASSWORD", "MY_SECRET_2", "X_CREDENTIALS", "SLURM_JWT"]
)
def test_the_value_of_a_variable_with_a_telling_name_is_a_secret(name: str, tmp_path: Path) -> None:
    redactor = Redactor.from_environment({"HOME": str(tmp_path), name: "hunter2", "EDITOR": "editor"})
    assert redactor.text("with hunter2 in editor") == f"with {REDACTED} in editor"


@pytest.mark.parametrize("value", ["", "1", "true", "false", "enabled", "offline"])
def test_a_value_that_is_no_secret_is_left_alone(value: str, tmp_path: Path) -> None:
    redactor = Redactor.from_environment({"HOME": str(tmp_path), "TOKENIZERS_PARALLELISM": value})
    assert redactor.text(f"a {value} b") == f"a {value} b"


def test_the_path_of_a_key_is_no_secret(tmp_path: Path) -> None:
    (tmp_path / "key.pem").touch()
    redactor = Redactor.from_environment({"HOME": str(tmp_path), "SSL_KEY_FILE": str(tmp_path / "key.pem")})
    assert redactor.text(f"{tmp_path}/key.pem") == f"{tmp_path}/key.pem"


@pytest.mark.parametrize("password", ["hunter22", '"hunter22"'])
def test_passwords_of_the_netrc_file_are_secrets(tmp_path: Path, password: str) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("machine example.org login me password elsewhere-too")
    # The last line is one that Python's own netrc module refuses.
    (tmp_path / ".netrc").write_text(f"machine api.wandb.ai\n  login user\n  password {password}\nnonsense here\n")
    redactor = Redactor.from_environment({"HOME": str(tmp_path), "NETRC": str(elsewhere)})
    assert redactor.text("hunter22 elsewhere-too") == f"{REDACTED} {REDACTED}"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://bob:hunter2@example.org/x.git", "https://<redacted>@example.org/x.git"),
        ("https://ghp_token@example.org/x.git", "https://<redacted>@example.org/x.git"),
        ("postgresql://bob:p@ss@db:5432/x", "postgresql://<redacted>@db:5432/x"),
        ("postgresql://bob:pa/ss@db:5432/x", "postgresql://<redacted>@db:5432/x"),
        ("ssh://git@example.org/x.git", "ssh://git@example.org/x.git"),
        ("git@example.org:x.git", "git@example.org:x.git"),
        ("https://example.org:8080/a@b", "https://example.org:8080/a@b"),
        ("https://example.org/?mail=a@b", "https://example.org/?mail=a@b"),
        ("see https://a:b1@c and http://d:e1@f.", "see https://<redacted>@c and http://<redacted>@f."),
        ("{'url': 'https://a:b1@c', 'mail': 'd@e'}", "{'url': 'https://<redacted>@c', 'mail': 'd@e'}"),
    ],
)
def test_users_and_passwords_in_urls(url: str, shown: str) -> None:
    assert Redactor().text(url) == shown


@given(SECRET.filter(lambda secret: secret not in REDACTED))
@example("a'b\"c\\d/e%f")
def test_a_secret_is_found_however_it_is_written(secret: str) -> None:
    redactor = Redactor([secret])
    spellings = {
        "plain": secret,
        "repr": repr(secret)[1:-1],
        "json": json.dumps(secret)[1:-1],
        "utf-8 json": json.dumps(secret, ensure_ascii=False)[1:-1],
        "url": quote(secret, safe=""),
    }
    for name, written in spellings.items():
        assert redactor.text(f"({written})") == f"({REDACTED})", name
    assert secret not in redactor.text(shlex.join(["--note", secret]))


@given(st.lists(SECRET | st.sampled_from(["hunter2", "hunter22", "user:hun", "dacted>", "//user"])), TEXT | CROWDED)
def test_redacting_again_changes_nothing(secrets: list[str], text: str) -> None:
    redactor = Redactor(secrets)
    once = redactor.text(text)
    assert redactor.text(once) == once


@given(st.lists(SECRET), TEXT.filter(lambda text: "://" not in text))
def test_text_without_secrets_is_unchanged(secrets: list[str], text: str) -> None:
    redactor = Redactor(secrets)
    shown = redactor.text(text)
    assert shown == text or any(secret in text for secret in secrets)


def test_a_private_key_is_found_line_by_line(tmp_path: Path) -> None:
    key = "-----BEGIN KEY-----\nMIIEvQIBADANBgkqh\nAoGBAJ1kSecondLine\n-----END KEY-----"
    redactor = Redactor.from_environment({"HOME": str(tmp_path), "DEPLOY_KEY": key})
    indented = "\n".join("    " + line for line in key.splitlines())
    assert "MIIE" not in redactor.text(indented)
    assert "AoGB" not in redactor.text(indented)
    assert "BEGIN KEY" in redactor.text(indented)


def test_nested_values_and_command_lines() -> None:
    redactor = Redactor(["hunter2", "12345678"])
    assert redactor.argv(["run", "x=hunter2"]) == ["run", "x=<redacted>"]
    values = MappingProxyType({"a": ["hunter2", ("x", 12345678, 1.5, True, None)], "hunter2": {"b": "x"}})
    assert redactor.values(values) == {"a": [REDACTED, ("x", REDACTED, 1.5, True, None)], REDACTED: {"b": "x"}}


def test_a_redactor_does_not_show_what_it_knows() -> None:
    assert "hunter2" not in repr(Redactor(["hunter2"]))


@pytest.mark.parametrize("text", ["://" * 400_000, "a://b:c" * 200_000, "x" * 3_000_000, "hunter" * 500_000])
def test_a_long_text_is_no_trouble(text: str) -> None:
    """Patterns that look ahead from every place would take hours here."""
    assert Redactor([f"hunter2{number}" for number in range(50)]).text(text) == text
