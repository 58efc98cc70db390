"""What is frozen leaves a whole training as it came, to the bit, interrupted or not."""

import pytest
import torch

from graft.datasets.training_state import StateFolder
from graft.images.augmentation import Policy
from graft.models.classifier import build_classifier
from graft.training.batches import Batches
from graft.training.loop import fit
from graft.training.losses import Loss
from graft.training.recipe import TrainingRecipe
from graft.training.safety import SafetyNet
from graft.training.views import TrainingViews

from .killing import Killer, Stop

STATISTICS = {"dataset_mean": (0.4, 0.4, 0.4), "dataset_std": (0.2, 0.2, 0.2)}
# Weight decay and averages would move what is frozen if they reached it.
RECIPE = TrainingRecipe(
    epochs=1, batch_size=16, learning_rate=0.05, weight_decay=0.1, ema_decay=0.5
)


@pytest.mark.parametrize(
    ("backbone", "strategy", "frozen"),
    [
        ("resnet20_cifar", "first_2", ["stem", "stage1"]),
        ("two_block_cnn", "first_1", ["block1"]),
        ("shufflenet_v2_x0_5", "all_except_2", None),
        ("mobilenet_v3_small", "first_3", None),
        pytest.param(
            "resnet18",
            "all_except_1",
            ["stem", "layer1", "layer2", "layer3"],
            marks=pytest.mark.slow,
        ),
        pytest.param("swin_t", "all_except_last", None, marks=pytest.mark.slow),
    ],
)
def test_frozen_stages_keep_their_bits(store, cpu, tmp_path, backbone, strategy, frozen):
    def network():
        model = build_classifier(backbone, store.class_names, None, **STATISTICS, input_size=32)
        model.freeze(strategy)
        return model

    def train(*observers, resume=False):
        model = network()
        views = TrainingViews(Batches(store, "train", 16, cpu), Policy(), 0, store.num_classes)
        validation = Batches(store, "validation", 64, cpu)
        safety = SafetyNet(StateFolder(tmp_path), seconds=0.0, resume=resume)
        fit(model, views, validation, RECIPE, Loss("cross_entropy"), cpu, 0, observers, safety)
        return model

    with pytest.raises(Stop):
        train(Killer(1))
    fresh, trained = network(), train(resume=True)
    stages = {name: list(fresh.stage_parameters(name)) for name in fresh.stage_names()}
    still = [name for name in stages if not stages[name]]
    assert frozen is None or still == frozen
    paths = fresh.spec.stages(fresh.net)
    state = trained.net.state_dict()
    for name, tensor in fresh.net.state_dict().items():
        owner = next(
            (s for s in paths if any(f"{name}.".startswith(f"{p}.") for p in paths[s])), ""
        )
        if owner in still:
            assert torch.equal(state[name], tensor), f"{name} of the frozen stage {owner}"
    changed = {
        n for n, tensor in fresh.net.state_dict().items() if not torch.equal(state[n], tensor)
    }
    learning = {name for name, parameter in fresh.net.named_parameters() if parameter.requires_grad}
    assert learning & changed
    assert f"{fresh.spec.head}.weight" in changed
