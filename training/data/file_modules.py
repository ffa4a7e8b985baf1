"""What a configuration names under ``data`` to train on files: a data module for each layout."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from lightning.pytorch.utilities.rank_zero import rank_zero_warn
from torch.utils.data import DistributedSampler

from moa_depth_ros.intrinsics import NYU_KINECT
from training.data.data_modules import DepthDataModule, Residence
from training.data.nyu_folder import open_nyu_folder
from training.data.nyu_frames import NyuFrames
from training.data.nyu_labelled import MAT_NAME, SPLITS_NAME, NyuLabelled
from training.data.packed import Packed
from training.data.recordings import Recording
from training.data.sample import DepthKind
from training.data.samplers import ShuffledSampler


class FilesDataModule(DepthDataModule):
    """Every training picture once an epoch, shuffled anew each time.

    Args:
        root: folder of the data set.
        seed: of the order of pictures.
        batch_size: pictures in a batch of one process.
        num_workers: processes that read files; 0 reads in the training process.
        residence: ``device``, ``stream`` or ``auto``, see :class:`DepthDataModule`.
    """

    def __init__(
        self,
        root: str,
        seed: int = 0,
        batch_size: int = 8,
        num_workers: int = 2,
        residence: Residence = "auto",
    ):
        super().__init__(batch_size, num_workers, residence)
        self.root = Path(root)
        self.seed = seed

    def train_sampler(self) -> DistributedSampler:
        """All training pictures, shuffled anew each epoch."""
        return ShuffledSampler(self.train_set, self.seed, **self._replica())


class NyuDataModule(FilesDataModule):
    """NYU Depth V2's labelled pictures: trains on the 795, validates on the 654.

    Nothing is chosen by the validation figures: a run's model is that of its last epoch.

    Args:
        root: folder with ``nyu_depth_v2_labeled.mat`` and ``splits.mat``.
        depth: ``raw`` for measured depth with holes, which the loss leaves out; ``filled`` for
            the data set's inpainted one.
        seed: of the order of pictures.
        batch_size: pictures in a batch of one process.
        num_workers: processes that read files; 0 reads in the training process.
        residence: ``device``, ``stream`` or ``auto``, see :class:`DepthDataModule`.
    """

    camera = NYU_KINECT

    def __init__(
        self,
        root: str = "data/nyu",
        depth: DepthKind = "raw",
        seed: int = 0,
        batch_size: int = 8,
        num_workers: int = 2,
        residence: Residence = "auto",
    ):
        super().__init__(root, seed, batch_size, num_workers, residence)
        self.depth = depth

    def setup(self, stage: str | None = None) -> None:
        """Open the file and check it.

        Raises:
            DataError: it is missing, damaged or of another layout.
        """
        mat, splits = self.root / MAT_NAME, self.root / SPLITS_NAME
        self.train_set = NyuLabelled(mat, splits, "train", self.depth)
        self.val_set = NyuLabelled(mat, splits, "test", self.depth)


class NyuFolderDataModule(FilesDataModule):
    """NYU Depth V2's 24,231 training and 654 test pictures, as list files name them.

    Args:
        root: folder with ``sync``, ``official_splits/test`` and both lists.
        train_list: another training list than ``nyudepthv2_train_files_with_gt.txt`` in ``root``.
        val_list: another one than ``nyudepthv2_test_files_with_gt.txt`` in ``root``.
        seed: of the order of pictures.
        batch_size: pictures in a batch of one process.
        num_workers: processes that read files; 0 reads in the training process.
        residence: ``device``, ``stream`` or ``auto``, see :class:`DepthDataModule`.
    """

    def __init__(
        self,
        root: str,
        train_list: str | None = None,
        val_list: str | None = None,
        seed: int = 0,
        batch_size: int = 8,
        num_workers: int = 2,
        residence: Residence = "auto",
    ):
        super().__init__(root, seed, batch_size, num_workers, residence)
        self.train_list = None if train_list is None else Path(train_list)
        self.val_list = None if val_list is None else Path(val_list)

    def setup(self, stage: str | None = None) -> None:
        """Read both lists and check that every file is there.

        Raises:
            DataError: naming list and line of what is missing or of another layout.
        """
        self.train_set, self.val_set = open_nyu_folder(self.root, self.train_list, self.val_list)
        self.camera = self.train_set.camera


class NyuFramesDataModule(FilesDataModule):
    """NYU Depth V2 as one HDF5 file per frame, below ``root/train`` and ``root/val``."""

    def setup(self, stage: str | None = None) -> None:
        """List the files.

        Raises:
            DataError: a folder is missing or empty, or its first file of another layout.
        """
        self.train_set, self.val_set = NyuFrames(self.root, "train"), NyuFrames(self.root, "val")
        self.camera = self.train_set.camera


class RecordingDataModule(FilesDataModule):
    """One's own recording: trains on its first four fifths, validates on the rest."""

    def setup(self, stage: str | None = None) -> None:
        """List the pairs and read the camera.

        Raises:
            DataError: naming what is missing or doesn't fit.
        """
        self.train_set, self.val_set = Recording(self.root, "train"), Recording(self.root, "val")
        self.camera = self.train_set.camera


class PackedDataModule(FilesDataModule):
    """A data set of any layout in one file, as ``python -m training.prepare --convert`` writes it.

    Args:
        root: the file.
        seed: of the order of pictures.
        batch_size: pictures in a batch of one process.
        num_workers: processes that read the file; 0 reads in the training process.
        residence: ``device``, ``stream`` or ``auto``, see :class:`DepthDataModule`.
    """

    def setup(self, stage: str | None = None) -> None:
        """Open the file and check it; warn where it was shrunk too far for the network.

        Raises:
            DataError: it is missing, damaged or of another layout.
        """
        self.train_set, self.val_set = Packed(self.root, "train"), Packed(self.root, "test")
        self.camera = self.train_set.camera
        if self.trainer is not None:
            self._warn_of_lost_detail(self.trainer.lightning_module.network_config.input_size)

    def _warn_of_lost_detail(self, input_size: tuple[int, int]) -> None:
        found, whole = self.train_set.size, self.val_set.size
        # Pictures that a small camera took are as good as they get; a robot's are enlarged, too.
        if found != whole and any(np.less(found, input_size)):
            # No error: a run that was begun with such a file may go on.
            rank_zero_warn(
                f"{self.root}: the training pictures were shrunk to {found[1]}x{found[0]} pixels, "
                f"and are enlarged to the network's input, {input_size[1]}x{input_size[0]}, "
                f"without the detail that the test pictures ({whole[1]}x{whole[0]}) have; pack "
                f"them again with --size {input_size[0]} {input_size[1]}, or without"
            )
