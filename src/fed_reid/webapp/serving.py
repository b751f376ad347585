"""The page as an ASGI application: Gradio behind the guard."""

from __future__ import annotations

import gradio as gr
from fastapi import FastAPI
from starlette.types import ASGIApp

from fed_reid.webapp.guard import Guard
from fed_reid.webapp.page import asset, build_page
from fed_reid.webapp.searching import Searching
from fed_reid.webapp.server import is_loopback

_SYSTEM = ("system-ui", "sans-serif")  # a theme of Gradio's would otherwise fetch its fonts


def web_app(searching: Searching, model: str, host: str) -> ASGIApp:
    """Everything that is served.

    Args:
        searching: Model and gallery.
        model: What the page calls the model.
        host: Where it will listen, which decides who may ask.
    """
    loopback_only = is_loopback(host)
    page = build_page(searching, model, loopback_only)
    app = FastAPI(openapi_url=None)
    gr.mount_gradio_app(
        app,
        page,
        path="/",
        footer_links=[],
        run_history=False,
        show_error=False,
        max_file_size=searching.max_upload,
        ssr_mode=False,
        enable_monitoring=False,
        pwa=False,
        mcp_server=False,
        theme=gr.themes.Base(font=_SYSTEM, font_mono=("monospace",)),
        css=asset("page.css"),
        head='<meta name="color-scheme" content="light dark"><meta name="robots" content="noindex">',
    )
    return Guard(app, searching.max_upload, loopback_only)
