"""The web page: drop a picture, see what is hidden in it, and who in the gallery it could be."""

import os

# Gradio reports every start to its makers, and asks them for a newer version, unless told not to before its import.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
