"""Pictures of a training, and that looking changes nothing."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn

from fed_reid.data.records import Sample
from fed_reid.lightning.spare_files import spared
from fed_reid.lightning.training_pictures import TrainingPictures, memory_neighbours
from fed_reid.lightning.vital_signs import VitalSigns, peak_memory
from fed_reid.models.erasing import OcclusionErasing
from fed_reid.models.memory import MemoryBank
from fed_reid.reports.neighbours import Neighbours, draw_neighbours
from fed_reid.reports.view_scores import draw_view_scores

from ..conftest import write_image


def test_scores_of_a_step_are_kept_as_they_were(tmp_path):
    """Clean views are the first half of the batch; what validation scores is not kept."""
    callback = TrainingPictures(str(tmp_path), batches=2)
    erasing = OcclusionErasing(num_stripes=2, embed_dim=8)
    erasing.register_forward_hook(callback._keep)
    kept = []
    for step in range(3):
        erasing.train()
        scores, _ = erasing(torch.randn(6, 2, 8, generator=torch.Generator().manual_seed(step)))
        kept.append(scores.detach())
        erasing.eval()
        callback.on_train_batch_end(None, None, None, SimpleNamespace(visibility=torch.ones(3, 2)), step)
        erasing(torch.zeros(6, 2, 8))
        assert callback._scores is None
    clean, occluded, visibility = callback.view_scores()
    assert torch.equal(clean, torch.cat([scores[:3] for scores in kept[1:]])), "the last two batches"
    assert torch.equal(occluded, torch.cat([scores[3:] for scores in kept[1:]]))
    assert visibility.shape == (6, 2) and not clean.requires_grad


def test_neighbours_are_others_and_nearest_first():
    memory = MemoryBank(num_classes=3, feature_dim=2)
    memory.fill(torch.tensor([[1.0, 0.0], [0.0, 2.0], [3.0, 1.0]]))
    samples = [Sample(path=f"{pid}.jpg", pid=pid, camid=0) for pid in (7, 7, 8, 9)]
    module = SimpleNamespace(
        network=SimpleNamespace(memory=memory, num_neighbors=8),
        datamodule=SimpleNamespace(
            benchmark=SimpleNamespace(train=samples), train_labels=torch.tensor([0, 0, 1, 2]), num_classes=3
        ),
    )
    rows = memory_neighbours(module)
    assert [(row.pid, row.path) for row in rows] == [(7, "7.jpg"), (8, "8.jpg"), (9, "9.jpg")]
    assert [pid for _, pid, _ in rows[0].nearest] == [9, 8]
    assert rows[0].nearest[0][2] == pytest.approx(3 / 10**0.5)
    assert memory_neighbours(SimpleNamespace(network=nn.Linear(1, 1))) == [], "a network without a memory"


def test_pictures(tmp_path):
    write_image(tmp_path / "a.jpg", 0)
    near = [(str(tmp_path / "a.jpg"), 2, 0.5)]
    draw_neighbours(tmp_path / "n.png", "Memory", [Neighbours(str(tmp_path / "a.jpg"), 1, near)])
    scores = torch.linspace(0, 1, 8).view(4, 2)
    draw_view_scores(tmp_path / "v.png", scores, scores, (scores > 0.5).float(), "Scores")
    draw_view_scores(tmp_path / "none.png", scores, scores, torch.ones(4, 2), "No stripe is occluded")
    for name in ("n.png", "v.png", "none.png"):
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")


def test_full_disk_costs_the_file_and_not_the_run(tmp_path, caplog):
    path = tmp_path / "picture.png"
    with spared(path):
        path.write_text("half")
        raise OSError(28, "No space left on device")
    assert not path.exists() and f"{path} could not be written (No space left on device)" in caplog.text


def test_gradient_norm_of_logged_steps_alone():
    logged = {}
    module = nn.Linear(2, 1, bias=False)
    module.weight.grad = torch.tensor([[3.0, 4.0]])
    module.log = lambda name, value: logged.update({name: float(value)})
    for step in range(4):
        logged.clear()
        VitalSigns().on_before_optimizer_step(SimpleNamespace(log_every_n_steps=2, global_step=step), module, None)
        assert logged == ({"train/gradient_norm": 5.0} if step % 2 else {})


def test_memory_in_use():
    assert 2**24 < peak_memory(torch.device("cpu")) < 2**40
