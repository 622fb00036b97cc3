"""The tokenizer of a model of the Hugging Face hub, or of a folder like one. Imports tokenizers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from toolkit_text.tokenizer import FILE, Tokenizer
from toolkit_text.tokenizer_file import TokenizerFile


class HubTokenizer:
    """The `tokenizer.json` of a model of the Hugging Face hub, downloaded once; a run keeps it.

    Arguments:
        name: the model's, such as `google-bert/bert-base-uncased`; or a folder with that file.
        specials: what it calls padding, unknown tokens, the beginning and the end of a text, in this order: `"[PAD]"`,
            `"[UNK]"`, `"[CLS]"`, `"[SEP]"` for BERT. One name may stand for several.
    """

    def __init__(self, name: str, specials: Sequence[str]) -> None:
        self.name = name
        self.specials = tuple(specials)

    def fit(self, texts: Iterable[str]) -> Tokenizer:
        """The tokenizer, whatever the texts.

        Raises:
            OSError: it can neither be downloaded nor found in the hub's cache.
            ValueError: the name is no folder with the file and no name on the hub, or the file has no such tokens.
        """
        return TokenizerFile(self._file(), self.specials).fit(texts)

    def _file(self) -> str:
        folder = Path(self.name).expanduser()
        if folder.is_dir():
            if not (folder / FILE).is_file():
                raise ValueError(
                    f"name={self.name!r}: the folder has no {FILE}; give one that has, or a name on the hub"
                )
            return str(folder / FILE)

        from huggingface_hub import hf_hub_download
        from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

        from toolkit.data.download import may_download

        try:
            return hf_hub_download(self.name, FILE, local_files_only=not may_download())
        except HFValidationError as error:
            raise ValueError(
                f"name={self.name!r}: there is no such folder, and a model of the hub is called owner/name"
            ) from error
        except (OSError, HfHubHTTPError, LocalEntryNotFoundError) as error:
            raise OSError(f"the tokenizer of {self.name!r} is not on this machine, and: {error}") from error
