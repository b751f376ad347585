"""Distances, ranking and the metric on top: pure functions of features, pids and camids."""
