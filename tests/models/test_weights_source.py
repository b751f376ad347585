"""A file, or a tag of timm's that an earlier download left on this machine; the network is never asked."""

import socket

import pytest
import torch
from huggingface_hub import constants

from fed_reid.errors import UserError
from fed_reid.models.weights.source import pretrained_tag, require_weights

TAG = "vit_base_patch16_224.orig_in21k_ft_in1k"  # the paper's weights
FILE = "jx_vit_base_p16_224-80ecf9dd.pth"


@pytest.fixture(autouse=True)
def offline(monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.fixture
def caches(tmp_path, monkeypatch):
    hub, torch_home = tmp_path / "hub", tmp_path / "torch"
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(hub))
    monkeypatch.setattr("huggingface_hub.file_download.HF_HUB_CACHE", str(hub), raising=False)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(torch_home))
    return hub, torch_home


def put_into_hub(hub, repository, name):
    commit = "a" * 40
    folder = hub / f"models--{repository.replace('/', '--')}"
    (folder / "snapshots" / commit).mkdir(parents=True)
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text(commit)
    (folder / "snapshots" / commit / name).write_bytes(b"x")
    return folder / "snapshots" / commit / name


def test_a_file(tmp_path):
    (tmp_path / "vit.pth").write_bytes(b"x")
    assert require_weights(tmp_path / "vit.pth") == tmp_path / "vit.pth"
    assert require_weights(str(tmp_path / "vit.pth")) == tmp_path / "vit.pth"
    assert pretrained_tag(tmp_path / "vit.pth") is None


@pytest.mark.parametrize("name", ["model.safetensors", "pytorch_model.bin"])
def test_a_tag_in_the_hub_cache(caches, name):
    file = put_into_hub(caches[0], f"timm/{TAG}", name)
    assert require_weights(TAG) == file


def test_a_tag_in_the_cache_of_torch(caches):
    (caches[1] / "checkpoints").mkdir(parents=True)
    (caches[1] / "checkpoints" / FILE).write_bytes(b"x")
    assert require_weights(TAG) == caches[1] / "checkpoints" / FILE


def test_a_name_without_a_tag_is_timms_default(caches):
    default = "timm/vit_base_patch16_224.augreg2_in21k_ft_in1k"
    file = put_into_hub(caches[0], default, "model.safetensors")
    assert require_weights("vit_base_patch16_224") == file


def test_a_tag_that_is_in_no_cache(caches):
    with pytest.raises(UserError) as error:
        require_weights(TAG)
    message = str(error.value)
    assert f"encoder.weights='{TAG}': understood as the tag '{TAG}' of timm" in message
    assert f"timm/{TAG} in {caches[0]}" in message
    assert f"{FILE} in {caches[1] / 'checkpoints'}" in message
    assert f"timm.create_model('{TAG}', pretrained=True)" in message


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ("vit_base_patch16_224.orig", r"timm knows no such tag, but .*vit_base_patch16_224\.orig_in21k_ft_in1k"),
        ("vit_base_patch16_244", r"neither a file nor a tag of timm \(close ones: .*vit_base_patch16_224.*null"),
        ("something", r"'something': neither a file nor a tag of timm; name one"),
        ("vit.pth", r"'vit\.pth': no such file; .*encoder\.weights=null"),
        ("data/weights/vit", r"'data/weights/vit': no such file"),
        ("vit_huge_patch14_224", r"'vit_huge_patch14_224': (timm has no weights|understood as the tag)"),
    ],
)
def test_neither(caches, tmp_path, monkeypatch, weights, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=rf"encoder\.weights=.*{message}"):
        require_weights(weights)


def test_a_folder(tmp_path):
    with pytest.raises(UserError, match=r"encoder\.weights='.*': a folder"):
        require_weights(tmp_path)


def test_what_timm_knows_of_a_tag():
    assert pretrained_tag(TAG).mean == (0.5, 0.5, 0.5)
    assert pretrained_tag("vit_base_patch14_dinov2.lvd142m").mean == pytest.approx((0.485, 0.456, 0.406))
    assert pretrained_tag("no_model") is None
