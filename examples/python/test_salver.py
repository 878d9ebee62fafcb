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

VECTORS = json.loads((HERE.parent.parent / "tests/fixtures/wire_v1.json").read_text())


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


if __name__ == "__main__":
    unittest.main()
