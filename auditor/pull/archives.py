"""Archives opened: the one data file inside a ZIP, gzip or Zstandard file, within bounds.

What a file is shows in its first bytes, not in its name.
"""

from __future__ import annotations

import contextlib
import fnmatch
import gzip
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO, Protocol

from auditor.errors import InputUnusable, SettingsError
from auditor.files.disk import megabytes, require_space
from auditor.files.formats import is_workbook, refuse_document
from auditor.files.given import printable
from auditor.files.whole import whole_file

LARGEST_UNPACKED = 50 * 2**30
"""Bytes; more than this comes out of no honest archive of profiles."""
SUSPICIOUS_RATIO = 250
"""Unpacked to packed. Real exports stay below 50; the format allows 1032."""
RATIO_FROM = 64 * 2**20
"""Bytes below which the ratio does not matter."""
MOST_MEMBERS = 1000
"""Of a ZIP archive."""

_LARGEST_DIRECTORY = MOST_MEMBERS * 2**10
"""Bytes of a ZIP archive's directory: it is read into memory before its members can be counted."""
_CHUNK = 2**20
_SHOWN = 5
_METHODS = {9: "Deflate64", 12: "bzip2", 14: "LZMA", 93: "Zstandard", 95: "XZ", 98: "PPMd", 99: "AES"}
_DATA = (".csv", ".parquet", ".jsonl", ".ndjson", ".arrow", ".feather")
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"
_OTHERS = (b"BZh", b"\xfd7zXZ\x00", b"7z\xbc\xaf\x27\x1c", b"Rar!\x1a\x07")
_TAR = slice(257, 262)


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


def unpack(path: Path, folder: Path, *, name: str, member: str | None = None) -> Path:
    """The data file inside an archive, written to `folder / name` with mode 0600; `path` itself where it is none.

    `member` is the name or pattern of the wanted file of a ZIP archive that holds several. Raises InputUnusable for a
    damaged or oversized archive, one that holds an archive and one with climbing paths, SettingsError for one without
    exactly one data file or with a password, TryLater for a full disk.
    """
    start = _start(path)
    target = folder / name
    if start[:2] == _GZIP:
        with damaged(path), gzip.open(path, "rb") as inner:
            return _unpacked(inner, path, target)
    if start[:4] == _ZSTD:
        import pyarrow  # reads Zstandard, which Python below 3.14 does not, and is slow to import

        with damaged(path), pyarrow.CompressedInputStream(pyarrow.OSFile(str(path)), "zstd") as inner:
            return _unpacked(inner, path, target)
    if start[:4] in _ZIP:
        with damaged(path):
            _check_directory(path)
            if is_workbook(path):
                return path
            refuse_document(path)
            with zipfile.ZipFile(path) as archive:
                wanted = _wanted(archive, path, member)
                _check_size(wanted.file_size, path)
                require_space(folder, wanted.file_size)
                with archive.open(wanted) as inner:
                    return _unpacked(inner, path, target)
    if kind := _archive(start):
        raise SettingsError(
            f"{printable(path)} is {kind}, which is not opened", hint="send it plain, or as .zip, .gz or .zst"
        )
    return path


def require_members(path: Path, name: str, member: str | None) -> None:
    """Raise SettingsError where one of several files is named, and there are not several to choose from."""
    if member is not None and (path.is_dir() or _start(path)[:4] not in _ZIP or is_workbook(path)):
        raise SettingsError(f"member says nothing of {name}, which is no ZIP archive", hint="leave it out")


@contextlib.contextmanager
def damaged(path: Path) -> Iterator[None]:
    """Turns what the archive modules raise about a damaged archive into one sentence."""
    try:
        yield
    except (EOFError, zipfile.BadZipFile, gzip.BadGzipFile, zlib.error, struct.error) as error:
        what = "is cut off" if isinstance(error, EOFError) else "is damaged"
        raise _damaged(path, what) from None
    except OSError as error:
        if error.errno is not None:
            raise
        raise _damaged(path, "is cut off or damaged") from None  # Arrow's errors about content have no number


def _damaged(path: Path, what: str) -> InputUnusable:
    return InputUnusable(f"the archive {printable(path)} {what} and cannot be opened", hint="transfer it again")


def _start(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(512)


def _archive(start: bytes) -> str | None:
    """What kind of archive begins so; None: none."""
    if start[:4] in _ZIP or start[:2] == _GZIP or start[:4] == _ZSTD or start.startswith(_OTHERS):
        return "an archive"
    return "a tar archive" if start[_TAR] == b"ustar" else None


def _unpacked(inner: _Readable | IO[bytes], path: Path, target: Path) -> Path:
    size = 0
    with whole_file(target, durable=False) as partial, partial.open("wb") as out:
        while chunk := inner.read(_CHUNK):
            if size == 0 and (kind := _archive(chunk[:512])):
                raise InputUnusable(
                    f"the archive {printable(path)} holds {kind}: archives within archives are not opened",
                    hint="pack the data file once",
                )
            size += len(chunk)
            _check_size(size, path)
            if size % (64 * _CHUNK) < _CHUNK:
                require_space(target.parent, _CHUNK)
            out.write(chunk)
    return target


def _check_size(size: int, path: Path) -> None:
    packed = max(path.stat().st_size, 1)
    if size > LARGEST_UNPACKED or (size > RATIO_FROM and size > packed * SUSPICIOUS_RATIO):
        raise InputUnusable(
            f"the archive {printable(path)} of {megabytes(packed)} unpacks to {megabytes(size)} or more: "
            "it was not opened any further",
            hint="unpack it by hand if it is what you expect",
        )


def _check_directory(path: Path) -> None:
    """Refuse a ZIP archive whose directory is too large to be read, before it is (APPNOTE.TXT 4.3.14 and 4.3.16)."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 2**16 - 128))
        tail = file.read()
    end = tail.rfind(b"PK\x05\x06")
    large = tail.rfind(b"PK\x06\x06")
    size = struct.unpack_from("<L", tail, end + 12)[0] if end >= 0 else 0
    if large >= 0:
        size = max(size if size != 0xFFFFFFFF else 0, struct.unpack_from("<Q", tail, large + 40)[0])
    if size > _LARGEST_DIRECTORY:
        raise _too_many(path)


def _too_many(path: Path) -> InputUnusable:
    return InputUnusable(
        f"the archive {printable(path)} holds more than {MOST_MEMBERS:,} files: it was not opened any further",
        hint="put one CSV or Parquet file into it",
    )


def _wanted(archive: zipfile.ZipFile, path: Path, member: str | None) -> zipfile.ZipInfo:
    """The one file that holds the data."""
    infos = archive.infolist()
    if len(infos) > MOST_MEMBERS:
        raise _too_many(path)
    if climbing := [info.filename for info in infos if _climbs(info.filename)]:
        raise InputUnusable(
            f"the archive {printable(path)} holds paths that leave their folder{listed(climbing)}: it was not opened",
            hint="ask where it comes from; an honest program does not write such a file",
        )
    files = [
        info
        for info in infos
        if not info.is_dir()
        and not info.filename.startswith("__MACOSX/")
        and not PurePosixPath(info.filename).name.startswith(".")
        and not stat.S_ISLNK(info.external_attr >> 16)
    ]
    one = _choose(files, path, member)
    if one.flag_bits & 1:
        raise SettingsError(f"the archive {printable(path)} is protected by a password", hint="send it without one")
    if one.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        method = _METHODS.get(one.compress_type, f"number {one.compress_type}")
        raise SettingsError(
            f"the archive {printable(path)} is packed with the method {method}, which is not opened",
            hint="pack it with the ordinary method (deflate), or send it as .gz or .zst",
        )
    return one


def _choose(files: list[zipfile.ZipInfo], path: Path, member: str | None) -> zipfile.ZipInfo:
    if member is not None:
        fitting = [info for info in files if _fits(info.filename, member)]
        what = f'that fit "{printable(member)}"'
    elif len(files) == 1:
        fitting, what = files, ""
    else:
        fitting = [info for info in files if info.filename.lower().endswith(_DATA)] or files
        what = "that could be meant"
    if len(fitting) == 1:
        return fitting[0]
    names = listed([info.filename for info in fitting or files])
    raise SettingsError(
        f"the archive {printable(path)} holds {len(fitting)} files {what}{names}, and exactly one is expected",
        hint="put one data file into it, or name the one that is meant",
        declare=f"member={printable((fitting or files)[0].filename) if fitting or files else 'NAME'}",
    )


def _fits(name: str, member: str) -> bool:
    return any(fnmatch.fnmatchcase(part, member) for part in (name, PurePosixPath(name).name))


def _climbs(name: str) -> bool:
    parts = name.replace("\\", "/").split("/")
    return parts[0] == "" or ".." in parts or parts[0].endswith(":")


def listed(names: list[str]) -> str:
    """` (a, b, c and 4 more)`, or nothing."""
    if not names:
        return ""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f" ({', '.join(printable(name) for name in names[:_SHOWN])}{more})"
