"""Secrets by reference: a settings file names where a secret is, and never holds one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import pydantic

from auditor.errors import SettingsError


class Secret:
    """A secret by reference: `env:NAME`, `file:PATH` or `keyring:SERVICE/USER`. Printing it shows the reference."""

    def __init__(self, reference: str, folder: Path | None = None) -> None:
        self.reference = reference
        self._folder = folder or Path()

    def __repr__(self) -> str:
        return f"Secret({self.reference})"

    def reveal(self) -> str:
        """The secret itself. Raises SettingsError, naming the reference only, when there is none."""
        scheme, _, place = self.reference.partition(":")
        if scheme == "env":
            value = os.environ.get(place, "")
            hint = f"set it, for example: export {place}=…"
        elif scheme == "file":
            path = self._folder / place
            try:
                value = path.read_text(encoding="utf-8").strip()
            except OSError:
                value = ""
            hint = f"write the secret into {path} (and make it readable for you alone)"
        else:
            try:
                import keyring  # slow to import, and needed by few
            except ImportError:
                raise SettingsError(
                    f"the secret {self.reference} needs the package keyring, which is not installed",
                    hint="pip install 'profile-auditor[keyring]', or use env:NAME or file:PATH",
                ) from None

            service, _, user = place.partition("/")
            value = keyring.get_password(service, user) or ""
            hint = f"store it: keyring set {service} {user}"
        if not value:
            raise SettingsError(f"the secret {self.reference} is not there or is empty", hint=hint)
        return value


def _secret(value: object, info: pydantic.ValidationInfo) -> Secret:
    return secret(value, (info.context or {}).get("folder") if info.context else None)


def secret(value: object, folder: Path | None = None) -> Secret:
    """The secret behind a reference; a file's path starts at `folder`. Raises ValueError for what is no reference."""
    scheme, _, place = value.partition(":") if isinstance(value, str) else ("", "", "")
    if scheme not in ("env", "file", "keyring") or not place:
        raise ValueError(
            "a secret must not stand in this file: name where it is, as env:NAME, file:PATH or keyring:SERVICE/USER"
        )
    return Secret(str(value), folder)


SecretReference = Annotated[
    Secret,
    pydantic.PlainValidator(_secret, json_schema_input_type=str),
    pydantic.WithJsonSchema({"type": "string", "pattern": "^(env|file|keyring):.+"}),
]
