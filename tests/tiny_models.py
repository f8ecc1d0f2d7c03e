"""Random transformers of a few thousand weights, written to disk as `save_pretrained` writes real ones."""

import string
from pathlib import Path

import torch
import transformers
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

POSITIONS = 64
_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
_SIZES = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 48}


def save_tokenizer(folder: Path) -> int:
    """A WordPiece tokenizer that spells words out in letters; returns the size of its vocabulary."""
    signs = string.ascii_lowercase + string.digits
    pieces = [*_SPECIAL, *signs, *(f"##{sign}" for sign in signs), *string.punctuation, "good", "bad", "not"]
    vocabulary = {piece: i for i, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]", max_input_chars_per_word=100))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]"
    ).save_pretrained(folder)
    return len(vocabulary)


def save_model(folder: Path, kind: str, **config: object) -> Path:
    """A model of this transformers class, such as BertModel, with random weights and a tokenizer."""
    cls = getattr(transformers, kind)
    vocabulary = save_tokenizer(folder)
    sizes = _SIZES | {"max_position_embeddings": POSITIONS, "pad_token_id": 0, "vocab_size": vocabulary}
    torch.manual_seed(7)
    cls(cls.config_class(**sizes | {"initializer_range": 0.5} | config)).save_pretrained(folder)
    return folder
