from types import SimpleNamespace

import pytest
import wandb
from pytorch_lightning.loggers import WandbLogger
from pytorch_lightning.utilities.rank_zero import rank_zero_only

from fed_reid.errors import UserError
from fed_reid.lightning.wandb_logger import ID_FILE, finishing_wandb, has_account, make_wandb_logger


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


def test_going_on_takes_the_id_in_the_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.delenv("WANDB_RUN_ID", raising=False)
    monkeypatch.setattr(rank_zero_only, "rank", 1)
    make_wandb_logger(str(tmp_path))
    assert not (tmp_path / ID_FILE).exists(), "only the first process logs"
    monkeypatch.setattr(rank_zero_only, "rank", 0)
    first, second = (make_wandb_logger(str(tmp_path)).version for _ in range(2))
    assert first == second == (tmp_path / ID_FILE).read_text().strip()


@pytest.mark.parametrize(("error", "status"), [(None, 0), (ValueError, 1), (SystemExit, 1)])
def test_a_run_that_fails_is_failed_in_wandb(monkeypatch, tmp_path, error, status):
    monkeypatch.setattr(wandb, "run", SimpleNamespace())
    ended = []
    monkeypatch.setattr(wandb, "finish", ended.append)
    try:
        with finishing_wandb([WandbLogger(save_dir=tmp_path, offline=True)]):
            if error:
                raise error
    except BaseException as raised:
        assert isinstance(raised, error)
    assert ended == [status]


def test_a_mode_that_is_none(monkeypatch, tmp_path):
    monkeypatch.setenv("WANDB_MODE", "ofline")
    with pytest.raises(UserError, match="WANDB_MODE=ofline: expected one of online, offline"):
        make_wandb_logger(str(tmp_path))


def test_what_wandb_refuses_is_a_mistake_of_the_user():
    """Such as a key that is none; no other error becomes one."""
    with pytest.raises(UserError, match="logger=wandb: the key has 5 characters"), finishing_wandb([]):
        raise wandb.errors.AuthenticationError("the key has 5 characters")
    with pytest.raises(ValueError, match="shapes"), finishing_wandb([]):
        raise ValueError("shapes")
