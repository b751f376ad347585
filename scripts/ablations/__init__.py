"""What scripts/ablation.py consists of."""
