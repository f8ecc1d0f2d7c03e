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
from inffeed_core.models.metrics import macro_f1
from inffeed_core.models.tfidf import beside, fit
from inffeed_core.settings import DEFAULT_DIMENSIONS, DEFAULT_MODEL, L2_GRID
from inffeed_core.studies.draws import RepairSet, drawn, encoded, read, told_apart
from inffeed_core.studies.rules import first

SILVER, TEST = 1500, 1200
"""Texts of the extension and of test at most, of each set."""
SETS = "climate_stance_gpt4o,reviews_products,irony,sarcasm_forum_llm,hatexplain_llm"
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
    by = {(row["set"], row["taught"], row["seed"], row["tfidf"]): row for row in rows}
    names = list(dict.fromkeys(row["set"] for row in rows))
    head = ["set", "shift", "draws", *(f"{taught}{under}" for taught in TAUGHT for under in ("", ", under the rule"))]
    lines, gains = (
        [head, ["---"] * len(head)],
        {(t, r, how): [] for t in TAUGHT for r in RULES for how in ("on", "auto")},
    )
    for name in names:
        seeds = sorted({row["seed"] for row in rows if row["set"] == name})
        line = [name, f"{np.mean([row['shift'] for row in rows if row['set'] == name]):.2f}", str(len(seeds))]
        for taught in TAUGHT:
            for rule in RULES:
                pairs = [[by[name, taught, seed, kind] for kind in ("off", "on")] for seed in seeds]
                off, on = (np.array([pair[k]["macro_f1"][rule] for pair in pairs]) for k in (0, 1))
                chosen = np.array([pair[1]["loss"] < pair[0]["loss"] for pair in pairs])
                gains[taught, rule, "on"].append(float((on - off).mean()))
                gains[taught, rule, "auto"].append(float(((on - off) * chosen).mean()))
                line.append(f"{off.mean():.3f} → {on.mean():.3f} ({chosen.sum()} of {len(chosen)} chose it)")
        lines.append(line)
    for how, words in (("on", "mean gain, always"), ("auto", "mean gain, chosen by validation")):
        means = [f"{np.mean(gains[taught, rule, how]):+.3f}" for taught in TAUGHT for rule in RULES]
        lines.append([words, "", "", *means])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


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
        print(table(known))
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
