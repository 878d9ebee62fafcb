//! The kind of a notification: what happened, as dotted words such as `graph.uploaded`.

/// The field of preferences and defaults for kinds that have none of their own.
pub(crate) const ANY_KIND: &str = "*";

/// Returns a kind, its prefixes that end at a dot, longest first, and [`ANY_KIND`]: `graph.uploaded`,
/// `graph`, `*`.
pub(crate) fn prefixes(kind: &str) -> impl Iterator<Item = &str> {
    let dots = kind.rmatch_indices('.');
    let prefixes = dots.filter_map(|(dot, _)| kind.get(..dot));
    std::iter::once(kind).chain(prefixes).chain([ANY_KIND])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_end_at_dots() {
        let all = |kind| prefixes(kind).collect::<Vec<_>>();
        assert_eq!(all("a.b.c"), ["a.b.c", "a.b", "a", "*"]);
        assert_eq!(all("letter"), ["letter", "*"]);
    }
}
