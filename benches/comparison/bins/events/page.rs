//! Pages that show a message while an event is fanned out, against the same pages beside notifications that are written by
//! hand at the same rate.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use actix_web::rt::System;
use actix_web::test::{TestRequest, call_service, init_service, read_body};
use actix_web::{App, HttpRequest, HttpResponse, web};
use comparison::compare::{self, Side};
use comparison::statistics::Statistics;
use comparison::{Result, TEXT, visitors};
use salver::{Message, Pending, Salver};

use crate::subscribers::Subscribed;

/// Time from one page to the next.
const INTERVAL: Duration = Duration::from_millis(3);

/// Measures the 99th percentile of the time of a page, the fan-out divided by what is written by hand.
pub(crate) fn measure() -> Result<Statistics> {
    let mut site = Subscribed::new()?;
    let mut took = Duration::ZERO;
    let mut measure = |side: Side| {
        let pages = Pages::start(site.server.url());
        let started = Instant::now();
        match side {
            Side::Left => {
                site.fan_out()?;
                took = started.elapsed();
            }
            Side::Right => {
                let each = took.div_f64(site.subscribers as f64);
                let pause = |before: usize| {
                    let due = started + each.mul_f64(before as f64);
                    thread::sleep(due.saturating_duration_since(Instant::now()));
                };
                site.add_by_hand(1, pause)?;
            }
        }
        pages.finish()
    };
    measure(Side::Left)?;
    let pair = compare::measure_alternating(measure)?;
    println!("{:<32} {:.0} us", "page p99, fan-out", pair.left);
    println!("{:<32} {:.0} us", "page p99, by hand", pair.right);
    Ok(pair.ratio)
}

/// A thread that requests pages until it is asked to finish.
struct Pages {
    ends: Arc<AtomicBool>,
    thread: thread::JoinHandle<std::result::Result<f64, String>>,
}

impl Pages {
    fn start(url: String) -> Self {
        let ends = Arc::new(AtomicBool::new(false));
        let until = Arc::clone(&ends);
        let thread =
            thread::spawn(move || request(&url, &until).map_err(|error| error.to_string()));
        Self { ends, thread }
    }

    /// Returns the 99th percentile in microseconds.
    fn finish(self) -> Result<f64> {
        self.ends.store(true, Ordering::Relaxed);
        let measured = self.thread.join().map_err(|_| "the pages panicked")?;
        Ok(measured?)
    }
}

/// Requests pages, each after its message was added, and returns the 99th percentile of their times in microseconds.
fn request(url: &str, ends: &AtomicBool) -> Result<f64> {
    let salver: Salver = visitors::salver(url)?;
    System::new().block_on(async {
        let page = |pending: Pending| async move { HttpResponse::Ok().body(pending.html()) };
        let visitor = visitors::context(0)?;
        let session = visitor.session().clone();
        let app = App::new()
            .wrap(
                salver
                    .middleware()
                    .session(move |_: &HttpRequest| Some(session.clone())),
            )
            .route("/page", web::get().to(page));
        let app = init_service(app).await;
        let mut times = Vec::new();
        while !ends.load(Ordering::Relaxed) {
            actix_web::rt::time::sleep(INTERVAL).await;
            salver.add(&visitor, Message::success(TEXT)).await?;
            let request = TestRequest::get().uri("/page").to_request();
            let started = Instant::now();
            let page = read_body(call_service(&app, request).await).await;
            times.push(started.elapsed().as_secs_f64() * 1e6);
            if !String::from_utf8_lossy(&page).contains(TEXT) {
                return Err("a page lacks its message".into());
            }
        }
        times.sort_by(f64::total_cmp);
        let index = times.len() * 99 / 100;
        times
            .get(index)
            .copied()
            .ok_or_else(|| "no page was requested".into())
    })
}
