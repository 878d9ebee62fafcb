"""Adds messages for the visitors of a site that uses Salver, and notifications, and publishes events, from Python.

    import redis, salver

    site = salver.Salver(redis.Redis())
    context = salver.Context.from_json(arguments)      # the context that a handler passed to the job
    site.add(context, salver.message("120 icons are ready.", level="success", tag="import"))

A notification reaches a person, and stays in their inbox until they have read it:

    inboxes = salver.Inboxes(redis.Redis(), "graphspace")
    ready = salver.notification("graph.uploaded", salver.message("Graph p53 is ready."), group="uploads")
    inboxes.notify(["user:7"], ready)

An event reaches all who have subscribed to it, each once, by a worker of the site:

    events = salver.Events(redis.Redis(), "wiki")
    events.subscribe("user:7", "wiki.edit", filters={"language": "de"}, description="edits in German")
    events.publish(salver.event("wiki.edit", id="revision-12", subject="documents/7", filters={"language": "de"}))

A single typed file for redis-py 4 or later. Copy it, and copy Salver's add.lua beside it. For
`Inboxes`, copy the files of src/inbox/store/redis/scripts into the folder inbox beside it. For
`Events`, copy those of src/events/store/redis/scripts and src/jobs/redis/scripts/publish.lua into
the folder events; publishing needs the package rfc8785. The format is wire v1, which the page
"Storage format" of Salver's documentation describes. This module does not claim or confirm
messages, which only the site does.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import secrets
import threading
import time
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol
from urllib.parse import quote, unquote, urlsplit

Level = Literal["debug", "info", "success", "warning", "error"]
LEVELS: tuple[Level, ...] = ("debug", "info", "success", "warning", "error")
ANY = "*"
"""The view that matches any page: the next page of the visitor shows the message."""

MAX_TEXT, MAX_TITLE, MAX_KEY, MAX_LABEL, MAX_URL, MAX_DATA, MAX_DEPTH = 4096, 256, 128, 128, 2048, 4096, 64
MAX_MESSAGE = 8192
MAX_SESSION, MAX_VIEW, MAX_APP = 128, 256, 64
MAX_AGE_MS = 86_400_000
MAX_REDIRECTS = 8
"""Maximum number of session moves, such as logins, that an add follows."""

MAX_USER_ID, MAX_ADDRESS, MAX_LOCAL_PART = 128, 254, 64
MAX_KIND, MAX_SUBJECT, MAX_GROUP, MAX_ACTOR = 128, 256, 256, 128
MAX_NOTIFICATION_AGE_MS = 90 * 86_400_000
MAX_REMOVED, REMOVED_TTL_MS = 1000, 7 * 86_400_000
MAX_LISTED, MAX_MARKED = 200, 500
"""Maximum number of notifications of one call of the scripts."""

MAX_EVENT, MAX_EVENT_ID, MAX_FILTERS, MAX_FILTER_VALUE = 65_536, 256, 4, 256
MAX_ALSO, MAX_EXCEPT, MAX_DESCRIPTION = 4, 100, 256
MAX_EVENT_TIME_MS = 253_402_207_200_000
EVENT_TTL_MS, MAX_DUE_EVENTS, MAX_WAITING_EVENTS = 30 * 86_400_000, 100_000, 1_000_000
MAX_FILTER_SETS, MAX_SUBSCRIPTIONS = 32, 1000
KEEP_LINK_MS, PENDING_TTL_MS, REMOVAL_TTL_MS = 86_400_000, 14 * 86_400_000, 86_400_000

Place = Literal["inbox", "unread", "archived"]
Change = Literal["read", "unread", "archive", "restore", "delete"]
Outcome = Literal["added", "duplicate", "removed", "superseded", "erased"]
Published = Literal["accepted", "known"]

_UUID7 = "[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
_TAG = re.compile(r"[A-Za-z0-9._~-]{1,64}")
_HEADER = re.compile(rf'\{{"id":"({_UUID7})"(?:,"tag":"([A-Za-z0-9._~-]{{1,64}})")?(?:,"v":(\d+)(?=[,}}]))?')
_KEY = re.compile(r"([^:{}]+):\{([^{}]+)\}:([^:{}]+)")
_KIND = re.compile(r"[A-Za-z0-9._~-]{1,128}")
_LOCAL_PART = re.compile(r"[\w!#$%&'*+/=?^`{|}~-]+(?:\.[\w!#$%&'*+/=?^`{|}~-]+)*")
_DOMAIN = re.compile(r"[^\W_](?:[\w-]*[^\W_])?(?:\.[^\W_](?:[\w-]*[^\W_])?)*")
_NUMBER_AT_END = re.compile(r"(?:^|\.)(?:\d+|0[xX][0-9A-Fa-f]*)$", re.ASCII)
_FILTER_NAME = re.compile("[a-z0-9]{1,20}")
_ATTRIBUTES = ("data", "datacontenttype", "dataschema", "id", "source", "specversion", "time", "type")
"""The attributes of CloudEvents 1.0, which are no filters."""
_PARTITIONS = ("10", "3", "61", "43", "11", "2", "60", "42", "12", "1", "63", "41", "13", "0", "62", "40")
"""The hash tags of the partitions in a Cluster."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_CONTROL_IN_TEXT = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class Closed(Exception):
    """The session is closed, because the visitor has logged out. Nothing was added."""


class Full(Exception):
    """The context, the session, the queue of events, the recipient or the type has too many. Nothing was added."""


class Conflict(Exception):
    """Another event of this id and source is known. Nothing was published."""


class Client(Protocol):
    """The client methods that this module uses: of redis.Redis, or a Sentinel or Cluster client."""

    def eval(self, script: str, numkeys: int, *keys_and_args: Any) -> Any: ...
    def zrangebyscore(self, name: str, min: Any, max: Any) -> Any: ...
    def time(self) -> Any: ...


@dataclass(frozen=True)
class Context:
    """A page of a visitor, for which messages are added. A plain value that a job can store."""

    app: str
    session: str
    view: str

    def __post_init__(self) -> None:
        for name, limit in (("app", MAX_APP), ("session", MAX_SESSION), ("view", MAX_VIEW)):
            _check_line(name, getattr(self, name), limit)

    @classmethod
    def from_json(cls, text: str | bytes) -> Context:
        """Parses the JSON that `serde_json::to_string(&context)` writes in Rust."""
        fields = json.loads(text)
        return cls(fields["app"], fields["session"], fields["view"])

    @classmethod
    def from_key(cls, key: str) -> Context:
        """Parses the key of a context."""
        match = _KEY.fullmatch(key)
        if not match:
            raise ValueError("key is not the key of a context")
        return cls(*(part if part == ANY else unquote(part, errors="strict") for part in match.groups()))

    def to_json(self) -> str:
        return json.dumps({"app": self.app, "session": self.session, "view": self.view}, ensure_ascii=False)

    @property
    def key(self) -> str:
        """The key of the sorted set with the messages."""
        view = ANY if self.view == ANY else _encode(self.view)
        return f"{_encode(self.app)}:{{{_encode(self.session)}}}:{view}"

    @property
    def session_index(self) -> str:
        """The key of the session index."""
        return f"{_encode(self.app)}!session:{{{_encode(self.session)}}}"


def session_id(app: str, token: str) -> str:
    """Derives a session id from the token in the visitor's cookie."""
    digest = hashlib.sha256(b"\0".join((b"salver1", app.encode(), token.encode()))).digest()
    return base64.urlsafe_b64encode(digest)[:22].decode()


def message_id() -> str:
    """Creates the id of a new message: a UUIDv7, greater than all earlier ids of this process."""
    global _last_id
    with _id_lock:
        value = time.time_ns() // 1_000_000 << 80 | int.from_bytes(os.urandom(10), "big")
        value = _with_version(value)
        # Within the same millisecond, the random bits are incremented instead.
        _last_id = value if value > _last_id else _last_id + 1
        return _format_uuid(_last_id)


_id_lock = threading.Lock()
_last_id = 0


def step_id(started_at_ms: int, job: str, step: int) -> str:
    """Derives the id of a message from a job step, as `MessageId::for_job_step` does in Rust.

    The id is the same in each run of the job, so that a rerun creates no duplicates.
    """
    digest = hashlib.sha256(b"\0".join((b"salver1 step", job.encode(), str(step).encode()))).digest()
    hashed = int.from_bytes(digest[:8], "big")
    return _format_uuid(_with_version(started_at_ms << 80 | min(step, 4095) << 64 | hashed))


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
    """Encodes a message in the stored format. Adding the result again creates no duplicate.

    `autoclose` is a duration in milliseconds, `expires` a Unix time in milliseconds. `action` has a
    `label` and a `url`, which is a path or has the scheme http or https. `key` and `args` are for
    the translator of the site. Raises ValueError, whose text begins with the invalid field.
    """
    text = text.replace("\r\n", "\n")
    if not text.strip() or len(text.encode()) > MAX_TEXT or _CONTROL_IN_TEXT.search(text):
        raise ValueError(f"text is empty, over {MAX_TEXT} bytes or has a control character")
    if title is not None:
        _check_line("title", title, MAX_TITLE)
    if key is not None:
        _check_line("key", key, MAX_KEY)
    if tag is not None and not _TAG.fullmatch(tag):
        raise ValueError("tag is not 1 to 64 of A-Z a-z 0-9 - . _ ~")
    if level not in LEVELS:
        raise ValueError(f"level is not one of {', '.join(LEVELS)}")
    if format not in ("plain", "markdown"):
        raise ValueError("format is neither plain nor markdown")
    if autoclose not in ("default", "never") and not _is_int_in(autoclose, 500, 86_400_000):
        raise ValueError("autoclose is not default, never or 500 to 86,400,000 ms")
    if expires is not None and not _is_int_in(expires, 0, 1 << 53):
        raise ValueError("expires is not a Unix time in ms")
    if action is not None:
        _check_line("action.label", action.get("label", ""), MAX_LABEL)
        if not _is_url(action.get("url", "")):
            raise ValueError(f"action.url is neither a path nor of http or https, or over {MAX_URL} bytes")
    for name, value in (("data", data), ("args", args)):
        if value is not None and (_depth(value) >= MAX_DEPTH or len(_json(value).encode()) > MAX_DATA):
            raise ValueError(f"{name} is over {MAX_DATA} bytes, or nested {MAX_DEPTH} deep")
    if args is not None and not isinstance(args, dict):
        raise ValueError("args is not an object")
    # The order is part of the format: the id is first, and the tag immediately follows it.
    fields: dict[str, Any] = {"id": id or message_id(), "tag": tag, "v": 1, "level": level, "title": title, "text": text}
    fields["format"] = None if format == "plain" else format
    fields["autoclose"] = None if autoclose == "default" else autoclose
    fields |= {"action": action, "data": data, "expires": expires, "key": key, "args": args}
    present = {name: value for name, value in fields.items() if value is not None}
    member = _json(present)
    if not _HEADER.match(member):
        raise ValueError("id is not a UUIDv7 in lower case")
    if len(member.encode()) > MAX_MESSAGE:
        raise ValueError(f"the message is over {MAX_MESSAGE} bytes")
    return member


def read(member: str) -> dict[str, Any] | None:
    """Decodes a stored message. Returns None if it is invalid or has an unsupported version."""
    header = _HEADER.match(member)
    try:
        fields: dict[str, Any] = json.loads(member)
        if not header or (fields["id"], fields.get("tag")) != header.group(1, 2) or fields.get("v", 1) != 1:
            return None
        known = ("tag", "level", "title", "format", "autoclose", "action", "data", "expires", "key", "args")
        options = {name: fields[name] for name in known if fields.get(name) is not None}
        message(fields["text"], id=fields["id"], **options)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return fields


class Salver:
    """Adds messages through a redis-py client. The defaults are those of Salver."""

    def __init__(
        self,
        client: Client,
        *,
        ttl_ms: int = 3_600_000,
        max_messages: int = 100,
        max_contexts: int = 64,
        when_full: Literal["drop", "reject"] = "drop",
        script: str | None = None,
    ) -> None:
        self._client = client
        self._limits = (ttl_ms, max_messages, max_contexts, when_full)
        self._script = script or _load_script()

    def add(self, context: Context, *members: str, after_ms: int = 0) -> int:
        """Adds messages, all or none. Returns the number of older messages that were displaced.

        If the session has moved because of a login, adds the messages under the new session id.
        Raises Closed or Full if nothing was added. Also raises the errors of the client. The result
        is then in doubt, and adding the same messages again is safe.
        """
        arguments = [argument for member in members for argument in (after_ms, member)]
        for _ in range(MAX_REDIRECTS):
            reply = self._client.eval(self._script, 2, context.key, context.session_index, *self._limits, *arguments)
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
        """Reads the visible messages of exactly this context, ordered by id. Changes nothing."""
        seconds, micros = self._client.time()
        now = seconds * 1000 + micros // 1000
        reply = self._client.zrangebyscore(context.key, "-inf", now)
        members = (member.decode(errors="replace") if isinstance(member, bytes) else member for member in reply)
        visible = (fields for fields in map(read, members) if fields and not _is_expired(fields, now))
        return sorted(visible, key=lambda fields: fields["id"])


def recipient(text: str) -> str:
    """Returns a recipient, `user:{id}` or `email:{address}`, in the form that is stored.

    ASCII letters of an address become lower case, and its domain becomes Punycode. Write a domain in
    Punycode if it needs another mapping than lower case, such as `ß` does. Raises ValueError.
    """
    form, _, value = text.partition(":")
    if form == "user":
        _check_line("recipient", value, MAX_USER_ID)
        return text
    if form != "email":
        raise ValueError("recipient is not of the form user:{id} or email:{address}")
    local_part, _, domain = value.rpartition("@")
    if not _LOCAL_PART.fullmatch(local_part) or len(local_part.encode()) > MAX_LOCAL_PART or not _DOMAIN.fullmatch(domain):
        raise ValueError("address is not an e-mail address")
    domain = _to_ascii(domain)
    if _NUMBER_AT_END.search(domain):
        raise ValueError("address has an IP address as its domain")
    address = f"{_lower_ascii(local_part)}@{domain}"
    if len(address.encode()) > MAX_ADDRESS:
        raise ValueError(f"address is over the limit of {MAX_ADDRESS} bytes")
    return f"email:{address}"


def notification_id(app: str, message_id: str, recipient: str) -> str:
    """Derives the id of the notification that a recipient gets, by which a repeated add is found."""
    digest = _digest("notify", app, message_id, recipient)
    unix_ms = int(message_id.replace("-", "")[:12], 16)
    return _format_uuid(_with_version(unix_ms << 80 | int.from_bytes(digest[:10], "big")))


def _digest(*fields: str) -> bytes:
    """Returns SHA-256 over fields, each preceded by its length."""
    encoded = [field.encode() for field in fields]
    return hashlib.sha256(b"".join(len(field).to_bytes(4, "big") + field for field in encoded)).digest()


def _text_id(*fields: str) -> str:
    """Returns the first 16 bytes of the digest as base64url."""
    return _base64(_digest(*fields)[:16])


def _base64(digest: bytes) -> str:
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


@dataclass(frozen=True)
class Notification:
    """A message for a person. Created by `notification`, for any number of recipients."""

    member: str
    group: str | None
    actor: str | None
    for_actor: str | None
    unread: bool

    @property
    def message_id(self) -> str:
        return self.member[7:43]

    def member_for(self, app: str, recipient: str) -> str:
        """Returns the member that a recipient gets, with the id of theirs."""
        member = self.for_actor if self.for_actor and recipient == self.actor else self.member
        return member[:7] + notification_id(app, self.message_id, recipient) + member[43:]


def notification(
    kind: str,
    message: str,
    *,
    subject: str | None = None,
    group: str | None = None,
    actor: tuple[str, str] | None = None,
    for_actor: str | None = None,
    unread: bool = True,
) -> Notification:
    """Builds a notification from a message that `message` has encoded.

    `kind` is what happened, as dotted words. `subject` is the object that it is about. Notifications
    of one `group` on one day are one row. `actor` is the recipient and the name of the person who
    caused it, and `for_actor` the message that they get instead. Raises ValueError, whose text
    begins with the invalid field. Adding the same notification again creates no duplicate.
    """
    if not _KIND.fullmatch(kind):
        raise ValueError(f"kind is not 1 to {MAX_KIND} of A-Z a-z 0-9 - . _ ~")
    for name, value, limit in (("subject", subject, MAX_SUBJECT), ("group", group, MAX_GROUP)):
        if value is not None:
            _check_line(name, value, limit)
    fields: dict[str, Any] = {"kind": kind, "subject": subject, "group": group}
    if actor is not None:
        _check_line("actor", actor[1], MAX_ACTOR)
        fields["actor"] = {"id": recipient(actor[0]), "name": actor[1]}
    own = _json({name: value for name, value in fields.items() if value is not None})
    return Notification(
        member=_notification_member(message, own),
        group=group,
        actor=fields["actor"]["id"] if actor else None,
        for_actor=_notification_member(for_actor, own) if for_actor else None,
        unread=unread,
    )


def _notification_member(message: str, own: str) -> str:
    """Appends the fields of a notification to those of its message."""
    fields = read(message)
    if fields is None:
        raise ValueError("message is not one that `message` has encoded")
    if fields.get("expires") is not None:
        raise ValueError("expires is set: a notification has no expiry")
    member = f"{message[:-1]},{own[1:]}"
    if len(member.encode()) > MAX_MESSAGE:
        raise ValueError(f"the notification is over {MAX_MESSAGE} bytes")
    return member


def read_notification(member: str) -> dict[str, Any] | None:
    """Decodes a stored notification. Returns None if it is invalid or has an unsupported version."""
    fields = read(member)
    try:
        if fields is None or fields.get("expires") is not None or len(member.encode()) > MAX_MESSAGE:
            return None
        actor = fields.get("actor")
        person = (actor["id"], actor["name"]) if actor is not None else None
        # Validates the fields of a notification, beside any message.
        notification(fields["kind"], message("text"), subject=fields.get("subject"), group=fields.get("group"), actor=person)
        return fields
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


@dataclass(frozen=True)
class Counts:
    """How many notifications an inbox has. `total` is the number of those that are not archived."""

    unseen: int
    unread: int
    total: int


@dataclass(frozen=True)
class Page:
    """A page of a list, newest first.

    Each notification has the stored fields, `position`, `unread` and `more`, the number of older
    ones of its group that were removed because the group was full. `next` is the argument `before`
    of the next page, None on the last one.
    """

    notifications: list[dict[str, Any]]
    next: int | None
    unread: int
    unseen: int


class Inboxes:
    """The inboxes of an application, through a redis-py client.

    Recipients are `user:{id}` or `email:{address}`. `scripts` are the sources by name, if they are
    not in the folder inbox beside this file: limits, remove, add, list, mark, counts.
    """

    def __init__(self, client: Client, app: str, *, scripts: dict[str, str] | None = None) -> None:
        _check_line("app", app, MAX_APP)
        self._client = client
        self._app = app
        scripts = scripts or {name: _load_inbox_script(name) for name in ("limits", "remove", "add", "list", "mark", "counts")}
        self._list, self._counts = scripts["list"], scripts["counts"]
        self._add = scripts["limits"] + scripts["remove"] + scripts["add"]
        self._mark = scripts["remove"] + scripts["mark"]

    def keys(self, recipient: str, *parts: str) -> list[str]:
        """Returns the keys of a recipient, in the form that is stored."""
        return [f"{_encode(self._app)}!{part}:{{{_encode(recipient)}}}" for part in parts]

    def notify(self, recipients: Iterable[str], notification: Notification) -> dict[str, Outcome]:
        """Adds a notification to the inbox of each recipient. Returns what each add did.

        Only `added` has changed an inbox: of the others, the inbox has the notification
        (`duplicate`), had it (`removed`), or has a later one of its tag (`superseded`), or the
        recipient was erased after the message was created (`erased`). All recipients are tried, then
        the first error of the client is raised. Repeating with the same notification is safe.
        """
        outcomes: dict[str, Outcome] = {}
        failure: Exception | None = None
        for one in [recipient(text) for text in recipients]:
            arguments: list[Any] = ["unread" if notification.unread else "read", notification.group or ""]
            arguments += [notification.message_id, notification.member_for(self._app, one)]
            try:
                reply = self._run(self._add, self.keys(one, *_ADD), arguments)
                outcomes.setdefault(one, reply[0])
            except Exception as error:
                failure = failure or error
        if failure is not None:
            raise failure
        return outcomes

    def list(self, recipient: str, place: Place = "inbox", *, before: int | None = None, limit: int = 20) -> Page:
        """Lists notifications of a recipient, newest first, in one round trip. Changes nothing.

        `limit`: 1 to 200. Notifications that are invalid are skipped.
        """
        if not _is_int_in(limit, 1, MAX_LISTED):
            raise ValueError(f"limit is not between 1 and {MAX_LISTED}")
        keys = self.keys(_recipient(recipient), place, "notifications", "unread", "inbox-state")
        reply = self._run(self._list, keys, [MAX_NOTIFICATION_AGE_MS, "+inf" if before is None else before, limit])
        unread, unseen, has_more, states, displaced, values = reply
        more = dict(zip(displaced[::2], map(int, displaced[1::2])))
        notifications, position = [], 0
        for index, (state, value) in enumerate(zip(states, values), start=1):
            fields = read_notification(value[_PREFIX_LENGTH:])
            if value[_GROUP_LENGTH:_PREFIX_LENGTH].isdecimal():
                position = int(value[_GROUP_LENGTH:_PREFIX_LENGTH])
            if fields is not None:
                notifications.append(fields | {"position": position, "unread": state == "u", "more": more.get(index, 0)})
        return Page(notifications, position if has_more else None, unread, unseen)

    def mark(self, recipient: str, change: Change, ids: Iterable[str]) -> int:
        """Changes notifications of a recipient by their ids. Returns how many changed.

        `restore` brings archived ones back into the inbox. Those that `delete` removes
        never come back. Repeating is safe. One round trip for each 500.
        """
        if change not in ("read", "unread", "archive", "restore", "delete"):
            raise ValueError("change is not one of read, unread, archive, restore, delete")
        keys = self.keys(_recipient(recipient), *_MARK)
        changed, remaining = 0, [*ids]
        while remaining:
            chunk, remaining = remaining[:MAX_MARKED], remaining[MAX_MARKED:]
            arguments = [change, MAX_NOTIFICATION_AGE_MS, REMOVED_TTL_MS, MAX_REMOVED, *chunk]
            changed += int(self._run(self._mark, keys, arguments)[0])
        return changed

    def counts(self, recipient: str) -> Counts:
        """Counts the notifications of a recipient in one round trip."""
        keys = self.keys(_recipient(recipient), "inbox-state", "inbox", "unread")
        unread, unseen, total, _newest = self._run(self._counts, keys, [MAX_NOTIFICATION_AGE_MS])
        return Counts(unseen=unseen, unread=unread, total=total)

    def _run(self, script: str, keys: Sequence[str], arguments: Sequence[Any]) -> Sequence[Any]:
        return _run(self._client, script, keys, arguments)


@dataclass(frozen=True)
class Event:
    """Something that happened. Created by `event`."""

    id: str
    source: str | None
    pattern: Pattern
    time_ms: int
    data: Any
    message: dict[str, Any] | None
    also: tuple[Pattern, ...]
    excluded: tuple[str, ...]

    def body(self, app: str) -> bytes:
        """Returns the event as it is stored: a structured CloudEvent, with what that has no attributes for beside it."""
        fields: dict[str, Any] = self.pattern.filters | {"specversion": "1.0", "id": self.id}
        fields |= {"source": self.source_in(app), "type": self.pattern.type, "time": _timestamp(self.time_ms)}
        if self.data is not None:
            fields |= {"datacontenttype": "application/json", "data": self.data}
        also = [pattern.to_json() for pattern in self.also]
        body = {"event": fields, "also": also, "except": self.excluded, "message": self.message}
        return _canonical({name: value for name, value in body.items() if value})

    def digest(self) -> str:
        """Returns the digest of the content, by which events of one id are compared."""
        message = self.message and {name: value for name, value in self.message.items() if name != "id"}
        also = [pattern.to_json() for pattern in self.also]
        content = {"type": self.pattern.type, "filters": self.pattern.filters, "data": self.data}
        content |= {"also": also, "except": self.excluded, "message": message}
        return _base64(hashlib.sha256(_canonical(content)).digest())

    def source_in(self, app: str) -> str:
        return f"/{app}" if self.source is None else self.source


@dataclass(frozen=True)
class Pattern:
    """A type with values of filters: what an event is matched by, and what a subscription is for."""

    type: str
    filters: dict[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return {"type": self.type} | ({"filters": self.filters} if self.filters else {})

    @property
    def names(self) -> str:
        return ",".join(self.filters)

    @property
    def key(self) -> str:
        """The part of the key of its subscribers."""
        filters = "&".join(f"{_encode(name)}={_encode(value)}" for name, value in self.filters.items())
        return _encode(self.type) + (f"?{filters}" if filters else "")


def _pattern(type: str, subject: str | None, filters: Mapping[str, str] | None) -> Pattern:
    """Validates a pattern. Its filters are in the order of their names."""
    if not _KIND.fullmatch(type):
        raise ValueError(f"type is not 1 to {MAX_KIND} of A-Z a-z 0-9 - . _ ~")
    all = dict(filters or {}) | ({"subject": subject} if subject is not None else {})
    for name, value in all.items():
        if not _FILTER_NAME.fullmatch(name) or name in _ATTRIBUTES:
            raise ValueError("filter has a name that is not 1 to 20 of a-z 0-9, or that is an attribute of events")
        _check_line("subject" if name == "subject" else "filter", value, MAX_FILTER_VALUE)
    if len(all.keys() - {"subject"}) > MAX_FILTERS:
        raise ValueError(f"filter is one of more than {MAX_FILTERS}")
    return Pattern(type, dict(sorted(all.items())))


def event(
    type: str,
    *,
    id: str | None = None,
    source: str | None = None,
    subject: str | None = None,
    filters: Mapping[str, str] | None = None,
    time_ms: int | None = None,
    data: Any = None,
    message: str | None = None,
    also: Iterable[Event] = (),
    excluded: Iterable[str] = (),
) -> Event:
    """Builds an event.

    An event of one `id` and `source` is published once, however often it is sent: by default a new id,
    and `/` and the application. `subject` is the object that it is about, `time_ms` when it happened.
    `data` is any JSON. `message` is what people get if no worker renders the type; `message` has
    encoded it. The types, subjects and filters of the events `also` are further ways to match. The
    recipients `excluded` are not notified. Raises ValueError, whose text begins with the invalid field.
    """
    new_id = message_id()
    time_ms = int(new_id.replace("-", "")[:12], 16) if time_ms is None else time_ms
    id = new_id if id is None else id
    _check_line("id", id, MAX_EVENT_ID)
    if source is not None:
        _check_line("source", source, MAX_EVENT_ID)
    if not _is_int_in(time_ms, 0, MAX_EVENT_TIME_MS):
        raise ValueError("time is not a Unix time in ms")
    if _depth(data) > MAX_DEPTH:
        raise ValueError(f"data is nested more than {MAX_DEPTH} deep")
    fields = None if message is None else read(message)
    if message is not None and fields is None:
        raise ValueError("message is not one that `message` has encoded")
    patterns = tuple(pattern for other in also for pattern in (other.pattern, *other.also))
    if len(patterns) > MAX_ALSO:
        raise ValueError(f"also is set more than {MAX_ALSO} times")
    people = tuple(sorted(set(map(recipient, excluded))))
    if len(people) > MAX_EXCEPT:
        raise ValueError(f"except has more than {MAX_EXCEPT} recipients")
    return Event(id, source, _pattern(type, subject, filters), time_ms, data, fields, patterns, people)


def subscription_id(recipient: str, type: str, *, subject: str | None = None, filters: Mapping[str, str] | None = None) -> str:
    """Derives the id of a subscription from the recipient and what it is for."""
    return _subscription_id(_recipient(recipient), _pattern(type, subject, filters))


def _subscription_id(recipient: str, pattern: Pattern) -> str:
    return _text_id("subscription", recipient, pattern.type, *(part for filter in pattern.filters.items() for part in filter))


class Events:
    """The events and subscriptions of an application, through a redis-py client.

    `cluster`: whether the client is one of a Redis Cluster. `scripts` are the sources by name, if they
    are not in the folder events beside this file: publish, add_filter_set, index, write_subscription,
    remove_subscription, mark_removal, remove_from_index, subscriptions.
    """

    def __init__(self, client: Client, app: str, *, cluster: bool = False, scripts: dict[str, str] | None = None) -> None:
        _check_line("app", app, MAX_APP)
        self._client = client
        self._app = app
        self._partitions = _PARTITIONS if cluster else ("0",)
        self._scripts = scripts or {name: _load_events_script(name) for name in _EVENTS_SCRIPTS}

    def publish(self, event: Event) -> Published:
        """Publishes an event, in one round trip: a worker notifies all who have subscribed.

        Call it after the commit of what it reports. Returns `known` for an event that was published
        before. Raises Conflict for an event with the id and the source of another one, Full if
        100,000 events wait, ValueError if it has more than 64 KiB or an integer beyond 2^53 - 1. Also
        raises the errors of the client. The result is then in doubt, and repeating is safe.
        """
        body = event.body(self._app)
        if len(body) > MAX_EVENT:
            raise ValueError(f"event is over the limit of {MAX_EVENT} bytes")
        digest = _digest("events", event.source_in(self._app), event.id)
        tag = self._partitions[int.from_bytes(digest[:4], "big") % len(self._partitions)]
        id = _base64(digest[:16])
        keys = [self._key("event", tag) + f":{id}", self._key("jobs.events", tag), self._key("due.events", tag)]
        limits = [EVENT_TTL_MS, MAX_DUE_EVENTS, MAX_WAITING_EVENTS]
        outcome: str = self._run("publish", keys, [id, '{"task":{}}', event.digest(), body, *limits])[0]
        if outcome == "full":
            raise Full("the queue of events is full")
        if outcome == "conflict":
            raise Conflict("another event of this id and source is known")
        return "accepted" if outcome == "accepted" else "known"

    def subscribe(
        self,
        recipient: str,
        type: str,
        *,
        subject: str | None = None,
        filters: Mapping[str, str] | None = None,
        description: str | None = None,
    ) -> None:
        """Subscribes a user to events of a type, narrowed by the subject and by values of filters.

        `description` is one line for the person. An address is subscribed by the site, which mails it a
        link. Raises Full for 1,000 subscriptions of a user, or 32 sets of filter names of a type. Also
        raises the errors of the client; repeating is safe.
        """
        to, pattern = _recipient(recipient), _pattern(type, subject, filters)
        if not to.startswith("user:"):
            raise ValueError("recipient is an address, which the site subscribes: it mails a link that activates the subscription")
        if description is not None:
            _check_line("description", description, MAX_DESCRIPTION)
        reply = self._run("add_filter_set", [self._key("filter-sets", _encode(pattern.type))], [pattern.names, MAX_FILTER_SETS])
        if reply[0] == "full":
            raise Full("the event type has too many sets of filters")
        index = self._index_of(pattern)
        self._add_to(index, to)
        fields = _json(pattern.to_json() | ({"description": description} if description is not None else {}))
        limits = [KEEP_LINK_MS, PENDING_TTL_MS, MAX_SUBSCRIPTIONS]
        arguments = [_subscription_id(to, pattern), "active", fields, *limits]
        if self._run("write_subscription", [self._key("subscriptions", _encode(to))], arguments)[0] == "full":
            raise Full("the recipient has too many subscriptions")
        # It may have been removed from the index since.
        self._add_to(index, to)

    def unsubscribe(
        self,
        recipient: str,
        type: str,
        *,
        subject: str | None = None,
        filters: Mapping[str, str] | None = None,
    ) -> bool:
        """Ends the subscription with exactly these filters. Returns whether there was one. Repeating is safe."""
        to, pattern = _recipient(recipient), _pattern(type, subject, filters)
        key, index = self._key("subscriptions", _encode(to)), self._index_of(pattern)
        was_active = bool(self._run("remove_subscription", [key], [_subscription_id(to, pattern)])[2])
        mark = secrets.token_urlsafe(16)
        for one in index:
            self._run("mark_removal", [_removals(one)], [to, mark, REMOVAL_TTL_MS])
        # Several subscriptions may be to one object. One that is written from now on takes the mark away.
        active = self._index_of_active(key)
        for one in index:
            if one not in active:
                self._run("remove_from_index", [one, _removals(one)], [to, mark])
        return was_active

    def _key(self, part: str, tag: str) -> str:
        return f"{_encode(self._app)}!{part}:{{{tag}}}"

    def _index_of(self, pattern: Pattern) -> list[str]:
        """Returns the keys of the sets in which a subscriber is."""
        subject = pattern.filters.get("subject")
        subjects = [] if subject is None else [self._key("subjects", _encode(subject))]
        return [self._key("subscribers", pattern.key), *subjects]

    def _index_of_active(self, subscriptions: str) -> set[str]:
        """Returns the keys of the sets in which a recipient has to be."""
        stored = [json.loads(text) for text in self._run("subscriptions", [subscriptions], [])[3::2]]
        active = [Pattern(one["type"], one.get("filters", {})) for one in stored if one["state"] == "active"]
        return {key for pattern in active for key in self._index_of(pattern)}

    def _add_to(self, index: Iterable[str], recipient: str) -> None:
        for key in index:
            self._run("index", [key, _removals(key)], [recipient])

    def _run(self, script: str, keys: Sequence[str], arguments: Sequence[Any]) -> Sequence[Any]:
        return _run(self._client, self._scripts[script], keys, arguments)


def _removals(index: str) -> str:
    """Returns the key of the removals from a set that have begun."""
    return f"{index}:removals"


_EVENTS_SCRIPTS = ("publish", "add_filter_set", "index", "write_subscription", "remove_subscription", "mark_removal", "remove_from_index", "subscriptions")


def _canonical(value: Any) -> bytes:
    """Returns JSON in the canonical form of RFC 8785."""
    # Only those who publish need the package.
    import rfc8785

    try:
        return rfc8785.dumps(value)
    except ValueError as error:
        raise ValueError(f"event cannot be written as JSON: {error}") from error


def _timestamp(unix_ms: int) -> str:
    seconds, millis = divmod(unix_ms, 1000)
    fraction = f".{millis:03d}".rstrip("0") if millis else ""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + fraction + "Z"


def _run(client: Client, script: str, keys: Sequence[str], arguments: Sequence[Any]) -> Sequence[Any]:
    """Runs a script. Returns its reply after the first key, which it begins with."""
    reply = client.eval(script, len(keys), *keys, *arguments)
    key, *rest = map(_decoded, reply)
    if key != keys[0]:
        raise RuntimeError("the reply belonged to another request")
    return rest


def _decoded(part: Any) -> Any:
    """Returns a part of a reply with text in place of bytes."""
    if isinstance(part, bytes):
        return part.decode(errors="replace")
    return [_decoded(one) for one in part] if isinstance(part, list) else part


_ADD = ("groups", "inbox", "notifications", "unread", "archived", "removed", "inbox-state")
"""The keys of an inbox, in the order in which `add.lua` takes them."""
_MARK = ("removed", "inbox", "notifications", "unread", "archived", "groups", "inbox-state")
"""The keys of an inbox, in the order in which `mark.lua` takes them."""
_GROUP_LENGTH, _PREFIX_LENGTH = 16, 32
"""Lengths of the group, and of group and position, before each stored member."""
_recipient = recipient


def _is_expired(fields: dict[str, Any], now: int) -> bool:
    created_at = int(fields["id"].replace("-", "")[:12], 16)
    expires = fields.get("expires")
    return created_at < now - MAX_AGE_MS or expires is not None and bool(expires <= now)


def _load_script() -> str:
    """Loads add.lua from beside this file, or from the checkout of Salver with this file."""
    directory = Path(__file__).resolve().parent
    copied, in_checkout = directory / "add.lua", directory.parent.parent / "src/store/redis/scripts/add.lua"
    return (copied if copied.exists() else in_checkout).read_text()


def _load_inbox_script(name: str) -> str:
    """Loads a script from the folder inbox beside this file, or from the checkout of Salver."""
    directory = Path(__file__).resolve().parent
    copied, in_checkout = directory / "inbox", directory.parent.parent / "src/inbox/store/redis/scripts"
    return ((copied if copied.exists() else in_checkout) / f"{name}.lua").read_text()


def _load_events_script(name: str) -> str:
    """Loads a script from the folder events beside this file, or from the checkout of Salver."""
    directory = Path(__file__).resolve().parent
    copied, checkout = directory / "events", directory.parent.parent
    in_checkout = checkout / ("src/jobs/redis/scripts" if name == "publish" else "src/events/store/redis/scripts")
    return ((copied if copied.exists() else in_checkout) / f"{name}.lua").read_text()


def _to_ascii(domain: str) -> str:
    """Converts a domain to Punycode.

    The codec of the standard library implements an older standard than Salver. The two agree on
    labels that need no other mapping than lower case, and others are rejected.
    """
    labels = []
    for label in domain.lower().split("."):
        try:
            if label.startswith("xn--"):
                label[4:].encode("ascii").decode("punycode")
            encoded = label if label.isascii() else label.encode("idna").decode()
            is_same = label.isascii() or encoded.encode().decode("idna") == unicodedata.normalize("NFC", label)
        except UnicodeError as error:
            raise ValueError("address has no valid domain") from error
        if not is_same:
            raise ValueError("address has no valid domain: write the domain in Punycode")
        labels.append(encoded)
    return ".".join(labels)


def _lower_ascii(text: str) -> str:
    return "".join(char.lower() if char.isascii() else char for char in text)


def _encode(part: str) -> str:
    return quote(part, safe="")


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def _depth(value: Any) -> int:
    children = value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else None
    return 0 if children is None else 1 + max(map(_depth, children), default=0)


def _is_int_in(value: object, minimum: int, maximum: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and minimum <= value <= maximum


def _check_line(name: str, value: str, limit: int) -> None:
    if not value.strip() or len(value.encode()) > limit or _CONTROL.search(value):
        raise ValueError(f"{name} is empty, over {limit} bytes or has a control character")


def _is_url(url: str) -> bool:
    if not url or len(url.encode()) > MAX_URL or _CONTROL.search(url) or "\\" in url or " " in url:
        return False
    if url.startswith("/"):
        return not url.startswith("//")
    parts = urlsplit(url)
    return parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc


def _with_version(value: int) -> int:
    """Sets the version and variant bits of a UUIDv7."""
    return value & ~(0xF << 76) & ~(0x3 << 62) | 0x7 << 76 | 0x2 << 62


def _format_uuid(value: int) -> str:
    text = f"{value:032x}"
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))
