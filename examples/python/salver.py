"""Leaves messages for the visitors of a site that uses Salver, from Python.

    import redis, salver

    site = salver.Salver(redis.Redis())
    context = salver.Context.from_json(arguments)      # what a handler gave the job
    site.add(context, salver.message("120 icons are ready.", level="success", tag="import"))

One typed file on redis-py 4 or later: copy it, and Salver's add.lua beside it. The format is wire v1, "The stored
format" of Salver's documentation. What it does not do: claim and confirm, which is the site's.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol
from urllib.parse import quote, unquote, urlsplit

Level = Literal["debug", "info", "success", "warning", "error"]
LEVELS: tuple[Level, ...] = ("debug", "info", "success", "warning", "error")
ANY = "*"
"""The view that stands for whichever page of the visitor comes next."""

MAX_TEXT, MAX_TITLE, MAX_KEY, MAX_LABEL, MAX_URL, MAX_DATA, MAX_DEPTH = 4096, 256, 128, 128, 2048, 4096, 64
MAX_MESSAGE = 8192
MAX_SESSION, MAX_VIEW, MAX_APP = 128, 256, 64
MAX_AGE_MS = 86_400_000
HOPS = 8
"""How many logins of a visitor an add follows."""

_UUID7 = "[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
_TAG = re.compile(r"[A-Za-z0-9._~-]{1,64}")
_HEAD = re.compile(rf'\{{"id":"({_UUID7})"(?:,"tag":"([A-Za-z0-9._~-]{{1,64}})")?(?:,"v":(\d+)(?=[,}}]))?')
_KEY = re.compile(r"([^:{}]+):\{([^{}]+)\}:([^:{}]+)")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_CONTROL_IN_TEXT = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class Closed(Exception):
    """The visitor has logged out: nobody is there to read the message. Nothing was added."""


class Full(Exception):
    """There is no room for more messages, or more pages with messages. Nothing was added."""


class Client(Protocol):
    """What is asked of a client: redis.Redis, or its kin for Sentinel and Cluster."""

    def eval(self, script: str, numkeys: int, *keys_and_args: Any) -> Any: ...
    def zrangebyscore(self, name: str, min: Any, max: Any) -> Any: ...
    def time(self) -> Any: ...


@dataclass(frozen=True)
class Context:
    """The address of a visitor's page: a plain value that goes with a job."""

    app: str
    session: str
    view: str

    def __post_init__(self) -> None:
        for name, most in (("app", MAX_APP), ("session", MAX_SESSION), ("view", MAX_VIEW)):
            _line(name, getattr(self, name), most)

    @classmethod
    def from_json(cls, text: str | bytes) -> Context:
        """Reads what Rust writes by `serde_json::to_string(&context)`."""
        fields = json.loads(text)
        return cls(fields["app"], fields["session"], fields["view"])

    @classmethod
    def from_key(cls, key: str) -> Context:
        """Reads the address out of a key."""
        match = _KEY.fullmatch(key)
        if not match:
            raise ValueError("key is none of a context")
        return cls(*(part if part == ANY else unquote(part, errors="strict") for part in match.groups()))

    def to_json(self) -> str:
        return json.dumps({"app": self.app, "session": self.session, "view": self.view}, ensure_ascii=False)

    @property
    def key(self) -> str:
        """Where the page's messages are."""
        view = ANY if self.view == ANY else _encoded(self.view)
        return f"{_encoded(self.app)}:{{{_encoded(self.session)}}}:{view}"

    @property
    def book(self) -> str:
        """Where the session's book is."""
        return f"{_encoded(self.app)}!session:{{{_encoded(self.session)}}}"


def session_id(app: str, token: str) -> str:
    """Derives the id of a session from the token in the visitor's cookie."""
    digest = hashlib.sha256(b"\0".join((b"salver1", app.encode(), token.encode()))).digest()
    return base64.urlsafe_b64encode(digest)[:22].decode()


def message_id() -> str:
    """Draws the id of a message that comes into being now: a UUIDv7, greater than those drawn before here."""
    global _last
    with _drawing:
        value = time.time_ns() // 1_000_000 << 80 | int.from_bytes(os.urandom(10), "big")
        value = _versioned(value)
        # Within one millisecond: on by one, in the bits that are chance.
        _last = value if value > _last else _last + 1
        return _spelled(_last)


_drawing = threading.Lock()
_last = 0


def step_id(begun_ms: int, job: str, step: int) -> str:
    """Derives the id of a message of a job that may run again, as `MessageId::of_step` in Rust: the same each time."""
    digest = hashlib.sha256(b"\0".join((b"salver1 step", job.encode(), str(step).encode()))).digest()
    chance = int.from_bytes(digest[:8], "big")
    return _spelled(_versioned(begun_ms << 80 | min(step, 4095) << 64 | chance))


def message(
    text: str,
    *,
    id: str | None = None,
    tag: str | None = None,
    level: Level = "info",
    title: str | None = None,
    format: Literal["plain", "markdown"] = "plain",
    autoclose: Literal["default", "never"] | int = "default",
    action: dict[str, str] | None = None,
    data: Any = None,
    expires: int | None = None,
    key: str | None = None,
    args: dict[str, Any] | None = None,
) -> str:
    """Writes a message as it is stored; adding the same again makes no second one.

    `autoclose` and `expires` are in milliseconds, the latter Unix time. `action` has a label and a url, of http or
    https or a path. `key` and `args` are for the site's translator. Raises ValueError, naming what is wrong.
    """
    text = text.replace("\r\n", "\n")
    if not text.strip() or len(text.encode()) > MAX_TEXT or _CONTROL_IN_TEXT.search(text):
        raise ValueError(f"text is empty, over {MAX_TEXT} bytes or has a control character")
    if title is not None:
        _line("title", title, MAX_TITLE)
    if key is not None:
        _line("key", key, MAX_KEY)
    if tag is not None and not _TAG.fullmatch(tag):
        raise ValueError("tag is not 1 to 64 of A-Z a-z 0-9 - . _ ~")
    if level not in LEVELS:
        raise ValueError(f"level is none of {', '.join(LEVELS)}")
    if format not in ("plain", "markdown"):
        raise ValueError("format is neither plain nor markdown")
    if autoclose not in ("default", "never") and not _is_whole(autoclose, 500, 86_400_000):
        raise ValueError("autoclose is not default, never or 500 to 86,400,000 ms")
    if expires is not None and not _is_whole(expires, 0, 1 << 53):
        raise ValueError("expires is no Unix time in ms")
    if action is not None:
        _line("action.label", action.get("label", ""), MAX_LABEL)
        if not _is_url(action.get("url", "")):
            raise ValueError(f"action.url is neither a path nor of http or https, or over {MAX_URL} bytes")
    for name, value in (("data", data), ("args", args)):
        if value is not None and (_depth(value) >= MAX_DEPTH or len(_json(value).encode()) > MAX_DATA):
            raise ValueError(f"{name} is over {MAX_DATA} bytes, or nested {MAX_DEPTH} deep")
    if args is not None and not isinstance(args, dict):
        raise ValueError("args is no object")
    # The order counts: the id first, the tag at once after it.
    fields: dict[str, Any] = {"id": id or message_id(), "tag": tag, "v": 1, "level": level, "title": title, "text": text}
    fields["format"] = None if format == "plain" else format
    fields["autoclose"] = None if autoclose == "default" else autoclose
    fields |= {"action": action, "data": data, "expires": expires, "key": key, "args": args}
    present = {name: value for name, value in fields.items() if value is not None}
    member = _json(present)
    if not _HEAD.match(member):
        raise ValueError("id is not a UUIDv7 in lower case")
    if len(member.encode()) > MAX_MESSAGE:
        raise ValueError(f"the message is over {MAX_MESSAGE} bytes")
    return member


def read(member: str) -> dict[str, Any] | None:
    """Reads a stored message; None if it is not one, or a newer one than this reads."""
    head = _HEAD.match(member)
    try:
        fields: dict[str, Any] = json.loads(member)
        if not head or fields.get("v", 1) != 1 or fields["id"] != head[1] or fields.get("tag") != head[2]:
            return None
        known = ("tag", "level", "title", "format", "autoclose", "action", "data", "expires", "key", "args")
        options = {name: fields[name] for name in known if fields.get(name) is not None}
        message(fields["text"], id=fields["id"], **options)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return fields


class Salver:
    """Adds messages through a client of redis-py. Defaults are those of Salver."""

    def __init__(
        self,
        client: Client,
        *,
        expiry_ms: int = 3_600_000,
        most_messages: int = 100,
        most_views: int = 64,
        when_full: Literal["drop", "reject"] = "drop",
        script: str | None = None,
    ) -> None:
        self._client = client
        self._limits = (expiry_ms, most_messages, most_views, when_full)
        self._script = script or _script()

    def add(self, context: Context, *members: str, after_ms: int = 0) -> int:
        """Adds messages, all or none; tells how many older ones went to make room.

        Follows a visitor who has logged in since. Raises Closed and Full, which have added nothing, and what the
        client raises: then it is in doubt, and adding the same messages again is safe.
        """
        arguments = [argument for member in members for argument in (after_ms, member)]
        for _ in range(HOPS):
            reply = self._client.eval(self._script, 2, context.key, context.book, *self._limits, *arguments)
            key, outcome, *rest = (part.decode() if isinstance(part, bytes) else part for part in reply)
            if key != context.key:
                raise RuntimeError("the reply belonged to another request")
            if outcome == "ok":
                return int(rest[0])
            if outcome == "full":
                raise Full(rest[0])
            if outcome == "closed":
                raise Closed
            context = Context(context.app, unquote(rest[0], errors="strict"), context.view)
        raise Closed

    def peek(self, context: Context) -> list[dict[str, Any]]:
        """Reads what may be shown in exactly this context, in order, and changes nothing."""
        seconds, micros = self._client.time()
        now = seconds * 1000 + micros // 1000
        found = self._client.zrangebyscore(context.key, "-inf", now)
        members = (part.decode(errors="replace") if isinstance(part, bytes) else part for part in found)
        shown = (one for one in map(read, members) if one and not _is_past(one, now))
        return sorted(shown, key=lambda one: one["id"])


def _is_past(fields: dict[str, Any], now: int) -> bool:
    made = int(fields["id"].replace("-", "")[:12], 16)
    expires = fields.get("expires")
    return made < now - MAX_AGE_MS or expires is not None and bool(expires <= now)


def _script() -> str:
    here = Path(__file__).resolve().parent
    beside, above = here / "add.lua", here.parent.parent / "src/store/redis/scripts/add.lua"
    return (beside if beside.exists() else above).read_text()


def _encoded(part: str) -> str:
    return quote(part, safe="")


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def _depth(value: Any) -> int:
    below = value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else None
    return 0 if below is None else 1 + max(map(_depth, below), default=0)


def _is_whole(value: object, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _line(name: str, value: str, most: int) -> None:
    if not value.strip() or len(value.encode()) > most or _CONTROL.search(value):
        raise ValueError(f"{name} is empty, over {most} bytes or has a control character")


def _is_url(url: str) -> bool:
    if not url or len(url.encode()) > MAX_URL or _CONTROL.search(url) or "\\" in url or " " in url:
        return False
    if url.startswith("/"):
        return not url.startswith("//")
    parts = urlsplit(url)
    return parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc


def _versioned(value: int) -> int:
    return value & ~(0xF << 76) & ~(0x3 << 62) | 0x7 << 76 | 0x2 << 62


def _spelled(value: int) -> str:
    text = f"{value:032x}"
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))
