//! All pages have one look: each colour is set once, in the stylesheet that they share.

use std::collections::BTreeSet;

use super::{files, read, root};

/// The stylesheet with the colours of all pages.
const BASE: &str = "src/render/base.css";
/// Many mail programs support no custom properties, so a mail repeats the colours.
const MAIL: &str = "src/mail/body/mail.css";
const FUNCTIONS: [&str; 9] = [
    "rgb(", "rgba(", "hsl(", "hsla(", "hwb(", "lab(", "lch(", "oklab(", "oklch(",
];

/// Returns the colours in a text of CSS: hexadecimal numbers, and functions with their arguments.
fn colours(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (start, _) in text.match_indices('#') {
        let before = text[..start].chars().next_back().unwrap_or(' ');
        let rest = text[start + 1..].chars();
        let name: String = rest
            .take_while(|c| c.is_alphanumeric() || "-_".contains(*c))
            .collect();
        let is_hex = name.chars().all(|c| c.is_ascii_hexdigit());
        // `&#39;` is a character in HTML.
        if is_hex && [3, 4, 6, 8].contains(&name.len()) && before != '&' {
            found.push(format!("#{}", name.to_lowercase()));
        }
    }
    for function in FUNCTIONS {
        for (start, _) in text.match_indices(function) {
            let before = text[..start].chars().next_back().unwrap_or(' ');
            let call = text[start..]
                .split_inclusive(')')
                .next()
                .unwrap_or(function);
            if !before.is_alphanumeric() {
                found.push(call.to_owned());
            }
        }
    }
    found
}

/// Returns the colours of light mode and those of dark mode.
fn by_mode(path: &str) -> [Vec<String>; 2] {
    let text = read(path);
    let (light, dark) = text
        .split_once("@media (prefers-color-scheme: dark)")
        .unwrap();
    [colours(light), colours(dark)]
}

#[test]
fn each_colour_is_set_once() {
    let mut wrong = Vec::new();
    let endings = [".css", ".js", ".rs"];
    let paths = ["src", "examples"].into_iter();
    let paths = paths.flat_map(|folder| endings.map(|ending| files(folder, ending)));
    for path in paths.flatten() {
        let name = path.strip_prefix(root()).unwrap().to_str().unwrap();
        if name != BASE && name != MAIL {
            wrong.extend(
                colours(&read(&path))
                    .iter()
                    .map(|colour| format!("{name}: {colour}")),
            );
        }
    }
    assert!(
        wrong.is_empty(),
        "use the custom properties of {BASE}: {wrong:#?}"
    );
    let all = by_mode(BASE).concat();
    assert!(all.len() > 15, "only {} colours were read", all.len());
    let unique: BTreeSet<_> = all.iter().collect();
    assert_eq!(unique.len(), all.len(), "a colour is set twice: {all:#?}");
}

#[test]
fn mails_have_the_colours_of_the_pages() {
    for (of_mail, of_pages) in by_mode(MAIL).iter().zip(by_mode(BASE)) {
        assert!(of_mail.len() > 5, "{of_mail:?}");
        let other: Vec<_> = of_mail
            .iter()
            .filter(|colour| !of_pages.contains(colour))
            .collect();
        assert!(other.is_empty(), "{MAIL}: {other:?} are not in {BASE}");
    }
}

/// Each custom property that a stylesheet uses is set in one.
#[test]
fn custom_properties_of_stylesheets_are_set() {
    let sheets: String = files("src", ".css").iter().map(read).collect();
    let mut missing = BTreeSet::new();
    for used in sheets.split("var(").skip(1) {
        let name = used.split([')', ',']).next().unwrap();
        let is_optional = used[name.len()..].starts_with(',');
        if !is_optional && !sheets.contains(&format!("{name}:")) {
            missing.insert(name);
        }
    }
    assert!(missing.is_empty(), "{missing:?}");
}
