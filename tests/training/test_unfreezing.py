"""What is frozen at first stays so to the bit, joins when it is told to, and begins afresh."""

import dataclasses
import math

import pytest
import torch
import torch.nn.functional as F

from graft.compute import Compute
from graft.datasets.training_state import StateFolder
from graft.errors import GraftError
from graft.images.augmentation import Policy, policy_from_parameters
from graft.images.conversion import to_float
from graft.models.classifier import count_parameters
from graft.models.lora import LoRA
from graft.training.batches import Batches
from graft.training.loop import fit
from graft.training.losses import Loss
from graft.training.optimization import build_optimizer
from graft.training.recipe import TrainingRecipe
from graft.training.safety import SafetyNet
from graft.training.unfreezing import require_unfreezing, unfreeze
from graft.training.views import TrainingViews

from .killing import Killer, Stop
from .small_networks import FAMILIES, small_classifier

# Weight decay, averages and a penalty towards the start would move what is frozen if they reached
# it; three batches an epoch.
RECIPE = TrainingRecipe(
    epochs=3,
    batch_size=16,
    optimizer="adamw",
    learning_rate=0.01,
    weight_decay=0.1,
    ema_decay=0.5,
    l2_sp=0.1,
    unfreezing={1: "all_except_1", 2: "all_except_2"},
)
NO_AUGMENTATION = Policy()


def fitted(model, store, compute, recipe=RECIPE, observers=(), safety=None, policy=None):
    views = TrainingViews(
        Batches(store, "train", recipe.batch_size, compute),
        policy or NO_AUGMENTATION,
        0,
        store.num_classes,
    )
    validation = Batches(store, "validation", 64, compute)
    loss = Loss("cross_entropy")
    return fit(model, views, validation, recipe, loss, compute, 0, observers, safety)


def frozen_at_first(name, lora=None):
    model = small_classifier(name, lora)
    model.freeze("all_except_last")
    return model


def weights(model):
    return {name: tensor.detach().clone() for name, tensor in model.net.state_dict().items()}


def moved(before, after):
    return {name for name in before if not torch.equal(before[name], after[name])}


class Watcher(Killer):
    """Keeps the weights after each epoch, and which modules were at work in it."""

    def __init__(self, model):
        super().__init__()
        self.model, self.after, self.at_work = model, [], []

    def on_batch(self, means):
        net = self.model.net
        self.at_work.append({path for path, module in net.named_modules() if module.training})

    def on_epoch(self, record):
        self.after.append(weights(self.model))


def owned_by(model, stages):
    """Names of the state dict, and paths of modules, that belong to these stages."""
    paths = tuple(f"{p}." for stage in stages for p in model.spec.stages(model.net)[stage])
    names = {n for n in model.net.state_dict() if f"{n}.".startswith(paths)}
    return names, {p for p, _ in model.net.named_modules() if f"{p}.".startswith(paths)}


@pytest.mark.parametrize("name", FAMILIES)
def test_stages_stay_as_they_are_until_it_is_their_turn(store, cpu, name):
    """Weights, statistics of batch norms, dropout and stochastic depth."""
    model = frozen_at_first(name)
    fresh, watcher = weights(model), Watcher(model)
    fitted(model, store, cpu, observers=[watcher])
    *still, second, first = model.stage_names()
    head = {name for name in fresh if name.startswith(f"{model.spec.head}.")}
    turns = [(), (first,), (second, first)]
    for number, stages in enumerate(turns):
        names, paths = owned_by(model, stages)
        changed = moved(fresh, watcher.after[number])
        assert head <= changed <= names | head
        assert changed & names or not names
        frozen_paths = owned_by(model, {*still, second, first} - {*stages})[1]
        for at_work in watcher.at_work[3 * number : 3 * number + 3]:
            assert not at_work & frozen_paths
            assert paths <= at_work
    statistics = {n for n in fresh if n.endswith("running_mean")}
    assert not owned_by(model, still)[0] & moved(fresh, watcher.after[-1])
    assert not statistics or name == "squeezenet1_1" or statistics & moved(fresh, watcher.after[-1])


@pytest.mark.parametrize(
    ("name", "optimizer", "killed_after"),
    [
        ("vgg11_bn", "sgd", 2),
        ("vgg11_bn", "sgd", 4),
        ("vgg11_bn", "adamw", 3),
        ("vgg11_bn", "adamw", 7),
        ("vit_b_16", "muon", 3),
        ("vit_b_16", "muon", 4),
        ("swin_t", "adamw", 7),
    ],
)
def test_it_goes_on_across_an_unfreezing_to_the_same_bits(
    store, cpu, tmp_path, name, optimizer, killed_after
):
    """In the first phase, at its very end, right after and in the last one; with dropout, and of
    Swin with changes of low rank."""
    recipe = dataclasses.replace(RECIPE, optimizer=optimizer)
    policy = policy_from_parameters({"policy": "flip_crop", "mixup": 0.2, "cutmix": 0.0})

    def train(observers=(), resume=False, folder=None):
        safety = SafetyNet(StateFolder(folder), seconds=0.0, resume=resume) if folder else None
        model = frozen_at_first(name, LoRA(2) if name == "swin_t" else None)
        return fitted(model, store, cpu, recipe, observers, safety, policy)

    whole = train()
    with pytest.raises(Stop):
        train([Killer(killed_after)], folder=tmp_path)
    again = train(resume=True, folder=tmp_path)
    assert not moved(whole.last_state, again.last_state)
    assert not moved(whole.best_state, again.best_state)
    losses = [[r.train_loss for r in result.history] for result in (whole, again)]
    assert losses[0] == losses[1]


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_linear_probing_then_fine_tuning_is_that_of_plain_torch(store, cpu, optimizer):
    """A second optimizer group is added when its turn comes: without momenta, at the schedule's
    rate of that moment."""
    recipe = TrainingRecipe(
        epochs=3,
        batch_size=16,
        optimizer=optimizer,
        learning_rate=0.02,
        backbone_learning_rate_factor=0.5,
        weight_decay=0.01,
        schedule="cosine",
        unfreezing={1: "none"},
        batch_norm_statistics="running",
    )
    expected, model = small_classifier("resnet18"), frozen_at_first("resnet18")
    fitted(model, store, cpu, recipe)

    net = expected.to(memory_format=torch.channels_last)
    head = list(expected.head.parameters())
    backbone = [p for p in expected.parameters() if not any(p is other for other in head)]
    if optimizer == "sgd":
        plain = torch.optim.SGD(head, 0.02, momentum=0.9, nesterov=True, weight_decay=0.01)
    else:
        plain = torch.optim.AdamW(head, 0.02, weight_decay=0.01, fused=True)
    batches, step = Batches(store, "train", 16, cpu), 0
    for epoch in (1, 2, 3):
        if epoch == 2:
            plain.add_param_group({"params": backbone})
        net.train(epoch > 1)
        for batch in batches.shuffled(0, epoch):
            rate = 0.02 * (0.5 * (1 + math.cos(math.pi * (step / 9))))
            for group, factor in zip(plain.param_groups, (1.0, 0.5), strict=False):
                group["lr"] = factor * rate
            loss = F.cross_entropy(net(to_float(batch.images)), batch.labels)
            for parameter in net.parameters():
                parameter.grad = None
            loss.backward()
            plain.step()
            step += 1
    images = torch.from_numpy(store.images[48:]).permute(0, 3, 1, 2).float() / 255
    with torch.inference_mode():
        found, wanted = model.eval()(images), expected.eval()(images)
    torch.testing.assert_close(found, wanted, rtol=1e-3, atol=1e-3)


def test_parameters_that_join_have_had_no_momentum():
    model = frozen_at_first("resnet20_cifar")
    recipe = dataclasses.replace(RECIPE, l2_sp=None)
    optimizer = build_optimizer(model, recipe)
    images = torch.rand(4, 3, 8, 8)

    def states():
        names = {id(p): name.split(".")[0] for name, p in model.net.named_parameters()}
        return {names[id(p)] for p in optimizer.state}

    for epoch, expected in (
        (1, {"fc"}),
        (2, {"fc", "stage3"}),
        (3, {"fc", "stage3", "stage2"}),
    ):
        unfreeze([model], recipe, epoch)
        model.train()
        optimizer.zero_grad()
        model(images).square().sum().backward()
        optimizer.step()
        assert states() == expected


def test_what_is_trained_grows_in_the_log_and_in_number(caplog):
    model = frozen_at_first("resnet20_cifar")
    counts = []
    with caplog.at_level("INFO"):
        for epoch in (1, 2, 2, 3):
            unfreeze([model], RECIPE, epoch)
            counts.append(count_parameters(model, trainable_only=True))
    assert counts[0] < counts[1] == counts[2] < counts[3]
    assert [record.getMessage() for record in caplog.records] == [
        "From epoch 2 on stage3 and the head are trained.",
        "From epoch 3 on stage2, stage3 and the head are trained.",
    ]


def test_changes_of_low_rank_join_as_well(store, cpu):
    model = frozen_at_first("swin_t", LoRA(2))
    fresh = weights(model)
    recipe = dataclasses.replace(RECIPE, unfreezing={2: "all_except_1"})
    fitted(model, store, cpu, recipe)
    changed = {name for name in moved(fresh, weights(model)) if not name.startswith("head")}
    last = tuple(f"{path}." for path in model.spec.stages(model.net)["stage4"])
    assert changed
    assert all(name.startswith(last) and name.endswith((".up", ".down")) for name in changed)


@pytest.mark.parametrize(
    ("unfreezing", "told"),
    [
        ({1: "all_except_9"}, r"training\.unfreezing: .* more stages"),
        ({1: ["layer4"]}, r"training\.unfreezing: .* no stage 'layer4'"),
        ({3: "none"}, r"after epoch 3, and there are 3"),
        ({1: "none", 2: "all_except_2"}, "after epoch 2 would freeze stem, stage1 again"),
    ],
)
def test_what_cannot_be_is_told(unfreezing, told):
    recipe = dataclasses.replace(RECIPE, unfreezing=unfreezing)
    with pytest.raises(GraftError, match=told):
        require_unfreezing(frozen_at_first("resnet20_cifar"), recipe)
    require_unfreezing(frozen_at_first("resnet20_cifar"), RECIPE)


def test_in_half_precision_nothing_frozen_moves_either(store):
    model = frozen_at_first("swin_t")
    fresh = weights(model)
    fitted(model, store, Compute("cpu", "bf16", 1), dataclasses.replace(RECIPE, epochs=2))
    names, _ = owned_by(model, model.stage_names()[:-1])
    assert not names & moved(fresh, weights(model))


def test_patience_waits_for_what_is_still_to_be_unfrozen(store, cpu):
    model = frozen_at_first("vgg11_bn")
    recipe = dataclasses.replace(
        RECIPE, epochs=9, learning_rate=1e-9, early_stopping_patience=2, unfreezing={4: "none"}
    )
    history = fitted(model, store, cpu, recipe).history
    assert 6 <= len(history) < 9
    assert model.freezing == "none"
