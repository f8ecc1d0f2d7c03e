"""Write a version as a folder that transformers loads without InfFeed.

A version on a sequence classifier (fine-tuned here, or imported) becomes one: its last linear layer gets the
version's head, so `AutoModelForSequenceClassification` and a `pipeline` give the version's predictions: the decision
rule is folded into the weights (`DecisionRule.folded`), and `config.json` names it. No standard
architecture puts a head on the mean-pooled tokens of a bare encoder, and not every decoder's last layer has a bias.
Such versions are written as the encoder's own files with the head beside them, and a dozen lines of Python in the card
combine the two.
"""

import json
import shutil
import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from inffeed_core.errors import ExportFailed
from inffeed_core.models.classifiers import find_head
from inffeed_core.models.deciding import DecisionRule
from inffeed_core.models.encoder import explained, quietly
from inffeed_core.models.heads import Head, save_head
from inffeed_core.models.snapshot import RECIPE, Pooling
from inffeed_core.models.sources import ModelFiles
from inffeed_core.models.tfidf import COUNTING, Vectorizer
from inffeed_core.models.trainable import classifier, tokenizer_of

LOADED_PLAINLY = """\
from transformers import pipeline

classify = pipeline("text-classification", model={folder})
print(classify({example}, truncation=True))"""

LOADED_WITH_HEAD = """\
import json, torch
from safetensors.torch import load_file
{imports}from transformers import AutoModel, AutoTokenizer

folder = {folder}
tokenizer, encoder = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()
head, labels = load_file(folder + "/head/head.safetensors"), json.load(open(folder + "/head/head.json"))["labels"]
tokens = tokenizer({example}, padding=True, truncation=True, max_length={tokens}, return_tensors="pt")
{layers}
{words}scores = (features.double() @ head["weight"].double().T + head["bias"].double()).softmax(1)
print([labels[best] for best in scores.argmax(1)], scores.tolist())"""

LAST_LAYER = """\
vectors, mask = encoder(**tokens).last_hidden_state, tokens["attention_mask"].unsqueeze(2)
features = {pooled}"""

BOTH_LAYERS = """\
found, mask = encoder(**tokens, output_hidden_states=True), tokens["attention_mask"].unsqueeze(2)
middle = found.hidden_states[(len(found.hidden_states) - 1) // 2]
features = torch.cat([{pooled} for vectors in (found.last_hidden_state, middle)], 1) / 2**0.5"""


WORDS_IMPORT = "from sklearn.feature_extraction.text import TfidfVectorizer\n"
WITH_WORDS = """\
terms, parts = json.load(open(folder + "/tfidf/tfidf.json"))["terms"], load_file(folder + "/tfidf/tfidf.safetensors")
counter = TfidfVectorizer(vocabulary=terms, {counting})
counter.idf_ = parts["idf"].double().numpy()
words = torch.from_numpy(counter.transform({texts}) @ parts["directions"].double().numpy().T)
words = torch.nn.functional.normalize(words).float() * features.norm(dim=1, keepdim=True)
features = torch.cat([features, words], 1) / 2**0.5
"""
"""What `tfidf.beside` does; the counts are scikit-learn's."""

_ALONE = ('"A text to classify."', '["A text to classify."]')
_PAIRED = (
    '{"text": "A text to classify.", "text_pair": "Its second text."}',
    '["A text to classify."], ["Its second text."]',
)
"""What is classified in the lines above, by a pipeline and by a tokenizer."""
_COUNTED = {False: _ALONE[1], True: '["A text to classify." + "\\n" + "Its second text."]'}
"""The same as TF-IDF counts it, by whether texts have second texts."""


RULE = "inffeed_decision_rule"
"""The entry of `config.json` that names the decision rule."""


def write_classifier(
    files: ModelFiles,
    ruled: tuple[Head, DecisionRule],
    max_tokens: int,
    folder: Path,
    card: Callable[[str], str],
    *,
    pairs: bool = False,
    vectorizer: Vectorizer | None = None,
) -> None:
    """Write the model with this head, which decides by this rule, to a new folder, whole or not at all.

    `vectorizer` is the TF-IDF beside a bare encoder. `card` gives the text of README.md for the lines of Python that
    load the folder, and with `pairs` classify a text with its second text.

    Raises ExportFailed where the folder exists or cannot be written, ModelError where the model cannot be read.
    """
    if folder.exists():
        raise ExportFailed(f"{folder} already exists; name a new folder.")
    unfinished = folder.parent / f".{folder.name}.{uuid.uuid4().hex}"
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        lines = _write(files, _folded(*ruled), (max_tokens, vectorizer), unfinished)
        _name_rule(unfinished / "config.json", ruled[1])
        piped, tokenised = _PAIRED if pairs else _ALONE
        lines = lines.replace("{example}", piped if files.pooling is None else tokenised)
        lines = lines.replace("{texts}", _COUNTED[pairs])
        lines = lines.replace("{folder}", _quoted(folder.name))
        (unfinished / "README.md").write_text(card(lines), encoding="utf-8")
        unfinished.rename(folder)
    except OSError as error:
        raise ExportFailed(
            f"{folder} cannot be written ({error.strerror or error}); no files were left there."
        ) from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _folded(head: Head, rule: DecisionRule) -> Head:
    """The head whose highest logit is the rule's decision."""
    weight, bias = (torch.from_numpy(part) for part in rule.folded(head.weight.numpy(), head.bias.numpy()))
    return replace(head, weight=weight, bias=bias, about={**head.about, RULE: rule.as_dict()})


def _name_rule(config: Path, rule: DecisionRule) -> None:
    told = json.loads(config.read_text(encoding="utf-8"))
    config.write_text(json.dumps(told | {RULE: rule.as_dict()}, indent=2) + "\n", encoding="utf-8")


def _quoted(name: str) -> str:
    """As a Python literal that is safe in a fenced block of Markdown."""
    return json.dumps(name, ensure_ascii=False).replace("`", r"\x60")


def _write(files: ModelFiles, head: Head, reading: tuple[int, Vectorizer | None], folder: Path) -> str:
    """Write the files; returns the lines that load them. `reading` is the tokens read at once, and the vectorizer."""
    max_tokens, vectorizer = reading
    if files.pooling is not None:
        lines = _write_encoder(files, files.pooling, head, max_tokens, folder)
        return _with_words(lines, vectorizer, folder)
    with explained(files), quietly():
        model: Any = classifier(files, head.labels)[0].eval()
        tokenizer = tokenizer_of(files, model, max_tokens)
        layer = _last_layer(model, tokenizer)
    if layer.bias is None:
        raise ExportFailed(f"The last layer of {files.name} has no bias, but the version's head needs one.")
    with torch.no_grad(), quietly():
        layer.weight.copy_(head.weight)
        layer.bias.copy_(head.bias)
        model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return LOADED_PLAINLY


def _write_encoder(files: ModelFiles, pooling: Pooling, head: Head, max_tokens: int, folder: Path) -> str:
    folder.mkdir()
    recipe = {path for pattern in RECIPE for path in files.folder.glob(pattern)}
    for path in sorted({*files.weights, *recipe}):
        shutil.copy(path, folder)
    save_head(folder / "head", head.weight, head.bias, head.labels, head.about)
    pooled = "(vectors * mask).sum(1) / mask.sum(1)" if pooling.mode == "mean" else "vectors[:, 0]"
    words = {
        "{tokens}": str(max_tokens),
        "{layers}": LAST_LAYER if pooling.layers == "last" else BOTH_LAYERS,
        "{pooled}": f"torch.nn.functional.normalize({pooled})" if pooling.normalise else pooled,
    }
    lines = LOADED_WITH_HEAD
    for place, filling in words.items():
        lines = lines.replace(place, filling)
    return lines


def _with_words(lines: str, vectorizer: Vectorizer | None, folder: Path) -> str:
    if vectorizer is None:
        return lines.replace("{imports}", "").replace("{words}", "")
    vectorizer.save(folder / "tfidf")
    counting = ", ".join(f"{name}={value!r}" for name, value in COUNTING.items())
    return lines.replace("{imports}", WORDS_IMPORT).replace("{words}", WITH_WORDS.replace("{counting}", counting))


@torch.inference_mode()
def _last_layer(model: nn.Module, tokenizer: Any) -> nn.Linear:
    ids = torch.tensor([tokenizer("A text to try the model.", truncation=True)["input_ids"]])
    return find_head(model, ids, torch.ones_like(ids))
