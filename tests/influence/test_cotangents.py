import torch
from torch import nn

from inffeed_core.influence import cotangents


def logits(classes: int, rows: int = 50) -> torch.Tensor:
    return 3 * torch.randn(rows, classes, dtype=torch.float64, generator=torch.Generator().manual_seed(classes))


def test_rows_sum_to_the_softmax_hessian():
    for classes in (2, 3, 7):
        z = logits(classes)
        rows = cotangents.curvature_rows(z)
        assert rows.shape == (classes - 1, 50, classes)
        hessians = torch.stack([torch.autograd.functional.hessian(lambda x: x.logsumexp(0), row) for row in z])
        torch.testing.assert_close(torch.einsum("knc,knd->ncd", rows, rows), hessians)


def test_coordinates_give_the_loss_gradient_back():
    for classes in (2, 5):
        z = logits(classes).requires_grad_()
        labels = torch.arange(50) % classes
        (expected,) = torch.autograd.grad(nn.functional.cross_entropy(z, labels, reduction="sum"), z)
        rows, c = cotangents.curvature_rows(z.detach()), cotangents.loss_coordinates(z.detach(), labels)
        torch.testing.assert_close(torch.einsum("knc,nk->nc", rows, c), expected)
        torch.testing.assert_close(cotangents.loss(z.detach(), labels), expected)


def test_sampled_labels_follow_the_model_and_the_generator():
    z = torch.tensor([[0.0, 1.0, -1.0]]).repeat(20_000, 1)
    drawn = cotangents.sampled_loss(z, torch.Generator().manual_seed(3))
    again = cotangents.sampled_loss(z, torch.Generator().manual_seed(3))
    assert torch.equal(drawn, again)
    frequencies = (drawn < 0).double().mean(0)
    torch.testing.assert_close(frequencies, z[0].double().softmax(0), atol=0.02, rtol=0)
