import pytest
import torch
from torch import Tensor

from inffeed_core.silver.channel import UNKNOWN, estimate_channel

TRUE = torch.tensor([[0.9, 0.1], [0.4, 0.6]], dtype=torch.float64)


def drawn(n: int, channel: Tensor, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Calibrated beliefs, the truth drawn from them, and silver drawn through the channel."""
    generator = torch.Generator().manual_seed(seed)
    score = 2 * torch.randn(n, channel.shape[0], generator=generator, dtype=torch.float64)
    belief = torch.softmax(score, 1)
    truth = torch.multinomial(belief, 1, generator=generator).squeeze(1)
    silver = torch.multinomial(channel[truth], 1, generator=generator).squeeze(1)
    return belief, truth, silver


def nobody(n: int) -> Tensor:
    return torch.full((n,), UNKNOWN)


def test_finds_the_channel_that_made_the_silver():
    belief, _, silver = drawn(20_000, TRUE, 0)
    found = estimate_channel(belief, silver, nobody(20_000))
    torch.testing.assert_close(found.rates[0], TRUE, atol=0.03, rtol=0)


def test_posterior_is_calibrated_and_surer_than_the_belief():
    belief, truth, silver = drawn(20_000, TRUE, 1)
    posterior = estimate_channel(belief, silver, nobody(20_000)).posterior
    torch.testing.assert_close(posterior.sum(1), torch.ones(20_000, dtype=torch.float64))
    for low in (0.0, 0.2, 0.4, 0.6, 0.8):
        inside = (posterior[:, 1] >= low) & (posterior[:, 1] < low + 0.2)
        assert abs(float(posterior[inside, 1].mean() - truth[inside].double().mean())) < 0.04
    loss = [float(-p.gather(1, truth.unsqueeze(1)).log().mean()) for p in (posterior, belief)]
    assert loss[0] < loss[1] - 0.02


def test_a_confirmed_text_is_certain():
    belief, truth, silver = drawn(200, TRUE, 2)
    confirmed = torch.where(torch.arange(200) < 50, truth, UNKNOWN)
    posterior = estimate_channel(belief, silver, confirmed).posterior
    assert torch.equal(posterior[:50], torch.nn.functional.one_hot(truth[:50], 2).double())


def test_reviewing_the_suspicious_first_does_not_bias_the_channel():
    belief, truth, silver = drawn(20_000, TRUE, 3)
    suspicious = belief.gather(1, silver.unsqueeze(1)).squeeze(1).argsort()[:2000]
    confirmed = nobody(20_000)
    confirmed[suspicious] = truth[suspicious]
    assert (silver[suspicious] != truth[suspicious]).double().mean() > 0.7  # far above the rate of all
    torch.testing.assert_close(estimate_channel(belief, silver, confirmed).rates[0], TRUE, atol=0.03, rtol=0)


def test_each_source_has_a_channel_of_its_own():
    other = TRUE.flip(0)
    one, two = drawn(8000, TRUE, 4), drawn(8000, other, 5)
    belief, _, silver = (torch.cat(pair) for pair in zip(one, two, strict=True))
    sources = torch.arange(16_000) // 8000
    rates = estimate_channel(belief, silver, nobody(16_000), sources).rates
    torch.testing.assert_close(rates, torch.stack([TRUE, other]), atol=0.05, rtol=0)


def test_a_source_of_a_few_texts_is_taken_for_like_the_others():
    belief, _, silver = drawn(5003, TRUE, 6)
    sources = (torch.arange(5003) >= 5000).long()
    rates = estimate_channel(belief, silver, nobody(5003), sources).rates
    torch.testing.assert_close(rates[1], rates[0], atol=0.1, rtol=0)


def test_without_trust_the_belief_stands():
    belief, _, silver = drawn(100, TRUE, 8)
    torch.testing.assert_close(estimate_channel(belief, silver, nobody(100), trust=0.0).posterior, belief)


@pytest.mark.parametrize("order_seed", [0, 1])
def test_order_of_texts_is_of_no_matter(order_seed: int):
    belief, _, silver = drawn(300, TRUE, 7)
    order = torch.randperm(300, generator=torch.Generator().manual_seed(order_seed))
    plain = estimate_channel(belief, silver, nobody(300)).posterior
    shuffled = estimate_channel(belief[order], silver[order], nobody(300)).posterior
    torch.testing.assert_close(shuffled, plain[order], atol=1e-5, rtol=0)
