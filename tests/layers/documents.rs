//! README, examples and guarantees match the code.

use std::collections::BTreeSet;
use std::fs;

use super::{files, output, read, root};

#[test]
fn every_example_is_listed_with_run_command() {
    let readme = read("README.md");
    for path in files("examples", ".rs") {
        let name = path.file_stem().unwrap().to_str().unwrap();
        let first_lines: Vec<_> = read(&path).lines().take(5).map(str::to_owned).collect();
        assert!(
            first_lines[0].starts_with("//! "),
            "{name} does not begin with a comment that describes it"
        );
        let run = format!("cargo run --example {name}");
        assert!(
            first_lines.join(" ").contains(&run),
            "the first five lines of {name} do not contain `{run}`"
        );
        assert!(
            readme.contains(&format!("(examples/{name}.rs)")),
            "README does not list {name}"
        );
    }
}

#[test]
fn readme_contains_hello_example() {
    let hello = read("examples/hello.rs");
    assert!(hello.lines().count() < 50);
    let code = hello.split_once("\n\n").unwrap().1;
    assert!(
        read("README.md").contains(code.trim()),
        "README and examples/hello.rs differ"
    );
}

#[test]
fn every_test_module_belongs_to_a_part() {
    let parts = read("tests/run");
    for test in tests() {
        let module = test.split("::").next().unwrap();
        assert!(
            parts.contains(&format!("{module}::")),
            "no part of tests/run runs {test}"
        );
    }
}

/// Returns the names of the tests of this binary.
fn tests() -> BTreeSet<String> {
    let binary = std::env::current_exe().unwrap();
    let list = output(binary.to_str().unwrap(), &["--list", "--format", "terse"]);
    list.lines()
        .filter_map(|line| line.strip_suffix(": test"))
        .map(str::to_owned)
        .collect()
}

/// Each guarantee names its tests, and each of them exists. A test of `faults` belongs to one
/// guarantee, so that its failure says which one does not hold.
#[test]
fn every_guarantee_names_existing_tests() {
    let tests = tests();
    let page = read("src/docs/guarantees.md");
    let (mut guarantees, mut fault_tests) = (0, BTreeSet::new());
    let rows = page.split("| guarantee | test |\n|---|---|\n").skip(1);
    for row in rows.flat_map(|table| table.lines().take_while(|line| line.starts_with('|'))) {
        let names: Vec<_> = row
            .rsplit(" | ")
            .next()
            .unwrap()
            .split('`')
            .skip(1)
            .step_by(2)
            .collect();
        assert!(!names.is_empty(), "the guarantee names no test: {row}");
        for name in names {
            // A conformance test runs once for each store.
            let conformance_test = name
                .strip_prefix("conformance::")
                .map(|test| format!("conformance::redis_server::{test}"));
            let name = conformance_test.as_deref().unwrap_or(name);
            // A test of inboxes runs once for each store.
            let runs_on = |store| tests.contains(&format!("{name}::{store}"));
            let exists = tests.contains(name) || runs_on("memory") && runs_on("redis");
            assert!(exists, "there is no test {name}");
            assert!(
                !name.starts_with("faults::") || fault_tests.insert(name.to_owned()),
                "two guarantees name {name}"
            );
        }
        guarantees += 1;
    }
    assert!(guarantees > 30, "only {guarantees} guarantees were read");
}

#[test]
fn encoded_pictures_match_their_sources() {
    use base64::Engine;
    for (picture, encoded) in [
        ("src/docs/messages.png", "src/docs/messages.base64"),
        ("benches/mixed.svg", "src/docs/mixed.base64"),
        ("benches/page.svg", "src/docs/page.base64"),
    ] {
        let picture = fs::read(root().join(picture)).unwrap();
        let expected = base64::engine::general_purpose::STANDARD.encode(picture);
        assert_eq!(
            read(encoded),
            expected,
            "update {encoded} with `base64 -w0`"
        );
    }
}

/// README is the front page of the documentation too, where a path leads nowhere. A label has a definition for each.
#[test]
fn readme_links_pages_by_labels() {
    let (readme, front_page) = (read("README.md"), read("src/lib.rs"));
    assert!(!readme.contains("](src/"), "use a label");
    let labels = readme
        .lines()
        .filter_map(|line| line.split_once("]: src/docs"));
    for (label, _) in labels.filter(|(_, path)| !path.ends_with(".png")) {
        let defined = format!("//! {label}]: crate::docs");
        assert!(
            front_page.contains(&defined),
            "src/lib.rs does not define {label}]"
        );
    }
}
