from dataclasses import replace
from pathlib import Path

import cv2

from fed_reid.data.synthetic.contact_sheet import save_contact_sheet
from fed_reid.data.synthetic.settings import SyntheticSettings


def test_two_columns_a_camera_and_twelve_rows(small_settings: SyntheticSettings, tmp_path: Path) -> None:
    settings = replace(small_settings, cameras=3, image_height=256, image_width=128)
    sheet = cv2.imread(str(save_contact_sheet(settings, tmp_path)))
    assert sheet is not None
    # Five identities, three blocks of two rows, three gaps.
    assert sheet.shape == (11 * 256 + 3 * 6, 6 * 128, 3)
