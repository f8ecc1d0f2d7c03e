"""From labels to a model version: training, tuning, comparing, exporting."""
