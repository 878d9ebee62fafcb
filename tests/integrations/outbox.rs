//! Messages that wait in a database for what they tell of to be certain.

use salver::{Context, Message, Salver, SessionId};
use sqlx::SqlitePool;
use sqlx::sqlite::SqlitePoolOptions;

use crate::support::processes::free_port;

#[allow(dead_code, reason = "the example is a program too")]
#[path = "../../examples/outbox.rs"]
mod example;

use example::{carry, order, prepare};

async fn database() -> SqlitePool {
    // A database in memory is gone with its connection: it has one.
    let one = SqlitePoolOptions::new().max_connections(1);
    let database = one.connect("sqlite::memory:").await.unwrap();
    prepare(&database).await.unwrap();
    database
}

fn shop() -> (Salver, Context) {
    let salver = Salver::memory("shop").unwrap();
    let ada = SessionId::new("ada").unwrap();
    let orders = salver.context(ada, "orders").unwrap();
    (salver, orders)
}

async fn sell(database: &SqlitePool, context: &Context, item: &str, sold: bool) {
    let mut transaction = database.begin().await.unwrap();
    order(&mut transaction, context, item).await.unwrap();
    let end = match sold {
        true => transaction.commit().await,
        false => transaction.rollback().await,
    };
    end.unwrap();
}

async fn told(salver: &Salver, context: &Context) -> Vec<String> {
    let found = salver.peek(context).await.unwrap();
    let text = |message: &Message| message.text().to_owned();
    found.iter().map(text).collect()
}

#[tokio::test]
async fn what_is_rolled_back_is_never_told_and_what_is_committed_once() {
    let (database, (salver, orders)) = (database().await, shop());
    sell(&database, &orders, "Blue", false).await;
    sell(&database, &orders, "Red", true).await;
    sell(&database, &orders, "Green", true).await;
    assert_eq!(told(&salver, &orders).await, [""; 0], "nobody has carried");
    // The carrier is stopped between the add and its note that it has added.
    sqlx::raw_sql(
        "CREATE TRIGGER stopped BEFORE DELETE ON outbox BEGIN SELECT RAISE(ABORT, 'stopped'); END",
    )
    .execute(&database)
    .await
    .unwrap();
    carry(&database, &salver).await.unwrap_err();
    sqlx::raw_sql("DROP TRIGGER stopped")
        .execute(&database)
        .await
        .unwrap();
    assert_eq!(carry(&database, &salver).await.unwrap(), 2);
    let both = ["Red is on its way.", "Green is on its way."];
    assert_eq!(told(&salver, &orders).await, both);
    assert_eq!(carry(&database, &salver).await.unwrap(), 0);
}

#[tokio::test]
async fn what_cannot_be_told_yet_waits_and_what_nobody_is_to_hear_goes() {
    let (database, (salver, orders)) = (database().await, shop());
    sell(&database, &orders, "Red", true).await;
    let dead = Salver::redis("shop", &format!("redis://127.0.0.1:{}", free_port())).unwrap();
    carry(&database, &dead).await.unwrap_err();
    salver.close_session(orders.session()).await.unwrap();
    assert_eq!(carry(&database, &salver).await.unwrap(), 1);
    assert_eq!(carry(&database, &salver).await.unwrap(), 0);
}
