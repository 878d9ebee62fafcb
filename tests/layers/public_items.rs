//! The public items of the crate: each has a use outside of it.

use std::collections::BTreeSet;
use std::path::PathBuf;

use syn::{Attribute, File, Ident, Item, Visibility};

use super::import_graph::flatten;
use super::{files, read, root};

/// Items in capitals are limits, scripts and other constants. Their documentation is their use.
fn is_constant(name: &str) -> bool {
    name == name.to_uppercase()
}

/// An item that is named nowhere is one that a user has no reason to find.
#[test]
fn every_public_item_is_named_by_an_example_a_test_or_a_guide() {
    let (constants, items): (BTreeSet<_>, BTreeSet<_>) = public_items()
        .into_iter()
        .partition(|name| is_constant(name));
    assert!(
        !constants.contains("*"),
        "a glob hides which items are public"
    );
    println!("PUBLIC items={} constants={}", items.len(), constants.len());
    assert!(items.len() > 50 && items.contains("Salver"), "{items:?}");
    let words = words_of_users();
    let unnamed: Vec<_> = items.difference(&words).collect();
    assert!(unnamed.is_empty(), "named nowhere: {unnamed:?}");
}

/// Returns the names of all items of the crate's root and of its public modules.
fn public_items() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut modules = vec![root().join("src/lib.rs")];
    while let Some(file) = modules.pop() {
        let File { items, .. } = syn::parse_file(&read(&file)).unwrap();
        let folder = match file.file_stem().unwrap().to_str().unwrap() {
            "lib" | "mod" => file.parent().unwrap().to_owned(),
            _ => file.with_extension(""),
        };
        for name in collect(items, &mut names) {
            let paths = [
                folder.join(format!("{name}.rs")),
                folder.join(&name).join("mod.rs"),
            ];
            modules.extend(
                paths
                    .into_iter()
                    .filter(|path| path.exists() && name != "docs"),
            );
        }
    }
    names
}

/// Adds the public items to the names, and returns the public modules that have files.
fn collect(items: Vec<Item>, names: &mut BTreeSet<String>) -> Vec<String> {
    let mut modules = Vec::new();
    for item in items {
        let (visibility, name) = match item {
            Item::Use(item) if matches!(item.vis, Visibility::Public(_)) => {
                if !is_hidden(&item.attrs) {
                    let mut found = Vec::new();
                    flatten(&item.tree, &mut Vec::new(), &mut found);
                    names.extend(found.into_iter().map(|(name, _)| name));
                }
                continue;
            }
            Item::Mod(item) if matches!(item.vis, Visibility::Public(_)) => {
                match item.content {
                    Some((_, items)) => modules.extend(collect(items, names)),
                    None => modules.push(item.ident.to_string()),
                }
                continue;
            }
            Item::Const(item) => (item.vis, item.ident),
            Item::Enum(item) => (item.vis, item.ident),
            Item::Fn(item) => (item.vis, item.sig.ident),
            Item::Static(item) => (item.vis, item.ident),
            Item::Struct(item) => (item.vis, item.ident),
            Item::Trait(item) => (item.vis, item.ident),
            Item::Type(item) => (item.vis, item.ident),
            _ => continue,
        };
        if matches!(visibility, Visibility::Public(_)) {
            names.insert(name.to_string());
        }
    }
    modules
}

/// Returns whether an item is public for the crate's own sake, as the types of hidden methods are.
fn is_hidden(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let argument = attribute.parse_args::<Ident>();
        attribute.path().is_ident("doc") && argument.is_ok_and(|word| word == "hidden")
    })
}

/// Returns the words of the examples, tests and guides.
fn words_of_users() -> BTreeSet<String> {
    let mut paths: Vec<_> = [files("examples", ".rs"), files("src/docs", ".md")].concat();
    paths.extend(files("tests", ".rs"));
    paths.push(PathBuf::from("README.md"));
    let is_word = |letter: char| letter.is_alphanumeric() || letter == '_';
    let words = paths.iter().flat_map(|path| {
        let text = read(path);
        let words = text.split(|letter| !is_word(letter)).map(str::to_owned);
        words.collect::<Vec<_>>()
    });
    words.collect()
}
