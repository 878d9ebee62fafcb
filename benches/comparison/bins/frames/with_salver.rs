//! The side of Salver: one `notify` for each person.

use std::sync::mpsc;
use std::thread;

use actix_web::rt::System;
use actix_web::{App, HttpServer};
use comparison::inbox_by_hand::{KIND, SUBJECT};
use comparison::{Result, TEXT, visitors};
use salver::{Error, Message, Notification, Recipient, Salver};
use tokio::runtime::{Builder, Runtime};

use crate::PAGES;
use crate::site::{self, IN_FLIGHT};

pub(crate) fn serve(redis: &str) -> Result {
    let salver = visitors::salver(redis)?;
    let (sender, ports) = mpsc::channel();
    let handle = salver.clone();
    thread::spawn(move || System::new().block_on(listen(handle, sender)));
    let runtime = Builder::new_current_thread().enable_all().build()?;
    site::run(ports.recv()?, || notify_all(&salver, &runtime))
}

async fn listen(salver: Salver, port: mpsc::Sender<u16>) -> std::io::Result<()> {
    let app = move || {
        let middleware = salver.middleware().recipient(|request| {
            let user = request.cookie("user")?;
            Some(Recipient::user(user.value()))
        });
        let app = App::new().wrap(middleware).service(salver.routes());
        app.service(salver.inbox_routes())
    };
    let server = HttpServer::new(app).workers(1).h1_allow_half_closed(false);
    let server = server.bind("127.0.0.1:0")?;
    let address = server.addrs().first().copied();
    let _ = port.send(address.map_or(0, |address| address.port()));
    server.run().await
}

fn notify_all(salver: &Salver, runtime: &Runtime) -> Result {
    let tasks: Vec<_> = (0..IN_FLIGHT)
        .map(|first| {
            let salver = salver.clone();
            runtime.spawn(async move {
                for person in (first..PAGES).step_by(IN_FLIGHT) {
                    let note = Notification::new(KIND, Message::success(TEXT)).subject(SUBJECT);
                    let person = Recipient::user(format!("{person:06}"));
                    salver.notify([person], note).await?;
                }
                Ok::<_, Error>(())
            })
        })
        .collect();
    runtime.block_on(async {
        for task in tasks {
            task.await??;
        }
        Ok(())
    })
}
