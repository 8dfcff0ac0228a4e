"""Where the data that travels with the program lies: templates, stylesheet and script, suites."""

from __future__ import annotations

from pathlib import Path


def data_folder(name: str) -> Path:
    """The folder `name` (such as `reports`) of the program's own data.

    An installed wheel holds it inside the package, because top-level names in site-packages would collide; in a
    checkout it lies beside the package. Raises FileNotFoundError if the installation is damaged.
    """
    package = Path(__file__).resolve().parent.parent
    for folder in (package / "_data" / name, package.parent / name):
        if folder.is_dir():
            return folder
    raise FileNotFoundError(f'the program\'s own data "{name}" is missing: install it again')
