"""The base as other engines read it, beside the encoder's own layers: ONNX Runtime in int8, OpenVINO in bf16 and in int8.

Each gets the encoder's tokens in its batches of like length, one on each core at a time, and is quantised as its makers say:
by ONNX Runtime's dynamic quantisation, channel by channel, and by NNCF's for transformers, calibrated on texts of the file.
"""

import copy
import importlib.util
import logging
import threading
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import nn

from workbench.encoder.backbone import Backbone
from workbench.encoder.cores import on_each_core
from workbench.encoder.features import TOKENS_PER_BATCH, batches_by_length
from workbench.encoder.tokens import Tokens

NEEDED = ("onnx", "onnxscript", "onnxruntime", "openvino", "nncf")
INPUTS = ("input_ids", "attention_mask")
CALIBRATED_ON = 300
BATCH_OF_CALIBRATION = 8

Batch = tuple[np.ndarray, np.ndarray]
"""Token ids and mask, (texts, tokens) each."""
Run = Callable[[Batch], np.ndarray]
"""A batch to its pooled vectors, (texts, width)."""
Encode = Callable[[list[str]], np.ndarray]


def missing() -> list[str]:
    """The packages that are not installed."""
    return [name for name in NEEDED if importlib.util.find_spec(name) is None]


def readers(backbone: Backbone, texts: Sequence[str], folder: Path) -> dict[str, Callable[[], Encode]]:
    """What makes each engine's reader of texts ready, by name; `folder` is where their models lie, `texts` are those to calibrate on."""
    runs: dict[str, Callable[[], Run]] = {
        "onnxruntime_int8": lambda: _onnxruntime(_exported(backbone, folder)),
        "openvino_bf16": lambda: _openvino(_exported(backbone, folder), []),
        "openvino_int8": lambda: _openvino(_exported(backbone, folder), _batches(backbone, texts[:CALIBRATED_ON])),
    }

    def ready(run: Callable[[], Run]) -> Encode:
        return partial(_read, backbone, run())

    return {name: partial(ready, run) for name, run in runs.items()}


def _read(backbone: Backbone, run: Run, texts: list[str]) -> np.ndarray:
    tokens, cores = Tokens.of(backbone.tokenise(texts)), torch.get_num_threads()
    made = np.zeros((len(tokens), backbone.width), np.float32)

    def read(rows: np.ndarray) -> None:
        made[rows] = run(_batch(backbone, tokens, rows))

    most = min(TOKENS_PER_BATCH["cpu"], -(-int(tokens.lengths.sum()) // cores))
    on_each_core(read, batches_by_length(tokens.lengths, most), cores)
    return made


def _batch(backbone: Backbone, tokens: Tokens, rows: np.ndarray) -> Batch:
    found = backbone.pad(tokens.rows(rows))
    return found.values.numpy(), found.mask.numpy().astype(np.int64)


def _batches(backbone: Backbone, texts: Sequence[str]) -> list[Batch]:
    tokens = Tokens.of(backbone.tokenise(texts))
    parts = np.array_split(np.arange(len(tokens)), max(1, len(tokens) // BATCH_OF_CALIBRATION))
    return [_batch(backbone, tokens, part) for part in parts]


class _MeanOfTokens(nn.Module):
    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        states = self.model(input_ids=ids, attention_mask=mask).last_hidden_state
        real = mask[..., None].to(states.dtype)
        return (states * real).sum(1) / real.sum(1)


def _exported(backbone: Backbone, folder: Path) -> Path:
    """The base and its mean over tokens as an ONNX file; attention as plain products, which engines read faster than torch's own."""
    file = folder / "base.onnx"
    if not file.exists():
        model = copy.deepcopy(backbone.model)
        model.set_attn_implementation("eager")
        example = tuple(torch.from_numpy(part) for part in _batches(backbone, ["a few words", "more of them than that"])[0])
        axes = {0: torch.export.Dim("texts"), 1: torch.export.Dim("tokens")}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                _MeanOfTokens(model).eval(),
                example,
                file,
                input_names=list(INPUTS),
                output_names=["pooled"],
                dynamic_shapes=(axes, axes),
                verbose=False,
            )
    return file


def _onnxruntime(model: Path) -> Run:
    import onnxruntime
    from onnxruntime.quantization import QuantType, quantize_dynamic

    small = model.with_name("int8.onnx")
    logging.disable(logging.WARNING)
    try:
        quantize_dynamic(model, small, per_channel=True, weight_type=QuantType.QInt8)
    finally:
        logging.disable(logging.NOTSET)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(small), options, providers=["CPUExecutionProvider"])
    return lambda batch: np.asarray(session.run(None, dict(zip(INPUTS, batch, strict=True)))[0])


def _openvino(model: Path, batches: list[Batch]) -> Run:
    """In bf16; where there are `batches` to calibrate on the products are of 8-bit integers."""
    import nncf
    import openvino

    read = openvino.Core().read_model(model)
    if batches:
        nncf.set_log_level(logging.ERROR)
        examples = nncf.Dataset(batches, lambda batch: dict(zip(INPUTS, batch, strict=True)))
        read = nncf.quantize(read, examples, model_type=nncf.ModelType.TRANSFORMER, subset_size=len(batches))
    cores = torch.get_num_threads()
    settings = {"INFERENCE_PRECISION_HINT": "bf16", "INFERENCE_NUM_THREADS": cores, "NUM_STREAMS": cores}
    compiled, own = openvino.Core().compile_model(read, "CPU", settings), threading.local()

    def run(batch: Batch) -> np.ndarray:
        if not hasattr(own, "request"):
            own.request = compiled.create_infer_request()
        return np.array(own.request.infer(dict(zip(INPUTS, batch, strict=True)))[0])

    return run
