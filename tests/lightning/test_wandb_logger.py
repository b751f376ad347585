import pytest

from fed_reid.lightning.wandb_logger import has_account


@pytest.fixture(autouse=True)
def no_account(monkeypatch, tmp_path):
    for name in ("WANDB_API_KEY", "WANDB_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))


def test_nobody():
    assert not has_account()


def test_key_in_the_environment(monkeypatch):
    monkeypatch.setenv("WANDB_API_KEY", "x" * 40)
    assert has_account()


@pytest.mark.parametrize(
    ("server", "machine", "known"),
    [
        (None, "api.wandb.ai", True),
        (None, "wandb.example.org", False),
        ("http://wandb.example.org:8080", "wandb.example.org:8080", True),
        ("http://wandb.example.org:8080", "api.wandb.ai", False),
    ],
)
def test_login_file(monkeypatch, tmp_path, server, machine, known):
    (tmp_path / "netrc").write_text(f"machine {machine}\n  login user\n  password secret\n")
    (tmp_path / "netrc").chmod(0o600)
    if server:
        monkeypatch.setenv("WANDB_BASE_URL", server)
    assert has_account() is known


def test_damaged_login_file(tmp_path):
    (tmp_path / "netrc").write_text("nonsense that no machine reads {")
    assert not has_account()
