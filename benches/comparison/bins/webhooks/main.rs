//! Measures webhooks against a loop with reqwest and against a Redis stream, accepted events against a bare handler with
//! `XADD`, and two brokers against one.
//!
//! Receivers and brokers are processes of their own, started by this program with arguments.

mod accept;
mod broker;
mod deliver;
mod endpoints;
mod receivers;
mod scale;

use comparison::programs::{self, SITE_CORE};
use comparison::{Result, compare, environment};
use deliver::Peer;

fn main() -> Result {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["receivers", count, delay_ms] => receivers::serve(count.parse()?, delay_ms.parse()?),
        ["broker", redis] => broker::serve(redis),
        ["worker", redis] => broker::work(redis),
        ["bare", redis] => broker::serve_bare(redis),
        _ => run(),
    }
}

fn run() -> Result {
    environment::print()?;
    println!("\nWebhooks, {} rounds", compare::rounds()?);
    let scale = scale::measure()?;
    programs::pin_to_core(SITE_CORE)?;
    let deliver = deliver::measure(Peer::Loop)?;
    let durable = deliver::measure(Peer::Stream)?;
    let accept = accept::measure()?;
    println!();
    deliver.print_ratio("webhooks/deliver");
    durable.print_ratio("webhooks/deliver_stream");
    accept.print_ratio("broker/accept");
    scale.print_ratio("broker/two_to_one");
    Ok(())
}
