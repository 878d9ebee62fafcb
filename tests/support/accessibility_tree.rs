//! The accessibility tree of a page, as text.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::browser::Browser;

/// Returns the accessibility tree of the open page: for each node its role, its name, and what
/// assistive technology says about it. Nodes that it skips are left out.
pub async fn accessibility_tree(browser: &Browser) -> String {
    let devtools = browser.driver.cdp();
    let tree = devtools.send_raw("Accessibility.getFullAXTree", json!({}));
    let tree = tree.await.unwrap();
    let nodes = tree["nodes"].as_array().unwrap();
    let by_id: HashMap<_, _> = nodes
        .iter()
        .map(|node| (node["nodeId"].as_str().unwrap(), node))
        .collect();
    let mut text = String::new();
    write(&by_id, nodes.first().unwrap(), 0, &mut text);
    text
}

fn write(nodes: &HashMap<&str, &Value>, node: &Value, depth: usize, text: &mut String) {
    let role = node["role"]["value"].as_str().unwrap_or_default();
    let is_skipped = node["ignored"] == true || matches!(role, "none" | "InlineTextBox");
    if !is_skipped {
        *text += &format!("{}{}\n", "  ".repeat(depth), line(role, node));
    }
    let children = node["childIds"].as_array().into_iter().flatten();
    for child in children {
        let child = nodes[child.as_str().unwrap()];
        write(nodes, child, depth + usize::from(!is_skipped), text);
    }
}

fn line(role: &str, node: &Value) -> String {
    let mut line = role.to_owned();
    let name = node["name"]["value"].as_str().unwrap_or_default();
    if !name.is_empty() {
        line += &format!(" {name:?}");
    }
    if let Some(description) = node["description"]["value"].as_str() {
        line += &format!(" description={description:?}");
    }
    let properties = node["properties"].as_array().into_iter().flatten();
    for property in properties {
        let (name, value) = (
            property["name"].as_str().unwrap(),
            &property["value"]["value"],
        );
        if matches!(name, "checked" | "level" | "expanded" | "live" | "disabled") {
            line += &format!(" {name}={}", value.to_string().trim_matches('"'));
        }
    }
    line
}
