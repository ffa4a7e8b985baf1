"""The MoA-DepthCLIP network: from an image tensor to metric depth.

Independent of ROS and training code. A trained network needs only its model folder; ``clip`` gets
pretrained weights and architectures when a new one is created.
"""

from moa_depth_ros.network.config import NetworkConfig
from moa_depth_ros.network.folder import ModelFolderError, load_network, save_network
from moa_depth_ros.network.inference import InferenceNetwork
from moa_depth_ros.network.moa import MixtureOfAdapters, gate_entropy
from moa_depth_ros.network.moa_depth_clip import Cells, MoADepthClip, Prediction

__all__ = [
    "Cells",
    "InferenceNetwork",
    "MixtureOfAdapters",
    "MoADepthClip",
    "ModelFolderError",
    "NetworkConfig",
    "Prediction",
    "gate_entropy",
    "load_network",
    "save_network",
]
