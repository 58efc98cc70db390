"""Augmentation of whole batches with randomness per sample.

A transform that draws once a batch gives every image the same crop and flip, a silent loss of
augmentation. Here each sample has its own numbers, a function of (seed, epoch, index), so that
the result is the same for any batch size, order or number of workers.

`policy_from_parameters` makes a policy of the `augmentation` parameters; `list_policies` names
those that need no more than their name. `graft.training.views` applies them, MixUp and CutMix
included.
"""

from graft.images.augmentation.named import POLICIES, NamedPolicy, get_policy, list_policies
from graft.images.augmentation.policy import OPERATIONS, Policy, policy_from_parameters

__all__ = [
    "OPERATIONS",
    "POLICIES",
    "NamedPolicy",
    "Policy",
    "get_policy",
    "list_policies",
    "policy_from_parameters",
]
