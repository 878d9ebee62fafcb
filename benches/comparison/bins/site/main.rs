//! One site, the same in every mode but for how it keeps its messages: `site <mode> <redis url>`.
//!
//! Prints its address when it listens. One worker, since the benchmarks give it one core.

mod bare;
mod carried;
mod flash_cookie;
mod flash_session;
mod note;
mod page;
mod pool;
mod raw;
mod serve;
mod visitor;
mod zrange;

use std::env;

use comparison::{Outcome, visitors};

#[actix_web::main]
async fn main() -> Outcome {
    let mut arguments = env::args().skip(1);
    let (Some(mode), Some(url)) = (arguments.next(), arguments.next()) else {
        return Err("site needs a mode and the URL of a Redis".into());
    };
    match mode.as_str() {
        "bare" => bare::run().await,
        "salver" => carried::run(visitors::builder(&url)).await,
        "strict" => carried::run(visitors::builder(&url).pending_index(false)).await,
        "flash-cookie" => flash_cookie::run().await,
        "flash-session" => flash_session::run(&url).await,
        "pool" => pool::run(&url).await,
        "raw" => raw::run(&url).await,
        "zrange" => zrange::run(&url).await,
        _ => Err(format!("site knows no mode '{mode}'").into()),
    }
}
