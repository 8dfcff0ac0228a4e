"""A key goes to the host that the settings name and to no other, in clear text to this machine alone."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import jsonschema  # type: ignore[import-untyped]
import pytest

from auditor.sandbox.process import API_KEY
from auditor.settings.config import Actito
from auditor.settings.servers import secure_address
from tests.driven_sandbox import Sandbox

GOOD = [
    "https://api3.actito.com",
    "https://api3.actito.com:8443/",
    "http://127.0.0.1:8700",
    "http://localhost",
    "http://localhost:8700/base/",
    "http://[::1]:8700",
]
BAD = [
    "http://localhost@127.0.0.2:8700",
    "http://127.0.0.1@attacker.test",
    "https://api3.actito.com@attacker.test",
    "http://127.0.0.1.attacker.test",
    "http://localhost.attacker.test:8700",
    "http://127.0.0.1:8700@attacker.test/",
    "http://[::1].attacker.test",
    "http://localhost:8700:443",
    "http://localhost\\@attacker.test",
    "http://localhost\t.attacker.test",
    "https://api3.actito.com\\.attacker.test",
    "http://api3.actito.com",
    "HTTP://attacker.test",
    "ftp://localhost",
    "https://",
    "//localhost",
    "http://lоcalhost",
    "",
]


@pytest.mark.parametrize("url", GOOD)
def test_a_host_that_is_spoken_to_in_secret_or_is_this_machine(url: str) -> None:
    assert secure_address(url) == url.rstrip("/")


@pytest.mark.parametrize("url", BAD)
def test_a_text_that_begins_like_this_machine_is_not_this_machine(url: str) -> None:
    with pytest.raises(ValueError, match=r"must start with https|not the address|must not name a user"):
        secure_address(url)


@pytest.mark.parametrize("url", [url for url in BAD if url.isascii() and "\\" not in url and "\t" not in url])
def test_editors_are_told_the_same(url: str) -> None:
    pattern = Actito.model_json_schema()["properties"]["url"]["pattern"]
    schema = {"type": "string", "pattern": pattern}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(url, schema)
    for good in GOOD:
        jsonschema.validate(good, schema)


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with Sandbox(tmp_path_factory.mktemp("sandbox"), profiles=3) as running:
        yield running


def ask(sandbox: Sandbox, method: str = "GET", path: str = "/_sandbox/state", **headers: str) -> int:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.request(method, sandbox.url + path, headers=named, trust_env=False).status_code


def test_the_sandbox_answers_this_machine_under_its_own_names(sandbox: Sandbox) -> None:
    port = sandbox.url.rpartition(":")[2]
    for host in (f"127.0.0.1:{port}", f"localhost:{port}", "localhost", "[::1]:1"):
        assert ask(sandbox, Host=host) == 200
    assert ask(sandbox, Origin=sandbox.url, Sec_Fetch_Site="same-origin") == 200
    assert ask(sandbox, Sec_Fetch_Site="none") == 200


def test_the_sandbox_answers_no_page_that_leads_here_under_another_name(sandbox: Sandbox) -> None:
    for host in ("attacker.test", "127.0.0.1.attacker.test", "localhost.attacker.test:80", "10.0.0.1", ""):
        assert ask(sandbox, Host=host) in (400, 403)
    sandbox.drift()
    before = sandbox.profiles()
    for origin in ("https://attacker.test", "null", "http://localhost:1"):
        assert ask(sandbox, "POST", "/_sandbox/reset", Origin=origin) == 403
        assert ask(sandbox, path="/auth/token", Origin=origin, Authorization=API_KEY) == 403
    assert ask(sandbox, "POST", "/_sandbox/reset", Sec_Fetch_Site="cross-site") == 403
    assert sandbox.profiles() == before
