"""The image tower: CLIP's transformer with a mixture of adapters after chosen blocks."""

from __future__ import annotations

from open_clip.transformer import VisionTransformer
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from moa_depth_ros.network.config import NetworkConfig
from moa_depth_ros.network.moa import MixtureOfAdapters

# All but cuDNN's, which PyTorch 2.11 prefers on a Hopper GPU in bfloat16 and float16: it compiles a
# plan for each shape in each thread, and some shapes have given NaN gradients (pytorch#196678).
_ATTENTION = [SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION, SDPBackend.MATH]


class ImageTower(nn.Module):
    """From normalised images to a map of adapted features.

    The modules of ``visual`` are used as they are (even its unused projection is kept, so that
    weights go in and out of open_clip unchanged).
    """

    def __init__(self, visual: VisionTransformer, config: NetworkConfig):
        super().__init__()
        self.visual = visual
        self.moa = nn.ModuleDict(
            {
                str(layer): MixtureOfAdapters(
                    visual.transformer.width,
                    config.num_experts,
                    config.bottleneck,
                    config.gate_hidden,
                    config.temperature,
                )
                for layer in config.moa_layers
            }
        )
        self.freeze_all_but(config.trainable_blocks)

    @property
    def width(self) -> int:
        """Channels of the feature map."""
        return self.visual.transformer.width

    @property
    def grid_size(self) -> tuple[int, int]:
        """Rows and columns of the feature map."""
        return self.visual.grid_size

    def forward(self, pictures: Tensor) -> Tensor:
        """Features of the patches.

        Args:
            pictures: (B, 3, H, W) normalised RGB at the configured input size.

        Returns:
            (B, h * w, width), row by row, after the final layer norm; the class token is dropped.
        """
        # Not public in open_clip, whose forward() runs all blocks without a way in between them.
        return self.features(self.visual._embeds(pictures))

    def features(self, tokens: Tensor) -> Tensor:
        """As :meth:`forward`, from (B, 1 + h * w, width) tokens, the class token first."""
        with sdpa_kernel(_ATTENTION):
            for index, block in enumerate(self.visual.transformer.resblocks):
                tokens = block(tokens)
                if str(index) in self.moa:
                    tokens = self.moa[str(index)](tokens)
        return self.visual.ln_post(tokens[:, 1:])

    def freeze_all_but(self, trainable_blocks: int | str) -> None:
        """Of CLIP's own weights, train only those of the last blocks, or ``all``."""
        # Not open_clip's lock(), which would also free the final norm and the projection.
        everything = trainable_blocks == "all"
        self.visual.requires_grad_(everything)
        if self.visual.proj is not None:
            self.visual.proj.requires_grad_(False)
        if isinstance(trainable_blocks, int):
            blocks = self.visual.transformer.resblocks
            for block in blocks[len(blocks) - trainable_blocks :]:
                block.requires_grad_(True)
