"""Every public function takes any type of number, layout and gradient state, and answers as for float64; or refuses."""

import inspect
import pkgutil
from importlib import import_module

import pytest
import torch
from accepted_cases import (
    CASES,
    DTYPES,
    FEATURES,
    FIT,
    LABELS,
    ONE_HOT,
    ROUNDING,
    THETA,
    C,
    N,
    head,
    head_influence,
    parts,
)

from inffeed_core import influence
from inffeed_core.influence import HeadData, HeadInfluence, cotangents, fit_head


def agree(found: object, expected: object, dtype: torch.dtype) -> None:
    near = ROUNDING.get(dtype, 1e-4)
    got, wanted = parts(found), parts(expected)
    assert len(got) == len(wanted) > 0
    for a, b in zip(got, wanted, strict=True):
        assert a.is_floating_point() == b.is_floating_point()
        torch.testing.assert_close(a.double(), b.double(), rtol=near, atol=near)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_any_type_of_number_gives_what_float64_gives(name: str, dtype: torch.dtype) -> None:
    call, given = CASES[name]
    agree(call(**{key: value.to(dtype) for key, value in given.items()}), call(**given), dtype)


@pytest.mark.parametrize("name", CASES)
def test_types_may_be_mixed_and_layouts_and_gradients_do_not_matter(name: str) -> None:
    call, given = CASES[name]
    expected = call(**given)
    for turn in range(len(given)):
        mixed = {key: value.float() if n == turn else value for n, (key, value) in enumerate(given.items())}
        agree(call(**mixed), expected, torch.float32)
    strided = {key: torch.stack([value, -value], value.ndim)[..., 0] for key, value in given.items()}
    assert not any(value.is_contiguous() for value in strided.values() if value.numel() > 1)
    agree(call(**strided), expected, torch.float64)
    followed = {key: value.clone().requires_grad_() for key, value in given.items()}
    found = call(**followed)
    agree(found, expected, torch.float64)
    assert not any(part.requires_grad for part in parts(found))


ON_CPU = ("softmax", "newton", "factor", "kronecker", "scores", "head", "row_dual", "products", "solvers")


@pytest.mark.parametrize("name", CASES)
def test_what_holds_no_numbers_is_refused(name: str) -> None:
    call, given = CASES[name]
    for key in given:
        for wrong in (given[key].to("meta"), given[key].to(torch.complex64)):
            if wrong.is_meta and not name.startswith(ON_CPU):
                continue  # whole models may lie on any device, and torch says where two differ
            with pytest.raises(ValueError, match=r"expected|device"):
                call(**given | {key: wrong})


@pytest.mark.parametrize("dtype", [torch.int32, torch.uint8, torch.float32, torch.float16])
def test_class_numbers_of_any_type_are_class_numbers(dtype: torch.dtype) -> None:
    labels = LABELS.to(dtype)
    agree(fit_head(head(FEATURES, labels), 0.1), FIT, torch.float64)
    own = head_influence().on_losses(FEATURES, LABELS)
    agree(head_influence().on_losses(FEATURES, labels), own, torch.float64)
    agree(cotangents.loss(ONE_HOT, labels), cotangents.loss(ONE_HOT, LABELS), torch.float64)
    with pytest.raises(ValueError, match="not whole"):
        head(FEATURES, LABELS + 0.5)


def test_features_of_whole_numbers_tell_rows_apart() -> None:
    features = torch.randint(0, 50, (120, 6), generator=torch.Generator().manual_seed(0))
    labels = torch.arange(120) % 2
    for dtype in (torch.int64, torch.uint8):
        data = HeadData(features.to(dtype), labels, 2)
        found = HeadInfluence(data, fit_head(data, 0.1)).on_losses(features[:1].to(dtype), labels[:1])
        assert len(found.unique()) > 100


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_numbers_that_are_none_are_named_by_their_row(bad: float) -> None:
    features = FEATURES.clone()
    features[7, 2] = bad
    with pytest.raises(ValueError, match="features of row 7"):
        fit_head(head(features), 0.1)
    with pytest.raises(ValueError, match="start"):
        fit_head(head(FEATURES), 0.1, start=torch.full_like(THETA, bad))
    with pytest.raises(ValueError, match="weight"):
        head(FEATURES, weights=torch.full((N,), bad))
    with pytest.raises(ValueError, match="distributions"):
        head(FEATURES, targets=torch.full((N, C), bad))


def takes_tensors(function: object) -> bool:
    try:
        signature = inspect.signature(function)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return False
    return any("Tensor" in str(p.annotation) or "Taught" in str(p.annotation) for p in signature.parameters.values())


WITHOUT_NUMBERS = {
    "capture.Network.record",
    "factor.Solver.reach",
    "factor.Solver.solve",
    "head.HeadInfluence.most_harmed_of",
    "gauss_newton.example_gradients",
    "gauss_newton.mean_gradient",
    "kronecker.pulled_back",
    "linear_layers.call_logits",
    "linear_layers.find_layers",
    "parts.of_rows",
    "passes.fitting",
    "passes.one_pass",
    "passes.spaced",
    "refined.refine",
}
"""Hand batches of token ids on to the caller's model as they are, or are inner steps of what converts."""


def test_every_public_function_that_takes_tensors_is_among_the_cases() -> None:
    tested = {name.split(" ")[0] for name in CASES}
    for module in pkgutil.iter_modules(influence.__path__):
        home = import_module(f"{influence.__name__}.{module.name}")
        for name, found in vars(home).items():
            if name.startswith("_") or getattr(found, "__module__", "") != home.__name__ or module.name == "accepted":
                continue
            inner = {f"{name}.{key}": one for key, one in vars(found).items()} if inspect.isclass(found) else {}
            for called, one in {name: found, **inner}.items():
                full = f"{module.name}.{called}"
                public = inspect.isfunction(one) and not called.rpartition(".")[2].startswith("_")
                if public and takes_tensors(one) and full not in WITHOUT_NUMBERS:
                    assert full in tested | {"factor.Factor.solve"} or module.name in MODEL_DATA, full


MODEL_DATA = {
    "compression",
    "whole_model",
    "ekfac",
    "woodbury",
    "gradient_index",
    "adamw",
    "training_run",
    "kept_states",
}
"""Take their tensors from a model's own pass or training, or as batches of token ids."""
