import re
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from moa_depth_ros.estimator import DepthEstimator, Picture, find_device
from moa_depth_ros.intrinsics import NYU_KINECT, Intrinsics
from moa_depth_ros.network import MoADepthClip, ModelFolderError, load_network, save_network
from test.network.tiny import tiny_config


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    torch.manual_seed(0)
    network = MoADepthClip(tiny_config(folder))
    torch.nn.init.normal_(network.classification.linear.weight, std=0.5)
    save_network(network, folder / "model", NYU_KINECT)
    return folder / "model"


@pytest.fixture(scope="module")
def estimator(model):
    return DepthEstimator(model, device="cpu")


@pytest.fixture(scope="module")
def picture():
    return np.random.default_rng(0).integers(0, 256, (60, 90, 3), dtype=np.uint8)


def test_output_has_the_pictures_size(estimator, picture):
    estimate = estimator.estimate(picture)
    assert estimate.depth.shape == estimate.uncertainty.shape == (60, 90)
    assert estimate.depth.dtype == estimate.uncertainty.dtype == torch.float32
    assert (estimate.depth > 0).all() and (estimate.depth <= 10).all()
    assert (estimate.uncertainty >= 0).all()
    assert np.array_equal(estimate.colour.numpy(), picture)
    assert estimator.training_camera == NYU_KINECT


def test_equals_the_network_by_hand(model, estimator, picture):
    pixels = torch.from_numpy(picture).permute(2, 0, 1)[None] / 255
    network, _ = load_network(model)
    small = F.interpolate(pixels, network.config.input_size, mode="bilinear", antialias=True)
    with torch.inference_mode():
        depth = network.decode(network(small)).depth
    expected = F.interpolate(depth[None], (60, 90), mode="bilinear")[0, 0]
    torch.testing.assert_close(estimator.estimate(picture).depth, expected, rtol=1e-4, atol=1e-4)


def test_depth_scales_with_the_focal_length(estimator, picture):
    plain = estimator.estimate(picture)
    same = estimator.estimate(picture, intrinsics=NYU_KINECT.resized(90, 60))
    torch.testing.assert_close(same.depth, plain.depth)
    k = NYU_KINECT
    tele = Intrinsics(k.width, k.height, 1.5 * k.fx, 1.5 * k.fy, k.cx, k.cy)
    scaled = estimator.estimate(picture, intrinsics=tele)
    torch.testing.assert_close(scaled.depth, 1.5 * plain.depth)
    torch.testing.assert_close(scaled.uncertainty, 1.5 * plain.uncertainty)


@pytest.mark.parametrize("channels", ["bgr", "rgba", "bgra"])
def test_channel_orders_agree(estimator, picture, channels):
    ordered = picture[..., ::-1] if channels.startswith("bgr") else picture
    if channels.endswith("a"):
        ordered = np.dstack([ordered, np.full((60, 90), 7, np.uint8)])
    found = estimator.estimate(ordered, channels)
    expected = estimator.estimate(picture)
    assert torch.equal(found.depth, expected.depth)
    assert torch.equal(found.colour, expected.colour)


def test_mono_is_grey(estimator, picture):
    grey = np.ascontiguousarray(picture[..., 0])
    found = estimator.estimate(grey, "mono")
    expected = estimator.estimate(np.repeat(grey[..., None], 3, axis=-1))
    assert torch.equal(found.depth, expected.depth)
    assert torch.equal(found.colour, expected.colour)


def test_strided_read_only_memory_is_fine(estimator, picture):
    padded = np.zeros((60, 100, 3), np.uint8)
    padded[:, :90] = picture
    padded.flags.writeable = False
    expected = estimator.estimate(picture)
    assert torch.equal(estimator.estimate(padded[:, :90]).depth, expected.depth)


def test_the_estimate_does_not_share_the_pictures_memory(estimator, picture):
    mine = picture.copy()
    estimate = estimator.estimate(mine)
    mine[:] = 0
    assert np.array_equal(estimate.colour.numpy(), picture)


def mixed_batch(picture):
    """Images of one size, with different channels and lenses, mirrored so that they differ."""
    k = NYU_KINECT
    tele = Intrinsics(k.width, k.height, 1.5 * k.fx, 1.5 * k.fy, k.cx, k.cy)
    return [
        Picture(picture),
        Picture(picture[::-1, :, ::-1], "bgr", tele),
        Picture(picture[:, ::-1, 0], "mono", k),
    ]


def test_a_batch_equals_its_pictures_one_by_one(estimator, picture):
    batch = mixed_batch(picture)
    estimates = estimator.estimate_batch(batch)
    alone = [estimator.estimate(*one) for one in batch]
    assert (alone[0].depth - alone[1].depth).abs().max() > 0.1
    for found, expected in zip(estimates, alone, strict=True):
        torch.testing.assert_close(found.depth, expected.depth)
        torch.testing.assert_close(found.uncertainty, expected.uncertainty, rtol=1e-4, atol=1e-4)
        assert torch.equal(found.colour, expected.colour)


@pytest.mark.parametrize("heights", [(), (60, 59)])
def test_a_batch_has_pictures_of_one_size(estimator, picture, heights):
    with pytest.raises(ValueError, match="pictures: expected images of one size, found"):
        estimator.estimate_batch([Picture(picture[:height]) for height in heights])


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_lower_precisions_are_close(model, estimator, picture, precision):
    found = DepthEstimator(model, "cpu", precision).estimate(picture).depth
    assert found.dtype == torch.float32
    assert (found - estimator.estimate(picture).depth).abs().mean() < 0.1


@pytest.mark.parametrize(
    ("picture", "channels", "message"),
    [
        (np.zeros((4, 4, 3), np.float32), "rgb", "uint8"),
        (np.zeros((4, 4), np.uint8), "rgb", r"\(H, W, 3\)"),
        (np.zeros((4, 4, 3), np.uint8), "rgba", r"\(H, W, 4\)"),
        (np.zeros((4, 4, 3), np.uint8), "mono", r"\(H, W\)"),
        (np.zeros((0, 4, 3), np.uint8), "rgb", "non-empty"),
        (np.zeros((4, 4, 3), np.uint8), "yuv", "yuv"),
    ],
)
def test_bad_pictures_are_refused(estimator, picture, channels, message):
    with pytest.raises(ValueError, match=message):
        estimator.estimate(picture, channels)


def test_bad_settings_are_refused(model, tmp_path):
    with pytest.raises(ModelFolderError, match="no such model folder"):
        DepthEstimator(tmp_path / "none")
    with pytest.raises(ValueError, match="precision: expected one of"):
        DepthEstimator(model, precision="int4")
    for device in ("toaster", "meta", "xpu"):
        with pytest.raises(ValueError, match="device: expected auto, cpu, cuda or cuda:N"):
            DepthEstimator(model, device=device)
    if not torch.cuda.is_available():
        with pytest.raises(RuntimeError, match="no CUDA device"):
            DepthEstimator(model, device="cuda")


def test_auto_is_the_cpu_where_cuda_is_there_but_fails(monkeypatch):
    """As with a GPU that is too old for PyTorch's kernels; here, for lack of a driver."""
    if torch.cuda.is_available():
        pytest.skip("CUDA does not fail here")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    with pytest.warns(UserWarning, match="using the CPU, because CUDA fails: "):
        assert find_device("auto") == torch.device("cpu")


def test_a_gpu_that_is_not_there_is_named(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(RuntimeError, match=r"'cuda:2' was .* last one here is cuda:1"):
        find_device("cuda:2")
    assert find_device("cuda:1") == torch.device("cuda:1")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("precision", ["float32", "bfloat16", "float16"])
def test_cuda_agrees_with_the_cpu(model, estimator, picture, precision, caplog):
    found = DepthEstimator(model, "cuda", precision).estimate(picture).depth
    assert found.device.type == "cuda"
    assert not caplog.records  # of a kernel or a graph that could not be made
    assert (found.cpu() - estimator.estimate(picture).depth).abs().mean() < 0.1


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_follows_the_pictures_size_and_lens(model, estimator, picture, caplog):
    """Sizes and lenses change, and change back; earlier estimates stay as they were."""
    on_cuda = DepthEstimator(model, "cuda")
    k = NYU_KINECT
    lenses = [None, Intrinsics(k.width, k.height, 2 * k.fx, 2 * k.fy, k.cx, k.cy)]
    asked = [(picture[:height], lens) for height in (60, 40, 60) for lens in lenses]
    found = [on_cuda.estimate(part, intrinsics=lens).depth for part, lens in asked]
    assert not caplog.records
    for (part, lens), depth in zip(asked, found, strict=True):
        expected = estimator.estimate(part, intrinsics=lens).depth
        torch.testing.assert_close(depth.cpu(), expected, rtol=1e-2, atol=1e-2)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_follows_the_batch(model, estimator, picture, caplog):
    """Batches grow, shrink and mix; earlier estimates stay as they were."""
    on_cuda = DepthEstimator(model, "cuda")
    batch = mixed_batch(picture)
    asked = [batch[:1], batch, batch[:2], batch[::-1], batch[1:]]
    found = [on_cuda.estimate_batch(pictures) for pictures in asked]
    assert not caplog.records
    for pictures, estimates in zip(asked, found, strict=True):
        for one, estimate in zip(pictures, estimates, strict=True):
            expected = estimator.estimate(*one).depth
            torch.testing.assert_close(estimate.depth.cpu(), expected, rtol=1e-2, atol=1e-2)


def test_the_example_in_the_readme(monkeypatch):
    """Its paths are relative to the repository."""
    root = Path(__file__).parents[2]
    monkeypatch.chdir(root)
    (example,) = re.findall(r"```python\n(.*?)```", (root / "README.md").read_text(), re.DOTALL)
    names = {}
    exec(example, names)
    assert names["depth"].shape == (480, 640)
    assert (names["depth"] > 0).all()


def test_auto_is_a_gpu_that_has_no_memory_left(monkeypatch):
    """Whether the CPU takes over is up to fallback_to_cpu."""

    def zeros(*_, **__):
        raise torch.cuda.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch, "zeros", zeros)
    assert find_device("auto") == torch.device("cuda")


def test_warming_up_takes_pictures_of_the_shape_that_is_to_come(model, monkeypatch):
    estimator, shapes = DepthEstimator(model, "cpu"), []
    maps = estimator._maps
    monkeypatch.setattr(estimator, "_maps", lambda *a: shapes.append(a[0].shape) or maps(*a))
    estimator.warm_up((2, 48, 64))
    assert shapes == [(2, 48, 64, 3)]
