"""Networks: backbones and their specs, weights, freezing, summaries."""
