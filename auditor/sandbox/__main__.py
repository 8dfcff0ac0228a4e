"""`python -m auditor.sandbox`: the server alone, for tests and the demo. People use `auditor sandbox`."""

from __future__ import annotations

import argparse
import sys
from datetime import datetime
from pathlib import Path

from auditor.errors import AuditorError
from auditor.sandbox.limits import LIMITS
from auditor.sandbox.serve import serve


def main() -> None:
    """Serve until told to end; an error is one line and the exit code of its class."""
    parser = argparse.ArgumentParser(prog="python -m auditor.sandbox", description="A stand-in Actito server.")
    parser.add_argument("--port", type=int, default=8700, help="0 picks a free one")
    parser.add_argument("--dir", type=Path, default=Path("sandbox"), help="where the licence is kept")
    parser.add_argument("--profiles", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--limits", choices=tuple(LIMITS), default="standard")
    parser.add_argument("--fault", action="append", default=[], help="NAME or NAME=RATE")
    parser.add_argument("--with-v4", action="store_true", help="as before the end of V4's calls about profiles")
    parser.add_argument("--now", type=datetime.fromisoformat, help="a new licence begins then: a moment with zone")
    options = parser.parse_args()
    try:
        serve(
            port=options.port,
            directory=options.dir,
            profiles=options.profiles,
            seed=options.seed,
            limits=options.limits,
            faults=options.fault,
            with_v4=options.with_v4,
            now=options.now,
        )
    except AuditorError as error:
        sys.stderr.write(f"{error}\n" + (f"{error.hint}\n" if error.hint else ""))
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
