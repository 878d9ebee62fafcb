//! The page on which people choose what they are mailed about, and how often.

mod contact;
mod form;
mod hostile;
mod json;
mod page;
mod screens;

use std::collections::BTreeMap;
use std::time::Duration;

use actix_web::test::TestRequest;
use salver::inbox::InboxRoutes;
use salver::mail::Cadence;
use salver::{Inbox, Salver, SalverBuilder};

use crate::mail::cadences::profiles;
use crate::support::inbox_site::send;

const PATH: &str = "/salver/inbox/preferences";

/// Graphs are mailed at once, letters if they are unread for half an hour, news daily; security always.
fn settings(builder: SalverBuilder) -> SalverBuilder {
    let half_an_hour = Duration::from_secs(30 * 60);
    builder
        .default_cadence("graph", Cadence::AtOnce)
        .default_cadence("letter", Cadence::IfUnread(half_an_hour))
        .default_cadence("news", Cadence::Daily { hour: 7 })
        .critical(["security"])
}

/// Names the kinds of the site.
fn with_kinds(routes: InboxRoutes) -> InboxRoutes {
    routes.kinds([
        ("graph", "Graphs"),
        ("letter", "Letters <b>"),
        ("news", "News"),
        ("security", "Security"),
    ])
}

/// Names the kinds, and sets the profiles.
fn with_profiles(routes: InboxRoutes) -> InboxRoutes {
    with_kinds(routes).profiles(profiles)
}

fn get() -> TestRequest {
    TestRequest::get()
        .uri(PATH)
        .insert_header(("x-user", "ada"))
}

fn post(body: &str) -> TestRequest {
    let request = TestRequest::post().uri(PATH);
    let request = request.insert_header(("content-type", "application/x-www-form-urlencoded"));
    let request = request.insert_header(("x-user", "ada"));
    request.set_payload(body.to_owned())
}

/// Returns the page of Ada.
async fn page(salver: &Salver) -> String {
    let response = send(salver, with_profiles(salver.inbox_routes()), get()).await;
    assert_eq!(response.status, 200, "{}", response.body);
    response.body
}

/// Submits the form of Ada.
async fn submit(salver: &Salver, body: &str) {
    let routes = with_profiles(salver.inbox_routes());
    let response = send(salver, routes, post(body)).await;
    assert_eq!(response.status, 303, "{body}: {}", response.body);
    assert_eq!(response.header("location"), Some(PATH));
}

/// Returns the label of the choice that is selected for a kind.
fn selected(page: &str, kind: &str) -> String {
    let field = format!(r#"name="cadence.{kind}" "#);
    let mut radios = page.split("<label>").filter(|label| label.contains(&field));
    let checked = radios.find(|label| label.contains(" checked>")).unwrap();
    let label = checked.split_once("<span>").unwrap().1;
    label.split_once("</span>").unwrap().0.to_owned()
}

/// Returns what a recipient has chosen, as texts.
async fn chosen(inbox: &Inbox) -> BTreeMap<String, String> {
    let chosen = inbox.mail().await.unwrap().into_iter();
    chosen
        .map(|(kind, cadence)| (kind, cadence.to_string()))
        .collect()
}

/// Returns choices, as texts.
fn texts<const N: usize>(choices: [(&str, &str); N]) -> BTreeMap<String, String> {
    let choices = choices.into_iter();
    choices
        .map(|(kind, cadence)| (kind.to_owned(), cadence.to_owned()))
        .collect()
}
