"""What tables, figures and metrics call the classifiers."""

from __future__ import annotations

FINETUNED, SCRATCH = "fine-tuned", "from scratch"
SVM = "SVM on frozen features"
LINEAR_PROBE, KNN = "linear probe on frozen features", "k-NN on frozen features"
