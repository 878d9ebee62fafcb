//! A job in another process, which receives a context as JSON and adds a message through Redis.
//!
//! Run it: `cargo run --example job -- '<context>' "120 icons are ready."`, where `<context>` is
//! JSON such as `{"app":"dashboard","session":"…","view":"uploads"}`. The site creates it with
//! `messages.context("uploads").await?` and `serde_json::to_string`.
//!
//! `REDIS_URL` is the server of the site (default `redis://127.0.0.1`).

use std::env;

use salver::{Context, Message, Salver};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = env::args().skip(1);
    let (Some(context), Some(text)) = (args.next(), args.next()) else {
        return Err("usage: job <context as JSON> <text>".into());
    };
    let context: Context = serde_json::from_str(&context)?;
    let url = env::var("REDIS_URL").unwrap_or_else(|_| "redis://127.0.0.1".to_owned());

    let salver = Salver::redis(context.app(), &url)?;
    salver.add(&context, Message::success(text)).await?;
    println!(
        "{} pending in {}",
        salver.count(&context).await?,
        context.view()
    );
    Ok(())
}
