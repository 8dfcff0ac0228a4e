"""What concerns running processes alone lies apart from what is kept: in a folder that the machine forgets when it is
started again, as it forgets them. See docs/decisions for why.
"""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from pathlib import Path

from auditor.errors import TryLater

PLACES = ("/dev/shm", "/tmp")  # noqa: S108 -- the folder in it is its owner's alone, or refused
"""The first of these is taken, whatever the environment says: a scheduled process has another one than a person."""


def running_folder(state: Path) -> Path:
    """A folder of this user alone, the same for all processes of this machine that use the state folder `state`.

    Raises TryLater where it cannot be made, or is somebody else's.
    """
    # Python is asked for its temporary folder only where that is needed: it writes a file to find out.
    place = next((one for one in PLACES if os.access(one, os.W_OK | os.X_OK)), None) or tempfile.gettempdir()
    digest = hashlib.sha256(os.fsencode(state.resolve())).hexdigest()
    folder = Path(place, f"auditor-{os.getuid()}-{digest[:24]}")
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.stat(follow_symlinks=False)
    except OSError as error:
        raise TryLater(f"{folder} cannot be made: {error.strerror}") from None
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise TryLater(f"{folder} is not this user's alone", hint="remove it: nothing in it is kept")
    return folder
