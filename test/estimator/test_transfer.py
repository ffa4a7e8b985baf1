"""Images to the device and results back."""

import numpy as np
import pytest
import torch

from moa_depth_ros.estimator.transfer import to_device, to_host

CPU = torch.device("cpu")
needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
DEVICES = [CPU, pytest.param(torch.device("cuda"), marks=needs_cuda)]


@pytest.mark.parametrize("device", DEVICES)
def test_strided_read_only_memory_arrives_contiguous(device):
    array = np.arange(60, dtype=np.uint8).reshape(3, 20)[::-1, ::2]
    array.flags.writeable = False
    tensor = to_device(array, device)
    assert tensor.device.type == device.type and tensor.is_contiguous()
    np.testing.assert_array_equal(tensor.cpu(), array)


def test_the_copy_is_ours():
    array = np.zeros(4, np.uint8)
    tensor = to_device(array, CPU)
    array[:] = 1
    assert tensor.sum() == 0


@pytest.mark.parametrize("device", DEVICES)
def test_columns_come_back_in_order(device):
    tensor = torch.arange(6, dtype=torch.float32, device=device).view(2, 3).T
    array = to_host(tensor)
    assert array.flags.c_contiguous
    np.testing.assert_array_equal(array, [[0, 3], [1, 4], [2, 5]])


@needs_cuda
def test_pictures_in_flight_do_not_share_memory():
    device = torch.device("cuda")
    arrays = [np.full((480, 640, 3), value, np.uint8) for value in range(20)]
    tensors = [to_device(array, device) for array in arrays]
    assert [int(tensor.max()) for tensor in tensors] == list(range(20))
    assert [int(tensor.min()) for tensor in tensors] == list(range(20))
