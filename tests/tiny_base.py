"""A base of random weights that reads in no time: for tests of what a training does, not of what it learns."""

from pathlib import Path

import torch
from transformers import AutoConfig, AutoModel, AutoTokenizer

from workbench.encoder.backbone import find_base
from workbench.encoder.recipe import DEFAULT_BASE


def tiny_base(folder: Path, family: str = "bert") -> Path:
    """Write the base with the default's words into `folder`, which it returns."""
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 48, "pad_token_id": 0}
    tokenizer = AutoTokenizer.from_pretrained(find_base(DEFAULT_BASE))
    torch.manual_seed(3)
    AutoModel.from_config(AutoConfig.for_model(family, vocab_size=len(tokenizer), **sizes)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
