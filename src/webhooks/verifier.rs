//! The verification of a webhook by the program that receives it.

use std::fmt;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use subtle::ConstantTimeEq;
use time::OffsetDateTime;

use crate::Error;
use crate::webhooks::limits::{MIN_SECRET_BYTES, TIMESTAMP_TOLERANCE};
use crate::webhooks::secret::PREFIX;
use crate::webhooks::signature::sign;

/// Verifies the webhooks that a program receives: from Salver, or from another sender that follows
/// [Standard Webhooks](https://www.standardwebhooks.com) with secrets that begin with `whsec_`.
///
/// A webhook that is verified was sent by a program that knows the secret, within the last
/// [five minutes](crate::webhooks::TIMESTAMP_TOLERANCE), and its id, time and body are unchanged. Other headers are not signed.
///
/// A sender repeats a webhook whose reply is lost, and a stranger who has read one can send it again for five minutes. Both have
/// the same `webhook-id`: store it together with what the webhook changes, and ignore one that is known.
///
/// # Examples
///
/// ```
/// use std::time::SystemTime;
///
/// use actix_web::web::Bytes;
/// use actix_web::{HttpRequest, HttpResponse, post, web};
/// use salver::webhooks::Verifier;
/// use serde_json::Value;
///
/// #[post("/hook")]
/// async fn hook(
///     request: HttpRequest,
///     body: Bytes,
///     verifier: web::Data<Verifier>,
/// ) -> Result<HttpResponse, salver::Error> {
///     let header = |name: &str| request.headers().get(name)?.to_str().ok();
///     // A forged webhook ends here, with status 401.
///     verifier.verify(&body, header, SystemTime::now())?;
///     // Verify the bytes that were received, and parse them afterwards.
///     let Ok(event) = serde_json::from_slice::<Value>(&body) else {
///         return Ok(HttpResponse::BadRequest().finish());
///     };
///     println!("{} {}", event["type"], event["data"]);
///     Ok(HttpResponse::NoContent().finish())
/// }
///
/// // The secret that the broker has returned. A program reads it from a file.
/// let verifier = Verifier::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")?;
/// # let _ = verifier;
/// # Ok::<(), salver::Error>(())
/// ```
///
/// In a test, and for a webhook that was recorded, `now` is the time at which it was sent:
///
/// ```
/// use std::time::{Duration, SystemTime};
///
/// use salver::webhooks::Verifier;
///
/// let headers = |name: &str| match name {
///     "webhook-id" => Some("msg_p5jXN8AQM9LWM0D4loKWxJek"),
///     "webhook-timestamp" => Some("1614265330"),
///     "webhook-signature" => Some("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
///     _ => None,
/// };
/// let sent_at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_614_265_330);
/// let verifier = Verifier::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")?;
/// verifier.verify(br#"{"test": 2432232314}"#, headers, sent_at)?;
///
/// let error = verifier.verify(b"{}", headers, sent_at).unwrap_err();
/// assert!(error.is_unverified());
/// # Ok::<(), salver::Error>(())
/// ```
#[doc(alias = "Webhook")]
#[derive(Clone)]
pub struct Verifier {
    key: Vec<u8>,
}

impl Verifier {
    /// Creates a verifier of the webhooks that are signed by a secret.
    ///
    /// # Errors
    ///
    /// `is_invalid` unless the secret is `whsec_`, and at least [24 bytes](crate::webhooks::MIN_SECRET_BYTES) in base64.
    pub fn new(secret: &str) -> Result<Self, Error> {
        let invalid = |problem: &str| Error::invalid("webhook_secret", problem);
        let Some(encoded) = secret.strip_prefix(PREFIX) else {
            return Err(invalid("does not begin with whsec_"));
        };
        let key = STANDARD.decode(encoded);
        let key = key.map_err(|_| invalid("is not whsec_ and base64"))?;
        match key.len() < MIN_SECRET_BYTES {
            true => Err(invalid(&format!("has fewer than {MIN_SECRET_BYTES} bytes"))),
            false => Ok(Self { key }),
        }
    }

    /// Verifies a webhook.
    ///
    /// - `body`: the bytes as they were received.
    /// - `header`: returns the value of a header, whose name it gets in lower case.
    /// - `now`: the current time, such as `SystemTime::now()`.
    ///
    /// The comparison takes the same time for each wrong signature of one length. One valid signature of several is enough: a
    /// sender whose secret has changed signs with both.
    ///
    /// # Errors
    ///
    /// `is_unverified`, status 401, for each cause: a header is missing or malformed, the time is more than five minutes away, or
    /// no signature matches. The error does not name the cause: a forger could learn from it.
    pub fn verify<'a>(
        &self,
        body: &[u8],
        header: impl Fn(&'static str) -> Option<&'a str>,
        now: impl Into<OffsetDateTime>,
    ) -> Result<(), Error> {
        let headers = (|| {
            let timestamp: i64 = header("webhook-timestamp")?.parse().ok()?;
            Some((
                header("webhook-id")?,
                timestamp,
                header("webhook-signature")?,
            ))
        })();
        let (id, timestamp, signatures) = headers.ok_or_else(Error::unverified)?;
        let distance = now.into().unix_timestamp().abs_diff(timestamp);
        let expected = sign(&[&self.key], id, timestamp.unsigned_abs(), body);
        let is_signed = signatures
            .split(' ')
            .any(|signature| signature.as_bytes().ct_eq(expected.as_bytes()).into());
        match is_signed && Duration::from_secs(distance) <= TIMESTAMP_TOLERANCE {
            true => Ok(()),
            false => Err(Error::unverified()),
        }
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier").finish_non_exhaustive()
    }
}
