"""MixUp and CutMix: shares from their distribution, the same in pixels and in targets."""

import pytest
import torch
from scipy import stats

from graft.images.augmentation.mixing import draw_mixing, mix_images, mix_targets

COUNT = 4000


def drawn(mixup=0.0, cutmix=0.0, count=COUNT, seed=0, epoch=1):
    return draw_mixing(torch.arange(count), count, mixup, cutmix, seed, epoch)


@pytest.mark.parametrize("alpha", [0.2, 1.0, 3.0])
@pytest.mark.parametrize("method", ["mixup", "cutmix"])
def test_shares_follow_their_beta_distribution(method, alpha):
    """Kolmogorov and Smirnov; by chance a seed fails once in a thousand."""
    share = drawn(**{method: alpha}).share.numpy()
    assert stats.kstest(share, stats.beta(alpha, alpha).cdf).pvalue > 0.001


def test_the_batch_changes_neither_partner_nor_share():
    whole = drawn(mixup=0.4, cutmix=1.0)
    some = torch.tensor([17, 3, 2999])
    part = draw_mixing(some, COUNT, 0.4, 1.0, seed=0, epoch=1)
    for field in ("partner", "share", "centre", "cuts"):
        assert torch.equal(getattr(whole, field)[some], getattr(part, field))


def test_partners_come_from_the_whole_epoch_and_change_with_epoch_and_seed():
    first, later, other = drawn(mixup=1.0), drawn(mixup=1.0, epoch=2), drawn(mixup=1.0, seed=1)
    assert stats.kstest(first.partner.numpy() / COUNT, "uniform").pvalue > 0.001
    assert 0 <= first.partner.min() <= first.partner.max() < COUNT
    for mixing in (later, other):
        assert (mixing.partner == first.partner).float().mean() < 0.01
        assert not torch.equal(mixing.share, first.share)


def test_with_both_each_sample_gets_one_of_the_two():
    cuts = drawn(mixup=1.0, cutmix=1.0).cuts.float().mean().item()
    assert abs(cuts - 0.5) < 4 * (0.25 / COUNT) ** 0.5
    assert drawn(cutmix=1.0).cuts.all()
    assert not drawn(mixup=1.0).cuts.any()


def test_mixup_blends_every_pixel_by_the_share():
    mixing = drawn(mixup=1.0, count=50)
    own, other = torch.rand(2, 50, 3, 6, 8, generator=torch.Generator().manual_seed(0))
    mixed, share = mix_images(own, other, mixing)
    torch.testing.assert_close(share, mixing.share.float())
    weight = share[:, None, None, None]
    torch.testing.assert_close(mixed, weight * own + (1 - weight) * other)
    assert 0 <= mixed.min() <= mixed.max() <= 1


def test_the_share_of_cutmix_is_that_of_the_pixels():
    mixing = drawn(cutmix=1.0)
    mixed, share = mix_images(torch.ones(COUNT, 3, 12, 10), torch.zeros(COUNT, 3, 12, 10), mixing)
    assert set(mixed.unique().tolist()) == {0.0, 1.0}
    torch.testing.assert_close(share, mixed.mean((1, 2, 3)), rtol=0, atol=1e-6)
    # Boxes that reach over the edge are smaller than drawn; the rest is as drawn, but for pixels.
    assert (share - mixing.share.float() > -1e-6).all()
    # Every box is a rectangle: as many pixels as its rows times its columns.
    box = 1 - mixed[:, 0]
    assert torch.equal(box.sum((1, 2)), box.amax(2).sum(1) * box.amax(1).sum(1))


def test_boxes_of_cutmix_are_those_of_its_authors():
    """Their `rand_bbox`, for the same share and centre."""
    mixing = drawn(cutmix=1.0, count=200)
    height, width = 12, 10
    mixed, _ = mix_images(
        torch.zeros(200, 1, height, width), torch.ones(200, 1, height, width), mixing
    )
    for box, share, (v, u) in zip(mixed[:, 0], mixing.share, mixing.centre.tolist(), strict=True):
        ratio = (1 - share.item()) ** 0.5
        cut_height, cut_width = int(height * ratio), int(width * ratio)
        row, column = int(v * height), int(u * width)
        expected = torch.zeros(height, width)
        top, bottom = max(row - cut_height // 2, 0), min(row + cut_height // 2, height)
        left, right = max(column - cut_width // 2, 0), min(column + cut_width // 2, width)
        expected[top:bottom, left:right] = 1
        assert torch.equal(box, expected)


def test_single_label_targets_sum_to_one():
    own, other = torch.eye(5)[torch.tensor([0, 1, 2])], torch.eye(5)[torch.tensor([3, 1, 0])]
    targets = mix_targets(own, other, torch.tensor([0.25, 0.5, 1.0]))
    assert targets.tolist() == [[0.25, 0, 0, 0.75, 0], [0, 1, 0, 0, 0], [0, 0, 1, 0, 0]]


def test_what_either_image_does_not_count_is_not_counted():
    own = torch.tensor([[1.0, 0.0, -1.0, 1.0]])
    other = torch.tensor([[0.0, -1.0, -1.0, 1.0]])
    targets = mix_targets(own, other, torch.tensor([0.25]))
    assert targets.tolist() == [[0.25, -1.0, -1.0, 1.0]]
