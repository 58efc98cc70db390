"""Losses equal torch's where torch has them, and weigh what they say they weigh."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.utils.class_weight import compute_class_weight

from graft.errors import GraftError
from graft.training.losses import Loss, balanced_class_weights, build_loss, list_losses

GENERATOR = torch.Generator().manual_seed(0)
LOGITS = 3 * torch.randn(40, 5, generator=GENERATOR)
LABELS = torch.randint(5, (40,), generator=GENERATOR)
SHARES = torch.rand(40, 5, generator=GENERATOR).softmax(dim=1)
SEVERAL = torch.randint(2, (40, 5), generator=GENERATOR).to(torch.int8)
WEIGHTS = torch.tensor([0.2, 1.0, 3.0, 0.5, 1.3])


def one_hot(labels):
    return F.one_hot(labels, 5).float()


def test_cross_entropy_is_torchs():
    loss = Loss("cross_entropy", label_smoothing=0.1)
    expected = F.cross_entropy(LOGITS, LABELS, label_smoothing=0.1)
    torch.testing.assert_close(loss(LOGITS, LABELS), expected)
    torch.testing.assert_close(Loss("mse")(LOGITS, LABELS), F.mse_loss(LOGITS, one_hot(LABELS)))
    torch.testing.assert_close(Loss("l1")(LOGITS, LABELS), F.l1_loss(LOGITS, one_hot(LABELS)))


@pytest.mark.parametrize("name", ["binary_cross_entropy", "multi_label_soft_margin"])
def test_binary_cross_entropy_is_the_multi_label_soft_margin_loss(name):
    expected = F.multilabel_soft_margin_loss(LOGITS, SEVERAL.float())
    torch.testing.assert_close(Loss(name, multi_label=True)(LOGITS, SEVERAL), expected)


def test_the_negative_log_likelihood_is_that_of_a_log_softmax_given_or_not():
    """Networks of the reports end in a log-softmax, ours in logits: the loss is the same."""
    expected = F.nll_loss(LOGITS.log_softmax(dim=1), LABELS)
    torch.testing.assert_close(Loss("nll")(LOGITS, LABELS), expected)
    torch.testing.assert_close(Loss("nll")(LOGITS.log_softmax(dim=1), LABELS), expected)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("weights", [None, WEIGHTS])
@pytest.mark.parametrize("name", list_losses(multi_label=False))
def test_an_index_and_its_one_hot_share_are_the_same_target(name, weights, smoothing):
    """Mixed images come as shares: a share of all must weigh what the index weighs."""
    loss = Loss(name, class_weights=weights, label_smoothing=smoothing)
    torch.testing.assert_close(loss(LOGITS, LABELS), loss(LOGITS, one_hot(LABELS)))


@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_focal_loss_without_focus_is_cross_entropy(weights):
    single = Loss("focal", class_weights=weights, focal_gamma=0.0)
    torch.testing.assert_close(
        single(LOGITS, SHARES), Loss("cross_entropy", class_weights=weights)(LOGITS, SHARES)
    )
    several = Loss("focal", multi_label=True, class_weights=weights, focal_gamma=0.0)
    plain = Loss("binary_cross_entropy", multi_label=True, class_weights=weights)
    torch.testing.assert_close(several(LOGITS, SEVERAL), plain(LOGITS, SEVERAL))


def test_focal_loss_is_that_of_its_paper():
    """Equation 4 of Lin et al. (2017): -(1 - p)^γ log p of the true class."""
    p = LOGITS.softmax(dim=1)[torch.arange(40), LABELS]
    expected = (-((1 - p) ** 1.5) * p.log()).mean()
    torch.testing.assert_close(Loss("focal", focal_gamma=1.5)(LOGITS, LABELS), expected)
    p = torch.where(SEVERAL == 1, LOGITS.sigmoid(), 1 - LOGITS.sigmoid())
    expected = (-((1 - p) ** 1.5) * p.log()).mean()
    actual = Loss("focal", multi_label=True, focal_gamma=1.5)(LOGITS, SEVERAL)
    torch.testing.assert_close(actual, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", list_losses(multi_label=False))
def test_an_image_counts_as_its_classs_weight(name):
    single = LABELS.new_full((1,), 2)
    plain, weighted = Loss(name), Loss(name, class_weights=WEIGHTS)
    torch.testing.assert_close(
        weighted(LOGITS[:1], single), WEIGHTS[2] * plain(LOGITS[:1], single), rtol=1e-5, atol=1e-6
    )
    parts = torch.stack([weighted(LOGITS[k : k + 1], LABELS[k : k + 1]) for k in range(40)])
    torch.testing.assert_close(weighted(LOGITS, LABELS), parts.mean())


@pytest.mark.parametrize("name", list_losses(multi_label=True))
def test_what_is_not_counted_has_no_loss_and_no_gradient(name):
    targets = SEVERAL.clone()
    targets[:, 3] = -1
    targets[7] = -1
    logits = LOGITS.clone().requires_grad_()
    loss = Loss(name, multi_label=True, class_weights=WEIGHTS, label_smoothing=0.1)
    loss(logits, targets).backward()
    assert (logits.grad[:, 3] == 0).all()
    assert (logits.grad[7] == 0).all()
    assert (logits.grad != 0).sum() == 39 * 4
    kept = [row for row in range(40) if row != 7]
    columns = [0, 1, 2, 4]
    alone = Loss(name, True, WEIGHTS[columns], 0.1)
    torch.testing.assert_close(
        loss(LOGITS, targets), alone(LOGITS[kept][:, columns], SEVERAL[kept][:, columns])
    )
    assert loss(LOGITS, torch.full_like(targets, -1)) == 0


@pytest.mark.parametrize("multi_label", [False, True])
def test_half_precision_logits_lose_no_more_than_their_own_rounding(multi_label):
    targets = SEVERAL if multi_label else LABELS
    for name in list_losses(multi_label):
        loss = Loss(name, multi_label)
        rounded = LOGITS.bfloat16()
        assert loss(rounded, targets).dtype == torch.float32
        torch.testing.assert_close(loss(rounded, targets), loss(rounded.float(), targets))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 4), min_size=1, max_size=60))
def test_balanced_weights_are_scikit_learns(labels):
    labels = np.array(labels)
    classes = np.unique(labels)
    weights = balanced_class_weights(labels, 5)
    np.testing.assert_allclose(
        weights[classes], compute_class_weight("balanced", classes=classes, y=labels)
    )
    assert weights[labels].mean() == pytest.approx(1)


def test_balanced_weights_of_several_labels_make_present_and_absent_count_the_same():
    labels = np.array([[1, 0, 0], [0, 0, 0], [0, 1, -1], [0, 1, 0]], dtype=np.int8)
    assert balanced_class_weights(labels, 3).tolist() == [3.0, 1.0, 1.0]
    everywhere = np.array([[1, 0, 1], [1, 0, -1], [1, 1, 0]], dtype=np.int8)
    assert balanced_class_weights(everywhere, 3).tolist() == [1.0, 2.0, 1.0]


@pytest.mark.parametrize(
    ("name", "multi_label"), [("cross_entropy", True), ("binary_cross_entropy", False), ("x", True)]
)
def test_a_loss_for_another_kind_of_task_is_refused(name, multi_label):
    with pytest.raises(GraftError, match=f"training.loss: '{name}'.*Use auto or one of"):
        build(name, multi_label)


def build(name, multi_label, weights=None):
    return build_loss(
        name,
        multi_label=multi_label,
        class_weights=weights,
        label_smoothing=0.1,
        focal_gamma=2.0,
        device="cpu",
    )


def test_auto_fits_the_task_and_validation_is_judged_plainly():
    assert build("auto", False).name == "cross_entropy"
    weighted = build("auto", True, weights=np.ones(5))
    assert weighted.name == "binary_cross_entropy"
    assert weighted.plain().class_weights is None
    assert weighted.plain().label_smoothing == 0
