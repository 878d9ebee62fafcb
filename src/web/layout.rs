//! The layout of a site, into which the pages of this crate are put.

use std::fmt;
use std::rc::Rc;

use actix_web::HttpRequest;

use crate::render::Escaped;

type Render = dyn Fn(&HttpRequest, Page) -> String;

/// A page of this crate, for the closure of [`Middleware::layout`](crate::web::Middleware::layout).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Page {
    /// The title, as plain text: escape it.
    pub title: String,
    /// HTML for the `<head>`: the stylesheet.
    pub head_html: String,
    /// HTML for the `<main>`, with one `<h1>`.
    pub main_html: String,
    /// The language of the page, such as `en`: the value of `lang`.
    pub language: String,
    /// `ltr` or `rtl`: the value of `dir`.
    pub direction: String,
}

/// The layout of a site. By default, a plain page.
#[derive(Clone, Default)]
pub(crate) struct Layout(Option<Rc<Render>>);

impl Layout {
    pub(crate) fn new(render: impl Fn(&HttpRequest, Page) -> String + 'static) -> Self {
        Self(Some(Rc::new(render)))
    }

    /// Returns whether the site has set no layout.
    pub(crate) fn is_default(&self) -> bool {
        self.0.is_none()
    }

    /// Returns the HTML of a whole page.
    pub(crate) fn render(&self, request: &HttpRequest, page: Page) -> String {
        match &self.0 {
            Some(render) => render(request, page),
            None => plain(&page),
        }
    }
}

/// Returns the page for a site without a layout.
fn plain(page: &Page) -> String {
    let (language, direction) = (Escaped(&page.language), Escaped(&page.direction));
    let (title, head, main) = (Escaped(&page.title), &page.head_html, &page.main_html);
    format!(
        r#"<!doctype html>
<html lang="{language}" dir="{direction}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
{head}
</head>
<body class="salver-page">
<main>
<salver-messages></salver-messages>
{main}
</main>
</body>
</html>
"#
    )
}

impl fmt::Debug for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Layout").field(&self.0.is_some()).finish()
    }
}
