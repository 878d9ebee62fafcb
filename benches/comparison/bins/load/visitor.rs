//! A visitor: cookies, and the requests that carry them.

use std::net::SocketAddr;

use memchr::memmem;

const SET_COOKIE: &str = "set-cookie: ";

struct Cookie {
    name: String,
    value: String,
    /// Whether it ends before the visit does.
    is_brief: bool,
}

pub(crate) struct Visitor {
    host: SocketAddr,
    cookies: Vec<Cookie>,
    get: Vec<u8>,
    post: Vec<u8>,
}

impl Visitor {
    pub(crate) fn new(host: SocketAddr) -> Self {
        let mut visitor = Self {
            host,
            cookies: Vec::new(),
            get: Vec::new(),
            post: Vec::new(),
        };
        visitor.write();
        visitor
    }

    /// The request for the page.
    pub(crate) fn get(&self) -> &[u8] {
        &self.get
    }

    /// The form that adds a message.
    pub(crate) fn post(&self) -> &[u8] {
        &self.post
    }

    /// Keeps and drops cookies, as the head of a response says.
    pub(crate) fn learn(&mut self, head: &[u8]) {
        // Most responses say nothing, and the load must be quicker than what it measures.
        if memmem::find(head, SET_COOKIE.as_bytes()).is_none() {
            return;
        }
        let head = String::from_utf8_lossy(head);
        for cookie in head
            .lines()
            .filter_map(|line| line.strip_prefix(SET_COOKIE))
        {
            let (pair, attributes) = cookie.split_once(';').unwrap_or((cookie, ""));
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            self.cookies.retain(|known| known.name != name);
            if !attributes.contains("Max-Age=0") {
                self.cookies.push(Cookie {
                    name: name.to_owned(),
                    value: value.to_owned(),
                    is_brief: attributes.contains("Max-Age"),
                });
            }
        }
        self.write();
    }

    /// Lets some time pass: brief cookies end.
    pub(crate) fn rest(&mut self) {
        self.cookies.retain(|cookie| !cookie.is_brief);
        self.write();
    }

    /// Writes the requests once, not once for each time that they are sent.
    fn write(&mut self) {
        let mut fields = format!("Host: {}\r\n", self.host);
        let pairs = self.cookies.iter();
        let pairs: Vec<_> = pairs
            .map(|cookie| format!("{}={}", cookie.name, cookie.value))
            .collect();
        if !pairs.is_empty() {
            fields += &format!("Cookie: {}\r\n", pairs.join("; "));
        }
        self.get = format!("GET /page HTTP/1.1\r\n{fields}\r\n").into();
        self.post = format!("POST /page HTTP/1.1\r\n{fields}Content-Length: 0\r\n\r\n").into();
    }
}
