"""Inputs on servers: found, fetched once, recorded; nothing is taken from a server that is not trusted."""

from __future__ import annotations

import hashlib
import http.server
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncssh
import pytest

import auditor
from auditor.errors import AuditorError, InputUnusable, SettingsError, TryLater
from auditor.model import Side
from auditor.pull import Means, Pulled, pull_file
from auditor.pull.locations import address_of, nothing
from auditor.pull.servers import connected
from auditor.settings.config import describe, read_settings
from auditor.settings.inputs import Located
from tests.file_servers import (
    PASSWORD,
    USER,
    FileServer,
    Ftps,
    Sftp,
    certificates,
    closed,
    event_loop,
    https_server,
    s3_server,
)

NOW = datetime(2026, 5, 3, 6, 0, tzinfo=UTC)
OLD, NEW = b"id;name\n1;Ada\n", b"id;name\n1;Zo\xc3\xab\n2;Ada\n"
KINDS = ("sftp", "ftps", "ftps-implicit", "https", "s3")


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], FileServer]]:
    """Starts each kind of server when it is first asked for."""
    with ExitStack() as stack:
        loop = stack.enter_context(event_loop())
        started: dict[str, FileServer] = {}

        def start(kind: str) -> FileServer:
            if kind not in started:
                started[kind] = _start(kind, stack, loop, tmp_path_factory.mktemp(kind))
            return started[kind]

        yield start


def _start(kind: str, stack: ExitStack, loop: Any, base: Path) -> FileServer:
    folder = base / "files"
    folder.mkdir()
    (base / "password").write_text(PASSWORD + "\n", "utf-8")
    login = {"user": USER, "password": f"file:{base / 'password'}"}
    if kind == "sftp":
        server = Sftp(folder)
        listening = loop(server.start())
        stack.callback(lambda: loop(closed(listening)))
        port = listening.get_port()
        access = {**login, "known_hosts": str(server.known_hosts(base / "known_hosts", port))}
        return FileServer(
            kind, f"sftp://127.0.0.1:{port}", folder, {"sftp": access}, lambda: server.reads, served=server
        )
    if kind == "s3":
        import boto3

        url = stack.enter_context(s3_server())
        client = boto3.client(
            "s3", endpoint_url=url, aws_access_key_id="a", aws_secret_access_key="b", region_name="us-east-1"
        )
        client.create_bucket(Bucket="exports")
        stack.callback(client.close)
        (base / "key").write_text("a")

        def upload(path: Path) -> None:
            client.put_object(Bucket="exports", Key=str(path.relative_to(folder)), Body=path.read_bytes())

        access = {"endpoint": url, "access_key": f"file:{base / 'key'}", "secret_key": f"file:{base / 'key'}"}
        return FileServer(kind, "s3://exports", folder, {"s3": access}, lambda: 0, upload, client)
    context, authority = certificates(base)
    if kind == "https":
        port, handler = stack.enter_context(https_server(folder, context))
        access = {**login, "ca": str(authority)}
        return FileServer(kind, f"https://127.0.0.1:{port}", folder, {"https": access}, lambda: handler.reads)
    implicit = kind == "ftps-implicit"
    ftps = Ftps(folder, context, implicit=implicit)
    loop(ftps.start("127.0.0.1", 0))
    stack.callback(lambda: loop(ftps.close()))
    access = {**login, "ca": str(authority), "tls": "implicit" if implicit else "explicit"}
    return FileServer(kind, f"ftps://127.0.0.1:{ftps.server_port}", folder, {"ftps": access}, lambda: ftps.reads)


@pytest.fixture
def work(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    folder.mkdir()
    return folder


def pull(
    server: FileServer,
    name: str,
    work: Path,
    *,
    max_age: timedelta | None = None,
    wait: int = 0,
    change: dict[str, Any] | None = None,
    **means: Any,
) -> Pulled:
    section = server.address.partition(":")[0]
    access = {**server.access[section], **(change or {})}
    settings = {section: {key: value for key, value in access.items() if value is not None}, "wait": f"{wait}s"}
    means.setdefault("sleep", lambda seconds: None)
    return pull_file(
        Side.PLATFORM,
        server.location(name),
        folder=work,
        max_age=max_age,
        now=NOW,
        timezone=UTC,
        means=Means(Located.model_validate(settings), state=work.parent / "pulled", **means),
    )


def refused(error: type[AuditorError], *arguments: Any, **options: Any) -> str:
    """The sentence of the refusal, after looking that nothing was left behind and nothing secret is in it."""
    with pytest.raises(error) as caught:
        pull(*arguments, **options)
    work: Path = arguments[2]
    assert list(work.iterdir()) == []
    assert [path.name for path in (work.parent / "pulled").glob("*")] == []
    said = f"{caught.value} / {caught.value.hint}"
    assert PASSWORD not in said
    assert caught.value.__suppress_context__ or PASSWORD not in repr(caught.value.__context__)
    return said


@pytest.mark.parametrize("kind", KINDS)
def test_the_newest_is_fetched_and_recorded(kind: str, servers: Callable[[str], FileServer], work: Path) -> None:
    server = servers(kind)
    server.put("out/Customers_20260502T060000.csv", NEW, NOW - timedelta(days=9))
    server.put("out/Customers_20260501T060000.csv", OLD, NOW - timedelta(hours=1))
    server.put("out/Orders_20260503.csv", b"no", NOW)
    server.put("out/Customers_20260503.csv.part", b"no", NOW - timedelta(days=1))
    wanted = "Customers_20260502T060000.csv"
    come: list[tuple[str, int, int | None]] = []
    name = f"out/{wanted}" if kind == "https" else "out/Customers_*"  # a web server lists nothing
    pulled = pull(server, name, work, progress=lambda *moved: come.append(moved))
    assert (pulled.file, pulled.bytes, pulled.sha256) == (wanted, len(NEW), hashlib.sha256(NEW).hexdigest())
    assert pulled.path.read_bytes() == NEW
    assert pulled.path.stat().st_mode & 0o777 == 0o600
    assert pulled.path.parent.stat().st_mode & 0o777 == 0o700
    assert pulled.name_moment == datetime(2026, 5, 2, 6, tzinfo=UTC)
    assert come[-1] == (wanted, len(NEW), len(NEW))
    if kind != "s3":  # the time of an object is that of its upload
        assert pulled.mtime == NOW - timedelta(days=9)
    else:
        told = server.served.head_object(Bucket="exports", Key=f"out/{wanted}")["LastModified"]
        assert pulled.mtime.replace(microsecond=0) == told


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_file_is_fetched_once_and_a_new_one_anew(
    kind: str, servers: Callable[[str], FileServer], work: Path
) -> None:
    server = servers(kind)
    server.put("once.csv", OLD, NOW - timedelta(hours=2))
    come: list[int] = []
    first = pull(server, "once.csv", work, progress=lambda *moved: come.append(1))
    reads, fetched = server.reads(), len(come)
    again = pull(server, "once.csv", work, progress=lambda *moved: come.append(1))
    assert (again.path, again.sha256) == (first.path, first.sha256)
    assert (server.reads(), len(come)) == (reads, fetched)
    server.put("once.csv", NEW, NOW - timedelta(hours=1))
    assert pull(server, "once.csv", work).path.read_bytes() == NEW
    first.path.write_bytes(b"spoiled")
    server.put("once.csv", OLD, NOW - timedelta(hours=2))
    assert pull(server, "once.csv", work).path.read_bytes() == OLD


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_there_says_what_is_there(kind: str, servers: Callable[[str], FileServer], work: Path) -> None:
    server = servers(kind)
    server.put("other/Clients.csv", OLD, NOW)
    said = refused(TryLater, server, "other/Customers.csv" if kind == "https" else "other/Customers_*.csv", work)
    assert "nothing matches" in said
    assert "other/Customers" in said
    assert kind == "https" or "Clients.csv" in said
    assert "nothing matches" in refused(TryLater, server, "nowhere/x.csv", work)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("clients7.csv", "did you mean Clients_7.csv"),
        ("Client_*.csv", "did you mean Clients_"),
        ("zzz", "it holds 40 files, none of which is called nearly so"),
    ],
)
def test_of_many_names_those_that_come_near_are_told(typed: str, said: str) -> None:
    names = [*(f"Clients_{number}.csv" for number in range(10)), *(f"{number:05}.log" for number in range(30))]
    assert said in str(nothing(typed, "out", names))


@pytest.mark.parametrize("kind", KINDS)
def test_empty_and_too_old(kind: str, servers: Callable[[str], FileServer], work: Path) -> None:
    server = servers(kind)
    server.put("age/empty.csv", b"", NOW)
    assert "is empty" in refused(InputUnusable, server, "age/empty.csv", work)
    server.put("age/Customers_20260501T060000.csv", OLD, NOW)
    said = refused(TryLater, server, "age/Customers_20260501T060000.csv", work, max_age=timedelta(hours=36))
    assert "48.0 hours old" in said


@pytest.mark.parametrize("kind", ["sftp", "ftps", "ftps-implicit", "https"])
def test_a_wrong_password_is_refused(kind: str, servers: Callable[[str], FileServer], work: Path) -> None:
    server = servers(kind)
    server.put("x.csv", OLD, NOW)
    wrong = work.parent / "wrong"
    wrong.write_text("not-the-password")
    said = refused(SettingsError, server, "x.csv", work, change={"password": f"file:{wrong}"})
    assert "does not let us in" in said
    assert "not-the-password" not in said


@pytest.mark.parametrize("kind", ["ftps", "ftps-implicit", "https"])
def test_a_certificate_that_nobody_known_signed_is_refused(
    kind: str, servers: Callable[[str], FileServer], work: Path
) -> None:
    server = servers(kind)
    server.put("x.csv", OLD, NOW)
    assert "certificate of 127.0.0.1" in refused(SettingsError, server, "x.csv", work, change={"ca": None})
    _, other = certificates(work.parent)
    assert "certificate of 127.0.0.1" in refused(SettingsError, server, "x.csv", work, change={"ca": str(other)})


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_that_is_down_is_for_later(kind: str, servers: Callable[[str], FileServer], work: Path) -> None:
    server = servers(kind)
    scheme = server.address.partition(":")[0]
    address = "s3://exports" if kind == "s3" else f"{scheme}://127.0.0.1:9"
    away = FileServer(kind, address, server.folder, server.access, server.reads)
    change = {"endpoint": "http://127.0.0.1:9"} if kind == "s3" else None
    if kind == "sftp":
        hosts = work.parent / "hosts"
        hosts.write_text(Path(server.access["sftp"]["known_hosts"]).read_text())
        change = {"known_hosts": str(hosts)}
    said = refused(TryLater, away, "x.csv", work, change=change)
    assert "cannot be reached" in said


def test_a_host_key_is_checked(servers: Callable[[str], FileServer], work: Path) -> None:
    server = servers("sftp")
    server.put("x.csv", OLD, NOW)
    port = int(server.address.rpartition(":")[2])
    assert "nobody vouches" in refused(SettingsError, server, "x.csv", work, change={"known_hosts": "nowhere"})
    stranger = asyncssh.generate_private_key("ssh-ed25519")
    hosts = server.served.known_hosts(work.parent / "hosts", port, stranger)
    said = refused(SettingsError, server, "x.csv", work, change={"known_hosts": str(hosts)})
    assert "was changed, or another machine answers" in said
    hosts.write_text(hosts.read_text().replace("127.0.0.1", "files.example"))
    said = refused(SettingsError, server, "x.csv", work, change={"known_hosts": str(hosts)})
    assert "nobody vouches" in said
    assert f"ssh-keyscan -p {port} 127.0.0.1" in said


@pytest.mark.parametrize("passphrase", [None, "a phrase"])
def test_a_key_lets_in(servers: Callable[[str], FileServer], work: Path, passphrase: str | None) -> None:
    server = servers("sftp")
    server.put("key.csv", OLD, NOW)
    key, phrase = work.parent / "id", work.parent / "phrase"
    server.served.client_key.write_private_key(key, passphrase=passphrase, rounds=50)
    phrase.write_text(passphrase or "")
    change: dict[str, Any] = {"password": None, "key": f"file:{key}"}
    if passphrase:
        said = refused(SettingsError, server, "key.csv", work, change=change)
        assert "passphrase" in said
        change["passphrase"] = f"file:{phrase}"
    assert pull(server, "key.csv", work, change=change).path.read_bytes() == OLD
    key.write_text("no key at all")
    with pytest.raises(SettingsError, match="no private key"):
        pull(server, "key.csv", work, change=change)


def test_a_token_lets_in(servers: Callable[[str], FileServer], work: Path) -> None:
    server = servers("https")
    server.put("token.csv", OLD, NOW)
    token = work.parent / "token"
    token.write_text("a-token")
    nothing = {"user": None, "password": None}
    assert "does not let us in" in refused(SettingsError, server, "token.csv", work, change=nothing)
    assert pull(server, "token.csv", work, change={**nothing, "token": f"file:{token}"}).path.read_bytes() == OLD


def test_nobody_is_followed_to_an_address_that_is_not_secret(servers: Callable[[str], FileServer], work: Path) -> None:
    assert "anybody on the way" in refused(SettingsError, servers("https"), "elsewhere.csv", work)


def test_a_transfer_that_breaks_off_begins_anew(servers: Callable[[str], FileServer], work: Path) -> None:
    server = servers("sftp")
    content = b"id;name\n" + b"1;x\n" * 3_000_000
    server.put("large.csv", content, NOW)
    server.served.breaks_after = 6_000_000
    said: list[str] = []
    pulled = pull(server, "large.csv", work, tell=said.append)
    assert server.served.breaks_after is None
    assert "again from the beginning" in said[0]
    assert pulled.sha256 == hashlib.sha256(content).hexdigest()
    assert [path.name for path in pulled.path.parent.iterdir()] == [pulled.path.name]


@pytest.mark.parametrize("kind", ["sftp", "ftps"])
def test_a_file_that_still_grows_is_waited_for_and_no_longer_than_allowed(
    kind: str, servers: Callable[[str], FileServer], work: Path
) -> None:
    server = servers(kind)
    written = 0

    def more(seconds: float) -> None:
        nonlocal written
        written += 1
        if written <= 3:
            server.put("grows.csv", NEW * (written + 1), NOW + timedelta(seconds=written))

    server.put("grows.csv", NEW, NOW)
    said: list[str] = []
    pulled = pull(server, "grows.csv", work, wait=30, sleep=more, tell=said.append)
    assert pulled.path.read_bytes() == NEW * 4
    assert len(said) == 1
    assert "still being written" in said[0]
    written = -1000
    server.put("grows.csv", OLD, NOW - timedelta(days=1))
    pulled.path.unlink()

    def always(seconds: float) -> None:
        nonlocal written
        written += 1
        server.put("grows.csv", OLD * (1002 + written), NOW)

    assert "still being written" in refused(TryLater, server, "grows.csv", work, wait=30, sleep=always)


@pytest.mark.parametrize("ending", [".part", ".filepart", ".tmp"])
def test_an_upload_is_waited_for_until_it_has_its_name(
    servers: Callable[[str], FileServer], work: Path, ending: str
) -> None:
    server = servers("sftp")
    server.put(f"up{ending}/Customers_20260502.csv{ending}", NEW, NOW)

    def finish(seconds: float) -> None:
        unfinished = server.folder / f"up{ending}/Customers_20260502.csv{ending}"
        if unfinished.exists():
            unfinished.rename(unfinished.with_suffix(""))

    pulled = pull(server, f"up{ending}/Customers_*", work, wait=10, sleep=finish)
    assert pulled.file == "Customers_20260502.csv"
    server.put(f"up{ending}/Customers_20260502.csv{ending}", NEW, NOW)
    (server.folder / f"up{ending}/Customers_20260502.csv").unlink()
    pulled.path.unlink()
    assert "unfinished" in refused(TryLater, server, f"up{ending}/Customers_*", work, wait=10)


def test_patterns_in_folders_and_names_with_odd_characters(servers: Callable[[str], FileServer], work: Path) -> None:
    server = servers("sftp")
    server.put("in/2026-04/a #1 [x] 100%.csv", OLD, NOW - timedelta(days=2))
    server.put("in/2026-05/a #1 [x] 100%.csv", NEW, NOW - timedelta(days=1))
    server.put("in/2026-05/.hidden.csv", OLD, NOW)
    assert pull(server, "in/2026-*/*.csv", work).path.read_bytes() == NEW
    assert pull(server, "~/in/2026-*/*.csv", work).path.read_bytes() == NEW
    assert pull(server, "in/2026-04/a #1 [x] 100%25.csv", work).path.read_bytes() == OLD


def test_what_is_kept_is_bounded_in_number_and_age(servers: Callable[[str], FileServer], work: Path) -> None:
    from auditor.pull.kept import MOST_FILES

    server = servers("sftp")
    for number in range(MOST_FILES + 3):
        server.put("many.csv", OLD + b"%d;x\n" % number, NOW + timedelta(seconds=number))
        pulled = pull(server, "many.csv", work)
    assert len(list(pulled.path.parent.iterdir())) == MOST_FILES
    assert pulled.path.exists()
    pull(server, "many.csv", work, longest=timedelta(0))
    assert len(list(pulled.path.parent.iterdir())) == 1


def test_without_the_extra_a_sentence_says_what_to_install() -> None:
    script = """
import sys
import threading
sys.modules["sshfs"] = None
from datetime import UTC, datetime
from pathlib import Path
from auditor.model import Side
from auditor.pull import pull_file
try:
    now = datetime(2026, 5, 3, tzinfo=UTC)
    pull_file(Side.TRUTH, "sftp://host/x.csv", folder=Path(), max_age=None, now=now, timezone=UTC)
except Exception as error:
    print(type(error).__name__, error, error.hint)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("SettingsError sftp: needs")
    assert "pip install 'profile-auditor[sftp]'" in done.stdout


def test_a_local_pull_loads_nothing_that_servers_need(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(OLD)
    script = """
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from auditor.model import Side
from auditor.pull import pull_file
pull_file(Side.TRUTH, "x.csv", folder=Path(), max_age=None, now=datetime(2026, 5, 3, tzinfo=UTC), timezone=UTC)
print(sorted({"fsspec", "sshfs", "asyncssh", "httpx", "pyarrow", "pandas", "ssl"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout == "[]\n"


def test_a_store_that_denies_is_no_reason_to_try_later(tmp_path: Path, work: Path) -> None:
    """Whatever the store answers, neither its key nor its answer is repeated."""

    class Denies(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = b"<Error><Code>SignatureDoesNotMatch</Code><Message>you sent s3cret</Message></Error>"
            self.send_response(403)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        do_HEAD = do_GET  # noqa: N815 - the name is http.server's

        def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 - the name is http.server's
            pass

    (tmp_path / "key").write_text("s3cret")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Denies) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        key = f"file:{tmp_path / 'key'}"
        access = {"endpoint": f"http://127.0.0.1:{server.server_port}", "access_key": key, "secret_key": key}
        store = FileServer("s3", "s3://exports", tmp_path, {"s3": access}, lambda: 0)
        try:
            for name in ("x.csv", "out/*.csv"):
                said = refused(SettingsError, store, name, work)
                assert "does not let us in" in said
                assert "s3cret" not in said
        finally:
            server.shutdown()
            thread.join(30)


def test_the_settings_that_the_documentation_shows_are_settings(tmp_path: Path) -> None:
    checkout = Path(auditor.__file__).parent.parent
    shown = (checkout / "docs" / "inputs.md").read_text("utf-8").partition("```toml\n")[2].partition("```")[0]
    rest = 'entity = "acme"\ntable = "Customers"\n[actito]\nurl = "https://api3.actito.com"\napi_key = "env:KEY"\n'
    (tmp_path / "auditor.toml").write_text(rest + shown, "utf-8")
    settings = read_settings(tmp_path / "auditor.toml")
    assert settings.platform.wait == timedelta(minutes=5)
    assert settings.shrank[Side.PLATFORM] == 0.1
    assert repr(settings.platform.sftp.passphrase) == "Secret(env:SFTP_PASSPHRASE)"
    assert "MINIO_SECRET" in str(describe(settings))


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ('[truth.sftp]\npassword = "hunter2"', "must not stand in this file"),
        ('[truth.s3]\naccess_key = "env:KEY"', "go together"),
        ('[truth.s3]\nendpoint = "http://minio.acme.example"', "must start with https://"),
        ('[truth.sftp]\nknown_host = "x"', 'did you mean "known_hosts"?'),
    ],
)
def test_settings_that_cannot_be_meant_are_named(tmp_path: Path, section: str, said: str) -> None:
    text = 'entity = "acme"\ntable = "Customers"\n[actito]\nurl = "https://api3.actito.com"\napi_key = "env:KEY"\n'
    text += f'[platform]\nexport = "x.csv"\n[truth]\nfrom = "y.csv"\n{section}\n'
    (tmp_path / "auditor.toml").write_text(text, "utf-8")
    with pytest.raises(SettingsError) as caught:
        read_settings(tmp_path / "auditor.toml")
    assert said in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("https://host/out/*.csv", "web servers list nothing"),
        ("sftp://host", "no whole address"),
        ("sftp:///x.csv", "no whole address"),
        ("ftps://host:70000/x.csv", "no whole address"),
        ("s3://bucket/", "no whole address"),
        ("ftps://host/x%0d%0aDELE y.csv", "characters that no path has"),
    ],
)
def test_addresses_that_cannot_be_meant_are_refused(work: Path, address: str, said: str) -> None:
    before, _, name = address.rpartition("/")
    server = FileServer("none", before, work, {address.partition(":")[0]: {}}, lambda: 0)
    assert said in refused(SettingsError, server, name, work)


@pytest.mark.parametrize("name", ["no.such.host.invalid", "a" * 70 + ".example"])
def test_a_host_that_has_no_address_is_for_later(work: Path, name: str) -> None:
    server = FileServer("https", f"https://{name}", work, {"https": {}}, lambda: 0)
    assert "cannot be reached" in refused(TryLater, server, "x.csv", work)


def test_a_full_disk_is_not_laid_on_the_server(servers: Callable[[str], FileServer], work: Path) -> None:
    server = servers("sftp")
    server.put("disk.csv", OLD, NOW)
    address = address_of(server.location("disk.csv"))
    assert address is not None
    with connected(address, Located.model_validate({"sftp": server.access["sftp"]}), UTC) as there:
        newest = there.listing().newest
        assert newest is not None
        with pytest.raises(OSError, match="No space left"):
            there.fetch(newest, Path("/dev/full"), lambda done, total: None)
