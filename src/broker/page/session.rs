//! The session of an operator: a signed value in a cookie. Nothing is stored.

use crate::broker::limits::SESSION_TTL;
use crate::broker::settings::Settings;
use crate::broker::tokens::{FixedToken, KnownToken};
use crate::secret::Secret;
use crate::store::millis;
use crate::{Error, MessageId};

/// Returns the value of the cookie of a session that begins now.
///
/// # Errors
///
/// `is_misconfigured` for a site without a secret.
pub(super) fn begin(settings: &Settings, token: &KnownToken) -> Result<String, Error> {
    let end = MessageId::new().unix_ms() + millis(SESSION_TTL);
    begin_until(settings, token, end)
}

fn begin_until(settings: &Settings, token: &KnownToken, end: u64) -> Result<String, Error> {
    let signed = secret(settings)?.sign(&purpose(token), &end.to_string());
    Ok(format!("{}.{signed}", token.id))
}

/// Returns the token of a session; `None` if the session has ended, the token was revoked, or the value is forged.
///
/// # Errors
///
/// Those of the store, and `is_misconfigured` for a site without a secret.
pub(super) async fn find(settings: &Settings, cookie: &str) -> Result<Option<KnownToken>, Error> {
    let Some((id, signed)) = cookie.split_once('.') else {
        return Ok(None);
    };
    let token = match id {
        FixedToken::ID => settings.token.as_ref().map(FixedToken::known),
        id => settings.salver.tokens().known(id).await?,
    };
    let Some(token) = token else {
        return Ok(None);
    };
    let end = secret(settings)?.verify(&purpose(&token), signed);
    let end: Option<u64> = end.and_then(|end| end.parse().ok());
    let is_valid = end.is_some_and(|end| end > MessageId::new().unix_ms());
    Ok(is_valid.then_some(token))
}

/// Binds the signature to the token: another token of the operator ends the sessions of the one before. The hash is not in
/// the cookie, from which a short token could be guessed.
fn purpose(token: &KnownToken) -> String {
    format!("broker-session {} {}", token.id, token.hash)
}

fn secret(settings: &Settings) -> Result<&Secret, Error> {
    let secret = settings.salver.config().mail.secret.as_ref();
    secret.ok_or_else(|| {
        Error::misconfigured(
            "the page of the broker needs a secret to sign its cookie: call `SalverBuilder::secret`",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Salver;

    fn settings(secret: u8, token: &str) -> Result<(Settings, KnownToken), Error> {
        let salver = Salver::builder("app").secret([secret; 32]).build()?;
        let mut settings = Settings::new(&salver);
        settings.token = FixedToken::new(token);
        let token = settings.token.as_ref().map(FixedToken::known);
        Ok((settings, token.ok_or_else(Error::anonymous)?))
    }

    #[tokio::test]
    async fn session_ends_at_its_time_and_with_its_token_or_secret() -> Result<(), Error> {
        let (own, token) = settings(7, "a-token-of-the-operator")?;
        let now = MessageId::new().unix_ms();
        let is_valid = async |settings: &Settings, cookie: &str| -> Result<bool, Error> {
            Ok(find(settings, cookie).await?.is_some())
        };
        let current = begin_until(&own, &token, now + 60_000)?;
        assert!(is_valid(&own, &current).await?);
        let ended = begin_until(&own, &token, now)?;
        assert!(!is_valid(&own, &ended).await?);
        let (other_token, _) = settings(7, "another-token-of-the-operator")?;
        assert!(!is_valid(&other_token, &current).await?);
        let (other_secret, _) = settings(8, "a-token-of-the-operator")?;
        assert!(!is_valid(&other_secret, &current).await?);
        let other_id = current.replacen("operator", "operators", 1);
        for forged in ["", ".", "operator", "operator.", &other_id] {
            assert!(!is_valid(&own, forged).await?, "{forged}");
        }
        assert!(!begin(&own, &token)?.contains(&token.hash));
        Ok(())
    }
}
