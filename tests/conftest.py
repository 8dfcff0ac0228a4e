"""Fixtures that several test modules share."""

from __future__ import annotations

import contextlib
import gc
import os
import shutil
import ssl
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import certifi
import httpx
import pytest
import stamina

from auditor import pull
from auditor.cli import clock
from auditor.files import running
from auditor.sandbox import process
from tests import given_time
from tests.driven_sandbox import Sandbox, breaches_of
from tests.expressions_once import built_once, compiled_once, related_once
from tests.small_folder import Made, licence, made

if TYPE_CHECKING:
    from playwright.sync_api import Browser

# Of what the tests make, hardly anything waits for the collector; what they import, it would look through each time.
gc.set_threshold(50_000, 20, 20)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Where files of tests are dealt out to several processes, those with slow tests come first: what takes longest
    must not begin last. In one process the order stays, so that most failures show early.
    """
    if hasattr(config, "workerinput"):
        slow = {item.path for item in items if item.get_closest_marker("slow")}
        items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(autouse=True, scope="session")
def expressions_once() -> Iterator[None]:
    """What was asked of other cells before is not worked out anew."""
    with built_once(), related_once(), compiled_once():
        yield


@pytest.fixture(autouse=True, scope="session")
def running_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Who is calling is noted where tests leave everything else, and not in the memory of the machine."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(running, "PLACES", (str(tmp_path_factory.getbasetemp()),))
        yield


@pytest.fixture(autouse=True, scope="session")
def soon_looked_at_again() -> Iterator[None]:
    """Files that were written just now are looked at twice, here after a moment only: nearly all tests write theirs.
    How subject the program is with one that grows is tested with a sleep of its own.
    """
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(pull, "PAUSE", 0.01)
        patched.setattr(pull, "PAUSE_ELSEWHERE", 0.01)
        yield


@pytest.fixture(autouse=True, scope="session")
def authorities_are_read_once() -> Iterator[None]:
    """Each client of each test would read the same file of certificate authorities, which is most of what it costs."""
    whole = ssl.create_default_context
    usual = os.environ.get("SSL_CERT_FILE") or certifi.where()
    kept = whole(cafile=usual)

    def context(*arguments: Any, **options: Any) -> ssl.SSLContext:
        return kept if not arguments and options == {"cafile": usual} else whole(*arguments, **options)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(ssl, "create_default_context", context)
        yield


@pytest.fixture(autouse=True, scope="session")
def time_is_given() -> Iterator[None]:
    """Commands take now for what the tests say that it is; so do new licences (see `driven_sandbox`)."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(clock, "now", given_time.now)
        patched.setattr(clock, "sleep", given_time.sleep)
        yield


_breaches: list[dict[str, Any]] = []
"""What sandboxes saw their client do since the last test, those that have ended by now included."""


def _collect(sandbox: process.Sandbox) -> None:
    with contextlib.suppress(httpx.HTTPError):  # it was killed
        _breaches.extend(breaches_of(sandbox))


process.Sandbox.before_stop = _collect


@pytest.fixture(autouse=True)
def no_breach(request: pytest.FixtureRequest) -> Iterator[None]:
    """Whatever a sandbox judges to be a breach of Actito's contract fails the test (or the first test of the module
    whose shared fixtures did it), unless the test says that it expects this kind: `@pytest.mark.breaches("upsert")`.
    """
    yield
    for sandbox in process.Sandbox.running:
        _collect(sandbox)
    found = list(_breaches)
    _breaches.clear()
    expected = {kind for mark in request.node.iter_markers("breaches") for kind in mark.args}
    unexpected = [one for one in found if one["breach"] not in expected and "*" not in expected]
    assert unexpected == []


@pytest.fixture
def no_pauses() -> Iterator[None]:
    """Calls that are repeated are repeated at once, five times at most."""
    with stamina.set_testing(True, attempts=5, cap=True):
        yield


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A small working folder before and after today's audit, to be copied."""
    return made(tmp_path_factory)


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A running sandbox with the licence of the small folder, one per test module."""
    with licence(tmp_path_factory) as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The machine's own Chromium, one per test module. Without it tests are skipped, except in CI, where they fail.

    Not one for the whole session: as long as it lives, an event loop counts as running in this thread, and tests of
    other modules could not run their own.
    """
    from playwright.sync_api import sync_playwright  # slow to import, and needed by few

    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        reason = "Chromium is not installed"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    # Without a GPU and a large /dev/shm, as in containers.
    options = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=options)
        yield running
        running.close()
