//! The same site in several modes, which differ only in how they store messages:
//! `site <mode> <redis url>`.
//!
//! Prints its address when it listens. Has one worker, since the benchmarks run it on one core.

mod bare;
mod flash_cookie;
mod flash_session;
mod message;
mod middleware;
mod page;
mod pool;
mod raw;
mod serve;
mod visitor;
mod zrange;

use std::env;

use comparison::{Result, visitors};
use raw::Pages;

#[actix_web::main]
async fn main() -> Result {
    let mut arguments = env::args().skip(1);
    let (Some(mode), Some(url)) = (arguments.next(), arguments.next()) else {
        return Err("usage: site <mode> <redis url>".into());
    };
    match mode.as_str() {
        "bare" => bare::run().await,
        "salver" => middleware::run(visitors::builder(&url)).await,
        "without-index" => middleware::run(visitors::builder(&url).pending_index(false)).await,
        "flash-cookie" => flash_cookie::run().await,
        "flash-session" => flash_session::run(&url).await,
        "pool" => pool::run(&url).await,
        "raw" => raw::run(&url, Pages::All).await,
        "raw-after-form" => raw::run(&url, Pages::AfterForms).await,
        "zrange" => zrange::run(&url).await,
        _ => Err(format!("unknown mode '{mode}'").into()),
    }
}
