"""The embedded benchmark: procedural pedestrians, cameras and occluders, written once as a Market-1501-style tree.

Nothing in this package imports torch, so the processes that render stay light.
"""
