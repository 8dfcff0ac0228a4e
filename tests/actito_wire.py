"""A platform made of plain functions, for tests of `auditor.actito`: its answers are set, what it is asked is kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

from auditor.actito import V5, Connection, Dialect
from auditor.model import Attribute, AttributeType, Segmentation, Structure

KEY = "key-1f6e-secret"
ENTITY = "acme"
URL = "https://api3.actito.test"

Step = httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]

CUSTOMERS = Structure(
    table_id="16",
    table="Customers",
    attributes=(
        Attribute("profileId", AttributeType.INTEGER, unique=True, mandatory=True),
        Attribute("customerId", unique=True),
        Attribute("emailAddress", AttributeType.EMAIL, unique=True, mandatory=True),
        Attribute("lastName", mandatory=True),
        Attribute("note"),
        Attribute("interests", multi_valued=True),
    ),
    subscriptions=("Newsletter", "Promotions"),
    segmentations=(Segmentation("Vip"), Segmentation("ClientTier", exclusive=True, segments=("Gold", "Silver"))),
)
PROFILE = "/profiles/v5/entities/acme/profile-tables/16/profiles"
PROFILE_V4 = "/profiles/v4/entity/acme/table/Customers/profile"


@dataclass
class Time:
    """Passes only when somebody sleeps."""

    now: float = 1000.0
    slept: list[float] = field(default_factory=list)

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@dataclass
class Wire:
    """Answers each path with the steps set for it, in turn, the last one for ever; signs in by itself."""

    time: Time = field(default_factory=Time)
    requests: list[httpx.Request] = field(default_factory=list)
    steps: dict[tuple[str, str], list[Step]] = field(default_factory=dict)
    tokens: int = 0

    def on(self, method: str, path: str, *steps: Step) -> None:
        self.steps[method, path] = list(steps)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        request.read()
        # A copy: a request that is sent again with another token is the same object.
        kept = httpx.Request(request.method, request.url, headers=request.headers.copy(), content=request.content)
        self.requests.append(kept)
        path = request.url.raw_path.decode("ascii").partition("?")[0]
        steps = self.steps.get((request.method, path))
        if steps is None and path == "/auth/token":
            self.tokens += 1
            return httpx.Response(200, json={"accessToken": f"token-{self.tokens}-secret", "expiresIn": "900s"})
        if steps is None:
            return httpx.Response(404)
        step = steps.pop(0) if len(steps) > 1 else steps[0]
        if isinstance(step, Exception):
            raise step
        return step if isinstance(step, httpx.Response) else step(request)

    def connect(self, dialect: Dialect = V5, **options: Any) -> Connection:
        """A connection to this platform, in this time; a new one shares its limits."""
        transport = httpx.MockTransport(self)
        kept: dict[str, Any] = {"sleep": self.time.sleep, "clock": self.time.clock, **options}
        return Connection(URL, lambda: KEY, ENTITY, dialect=dialect, transport=transport, **kept)

    @property
    def calls(self) -> list[tuple[str, str]]:
        """Method and path with query of everything but the signing in."""
        asked = [(request.method, request.url.raw_path.decode("ascii")) for request in self.requests]
        return [call for call in asked if call[1] != "/auth/token"]


def ok(content: object, status: int = 200) -> httpx.Response:
    return httpx.Response(status, json=content)
