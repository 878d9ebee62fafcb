//! README, examples and guarantees agree with the code.

use std::collections::BTreeSet;
use std::fs;

use super::{files, output, read, root};

#[test]
fn every_example_is_listed_and_says_how_to_run_it() {
    let readme = read("README.md");
    for path in files("examples", ".rs") {
        let name = path.file_stem().unwrap().to_str().unwrap();
        let head: Vec<_> = read(&path).lines().take(5).map(str::to_owned).collect();
        assert!(
            head[0].starts_with("//! "),
            "{name} does not say what it shows"
        );
        let run = format!("cargo run --example {name}");
        assert!(
            head.join(" ").contains(&run),
            "{name} does not say how to run it"
        );
        assert!(
            readme.contains(&format!("(examples/{name}.rs)")),
            "README does not list {name}"
        );
    }
}

#[test]
fn readme_shows_hello_as_it_is() {
    let hello = read("examples/hello.rs");
    assert!(hello.lines().count() < 50);
    let code = hello.split_once("\n\n").unwrap().1;
    assert!(
        read("README.md").contains(code.trim()),
        "README and examples/hello.rs differ"
    );
}

/// Every promise names its tests, and each of them exists.
#[test]
fn every_promise_has_a_test() {
    let this = std::env::current_exe().unwrap();
    let list = output(this.to_str().unwrap(), &["--list", "--format", "terse"]);
    let tests: BTreeSet<_> = list
        .lines()
        .filter_map(|line| line.strip_suffix(": test"))
        .collect();
    let page = read("src/docs/promises.md");
    let mut promises = 0;
    let rows = page.split("| promise | test |\n|---|---|\n").skip(1);
    for row in rows.flat_map(|table| table.lines().take_while(|line| line.starts_with('|'))) {
        let named: Vec<_> = row
            .rsplit(" | ")
            .next()
            .unwrap()
            .split('`')
            .skip(1)
            .step_by(2)
            .collect();
        assert!(!named.is_empty(), "no test shows: {row}");
        for name in named {
            // A law is one test for each store.
            let law = name
                .strip_prefix("conformance::")
                .map(|law| format!("conformance::redis_server::{law}"));
            let name = law.as_deref().unwrap_or(name);
            assert!(tests.contains(name), "{name} is no test");
        }
        promises += 1;
    }
    assert!(promises > 30, "the test reads promises no more");
}

#[test]
fn the_pictures_are_the_same_in_readme_and_in_the_docs() {
    use base64::Engine;
    for (picture, spelled) in [
        ("src/docs/messages.png", "src/docs/messages.base64"),
        ("benches/page.svg", "src/docs/plot.base64"),
    ] {
        let picture = fs::read(root().join(picture)).unwrap();
        let expected = base64::engine::general_purpose::STANDARD.encode(picture);
        assert_eq!(read(spelled), expected, "base64 -w0");
    }
}
