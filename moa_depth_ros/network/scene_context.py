"""The fixed scene context: one vector that says "indoors" (paper, section 3.2)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SCENE_TYPES = (
    "basement",
    "bathroom",
    "bedroom",
    "bookstore",
    "cafe",
    "classroom",
    "computer lab",
    "conference room",
    "dinette",
    "dining room",
    "exercise room",
    "foyer",
    "furniture store",
    "home office",
    "home storage",
    "indoor balcony",
    "kitchen",
    "laundry room",
    "living room",
    "office",
    "office kitchen",
    "playroom",
    "printer room",
    "reception room",
    "student lounge",
    "study",
    "study room",
)
"""The 27 scene types of NYU Depth V2, in readable words."""


def scene_prompts() -> list[str]:
    """The 27 prompts, "a photo of a kitchen" and so on."""
    return [f"a photo of {_article(scene)} {scene}" for scene in SCENE_TYPES]


def _article(noun: str) -> str:
    return "an" if noun[0] in "aeiou" else "a"


@torch.no_grad()
def scene_context(clip: nn.Module, tokenizer: Callable[[list[str]], Tensor]) -> Tensor:
    """Mean of the normalised text embeddings of the prompts.

    Args:
        clip: an open_clip model with a text tower (``encode_text``).
        tokenizer: the tokenizer that belongs to it.

    Returns:
        (embedding width,) float32; its length is at most 1.
    """
    embeddings = clip.encode_text(tokenizer(scene_prompts()))  # type: ignore[operator]
    return F.normalize(embeddings.float(), dim=-1).mean(dim=0)
