"""The guard: only pages of this launch, on this computer, are answered.

Three things must be right before a request reaches the app: the Host header names the loopback interface (so that no
other site's name can be bound to it: DNS rebinding), the Origin, where there is one, is the page's own (so that no
other site's page can send anything), and the path begins with this launch's token (so that no other program on this
computer can ask).
"""

from secrets import compare_digest

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from glaze_edge.app import messages

SAFE = "GET", "HEAD"
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": CSP,
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Guard:
    """Lets the requests through to `app` that may be answered, without the token in their path.

    Args:
        app: what answers.
        token: of this launch.
        port: that is listened on.
    """

    def __init__(self, app: ASGIApp, token: str, port: int) -> None:
        self._app, self._prefix = app, f"/{token}"
        self._hosts = {f"127.0.0.1:{port}", f"localhost:{port}"}
        self._origins = {f"http://{host}" for host in self._hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close"})
            return
        answer = self._app
        if refusal := self._refusal(scope):
            answer = JSONResponse({"error": messages.refusal(refusal[1])}, refusal[0])
        elif scope["path"] == self._prefix:
            answer = RedirectResponse(f"{self._prefix}/")
        else:
            path = scope["path"].removeprefix(self._prefix)
            scope = {**scope, "path": path, "raw_path": path.encode()}

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=message["headers"])
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await answer(scope, receive, send_guarded)

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        """Status and reason; None for a request that may be answered."""
        headers = Headers(scope=scope)
        if headers.getlist("host") not in ([host] for host in self._hosts):
            return 403, "This is not the address of glaze-edge. Use the one that it printed."
        origins = headers.getlist("origin")
        if any(origin not in self._origins for origin in origins):
            return 403, "Another site's page may ask nothing here."
        if scope["method"] not in SAFE and len(origins) != 1:
            return 403, "Only the page of glaze-edge may change anything here."
        if headers.get("sec-fetch-site", "none") not in ("same-origin", "none") and (
            headers.get("sec-fetch-mode") != "navigate"
        ):
            return 403, "Another site's page may ask nothing here."
        token, _, _ = scope["path"][1:].partition("/")
        if not compare_digest(f"/{token}".encode(), self._prefix.encode()):
            return 404, "There is nothing here. Use the address that glaze-edge printed."
        return None
