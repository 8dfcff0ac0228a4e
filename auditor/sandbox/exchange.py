"""A call and its answer as whole things, out of the messages that ASGI hands over."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from starlette.types import Message, Receive, Send


@dataclass(slots=True)
class Answer:
    """A whole answer."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    """Names in lower case; the length is that of the body."""
    body: bytes = b""

    async def take(self, message: Message) -> None:
        """An ASGI `send` that keeps what it is given."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode("latin-1").lower(): text.decode("latin-1") for name, text in message["headers"]}
        else:
            self.body += message.get("body", b"")

    async def give(self, send: Send, *, announced: int | None = None) -> None:
        """Send it. With `announced`, the headers promise so many bytes, and it stays unfinished."""
        headers = self.headers | {"content-length": str(len(self.body) if announced is None else announced)}
        if self.status == 204:
            del headers["content-length"]
        raw = [(name.encode("latin-1"), text.encode("latin-1")) for name, text in headers.items()]
        await send({"type": "http.response.start", "status": self.status, "headers": raw})
        await send({"type": "http.response.body", "body": self.body, "more_body": announced is not None})

    def json(self) -> Any:
        """Its content; None where it is something else than JSON."""
        return json.loads(self.body) if self.headers.get("content-type", "").startswith("application/json") else None

    def write(self, content: Any) -> None:
        """Replace the content by other JSON."""
        self.body = json.dumps(content, ensure_ascii=False).encode()
        self.headers["content-type"] = "application/json"

    def write_text(self, text: str) -> None:
        self.body = text.encode()
        self.headers["content-type"] = "text/plain; charset=utf-8"

    def empty(self) -> None:
        self.body = b""
        self.headers.pop("content-type", None)


async def whole_body(receive: Receive) -> bytes | None:
    """The body of a request; None where the client left before its end."""
    parts: list[bytes] = []
    while (message := await receive())["type"] == "http.request":
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)
    return None


def replayed(body: bytes) -> Receive:
    """An ASGI `receive` that hands `body` out."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        return messages.pop() if messages else {"type": "http.disconnect"}

    return receive
