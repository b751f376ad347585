"""What makes any recipe small enough for a test: overrides behind those of its command."""

TINY = [
    "encoder.weights=null",
    "++encoder.network.depth=2",
    "++encoder.network.embed_dim=32",
    "++encoder.network.num_heads=2",
    "data.image_size=[64,32]",
    "data.identities_per_batch=4",
    "data.images_per_identity=2",
    "data.num_workers=0",
    "augment.padding=2",
    "trainer.accelerator=cpu",
    "debug=fast",
    "trainer.limit_train_batches=1",
]
FEW = {  # images of each
    "released": ["data.check_counts=false"],
    "own": [],
    "synthetic": [
        "+data.reader.workers=1",
        *(f"data.reader.settings.{key}=4" for key in ("val_ids", "test_ids", "images_per_id", "instances_per_kind")),
        *(f"data.reader.settings.{key}=12" for key in ("train_ids", "patches")),
    ],
}
