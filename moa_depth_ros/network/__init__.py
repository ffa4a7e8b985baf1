"""The MoA-DepthCLIP network: from a picture tensor to metric depth.

Knows neither ROS nor training code. A trained network needs its model folder and nothing else;
``clip`` gets pretrained weights and architectures where a new one is made.
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
