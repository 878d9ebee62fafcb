"""Tests of salver.py.

Run them in a checkout of Salver: `python -m unittest examples/python/test_salver.py`
"""

import json
import sys
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import salver  # noqa: E402

FIXTURES = HERE.parent.parent / "tests/fixtures"
VECTORS = json.loads((FIXTURES / "wire_v1.json").read_text())
EVENTS_VECTORS = json.loads((FIXTURES / "events_v1.json").read_text())
INBOX_VECTORS = json.loads((FIXTURES / "inbox_v1.json").read_text())


class Vectors(unittest.TestCase):
    """The test vectors of wire v1, which the tests of each language read."""

    def test_keys_match_vectors(self):
        for case in VECTORS["keys"]:
            context = salver.Context(case["app"], case["session"], case["view"])
            self.assertEqual(context.key, case["key"])
            self.assertEqual(salver.Context.from_key(case["key"]), context)
            self.assertEqual(salver.Context.from_json(context.to_json()), context)

    def test_members_match_vectors(self):
        for case in VECTORS["members"]:
            fields = salver.read(case["member"])
            self.assertIsNotNone(fields, case)
            for name in ("level", "text", "tag", "title"):
                default = "info" if name == "level" else None
                self.assertEqual(fields.get(name, default), case.get(name), case)
            if case["rewritten"]:
                options = {name: value for name, value in fields.items() if name not in ("v", "text")}
                self.assertEqual(salver.message(fields["text"], **options), case["member"])

    def test_undecodable_members_return_none(self):
        for member in VECTORS["unreadable"] + VECTORS["newer"]:
            self.assertIsNone(salver.read(member), member)

    def test_session_and_step_ids_match_vectors(self):
        for case in VECTORS["sessions"]:
            self.assertEqual(salver.session_id(case["app"], case["token"]), case["session"])
        for case in VECTORS["steps"]:
            self.assertEqual(salver.step_id(case["begun"], case["job"], case["step"]), case["id"])

    def test_message_ids_increase(self):
        ids = [salver.message_id() for _ in range(10_000)]
        self.assertEqual(ids, sorted(set(ids)))

    def test_error_names_invalid_field(self):
        for options in ({"text": ""}, {"text": "x" * 4097}, {"text": "a\x07"}, {"title": "a\nb"}, {"tag": "a b"}, {"level": "loud"}):
            (name,) = options
            with self.assertRaisesRegex(ValueError, f"^{name} "):
                salver.message(options.pop("text", "text"), **options)
        with self.assertRaisesRegex(ValueError, "^action"):
            salver.message("text", action={"label": "x", "url": "javascript:alert(1)"})
        with self.assertRaisesRegex(ValueError, "^view "):
            salver.Context("shop", "ada", "")


class RecordingClient:
    """Records the keys and the arguments of a script, and replies."""

    def __init__(self, *reply):
        self.reply = reply

    def eval(self, script, numkeys, *keys_and_args):
        self.keys = list(keys_and_args[:numkeys])
        self.arguments = [str(argument) for argument in keys_and_args[numkeys:]]
        return [self.keys[0], *self.reply]


class InboxVectors(unittest.TestCase):
    """The test vectors of inboxes, which the tests of each language read."""

    def test_recipients_match_vectors(self):
        for case in INBOX_VECTORS["recipients"]:
            self.assertEqual(salver.recipient(case["text"]), case["recipient"])
            self.assertEqual(salver.recipient(case["recipient"]), case["recipient"])
        for text in INBOX_VECTORS["invalid_recipients"]:
            with self.assertRaises(ValueError, msg=text):
                salver.recipient(text)

    def test_domain_that_is_mapped_differently_is_rejected(self):
        for domain in ("straße.example", "ｅxample.org", "faς.example"):
            with self.assertRaisesRegex(ValueError, "Punycode", msg=domain):
                salver.recipient(f"email:ada@{domain}")

    def test_notification_ids_match_vectors(self):
        for case in INBOX_VECTORS["ids"]:
            self.assertEqual(salver.notification_id(case["app"], case["message"], case["recipient"]), case["id"])

    def test_adds_match_vectors(self):
        for case in INBOX_VECTORS["adds"]:
            client = RecordingClient(b"added", 1, 0)
            options = {name: case[name] for name in ("subject", "group", "for_actor", "unread") if name in case}
            if "actor" in case:
                options["actor"] = (case["actor"]["id"], case["actor"]["name"])
            note = salver.notification(case["kind"], case["message"], **options)
            outcomes = salver.Inboxes(client, case["app"]).notify([case["recipient"]], note)
            self.assertEqual(outcomes, {case["recipient"]: "added"})
            self.assertEqual(client.keys, case["keys"])
            self.assertEqual(client.arguments, case["arguments"])
            self.assertIsNotNone(salver.read_notification(client.arguments[-1]))

    def test_marks_match_vectors(self):
        for case in INBOX_VECTORS["marks"]:
            client = RecordingClient(1, 0, 0)
            changed = salver.Inboxes(client, case["app"]).mark(case["recipient"], case["change"], case["ids"])
            self.assertEqual((changed, client.keys, client.arguments), (1, case["keys"], case["arguments"]))

    def test_undecodable_notifications_return_none(self):
        for member in INBOX_VECTORS["readable"]:
            self.assertIsNotNone(salver.read_notification(member), member)
        for member in INBOX_VECTORS["unreadable"]:
            self.assertIsNone(salver.read_notification(member), member)

    def test_error_names_invalid_field(self):
        text = salver.message("text")
        for name, options in (
            ("kind", {"kind": "a b"}),
            ("message", {"message": "text"}),
            ("expires", {"message": salver.message("text", expires=4102444800000)}),
            ("subject", {"subject": ""}),
            ("group", {"group": "x" * 257}),
            ("actor", {"actor": ("user:7", "")}),
            ("recipient", {"actor": ("ada", "Ada")}),
        ):
            with self.assertRaisesRegex(ValueError, f"^{name} "):
                salver.notification(**{"kind": "test", "message": text} | options)
        inboxes = salver.Inboxes(RecordingClient(0, 0, 0), "app")
        with self.assertRaisesRegex(ValueError, "^limit "):
            inboxes.list("user:7", limit=201)
        with self.assertRaisesRegex(ValueError, "^change "):
            inboxes.mark("user:7", "seen", [])

    def test_notify_tries_all_recipients_before_it_raises(self):
        class FailingOnce(RecordingClient):
            failures = [ConnectionError("first")]

            def eval(self, *arguments):
                if self.failures:
                    raise self.failures.pop()
                return super().eval(*arguments)

        client = FailingOnce(b"added", 1, 0)
        note = salver.notification("test", salver.message("text"))
        with self.assertRaisesRegex(ConnectionError, "first"):
            salver.Inboxes(client, "app").notify(["user:7", "user:8"], note)
        self.assertEqual(client.keys[0], "app!groups:{user%3A8}")

    def test_more_than_500_ids_are_marked_in_several_calls(self):
        client = RecordingClient(2, 0, 0)
        ids = [salver.message_id() for _ in range(501)]
        self.assertEqual(salver.Inboxes(client, "app").mark("user:7", "read", ids), 4)
        self.assertEqual(client.arguments[4:], ids[500:])


class EventsClient:
    """Records the calls of scripts, and replies to them."""

    def __init__(self, *stored):
        self.stored = stored
        self.calls = []

    def eval(self, script, numkeys, *keys_and_args):
        keys, arguments = keys_and_args[:numkeys], keys_and_args[numkeys:]
        arguments = [part.decode() if isinstance(part, bytes) else str(part) for part in arguments]
        self.calls.append({"keys": [*keys], "arguments": arguments})
        reads_subscriptions = "subscriptions:" in keys[0] and not arguments
        return [keys[0], *(["subscriptions", "", *self.stored] if reads_subscriptions else [b"accepted", b"", 1])]


class EventsVectors(unittest.TestCase):
    """The test vectors of events, which the tests of each language read."""

    def test_publishes_match_vectors(self):
        for case in EVENTS_VECTORS["publishes"]:
            client = EventsClient()
            names = ("id", "source", "subject", "filters", "time_ms", "data", "message")
            options = {name: case[name] for name in names if name in case}
            options["also"] = [salver.event(one["type"], filters=one.get("filters")) for one in case.get("also", [])]
            event = salver.event(case["type"], excluded=case.get("except", []), **options)
            events = salver.Events(client, case["app"], cluster=case.get("cluster", False))
            self.assertEqual(events.publish(event), "accepted")
            self.assertEqual(client.calls, [{"keys": case["keys"], "arguments": case["arguments"]}])
            self.assertEqual(event.digest(), case["digest"])

    def test_subscribes_match_vectors(self):
        for case in EVENTS_VECTORS["subscribes"]:
            client = EventsClient()
            options = {name: case[name] for name in ("subject", "filters") if name in case}
            self.assertEqual(salver.subscription_id(case["recipient"], case["type"], **options), case["id"])
            events = salver.Events(client, case["app"])
            events.subscribe(case["recipient"], case["type"], description=case.get("description"), **options)
            self.assertEqual(client.calls, case["calls"])

    def test_documented_subscription_id_matches_vectors(self):
        page = (HERE.parent.parent / "src/docs/storage-format.md").read_text()
        (code,) = [block.split("```")[0] for block in page.split("```python") if "def subscription_id" in block]
        documented = {}
        exec(code, documented)
        for case in EVENTS_VECTORS["subscribes"]:
            filters = case.get("filters", {}) | ({"subject": case["subject"]} if "subject" in case else {})
            self.assertEqual(documented["subscription_id"](case["recipient"], case["type"], filters), case["id"])

    def test_unsubscribes_match_vectors(self):
        for case in EVENTS_VECTORS["unsubscribes"]:
            client = EventsClient(*(part for one in case.get("stored", []) for part in one))
            options = {name: case[name] for name in ("subject", "filters") if name in case}
            self.assertTrue(salver.Events(client, case["app"]).unsubscribe(case["recipient"], case["type"], **options))
            # The mark of a removal is another one each time.
            marks = {call["arguments"][1] for call in client.calls if len(call["arguments"]) > 1}
            self.assertEqual(len(marks), 1)
            calls = [call | {"arguments": ["*" if one in marks else one for one in call["arguments"]]} for call in client.calls]
            self.assertEqual(calls, case["calls"])

    def test_error_names_invalid_field(self):
        many = [salver.event("x") for _ in range(5)]
        nested = []
        for _ in range(64):
            nested = [nested]
        for name, options in (
            ("type", {"type": "a b"}),
            ("id", {"id": ""}),
            ("source", {"source": "a\nb"}),
            ("subject", {"subject": ""}),
            ("filter", {"filters": {"Language": "de"}}),
            ("filter", {"filters": {"time": "1"}}),
            ("filter", {"filters": {str(n): "1" for n in range(5)}}),
            ("time", {"time_ms": -1}),
            ("data", {"data": nested}),
            ("message", {"message": "text"}),
            ("also", {"also": many}),
            ("except", {"excluded": [f"user:{n}" for n in range(101)]}),
            ("recipient", {"excluded": ["ada"]}),
        ):
            with self.assertRaisesRegex(ValueError, f"^{name} "):
                salver.event(**{"type": "x"} | options)
        events = salver.Events(EventsClient(), "app")
        for data in (1 << 53, float("nan"), "x" * 65_536, "\ud800", {1: 2}):
            with self.assertRaisesRegex(ValueError, "^event "):
                events.publish(salver.event("x", data=data))
        with self.assertRaisesRegex(ValueError, "^recipient "):
            events.subscribe("email:ada@example.org", "x")
        with self.assertRaisesRegex(ValueError, "^description "):
            events.subscribe("user:7", "x", description="")


if __name__ == "__main__":
    unittest.main()
