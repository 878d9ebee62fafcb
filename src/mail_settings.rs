//! What a site has set about mails.

use crate::Error;
use crate::cadence::Cadence;
use crate::kind::{ANY_KIND, prefixes};
use crate::secret::Secret;
use crate::site::Site;
use crate::validate::validate_name;

/// Longest kind in bytes.
const MAX_KIND_BYTES: usize = 128;

/// The settings of mails.
#[derive(Clone, Debug, Default)]
pub(crate) struct MailSettings {
    /// The address of the site, for links.
    pub(crate) site: Option<String>,
    /// Signs the links.
    pub(crate) secret: Option<Secret>,
    /// The secret before, which still verifies.
    pub(crate) old_secret: Option<Secret>,
    /// The cadence of each kind, for people without a preference.
    pub(crate) cadences: Vec<(String, Cadence)>,
    /// The kinds that no preference turns off.
    pub(crate) critical: Vec<String>,
}

impl MailSettings {
    /// # Errors
    ///
    /// `is_invalid`, naming the first wrong setting.
    pub(crate) fn validate(&self) -> Result<(), Error> {
        if let Some(site) = &self.site {
            Site::new(site)?;
        }
        for (field, secret) in [("secret", &self.secret), ("old_secret", &self.old_secret)] {
            if let Some(secret) = secret {
                secret.validate(field)?;
            }
        }
        let kinds = self.cadences.iter().map(|(kind, _)| kind);
        for kind in kinds.chain(&self.critical).filter(|kind| *kind != ANY_KIND) {
            validate_name("kind", kind, MAX_KIND_BYTES)?;
        }
        let mut cadences = self.cadences.iter();
        cadences.try_for_each(|(_, cadence)| cadence.validate())
    }

    /// Returns whether this site sends mails.
    pub(crate) fn is_enabled(&self) -> bool {
        self.site.is_some()
    }

    /// Returns whether no preference turns mails of a kind off.
    pub(crate) fn is_critical(&self, kind: &str) -> bool {
        prefixes(kind).any(|prefix| self.critical.iter().any(|critical| critical == prefix))
    }

    /// Returns the cadence of a kind for people without a preference.
    pub(crate) fn default_cadence(&self, kind: &str) -> Cadence {
        let set = |prefix| {
            let mut cadences = self.cadences.iter().rev();
            cadences.find(|(kind, _)| kind == prefix)
        };
        let default = prefixes(kind).find_map(set);
        match default.map(|(_, cadence)| *cadence).unwrap_or_default() {
            Cadence::Never if self.is_critical(kind) => Cadence::AtOnce,
            cadence => cadence,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn longest_prefix_decides() {
        let daily = Cadence::Daily { hour: 8 };
        let cadence = |kind: &str, cadence| (kind.to_owned(), cadence);
        let settings = MailSettings {
            cadences: vec![
                cadence("graph", daily),
                cadence("graph.shared", Cadence::AtOnce),
                cadence("security", Cadence::Never),
            ],
            critical: vec!["security".to_owned()],
            ..MailSettings::default()
        };
        for (kind, cadence) in [
            ("graph.uploaded", daily),
            ("graph.shared", Cadence::AtOnce),
            ("graph.shared.group", Cadence::AtOnce),
            ("graphs", Cadence::Never),
            ("security.login", Cadence::AtOnce),
        ] {
            assert_eq!(settings.default_cadence(kind), cadence, "{kind}");
        }
    }
}
