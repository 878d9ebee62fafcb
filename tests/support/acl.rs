//! The ACL permissions of Salver's Redis user, read from the deployment page.

/// The deployment page, which documents the permissions.
const PAGE: &str = include_str!("../../src/docs/deployment.md");
/// Prefix of the documented `ACL SETUSER` line.
const LINE: &str = "ACL SETUSER ";
/// The password in the documented line.
pub const PASSWORD: &str = "password";
/// Application names that the tests use, encoded as in keys. The documented line names a single
/// application. The last names belong to the conformance test that shows that no two names share a
/// key.
const APPS: [&str; 13] = [
    "app",
    "another",
    "shop",
    "blog",
    "dashboard",
    "a",
    "a%3Ab",
    "%7Ba%7D",
    "a%7Db",
    "a%7Bb",
    "A",
    "a%21session",
    "%2561",
];

/// Returns the permissions of the documented line, without the user's name.
pub fn documented() -> Vec<String> {
    let line = PAGE.lines().find_map(|line| line.strip_prefix(LINE));
    let line = line.expect("the deployment page has no `ACL SETUSER` line");
    line.split(' ').skip(1).map(str::to_owned).collect()
}

/// Returns the additional permissions that a Cluster requires.
pub fn documented_for_clusters() -> Vec<String> {
    documented_beginning_with("+cluster|")
}

/// Returns the additional permissions that the inbox requires.
pub fn documented_for_inboxes() -> Vec<String> {
    documented_beginning_with("+zlexcount ")
}

/// Returns the additional permissions that mails require.
fn documented_for_mails() -> Vec<String> {
    documented_beginning_with("+zrank")
}

/// Returns the additional permissions that events require.
fn documented_for_events() -> Vec<String> {
    documented_beginning_with("+sadd ")
}

fn documented_beginning_with(first: &str) -> Vec<String> {
    let quote = PAGE.split('`').find(|quote| quote.starts_with(first));
    let permissions =
        quote.unwrap_or_else(|| panic!("the deployment page has no permissions `{first}…`"));
    permissions.split(' ').map(str::to_owned).collect()
}

/// Returns `redis-server` options that create the documented user, with permissions for all
/// applications of the tests.
pub fn options() -> Vec<String> {
    let mut options = vec!["--user".to_owned(), "salver".to_owned()];
    let modules = [
        documented_for_inboxes(),
        documented_for_mails(),
        documented_for_events(),
    ];
    for permission in [documented(), modules.concat()].concat() {
        match permission.strip_prefix("~app") {
            Some(rest) => options.extend(APPS.map(|app| format!("~{app}{rest}"))),
            None => options.push(permission),
        }
    }
    options
}
