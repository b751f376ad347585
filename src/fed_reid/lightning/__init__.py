"""The LightningModule and callbacks: steps, optimiser, logging, nothing else."""
