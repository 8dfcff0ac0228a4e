"""A sandbox that a test drives: faults, forms, decisions and time as the test wants them, and what the sandbox saw."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from auditor.sandbox import process
from tests import given_time


def breaches_of(sandbox: process.Sandbox) -> list[dict[str, Any]]:
    """What clients of a sandbox did that they must not, by kind and place; forgotten with the answer."""
    found: list[dict[str, Any]] = sandbox._object(sandbox._call("DELETE", "breaches"))["breaches"]
    return found


class Sandbox(process.Sandbox):
    """A running sandbox, and all that its routes under `/_sandbox/` offer. A new licence begins at the given time."""

    def __init__(self, directory: Path, **options: Any) -> None:
        super().__init__(directory, **{"now": given_time.now(), **options})

    def answers(self) -> dict[str, Any]:
        return self._object(self._call("GET", "answers"))

    def state(self) -> dict[str, Any]:
        return self._object(self._call("GET", "state"))

    def activities(self, folder: Path, kind: str | None = None) -> Path:
        """Take what became of the week's messages into `folder`; of one kind, or all of it in one file."""
        folder.mkdir(parents=True, exist_ok=True)
        return self._download("activities" if kind is None else f"activities?kind={kind}", folder)

    def advance(self, seconds: float) -> None:
        """Let time pass for everything: calendar, tokens, calls of a minute, imports that wait, slow answers."""
        self._post("clock", {"advance": seconds})

    def sleep(self, seconds: float) -> None:
        """What a command that waits takes for the passing of time: only for an import it waits as anybody would."""
        if seconds > 2:
            self.advance(seconds)
        else:
            time.sleep(seconds)

    def fault(self, name: str, rate: float | None = None, *, times: int | None = None, on: str = "") -> None:
        """Switch a fault on, for so many times, where `on` is part of `METHOD /path`; rate None is its usual one."""
        self._post("faults", {name: {"rate": rate, "times": times, "on": on}})

    def clear_faults(self) -> None:
        self._call("DELETE", "faults")

    def faults(self) -> dict[str, int]:
        """How often each fault happened."""
        happened: dict[str, int] = self._object(self._call("GET", "faults"))["happened"]
        return happened

    def edits(self) -> list[tuple[str, str, str]]:
        """What the fault `marketers` changed: profileId, column, value."""
        told = self._object(self._call("GET", "faults"))["edits"]
        return [(str(one["profileId"]), one["column"], one["value"]) for one in told]

    def breaches(self) -> list[dict[str, Any]]:
        """What clients did that they must not, by kind and place; forgotten with the answer."""
        return breaches_of(self)

    def decide(self, opt_ins: Iterable[tuple[str, str]] | None) -> None:
        """Tell which opt-ins (profileId, column) were decided; None: evidence is enough."""
        self._post("decisions", {"opt_ins": None if opt_ins is None else list(opt_ins)})

    def unreachable(self, locations: Iterable[str]) -> None:
        """Name the remote places of files, by id, that cannot be reached from now on."""
        self._post("unreachable", {"locations": list(locations)})

    def forms(self, seed: int | None, *, with_v4: bool | None = None, **chosen: str) -> dict[str, Any]:
        """Draw everything that nobody has seen from a seed (None: the usual forms); returns the choices.

        `with_v4` decides whether V4's calls about profiles are there; None: that stays. `chosen` are forms that are
        not drawn.
        """
        v4 = {} if with_v4 is None else {"with_v4": with_v4}
        return self._object(self._post("forms", {"seed": seed, "chosen": chosen, **v4}))

    def reset(self, *, profiles: int | None = None, seed: int | None = None) -> dict[str, Any]:
        """A fresh agreed state; returns what `state` returns."""
        given = {"profiles": profiles, "seed": seed}
        return self._object(self._post("reset", {name: value for name, value in given.items() if value is not None}))

    def end_tokens(self) -> None:
        """Let every access token end at once."""
        self._post("end-tokens")

    def profiles(self) -> list[dict[str, str]]:
        """Every profile: `profileId` and its filled columns, named and written as in an export."""
        text = self._call("GET", "profiles").text
        # Not splitlines(): values may hold other line separators than \n.
        return [json.loads(line) for line in text.split("\n") if line]
