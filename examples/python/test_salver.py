"""Run it: `python -m unittest examples/python/test_salver.py`, in a checkout of Salver."""

import json
import sys
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import salver  # noqa: E402

VECTORS = json.loads((HERE.parent.parent / "tests/fixtures/wire_v1.json").read_text())


class Vectors(unittest.TestCase):
    """What is frozen in wire v1, and read by all."""

    def test_keys(self):
        for case in VECTORS["keys"]:
            context = salver.Context(case["app"], case["session"], case["view"])
            self.assertEqual(context.key, case["key"])
            self.assertEqual(salver.Context.from_key(case["key"]), context)
            self.assertEqual(salver.Context.from_json(context.to_json()), context)

    def test_members(self):
        for case in VECTORS["members"]:
            fields = salver.read(case["member"])
            self.assertIsNotNone(fields, case)
            for name in ("level", "text", "tag", "title"):
                default = "info" if name == "level" else None
                self.assertEqual(fields.get(name, default), case.get(name), case)
            if case["rewritten"]:
                options = {name: value for name, value in fields.items() if name not in ("v", "text")}
                self.assertEqual(salver.message(fields["text"], **options), case["member"])

    def test_what_is_no_member(self):
        for member in VECTORS["unreadable"] + VECTORS["newer"]:
            self.assertIsNone(salver.read(member), member)

    def test_sessions_and_steps(self):
        for case in VECTORS["sessions"]:
            self.assertEqual(salver.session_id(case["app"], case["token"]), case["session"])
        for case in VECTORS["steps"]:
            self.assertEqual(salver.step_id(case["begun"], case["job"], case["step"]), case["id"])

    def test_ids_only_grow(self):
        ids = [salver.message_id() for _ in range(10_000)]
        self.assertEqual(ids, sorted(set(ids)))

    def test_what_is_wrong_is_named(self):
        for options in ({"text": ""}, {"text": "x" * 4097}, {"text": "a\x07"}, {"title": "a\nb"}, {"tag": "a b"}, {"level": "loud"}):
            (name,) = options
            with self.assertRaisesRegex(ValueError, f"^{name} "):
                salver.message(options.pop("text", "text"), **options)
        with self.assertRaisesRegex(ValueError, "^action"):
            salver.message("text", action={"label": "x", "url": "javascript:alert(1)"})
        with self.assertRaisesRegex(ValueError, "^view "):
            salver.Context("shop", "ada", "")


if __name__ == "__main__":
    unittest.main()
