"""DepthCLIP zero-shot, against its formula written out."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from training.depthclip import SEVEN_WORDS, TEN_WORDS, DepthClip, prompts
from training.errors import WeightsError

pytestmark = pytest.mark.timeout(300)  # whole CLIP models, on a busy machine


@pytest.fixture(scope="module")
def resnet() -> DepthClip:
    torch.manual_seed(0)
    return DepthClip("RN50-quickgelu", SEVEN_WORDS, None)


@pytest.fixture(scope="module")
def picture() -> torch.Tensor:
    """An image whose right half is another texture, so that cells differ."""
    rng = np.random.default_rng(0)
    values = rng.integers(0, 256, (1, 3, 480, 640), dtype=np.uint8)
    values[..., 320:] //= 4
    return torch.from_numpy(values)


def test_words_and_depths_are_the_public_codes():
    assert prompts(SEVEN_WORDS)[1] == "This object is extremely close"
    assert SEVEN_WORDS.depths == (1.0, 1.5, 2.0, 2.25, 2.5, 2.75, 3.0)
    assert len(TEN_WORDS.words) == len(set(TEN_WORDS.words)) == len(TEN_WORDS.depths) == 10
    assert list(TEN_WORDS.depths) == sorted(TEN_WORDS.depths)


def test_a_cell_by_hand(resnet, picture):
    """The last maps of open_clip's own trunk, cell 5 of row 3, without the class's shortcuts."""
    scaled = picture[..., 56:472, 60:604].float() / 255
    mean = torch.tensor((0.485, 0.456, 0.406)).view(3, 1, 1)
    std = torch.tensor((0.229, 0.224, 0.225)).view(3, 1, 1)
    inputs = (scaled - mean) / std
    with torch.no_grad():
        visual = resnet.visual
        maps = visual.forward_intermediates(inputs, indices=[4], intermediates_only=True)[
            "image_intermediates"
        ][-1]
        assert maps.shape == (1, 2048, 13, 17)
        feature = maps[0, :, 3, 5]
        feature = (feature / feature.norm())[::2]
        weights = (1000 * feature @ resnet.text.T).softmax(0)
        expected = (weights * torch.tensor(SEVEN_WORDS.depths)).sum()
        torch.testing.assert_close(resnet._cells(inputs)[0, 0, 3, 5], expected)


def test_whole_pictures_get_a_depth(resnet, picture):
    depth = resnet.predict(picture, (240, 320))
    assert depth.shape == (1, 240, 320)
    assert depth.min() >= 1.0 - 1e-5 and depth.max() <= 3.0 + 1e-5
    inner = resnet.predict(picture, (480, 640))
    assert torch.equal(inner[:, 0, 300], inner[:, 56, 300])  # beyond the crop: the nearest inside
    assert torch.equal(inner[:, 200, 639], inner[:, 200, 603])


def test_a_vision_transformer_matches_its_projected_patches(picture):
    torch.manual_seed(0)
    network = DepthClip("ViT-B-32-quickgelu", TEN_WORDS, None)
    inputs = torch.rand(1, 3, 416, 544)
    network.visual.output_tokens = True
    with torch.no_grad():
        tokens = network.visual(inputs)[1] @ network.visual.proj
        logits = 1000 * F.cosine_similarity(tokens[0, 40], network.text)
        expected = logits.softmax(0) @ torch.tensor(TEN_WORDS.depths)
        found = network._cells(inputs)[0, 0, 40 // 17, 40 % 17]
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3)


def test_without_weights_it_says_which_once(monkeypatch, tmp_path, caplog):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    said = r"no CLIP weights 'openai' for 'RN50-quickgelu' \(.* of timm/resnet50_clip\.openai on"
    with pytest.raises(WeightsError, match=said):
        DepthClip("RN50-quickgelu", SEVEN_WORDS)
    assert not caplog.records


def test_depthclip_averages_with_the_mirrored_picture_mirrored_back(monkeypatch):
    """The depth of cells is replaced by the brightness of the image, normalised as for ImageNet."""
    from torch.nn import functional as F

    from training.depthclip import SEVEN_WORDS, DepthClip

    network = DepthClip("RN50-quickgelu", SEVEN_WORDS, None)
    monkeypatch.setattr(network, "_cells", lambda inputs: F.avg_pool2d(inputs[:, :1], 32))
    picture = torch.randint(0, 256, (1, 3, 480, 640), dtype=torch.uint8)
    picture[..., 320:] //= 4
    red = (picture[:, :1, 56:472, 60:604] / 255 - 0.485) / 0.229
    expected = F.interpolate(F.avg_pool2d(red, 32), (416, 544), mode="bilinear", align_corners=True)
    found = network.predict(picture, (480, 640))[:, 56:472, 60:604]
    torch.testing.assert_close(found, expected[:, 0], rtol=1e-4, atol=1e-4)
