//! A visitor: its cookies, and the requests that contain them.

use std::net::SocketAddr;

use memchr::memmem;

const SET_COOKIE: &str = "set-cookie: ";

struct Cookie {
    name: String,
    value: String,
    /// Whether the cookie has a `Max-Age` and so expires before the browser session ends.
    is_short_lived: bool,
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
        visitor.write_requests();
        visitor
    }

    /// Returns the request for the page.
    pub(crate) fn get(&self) -> &[u8] {
        &self.get
    }

    /// Returns the request that posts the form, which adds a message.
    pub(crate) fn post(&self) -> &[u8] {
        &self.post
    }

    /// Stores and removes cookies according to the `set-cookie` headers of a response.
    pub(crate) fn store_cookies(&mut self, head: &[u8]) {
        // A fast path for most responses, because the load must use less time than the site.
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
                    is_short_lived: attributes.contains("Max-Age"),
                });
            }
        }
        self.write_requests();
    }

    /// Removes the short-lived cookies, as if their time had passed.
    pub(crate) fn expire_cookies(&mut self) {
        self.cookies.retain(|cookie| !cookie.is_short_lived);
        self.write_requests();
    }

    /// Writes the requests in advance, so that sending them costs no formatting.
    fn write_requests(&mut self) {
        let mut headers = format!("Host: {}\r\n", self.host);
        let pairs = self.cookies.iter();
        let pairs: Vec<_> = pairs
            .map(|cookie| format!("{}={}", cookie.name, cookie.value))
            .collect();
        if !pairs.is_empty() {
            headers += &format!("Cookie: {}\r\n", pairs.join("; "));
        }
        self.get = format!("GET /page HTTP/1.1\r\n{headers}\r\n").into();
        self.post = format!("POST /page HTTP/1.1\r\n{headers}Content-Length: 0\r\n\r\n").into();
    }
}
