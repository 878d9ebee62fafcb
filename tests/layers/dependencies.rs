//! Compiler version, licences and duplicates of the dependencies that users build.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{output, read};

/// Returns the metadata of all dependencies for this platform. Dependencies for other platforms may
/// be missing from the local registry.
fn metadata() -> Value {
    let version = output("rustc", &["-vV"]);
    let host = version
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .unwrap();
    let args = "metadata --format-version 1 --all-features --offline --locked --filter-platform";
    let mut args: Vec<_> = args.split(' ').collect();
    args.push(host);
    serde_json::from_str(&output(env!("CARGO"), &args)).unwrap()
}

#[test]
fn dependencies_support_declared_rust_version() {
    let metadata = metadata();
    let version = |text: &str| -> Vec<u32> {
        let mut parts: Vec<_> = text.split('.').map(|part| part.parse().unwrap()).collect();
        parts.resize(3, 0);
        parts
    };
    let packages = metadata["packages"].as_array().unwrap();
    let own = packages
        .iter()
        .find(|package| package["name"] == "salver")
        .unwrap();
    let own = version(own["rust_version"].as_str().unwrap());
    let built = built_packages(&metadata);
    assert!(built.len() > 100, "{} packages", built.len());
    for package in packages
        .iter()
        .filter(|package| built.contains(package["id"].as_str().unwrap()))
    {
        if let Some(required) = package["rust_version"].as_str() {
            assert!(
                version(required) <= own,
                "{} requires Rust {required}",
                package["name"]
            );
        }
    }
}

/// Returns the packages that a user builds: normal and build dependencies.
fn built_packages(metadata: &Value) -> BTreeSet<String> {
    let nodes = metadata["resolve"]["nodes"].as_array().unwrap();
    let mut queue = vec![metadata["resolve"]["root"].as_str().unwrap().to_owned()];
    let mut seen = BTreeSet::new();
    while let Some(id) = queue.pop() {
        if !seen.insert(id.clone()) {
            continue;
        }
        let node = nodes.iter().find(|node| node["id"] == id.as_str()).unwrap();
        for dependency in node["deps"].as_array().unwrap() {
            let kinds = dependency["dep_kinds"].as_array().unwrap();
            if kinds.iter().any(|kind| kind["kind"] != "dev") {
                queue.push(dependency["pkg"].as_str().unwrap().to_owned());
            }
        }
    }
    seen
}

#[test]
fn dependencies_contain_one_version_of_redis() {
    let args = "tree --edges normal --all-features --offline --locked --prefix none";
    let tree = output(env!("CARGO"), &args.split(' ').collect::<Vec<_>>());
    let redis: BTreeSet<_> = tree
        .lines()
        .filter(|line| line.starts_with("redis v"))
        .map(|line| line.trim_end_matches(" (*)"))
        .collect();
    assert_eq!(redis.len(), 1, "{redis:?}");
}

/// Each package that a user builds has a licence that `.cargo/deny.toml` allows.
#[test]
fn every_licence_is_allowed() {
    let deny = read(".cargo/deny.toml");
    let allowed = deny.split_once("allow = [").unwrap().1;
    let allowed = allowed.split_once(']').unwrap().0;
    let allowed: BTreeSet<_> = allowed.split('"').skip(1).step_by(2).collect();
    let metadata = metadata();
    let built = built_packages(&metadata);
    let mut used = BTreeSet::new();
    for package in metadata["packages"].as_array().unwrap() {
        if !built.contains(package["id"].as_str().unwrap()) {
            continue;
        }
        let licence = package["license"]
            .as_str()
            .unwrap_or("none")
            .replace('/', " OR ");
        // Each operand of AND has to offer an allowed licence.
        let is_allowed = licence.split(" AND ").all(|operand| {
            let offered = operand.trim_matches(['(', ')']).split(" OR ");
            let mut offered = offered.map(|name| name.trim_matches([' ', '(', ')']));
            let name = offered.find(|name| allowed.contains(name));
            name.map(|name| used.insert(name.to_owned())).is_some()
        });
        assert!(is_allowed, "{} has the licence {licence}", package["name"]);
    }
    let unused: Vec<_> = allowed
        .iter()
        .filter(|name| !used.contains(**name))
        .collect();
    assert!(unused.is_empty(), "no package has the licences {unused:?}");
}
