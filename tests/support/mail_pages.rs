//! The pages of the links in mails, of a site at `https://app.example`.

use std::net::TcpListener;

use actix_web::{App, HttpServer};
use salver::Salver;

/// Serves the routes of mails of a handle, and returns the address.
pub fn serve(salver: &Salver) -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let salver = salver.clone();
    let app = move || {
        App::new()
            .wrap(salver.middleware())
            .service(salver.mail_routes())
    };
    let server = HttpServer::new(app).workers(1).listen(listener).unwrap();
    actix_rt::spawn(server.run());
    url
}

/// Returns the path of a link in a mail.
pub fn path(link: &str) -> String {
    link.strip_prefix("https://app.example").unwrap().to_owned()
}

pub async fn get(url: &str) -> (u16, String) {
    let response = reqwest::get(url).await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

/// Sends a form.
pub async fn post(url: &str, body: &str) -> (u16, String) {
    let client = reqwest::Client::new();
    let request = client
        .post(url)
        .header("content-type", "application/x-www-form-urlencoded");
    let response = request.body(body.to_owned()).send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

/// Returns what the form sends that undoes a change, from the page after it.
pub fn undo(page: &str) -> String {
    let value = page.split(r#"name="undo" value=""#).nth(1).unwrap();
    format!("undo={}", value.split('"').next().unwrap())
}
