"""The language model of characters: a loop by hand, and the same as a recipe. Imports torch; the toolkit when it runs.

A recipe names the clock as ``benchmarks.language_loops:Clock``.
"""

from __future__ import annotations

import gzip
import json
import math
import tempfile
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
import yaml
from toolkit_text.austen import FILE
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.problem import now

BATCH, CONTEXT = 12, 64
DEPTH, WIDTH, HEADS = 4, 128, 4
RATE, LOWEST, WARM_UP = 1e-3, 1e-4, 100
BETAS, DECAY, CLIP = (0.9, 0.99), 0.1, 1.0
READ_EVERY = 50
EVALUATED = 64
"""Windows in a batch of an evaluation."""
SEED = 0

RECIPE: dict[str, Any] = {
    "seed": SEED,
    "task": "language_modeling",
    "dataset": {"use": "austen", "tokenizer": {"use": "characters"}, "context": CONTEXT},
    "loader": {"batch_size": BATCH, "eval_batch_size": EVALUATED},
    "model": {
        "use": "gpt",
        "context": CONTEXT,
        "depth": DEPTH,
        "width": WIDTH,
        "heads": HEADS,
        "positions": "learnt",
    },
    "optimizer": {
        "use": "adamw",
        "lr": RATE,
        "betas": list(BETAS),
        "weight_decay": DECAY,
        "no_decay": ["bias", "norm"],
    },
    "trainer": {"gradient_clip_val": CLIP, "accelerator": "cpu", "check_val_every_n_epoch": None},
}


def by_toolkit(steps: int, batches: int | None) -> dict[str, float]:
    """Characters a second in training, and the loss on the validation text, of a recipe.

    Args:
        steps: to train.
        batches: of the validation text, the first ones; None for all of it.
    """
    import toolkit

    with tempfile.TemporaryDirectory() as folder:
        clock = Path(folder) / "seconds.json"
        ends: dict[str, int] = {"max_steps": steps, "val_check_interval": steps}
        if batches is not None:
            ends["limit_val_batches"] = batches
        warm_up = min(WARM_UP, steps - 1)
        values = {
            **RECIPE,
            "trainer": {**RECIPE["trainer"], **ends},
            "scheduler": {"use": "linear_warmup_cosine", "warmup": warm_up, "min_lr_ratio": LOWEST / RATE},
            "callbacks": {"clock": {"use": "benchmarks.language_loops:Clock"}},
        }
        file = Path(folder) / "recipe.yaml"
        file.write_text(yaml.safe_dump(values))
        recipe = toolkit.load(str(file), [f"callbacks.clock.file={clock}"], allow_code=True)
        result = toolkit.run(recipe, root=Path(folder) / "runs")
        return {"speed": _speed(steps, float(json.loads(clock.read_text()))), "loss": result.metrics["val/loss"]}


class Clock(pl.Callback):
    """Writes how long the training took, in seconds, without the evaluations in it.

    It has no hook for batches.

    Args:
        file: where the number goes.
    """

    def __init__(self, file: str) -> None:
        self.file = Path(file)
        self.seconds = 0.0

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.seconds -= now()

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.seconds += now()

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.seconds -= now()

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.file.write_text(json.dumps(self.seconds + now()))


def by_hand(steps: int, batches: int | None) -> dict[str, float]:
    """The same, written out."""
    torch.manual_seed(SEED)
    text = gzip.decompress(FILE.read_bytes()).decode()
    numbers = {character: number for number, character in enumerate(sorted(set(text)))}
    tokens = torch.tensor([numbers[character] for character in text])
    train, val = tokens.split([len(tokens) - round(0.1 * len(tokens)), round(0.1 * len(tokens))])
    model = _GPT(len(numbers))
    matrices = [one for one in model.parameters() if one.dim() > 1]
    others = [one for one in model.parameters() if one.dim() < 2]
    groups = [{"params": matrices, "weight_decay": DECAY}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=RATE, betas=BETAS, fused=True)
    parameters = [*matrices, *others]
    along = torch.arange(CONTEXT + 1)
    warm_up = min(WARM_UP, steps - 1)
    began = now()
    for step in range(steps):
        rate = _rate(step, steps, warm_up)
        for group in optimizer.param_groups:
            group["lr"] = rate
        windows = train[torch.randint(len(train) - CONTEXT, (BATCH, 1)) + along]
        logits = model(windows[:, :-1])
        loss = functional.cross_entropy(logits.flatten(0, 1), windows[:, 1:].flatten())
        for parameter in parameters:
            parameter.grad = None
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, CLIP)
        optimizer.step()
        if (step + 1) % READ_EVERY == 0:
            loss.item()
    seconds = now() - began
    return {
        "speed": _speed(steps, seconds),
        "loss": _loss(model, val if batches is None else val[: batches * EVALUATED * CONTEXT]),
    }


def _speed(steps: int, seconds: float) -> float:
    return steps * BATCH * CONTEXT / seconds


def _rate(step: int, steps: int, warm_up: int) -> float:
    if step < warm_up:
        return RATE * (step + 1) / (warm_up + 1)
    along = (step - warm_up) / (steps - warm_up)
    return LOWEST + (RATE - LOWEST) * 0.5 * (1 + math.cos(math.pi * along))


@torch.no_grad()
def _loss(model: nn.Module, text: Tensor) -> float:
    """Of windows one after the other, of which the last may be shorter."""
    total = 0.0
    for start in range(0, len(text) - 1, EVALUATED * CONTEXT):
        part = text[start : start + EVALUATED * CONTEXT + 1]
        for piece in _windows(part):
            logits = model(piece[:, :-1])
            total += functional.cross_entropy(logits.flatten(0, 1), piece[:, 1:].flatten(), reduction="sum").item()
    return total / (len(text) - 1)


def _windows(part: Tensor) -> list[Tensor]:
    """Windows with the token after each, those of one length together."""
    whole = (len(part) - 1) // CONTEXT
    found = [part[: whole * CONTEXT + 1].unfold(0, CONTEXT + 1, CONTEXT)] if whole else []
    rest = part[whole * CONTEXT :]
    return [*found, *([rest[None]] if len(rest) > 1 else [])]


class _GPT(nn.Module):
    def __init__(self, vocabulary: int) -> None:
        super().__init__()
        self.tokens, self.places = nn.Embedding(vocabulary, WIDTH), nn.Embedding(CONTEXT, WIDTH)
        self.blocks = nn.Sequential(*(_Block() for _ in range(DEPTH)))
        self.norm = nn.LayerNorm(WIDTH)
        self.head = nn.Linear(WIDTH, vocabulary, bias=False)
        self.head.weight = self.tokens.weight
        for name, parameter in self.named_parameters():
            if parameter.dim() > 1:
                adds = name.endswith(("out.weight", "down.weight"))
                nn.init.normal_(parameter, std=0.02 / math.sqrt(2 * DEPTH) if adds else 0.02)
            elif name.endswith("bias"):
                nn.init.zeros_(parameter)

    def forward(self, tokens: Tensor) -> Tensor:
        vectors = self.tokens(tokens) + self.places.weight[: tokens.shape[1]]
        logits: Tensor = self.head(self.norm(self.blocks(vectors)))
        return logits


class _Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norms = nn.ModuleList([nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)])
        self.qkv, self.out = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.up, self.down = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)

    def forward(self, vectors: Tensor) -> Tensor:
        first, second = self.norms
        parts = self.qkv(first(vectors)).chunk(3, dim=-1)
        query, key, value = (part.unflatten(-1, (HEADS, -1)).transpose(1, 2) for part in parts)
        seen = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        vectors = vectors + self.out(seen.transpose(1, 2).flatten(-2))
        hidden: Tensor = vectors + self.down(functional.gelu(self.up(second(vectors))))
        return hidden
