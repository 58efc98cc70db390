"""Training: recipe, batches, optimizer and schedule, loop, checkpoint."""
