//! Signatures of webhooks, after Standard Webhooks 1.0 (<https://www.standardwebhooks.com>), scheme `v1`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;

/// Returns the value of `webhook-signature`: one signature for each key, with spaces between them.
/// `timestamp`: in Unix seconds.
pub(super) fn sign(keys: &[impl AsRef<[u8]>], id: &str, timestamp: u64, body: &[u8]) -> String {
    let signatures = keys.iter().map(|key| {
        let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key.as_ref()));
        context.update(format!("{id}.{timestamp}.").as_bytes());
        context.update(body);
        format!("v1,{}", STANDARD.encode(context.sign()))
    });
    signatures.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification.
    #[test]
    fn example_of_the_specification_is_signed() {
        let key = STANDARD
            .decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
            .unwrap_or_default();
        let id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
        let signature = sign(&[key], id, 1_614_265_330, b"{\"test\": 2432232314}");
        let expected = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        assert_eq!(signature, expected);
    }
}
