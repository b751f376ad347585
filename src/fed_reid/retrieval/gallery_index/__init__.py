"""A gallery of embedded images on the disk, searched with FAISS."""

from fed_reid.retrieval.gallery_index.index import GalleryIndex, IndexHits

__all__ = ["GalleryIndex", "IndexHits"]
