"""What a configuration names under ``data`` to train on files."""

from __future__ import annotations

from pathlib import Path

from lightning.pytorch.utilities.rank_zero import rank_zero_warn
from torch.utils.data import DistributedSampler

from training.data.data_module import DepthDataModule, Residence, require_at_least
from training.data.layouts import open_splits
from training.data.packed import Packed, is_shrunk_below
from training.data.sample import DepthKind
from training.data.samplers import ShuffledSampler


class FilesDataModule(DepthDataModule):
    """A data set of any layout: every training image once per epoch, reshuffled each time.

    If none are held out, validation runs on the test split, and nothing is chosen by its figures:
    a run's model is that of its last epoch.

    Args:
        root: folder of the data set, or the packed file; the layout is recognised from its content.
        depth: ``raw`` for measured depth with holes, which the loss leaves out, ``filled`` for
            inpainted depth. By default what the data set has; ``raw`` if it has both.
        seed: of the order of images, and of which ones ``held_out`` holds out.
        batch_size: images per batch and process.
        num_workers: processes that read files; 0 reads in the training process.
        residence: where images are kept: ``device`` reads all of them onto the training device at
            the start, ``stream`` reads each when it is needed, ``auto`` is ``device`` on a GPU
            that has the room, else ``stream``.
    """

    def __init__(
        self,
        root: str = "data/nyu",
        depth: DepthKind | None = None,
        seed: int = 0,
        batch_size: int = 8,
        num_workers: int = 2,
        residence: Residence = "auto",
    ):
        super().__init__(batch_size, num_workers, residence)
        require_at_least(0, seed=seed)
        self.root = Path(root)
        self.depth = depth
        self.seed = seed

    def setup(self, stage: str | None = None) -> None:
        """Open the data set and check it; warn if it was shrunk too far for the network.

        Raises:
            DataError: it is missing, damaged, of no known layout or lacks such depth.
        """
        splits = open_splits(self.root, self.depth)
        self.train_set, self.val_set = splits["train"], splits["test"]
        self.camera = self.train_set.camera
        if isinstance(self.train_set, Packed) and self.trainer is not None:
            self._warn_of_lost_detail(self.trainer.lightning_module.network_config.input_size)

    def train_sampler(self) -> DistributedSampler:
        """All training images, reshuffled each epoch."""
        return ShuffledSampler(self.train_set, self.seed, **self._replica())

    def _warn_of_lost_detail(self, input_size: tuple[int, int]) -> None:
        found, whole = self.train_set.size, self.val_set.size
        if is_shrunk_below(found, whole, input_size):
            # Not an error: a run that was begun with such a file may be resumed.
            rank_zero_warn(
                f"{self.root}: the training images were shrunk to {found[1]}x{found[0]} pixels, "
                f"and are enlarged to the network's input, {input_size[1]}x{input_size[0]}, "
                f"without the detail that the test images ({whole[1]}x{whole[0]}) have; pack "
                f"them again with --size {input_size[0]} {input_size[1]}, or without --size"
            )
