"""Sets of images that text files list, a path and an identity on each line: MSMT17."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from fed_reid.data.benchmarks.layouts.files import FileNames, Listing
from fed_reid.data.records import RetrievalSplit, Sample
from fed_reid.errors import UserError

TEST_ID_OFFSET = 10_000  # more than MSMT17 has identities: test identity 12 becomes 10012


@dataclass(frozen=True)
class ListLayout:
    """Lists in the benchmark's folder, their paths relative to a folder of training or of test images.

    Identities of the two folders are numbered from 0 each, though nobody is in both: ``TEST_ID_OFFSET`` is added to
    those of the test folder, so that an identity number is one person.

    Attributes:
        names: How the files are called.
        train_folder: Of the training images.
        test_folder: Of the gallery and the queries.
        train: Lists of the training images, read in this order.
        gallery: List of the gallery.
        queries: List of each query set, by name.
        label: Which version of a release this is, where there are several.
    """

    names: FileNames
    train_folder: str
    test_folder: str
    train: tuple[str, ...] = ("list_train.txt", "list_val.txt")
    gallery: str = "list_gallery.txt"
    queries: Mapping[str, str] = field(default_factory=lambda: {"query": "list_query.txt"})
    label: str = ""

    @property
    def parts(self) -> tuple[str, ...]:
        """Everything that has to be there, relative to the benchmark's folder."""
        return (self.train_folder, self.test_folder, *self.train, *self.queries.values(), self.gallery)

    def read(self, root: Path) -> Listing:
        """Lists every image.

        Raises:
            UserError: A list or an image is missing, or a line or a name is not as expected.
        """
        test = root / self.test_folder
        return Listing(
            train=self._read_lists(root, self.train, root / self.train_folder, 0),
            test=RetrievalSplit(
                gallery=self._read_lists(root, (self.gallery,), test, TEST_ID_OFFSET),
                queries={
                    name: self._read_lists(root, (queries,), test, TEST_ID_OFFSET)
                    for name, queries in self.queries.items()
                },
            ),
        )

    def _read_lists(self, root: Path, lists: Iterable[str], folder: Path, offset: int) -> list[Sample]:
        return [sample for name in lists for sample in self._read_list(root / name, folder, offset)]

    def _read_list(self, file: Path, folder: Path, offset: int) -> list[Sample]:
        samples = []
        for number, line in enumerate(_lines(file), start=1):
            match line.split():
                case []:
                    continue
                case [name, pid] if pid.isdecimal():
                    path = folder / name
                case _:
                    raise UserError(
                        f"Line {number} of {file} is {line!r}; expected a path and an identity, for example "
                        f"'0000/{self.names.example} 0'."
                    )
            if not path.is_file():
                raise UserError(f"Line {number} of {file} names {path}, which does not exist: restore the release.")
            samples.append(Sample(str(path), int(pid) + offset, self.names.camid(self.names.match(path), path)))
        if not samples:
            raise UserError(f"The list {file} is empty; expected a path and an identity on each line.")
        return samples


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"The list {file} cannot be read ({error}): restore the release.") from error
