"""The estimator in use, replaced and moved while images come in."""

import gc
import threading
import time
import weakref

import numpy as np
import pytest
import torch

from moa_depth_ros.estimator import DepthEstimator, Picture, estimator_slot
from moa_depth_ros.estimator.estimator_slot import EstimatorSlot, ModelChoice
from moa_depth_ros.intrinsics import NYU_KINECT
from moa_depth_ros.machine.device_memory import OutOfMemoryError
from moa_depth_ros.network import MoADepthClip, ModelFolderError, save_network
from test.estimator.exhausted import Exhausted
from test.network.tiny import tiny_config

PICTURE = np.zeros((48, 64, 3), np.uint8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    torch.manual_seed(0)
    save_network(MoADepthClip(tiny_config(folder)), folder / "tiny", NYU_KINECT)
    return folder / "tiny"


def choice(folder):
    return ModelChoice(folder, "cpu", "float32")


def estimate(slot, fallback_to_cpu=True):
    with slot.exclusive():
        return slot.estimate_batch([Picture(PICTURE)], fallback_to_cpu)[0]


def exhausted_slot(folder, batches, **options):
    said = []

    def make(model, device, precision):
        if device == "cpu":
            return DepthEstimator(model, device, precision)
        return Exhausted(model, device, precision, batches, **options)

    slot = EstimatorSlot(said.append, make)
    slot.load(ModelChoice(folder, "cuda", "float32"))
    return slot, said


def test_what_cannot_be_loaded_leaves_the_one_before(folder, tmp_path):
    slot = EstimatorSlot(pytest.fail)
    slot.load(choice(folder))
    before = slot.current
    with pytest.raises(ModelFolderError, match="no such model folder"):
        slot.load(choice(tmp_path / "nothing"))
    assert slot.current is before
    assert estimate(slot).depth.shape == (48, 64)


def test_pictures_go_on_while_another_model_loads(folder):
    go_on = threading.Event()
    calls = []

    def make(*arguments):
        if calls:
            assert go_on.wait(20)
        calls.append(arguments)
        return DepthEstimator(*arguments)

    slot = EstimatorSlot(pytest.fail, make)
    slot.load(choice(folder))
    before = slot.current
    loader = threading.Thread(target=slot.load, args=[choice(folder)])
    loader.start()
    for _ in range(3):
        estimate(slot)
        assert slot.current is before
    go_on.set()
    loader.join(20)
    assert slot.current is not before


def test_no_picture_is_at_work_while_a_loader_is(folder):
    slot = EstimatorSlot(pytest.fail)
    slot.load(choice(folder))
    before, pictures, running = slot.current, [], threading.Event()

    def hurry():
        while slot.current is before:
            with slot.exclusive():
                running.set()
                time.sleep(0.005)
                pictures.append(slot.current)

    worker = threading.Thread(target=hurry, daemon=True)
    worker.start()
    assert running.wait(20)
    with slot.exclusive():  # as a loader takes its turn
        begun = len(pictures)
        time.sleep(0.05)
        assert len(pictures) == begun
    slot.load(choice(folder))
    worker.join(20)
    assert not worker.is_alive()


def test_a_picture_that_found_no_memory_is_tried_again_after_freeing(folder):
    slot, said = exhausted_slot(folder, batches=1)
    assert estimate(slot).depth.shape == (48, 64)
    assert isinstance(slot.current, Exhausted)
    assert (slot.notice, said) == ("", [])


def test_a_batch_that_found_no_memory_is_tried_picture_by_picture(folder):
    slot, said = exhausted_slot(folder, batches=1)
    pictures = [Picture(np.full_like(PICTURE, value)) for value in (0, 200)]
    with slot.exclusive():
        estimates = slot.estimate_batch(pictures, fallback_to_cpu=True)
    for picture, estimate in zip(pictures, estimates, strict=True):
        assert (estimate.colour.numpy() == picture.pixels).all()
    assert isinstance(slot.current, Exhausted)
    assert (slot.notice, said) == ("", [])


def test_batches_that_find_no_memory_are_not_tried_again_and_again(folder):
    slot, _ = exhausted_slot(folder, batches=0, room=2)

    def run(*values):
        pictures = [Picture(np.full_like(PICTURE, value)) for value in values]
        slot.current.asked.clear()
        with slot.exclusive():
            estimates = slot.estimate_batch(pictures, fallback_to_cpu=True)
        assert [estimate.colour[0, 0, 0] for estimate in estimates] == list(values)
        return slot.current.asked

    assert run(1, 2, 3) == [3, 1, 1, 1]
    assert run(1, 2, 3) == [1, 1, 1]
    assert run(1, 2) == [2]
    slot.load(ModelChoice(folder, "cuda", "float32"))
    assert run(1, 2, 3) == [3, 1, 1, 1]


def test_another_estimator_is_warm_for_the_pictures_that_come(folder):
    slot, _ = exhausted_slot(folder, batches=0)
    assert slot.current.warmed == [(1, 480, 640)]
    estimate(slot)
    slot.load(ModelChoice(folder, "cuda", "float32"))
    assert slot.current.warmed == [(1, *PICTURE.shape[:2])]


def test_it_goes_on_on_the_cpu_and_says_so(folder):
    slot, said = exhausted_slot(folder, batches=2)
    expected = DepthEstimator(folder, "cpu").estimate(PICTURE).depth
    torch.testing.assert_close(estimate(slot).depth, expected)
    assert slot.current.device.type == "cpu"
    assert "cuda:0 has no memory left" in slot.notice
    assert said == [slot.notice]
    slot.load(ModelChoice(folder, "cuda", "float32"))
    assert (slot.current.device.type, slot.notice) == ("cuda", "")


@pytest.mark.parametrize(
    "error",
    [
        OutOfMemoryError("CUDA out of memory."),
        RuntimeError("CUDA error: out of memory"),  # page-locked memory, graphs
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        RuntimeError("CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate`"),
        RuntimeError("cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED"),
    ],
)
def test_a_device_without_memory_for_the_model_leaves_it_to_the_cpu(folder, error):
    def make(model, device, precision):
        if device != "cpu":
            raise error
        return DepthEstimator(model, device, precision)

    said = []
    slot = EstimatorSlot(said.append, make)
    on_the_device = ModelChoice(folder, "cuda:1", "bfloat16")
    with pytest.raises(RuntimeError, match=r"out of memory|ALLOC|NOT_INIT"):
        slot.load(on_the_device)
    assert (slot.current, said) == (None, [])
    slot.load(on_the_device, fallback_to_cpu=True)
    assert (slot.current.device.type, slot.current.precision) == ("cpu", "float32")
    assert said == [slot.notice]
    assert "cuda:1 has no memory left" in slot.notice


def test_no_memory_for_what_follows_the_network_moves_it_out_too(folder):
    slot, said = exhausted_slot(folder, batches=0)
    for allowed, kind in ((False, Exhausted), (True, DepthEstimator)):
        with pytest.raises(OutOfMemoryError), slot.exclusive(), slot.falling_back(allowed):
            raise OutOfMemoryError("CUDA out of memory.")
        assert isinstance(slot.current, kind)
    on_cpu = slot.current
    with pytest.raises(OutOfMemoryError), slot.exclusive(), slot.falling_back(True):
        raise OutOfMemoryError("can't allocate memory")
    assert slot.current is on_cpu  # there is nowhere left to go
    assert said == [slot.notice]


def test_any_error_of_a_driver_is_told_as_one(folder):
    def make(*_):
        raise AssertionError("Torch not compiled with it")

    slot = EstimatorSlot(pytest.fail, make)
    with pytest.raises(RuntimeError, match="AssertionError: Torch not compiled with it"):
        slot.load(choice(folder))


def test_a_replaced_estimator_is_gone_at_once(folder):
    slot = EstimatorSlot(pytest.fail)
    slot.load(choice(folder))
    estimate(slot)
    before = weakref.ref(slot.current)
    gc.disable()  # its memory must not wait for a collection
    try:
        slot.load(choice(folder))
        assert before() is None
    finally:
        gc.enable()


def test_it_stays_on_the_device_where_the_cpu_is_not_allowed(folder):
    slot, said = exhausted_slot(folder, batches=2)
    with pytest.raises(OutOfMemoryError):
        estimate(slot, fallback_to_cpu=False)
    assert said == []
    assert estimate(slot, fallback_to_cpu=False).depth.shape == (48, 64)
    assert isinstance(slot.current, Exhausted)


def test_nothing_is_held_after_clear(folder):
    slot = EstimatorSlot(pytest.fail)
    slot.load(choice(folder))
    slot.notice = "on the CPU"
    slot.clear()
    assert (slot.current, slot.notice) == (None, "")
    assert slot.memory() == {}


def test_clear_gives_up_on_a_picture_that_hangs(folder):
    slot = EstimatorSlot(pytest.fail)
    slot.load(choice(folder))
    with slot.exclusive(), pytest.raises(TimeoutError, match="still busy"):
        slot.clear(timeout=0.05)
    assert slot.current is not None
    slot.clear(timeout=0.05)
    assert slot.current is None


def test_a_load_gives_up_on_a_picture_that_hangs(folder, monkeypatch):
    monkeypatch.setattr(estimator_slot, "HANG_SECONDS", 0.1)
    slot = EstimatorSlot(pytest.fail)
    slot.load(choice(folder))
    before = slot.current
    with slot.exclusive(), pytest.raises(RuntimeError, match=r"still busy with an image"):
        slot.load(choice(folder))
    assert slot.current is before
    slot.load(choice(folder))
    assert slot.current is not before


def test_clear_gives_the_devices_memory_back(monkeypatch):
    slot, held = EstimatorSlot(pytest.fail), []
    slot.current = object()
    monkeypatch.setattr(estimator_slot, "free_cached_memory", lambda: held.append(slot.current))
    slot.clear()
    assert held == [None]  # freed after the estimator is gone


def test_memory_is_freed_before_a_picture_is_tried_again(folder, monkeypatch):
    slot, _ = exhausted_slot(folder, batches=2)
    device, freed = slot.current, []
    monkeypatch.setattr(device, "clear_graphs", lambda: freed.append("graphs"))
    monkeypatch.setattr(
        estimator_slot,
        "free_cached_memory",
        lambda: freed.append("for it" if slot.current is device else "of it"),
    )
    estimate(slot)
    assert freed == ["graphs", "for it", "of it"]  # the last one after the CPU took over


def test_a_replaced_estimators_memory_is_given_back(folder, monkeypatch):
    slot, gone = EstimatorSlot(pytest.fail), []
    slot.load(choice(folder))
    before = weakref.ref(slot.current)
    monkeypatch.setattr(estimator_slot, "free_cached_memory", lambda: gone.append(not before()))
    slot.load(choice(folder))
    assert gone == [True]


def test_batches_of_fewer_pixels_are_not_split_for_the_large_ones(folder):
    slot, _ = exhausted_slot(folder, batches=1)
    for size, asked in ((48, [2, 1, 1]), (24, [2]), (48, [1, 1])):
        slot.current.asked.clear()
        with slot.exclusive():
            slot.estimate_batch([Picture(PICTURE[:size])] * 2, fallback_to_cpu=True)
        assert slot.current.asked == asked


def test_what_is_wrong_after_the_network_but_not_with_memory_moves_nothing(folder):
    slot, said = exhausted_slot(folder, batches=0)
    with pytest.raises(RuntimeError, match="wrong"), slot.exclusive(), slot.falling_back(True):
        raise RuntimeError("something else is wrong")
    assert isinstance(slot.current, Exhausted)
    assert said == []


def test_another_estimator_warms_up_while_no_picture_is_at_work(folder):
    """PyTorch records one graph at a time."""
    free = []

    class Warming(DepthEstimator):
        def warm_up(self, batch_shape):
            free.append(slot._lock.locked())

    slot = EstimatorSlot(pytest.fail, Warming)
    slot.load(choice(folder))
    assert free == [True]


def test_who_waits_is_next_though_the_next_picture_is_there_at_once():
    slot, order = EstimatorSlot(pytest.fail), []

    def load():
        with slot.exclusive():
            order.append("loader")

    for _ in range(10):
        loader = threading.Thread(target=load)
        with slot.exclusive():
            loader.start()
            limit = time.monotonic() + 20
            while not slot._turn.locked():
                assert time.monotonic() < limit
                time.sleep(0.001)
        with slot.exclusive():
            order.append("picture")
        loader.join()
    assert order == ["loader", "picture"] * 10


def test_a_gpu_that_was_chosen_by_auto_is_named(folder):
    def make(model, device, precision):
        if device != "cpu":
            raise OutOfMemoryError("CUDA out of memory.")
        return DepthEstimator(model, device, precision)

    slot = EstimatorSlot(lambda text: None, make)
    slot.load(ModelChoice(folder, "auto", "float32"), fallback_to_cpu=True)
    assert slot.notice.startswith("cuda has no memory left")


def test_a_device_that_fails_otherwise_is_not_left(folder, monkeypatch):
    slot, said = exhausted_slot(folder, batches=0)

    def estimate_batch(pictures):
        raise RuntimeError("CUDA error: an illegal memory access was encountered")

    monkeypatch.setattr(slot.current, "estimate_batch", estimate_batch)
    with pytest.raises(RuntimeError, match="illegal memory access"):
        estimate(slot)
    assert isinstance(slot.current, Exhausted)
    assert said == []
