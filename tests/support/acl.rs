//! The rights that the deployment page gives to Salver's user.

const PAGE: &str = include_str!("../../src/docs/deployment.md");
const LINE: &str = "ACL SETUSER ";
/// The password that stands in the line.
pub const PASSWORD: &str = "password";
/// The applications whose names the tests use, as keys spell them: the line has one. The last ones are those by
/// which a law shows that no name is taken for another.
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

/// Reads the words of the documented line after the user's name.
pub fn documented() -> Vec<String> {
    let line = PAGE.lines().find_map(|line| line.strip_prefix(LINE));
    let line = line.expect("the deployment page has no line that makes a user");
    line.split(' ').skip(1).map(str::to_owned).collect()
}

/// Reads what a Cluster's user needs beside it.
pub fn documented_for_clusters() -> Vec<String> {
    let quotes = PAGE.split('`').find(|quote| quote.starts_with("+cluster|"));
    let words = quotes.expect("the deployment page says nothing of a Cluster's user");
    words.split(' ').map(str::to_owned).collect()
}

/// Gives the options by which a server starts with that user, for all applications of the tests.
pub fn options() -> Vec<String> {
    let mut options = vec!["--user".to_owned(), "salver".to_owned()];
    for word in documented() {
        match word.strip_prefix("~app") {
            Some(rest) => options.extend(APPS.map(|app| format!("~{app}{rest}"))),
            None => options.push(word),
        }
    }
    options
}
