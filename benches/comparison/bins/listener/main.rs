//! A process that hears what others add: `listener <redis url>`. Takes orders line by line, and answers:
//!
//! - `index`: whether its pages know without asking, by one word.
//! - `watch <first> <people> <lanes>`: `watching`, and when every watch has rung or been given up, a line for each
//!   person: the number, and the time if it rang.
//! - `pages <first> <people>`: how many of the people do not see their message on the page.

mod listeners;
mod pages;

use std::env;
use std::io::stdin;

use actix_web::test::init_service;
use actix_web::{App, web};
use comparison::listener::Crowd;
use comparison::{Outcome, visitors};

#[actix_web::main]
async fn main() -> Outcome {
    let url = env::args().nth(1);
    let url = url.ok_or("listener needs the URL of a Redis")?;
    let salver = visitors::builder(&url).build()?;
    let site = init_service(
        App::new()
            .wrap(salver.middleware().session(pages::person))
            .route("/page", web::get().to(pages::page))
            .route("/index", web::get().to(pages::index)),
    )
    .await;
    for order in stdin().lines() {
        let order = order?;
        let mut words = order.split_whitespace();
        let word = words.next().unwrap_or_default();
        let numbers: Result<Vec<usize>, _> = words.map(str::parse).collect();
        match (word, numbers?.as_slice()) {
            ("index", []) => println!("{}", pages::ask(&site, "/index", 0).await),
            ("watch", &[first, people, lanes]) => {
                let crowd = Crowd {
                    first,
                    people,
                    lanes,
                };
                listeners::watch(&salver, crowd).await?;
            }
            ("pages", &[first, people]) => {
                println!("{}", pages::missed(&site, first..first + people).await);
                // What a page leaves to be done is done before anybody goes on.
                salver.flush().await;
            }
            _ => return Err(format!("listener knows no order '{order}'").into()),
        }
    }
    Ok(())
}
