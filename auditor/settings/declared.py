"""What is said of a file on the command line: `encoding=utf-16,separator=;,header=3`."""

from __future__ import annotations

import re

import pydantic

from auditor.errors import SettingsError
from auditor.files.given import printable
from auditor.settings.inputs import Declared
from auditor.settings.problems import nearest

_NUMBERS = ("header", "footer")
_AS_IT_IS = ("sheet", "member", "null")
"""Blanks at the ends may belong to these."""
_NAMED_MARKS = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "pipe": "|"}


def declared_of(text: str, option: str) -> Declared:
    """How a file is written, from `encoding=utf-16,separator=;,header=3,null=NULL|N/A`.

    What stands behind a comma belongs to the value before it, unless it is `NAME=`. Raises SettingsError for a name or
    value that is not understood.
    """
    names, said = {*Declared.model_fields}, dict[str, str]()
    for part in re.split(r",\s*(?=[a-z]+\s*=)", text.strip()):
        name, equals, value = part.partition("=")
        last = name.strip()
        if last in names and not equals:
            raise SettingsError(f"{option}: {last} of what? {last}=VALUE is expected")
        if last not in names:
            known = ", ".join(sorted(names))
            raise SettingsError(
                f'{option}: "{printable(last)}" is nothing that can be said of a file{nearest(last, names)}',
                hint=f"NAME=VALUE, with commas between them, of: {known}",
            )
        if last in said:
            more = f": null={printable(said[last])}|{printable(value)} names both" if last == "null" else ""
            raise SettingsError(f"{option}: {last} is given twice", hint=f"say it once{more}")
        said[last] = value if last in _AS_IT_IS else value.strip() or value
    content: dict[str, object] = dict(said)
    for name in _NUMBERS:
        if name in said and said[name].strip().isdecimal():
            content[name] = int(said[name])
    if "separator" in said:
        content["separator"] = _NAMED_MARKS.get(said["separator"].lower(), said["separator"])
    if "null" in said:
        content["null"] = said["null"].split("|")
    try:
        return Declared.model_validate(content)
    except pydantic.ValidationError as error:
        [first, *_] = error.errors(include_url=False, include_input=False)
        name = str(first["loc"][0])
        raise SettingsError(f"{option}: {name}={printable(said[name])}: {str(first['msg']).lower()}") from None
