"""The tokenizer of a model of the Hugging Face hub. Imports huggingface_hub, which tokenizers needs too."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import tokenizers

from toolkit_text.tokenizer import Tokenizer


class HubTokenizer:
    """The `tokenizer.json` of a model of the Hugging Face hub, downloaded once; a run keeps it.

    Arguments:
        name: the model's, such as `google-bert/bert-base-uncased`.
        specials: what it calls padding, unknown tokens, the beginning and the end of a text, in this order: `"[PAD]"`,
            `"[UNK]"`, `"[CLS]"`, `"[SEP]"` for BERT. One name may stand for several.
    """

    def __init__(self, name: str, specials: Sequence[str]) -> None:
        self.name = name
        self.specials = tuple(specials)

    def fit(self, texts: Iterable[str]) -> Tokenizer:
        """Raises OSError where it can be neither downloaded nor found in the hub's cache."""
        from huggingface_hub import hf_hub_download
        from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

        from toolkit.data.download import may_download

        try:
            file = hf_hub_download(self.name, "tokenizer.json", local_files_only=not may_download())
        except (OSError, HfHubHTTPError, LocalEntryNotFoundError) as error:
            raise OSError(f"the tokenizer of {self.name!r} is not on this machine, and: {error}") from error
        return Tokenizer(tokenizers.Tokenizer.from_file(file), self.specials)
