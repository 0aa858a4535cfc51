"""A base of the shop's own: a vocabulary from its training texts and a small BERT that begins anew.

For languages that no available base reads. The vocabulary is made by byte pair encoding (Sennrich et al.
2016) of what stands between spaces and punctuation: it has all characters and the words that are often
used, also where a language writes none apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from workbench.encoder.backbone import find_base, write_base
from workbench.encoder.recipe import SCRATCH, Recipe, heads_of
from workbench.errors import WorkbenchError

PAD, UNKNOWN, FIRST, LAST, MASK = "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"
SPECIAL = [PAD, UNKNOWN, FIRST, LAST, MASK]
LONGEST_PIECE = 8
LEAST_USES = 3
LEAST_TEXTS = 100


def make_base(texts: Sequence[str], recipe: Recipe, folder: Path) -> Path:
    """Write tokenizer, configuration and first weights as a Hugging Face folder, complete once it has its name.

    `texts` must be training texts alone. Raises WorkbenchError when they are too few to make words of.
    """
    if len(texts) < LEAST_TEXTS:
        raise WorkbenchError(
            f"A base from scratch needs at least {LEAST_TEXTS} texts to learn words from, there are {len(texts)}.",
            "Import more texts, or choose a multilingual base in the recipe.",
        )
    if folder.exists():
        return folder
    partial = folder.with_name(folder.name + ".partial")
    partial.mkdir(parents=True, exist_ok=True)
    words = vocabulary(texts, recipe)
    write_base(words, _model(len(words), recipe), partial)
    partial.rename(folder)
    return folder


def untrained_base(recipe: Recipe, own: Path, folder: Path) -> Path:
    """The base before any training; for one from scratch the words of the base in `own` with its first weights, written to `folder`."""
    if recipe.base != SCRATCH:
        return find_base(recipe.base)
    if not folder.exists():
        from transformers import AutoTokenizer

        words = AutoTokenizer.from_pretrained(own, trust_remote_code=False)
        write_base(words, _model(len(words), recipe), folder)
    return folder


def vocabulary(texts: Sequence[str], recipe: Recipe) -> Any:
    """A tokenizer of at most `recipe.vocabulary` pieces, all from `texts`; the same texts give the same one."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    made = Tokenizer(models.BPE(unk_token=UNKNOWN))
    made.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    spaces = pre_tokenizers.Metaspace(prepend_scheme="never")
    made.pre_tokenizer = pre_tokenizers.Sequence([spaces, pre_tokenizers.Punctuation()])
    trainer = trainers.BpeTrainer(
        vocab_size=recipe.vocabulary,
        min_frequency=LEAST_USES,
        special_tokens=SPECIAL,
        max_token_length=LONGEST_PIECE,
        show_progress=False,
    )
    made.train_from_iterator(texts, trainer, length=len(texts))
    place = {word: made.token_to_id(word) for word in (FIRST, LAST)}
    made.post_processor = processors.TemplateProcessing(single=f"{FIRST} $A {LAST}", special_tokens=list(place.items()))
    wrapped: Any = PreTrainedTokenizerFast
    return wrapped(
        tokenizer_object=made,
        model_max_length=recipe.max_length,
        pad_token=PAD,
        unk_token=UNKNOWN,
        cls_token=FIRST,
        sep_token=LAST,
        mask_token=MASK,
    )


def _model(words: int, recipe: Recipe) -> Any:
    from transformers import BertConfig, BertModel

    torch.manual_seed(recipe.seed)
    width = recipe.own_width
    config = BertConfig(
        vocab_size=words,
        hidden_size=width,
        num_hidden_layers=recipe.own_layers,
        num_attention_heads=heads_of(width),
        intermediate_size=2 * width,
        max_position_embeddings=recipe.max_length,
        pad_token_id=0,
    )
    return BertModel(config)
