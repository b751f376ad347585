"""A checkpoint for the doors that embed images."""

from pathlib import Path

from fed_reid import train

from .door import SMALL_RUN, call


def trained(data_dir: Path, folder: Path) -> Path:
    """The checkpoint of a FED that saw the small benchmark for one epoch."""
    paths = f"paths.data_dir={data_dir}", f"hydra.run.dir={folder}"
    ended = call(train.main, *SMALL_RUN, "trainer.max_epochs=1", *paths)
    assert ended.status == 0, ended.output
    return folder / "checkpoints" / "last.ckpt"
