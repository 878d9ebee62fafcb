//! Tables, which are lists on narrow screens.

use crate::render::Escaped;

/// Returns a table. `class`: `texts` or `numbers`. `label`: the id of its heading. The roles survive the styles of narrow screens.
pub(super) fn table(class: &str, label: &str, columns: &[&str], rows: &str) -> String {
    let columns = columns.iter().map(|column| {
        let column = Escaped(column);
        format!(r#"<th scope="col" role="columnheader">{column}</th>"#)
    });
    format!(
        concat!(
            r#"<div class="{class}"><table role="table" aria-labelledby="{label}"><thead role="rowgroup"><tr role="row">{columns}</tr></thead>"#,
            r#"<tbody role="rowgroup">{rows}</tbody></table></div>"#,
        ),
        class = class,
        label = label,
        columns = columns.collect::<String>(),
        rows = rows,
    )
}

/// Returns a row. `head`: HTML that names the row. `cells`: HTML, each with the name of its column.
pub(super) fn row(head: &str, cells: &[(&str, String)]) -> String {
    let cells = cells.iter().map(|(column, html)| {
        let column = Escaped(column);
        format!(r#"<td role="cell" data-label="{column}"><div>{html}</div></td>"#)
    });
    let cells: String = cells.collect();
    format!(r#"<tr role="row"><th scope="row" role="rowheader">{head}</th>{cells}</tr>"#)
}

/// Returns a form with one button. `of`: the object, which distinguishes the buttons of several rows for people who do not see
/// the row.
pub(super) fn button(method: &str, action: &str, label: &str, of: &str) -> String {
    format!(
        r#"<form method="{method}" action="{}"><button>{}<span class="salver-hidden"> {}</span></button></form>"#,
        Escaped(action),
        Escaped(label),
        Escaped(of),
    )
}
