"""Where the page listens."""

import socket

import pytest

from fed_reid.errors import UserError
from fed_reid.webapp.server import address_of, is_loopback, listen


def test_loopback_and_the_next_free_port():
    with listen("127.0.0.1", "auto") as first, listen("127.0.0.1", "auto") as second:
        assert address_of(first) != address_of(second)
        assert address_of(first).startswith("http://127.0.0.1:")
        taken = first.getsockname()[1]
        with pytest.raises(UserError, match=f"port={taken}: taken by another program"):
            listen("127.0.0.1", taken)


def test_everyone_only_when_asked():
    assert is_loopback("127.0.0.1") and is_loopback("::1") and is_loopback("localhost")
    assert not any(map(is_loopback, ("0.0.0.0", "::", "192.168.0.7", "machine.example")))
    with listen("0.0.0.0", "auto") as listening:
        assert address_of(listening).startswith("http://localhost:")


@pytest.mark.parametrize("port", [0, 70000, "many", True, 80.5, None])
def test_no_port(port):
    with pytest.raises(UserError, match=r"expected a number from 1 to 65535, or auto"):
        listen("127.0.0.1", port)


@pytest.mark.parametrize("host", ["203.0.113.7", "no such name"])
def test_not_of_this_machine(host, monkeypatch):
    def unknown(*args, **options):
        raise socket.gaierror(-2, "Name or service not known")

    if " " in host:
        monkeypatch.setattr(socket, "getaddrinfo", unknown)  # no test asks a name server
    with pytest.raises(UserError, match="this machine cannot listen there"):
        listen(host, "auto")
