//! Compiler version, licences and duplicates of what users build.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{output, read};

/// What cargo knows of all dependencies of this platform; those of others need not be here.
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
fn no_dependency_asks_for_a_newer_compiler() {
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
    let seen = built(&metadata);
    assert!(seen.len() > 100, "{} packages", seen.len());
    for package in packages
        .iter()
        .filter(|package| seen.contains(package["id"].as_str().unwrap()))
    {
        if let Some(theirs) = package["rust_version"].as_str() {
            assert!(
                version(theirs) <= own,
                "{} asks for Rust {theirs}",
                package["name"]
            );
        }
    }
}

/// The packages that a user builds: normal and build dependencies.
fn built(metadata: &Value) -> BTreeSet<String> {
    let nodes = metadata["resolve"]["nodes"].as_array().unwrap();
    let mut wanted = vec![metadata["resolve"]["root"].as_str().unwrap().to_owned()];
    let mut seen = BTreeSet::new();
    while let Some(id) = wanted.pop() {
        if !seen.insert(id.clone()) {
            continue;
        }
        let node = nodes.iter().find(|node| node["id"] == id.as_str()).unwrap();
        for dependency in node["deps"].as_array().unwrap() {
            let kinds = dependency["dep_kinds"].as_array().unwrap();
            if kinds.iter().any(|kind| kind["kind"] != "dev") {
                wanted.push(dependency["pkg"].as_str().unwrap().to_owned());
            }
        }
    }
    seen
}

#[test]
fn there_is_one_redis() {
    let args = "tree --edges normal --all-features --offline --locked --prefix none";
    let tree = output(env!("CARGO"), &args.split(' ').collect::<Vec<_>>());
    let redis: BTreeSet<_> = tree
        .lines()
        .filter(|line| line.starts_with("redis v"))
        .map(|line| line.trim_end_matches(" (*)"))
        .collect();
    assert_eq!(redis.len(), 1, "{redis:?}");
}

/// The licences under which everything that a user builds may be used, as in `.cargo/deny.toml`.
#[test]
fn every_licence_is_on_the_list() {
    let deny = read(".cargo/deny.toml");
    let list = deny.split_once("allow = [").unwrap().1;
    let list = list.split_once(']').unwrap().0;
    let list: BTreeSet<_> = list.split('"').skip(1).step_by(2).collect();
    let metadata = metadata();
    let built = built(&metadata);
    let mut met = BTreeSet::new();
    for package in metadata["packages"].as_array().unwrap() {
        if !built.contains(package["id"].as_str().unwrap()) {
            continue;
        }
        let licence = package["license"]
            .as_str()
            .unwrap_or("none")
            .replace('/', " OR ");
        // Each part joined by AND has to offer one that is on the list.
        let allowed = licence.split(" AND ").all(|part| {
            let offered = part.trim_matches(['(', ')']).split(" OR ");
            let mut offered = offered.map(|name| name.trim_matches([' ', '(', ')']));
            let name = offered.find(|name| list.contains(name));
            name.map(|name| met.insert(name.to_owned())).is_some()
        });
        assert!(allowed, "{} is under {licence}", package["name"]);
    }
    let unused: Vec<_> = list.iter().filter(|name| !met.contains(**name)).collect();
    assert!(unused.is_empty(), "nothing is under {unused:?} any more");
}
