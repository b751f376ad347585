"""Which requests are answered, and what a browser is told about other machines."""

import pytest
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from fed_reid.webapp.guard import Guard

LIMIT = 300_000  # bytes of an upload


async def echo(scope, receive, send):
    message = await receive()
    body = message.get("body", b"")
    while message.get("more_body"):
        message = await receive()
        body += message.get("body", b"")
    text = "gone" if message["type"] == "http.disconnect" else str(len(body))
    await PlainTextResponse(text, headers={"Cache-Control": "public"})(scope, receive, send)


def client(loopback_only=True, host="http://localhost:7860"):
    return TestClient(Guard(echo, LIMIT, loopback_only), base_url=host)


@pytest.mark.parametrize("path", ["/", "/config", "/assets/index-1.js", "/gradio_api/queue/data", "/theme.css"])
def test_what_the_page_needs(path):
    assert client().get(path).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/gradio_api/file=/etc/passwd",
        "/file=/etc/passwd",
        "/gradio_api/file/etc/passwd",
        "/gradio_api/proxy=https://example.org/",
        "/gradio_api/stream/a/b/c/playlist-file",
        "/gradio_api/openapi.json",
        "/gradio_api/vibe-code",
        "/monitoring",
        "/docs",
        "/assets/../../secret",
        "/assets/%2e%2e/secret",
        "/config/../gradio_api/file=/etc/passwd",
    ],
)
def test_everything_else_is_not_there(path):
    assert client().get(path).status_code == 404


@pytest.mark.parametrize(
    "path", ["/gradio_api/upload", "/gradio_api/run/predict", "/gradio_api/component_server", "/login"]
)
def test_no_other_way_in(path):
    assert client().post(path).status_code == 404
    assert client().request("DELETE", "/").status_code == 404


@pytest.mark.parametrize(
    "host", ["http://evil.example:7860", "http://localhost.evil.example", "http://192.168.0.7:7860"]
)
def test_another_name_for_this_machine(host):
    """A page elsewhere may let its own name point here; it must not read what is here."""
    assert client(host=host).get("/").status_code == 403
    assert client(loopback_only=False, host=host).get("/").status_code == 200


@pytest.mark.parametrize("host", ["http://127.0.0.1:80", "http://[::1]:7860", "http://LOCALHOST:1", "http://127.0.0.2"])
def test_every_name_of_this_machine(host):
    assert client(host=host).get("/").status_code == 200


@pytest.mark.parametrize("loopback_only", [True, False])
def test_pages_from_elsewhere(loopback_only):
    """A page that a visitor has open beside this one can neither ask nor read here; browsers say where it is from."""
    page = client(loopback_only)
    for origin in ("https://evil.example", "http://localhost:8000", "null"):
        assert page.get("/config", headers={"Origin": origin}).status_code == 403
        assert page.post("/gradio_api/queue/join", headers={"Origin": origin}).status_code == 403
    assert page.post("/gradio_api/queue/join", headers={"Origin": "http://localhost:7860"}).status_code == 200


def test_no_web_sockets():
    with pytest.raises(WebSocketDisconnect), client().websocket_connect("/"):
        pytest.fail("connected")


def test_size_of_an_upload():
    join = "/gradio_api/queue/join"
    assert client().post(join, content=b"x" * LIMIT).text == str(LIMIT)
    refused = client().post(join, content=b"x" * 3 * LIMIT)
    assert refused.status_code == 413 and "larger than the 0.286102 MB" in refused.json()["detail"]
    assert client().post(join, content=(b"x" * LIMIT for _ in range(3))).text == "gone", "of unstated length"


def test_a_browser_is_told_to_ask_nobody_else():
    headers = client().get("/").headers
    assert "default-src 'self'" in headers["content-security-policy"]
    assert "http" not in headers["content-security-policy"]
    assert headers["cache-control"] == "no-store", "pictures of people stay out of the browser's cache"
    assert client().get("/assets/a.js").headers["cache-control"] == "public"
