"""The benchmarks: what each is called, where its images lie, how many there are, and under which rule it is scored.

Counts are those of the releases (benchmarks.md, section 1, says where each was read or counted). In every one of them a
box of identity -1 is junk and is dropped, and identity 0 of Market-1501 are distractors, which stay in the gallery.
Another benchmark is an entry here and a file in conf/data/.
"""

from __future__ import annotations

from fed_reid.data.benchmarks.layouts.files import FileNames
from fed_reid.data.benchmarks.layouts.folders import FolderLayout
from fed_reid.data.benchmarks.layouts.lists import ListLayout
from fed_reid.data.benchmarks.spec import BenchmarkSpec, Choice, Count, Option

_ACADEMIC = "academic use only"
_ASK = "theirs, ask them"
_DUKE_SOURCE = "whoever had it before its authors withdrew it, nothing is downloaded here"
_DUKE_LICENCE = "DukeMTMC was withdrawn by its authors in 2019 for privacy reasons"
_ICME = "ICME2018_Occluded-Person-Reidentification_datasets"  # repository of the authors, as peers unpack it

# The number after the identity counts a person's images and is no camera, though some loaders take it for one.
_NUMBERED = FileNames(r"(?P<pid>\d+)_\d+\.", "<identity>_<number>", "001_01.tif")
_BARE = FileNames(r"(?P<pid>\d+)(_\d+)?\.", "<identity>", "1.jpg")
# P-DukeMTMC-reID is scored without cameras, so what may follow the identity is not read.
_PREFIXED = FileNames(r"(?P<pid>\d+)_", "<identity>_...", "0001_c2_f0046182.jpg")
_MSMT17 = FileNames(
    r"(?P<pid>\d+)_\d+_(?P<camid>\d+)_",
    "<identity>_<number>_<camera>_...",
    "0000_000_01_0303morning_0015_0.jpg",
)


def _whole_and(query: str) -> FolderLayout:
    """Queries of one kind, gallery of whole people, no training images."""
    return FolderLayout(_NUMBERED, train=(), gallery=("whole_body_images",), queries={"query": query})


def _ilids(query: str, gallery: str) -> FolderLayout:
    label = f"folders {query} and {gallery}"
    return FolderLayout(_BARE, train=(), gallery=(gallery,), queries={"query": query}, label=label)


_SPECS = (
    BenchmarkSpec(
        key="market1501",
        name="Market-1501",
        folders=(
            "Market-1501-v15.09.15",
            "market1501/Market-1501-v15.09.15",
            "market1501",
            "Market-1501",
            "Market1501",
        ),
        layouts=(FolderLayout(),),
        # 15,913 of the gallery's 19,732 files are left when junk is dropped; distractors count as one identity.
        counts={"train": Count(751, 12_936), "query": Count(750, 3_368), "gallery": Count(751, 15_913)},
        cameras=6,
        camera_set="market1501",
        source="its authors, Zheng et al., ICCV 2015",
        licence=_ASK,
        options={
            "distractors": Option(
                default=False,
                choices={
                    False: Choice("the gallery is without the 500k distractors"),
                    True: Choice(
                        "the folder images (500k distractors) is in the gallery, whose size is not checked",
                        layout={"gallery": ("bounding_box_test", "images")},
                        counts={"gallery": None},
                    ),
                },
            )
        },
        occluders="crop_backgrounds",
    ),
    BenchmarkSpec(
        key="dukemtmc",
        name="DukeMTMC-reID",
        folders=("DukeMTMC-reID", "dukemtmc-reid/DukeMTMC-reID", "dukemtmcreid", "DukeMTMC-reid", "dukemtmc"),
        layouts=(FolderLayout(),),
        counts={"train": Count(702, 16_522), "query": Count(702, 2_228), "gallery": Count(1_110, 17_661)},
        cameras=8,
        camera_set="dukemtmc",
        source=_DUKE_SOURCE,
        licence=_DUKE_LICENCE,
        occluders="crop_backgrounds",
    ),
    BenchmarkSpec(
        key="occ_duke",
        name="Occluded-Duke",
        folders=(
            "Occluded_Duke",
            "dukemtmcreid/Occluded_Duke",
            "Occluded-DukeMTMC-reID",
            "Occluded-Duke",
            "occluded_duke",
        ),
        layouts=(FolderLayout(),),
        counts={"train": Count(702, 15_618), "query": Count(519, 2_210), "gallery": Count(1_110, 17_661)},
        cameras=8,
        camera_set="dukemtmc",  # the same cameras
        source="your own DukeMTMC-reID and its authors' lists with python -m fed_reid.datasets prepare occ_duke",
        licence=_DUKE_LICENCE,
        occluders="crop_backgrounds",
    ),
    BenchmarkSpec(
        key="occluded_reid",
        name="Occluded-REID",
        folders=(
            "Occluded_REID",
            f"{_ICME}/Occluded_REID",
            "Occluded_ReID",
            "Occluded-REID",
            "Occluded-ReID",
            "OccludedREID",
            "occluded_reid",
        ),
        layouts=(
            FolderLayout(
                _NUMBERED,
                train=(),
                gallery=("whole_body_images",),
                queries={"query": "occluded_body_images"},
                id_folders=True,
            ),
        ),
        counts={"query": Count(200, 1_000), "gallery": Count(200, 1_000)},
        cameras=0,
        source=f"its authors, Zhuo et al., ICME 2018, repository {_ICME}",
        licence=_ACADEMIC,
    ),
    BenchmarkSpec(
        key="partial_reid",
        name="Partial-REID",
        folders=("Partial_REID", "Partial-REID_Dataset", "Partial-REID", "PartialREID", "partial_reid"),
        layouts=(_whole_and("partial_body_images"),),
        counts={"query": Count(60, 300), "gallery": Count(60, 300)},
        cameras=0,
        source="its authors, Zheng et al., ICCV 2015",
        licence=_ASK,
        options={
            "query_folder": Option(
                default="partial_body_images",
                choices={
                    folder: Choice(f"queries as in {papers}", layout={"queries": {"query": folder}})
                    for folder, papers in {
                        "partial_body_images": "fast-reid, PADE and THCB-Net",
                        "occluded_body_images": "PVPM and KPR",
                    }.items()
                },
            )
        },
    ),
    BenchmarkSpec(
        key="partial_ilids",
        name="Partial-iLIDS",
        folders=("Partial_iLIDS", "PartialiLIDS", "Partial-iLIDS", "partial_ilids"),
        layouts=(
            _ilids("partial_body_images", "whole_body_images"),
            _ilids("query", "gallery"),
            _ilids("Probe", "Gallery"),
        ),
        counts={"query": Count(119, 119), "gallery": Count(119, 119)},
        cameras=0,
        source="its authors, Zheng et al., CVPR 2011",
        licence=_ASK,
    ),
    BenchmarkSpec(
        key="p_dukemtmc",
        name="P-DukeMTMC-reID",
        folders=("P-DukeMTMC-reid", f"{_ICME}/P-DukeMTMC-reid", "P-DukeMTMC-reID", "P-DukeMTMC", "p_dukemtmc"),
        layouts=(
            FolderLayout(
                _PREFIXED,
                train=("train/occluded_body_images", "train/whole_body_images"),
                gallery=("test/whole_body_images",),
                queries={"query": "test/occluded_body_images"},
                id_folders=True,
            ),
        ),
        counts={"train": Count(665, 12_927), "query": Count(634, 2_163), "gallery": Count(634, 9_053)},
        cameras=0,
        source=f"its authors, Zhuo et al., ICME 2018, repository {_ICME}",
        licence=f"{_ACADEMIC}; {_DUKE_LICENCE}",
        counts_source="the split is recalled from the literature; the authors state its sum, 24143 images of 1299 ids",
        occluders="crop_backgrounds",
    ),
    BenchmarkSpec(
        key="msmt17",
        name="MSMT17",
        folders=(
            "MSMT17_V1",
            "MSMT17_V2",
            "msmt17/MSMT17_V1",
            "msmt17/MSMT17_V2",
            "MSMT17/MSMT17_V1",
            "MSMT17/MSMT17_V2",
            "MSMT17",
            "msmt17",
        ),
        layouts=(
            ListLayout(_MSMT17, "train", "test", label="version V1 (folders train and test)"),
            ListLayout(_MSMT17, "mask_train_v2", "mask_test_v2", label="version V2 (mask_train_v2 and mask_test_v2)"),
        ),
        counts={"query": Count(3_060, 11_659), "gallery": Count(3_060, 82_161)},
        cameras=15,
        camera_set="msmt17",
        source="its authors, Wei et al., CVPR 2018",
        licence=_ASK,
        options={
            "merge_val": Option(
                default=True,
                choices={
                    True: Choice(
                        "trained on list_train.txt and list_val.txt, as TransReID and CLIP-ReID",
                        layout={"train": ("list_train.txt", "list_val.txt")},
                        counts={"train": Count(1_041, 32_621)},
                    ),
                    False: Choice(
                        "trained on list_train.txt alone, as torchreid and fast-reid",
                        layout={"train": ("list_train.txt",)},
                        counts={"train": Count(1_041, 30_248)},
                    ),
                },
            )
        },
        occluders="crop_backgrounds",
    ),
)

BENCHMARKS: dict[str, BenchmarkSpec] = {spec.key: spec for spec in _SPECS}
