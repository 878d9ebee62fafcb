//! The import graph of a crate: which file uses which, with names resolved as the compiler does.
//!
//! Paths are resolved through re-exports to the file that defines the name, so that a re-export
//! hides no edge. Tests, macros by example, method calls and modules with a `#[path]` are not
//! followed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Item, UseTree};

/// The path of a module from the crate's root.
type ModulePath = Vec<String>;

/// A name that a `use` brings into a module.
struct Import {
    name: String,
    path: Vec<String>,
}

#[derive(Default)]
struct Module {
    file: PathBuf,
    items: BTreeSet<String>,
    children: BTreeSet<String>,
    imports: Vec<Import>,
    /// All paths of the code, including those of `use`.
    paths: Vec<Vec<String>>,
}

/// The modules of one crate.
pub struct Crate {
    root: PathBuf,
    modules: BTreeMap<ModulePath, Module>,
}

impl Crate {
    /// Reads a crate from its root file, such as `src/lib.rs`.
    pub fn read(root: &Path) -> Self {
        let mut this = Self {
            root: root.to_owned(),
            modules: BTreeMap::new(),
        };
        let folder = root.parent().unwrap();
        this.read_file(root, folder, Vec::new());
        this
    }

    fn read_file(&mut self, file: &Path, folder: &Path, path: ModulePath) {
        let text = fs::read_to_string(file).unwrap();
        let parsed = syn::parse_file(&text).unwrap();
        self.read_items(&parsed.items, file, folder, path);
    }

    fn read_items(&mut self, items: &[Item], file: &Path, folder: &Path, path: ModulePath) {
        let mut module = Module {
            file: file.to_owned(),
            ..Module::default()
        };
        for item in items.iter().filter(|item| !is_test(attributes(item))) {
            match item {
                // A file of another folder, such as an example.
                Item::Mod(inner) if inner.attrs.iter().any(|one| one.path().is_ident("path")) => {}
                Item::Mod(inner) => {
                    let name = inner.ident.to_string();
                    module.children.insert(name.clone());
                    let path = [path.clone(), vec![name.clone()]].concat();
                    match &inner.content {
                        Some((_, items)) => self.read_items(items, file, &folder.join(name), path),
                        None => self.read_child(&name, folder, path),
                    }
                }
                Item::Use(item) => {
                    let mut found = Vec::new();
                    flatten(&item.tree, &mut Vec::new(), &mut found);
                    module
                        .paths
                        .extend(found.iter().map(|(_, path)| path.clone()));
                    let imports = found.into_iter();
                    module
                        .imports
                        .extend(imports.map(|(name, path)| Import { name, path }));
                }
                item => {
                    module.items.extend(name_of(item));
                    module.items.extend(names_in_macro(item));
                    let mut paths = Paths(Vec::new());
                    paths.visit_item(item);
                    module.paths.extend(paths.0);
                }
            }
        }
        self.modules.insert(path, module);
    }

    fn read_child(&mut self, name: &str, folder: &Path, path: ModulePath) {
        let inside = folder.join(name);
        let file = folder.join(format!("{name}.rs"));
        match file.exists() {
            true => self.read_file(&file, &inside, path),
            false => self.read_file(&inside.join("mod.rs"), &inside, path),
        }
    }

    /// Returns the files that each file imports from. The root file is excluded, because it only
    /// re-exports.
    pub fn edges(&self) -> BTreeMap<PathBuf, BTreeSet<PathBuf>> {
        let mut edges: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for (path, module) in &self.modules {
            for used in &module.paths {
                if let Some(target) = self.resolve(path, used, 0)
                    && target != module.file
                    && target != self.root
                    && module.file != self.root
                {
                    let targets = edges.entry(module.file.clone()).or_default();
                    targets.insert(target);
                }
            }
        }
        edges
    }

    /// Returns the file that defines a name, or `None` for a name of another crate.
    fn resolve(&self, from: &[String], path: &[String], depth: u8) -> Option<PathBuf> {
        if depth > 16 {
            return None;
        }
        let (first, rest) = path.split_first()?;
        match first.as_str() {
            "crate" => self.walk(&[], rest, depth),
            "self" => self.walk(from, rest, depth),
            "super" => self.walk(&from[..from.len().checked_sub(1)?], rest, depth),
            _ => self.walk(from, path, depth),
        }
    }

    fn walk(&self, at: &[String], path: &[String], depth: u8) -> Option<PathBuf> {
        let module = self.modules.get(at)?;
        let Some((name, rest)) = path.split_first() else {
            return Some(module.file.clone());
        };
        if name == "super" {
            return self.walk(&at[..at.len().checked_sub(1)?], rest, depth);
        }
        if module.children.contains(name) {
            let child = [at, std::slice::from_ref(name)].concat();
            return self.walk(&child, rest, depth);
        }
        if module.items.contains(name) {
            return Some(module.file.clone());
        }
        let import = module.imports.iter().find(|import| import.name == *name)?;
        let path = [&import.path[..], rest].concat();
        // A path whose first segment is the imported name refers to another crate.
        (path[0] != *name || import.path.len() > 1).then_some(())?;
        self.resolve_import(at, &path, depth)
    }

    fn resolve_import(&self, at: &[String], path: &[String], depth: u8) -> Option<PathBuf> {
        match path[0].as_str() {
            "crate" | "self" | "super" => self.resolve(at, path, depth + 1),
            child => {
                let module = self.modules.get(at)?;
                let is_own = module.children.contains(child);
                is_own.then(|| self.walk(at, path, depth + 1)).flatten()
            }
        }
    }
}

/// Collects paths of expressions, types and patterns, also those in the arguments of macros.
struct Paths(Vec<Vec<String>>);

impl<'ast> Visit<'ast> for Paths {
    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments = path
            .segments
            .iter()
            .map(|segment| segment.ident.to_string());
        self.0.push(segments.collect());
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, node: &'ast syn::Macro) {
        let text = without_literals(node.tokens.clone()).replace(' ', "");
        for rest in text.split("crate::").skip(1) {
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_' && c != ':');
            let path = rest[..end.unwrap_or(rest.len())]
                .split("::")
                .map(str::to_owned);
            self.0
                .push(std::iter::once("crate".to_owned()).chain(path).collect());
        }
    }

    // `pub(super)` is not an import.
    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {}

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        let mut found = Vec::new();
        flatten(&item.tree, &mut Vec::new(), &mut found);
        self.0.extend(found.into_iter().map(|(_, path)| path));
    }
}

/// Returns the text of tokens without string literals: a link in a doc comment is not an import.
fn without_literals(tokens: TokenStream) -> String {
    let text = tokens.into_iter().map(|token| match token {
        TokenTree::Literal(_) => String::new(),
        TokenTree::Group(group) => without_literals(group.stream()),
        other => other.to_string(),
    });
    text.collect::<Vec<_>>().join(" ")
}

/// Returns each name of a `use` with its path.
pub fn flatten(tree: &UseTree, prefix: &mut Vec<String>, found: &mut Vec<(String, Vec<String>)>) {
    match tree {
        UseTree::Path(path) => {
            prefix.push(path.ident.to_string());
            flatten(&path.tree, prefix, found);
            prefix.pop();
        }
        UseTree::Group(group) => {
            for tree in &group.items {
                flatten(tree, prefix, found);
            }
        }
        UseTree::Name(name) if name.ident == "self" => {
            found.push((prefix.last().unwrap().clone(), prefix.clone()));
        }
        UseTree::Name(name) => {
            let name = name.ident.to_string();
            found.push((name.clone(), [&prefix[..], &[name]].concat()));
        }
        UseTree::Rename(rename) => {
            let path = [&prefix[..], &[rename.ident.to_string()]].concat();
            found.push((rename.rename.to_string(), path));
        }
        UseTree::Glob(_) => found.push(("*".to_owned(), prefix.clone())),
    }
}

fn attributes(item: &Item) -> &[syn::Attribute] {
    match item {
        Item::Mod(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        _ => &[],
    }
}

fn is_test(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let list = attribute.meta.require_list();
        attribute.path().is_ident("cfg")
            && list.is_ok_and(|list| {
                let condition = list.tokens.to_string();
                condition == "test" || condition.starts_with("all (test")
            })
    })
}

fn name_of(item: &Item) -> Option<String> {
    let name = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        _ => return None,
    };
    Some(name.to_string())
}

/// Returns the types that a macro call such as `pin_project!` defines.
fn names_in_macro(item: &Item) -> Vec<String> {
    let Item::Macro(item) = item else {
        return Vec::new();
    };
    let text = item.mac.tokens.to_string();
    let tokens: Vec<_> = text.split_whitespace().collect();
    let types = tokens
        .windows(2)
        .filter(|pair| ["struct", "enum"].contains(&pair[0]));
    types.map(|pair| pair[1].to_owned()).collect()
}

/// Returns the strongly connected components of more than one file (Tarjan, "Depth-First Search and
/// Linear Graph Algorithms", 1972).
pub fn cycles(edges: &BTreeMap<PathBuf, BTreeSet<PathBuf>>) -> Vec<Vec<PathBuf>> {
    let mut search = Search {
        edges,
        index: BTreeMap::new(),
        low: BTreeMap::new(),
        stack: Vec::new(),
        found: Vec::new(),
    };
    for file in edges.keys() {
        if !search.index.contains_key(file) {
            search.visit(file);
        }
    }
    search.found
}

struct Search<'a> {
    edges: &'a BTreeMap<PathBuf, BTreeSet<PathBuf>>,
    index: BTreeMap<&'a PathBuf, usize>,
    low: BTreeMap<&'a PathBuf, usize>,
    stack: Vec<&'a PathBuf>,
    found: Vec<Vec<PathBuf>>,
}

impl<'a> Search<'a> {
    fn visit(&mut self, file: &'a PathBuf) {
        let number = self.index.len();
        self.index.insert(file, number);
        self.low.insert(file, number);
        self.stack.push(file);
        for next in self.edges.get(file).into_iter().flatten() {
            if !self.index.contains_key(next) {
                self.visit(next);
                self.low.insert(file, self.low[file].min(self.low[next]));
            } else if self.stack.contains(&next) {
                self.low.insert(file, self.low[file].min(self.index[next]));
            }
        }
        if self.low[file] == number {
            let at = self.stack.iter().position(|other| *other == file).unwrap();
            let component: Vec<_> = self.stack.split_off(at).into_iter().cloned().collect();
            if component.len() > 1 {
                self.found.push(component);
            }
        }
    }
}
