//! Messages in an outbox table, added after the transaction that writes them.

use salver::{Context, Message, Salver, SessionId};
use sqlx::SqlitePool;
use sqlx::sqlite::SqlitePoolOptions;

use crate::support::processes::free_port;

#[allow(dead_code, reason = "the example is a program too")]
#[path = "../../examples/outbox.rs"]
mod example;

use example::{order, prepare, relay};

async fn database() -> SqlitePool {
    // A database in memory is dropped with its connection: the pool keeps exactly one.
    let pool = SqlitePoolOptions::new().max_connections(1);
    let database = pool.connect("sqlite::memory:").await.unwrap();
    prepare(&database).await.unwrap();
    database
}

fn shop() -> (Salver, Context) {
    let salver = Salver::memory("shop").unwrap();
    let ada = SessionId::new("ada").unwrap();
    let orders = salver.context(ada, "orders").unwrap();
    (salver, orders)
}

/// Orders an item in a transaction, and commits it or rolls it back.
async fn sell(database: &SqlitePool, context: &Context, item: &str, commits: bool) {
    let mut transaction = database.begin().await.unwrap();
    order(&mut transaction, context, item).await.unwrap();
    let result = match commits {
        true => transaction.commit().await,
        false => transaction.rollback().await,
    };
    result.unwrap();
}

async fn pending_texts(salver: &Salver, context: &Context) -> Vec<String> {
    let messages = salver.peek(context).await.unwrap();
    let text = |message: &Message| message.text().to_owned();
    messages.iter().map(text).collect()
}

#[tokio::test]
async fn committed_messages_are_added_once_and_rolled_back_never() {
    let (database, (salver, orders)) = (database().await, shop());
    sell(&database, &orders, "Blue", false).await;
    sell(&database, &orders, "Red", true).await;
    sell(&database, &orders, "Green", true).await;
    let pending = pending_texts(&salver, &orders).await;
    assert_eq!(pending, [""; 0], "the outbox has not run");
    // The outbox stops after the add, before it deletes the row.
    sqlx::raw_sql(
        "CREATE TRIGGER stopped BEFORE DELETE ON outbox BEGIN SELECT RAISE(ABORT, 'stopped'); END",
    )
    .execute(&database)
    .await
    .unwrap();
    relay(&database, &salver).await.unwrap_err();
    sqlx::raw_sql("DROP TRIGGER stopped")
        .execute(&database)
        .await
        .unwrap();
    assert_eq!(relay(&database, &salver).await.unwrap(), 2);
    let both = ["Red is on its way.", "Green is on its way."];
    assert_eq!(pending_texts(&salver, &orders).await, both);
    assert_eq!(relay(&database, &salver).await.unwrap(), 0);
}

#[tokio::test]
async fn outbox_retries_failed_adds_and_drops_closed_sessions() {
    let (database, (salver, orders)) = (database().await, shop());
    sell(&database, &orders, "Red", true).await;
    let unreachable = Salver::redis("shop", &format!("redis://127.0.0.1:{}", free_port())).unwrap();
    relay(&database, &unreachable).await.unwrap_err();
    salver.close_session(orders.session()).await.unwrap();
    assert_eq!(relay(&database, &salver).await.unwrap(), 1);
    assert_eq!(relay(&database, &salver).await.unwrap(), 0);
}
