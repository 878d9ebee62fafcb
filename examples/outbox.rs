//! A message that is added only if a database transaction commits: an outbox, with sqlx.
//!
//! Run it with a Redis server: `cargo run --example outbox`. `REDIS_URL` is the server (default
//! `redis://127.0.0.1`).
//!
//! The transaction of the order also writes the message into an outbox table. After the commit, a
//! relay adds the message to Salver. A transaction that is rolled back adds no message. A committed
//! one adds exactly one message, even if the relay stops and runs again.

use std::env;

use salver::{Context, Message, Salver, SessionId};
use sqlx::{Row, Sqlite, SqlitePool, Transaction};

type BoxError = Box<dyn std::error::Error>;

/// Creates the tables.
pub(crate) async fn prepare(database: &SqlitePool) -> Result<(), BoxError> {
    for table in [
        "CREATE TABLE orders (item TEXT NOT NULL)",
        "CREATE TABLE outbox (number INTEGER PRIMARY KEY, context TEXT NOT NULL, message TEXT NOT NULL)",
    ] {
        sqlx::query(table).execute(database).await?;
    }
    Ok(())
}

/// Inserts an order and the message about it. The caller commits the transaction or rolls it back.
pub(crate) async fn order(
    transaction: &mut Transaction<'_, Sqlite>,
    context: &Context,
    item: &str,
) -> Result<(), BoxError> {
    sqlx::query("INSERT INTO orders (item) VALUES (?)")
        .bind(item)
        .execute(&mut **transaction)
        .await?;
    // The message has its id from here on, so that adding it again creates no duplicate.
    let message = Message::success(format!("{item} is on its way."));
    message.validate()?;
    sqlx::query("INSERT INTO outbox (context, message) VALUES (?, ?)")
        .bind(serde_json::to_string(context)?)
        .bind(serde_json::to_string(&message)?)
        .execute(&mut **transaction)
        .await?;
    Ok(())
}

/// Adds the messages in the outbox to Salver, at most 100. Returns their number.
///
/// Call it every second, and after each commit.
pub(crate) async fn relay(database: &SqlitePool, salver: &Salver) -> Result<usize, BoxError> {
    let rows = sqlx::query("SELECT number, context, message FROM outbox ORDER BY number LIMIT 100")
        .fetch_all(database)
        .await?;
    for row in &rows {
        let context: Context = serde_json::from_str(row.try_get("context")?)?;
        let message: Message = serde_json::from_str(row.try_get("message")?)?;
        match salver.add(&context, message).await {
            // The visitor has logged out. The message is dropped.
            Err(error) if error.is_session_closed() => {}
            added => drop(added?),
        }
        // If the relay stops before this line, the next run adds the same message again, which
        // creates no duplicate.
        let number: i64 = row.try_get("number")?;
        sqlx::query("DELETE FROM outbox WHERE number = ?")
            .bind(number)
            .execute(database)
            .await?;
    }
    Ok(rows.len())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    let url = env::var("REDIS_URL").unwrap_or_else(|_| "redis://127.0.0.1".to_owned());
    let salver = Salver::redis("shop", &url)?;
    let context = salver.context(SessionId::new("ada")?, "orders")?;
    // Each connection to an in-memory database has its own data, so the pool has one connection.
    let pool = sqlx::sqlite::SqlitePoolOptions::new().max_connections(1);
    let database = pool.connect("sqlite::memory:").await?;
    prepare(&database).await?;

    let mut rolled_back = database.begin().await?;
    order(&mut rolled_back, &context, "The blue one").await?;
    rolled_back.rollback().await?;
    let mut committed = database.begin().await?;
    order(&mut committed, &context, "The red one").await?;
    committed.commit().await?;

    println!("{} added", relay(&database, &salver).await?);
    for message in salver.take(&context).await? {
        println!("{}", message.text());
    }
    Ok(())
}
