//! A process that receives changes from other processes: `listener <redis url>`.
//!
//! Reads commands from stdin, one a line, and prints the replies:
//!
//! - `index`: the state of the pending index.
//! - `listen <first> <visitors> <tasks>`: prints `listening`. After every listener has received its
//!   change or timed out, prints a line for each visitor: the number, and the time if it changed.
//! - `pages <first> <visitors>`: the number of visitors whose page lacks their message.

mod listeners;
mod pages;

use std::env;
use std::io::stdin;

use actix_web::test::init_service;
use actix_web::{App, web};
use comparison::listener::VisitorGroup;
use comparison::{Result, visitors};

#[actix_web::main]
async fn main() -> Result {
    let url = env::args().nth(1);
    let url = url.ok_or("usage: listener <redis url>")?;
    let salver = visitors::builder(&url).build()?;
    let site = init_service(
        App::new()
            .wrap(salver.middleware().session(pages::session))
            .route("/page", web::get().to(pages::page))
            .route("/index", web::get().to(pages::index)),
    )
    .await;
    for line in stdin().lines() {
        let line = line?;
        let mut words = line.split_whitespace();
        let command = words.next().unwrap_or_default();
        let numbers: Result<Vec<usize>, _> = words.map(str::parse).collect();
        match (command, numbers?.as_slice()) {
            ("index", []) => println!("{}", pages::request(&site, "/index", 0).await),
            ("listen", &[first, visitors, tasks]) => {
                let group = VisitorGroup {
                    first,
                    visitors,
                    tasks,
                };
                listeners::listen(&salver, group).await?;
            }
            ("pages", &[first, visitors]) => {
                println!("{}", pages::missed(&site, first..first + visitors).await);
                // Finishes the confirms of these pages before the next command.
                salver.flush().await;
            }
            _ => return Err(format!("unknown listener command '{line}'").into()),
        }
    }
    Ok(())
}
