"""What stands before Gradio: only what the page needs is answered, up to a stated size, and nothing is called out.

Gradio brings routes that serve files, fetch addresses for a client, keep a history or take uploads to the disk. The
page needs none of them: its pictures are part of its HTML and uploads are part of an event. Routes are therefore let
through by name, and everything else is not found, whatever a future Gradio adds.
"""

from __future__ import annotations

import re

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fed_reid.webapp.server import is_loopback

_MIB = 2**20
_BASE64 = 4 / 3  # characters a byte of an upload travels in
_AROUND_AN_UPLOAD = 64 * 1024  # bytes of the event that carries it
_API = "/gradio_api"
_GET = re.compile(
    rf"/|/config/?|/theme\.css|{_API}/theme\.css|/favicon\.ico|/manifest\.json|/(assets|static|svelte)/.+"
    rf"|{_API}/(queue/data|heartbeat/[\w-]+|startup-events|info/?)"
)
_POST = re.compile(rf"{_API}/(queue/join/?|reset/?|cancel)")

# The browser itself then refuses to load from, or to send to, any other machine. Gradio compiles its templates in the
# page and writes styles into it, hence the two "unsafe" words.
_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; "
    "frame-ancestors 'none'; form-action 'self'; base-uri 'self'; object-src 'none'"
)
_HEADERS = [
    (b"content-security-policy", _POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
]


class Guard:
    """ASGI middleware.

    Args:
        app: What it stands before.
        max_upload: Bytes of the largest picture.
        loopback_only: Whether the server listens on this machine alone. Requests for another host name are then
            refused: a foreign page could otherwise point its own name at this address and read what is here.
    """

    def __init__(self, app: ASGIApp, max_upload: int, loopback_only: bool) -> None:
        self._app, self._loopback_only = app, loopback_only
        self._max_body = int(max_upload * _BASE64) + _AROUND_AN_UPLOAD
        self._too_large = f"The picture is larger than the {max_upload / _MIB:g} MB that this page takes."

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request, or hands it on."""
        if scope["type"] == "websocket":  # the page opens none
            await receive()
            await send({"type": "websocket.close"})
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if refusal is not None:
            status, sentence = refusal
            await JSONResponse({"detail": sentence}, status)(scope, receive, send)
            return
        taken = 0

        async def receive_limited() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > self._max_body:  # a body of unstated length: cut off, as if the client had gone
                return {"type": "http.disconnect"}
            return message

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                ours = _headers_for(scope["path"])
                names = {name for name, _ in ours}
                kept = [(name, value) for name, value in message.get("headers", []) if name.lower() not in names]
                message = {**message, "headers": [*kept, *ours]}
            await send(message)

        await self._app(scope, receive_limited, send_guarded)

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        """Status and sentence, if the request is not answered."""
        headers = dict(scope["headers"])
        host = re.sub(r":\d+$", "", headers.get(b"host", b"").decode("latin-1")).lower()
        if self._loopback_only and not is_loopback(host.strip("[]")):
            return 403, "This page is only for the machine that it runs on: open it as http://localhost."
        origin = headers.get(b"origin")
        if origin is not None and origin.partition(b"://")[2].lower() != headers.get(b"host", b"").lower():
            return 403, "This page answers to itself alone, and not to pages from elsewhere."
        allowed = {"GET": _GET, "HEAD": _GET, "POST": _POST}.get(scope["method"])
        if allowed is None or not allowed.fullmatch(scope["path"]) or ".." in scope["path"]:
            return 404, "There is nothing here."
        stated = headers.get(b"content-length", b"0")
        if not stated.isdigit() or int(stated) > self._max_body:
            return 413, self._too_large
        return None


def _headers_for(path: str) -> list[tuple[bytes, bytes]]:
    """Pictures of people are not left in the browser's cache; Gradio's own scripts may be."""
    cacheable = path.startswith(("/assets/", "/static/", "/svelte/"))
    return [(name, value) for name, value in _HEADERS if not (cacheable and name == b"cache-control")]
