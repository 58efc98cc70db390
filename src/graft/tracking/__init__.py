"""MLflow: where runs are recorded, what is recorded, and how a run ends."""
