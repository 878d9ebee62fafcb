// Signs and verifies webhooks by the package standardwebhooks.
//
// Standard input has a JSON object. `sign` has webhooks with a secret, an id, a timestamp and a body; `verify` has some with a
// secret, headers and a body. Prints the signatures of the former, and whether each of the latter is verified.
import { readFileSync } from "node:fs";
import { Webhook, WebhookVerificationError } from "standardwebhooks";

function sign({ secret, id, timestamp, body }) {
  return new Webhook(secret).sign(id, new Date(timestamp * 1000), body);
}

function isVerified({ secret, headers, body }) {
  try {
    new Webhook(secret).verify(body, headers);
    return true;
  } catch (error) {
    if (error instanceof WebhookVerificationError) return false;
    throw error;
  }
}

const work = JSON.parse(readFileSync(0, "utf8"));
console.log(JSON.stringify({ sign: work.sign.map(sign), verify: work.verify.map(isVerified) }));
