"""Records, readers, sampler, paired views and the LightningDataModule."""
