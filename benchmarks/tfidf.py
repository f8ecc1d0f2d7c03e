"""What TF-IDF of the texts brings beside a frozen encoder, and whether validation should choose it.

    python -m benchmarks.tfidf --data FOLDER --cache FOLDER --results tfidf.jsonl [--sets a,b] [--seeds 2]
    python -m benchmarks.tfidf --results tfidf.jsonl --table

For each set and seed: heads on the last layer of MiniLM, without TF-IDF and with it, taught the drawn seed gold, and
that with silver as it is. The vectorizer is the product's, fitted on the texts to learn from; so is the measure that
chooses (`calibrated_loss`). Macro-F1 on test by argmax and by the rule macro-f1. One line of the results is one head;
heads that are there are not fitted again.
"""

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from inffeed_core.influence import HeadData, choose_l2, logits
from inffeed_core.learning.layers import calibrated_loss
from inffeed_core.models.deciding import fit_rules
from inffeed_core.models.metrics import Floats, macro_f1
from inffeed_core.models.tfidf import beside, fit
from inffeed_core.settings import DEFAULT_DIMENSIONS, DEFAULT_MODEL, L2_GRID
from inffeed_core.studies.draws import RepairSet, drawn, encoded, read, told_apart
from inffeed_core.studies.rules import first

SILVER, TEST = 1500, 1200
"""Texts of the extension and of test at most, of each set."""
SETS = "climate_stance_gpt4o,reviews_products,sarcasm_forum_llm,hatexplain_llm,irony,questions,sarcasm"
"""Those whose test texts can be told from those of validation come last."""
TAUGHT = ("seed gold", "with silver, plain")
RULES = ("argmax", "macro-f1")

Row = Mapping[str, Any]


def heads(data: RepairSet, seed: int) -> Iterator[Row]:
    """Both kinds of features under both trainings, on one draw."""
    draw = drawn(data, seed)
    parts = (draw.features, draw.validation[0], draw.test[0])
    made = fit(draw.texts, DEFAULT_DIMENSIONS)
    assert made is not None
    texts = (draw.texts, draw.validation_texts, draw.test_texts)
    with_words = [beside(part, made.features(some)) for part, some in zip(parts, texts, strict=True)]
    about = {"set": data.name, "seed": seed, "shift": told_apart(draw.validation[0], draw.test[0])}
    labels = torch.cat([draw.gold[: draw.seed_rows], draw.silver])
    for taught, rows in zip(TAUGHT, (draw.seed_rows, len(labels)), strict=True):
        for kind, features in (("off", parts), ("on", with_words)):
            yield {**about, "taught": taught, "tfidf": kind, **_scored(draw, features, labels[:rows])}


def _scored(draw: RepairSet, features: Sequence[Tensor], labels: Tensor) -> Row:
    learned, validation, test = features
    data = HeadData(learned[: len(labels)], labels, len(draw.labels))
    theta = choose_l2(data, validation, draw.validation[1], L2_GRID).theta
    shown, scores = logits(theta, validation), logits(theta, test).numpy()
    fitted = fit_rules(shown.numpy(), draw.validation[1].numpy())
    decided = {rule: fitted[rule].rule.decide(scores) for rule in RULES}  # type: ignore[index]
    f1 = {rule: macro_f1(each, draw.test[1].numpy(), len(draw.labels)) for rule, each in decided.items()}
    return {"loss": calibrated_loss(shown, draw.validation[1]), "macro_f1": f1}


def table(rows: Sequence[Row]) -> str:
    """Markdown: macro-F1 without → with TF-IDF, set by set, and mean gains of taking it always, and by validation."""
    names = list(dict.fromkeys(row["set"] for row in rows))
    head = ["set", "shift", "draws", *(words for taught in TAUGHT for words in (taught, "under the rule", "chosen"))]
    lines, gains = [head, ["---"] * len(head)], list[list[float]]()
    for name in names:
        mine = [row for row in rows if row["set"] == name]
        line, seeds, gained = [name], sorted({row["seed"] for row in mine}), list[float]()
        line += [f"{np.mean([row['shift'] for row in mine]):.2f}", str(len(seeds))]
        for taught in TAUGHT:
            off, on = (_kind(mine, taught, kind) for kind in ("off", "on"))
            chosen = on[:, -1] < off[:, -1]
            for k in range(len(RULES)):
                line.append(f"{off[:, k].mean():.3f} → {on[:, k].mean():.3f}")
                gained += [float((on - off)[:, k].mean()), float(((on - off)[:, k] * chosen).mean())]
            line.append(f"{chosen.sum()} of {len(chosen)}")
        lines.append(line)
        gains.append(gained)
    for first_one, words in enumerate(("mean gain, always", "mean gain, where validation chooses it")):
        means = [f"{value:+.3f}" for value in np.mean(gains, 0)[first_one::2]]
        lines.append([words, "", "", *means[:2], "", *means[2:], ""])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _kind(rows: Sequence[Row], taught: str, kind: str) -> Floats:
    """[seed, (macro-F1 by each of `RULES`, validation loss)] of one kind of features."""
    mine = sorted((r for r in rows if (r["taught"], r["tfidf"]) == (taught, kind)), key=lambda row: int(row["seed"]))
    return np.array([[*(row["macro_f1"][rule] for rule in RULES), row["loss"]] for row in mine])


def main() -> None:
    """Fit what is missing, or print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--results", type=Path, required=True)
    parser.add_argument("--sets", default=SETS)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--table", action="store_true")
    given = parser.parse_args()
    known = [json.loads(line) for line in given.results.read_text().splitlines()] if given.results.is_file() else []
    if given.table:
        print(table([row for row in known if row["set"] in given.sets.split(",")]))
        return
    done = {(row["set"], row["seed"]) for row in known}
    for name in given.sets.split(","):
        some = first(read(given.data, name), SILVER, TEST)
        data = encoded(some, DEFAULT_MODEL, given.cache, lambda *_: None, layers="last")
        for seed in (seed for seed in range(given.seeds) if (name, seed) not in done):
            with given.results.open("a", encoding="utf-8") as file:
                file.writelines(json.dumps(row) + "\n" for row in list(heads(data, seed)))


if __name__ == "__main__":
    main()
