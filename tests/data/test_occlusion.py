from fed_reid.data.occlusion import NoOcclusion

from .draws import IMAGE, views


def test_no_occlusion():
    assert all(not covered.any() and (image == IMAGE).all() for image, covered in views(NoOcclusion(), 3))
