import pytest
import torch

from inffeed_core.influence import HeadData, HeadFit, HeadInfluence, fit_head


@pytest.fixture(params=[2, 4], ids=["two-classes", "four-classes"])
def noisy_data(request: pytest.FixtureRequest) -> HeadData:
    """A few hundred rows that a linear head cannot quite separate, with unequal weights."""
    generator = torch.Generator().manual_seed(request.param)
    features = torch.randn(300, 12, generator=generator)
    truth = features @ torch.randn(12, request.param, generator=generator)
    labels = (truth + 2 * torch.randn(truth.shape, generator=generator)).argmax(1)
    weights = torch.where(torch.rand(300, generator=generator) < 0.3, 0.5, 1.0).double()
    return HeadData(features, labels, request.param, weights)


@pytest.fixture
def targets(noisy_data: HeadData) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(99)
    return torch.randn(40, 12, generator=generator), torch.randint(noisy_data.classes, (40,), generator=generator)


@pytest.fixture
def fitted(noisy_data: HeadData) -> HeadFit:
    return fit_head(noisy_data, 1e-2)


@pytest.fixture
def influence(noisy_data: HeadData, fitted: HeadFit) -> HeadInfluence:
    return HeadInfluence(noisy_data, fitted)
