"""The same expressions on a Spark cluster, through Spark Connect: Apache Spark, Databricks, Sail.

    session     the engine: one session on the cluster, with tables of its own
    entries     what each operation of an expression is there
    twins       what the cluster lacks, as Python functions for its workers
    inputs      what the cluster reads itself

Nobody pays for pyspark but whoever connects: to import it takes seconds, and Great Expectations longer beside it.
"""

from __future__ import annotations

import re
import socket
import sys
import warnings
from types import ModuleType
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from auditor.errors import SettingsError, TryLater
from auditor.settings.secrets import secret

if TYPE_CHECKING:
    from auditor.engine.spark.session import Spark

_CAN_RUN: Final = ModuleType("pyspark.testing.connectutils")
vars(_CAN_RUN).update(should_test_connect=True, connect_requirement_message="")

PREFIX: Final = "cluster:"
"""How a location begins that the cluster reads, and not this machine."""


def sees(location: str, remote: str | None) -> bool:
    """Whether the cluster reads an input. Raises SettingsError where it has to and none is named."""
    if location.startswith(PREFIX) and remote is None:
        raise SettingsError(
            f"{location} is what a Spark cluster sees, and none is named",
            hint="--engine spark --remote sc://host:15002",
        )
    return location.startswith(PREFIX)


def connect(remote: str) -> Spark:
    """A session on the cluster at `remote`: sc://host:15002, and what Spark Connect lets follow it; its token by
    reference, as in sc://host:443/;use_ssl=true;token=env:NAME.

    Raises SettingsError for an address that is none, for a token that stands in it, where pyspark-client is not
    installed and where the cluster cannot run the auditor's functions; TryLater where nobody answers.
    """
    address, whole = understood(remote)
    # It means its own functions on pandas; nothing of pandas comes near the expressions.
    warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)
    # Where the program is no file (python -c), pyspark takes itself for one of its own tests, asks these whether they
    # can run, and ends the process.
    sys.modules.setdefault("pyspark.testing.connectutils", _CAN_RUN)
    try:
        from auditor.engine.spark.session import Spark
    except ImportError:
        raise SettingsError(
            'the engine "spark" needs the package pyspark-client, which is not installed',
            hint="pip install 'profile-auditor[spark]'",
        ) from None
    _reached(address)
    return Spark(address, whole)


def _reached(address: str) -> None:
    """Raise TryLater where nobody listens: Spark Connect itself would try for ten minutes."""
    place = urlsplit(address)
    try:
        socket.create_connection((place.hostname, place.port or 15002), timeout=10).close()
    except OSError:
        raise TryLater(
            f"the Spark cluster at {address} cannot be reached", hint="start it, or check its address"
        ) from None


def understood(remote: str) -> tuple[str, str]:
    """The address without what follows it, as it is shown; and the whole with its token in place."""
    parts = re.fullmatch(r"(sc://[^/;?#\s@:]+(?::\d{1,5})?)(?:/?|/;(.*))", remote)
    if parts is None:
        raise SettingsError(
            "the address of a Spark cluster is written sc://host:15002",
            hint="what follows it is Spark Connect's own: sc://host:443/;use_ssl=true;token=env:NAME",
        )
    further = []
    for part in filter(None, (parts[2] or "").split(";")):
        name, _, value = part.partition("=")
        if name == "token":
            try:
                value = secret(value).reveal()
            except ValueError:
                raise SettingsError(
                    f"a token must not stand in the address of {parts[1]}: name where it is",
                    hint="token=env:NAME, token=file:PATH or token=keyring:SERVICE/USER",
                ) from None
        further.append(f"{name}={value}")
    return parts[1], ";".join([f"{parts[1]}/", *further]) if further else parts[1]
