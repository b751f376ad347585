"""A network whose features are pixels, trained on any number of processes: what differs then is not the network."""

from functools import partial

import pytorch_lightning as pl
import torch
import torch.nn.functional as F
from torch import nn

from fed_reid.data.benchmarks.readers import MarketReader
from fed_reid.data.datamodule import ReIDDataModule
from fed_reid.data.occluders.folder import FolderSource
from fed_reid.data.occluders.geometry import OfficialGeometry
from fed_reid.data.occluders.paste import PasteOccluder
from fed_reid.data.transforms import PairedView
from fed_reid.lightning.module import ReIDModule
from fed_reid.losses.criterion import Criterion
from fed_reid.models.base import ReIDNetwork, init_classifier
from fed_reid.models.encoder import Encoder, Tokens
from fed_reid.models.memory import MemoryBank
from fed_reid.models.outputs import Embedding, TrainingOutput
from fed_reid.optim.optimization import Optimization
from fed_reid.optim.schedule import WarmupCosine


class PixelEncoder(Encoder):
    """Four stripes of mean colour for patches."""

    embed_dim = 3
    camera_table = None

    def forward(self, images, camids=None):
        stripes = F.adaptive_avg_pool2d(images, (4, 1)).squeeze(3)  # [B, 3, 4]
        return Tokens(stripes.mean(2), stripes.transpose(1, 2))


class PixelNetwork(ReIDNetwork):
    """Mean colours of four stripes, a classifier, and a memory; what it was given is kept."""

    feature_names = ("pixels",)
    feature_dim = 12
    num_stripes = 4

    def __init__(self, num_classes):
        super().__init__()
        self.encoder = PixelEncoder()
        self.heads = nn.ModuleDict({"pixels": init_classifier(self.feature_dim, num_classes)})
        self.memory = MemoryBank(num_classes, self.feature_dim)
        self.seen_centers = []

    def forward(self, images, labels, camids=None):
        self.seen_centers.append(self.memory.centers.clone())
        features = self.embed(images).features
        return TrainingOutput({"pixels": features}, {"pixels": self.heads["pixels"](features)})

    def embed(self, images, camids=None):
        stripes = self.encoder(images).patches
        return Embedding(stripes.transpose(1, 2).flatten(1), torch.ones(len(images), 4))

    @property
    def wants_memory(self):
        return not bool(self.memory.filled)

    def fill_memory(self, centers):
        self.memory.fill(centers)

    def update_memory(self, features, labels):
        self.memory.update(features["pixels"], labels)


def make_data(data_dir):
    queries = {"holistic": "query_holistic", "npo": "query_npo"}
    reader = MarketReader(
        name="Small",
        data_dir=str(data_dir),
        folders=["small"],
        queries=queries,
        val_gallery="val/bounding_box_test",
        val_queries={name: f"val/{folder}" for name, folder in queries.items()},
        occluders="occluders",
    )
    augment = partial(PairedView, occluder=PasteOccluder(FolderSource(), OfficialGeometry()), padding=2)
    return ReIDDataModule(
        reader, (32, 16), 4, augment, identities_per_batch=4, images_per_identity=2, eval_batch_size=4
    )


def fit(data_dir, devices=1, max_epochs=2):
    """Trains; returns the module, its trainer still attached."""
    pl.seed_everything(0, verbose=False)
    module = ReIDModule(
        PixelNetwork(num_classes=12),
        Criterion({"id_pixels": 1.0}),
        Optimization(torch.optim.SGD, WarmupCosine, lr=0.1, warmup_epochs=0),
        headline=["erased", "pixels"],
    )
    trainer = pl.Trainer(
        accelerator="cpu",
        devices=devices,
        strategy="ddp" if devices > 1 else "auto",
        max_epochs=max_epochs,
        use_distributed_sampler=False,
        num_sanity_val_steps=0,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(module, make_data(data_dir))
    return module


def outcome(module):
    """What must not depend on the number of processes."""
    return {
        "memory": module.network.memory.centers,
        "classifier": module.network.heads["pixels"].weight.detach(),
        "steps": torch.tensor(module.trainer.global_step),
        "scores": torch.tensor([float(value) for name, value in logged(module).items() if name.startswith("val")]),
    }


def logged(module):
    return dict(sorted(module.trainer.callback_metrics.items()))
