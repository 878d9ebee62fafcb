//! What the projects that Salver grew from had to do: one test for each capability, on the memory store
//! and on Redis. Each prints `SEED <row> <name> ok`, with `browser` at the end if a person sees it in
//! real Chromium.

mod graphspace;
mod iconfinder;
mod kinto;
mod messenger;
mod tidings;

use crate::support::browser::Browser;
use crate::support::inboxes::Inboxes;

/// Runs the test of a row on each store, and prints its line. `name`: the row, `_` and the name.
async fn on_each_store(name: &str, test: impl AsyncFn(Inboxes)) {
    for inboxes in [Inboxes::memory(), Inboxes::redis()] {
        test(inboxes).await;
    }
    print_row(name, "ok");
}

/// Runs the test of a row on each store, with a clock that the test moves, and prints its line.
async fn on_each_clock(name: &str, test: impl AsyncFn(Inboxes)) {
    for inboxes in [Inboxes::memory(), Inboxes::redis_with_clock()] {
        test(inboxes).await;
    }
    print_row(name, "ok");
}

/// Runs the test of a row in a browser, on each store, and prints its line.
async fn in_browser(name: &str, test: impl AsyncFn(Inboxes, &Browser)) {
    let browser = Browser::start().await;
    for inboxes in [Inboxes::memory(), Inboxes::redis()] {
        test(inboxes, &browser).await;
    }
    browser.quit().await;
    print_row(name, "ok browser");
}

/// Prints the line of a row whose test has passed.
fn print_row(name: &str, outcome: &str) {
    let (row, name) = name.split_once('_').unwrap();
    println!("SEED {row} {name} {outcome}");
}
