"""FAISS without its type stubs, which know neither the overloads nor what its wrappers add."""

from __future__ import annotations

from importlib import import_module
from typing import Any

faiss: Any = import_module("faiss")
