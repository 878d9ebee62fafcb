//! The address of the site, for links in mails.

use url::Url;

use crate::Error;

/// The address of the site.
#[derive(Clone, Debug)]
pub(crate) struct Site(Url);

impl Site {
    /// Parses an address such as `https://shop.example`.
    ///
    /// # Errors
    ///
    /// `is_invalid` for an address that is neither http nor https, and for one with a user, a query or a
    /// fragment.
    pub(crate) fn new(address: &str) -> Result<Self, Error> {
        let url = Url::parse(address)
            .map_err(|cause| Error::invalid("site", "is not a URL").with_source(cause))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Error::invalid("site", "is not an http or https URL"));
        }
        let has_more = url.query().is_some() || url.fragment().is_some();
        if has_more || !url.username().is_empty() || url.password().is_some() {
            let problem = "has a user, a query or a fragment";
            return Err(Error::invalid("site", problem));
        }
        Ok(Self(url))
    }

    /// Returns the address of a path of the site, or an address as it is.
    pub(crate) fn link(&self, target: &str) -> String {
        self.0
            .join(target)
            .unwrap_or_else(|_| self.0.clone())
            .into()
    }

    pub(crate) fn url(&self) -> &Url {
        &self.0
    }

    /// Returns the host, for people.
    pub(crate) fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_absolute() {
        let site = Site::new("https://shop.example/app").ok();
        let link = |target| site.as_ref().map(|site| site.link(target));
        let order = Some("https://shop.example/orders/7".to_owned());
        assert_eq!(link("/orders/7"), order);
        let other = "https://other.example/a?b#c";
        assert_eq!(link(other), Some(other.to_owned()));
    }

    #[test]
    fn other_addresses_are_refused() {
        for address in [
            "",
            "shop.example",
            "ftp://a",
            "https://u@a",
            "https://a?b",
            "https://a#b",
        ] {
            let error = Site::new(address).err();
            assert!(error.is_some_and(|error| error.is_invalid()), "{address}");
        }
    }
}
