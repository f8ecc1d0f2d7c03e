"""spaCy's `DocBin` (https://spacy.io/api/docbin): texts with `cats`, the scores of an exclusive text classifier.

The label is the category of the highest score. What else InfFeed knows is in `user_data`. Reading takes the words from
the file and needs no pipeline.
"""

import json
from collections.abc import Iterable
from typing import Any, BinaryIO

from inffeed_core.data.export_columns import PAIR
from inffeed_core.data.limits import Tally
from inffeed_core.data.neighbours.records import (
    BLOCK,
    Record,
    Row,
    as_table,
    block_in,
    block_of,
    each,
    loaded,
    metadata_in,
)
from inffeed_core.data.table import Table, as_cell, as_text, refused
from inffeed_core.errors import brought_by

NAME = "spaCy"
_GOLD = 1.0


def parse(name: str, data: bytes, tally: Tally) -> Table:
    """The texts of a DocBin. Raises ImportRefused for another file, one without texts, or one beyond the limits."""
    with brought_by("spacy"):
        import spacy
        from spacy.tokens import DocBin
    vocab = spacy.blank("xx").vocab
    try:
        docs = list(DocBin().from_bytes(data).get_docs(vocab))
    except Exception as error:  # whatever spaCy, srsly and zlib raise over a file of another kind
        raise refused(name, f"The file is not a DocBin of spaCy ({error}).", "Write it with DocBin.to_disk.") from error
    if not docs:
        raise refused(name, "The file has no texts.", "Choose a file with at least one text.")
    for doc in docs:
        tally.add(1, 1, len(doc.text))
    table = Table(name, ("text",), [[doc.text] for doc in docs])
    records = each(table, NAME, lambda _, number, __: _record(name, number, docs[number - 1]))
    return as_table(table, NAME, list(records))


def _record(name: str, number: int, doc: Any) -> Record:
    given = {key: value for key, value in doc.user_data.items() if isinstance(key, str)}
    kept = loaded(name, number, as_cell(given.pop(BLOCK, None)), "The field of InfFeed")
    block = block_in(name, number, kept)
    best = max(doc.cats, key=doc.cats.__getitem__, default="")
    pair = given.pop(PAIR, None)
    return Record(
        text=doc.text,
        id=as_text((block or {}).get("id") or as_cell(given.pop("id", None))),
        pair=pair if isinstance(pair, str) else None,
        label=best if doc.cats.get(best, 0) > 0 else "",
        metadata={} if block else {key: as_cell(value) for key, value in given.items()},
        block=block,
    )


def write(file: BinaryIO, rows: Iterable[Row], labels: Iterable[str]) -> None:
    """Write rows of an export as a DocBin whose `cats` are the project's labels, 1 for a text's own.

    Raises MissingExtra without spaCy.
    """
    with brought_by("spacy"):
        import spacy
        from spacy.tokens import DocBin
    nlp, names = spacy.blank("xx"), list(labels)
    docs = DocBin(store_user_data=True)
    for row in rows:
        text = as_text(row["text"])
        nlp.max_length = max(nlp.max_length, len(text) + 1)
        doc = nlp.make_doc(text)
        doc.cats = {name: _GOLD if name == row.get("label") else 0.0 for name in names}
        doc.user_data = {**metadata_in(row), BLOCK: json.dumps(block_of(row), ensure_ascii=False)}
        if row.get(PAIR) is not None:
            doc.user_data[PAIR] = row[PAIR]
        docs.add(doc)
    file.write(docs.to_bytes())
