"""Publishes events by the package cloudevents, in the structured, the binary and the batched mode.

Standard input has a JSON object with the URL of the broker and a token. Prints a JSON array with the status of each response.
"""

import json
import sys
import urllib.request

from cloudevents.conversion import to_binary, to_dict, to_structured
from cloudevents.http import CloudEvent

BROKER = json.load(sys.stdin)


def send(headers, body):
    headers = {**headers, "authorization": f"Bearer {BROKER['token']}"}
    request = urllib.request.Request(f"{BROKER['url']}/events", data=body, headers=headers)
    with urllib.request.urlopen(request) as response:
        return response.status


def event(name, data, **attributes):
    attributes = {"id": f"python-{name}", "source": "/python", "type": "test.python", "region": "eu", **attributes}
    return CloudEvent(attributes, data)


statuses = [
    send(*to_structured(event("structured", {"b": 1, "a": "ü"}))),
    send(*to_structured(event("bytes", b"\xff\x00", datacontenttype="application/octet-stream"))),
    send(*to_structured(event("empty", None))),
    send(*to_binary(event("binary", {"b": 1}, subject="orders/7", datacontenttype="application/json"))),
    send(*to_binary(event("text", "ü".encode(), datacontenttype="text/plain"))),
]
batch = [to_dict(event(f"batch-{number}", {"number": number})) for number in range(3)]
headers = {"content-type": "application/cloudevents-batch+json"}
statuses.append(send(headers, json.dumps(batch, default=str).encode()))
print(json.dumps(statuses))
