"""DepthCLIP's zero-shot depth (Zhang et al. 2022): CLIP features matched with distance words.

The baseline of the paper's Table 1; nothing is trained. Where its publication is silent, this
follows its public code.
"""

from __future__ import annotations

import dataclasses
from typing import Literal

import open_clip
import torch
from open_clip import constants
from open_clip.transformer import VisionTransformer
from torch import Tensor, nn
from torch.nn import functional as F

from moa_depth_ros.intrinsics import NYU_KINECT
from moa_depth_ros.network.clip import quiet_open_clip
from training.errors import WeightsError
from training.resizing import prepare_pictures, resize_depth
from training.weights import NO_WEIGHTS, missing_weights, one_quick_attempt

Backbone = Literal["RN50-quickgelu", "ViT-B-32-quickgelu"]

NYU_SIZE = (NYU_KINECT.height, NYU_KINECT.width)
CROP = (56, 60, 472, 604)
"""Top, left, bottom and right, the ends excluded: 416x544 pixels, 13x17 cells of 32 pixels."""
LOGIT_SCALE = 100.0
TEMPERATURE = 0.1


@dataclasses.dataclass(frozen=True)
class DepthWords:
    """Distance words and the depth in metres that each stands for."""

    words: tuple[str, ...]
    depths: tuple[float, ...]


SEVEN_WORDS = DepthWords(
    ("giant", "extremely close", "close", "not in distance", "a little remote", "far", "unseen"),
    (1.00, 1.50, 2.00, 2.25, 2.50, 2.75, 3.00),
)
"""Those of DepthCLIP's public code."""

TEN_WORDS = DepthWords(
    (
        "giant",
        "extremely close",
        "very close",
        "close",
        "not in distance",
        "a little remote",
        "remote",
        "far",
        "very far",
        "unseen",
    ),
    (1.00, 1.50, 1.75, 2.00, 2.25, 2.50, 2.75, 3.00, 3.50, 4.00),
)
"""The paper says ten bins but does not list them: the seven, with three words in between and two
depths beyond them."""


class DepthClip(nn.Module):
    """Zero-shot depth from any CLIP image tower with cells of 32 pixels.

    Args:
        backbone: a ResNet-50 (DepthCLIP's own) or the paper's ViT-B/32, by open_clip's name.
        words: the depth words and their depths.
        pretrained: tag or file of CLIP weights; None for random ones.

    Raises:
        WeightsError: the weights can be neither found nor downloaded.
    """

    text: Tensor
    depths: Tensor
    mean: Tensor
    std: Tensor

    def __init__(self, backbone: Backbone, words: DepthWords, pretrained: str | None = "openai"):
        super().__init__()
        top, left, bottom, right = CROP
        # A ResNet takes any size; only its pooling, unused here, is made for one.
        size = (bottom - top, right - left) if backbone.startswith("ViT") else None
        try:
            with one_quick_attempt(pretrained), quiet_open_clip():
                clip = open_clip.create_model(
                    backbone, pretrained=pretrained, force_image_size=size
                ).eval()
        except NO_WEIGHTS as error:
            assert pretrained is not None
            raise WeightsError(missing_weights(backbone, pretrained, error)) from error
        tokenizer = open_clip.get_tokenizer(backbone)
        self.visual = clip.visual.requires_grad_(False)
        self.register_buffer("text", _embed(clip, tokenizer(prompts(words))))
        self.register_buffer("depths", torch.tensor(words.depths))
        self.register_buffer("mean", torch.tensor(constants.IMAGENET_MEAN).view(3, 1, 1))
        self.register_buffer("std", torch.tensor(constants.IMAGENET_STD).view(3, 1, 1))

    @torch.no_grad()
    def predict(self, pictures: Tensor, size: tuple[int, int]) -> Tensor:
        """Depth of whole images.

        The public code doesn't evaluate pixels outside its crop; here they take the depth of the
        nearest pixel inside, so that every predictor is judged on the same pixels.

        Args:
            pictures: (B, 3, H, W) uint8 RGB.
            size: height and width of the depth.

        Returns:
            (B, height, width) metres.
        """
        top, left, bottom, right = CROP
        scaled = prepare_pictures(pictures, NYU_SIZE)[..., top:bottom, left:right]
        inputs = (scaled - self.mean) / self.std
        cells = (self._cells(inputs) + self._cells(inputs.flip(-1)).flip(-1)) / 2
        inside = F.interpolate(
            cells, (bottom - top, right - left), mode="bilinear", align_corners=True
        )
        borders = (left, NYU_SIZE[1] - right, top, NYU_SIZE[0] - bottom)
        return resize_depth(F.pad(inside, borders, mode="replicate").squeeze(1), size)

    def _cells(self, inputs: Tensor) -> Tensor:
        """(B, 3, 416, 544) to the expected depth of each cell, (B, 1, 13, 17)."""
        logits = LOGIT_SCALE * (self._features(inputs) @ self.text.T) / TEMPERATURE
        depth = logits.softmax(dim=-1) @ self.depths
        return depth.unflatten(1, (inputs.shape[-2] // 32, inputs.shape[-1] // 32)).unsqueeze(1)

    def _features(self, inputs: Tensor) -> Tensor:
        """(B, cells, embedding width), as long as the text's or, for a ResNet, shorter."""
        visual = self.visual
        if isinstance(visual, VisionTransformer):
            visual.output_tokens = True
            tokens = visual(inputs)[1]
            return F.normalize(tokens @ visual.proj, dim=-1)
        maps = visual.layer4(visual.layer3(visual.layer2(visual.layer1(visual.stem(inputs)))))
        # Without the attention pooling, they have twice the text's channels: every other one is
        # taken, after the normalisation.
        return F.normalize(maps.flatten(2).transpose(1, 2), dim=-1)[..., ::2]


def prompts(words: DepthWords) -> list[str]:
    """One for each word."""
    return [f"This object is {word}" for word in words.words]


@torch.no_grad()
def _embed(clip: nn.Module, tokens: Tensor) -> Tensor:
    """(words, embedding width), each of length 1."""
    return F.normalize(clip.encode_text(tokens), dim=-1)  # type: ignore[operator]
