"""The last linear layer of any sequence classifier, found by watching the model run instead of by its name."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from inffeed_core.errors import ModelError


def find_head(model: nn.Module, ids: Int[Tensor, "text token"], mask: Int[Tensor, "text token"]) -> nn.Linear:
    """The last linear layer to run whose output is the model's logits.

    Raises ModelError if there is none.
    """
    classes = int(model.config.num_labels)  # type: ignore[union-attr, arg-type]
    linear = [m for m in model.modules() if isinstance(m, nn.Linear) and m.out_features == classes]
    with _watched(linear) as seen:
        logits = model(input_ids=ids, attention_mask=mask).logits
    for layer, _, output in reversed(seen):
        if bool(_same(output, logits).any(dim=-1).all()):
            return layer
    raise ModelError(
        f"{type(model).__name__} does not get its {classes} logits directly from a linear layer, so its features "
        "cannot be read; choose another classifier, or a bare encoder."
    )


def head_inputs(model: nn.Module, head: nn.Linear, texts: Mapping[str, Tensor]) -> Float[Tensor, "text feature"]:
    """What entered `head` when it gave the logits of each text; `texts`: what the model takes.

    Decoders apply their head to every token and take one of the results; theirs is the token whose output it was.
    """
    with _watched([head]) as seen:
        logits = model(**texts).logits
    _, inputs, output = seen[-1]
    if inputs.ndim == 2:
        return inputs
    answering = _same(output, logits).int().argmax(dim=1)
    return inputs[torch.arange(len(inputs)), answering]


def _same(output: Tensor, logits: Float[Tensor, "text class"]) -> Tensor:
    """[text, token] (one token if the head saw one vector per text): whether this output is the text's logits."""
    if output.shape[0] != logits.shape[0] or output.shape[-1] != logits.shape[-1] or output.ndim not in (2, 3):
        return torch.zeros(len(logits), 1, dtype=torch.bool)
    outputs = output.unsqueeze(1) if output.ndim == 2 else output
    return (outputs == logits.unsqueeze(1)).all(dim=-1)


@contextmanager
def _watched(layers: list[nn.Linear]) -> Iterator[list[tuple[nn.Linear, Tensor, Tensor]]]:
    """Collect (layer, input, output) of every run of these layers."""
    seen: list[tuple[nn.Linear, Tensor, Tensor]] = []
    hooks = [layer.register_forward_hook(lambda layer, x, y: seen.append((layer, x[0], y))) for layer in layers]
    try:
        yield seen
    finally:
        for hook in hooks:
            hook.remove()
