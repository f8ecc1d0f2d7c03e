"""What the posterior of the true label is worth on sets with silver labels of language models on gold texts too.

    python -m benchmarks.posterior --data FOLDER --cache FOLDER --results posterior.jsonl [--sets a,b] [--seeds 5]
    python -m benchmarks.posterior --results posterior.jsonl --table

For each set, seed and kind of features, train, validation and extension texts are drawn anew: a quarter of all texts is
gold (train and validation), half of all is silver, and test stays. Each way of judging the silver labels then ranks
them by the probability that they are wrong, before anybody reviews: `gold` (q alone), `channel` (each text's one silver
label), `one` (the same source, with what it says of gold texts and its confidences) and `all` (every source). One line
of the results is one set with one seed and one kind of features; runs that are there are not made again.
"""

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from inffeed_core.errors import NotReady
from inffeed_core.influence import HeadData, choose_l2, probabilities
from inffeed_core.learning.layers import choose_layers
from inffeed_core.models.encoding import features as encoded_features
from inffeed_core.models.metrics import macro_f1
from inffeed_core.settings import DEFAULT_MODEL, L2_GRID, Pooled, TrainSettings
from inffeed_core.silver.beliefs import Beliefs, Learned
from inffeed_core.silver.calibration import calibration
from inffeed_core.silver.channel import UNKNOWN
from inffeed_core.silver.said import Said
from inffeed_core.studies.draws import said_by, sources_of
from inffeed_core.studies.sets import read_set

SHARES = (0.01, 0.05, 0.1)
TOLERANCE = 1e-6
WORDS = 300
"""Dimensions to which TF-IDF is reduced."""
SETS = (
    "climate_stance_gpt4o,hatexplain_llm,github_sentiment_llm,crisis_tweets_gpt4omini,"
    "media_bias_llm,moral_reddit_llm,sarcasm_forum_llm,tweet_sentiment_gpt"
)
"""The four of the first half by name, on which the posterior was developed, then those of the second."""


@dataclass(frozen=True, slots=True)
class SilverSet:
    """One set: n texts, K sources; the first source gives the silver label under review."""

    name: str
    classes: int
    features: Float[Tensor, "n d"]
    gold: Int[Tensor, " n"]
    said: Said
    split: Sequence[str]
    both: Float[Tensor, "n e"] | None = None
    """Features of middle and last layer, where `features` are those of the last and each draw is to choose."""


def read(folder: Path, name: str, kind: str, cache: Path) -> SilverSet:
    """A set with features of this kind: `minilm` or `tfidf`."""
    rows = read_set(folder, name)
    labels = sorted({row["gold"] for row in rows})
    several = len(rows[0].get("silvers") or ()) > 1
    said = said_by(rows, sources_of(rows, name, "all" if several else "one"), labels)
    if said is None:
        raise NotReady(
            f"The gold texts of {name} carry no silver labels; there is nothing to learn a source's worth from."
        )
    texts = [row["text"] for row in rows]
    return SilverSet(
        name=name,
        classes=len(labels),
        both=None if kind == "tfidf" else _encoded(texts, cache, "middle+last"),
        features=_words(texts) if kind == "tfidf" else _encoded(texts, cache, "last"),
        gold=torch.tensor([labels.index(row["gold"]) for row in rows]),
        said=said,
        split=[row["split"] for row in rows],
    )


def run(data: SilverSet, seed: int, training: bool) -> Mapping[str, Any]:
    """Every way of judging, on one draw; `training` adds macro-F1 on test of heads taught what each way believes."""
    split = np.array(data.split)
    pool = np.random.default_rng(seed).permutation(np.flatnonzero(split != "test"))
    first, second = int((split == "seed").sum()), int((split == "validation").sum())
    learn, validation = np.concatenate([pool[:first], pool[first + second :]]), pool[first : first + second]
    silver, truth = data.said.labels[learn[first:], 0], data.gold[learn[first:]]
    data = _chosen(data, learn, validation, torch.cat([data.gold[learn[:first]], silver]))
    found: dict[str, Any] = {"silver_error": float((silver != truth).double().mean()), "ways": {}}
    for way, judged in _ways(data, learn, validation, first):
        posterior = judged.at() if way == "gold" else judged.posterior()
        ranking = posterior if way == "gold" else judged.judged()
        about = {"known": judged.report(), **_ranked(ranking[first:], silver, truth)}
        if training:
            targets = posterior.clone()
            targets[:first] = torch.nn.functional.one_hot(data.gold[learn[:first]], data.classes).double()
            about["macro_f1"] = _taught(data, validation, (learn, None, targets))
        found["ways"][way] = about
    if training:
        labels = torch.cat([data.gold[learn[:first]], silver])
        found["gold_alone"] = _taught(data, validation, (learn[:first], data.gold[learn[:first]], None))
        found["plain"] = _taught(data, validation, (learn, labels, None))
        found["all_gold"] = _taught(data, validation, (learn, data.gold[learn], None))
    return found


def _chosen(data: SilverSet, learn: np.ndarray, validation: np.ndarray, labels: Int[Tensor, " l"]) -> SilverSet:
    """The set with the layers that the validation texts of a draw prefer, as training chooses them."""
    if data.both is None:
        return data
    tried: dict[Pooled, Tensor] = {"last": data.features, "middle+last": data.both}
    choice = choose_layers(
        {
            layers: (HeadData(each[learn], labels, data.classes), (each[validation], data.gold[validation]))
            for layers, each in tried.items()
        }
    )
    return replace(data, features=tried[choice.layers], both=None)


def _ways(data: SilverSet, learn: np.ndarray, validation: np.ndarray, first: int) -> Iterator[tuple[str, Beliefs]]:
    silver = data.said.labels[learn, 0].clone()
    labels = torch.cat([data.gold[learn[:first]], silver[first:]])
    silver[:first] = UNKNOWN
    steering = (data.features[validation], data.gold[validation])
    without = Learned(
        data=HeadData(data.features[learn], labels, data.classes),
        confirmed=torch.arange(len(learn)) < first,
        silver=silver,
        sources=torch.zeros_like(silver),
    )
    by_channel = Beliefs(without, steering)
    yield "gold", by_channel
    yield "channel", by_channel
    sources = data.said.labels.shape[1]
    for way, count in (("one", 1), ("all", sources)):
        said = Said(labels=data.said.labels[:, :count], confidence=data.said.confidence[:, :count])
        learned = replace(without, said=said.where(torch.from_numpy(learn)))
        if way == "one" or sources > 1:
            yield way, Beliefs(learned, steering, said.where(torch.from_numpy(validation)))


def _ranked(posterior: Float[Tensor, "n c"], silver: Int[Tensor, " n"], truth: Int[Tensor, " n"]) -> dict[str, Any]:
    from sklearn.metrics import average_precision_score

    doubt, wrong = 1 - posterior.gather(1, silver.unsqueeze(1)).squeeze(1), silver != truth
    first = torch.argsort(-doubt, stable=True)
    return {
        "precision": [float(wrong[first[: max(1, round(s * len(first)))]].double().mean()) for s in SHARES],
        "ap": float(average_precision_score(wrong.numpy(), doubt.numpy())),
        "accuracy": float((posterior.argmax(1) == truth).double().mean()),
        "ece": calibration(doubt, wrong).error,
        "loss": float(-posterior.gather(1, truth.unsqueeze(1)).clamp_min(1e-12).log().mean()),
    }


def _taught(data: SilverSet, validation: np.ndarray, lesson: tuple[np.ndarray, Tensor | None, Tensor | None]) -> float:
    """Macro-F1 on test of a head taught these labels or distributions, its l2 chosen on validation."""
    rows, labels, targets = lesson
    given = data.gold[rows] if labels is None else labels  # not read where there are targets
    taught = HeadData(data.features[rows], given, data.classes, targets=targets)
    fit = choose_l2(taught, data.features[validation], data.gold[validation], L2_GRID, tolerance=TOLERANCE)
    test = np.flatnonzero(np.array(data.split) == "test")
    predicted = probabilities(fit.theta, data.features[test]).argmax(1).numpy()
    return macro_f1(predicted, data.gold[test].numpy(), data.classes)


def _words(texts: Sequence[str]) -> Float[Tensor, "n d"]:
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.preprocessing import normalize

    counted = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True).fit_transform(texts)
    return torch.from_numpy(normalize(TruncatedSVD(WORDS, random_state=0).fit_transform(counted)))


def _encoded(texts: Sequence[str], cache: Path, layers: Pooled) -> Float[Tensor, "n d"]:
    settings = TrainSettings()
    return encoded_features(
        DEFAULT_MODEL,
        texts,
        cache,
        max_tokens=settings.max_tokens,
        batch_tokens=settings.batch_tokens,
        precision=settings.precision,
        layers=layers,
        progress=lambda *_: None,
    )


def kept(results: Path) -> list[dict[str, Any]]:
    """The runs in the file; a line torn by a kill is removed from it."""
    content = results.read_bytes() if results.is_file() else b""
    whole = content[: content.rfind(b"\n") + 1]
    if whole != content:
        results.write_bytes(whole)
    return [json.loads(line) for line in whole.splitlines()]


def table(runs: Sequence[Mapping[str, Any]]) -> str:
    """Markdown: for each kind of features and way, means over seeds, then over sets; `all` of one source is `one`."""
    lines = [
        "| features | way | sets | in the first 1 % | 5 % | 10 % | average precision | accuracy | ECE | worst ECE |"
        " macro-F1 | all gold |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for kind in dict.fromkeys(run["features"] for run in runs):
        for way in ("gold", "channel", "one", "all"):
            lines.append(_line([run for run in runs if run["features"] == kind], kind, way))
    return "\n".join(lines)


def _line(runs: Sequence[Mapping[str, Any]], kind: str, way: str) -> str:
    names = sorted({run["set"] for run in runs})
    rows = {name: [_row(run, way) for run in runs if run["set"] == name] for name in names}
    means = np.array([np.mean(rows[name], axis=0) for name in names])
    cells = [f"{value:.3f}" for value in means.mean(0)]
    cells.insert(6, f"{means[:, 5].max():.3f}")
    return f"| {kind} | {way} | {len(names)} | " + " | ".join(cells).replace("nan", "–") + " |"


def _row(run: Mapping[str, Any], way: str) -> list[float]:
    one = run["ways"].get(way) or run["ways"]["one"]
    trained = [one.get("macro_f1", np.nan), run.get("all_gold", np.nan)]
    return [*one["precision"], one["ap"], one["accuracy"], one["ece"], *trained]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.posterior")
    parser.add_argument("--data", type=Path, help="folder of <set>.jsonl.gz files with silver labels in every split")
    parser.add_argument("--cache", type=Path, default=Path("features"), help="folder of encoded texts")
    parser.add_argument("--results", type=Path, required=True, help="JSON lines, from which a stopped run continues")
    parser.add_argument("--sets", default=SETS)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--features", default="minilm,tfidf")
    parser.add_argument("--no-training", action="store_true", help="only rankings, no macro-F1")
    parser.add_argument("--table", action="store_true", help="only print the results")
    chosen = parser.parse_args()
    for kind in [] if chosen.table else chosen.features.split(","):
        for name in chosen.sets.split(","):
            done = {(r["set"], r["seed"], r["features"]) for r in kept(chosen.results)}
            seeds = [seed for seed in range(chosen.seeds) if (name, seed, kind) not in done]
            data = read(chosen.data, name, kind, chosen.cache) if seeds else None
            for seed in seeds:
                assert data is not None
                about = {"set": name, "seed": seed, "features": kind}
                with chosen.results.open("a", encoding="utf-8") as file:
                    file.write(json.dumps({**about, **run(data, seed, not chosen.no_training)}) + "\n")
    print(table(kept(chosen.results)))


if __name__ == "__main__":
    main()
