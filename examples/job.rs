//! A job in another process: it is given an address as JSON, and tells the visitor through Redis.
//!
//! Run it: `cargo run --example job -- '{"app":"dashboard","session":"…","view":"uploads"}' "120 icons are ready."`
//! with `REDIS_URL` set to the server that the site uses (default `redis://127.0.0.1`). The site makes the
//! address by `messages.context("uploads").await?` and `serde_json::to_string`.

use std::env;

use salver::{Context, Message, Salver};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = env::args().skip(1);
    let (Some(address), Some(text)) = (args.next(), args.next()) else {
        return Err("give me an address as JSON, and a text".into());
    };
    let context: Context = serde_json::from_str(&address)?;
    let url = env::var("REDIS_URL").unwrap_or_else(|_| "redis://127.0.0.1".to_owned());

    let salver = Salver::redis(context.app(), &url)?;
    salver.add(&context, Message::success(text)).await?;
    println!(
        "{} waiting on {}",
        salver.count(&context).await?,
        context.view()
    );
    Ok(())
}
