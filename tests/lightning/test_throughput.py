from types import SimpleNamespace

import pytest
import torch

from fed_reid.lightning import throughput
from fed_reid.lightning.throughput import Throughput


def test_counts_pairs_of_all_processes_over_the_time_until_the_last_batch(monkeypatch):
    now = iter([10.0, 11.0, 12.0, 20.0, 21.0])
    monkeypatch.setattr(throughput.time, "perf_counter", lambda: next(now))
    trainer, logged = SimpleNamespace(world_size=2), {}
    module = SimpleNamespace(log=lambda name, value, **options: logged.__setitem__(name, value))
    batch = SimpleNamespace(labels=torch.zeros(8))
    callback = Throughput()
    assert callback.pairs_per_second == 0
    for batches in (2, 1):  # 10 to 12, then a validation, then 20 to 21
        callback.on_train_epoch_start(trainer, module)
        for index in range(batches):
            callback.on_train_batch_end(trainer, module, None, batch, index)
        callback.on_train_epoch_end(trainer, module)
    assert logged == {"train/pairs_per_second": 16.0}
    assert (callback.pairs, callback.seconds) == (48, 3.0)

    resumed = Throughput()
    resumed.load_state_dict(callback.state_dict())
    assert resumed.pairs_per_second == pytest.approx(16.0)
