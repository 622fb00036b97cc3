"""Models of the Hugging Face hub by name. Imports torch, and transformers and peft when a model is built."""

from __future__ import annotations

import copy
import importlib
import inspect
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal, Self

import torch
from torch import Tensor, nn

from toolkit_text.notes import note

Head = Literal["sequence_classification", "causal_lm", "seq2seq"]
AUTO: Mapping[str, tuple[str, str]] = {
    "sequence_classification": ("AutoModelForSequenceClassification", "SEQ_CLS"),
    "causal_lm": ("AutoModelForCausalLM", "CAUSAL_LM"),
    "seq2seq": ("AutoModelForSeq2SeqLM", "SEQ_2_SEQ_LM"),
}
"""By head the class of transformers that makes it, and what peft calls the task."""


class HuggingFace(nn.Module):
    """A model of the Hugging Face hub: `{use: hf, head: sequence_classification, name_or_path: ...}`.

    It is called like the other models here, and makes the mask from `pad_id` itself:

    =========================  ===============================================  ===================================
    `head`                     takes                                            returns logits
    =========================  ===============================================  ===================================
    `sequence_classification`  tokens `(batch, length)`                         `(batch, classes)`
    `causal_lm`                tokens `(batch, length)`                         `(batch, length, vocab_size)`
    `seq2seq`                  source `(batch, m)` and target_in `(batch, n)`   `(batch, n, vocab_size)`
    =========================  ===============================================  ===================================

    The numbers of the tokens have to be those that the weights were trained with: give the dataset the tokenizer of the
    same name or folder, `{use: hub_tokenizer, name: ...}`.

    Only weights in safetensors are loaded, and no code that comes with a model is run (`trust_remote_code` is never
    passed). Where neither the network nor the hub's cache has the configuration, `config` with a `model_type` takes its
    place; then weights are random.

    Needs transformers, and peft for `lora`: `pip install 'toolkit-text[hf]'`.

    Arguments:
        head: what the model is for.
        name_or_path: its name on the hub, or a folder; None for a model of random weights that `config` describes.
        pretrained: whether to begin with the weights of that name, which are downloaded; otherwise with random ones.
        config: entries of its configuration that are to be others, such as `{attention_dropout: 0.1}`; with a
            `model_type` a whole one: `{model_type: llama, hidden_size: 64, ...}`.
        lora: arguments of peft's `LoraConfig`, such as `{r: 8, lora_alpha: 16}`: the weights stay as they are, and
            matrices of low rank learn what is added to them ("LoRA", Hu et al. 2021); a new head is trained whole.
        num_classes: length of the output of `sequence_classification`.
        vocab_size: tokens of the data: no more than the model knows.
        pad_id: the padding.

    Raises:
        ModuleNotFoundError: transformers or peft is not installed.
        OSError: there is no such model, or it can be neither downloaded nor found in the hub's cache.
        ValueError: the arguments do not fit each other, or the data.
    """

    def __init__(
        self,
        head: Head,
        name_or_path: str | None = None,
        pretrained: bool = True,
        config: Mapping[str, Any] | None = None,
        lora: Mapping[str, Any] | None = None,
        num_classes: int | None = None,
        vocab_size: int | None = None,
        pad_id: int | None = None,
    ) -> None:
        super().__init__()
        transformers = _imported("transformers")
        loads = pretrained and name_or_path is not None
        made = _config(transformers, name_or_path, dict(config or {}), vocab_size, needed=loads)
        if head == "sequence_classification":
            if num_classes is None:
                raise ValueError("head=sequence_classification needs num_classes, which a dataset of classes states")
            made.num_labels = num_classes
        text = made.get_text_config()
        _check_vocabulary(text.vocab_size, vocab_size, name_or_path)
        if pad_id is not None:
            # What a classifier with a decoder finds the last token by, and an encoder leaves the row of at zero.
            text.pad_token_id = made.pad_token_id = pad_id
        auto, task = AUTO[head]
        maker = getattr(transformers, auto)
        if loads:
            with _quiet(transformers):
                self.network = _loaded(
                    maker, name_or_path, made, num_classes if head == "sequence_classification" else None
                )
        else:
            self.network = maker.from_config(made, trust_remote_code=False)
        # Loaded ones come in evaluation mode.
        self.network.train()
        parameters = inspect.signature(self.network.forward).parameters
        # transformers 5.24 calls it `cache`, those before `past_key_values`.
        self._cache_name = "cache" if "cache" in parameters else "past_key_values"
        self._use_cache = {"use_cache": False} if "use_cache" in parameters else {}
        if lora is not None:
            peft = _imported("peft")
            with warnings.catch_warnings():
                # peft 0.21 asks a model of transformers 5.24 by a name that is going to change.
                warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated", FutureWarning)
                self.network = peft.get_peft_model(self.network, peft.LoraConfig(task_type=task, **lora))
        self.head = head
        self.pad_id = pad_id
        self.context: int | None = getattr(text, "max_position_embeddings", None)
        """Tokens that it can look at, at most; None where there is no such number."""

    @classmethod
    def untrained(cls, **arguments: Any) -> Self:
        """The same network with random weights, which a checkpoint will replace."""
        return cls(**{**arguments, "pretrained": False})

    def forward(self, inputs: Tensor | tuple[Tensor, Tensor]) -> Tensor:
        """See the class."""
        if isinstance(inputs, Tensor):
            # A causal model needs no mask: no token sees what comes after it, and padding stands at the end. And where
            # padding and the end of a text are one token, as in GPT-2, a mask would hide the ends.
            mask = None if self.head == "causal_lm" else self._mask(inputs)
            return self._logits(self.network(input_ids=inputs, attention_mask=mask, **self._use_cache))
        source, target = inputs
        return self._logits(
            self.network(
                input_ids=source, attention_mask=self._mask(source), decoder_input_ids=target, **self._use_cache
            )
        )

    def encode(self, source: Tensor) -> tuple[Tensor, Tensor | None]:
        """What `step` has to know of sources `(batch, m)`: states `(batch, m, width)`, and where padding is not
        (None where there is none)."""
        mask = self._mask(source)
        encoded = self.network.get_encoder()(input_ids=source, attention_mask=mask)
        return encoded.last_hidden_state, mask

    @torch.no_grad()
    def step(self, tokens: Tensor, *state: Any) -> tuple[Tensor, Any]:
        """The logits `(batch, vocab_size)` of what follows, and a cache for the next step.

        Of a `causal_lm`: `step(tokens (batch, length), cache)`; see `toolkit_text.generation.LanguageModel`. Of a
        `seq2seq`: `step(tokens (batch,), memory, cache)`, with what `encode` returned. There the cache is what was said
        so far, which is read again at every step: what these models keep differs from one to the next.
        """
        if self.head == "causal_lm":
            (cache,) = state or (None,)
            # A copy: the library's caches change when they are used, and ours are values.
            kept = {self._cache_name: copy.deepcopy(cache)} if cache is not None else {}
            outputs = self.network(input_ids=tokens, use_cache=True, **kept)
            return outputs.logits[:, -1], getattr(outputs, self._cache_name)
        (states, mask), said = state
        said = tokens[:, None] if said is None else torch.cat((said[0], tokens[:, None]), dim=1)
        outputs = self.network(
            encoder_outputs=(states,), attention_mask=mask, decoder_input_ids=said, **self._use_cache
        )
        return outputs.logits[:, -1], (said,)

    def _mask(self, tokens: Tensor) -> Tensor | None:
        return None if self.pad_id is None else (tokens != self.pad_id).long()

    @staticmethod
    def _logits(outputs: Any) -> Tensor:
        logits: Tensor = outputs.logits
        return logits


def _config(transformers: Any, name: str | None, given: dict[str, Any], vocab_size: int | None, *, needed: bool) -> Any:
    """The configuration, from a folder, the hub's cache, what is given unless it is needed, or the hub."""
    kind = given.pop("model_type", None)
    if name is None and kind is None:
        raise ValueError("give name_or_path, or a config with a model_type such as bert, gpt2, llama or t5")
    made = None
    if name is not None:
        made = _known(transformers, name, here=True)
        if made is None and (needed or kind is None):
            made = _known(transformers, name, here=False)
        if made is None and (needed or kind is None):
            raise OSError(
                f"{name!r} is no folder with a config.json, is not in the hub's cache, and could not be downloaded; a "
                "config with a model_type makes one of random weights"
            )
    if made is None:
        filled = {"vocab_size": vocab_size} if name is None and vocab_size is not None else {}
        return transformers.AutoConfig.for_model(kind, **{**filled, **given})
    if kind not in (None, made.model_type):
        raise ValueError(f"{name!r} is of the model_type {made.model_type!r}, and config has {kind!r}")
    unknown = [entry for entry in given if not hasattr(made, entry)]
    if unknown:
        raise ValueError(f"config: {type(made).__name__} has no entry {unknown[0]!r}")
    made.update(given)
    return made


def _known(transformers: Any, name: str, *, here: bool) -> Any:
    try:
        return transformers.AutoConfig.from_pretrained(name, local_files_only=here, trust_remote_code=False)
    except OSError:
        return None


def _check_vocabulary(known: int, vocab_size: int | None, name: str | None) -> None:
    if vocab_size is not None and vocab_size > known:
        raise ValueError(
            f"the data has {vocab_size:,} tokens, and the model {known:,}: give the dataset the tokenizer "
            + (f"of {name!r}: {{use: hub_tokenizer, name: {name}}}" if name else "that fits, or leave vocab_size out")
        )


def _loaded(maker: Any, name: str | None, config: Any, num_classes: int | None) -> Any:
    """The network with the weights of that name; a head of so many classes may be new. A note tells what is new."""
    network, info = maker.from_pretrained(
        name,
        config=config,
        use_safetensors=True,
        trust_remote_code=False,
        ignore_mismatched_sizes=True,
        output_loading_info=True,
    )
    new = {key for key, *_ in info["mismatched_keys"]}
    # Sorted: transformers 5 has them in a set, and a message should be the same each time.
    for key, there, here in sorted(info["mismatched_keys"]):
        if num_classes is None or here[0] != num_classes or tuple(there[1:]) != tuple(here[1:]):
            raise ValueError(f"{name!r}: its {key} is {list(there)}, and config makes it {list(here)}")
    new |= set(info["missing_keys"])
    if new:
        note(f"{name}: random weights, which are not in it: {', '.join(sorted(new))}")
    return network


@contextmanager
def _quiet(transformers: Any) -> Iterator[None]:
    """Without its table of all weights that are new: a note tells them."""
    logging = transformers.logging
    before = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(before)


def _imported(package: str) -> Any:
    try:
        return importlib.import_module(package)
    except ModuleNotFoundError as error:
        if error.name != package:
            raise
        raise ModuleNotFoundError(f"{package} is not installed: pip install 'toolkit-text[hf]'", name=package) from None
