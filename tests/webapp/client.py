"""A visitor without a browser: sends the events that the page would send, and reads what it would show."""

import base64
import json
import uuid
from pathlib import Path
from typing import Any

import httpx


class Visitor:
    """One open page.

    Attributes:
        status: Of the last answer to an event.
    """

    def __init__(self, address: str) -> None:
        self._http = httpx.Client(base_url=address, timeout=60, trust_env=False)
        self._session = uuid.uuid4().hex
        self._config = self._http.get("/config").raise_for_status().json()
        self.status = 0

    def upload(self, content: bytes | Path, name: str = "photo.jpg", **filters: Any) -> dict[str, str]:
        content = content.read_bytes() if isinstance(content, Path) else content
        return self.send("upload", {"name": name, "content": base64.b64encode(content).decode()}, **filters)

    def send(
        self,
        event: str,
        data: Any,
        into: str = "",
        cameras: tuple[int, ...] = (),
        visible: float = 0,
        weigh: bool = False,
    ) -> dict[str, str]:
        """Notice, query, trail and hits after an event; empty where the page keeps what it shows."""
        number = self._event(event, into)
        body = {
            "data": [None, list(cameras), visible, weigh],
            "event_data": data,
            "fn_index": number,
            "session_hash": self._session,
        }
        joined = self._http.post("/gradio_api/queue/join", json=body)
        self.status = joined.status_code
        if joined.status_code != 200:
            return {"notice": joined.json()["detail"]}
        with self._http.stream("GET", "/gradio_api/queue/data", params={"session_hash": self._session}) as stream:
            for line in stream.iter_lines():
                message = json.loads(line.removeprefix("data: ")) if line.startswith("data: ") else {}
                if message.get("msg") == "process_completed":
                    if not message["success"]:
                        return {"notice": str(message["output"]["error"]), "hits": ""}
                    shown = message["output"]["data"][1:]
                    texts = [text if isinstance(text, str) else "" for text in shown]
                    return dict(zip(("notice", "query", "trail", "hits"), texts, strict=True))
        raise AssertionError("no answer")

    def _event(self, event: str, into: str) -> int:
        """Number of the function that listens to an event, of the component with this id if there are several."""
        components = {part["id"]: part["props"].get("elem_id") for part in self._config["components"]}
        for dependency in self._config["dependencies"]:
            for component, name in dependency["targets"]:
                if name == event and (not into or components.get(component) == into):
                    return int(dependency["id"])
        raise AssertionError(f"nothing listens to {event} of {into}")
