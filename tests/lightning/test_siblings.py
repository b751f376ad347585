import os
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest
from pytorch_lightning.plugins.environments import LightningEnvironment
from pytorch_lightning.strategies.launchers import _SubprocessScriptLauncher

from fed_reid.errors import UserError
from fed_reid.lightning.siblings import ending_together, starts_siblings


@pytest.fixture
def trainer(monkeypatch):
    """As far as its processes go."""
    for key in ("LOCAL_RANK", "WORLD_SIZE", "MASTER_PORT"):
        monkeypatch.delenv(key, raising=False)
    return SimpleNamespace(strategy=SimpleNamespace(launcher=_SubprocessScriptLauncher(LightningEnvironment(), 2, 1)))


def start(trainer, code):
    """What Lightning does when a training begins."""
    process = subprocess.Popen([sys.executable, "-c", code])
    trainer.strategy.launcher.procs.append(process)
    os.environ["LOCAL_RANK"] = "0"
    return process


def test_who_starts_whom(trainer, monkeypatch):
    assert starts_siblings(trainer)
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert not starts_siblings(trainer), "it is one of them"
    assert not starts_siblings(SimpleNamespace(strategy=SimpleNamespace(launcher=None)))


def test_waits_for_the_others_and_leaves_no_trace(trainer):
    with ending_together(trainer):
        process = start(trainer, "import time; time.sleep(0.5)")
    assert process.returncode == 0
    assert "LOCAL_RANK" not in os.environ and starts_siblings(trainer), "a sweep's next job can start its own"


def test_mistake_ends_the_others_at_once(trainer):
    began = time.monotonic()
    with pytest.raises(UserError), ending_together(trainer):
        process = start(trainer, "import time; time.sleep(100)")
        raise UserError("wrong")
    assert process.returncode is not None and time.monotonic() - began < 20
    assert not trainer.strategy.launcher.procs, "Lightning would kill this process for one that was killed"


def test_lost_connection_to_a_process_that_has_told_its_mistake_is_no_news(trainer):
    with pytest.raises(SystemExit) as ended, ending_together(trainer):
        start(trainer, "import sys, time; time.sleep(0.3); sys.exit(2)")
        raise RuntimeError("Connection closed by peer")
    assert ended.value.code == 2


def test_other_errors_stay_what_they_are(trainer):
    with pytest.raises(RuntimeError, match="a fault"), ending_together(trainer):
        start(trainer, "raise SystemExit(1)")
        raise RuntimeError("a fault")
