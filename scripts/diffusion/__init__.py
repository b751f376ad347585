"""Parts of scripts/inspect_diffusion.py: one file for each thing that is looked at."""
