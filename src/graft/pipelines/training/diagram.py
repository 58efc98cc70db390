"""The scheme of a transfer as a diagram, shown on the node in kedro-viz."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kedro.pipeline.preview_contract import MermaidPreview


def transfer_diagram() -> MermaidPreview:
    """How weights travel: from the source task's network into the new one."""
    from kedro.pipeline.preview_contract import MermaidPreview

    return MermaidPreview(
        content="""graph LR
  subgraph source["Source task, e.g. CIFAR-10 or ImageNet"]
    A[stem] --> B[stages] --> C[old head]
  end
  subgraph target["Your images"]
    N[resize, normalise] --> D[stem] --> E[stages] --> F[new head] --> G[class logits]
    E -. "feature taps" .-> H[standardise] --> I[SVM]
  end
  A == weights ==> D
  B == weights ==> E
"""
    )
