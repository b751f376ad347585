"""Sets of images in folders, where the file name says who and, in some releases, which camera."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from fed_reid.data.benchmarks.layouts.files import JUNK_PID, FileNames, IdTexts, Listing, list_folders, list_images
from fed_reid.data.records import RetrievalSplit, Sample
from fed_reid.errors import UserError

MARKET_NAMES = FileNames(
    r"(?P<pid>-?\d+)_c(?P<camid>\d+)", "<identity>_c<camera>...", "0001_c1s1_000151_01.jpg or 0005_c2_f0046985.jpg"
)


@dataclass(frozen=True)
class FolderLayout:
    """A folder for each set of images.

    Attributes:
        names: How the files are called.
        train: Folders of the training images, read in this order; none for a benchmark that is only for testing.
        gallery: Folders of the gallery.
        queries: Folder of each query set, by name.
        val_gallery: Folders of a validation gallery, where there is one.
        val_queries: Folder of each validation query set, by name.
        id_folders: Whether a set has a sub-folder for each identity, called by its number.
        label: Which version of a release this is, where there are several.
    """

    names: FileNames = MARKET_NAMES
    train: tuple[str, ...] = ("bounding_box_train",)
    gallery: tuple[str, ...] = ("bounding_box_test",)
    queries: Mapping[str, str] = field(default_factory=lambda: {"query": "query"})
    val_gallery: tuple[str, ...] = ()
    val_queries: Mapping[str, str] = field(default_factory=dict)
    id_folders: bool = False
    label: str = ""

    @property
    def parts(self) -> tuple[str, ...]:
        """Everything that has to be there, relative to the benchmark's folder."""
        return (*self.train, *self.queries.values(), *self.gallery, *self.val_queries.values(), *self.val_gallery)

    def read(self, root: Path) -> Listing:
        """Lists every image.

        Raises:
            UserError: A folder is missing or empty, a name is not as expected, or two identities collide.
        """
        return Listing(
            train=self._read_set(root, self.train) if self.train else [],
            test=self._read_split(root, self.gallery, self.queries),
            val=self._read_split(root, self.val_gallery, self.val_queries) if self.val_gallery else None,
        )

    def _read_split(self, root: Path, gallery: Iterable[str], queries: Mapping[str, str]) -> RetrievalSplit:
        return RetrievalSplit(
            gallery=self._read_set(root, gallery),
            queries={name: self._read_set(root, (folder,)) for name, folder in queries.items()},
        )

    def _read_set(self, root: Path, folders: Iterable[str]) -> list[Sample]:
        texts = IdTexts()
        read = read_id_folders if self.id_folders else read_folder
        return [sample for folder in folders for sample in read(root / folder, self.names, texts)]


def read_folder(folder: Path, names: FileNames = MARKET_NAMES, texts: IdTexts | None = None) -> list[Sample]:
    """Lists the images of a folder in order of name, junk boxes left out.

    Args:
        folder: Where they are.
        names: How they are called.
        texts: Identities of the set that the folder belongs to; None for a set of its own.

    Raises:
        UserError: The folder is missing or empty, a name is not as expected, or two identities collide.
    """
    texts = IdTexts() if texts is None else texts
    samples = []
    for file in (folder / name for name in list_images(folder)):
        match = names.match(file)
        pid, camid = texts.pid(match["pid"], file), names.camid(match, file)
        if pid != JUNK_PID:
            samples.append(Sample(str(file), pid, camid))
    return samples


def read_id_folders(folder: Path, names: FileNames, texts: IdTexts) -> list[Sample]:
    """Lists the images in the sub-folders of a folder, which are called by the number of the person in them.

    Raises:
        UserError: As for ``read_folder``, or the name of a file and that of its folder contradict each other.
    """
    samples = []
    for name in list_folders(folder):
        if not name.isdecimal():
            raise UserError(f"The folder {folder / name} is not called by an identity; expected a number.")
        pid = texts.pid(name, folder / name)
        for sample in read_folder(folder / name, names):
            if sample.pid != pid:
                raise UserError(
                    f"The file {sample.path} is of identity {sample.pid} by its name, but lies in the folder of "
                    f"identity {name}: restore the release."
                )
            samples.append(sample)
    return samples
