"""Listens: on this machine alone unless told otherwise, on the port asked for or on the next free one."""

from __future__ import annotations

import errno
import ipaddress
import os
import socket
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from fed_reid.errors import UserError

AUTO = "auto"
FIRST_PORT = 7860
TRIED_PORTS = 100


def is_loopback(host: str) -> bool:
    """Whether only programs on this machine can reach ``host``."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def listen(host: str, port: int | str) -> socket.socket:
    """A listening socket, so that the port is ours before anything slow begins.

    Args:
        host: Address or name of this machine; ``0.0.0.0`` for everyone who can reach it.
        port: 1 to 65535, or ``auto`` for the first free one from 7860.

    Raises:
        UserError: The port is taken or no port, or the address is not of this machine.
    """
    if port == AUTO:
        for candidate in range(FIRST_PORT, FIRST_PORT + TRIED_PORTS):
            try:
                return _bound(host, candidate)
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise _refused(host, port, error) from error
        raise UserError(f"port=auto: {FIRST_PORT} to {FIRST_PORT + TRIED_PORTS - 1} are all taken; name a free port.")
    if isinstance(port, bool) or not isinstance(port, int) or not 1 <= port <= 65535:
        raise UserError(f"port={port}: expected a number from 1 to 65535, or auto.")
    try:
        return _bound(host, port)
    except OSError as error:
        raise _refused(host, port, error) from error


def address_of(listening: socket.socket) -> str:
    """What to type into a browser on this machine."""
    host, port = listening.getsockname()[:2]
    if ipaddress.ip_address(host).is_unspecified:
        host = "localhost"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def server_for(app: ASGIApp) -> uvicorn.Server:
    """A server to ``run(sockets=[...])``; it ends on Ctrl-C without waiting for open pages."""
    options: dict[str, Any] = {"log_level": "warning", "timeout_graceful_shutdown": 1, "server_header": False}
    return uvicorn.Server(uvicorn.Config(app, **options))


def _bound(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    listening = socket.socket(family, kind, protocol)
    try:
        if os.name != "nt":
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(128)
    except OSError:
        listening.close()
        raise
    return listening


def _refused(host: str, port: int | str, error: OSError) -> UserError:
    if error.errno == errno.EADDRINUSE:
        return UserError(f"port={port}: taken by another program; name another port, or port=auto for a free one.")
    if error.errno == errno.EACCES:
        return UserError(f"port={port}: ports below 1024 are kept for the system; choose a larger one.")
    reason = error.strerror or str(error)
    return UserError(f"host={host}: this machine cannot listen there ({reason}); expected 127.0.0.1 or 0.0.0.0.")
