"""Networks and files as other projects write them, tiny or with their full shapes and next to no bytes."""

import timm
import torch
import torch.nn.functional as F
from torch import nn

WIDTH, HEADS = 32, 2
TINY = {"embed_dim": WIDTH, "num_heads": HEADS, "depth": 2}
TINY_SWIN = {"embed_dim": 16, "depths": (2, 2, 2, 2), "num_heads": (1, 2, 4, 8)}


def shapes_of(name, **options):
    """Names and full shapes of a timm model, each tensor one stored zero."""
    with torch.device("meta"):
        state = timm.create_model(name, **options).state_dict()
    return {key: hollow(*value.shape) for key, value in state.items()}


def hollow(*shape):
    return torch.zeros(1).expand(shape) if shape else torch.zeros(())


def shuffled(state, seed=0):
    """Other values of the same shapes, large enough that every tensor shows in the output."""
    generator = torch.Generator().manual_seed(seed)
    return {
        name: 0.2 * torch.randn(value.shape, generator=generator) + ("norm" in name and name.endswith("weight"))
        for name, value in state.items()
    }


def prefixed(prefix, state):
    return {prefix + name: value for name, value in state.items()}


class ClipBlock(nn.Module):
    def __init__(self):
        super().__init__()
        self.ln_1, self.ln_2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.attn = nn.MultiheadAttention(WIDTH, HEADS, batch_first=True)
        self.mlp = nn.ModuleDict({"c_fc": nn.Linear(WIDTH, 4 * WIDTH), "c_proj": nn.Linear(4 * WIDTH, WIDTH)})

    def forward(self, x):
        normed = self.ln_1(x)
        x = x + self.attn(normed, normed, normed, need_weights=False)[0]
        hidden = self.mlp["c_fc"](self.ln_2(x))
        return x + self.mlp["c_proj"](hidden * torch.sigmoid(1.702 * hidden))


class ClipTower(nn.Module):
    """CLIP's visual tower (Radford et al., 2021), by its names, for 64 x 64 images."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, WIDTH, 16, stride=16, bias=False)
        self.class_embedding = nn.Parameter(torch.zeros(WIDTH))
        self.positional_embedding = nn.Parameter(torch.zeros(17, WIDTH))
        self.ln_pre, self.ln_post = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.transformer = nn.ModuleDict({"resblocks": nn.Sequential(ClipBlock(), ClipBlock())})
        self.proj = nn.Parameter(torch.zeros(WIDTH, 8))

    def forward(self, images):
        patches = self.conv1(images).flatten(2).transpose(1, 2)
        x = torch.cat([self.class_embedding.expand(len(images), 1, -1), patches], dim=1) + self.positional_embedding
        return self.ln_post(self.transformer["resblocks"](self.ln_pre(x)))


def text_tower():
    """What of CLIP a file has beside the visual tower."""
    return {
        "logit_scale": torch.zeros(()),
        "text_projection": torch.zeros(8, 8),
        "positional_embedding": torch.zeros(77, 8),
        "transformer.resblocks.0.ln_1.weight": torch.zeros(8),
        "ln_final.weight": torch.zeros(8),
        "input_resolution": torch.tensor(64),
    }


def solider_state(widths, depths, heads, window=7):
    """SOLIDER's names and shapes (mmsegmentation's Swin with its semantic linears), hollow."""
    shapes = {
        "patch_embed.projection.weight": (widths[0], 3, 4, 4),
        "patch_embed.projection.bias": (widths[0],),
        "patch_embed.norm.weight": (widths[0],),
        "patch_embed.norm.bias": (widths[0],),
    }
    for stage, (width, depth, num_heads) in enumerate(zip(widths, depths, heads, strict=True)):
        for block in range(depth):
            start = f"stages.{stage}.blocks.{block}."
            shapes |= {f"{start}norm{k}.{kind}": (width,) for k in (1, 2) for kind in ("weight", "bias")}
            shapes |= {
                f"{start}attn.w_msa.relative_position_bias_table": ((2 * window - 1) ** 2, num_heads),
                f"{start}attn.w_msa.relative_position_index": (window**2, window**2),
                f"{start}attn.w_msa.qkv.weight": (3 * width, width),
                f"{start}attn.w_msa.qkv.bias": (3 * width,),
                f"{start}attn.w_msa.proj.weight": (width, width),
                f"{start}attn.w_msa.proj.bias": (width,),
                f"{start}ffn.layers.0.0.weight": (4 * width, width),
                f"{start}ffn.layers.0.0.bias": (4 * width,),
                f"{start}ffn.layers.1.weight": (width, 4 * width),
                f"{start}ffn.layers.1.bias": (width,),
            }
        following = widths[min(stage + 1, len(widths) - 1)]
        if stage < len(widths) - 1:
            shapes[f"stages.{stage}.downsample.reduction.weight"] = (2 * width, 4 * width)
            shapes |= {f"stages.{stage}.downsample.norm.{kind}": (4 * width,) for kind in ("weight", "bias")}
        shapes |= {f"norm{stage}.{kind}": (width,) for kind in ("weight", "bias")}
        for part in ("w", "b"):
            shapes[f"semantic_embed_{part}.{stage}.weight"] = (following, 2)
            shapes[f"semantic_embed_{part}.{stage}.bias"] = (following,)
    return {name: hollow(*shape) for name, shape in shapes.items()}


def solider_forward(state, images, depths, heads, semantic_weight, window=7):
    """Its last feature map [B, H, W, C], by the rules of the paper and its public code, windows as one big mask."""

    def layer_norm(x, name, eps=1e-5):
        return F.layer_norm(x, x.shape[-1:], state[f"{name}.weight"], state[f"{name}.bias"], eps)

    def linear(x, name):
        return F.linear(x, state[f"{name}.weight"], state.get(f"{name}.bias"))

    code = torch.tensor([semantic_weight, 1 - semantic_weight])
    x = F.conv2d(images, state["patch_embed.projection.weight"], state["patch_embed.projection.bias"], stride=4)
    x = layer_norm(x.permute(0, 2, 3, 1), "patch_embed.norm")
    for stage, (depth, num_heads) in enumerate(zip(depths, heads, strict=True)):
        for block in range(depth):
            start = f"stages.{stage}.blocks.{block}"
            table = state[f"{start}.attn.w_msa.relative_position_bias_table"]
            normed = layer_norm(x, f"{start}.norm1")
            height, width = x.shape[1:3]
            padded = F.pad(normed, (0, 0, 0, -width % window, 0, -height % window))
            bias = window_bias(padded.shape[1:3], window, window // 2 if block % 2 else 0, table)
            tokens = padded.flatten(1, 2)
            q, k, v = linear(tokens, f"{start}.attn.w_msa.qkv").unflatten(2, (3, num_heads, -1)).permute(2, 0, 3, 1, 4)
            attention = (q @ k.mT * q.shape[-1] ** -0.5 + bias).softmax(-1)
            mixed = linear((attention @ v).transpose(1, 2).flatten(2), f"{start}.attn.w_msa.proj")
            x = x + mixed.view_as(padded)[:, :height, :width]
            hidden = F.gelu(linear(layer_norm(x, f"{start}.norm2"), f"{start}.ffn.layers.0.0"))
            x = x + linear(hidden, f"{start}.ffn.layers.1")
        if stage < len(depths) - 1:
            padded = F.pad(x, (0, 0, 0, x.shape[2] % 2, 0, x.shape[1] % 2)).permute(0, 3, 1, 2)
            joined = F.unfold(padded, 2, stride=2).transpose(1, 2)
            joined = linear(
                layer_norm(joined, f"stages.{stage}.downsample.norm"), f"stages.{stage}.downsample.reduction"
            )
            x = joined.unflatten(1, (padded.shape[2] // 2, padded.shape[3] // 2))
            scale = F.softplus(linear(code, f"semantic_embed_w.{stage}"))
            x = x * scale + linear(code, f"semantic_embed_b.{stage}")
    return layer_norm(x, f"norm{len(depths) - 1}")


def window_bias(size, window, shift, table):
    """Attention bias [heads, N, N] of shifted windows: -inf where positions do not see each other."""
    height, width = size
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    y, x = (y.flatten() - shift) % height, (x.flatten() - shift) % width  # where the shift moves a position
    # Positions that the shift brings together from opposite edges do not see each other.
    rows, columns = (
        (along >= end - window).int() + (along >= end - shift).int() if shift else along * 0
        for along, end in ((y, height), (x, width))
    )
    places = torch.stack([y // window, x // window, rows, columns])
    together = (places[:, :, None] == places[:, None, :]).all(0)
    offset = ((y[:, None] - y) + window - 1) * (2 * window - 1) + (x[:, None] - x) + window - 1
    bias = table[torch.where(together, offset, 0)].permute(2, 0, 1)
    return bias.masked_fill(~together, float("-inf"))
