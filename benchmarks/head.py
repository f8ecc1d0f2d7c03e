"""The head tier: refit after corrections against a cold fit elsewhere, and scoring against the bare matrix product."""

import torch
from sklearn.linear_model import LogisticRegression

from benchmarks.timing import medians, table
from inffeed_core.influence import HeadData, HeadInfluence, fit_head

L2 = 1e-3


def some_data(rows: int, width: int, classes: int) -> HeadData:
    generator = torch.Generator().manual_seed(0)
    features = torch.nn.functional.normalize(torch.randn(rows, width, generator=generator))
    truth = 8 * features @ torch.randn(width, classes, generator=generator)
    labels = torch.multinomial(torch.softmax(truth, 1), 1, generator=generator).squeeze(1)
    return HeadData(features, labels, classes)


def refit() -> None:
    data = some_data(10_000, 384, 3)
    fit = fit_head(data, L2)
    labels = data.labels.clone()
    labels[:50] = (labels[:50] + 1) % 3
    corrected = HeadData(data.features, labels, 3)
    peer_features, peer_labels = corrected.features.double().numpy(), labels.numpy()
    peer = LogisticRegression(C=1 / (L2 * len(labels)), tol=1e-6, max_iter=2000)
    work = {
        "warm refit after 50 corrections": lambda: fit_head(corrected, L2, start=fit.theta),
        "cold fit": lambda: fit_head(corrected, L2),
        "scikit-learn LogisticRegression, cold": lambda: peer.fit(peer_features, peer_labels),
    }
    table("Refit, 10,000 rows, 384 features, 3 classes", medians(work))


def score() -> None:
    data = some_data(200_000, 384, 3)
    small = HeadData(data.features[:5000], data.labels[:5000], 3)
    influence = HeadInfluence(data, fit_head(small, L2), leverage=False)
    gradient = influence.validation_gradient(data.features[:500], data.labels[:500])
    weight = torch.randn(3, 384)
    work = {
        "influence of 200,000 rows on validation, top 100": lambda: influence.top_influencers(gradient, 100),
        "the bare matrix product of those shapes": lambda: data.features @ weight.T,
    }
    table("Scoring, 200,000 rows, 384 features, 3 classes", medians(work))


def pairs() -> None:
    data = some_data(2000, 768, 4)
    target = some_data(200, 768, 4)

    def cold() -> None:
        HeadInfluence(data, fit).on_losses(target.features, target.labels)

    def on_validation(influence: HeadInfluence) -> object:
        return influence.on_gradients(influence.validation_gradient(target.features, target.labels))

    fit = fit_head(data, 0.01)
    built = HeadInfluence(data, fit)
    built.on_losses(target.features, target.labels)
    labels = data.labels.clone()
    labels[:20] = (labels[:20] + 1) % 4
    corrections = HeadData(data.features, labels, 4)
    work = {
        "curvature, leverage and 2,000 × 200 scores": cold,
        "refit and 2,000 × 200 scores after 20 corrections": lambda: built.corrected(corrections).on_losses(
            target.features, target.labels
        ),
        "refit and validation influence after 20 corrections": lambda: on_validation(built.corrected(corrections)),
        "another 200 targets": lambda: built.on_losses(target.features, target.labels),
    }
    table("Pairs, 2,000 × 200, 768 features, 4 classes", medians(work))


def main() -> None:
    refit()
    score()
    pairs()


if __name__ == "__main__":
    main()
