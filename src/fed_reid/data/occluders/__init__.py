"""Occluders that are pasted: sources say *what* is pasted, geometries say *where*, and each goes with each."""
