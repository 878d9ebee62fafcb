//! Imports go to lower layers and have no cycle.

use std::path::Path;

use super::import_graph::{Crate, cycles};
use super::root;

/// The modules of `src` by layer, lowest first. A module imports its own files and those of lower
/// layers. The core types, which are the lowest layer, also import each other.
const LAYERS: [&[&str]; 14] = [
    &[
        "backoff",
        "breaker",
        "cadence",
        "call_counter",
        "call_policy",
        "config",
        "context",
        "deadline",
        "digest",
        "error",
        "extensions",
        "kind",
        "log_limit",
        "mail_settings",
        "message",
        "recipient",
        "runtime",
        "secret",
        "site",
        "telemetry",
        "validate",
        "webhook_settings",
        "wire",
    ],
    &["changes", "redis", "render"],
    &["store"],
    &["settlement"],
    &["handle"],
    &["jobs", "rate_limits"],
    &["testing", "web"],
    &["inbox"],
    &["events"],
    &["mail"],
    &["webhooks"],
    &["broker"],
    &["personal_data"],
    &["docs"],
];

/// Returns the top module of a file below the folder of its crate.
fn module_of(file: &Path, folder: &Path) -> String {
    let inside = file.strip_prefix(folder).unwrap();
    let first = inside.components().next().unwrap().as_os_str();
    first.to_str().unwrap().trim_end_matches(".rs").to_owned()
}

#[test]
fn imports_have_no_cycle() {
    for file in ["src/lib.rs", "src/bin/salver/main.rs"] {
        let edges = Crate::read(&root().join(file)).edges();
        assert!(edges.len() > 5, "no imports were read from {file}");
        let cycles = cycles(&edges);
        assert!(cycles.is_empty(), "{cycles:#?}");
    }
}

#[test]
fn imports_go_to_lower_layers() {
    let source = root().join("src");
    let module = |file: &Path| module_of(file, &source);
    let layer = |name: &str| {
        let found = LAYERS.iter().position(|modules| modules.contains(&name));
        found.unwrap_or_else(|| panic!("the module {name} belongs to no layer"))
    };
    let mut wrong = Vec::new();
    for (file, imported) in Crate::read(&source.join("lib.rs")).edges() {
        let (own, own_layer) = (module(&file), layer(&module(&file)));
        for target in imported {
            let target_layer = layer(&module(&target));
            let is_allowed = target_layer < own_layer
                || module(&target) == own
                || own_layer == 0 && target_layer == 0;
            if !is_allowed {
                wrong.push(format!("{} imports {}", file.display(), target.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn design_page_lists_the_layers() {
    let page = std::fs::read_to_string(root().join("src/docs/design.md")).unwrap();
    let rows = LAYERS.iter().enumerate().map(|(number, modules)| {
        let core = if number == 0 { ", core" } else { "" };
        format!("| {}{core} | `{}` |\n", number + 1, modules.join("` `"))
    });
    let table: String = rows.collect();
    assert!(page.contains(&table), "design.md has no table as\n{table}");
}

/// A test file imports its own module and `support`. So a module of tests can be read alone.
#[test]
fn tests_import_only_support() {
    let tests = root().join("tests");
    let module = |file: &Path| module_of(file, &tests);
    let edges = Crate::read(&tests.join("main.rs")).edges();
    assert!(edges.len() > 50, "no imports were read");
    let mut wrong = Vec::new();
    for (file, imported) in edges {
        for target in imported {
            if module(&target) != module(&file) && module(&target) != "support" {
                wrong.push(format!("{} imports {}", file.display(), target.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
