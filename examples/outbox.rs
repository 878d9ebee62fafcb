//! A message that is there only if the database says so: an outbox, with sqlx.
//!
//! Run it: `cargo run --example outbox`, with a Redis. The message is written in the transaction of what it tells of, and
//! carried to Salver after it: a transaction that is rolled back tells nothing, one that is committed tells once,
//! however often the carrier is stopped in the middle.

use std::env;

use salver::{Context, Message, Salver, SessionId};
use sqlx::{Row, Sqlite, SqlitePool, Transaction};

type Failed = Box<dyn std::error::Error>;

/// Makes the tables.
pub(crate) async fn prepare(database: &SqlitePool) -> Result<(), Failed> {
    for table in [
        "CREATE TABLE orders (item TEXT NOT NULL)",
        "CREATE TABLE outbox (number INTEGER PRIMARY KEY, address TEXT NOT NULL, message TEXT NOT NULL)",
    ] {
        sqlx::query(table).execute(database).await?;
    }
    Ok(())
}

/// Takes an order, and notes what the visitor is to hear of it. Whoever calls it commits, or does not.
pub(crate) async fn order(
    transaction: &mut Transaction<'_, Sqlite>,
    context: &Context,
    item: &str,
) -> Result<(), Failed> {
    sqlx::query("INSERT INTO orders (item) VALUES (?)")
        .bind(item)
        .execute(&mut **transaction)
        .await?;
    // The message has its id from here on, whoever carries it.
    let message = Message::success(format!("{item} is on its way."));
    message.validate()?;
    sqlx::query("INSERT INTO outbox (address, message) VALUES (?, ?)")
        .bind(serde_json::to_string(context)?)
        .bind(serde_json::to_string(&message)?)
        .execute(&mut **transaction)
        .await?;
    Ok(())
}

/// Carries what waits; call it every second, and after each commit. Tells how many it carried.
pub(crate) async fn carry(database: &SqlitePool, salver: &Salver) -> Result<usize, Failed> {
    let waiting =
        sqlx::query("SELECT number, address, message FROM outbox ORDER BY number LIMIT 100")
            .fetch_all(database)
            .await?;
    for row in &waiting {
        let context: Context = serde_json::from_str(row.try_get("address")?)?;
        let message: Message = serde_json::from_str(row.try_get("message")?)?;
        match salver.add(&context, message).await {
            // The visitor has logged out: nobody is to hear of it any more.
            Err(error) if error.is_closed() => {}
            added => drop(added?),
        }
        // Stopped before this, it adds the same message once more, which makes no second one.
        let number: i64 = row.try_get("number")?;
        sqlx::query("DELETE FROM outbox WHERE number = ?")
            .bind(number)
            .execute(database)
            .await?;
    }
    Ok(waiting.len())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failed> {
    let url = env::var("REDIS_URL").unwrap_or_else(|_| "redis://127.0.0.1".to_owned());
    let salver = Salver::redis("shop", &url)?;
    let context = salver.context(SessionId::new("ada")?, "orders")?;
    // A database in memory is gone with its connection: it has one.
    let one = sqlx::sqlite::SqlitePoolOptions::new().max_connections(1);
    let database = one.connect("sqlite::memory:").await?;
    prepare(&database).await?;

    let mut sold_out = database.begin().await?;
    order(&mut sold_out, &context, "The blue one").await?;
    sold_out.rollback().await?;
    let mut sold = database.begin().await?;
    order(&mut sold, &context, "The red one").await?;
    sold.commit().await?;

    println!("{} carried", carry(&database, &salver).await?);
    for message in salver.take(&context).await? {
        println!("{}", message.text());
    }
    Ok(())
}
