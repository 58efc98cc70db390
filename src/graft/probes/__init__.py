"""Classifiers on the features of a network: their extraction, and support vector machines."""
