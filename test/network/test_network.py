"""The whole network: the specification's numbers, what is trained, what the heads mean."""

import math

import pytest
import torch
from torch.nn import functional as F

from moa_depth_ros.intrinsics import NYU_KINECT
from moa_depth_ros.network import MoADepthClip, NetworkConfig, load_network, save_network
from moa_depth_ros.network.bins import DepthBins
from moa_depth_ros.network.scene_context import scene_prompts
from test.network.tiny import INPUT_SIZE, tiny_architecture, tiny_config


def count(module, trainable=False):
    return sum(p.numel() for p in module.parameters() if p.requires_grad or not trainable)


def test_parameter_counts_are_the_specifications(paper_network):
    tower = paper_network.tower
    assert count(tower.visual) == 87_849_216
    assert [count(moa) for moa in paper_network.moa.values()] == [495_492] * 4
    blocks = [count(block, trainable=True) for block in tower.visual.transformer.resblocks]
    assert blocks == [0] * 8 + [7_087_872] * 4
    assert count(paper_network.classification) + count(paper_network.regression) == 165_249
    assert count(paper_network, trainable=True) == 30_498_705
    assert round(count(paper_network, trainable=True) / count(paper_network), 3) == 0.339


@pytest.mark.parametrize(
    ("experts", "expected"),
    [(1, 790_788), (2, 1_187_848), (4, 1_981_968), (8, 3_570_208), (16, 6_746_688)],
)
def test_adapter_counts_for_every_row_of_table_2(experts, expected):
    from moa_depth_ros.network import MixtureOfAdapters

    assert 4 * count(MixtureOfAdapters(768, experts, 64, 128, 2.0)) == expected


def test_one_step_moves_all_that_learns_and_nothing_else(network):
    network.train()
    before = {name: p.detach().clone() for name, p in network.named_parameters()}
    context = network.context.clone()
    learning = [p for p in network.parameters() if p.requires_grad]
    prediction = network.decode(network(torch.rand(2, 3, *INPUT_SIZE)))
    labels = network.bins.index(torch.rand(2, *INPUT_SIZE) * 10)
    loss = F.cross_entropy(prediction.logits, labels) + prediction.regressed.mean()
    loss.backward()
    torch.optim.AdamW(learning, lr=1e-3).step()
    for name, parameter in network.named_parameters():
        moved = not torch.equal(parameter, before[name])
        assert moved == parameter.requires_grad, name
        if parameter.requires_grad:
            assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name
    frozen = {name for name, p in network.named_parameters() if not p.requires_grad}
    assert {"tower.visual.class_embedding", "tower.visual.ln_post.weight"} <= frozen
    assert torch.equal(network.context, context)


def test_whole_tower_learns_when_asked(tmp_path):
    network = MoADepthClip(tiny_config(tmp_path, trainable_blocks="all"))
    frozen = [name for name, p in network.named_parameters() if not p.requires_grad]
    assert frozen == ["tower.visual.proj"]


@pytest.mark.parametrize(("blocks", "free"), [(0, 0), (1, 1), (12, 12)])
def test_so_many_of_the_last_blocks_learn(tmp_path, blocks, free):
    visual = MoADepthClip(tiny_config(tmp_path, trainable_blocks=blocks)).tower.visual
    learn = [count(block, trainable=True) > 0 for block in visual.transformer.resblocks]
    assert learn == [False] * (12 - free) + [True] * free
    assert not visual.ln_post.weight.requires_grad


def test_heads_are_a_1x1_convolution_over_features_and_context(network):
    features = torch.randn(2, 24, network.tower.width)
    head = network.classification
    broadcast = network.context.expand(2, 24, -1)
    fused = torch.cat([features, broadcast], dim=-1).transpose(1, 2).unflatten(2, (4, 6))
    expected = F.conv2d(fused, head.linear.weight[..., None, None], head.linear.bias)
    found = head(features, network.context).transpose(1, 2).unflatten(2, (4, 6))
    torch.testing.assert_close(found, expected)


def test_without_the_scene_context_the_heads_see_the_features_alone(tmp_path):
    network = MoADepthClip(tiny_config(tmp_path, scene_context=False)).eval()
    pictures = torch.rand(1, 3, *INPUT_SIZE)
    features = network.tower((pictures - network.mean) / network.std)
    head = network.classification.linear
    expected = F.linear(features, head.weight, head.bias).transpose(1, 2).unflatten(2, (4, 6))
    assert head.weight.shape == (16, network.tower.width)
    torch.testing.assert_close(network(pictures).logits, expected)
    folder = tmp_path / "model"
    save_network(network, folder, NYU_KINECT)
    torch.testing.assert_close(load_network(folder)[0](pictures).logits, expected)


def test_without_adapters_the_features_are_clips(tmp_path):
    network = MoADepthClip(tiny_config(tmp_path, moa_layers=())).eval()
    visual = network.tower.visual
    pictures = torch.randn(2, 3, *INPUT_SIZE)
    visual.output_tokens = True
    _, tokens = visual(pictures)
    torch.testing.assert_close(network.tower(pictures), tokens)


def test_cells_are_where_the_picture_is(network):
    """A change in the lower right corner affects that cell more than the others."""
    network.tower.visual.transformer.resblocks = torch.nn.ModuleList()
    pictures = torch.zeros(1, 3, *INPUT_SIZE)
    changed = pictures.clone()
    changed[..., -8:, -8:] = 1
    difference = (network(pictures).logits - network(changed).logits).abs().sum(dim=1)[0]
    assert difference.shape == (4, 6)
    assert difference.argmax() == difference.numel() - 1
    assert difference[:3].max() == 0


def test_decoding_by_hand(network):
    cells = network(torch.rand(1, 3, *INPUT_SIZE))
    prediction = network.decode(cells)
    logits = F.interpolate(cells.logits, INPUT_SIZE, mode="bilinear")
    p = logits.softmax(1)
    centres = network.bins.centres.view(1, -1, 1, 1)
    binned = (p * centres).sum(1)
    spread = (p * (centres - binned.unsqueeze(1)) ** 2).sum(1).sqrt()
    regression = F.interpolate(cells.regression, INPUT_SIZE, mode="bilinear")[:, 0]
    close = {"rtol": 1e-4, "atol": 1e-4}
    torch.testing.assert_close(prediction.logits, logits, **close)
    torch.testing.assert_close(prediction.binned, binned, **close)
    torch.testing.assert_close(prediction.uncertainty, spread, **close)
    torch.testing.assert_close(prediction.regressed, 10 * regression.sigmoid(), **close)
    torch.testing.assert_close(
        prediction.depth, (prediction.binned + prediction.regressed) / 2, **close
    )


def test_regression_starts_near_two_and_a_half_metres(paper_network):
    with torch.inference_mode():
        prediction = paper_network.decode(paper_network(torch.rand(2, 3, 224, 224)))
    assert abs(prediction.regressed.mean() - 2.5) < 0.5


def test_decoding_is_float32_under_autocast(network):
    cells = network(torch.rand(1, 3, *INPUT_SIZE))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        prediction = network.decode(cells)
    assert prediction.logits.dtype == prediction.depth.dtype == torch.float32
    torch.testing.assert_close(prediction.depth, network.decode(cells).depth)


def test_scene_prompts_are_english():
    prompts = scene_prompts()
    assert len(prompts) == len(set(prompts)) == 27
    assert {"a photo of a conference room", "a photo of an office"} <= set(prompts)
    assert "a photo of an exercise room" in prompts
    assert not any("_" in prompt for prompt in prompts)


def test_context_is_the_mean_of_normalised_embeddings(paper_network):
    """Recomputed using only open_clip; the fixture's random text tower is gone by design."""
    import open_clip

    from moa_depth_ros.network.scene_context import scene_context

    clip = open_clip.create_model("ViT-B-32-quickgelu", pretrained=None).eval()
    tokenizer = open_clip.get_tokenizer("ViT-B-32-quickgelu")
    with torch.no_grad():
        rows = [clip.encode_text(tokenizer([prompt]))[0] for prompt in scene_prompts()]
    expected = torch.stack([row / row.norm() for row in rows]).mean(0)
    torch.testing.assert_close(scene_context(clip, tokenizer), expected, rtol=1e-4, atol=1e-5)
    assert paper_network.context.shape == (512,) and paper_network.context.norm() <= 1
    assert not any("text" in name for name, _ in paper_network.named_modules())


@pytest.mark.parametrize("spacing", ["uniform", "log", "sid"])
def test_bins(spacing):
    from moa_depth_ros.network.bins import DepthBins

    bins = DepthBins(10, spacing, 0.5, 10.0)
    assert bins.edges[0] == 0.5 and math.isclose(bins.edges[-1], 10.0, rel_tol=1e-6)
    steps = bins.edges.diff()
    assert (steps > 0).all()
    assert torch.equal(bins.index(bins.centres), torch.arange(10))
    outside = torch.tensor([0.1, 99.0])
    assert bins.index(outside).tolist() == [0, 9]
    if spacing == "uniform":
        torch.testing.assert_close(steps, steps[0].expand(10))
    else:
        assert (steps.diff() > 0).all()
    if spacing == "log":
        ratios = bins.edges[1:] / bins.edges[:-1]
        torch.testing.assert_close(ratios, ratios[0].expand(10))


def test_depth_of_bins_is_float32_in_a_bfloat16_training_too():
    from moa_depth_ros.network.bins import DepthBins

    bins, logits = DepthBins(128, "uniform", 1e-3, 10.0), 4 * torch.randn(1, 128, 6, 8)
    expected = bins.expectation(logits)
    with torch.autocast("cpu", torch.bfloat16):
        found = bins.expectation(logits)
    for a, b in zip(found, expected, strict=True):
        assert torch.equal(a, b)


def test_default_bins_are_the_specifications():
    from moa_depth_ros.network.bins import DepthBins

    bins = DepthBins(128, "uniform", 1e-3, 10.0)
    width = (10.0 - 1e-3) / 128
    torch.testing.assert_close(bins.centres[0].item(), 1e-3 + width / 2)
    torch.testing.assert_close(bins.centres[-1].item(), 10.0 - width / 2)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"input_size": (30, 48)}, r"input_size.*multiples of the patch \(8\)"),
        ({"moa_layers": (2, 12)}, "moa_layers.*below 12"),
        ({"trainable_blocks": 13}, "trainable_blocks: expected at most 12, or all, found 13"),
        ({"architecture": "ViT-Q-99"}, "ViT-Q-99"),
        ({"architecture": "nowhere/none.json"}, "nowhere/none.json"),
        ({"input_size": (32, 45)}, r"input_size.*multiples of the patch \(8\)"),
        ({"architecture": "RN50"}, "expected a ViT"),
        ({"architecture": "ViT-B-16-SigLIP"}, "expected a ViT"),
        ({"architecture": "coca_ViT-B-32"}, "expected a ViT"),
    ],
)
def test_contradictions_are_refused(tmp_path, values, message):
    settings = {"architecture": tiny_architecture(tmp_path), "pretrained": None}
    settings |= {"input_size": INPUT_SIZE, **values}
    with pytest.raises(ValueError, match=message):
        MoADepthClip(NetworkConfig(**settings))


@pytest.mark.parametrize(
    "values",
    [
        {"num_experts": 0},
        {"bottleneck": 0},
        {"gate_hidden": 0},
        {"num_bins": 0},
        {"temperature": 0.0},
        {"min_depth": 5.0, "max_depth": 1.0},
        {"min_depth": 0.0},
        {"moa_layers": (5, 2)},
        {"moa_layers": (-1, 2)},
        {"bin_spacing": "cubic"},
        {"input_size": (224,)},
        {"input_size": (0, 224)},
        {"trainable_blocks": -1},
        {"trainable_blocks": 2.5},
        {"trainable_blocks": "four"},
        {"trainable_blocks": True},
    ],
)
def test_values_out_of_range_are_refused_by_name(values):
    with pytest.raises(ValueError, match=next(iter(values)).split("_")[0]):
        NetworkConfig(**values)


def test_a_depth_on_an_edge_belongs_to_the_farther_bin():
    bins = DepthBins(10, "uniform", 0.5, 10.0)
    assert torch.equal(bins.index(bins.edges[:-1]), torch.arange(10))


def test_sid_shifts_so_that_the_near_end_is_one():
    """DORN (Fu et al. 2018), Eq. 1: equal ratios of depth + 1 - min_depth."""
    edges = DepthBins(10, "sid", 0.5, 10.0).edges + 0.5
    ratios = edges[1:] / edges[:-1]
    torch.testing.assert_close(ratios, torch.full((10,), 10.5**0.1))


def test_a_mixture_follows_its_block_and_comes_before_the_next(network):
    visual = network.tower.visual
    stages = [*visual.transformer.resblocks, visual.ln_post]
    given, made = {}, {}

    def note(name):
        def hook(module, arguments, output):
            given[name], made[name] = arguments[0], output

        return hook

    for index, stage in enumerate(stages):
        stage.register_forward_hook(note(index))
    for index, moa in network.moa.items():
        torch.nn.init.normal_(moa.up.weight)
        moa.register_forward_hook(note(f"moa {index}"))
    network.tower(torch.randn(1, 3, *INPUT_SIZE))
    for index in range(len(stages) - 1):
        left = made[index]
        if index in network.config.moa_layers:
            assert torch.equal(given[f"moa {index}"], left)
            left = made[f"moa {index}"]
        expected = left[:, 1:] if index + 2 == len(stages) else left  # without the class token
        assert torch.equal(given[index + 1], expected)


def test_attention_is_never_cudnns(network):
    """The choice is PyTorch's own again afterwards."""
    allowed = []
    for block in network.tower.visual.transformer.resblocks:
        block.register_forward_hook(
            lambda *_: allowed.append(torch.backends.cuda.cudnn_sdp_enabled())
        )
    network(torch.rand(1, 3, *INPUT_SIZE))
    assert allowed == [False] * 12
    assert torch.backends.cuda.cudnn_sdp_enabled()


def test_pictures_are_normalised_as_clips_were(network):
    """OpenAI's numbers, red first."""
    assert network.mean.flatten().tolist() == pytest.approx([0.48145466, 0.4578275, 0.40821073])
    assert network.std.flatten().tolist() == pytest.approx([0.26862954, 0.26130258, 0.27577711])


@pytest.mark.parametrize("vision", [{"pool_type": "avg"}, {"final_ln_after_pool": True}])
def test_towers_whose_tokens_are_pooled_otherwise_are_refused(tmp_path, vision):
    architecture = tiny_architecture(tmp_path, "pooled", **vision)
    with pytest.raises(ValueError, match=r"expected a ViT of open_clip itself with a class token"):
        MoADepthClip(NetworkConfig(architecture, None, INPUT_SIZE))


def test_a_file_that_is_no_model_config_is_named(tmp_path):
    (tmp_path / "odd.json").write_text('{"embed_dim": 16}')
    with pytest.raises(ValueError, match=r"odd\.json is not an open_clip model config"):
        MoADepthClip(NetworkConfig(str(tmp_path / "odd.json"), None, INPUT_SIZE))


def test_the_defaults_are_the_papers():
    config = NetworkConfig()
    assert (config.moa_layers, config.temperature) == ((2, 5, 8, 11), 2.0)
    assert (config.num_bins, config.bin_spacing) == (128, "uniform")
    assert (config.min_depth, config.max_depth) == (1e-3, 10.0)
