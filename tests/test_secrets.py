"""Secrets are named in settings by where they are, and read only when they are needed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from auditor.errors import SettingsError
from auditor.settings.secrets import Secret


def test_a_variable_holds_the_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUDITOR_TEST_KEY", "s3cret")
    assert Secret("env:AUDITOR_TEST_KEY").reveal() == "s3cret"


def test_a_file_beside_the_settings_holds_the_secret(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("s3cret\n")
    assert Secret("file:key", tmp_path).reveal() == "s3cret"


def test_printing_a_secret_shows_where_it_is() -> None:
    secret = Secret("env:AUDITOR_TEST_KEY")
    assert "env:AUDITOR_TEST_KEY" in repr(secret)
    assert str(secret) == repr(secret)


@pytest.mark.parametrize("content", [None, "", "  \n"])
def test_an_absent_or_empty_secret_is_an_error(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "key").write_text(content)
    with pytest.raises(SettingsError, match="file:key is not there or is empty"):
        Secret("file:key", tmp_path).reveal()


def test_without_the_package_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)  # as if it were not installed
    with pytest.raises(SettingsError, match="keyring:actito/me needs the package keyring") as raised:
        Secret("keyring:actito/me").reveal()
    assert "profile-auditor[keyring]" in (raised.value.hint or "")
