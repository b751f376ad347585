"""An allocator's error becomes a sentence with the keys to lower."""

import pytest
import pytorch_lightning as pl
import torch

from fed_reid.errors import UserError
from fed_reid.lightning.out_of_memory import MEMORY_KEYS, explained_out_of_memory

SETTINGS = dict.fromkeys(MEMORY_KEYS, 7) | {"recompute": False, "trainer.precision": "32-true"}
CUDA = "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 79.10 GiB of which 1 is free."


@pytest.fixture
def trainer():
    return pl.Trainer(accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False)


def said(trainer, act, settings=SETTINGS):
    with pytest.raises(UserError) as raised, explained_out_of_memory(trainer, settings):
        act()
    return str(raised.value)


def test_training_on_the_processor(trainer):
    assert said(trainer, lambda: torch.empty(2**46, dtype=torch.uint8)) == (
        f"The memory of cpu does not suffice ({2**46} bytes more were needed): lower "
        "data.identities_per_batch (now 7), data.images_per_identity (now 7), data.image_size (now 7), "
        "or set recompute=true, or set trainer.precision=bf16-mixed."
    )


def test_training_on_a_gpu_that_saves_already(trainer):
    def step():
        raise torch.OutOfMemoryError(CUDA)

    sentence = said(trainer, step, SETTINGS | {"recompute": True, "trainer.precision": "bf16-mixed"})
    assert "(2.00 GiB more were needed): lower data.identities_per_batch (now 7)" in sentence
    assert sentence.endswith("data.image_size (now 7).")


def test_evaluation(trainer):
    def test_step():
        raise torch.OutOfMemoryError(CUDA)

    assert said(trainer, test_step).endswith("lower data.eval_batch_size (now 7), data.image_size (now 7).")


def test_ranking(trainer):
    """Smaller batches would not help."""

    def on_test_epoch_end():
        raise torch.OutOfMemoryError(CUDA)

    assert said(trainer, on_test_epoch_end).endswith(
        "to rank all images: go on with test=false, and evaluate the checkpoint elsewhere."
    )


def test_killed_worker(trainer):
    def fetch():
        raise RuntimeError("DataLoader worker (pid 71) is killed by signal: Killed. ")

    assert said(trainer, fetch).startswith(
        "A loading process was killed for lack of (shared) memory: lower data.num_wo"
    )


def test_any_other_error_stays_what_it_is(trainer):
    with pytest.raises(RuntimeError, match="shapes"), explained_out_of_memory(trainer, SETTINGS):
        raise RuntimeError("shapes do not fit")
