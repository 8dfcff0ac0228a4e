"""Spark Connect servers in this process: Sail, without Java, and one that lets nobody in."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def sail(folder: Path) -> Iterator[str]:
    """The address of a server that lives as long as the block, and keeps its tables in `folder`."""
    os.environ["RUST_LOG"] = "off"
    from pysail.spark import SparkConnectServer

    before = Path.cwd()
    os.chdir(folder)  # where Sail makes its warehouse
    server = SparkConnectServer("127.0.0.1", 0)
    server.start(background=True)
    host, port = server.listening_address
    try:
        yield f"sc://{host}:{port}"
    finally:
        server.stop()
        os.chdir(before)


@contextmanager
def closed() -> Iterator[str]:
    """The address of a server that wants a token which nobody has."""
    import grpc

    def refuse(_: bytes, context: Any) -> None:
        context.abort(grpc.StatusCode.UNAUTHENTICATED, "no authentication token provided")

    refusing = dict.fromkeys(("Config", "AnalyzePlan"), grpc.unary_unary_rpc_method_handler(refuse))
    handler = grpc.method_handlers_generic_handler("spark.connect.SparkConnectService", refusing)
    server = grpc.server(ThreadPoolExecutor(2), handlers=[handler])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"sc://127.0.0.1:{port}"
    finally:
        server.stop(None)
