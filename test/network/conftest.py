import pytest
import torch

from moa_depth_ros.network import MoADepthClip
from test.network.tiny import tiny_config


@pytest.fixture
def network(tmp_path):
    torch.manual_seed(0)
    return MoADepthClip(tiny_config(tmp_path)).eval()


@pytest.fixture(scope="session")
def paper_network(tmp_path_factory):
    from moa_depth_ros.network import NetworkConfig

    torch.manual_seed(0)
    return MoADepthClip(NetworkConfig(pretrained=None)).eval()
