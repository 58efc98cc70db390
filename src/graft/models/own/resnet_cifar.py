"""The compact residual networks for 32-pixel images (He et al. 2015, section 4.2).

6n + 2 weighted layers in three stages of 16, 32 and 64 channels; n = 3 gives ResNet-20 with
269,722 parameters for ten classes. Shortcuts are the paper's option A: where the size changes,
the input is subsampled and padded with zero channels, which adds no parameter.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from graft.models.spec import BackboneSpec


class BasicBlock(nn.Module):
    """Two 3x3 convolutions with batch norm and a shortcut without parameters."""

    def __init__(self, in_channels: int, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, channels, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.stride = stride
        self.added_channels = channels - in_channels

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = F.relu(self.bn1(self.conv1(x)), inplace=True)
        out = self.bn2(self.conv2(out))
        return F.relu(out + self._shortcut(x), inplace=True)

    def _shortcut(self, x: torch.Tensor) -> torch.Tensor:
        if self.stride == 1 and not self.added_channels:
            return x
        x = x[:, :, :: self.stride, :: self.stride]
        return F.pad(x, (0, 0, 0, 0, self.added_channels // 2, self.added_channels // 2))


class CifarResNet(nn.Module):
    """ResNet for images (B, 3, H, W) of about 32 pixels; logits (B, num_classes)."""

    def __init__(self, blocks_per_stage: int, num_classes: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.stage1 = self._stage(16, 16, blocks_per_stage, stride=1)
        self.stage2 = self._stage(16, 32, blocks_per_stage, stride=2)
        self.stage3 = self._stage(32, 64, blocks_per_stage, stride=2)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(64, num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    @staticmethod
    def _stage(in_channels: int, channels: int, blocks: int, stride: int) -> nn.Sequential:
        first = BasicBlock(in_channels, channels, stride)
        return nn.Sequential(first, *(BasicBlock(channels, channels, 1) for _ in range(blocks - 1)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.relu(self.bn1(self.conv1(x)), inplace=True)
        x = self.stage3(self.stage2(self.stage1(x)))
        logits: torch.Tensor = self.fc(self.pool(x).flatten(1))
        return logits


def resnet20_cifar(num_classes: int) -> CifarResNet:
    """ResNet-20; the paper reports 8.75 % error on CIFAR-10 (table 6)."""
    return CifarResNet(3, num_classes)


_STAGES = {
    "stem": ("conv1", "bn1"),
    "stage1": ("stage1",),
    "stage2": ("stage2",),
    "stage3": ("stage3",),
}
SPECS: tuple[BackboneSpec, ...] = (
    BackboneSpec(
        name="resnet20_cifar",
        make=resnet20_cifar,
        head="fc",
        stages=lambda _: _STAGES,
        mean=(0.4914, 0.4822, 0.4465),  # of CIFAR-10's training images
        std=(0.2470, 0.2435, 0.2616),
        input_size=32,
    ),
)
