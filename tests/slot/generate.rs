//! Pages with every construct of HTML that hides a tag, or makes text look like one.

use fastrand::Rng;

/// Texts that are no tags. One ends in `<`, so that none begins with a letter.
const TEXTS: [&str; 8] = [
    " text",
    " 1 < 2 <",
    "&lt;salver-messages&gt;",
    "<3",
    " a --> b",
    "]]>",
    "< salver-messages>",
    "\n \t",
];
const COMMENTS: [(&str, &str); 9] = [
    ("<!--", "-->"),
    ("<!--", "--!>"),
    ("<!-->", ""),
    ("<!--->", ""),
    ("<!-- a -- > ", "-->"),
    ("<!-- <!-- ", "-->"),
    ("<!x ", ">"),
    ("</ x ", ">"),
    ("<!doctype html \"", ">"),
];
const RAW_TEXT: [&str; 8] = [
    "title", "textarea", "style", "xmp", "iframe", "noembed", "noframes", "noscript",
];
const SCRIPTS: [(&str, &str); 5] = [
    ("<script>", "</script>"),
    ("<script>'<!--'; ", "</script>"),
    ("<script><!-- <script> ", "</script> --></script>"),
    ("<script><!-- ", " --></script>"),
    ("<script type=module>'</scripts>'", "</SCRIPT >"),
];
/// Elements whose end tag may be missing, or stand alone. Not in SVG and MathML: html5ever lets an end
/// tag close elements beyond them, unlike browsers and the standard.
const ELEMENTS: [&str; 16] = [
    "div", "p", "span", "ul", "table", "tr", "td", "h1", "button", "form", "section", "select",
    "option", "label", "DIV", "main",
];
/// Elements that are always closed where they were opened. Otherwise the standard reopens them in
/// later elements, which the search does not follow.
const FORMATTING: [&str; 4] = ["b", "i", "a", "em"];
/// Elements that are not generated in SVG and MathML, for the same reason.
const LIST_ITEMS: [&str; 4] = ["li", "dl", "dt", "custom-element"];
const ATTRIBUTES: [&str; 12] = [
    "",
    " class=\"a>b\"",
    " title='<'",
    " data-x=it's",
    " data-x=a/b/",
    " hidden",
    " title=\"<salver-messages data-n=9>\"",
    " title = '\"'",
    " a=\"1\"b='2'",
    " /",
    " =x",
    "\n\tx\n=\ny",
];

/// A page that is being generated.
struct Page<'a> {
    html: String,
    rng: &'a mut Rng,
    /// Number of slots so far.
    slots: usize,
    /// Number of open SVG and MathML elements.
    foreign: usize,
}

/// Generates a page.
pub fn page(rng: &mut Rng) -> String {
    let mut page = Page {
        html: String::new(),
        rng,
        slots: 0,
        foreign: 0,
    };
    if page.chance(2) {
        page.html
            .push_str("<!doctype html><html><head><title>Page</title></head><body>");
    }
    page.nodes(3);
    if page.chance(2) {
        page.html.push_str("</body></html>");
    }
    page.html
}

impl Page<'_> {
    /// Returns `true` once in `n` calls.
    fn chance(&mut self, n: usize) -> bool {
        self.rng.usize(..n) == 0
    }

    /// Returns whether an element is closed: outside of SVG and MathML not once in `n` calls.
    fn closes(&mut self, n: usize) -> bool {
        self.foreign > 0 || !self.chance(n)
    }

    fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.rng.usize(..choices.len())]
    }

    fn push(&mut self, text: &str) {
        self.html.push_str(text);
    }

    fn nodes(&mut self, depth: usize) {
        for _ in 0..self.rng.usize(1..5) {
            self.node(depth);
        }
    }

    fn node(&mut self, depth: usize) {
        if depth == 0 {
            return self.leaf();
        }
        match self.rng.usize(..16) {
            0..=3 => self.leaf(),
            4..=8 => self.element(depth),
            9 => self.raw_text(),
            10 => self.script(),
            11 => self.wrapped("<template>", "</template>", depth),
            12 => self.svg(depth),
            13 => self.math(depth),
            14 if self.foreign == 0 => self.stray_end_tag(),
            _ => self.comment(),
        }
    }

    fn leaf(&mut self) {
        match self.rng.usize(..5) {
            0 => self.slot(),
            1 => {
                let (name, attributes) =
                    (self.pick(&["br", "img", "input", "hr"]), self.attributes());
                self.push(&format!("<{name}{attributes}>"));
            }
            2 => self.comment(),
            _ => {
                let text = self.pick(&TEXTS);
                self.push(text);
            }
        }
    }

    fn attributes(&mut self) -> &'static str {
        self.pick(&ATTRIBUTES)
    }

    fn slot(&mut self) {
        self.slots += 1;
        let (number, attributes) = (self.slots, self.attributes());
        let name = self.pick(&["salver-messages", "Salver-Messages", "SALVER-MESSAGES"]);
        let (before, after) = match self.rng.bool() {
            true => ("", attributes),
            false => (attributes, ""),
        };
        // An attribute without quotes would continue with the number.
        self.push(&format!("<{name}{before} data-n=\"{number}\"{after}"));
        let content = self.pick(&[
            "",
            "",
            "",
            " ",
            "text",
            "<!-- comment -->",
            "<p>Loading</p>",
        ]);
        match self.rng.usize(..8) {
            0 => self.push("/>"),
            1 => self.push(">"),
            _ => self.push(&format!(">{content}</{name}>")),
        }
    }

    fn element(&mut self, depth: usize) {
        let is_formatting = self.chance(5);
        let name = match is_formatting {
            true => self.pick(&FORMATTING),
            false => self.element_name(),
        };
        let attributes = self.attributes();
        self.push(&format!("<{name}{attributes}>"));
        match is_formatting {
            true => self.leaf(),
            false => self.nodes(depth - 1),
        }
        if is_formatting || self.closes(6) {
            self.push(&format!("</{name}>"));
        }
    }

    fn element_name(&mut self) -> &'static str {
        match self.foreign == 0 && self.chance(5) {
            true => self.pick(&LIST_ITEMS),
            false => self.pick(&ELEMENTS),
        }
    }

    fn wrapped(&mut self, start: &str, end: &str, depth: usize) {
        self.push(start);
        self.nodes(depth - 1);
        if self.closes(12) {
            self.push(end);
        }
    }

    fn raw_text(&mut self) {
        let name = self.pick(&RAW_TEXT);
        self.push(&format!("<{name}>"));
        self.leaf();
        let end = self.pick(&["", "</x>", "</titles>", "<!--"]);
        self.push(end);
        let space = self.pick(&["", " ", "/", " x=\">\""]);
        self.push(&format!("</{name}{space}>"));
    }

    fn script(&mut self) {
        let (start, end) = self.pick(&SCRIPTS);
        self.push(start);
        self.leaf();
        self.push(end);
    }

    fn comment(&mut self) {
        let (start, end) = self.pick(&COMMENTS);
        self.push(start);
        if !end.is_empty() && self.chance(2) {
            self.slot();
        }
        self.push(end);
    }

    fn svg(&mut self, depth: usize) {
        // html5ever reads a later `<title/>` in a template as that of HTML.
        let start = self.pick(&["<svg>", "<svg viewBox='0 0 1 1'>", "<SVG>", "<svg><title/>"]);
        self.push(start);
        self.foreign += 1;
        for _ in 0..self.rng.usize(1..4) {
            match self.rng.usize(..10) {
                0 | 1 => self.wrapped("<title>", "</title>", depth),
                2 => self.wrapped("<foreignObject>", "</foreignObject>", depth),
                3 => self.wrapped("<desc>", "</desc>", depth),
                4 => self.push("<style>a > b { }</style><script>1 < 2</script>"),
                5 => self.push("<![CDATA[ <salver-messages data-n=\"8\"> ]] ]]>"),
                6 => self.slot(),
                7 => self.push("<path d='M0 0'/>"),
                8 => self.wrapped("<g>", "</g>", 1),
                _ => self.push("<font color=red></font>"),
            }
        }
        self.foreign -= 1;
        if self.closes(12) {
            self.push("</svg>");
        }
    }

    fn math(&mut self, depth: usize) {
        self.push("<math>");
        self.foreign += 1;
        match self.rng.usize(..5) {
            0 => self.wrapped("<mi>", "</mi>", depth),
            1 => self.wrapped(
                "<annotation-xml encoding='text/HTML'>",
                "</annotation-xml>",
                depth,
            ),
            2 => self.wrapped("<annotation-xml>", "</annotation-xml>", 1),
            3 => self.slot(),
            _ => self.push("<mtext><mglyph></mtext>"),
        }
        self.foreign -= 1;
        self.push("</math>");
    }

    fn stray_end_tag(&mut self) {
        let name = self.element_name();
        self.push(&format!("</{name}>"));
    }
}
