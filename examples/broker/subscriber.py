"""Receives webhooks from Salver, and answers one of them with an event of its own. Copy it.

    pip install flask standardwebhooks
    python subscriber.py

Register its URL at the broker, with the token of the operator. The reply has the secret, once; save it:

    curl -fsS localhost:8090/v1/endpoints -H "authorization: Bearer $SALVER_TOKEN" --json \\
      '{"url": "http://127.0.0.1:5000/hook", "types": ["counter.increment", "counter.changed"],
        "results": ["counter.changed"]}' | grep -o 'whsec_[^"]*' > webhook-secret

Then publish events. It prints each, and answers with an event of the type `counter.changed`, which comes back to it:

    curl -fsS localhost:8090/v1/events -H "authorization: Bearer $SALVER_TOKEN" -H "ce-specversion: 1.0" \\
      -H "ce-id: 1" -H "ce-source: /shop" -H "ce-type: counter.increment" --json '{"by": 2}'

Any status but 2xx makes the broker try again, for days. A new secret only has to be saved: for 24 hours the broker
signs with both.
"""

import json
import os
from pathlib import Path

from flask import Flask, Response, request
from standardwebhooks import Webhook

SECRET_FILE = Path(os.environ.get("WEBHOOK_SECRET_FILE", "webhook-secret"))
app = Flask(__name__)
increments: dict[str, int] = {}


@app.route("/hook", methods=["OPTIONS"], provide_automatic_options=False)
def consent() -> Response:
    # A broker asks before it sends to a URL that a stranger has registered. Name its site here instead of "*".
    return Response(headers={"WebHook-Allowed-Origin": "*", "WebHook-Allowed-Rate": "600"})


@app.post("/hook")
def receive() -> Response:
    webhook = Webhook(SECRET_FILE.read_text().strip())
    try:
        event = webhook.verify(request.get_data(), dict(request.headers))
    except Exception:  # Malformed headers raise others than WebhookVerificationError.
        return Response(status=401)
    print(event["type"], json.dumps(event.get("data")), flush=True)
    if event["type"] != "counter.increment":
        return Response(status=204)
    # An event may come more than once, always with the same id. A real counter stores the ids with its value.
    delivery = request.headers["webhook-id"]
    increments[delivery] = event["data"]["by"]
    answer = {
        # The broker replaces the id and the source by its own.
        "specversion": "1.0",
        "id": delivery,
        "source": "/counter",
        "type": "counter.changed",
        "data": {"value": sum(tuple(increments.values()))},
    }
    return Response(json.dumps(answer), content_type="application/cloudevents+json")


if __name__ == "__main__":
    app.run(port=int(os.environ.get("PORT", "5000")))
