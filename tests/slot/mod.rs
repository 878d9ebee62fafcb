//! The slot of generated pages is filled where an HTML parser that knows nothing of Salver sees it.

mod generate;
mod parser;

use std::cell::RefCell;
use std::rc::Rc;

use actix_web::web::{self, Bytes};
use actix_web::{HttpResponse, test::TestRequest};
use fastrand::Rng;
use futures_util::stream;
use salver::{Message, Salver};

use crate::support::site::{context_of_ada, site_of_ada};

/// Number of pages of each test.
const PAGES: usize = 25_000;
/// Every fourth page is streamed, in chunks of up to this number of bytes.
const MAX_CHUNK: usize = 40;

/// The beginning of the list that fills a slot.
const LIST: &str = "<ul class=\"salver-messages\"";

/// Splits a page into chunks of random length.
fn chunks(page: &str, rng: &mut Rng) -> Vec<Bytes> {
    let (mut chunks, mut rest) = (Vec::new(), page.as_bytes());
    while !rest.is_empty() {
        let (chunk, after) = rest.split_at(rng.usize(1..=MAX_CHUNK.min(rest.len())));
        chunks.push(Bytes::copy_from_slice(chunk));
        rest = after;
    }
    chunks
}

/// Returns the offset at which a response contains more than the page, and the page is unchanged
/// otherwise; `None` if it equals the page.
fn filled_at(page: &str, response: &str) -> Option<usize> {
    if page == response {
        return None;
    }
    let added = response.len().checked_sub(page.len()).unwrap();
    let at = response.find(LIST).unwrap();
    assert_eq!(&response[..at], &page[..at]);
    assert_eq!(&response[at + added..], &page[at..]);
    Some(at)
}

/// Fills generated pages, and compares the place with that of the parser.
async fn fill_pages(seed: u64) {
    let salver = Salver::memory("app").unwrap();
    let page: Rc<RefCell<Vec<Bytes>>> = Rc::default();
    let routes = page.clone();
    let site = site_of_ada(&salver, |app| {
        let whole = routes.clone();
        app.route(
            "/p",
            web::get().to(move || {
                let page = whole.borrow().concat();
                async move { HttpResponse::Ok().content_type("text/html").body(page) }
            }),
        );
        app.route(
            "/streamed",
            web::get().to(move || {
                let chunks = routes.borrow().clone();
                let chunks = stream::iter(chunks.into_iter().map(Ok::<_, std::io::Error>));
                async move {
                    HttpResponse::Ok()
                        .content_type("text/html")
                        .streaming(chunks)
                }
            }),
        );
    })
    .await;
    let mut rng = Rng::with_seed(seed);
    let (mut filled, mut differences) = (0, 0);
    for n in 0..PAGES {
        let html = generate::page(&mut rng);
        page.replace(chunks(&html, &mut rng));
        let view = if n % 4 == 0 { "streamed" } else { "p" };
        let message = Message::info("hello");
        salver
            .add(&context_of_ada(&salver, view), message)
            .await
            .unwrap();
        let response = site.send(TestRequest::get().uri(&format!("/{view}"))).await;
        salver.flush().await;
        let at = filled_at(&html, &response.body);
        let seen = parser::first_slot(&html);
        filled += usize::from(at.is_some());
        if !parser::is_beginning_of(&html, at, seen) {
            differences += 1;
            println!("DIFFERENCE filled={at:?} seen={seen:?} in {html:?}");
            assert!(differences < 5, "{differences} pages differ");
        }
        if at.is_none() {
            salver.clear(&context_of_ada(&salver, view)).await.unwrap();
        }
    }
    println!("SLOT seed={seed} pages={PAGES} filled={filled} differences={differences}");
    assert_eq!(differences, 0);
    assert!(filled > PAGES / 4, "too few pages have a slot");
}

#[actix_web::test]
async fn generated_pages_are_filled_where_html_parser_sees_slot() {
    fill_pages(1).await;
}

#[actix_web::test]
async fn more_pages_are_filled_where_html_parser_sees_slot() {
    fill_pages(2).await;
}

#[actix_web::test]
async fn still_more_pages_are_filled_where_html_parser_sees_slot() {
    fill_pages(3).await;
}

#[actix_web::test]
async fn last_pages_are_filled_where_html_parser_sees_slot() {
    fill_pages(4).await;
}
