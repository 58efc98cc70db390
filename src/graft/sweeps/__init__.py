"""Sweeps: many trainings with sampled parameters, in search of the best ones."""
