//! Mails over four connections to the same server.

use std::time::Instant;

use comparison::Result;
use comparison::compare::{self, Side};
use comparison::server::Server;
use comparison::statistics::Statistics;
use futures_util::{StreamExt, TryStreamExt, stream};
use lettre::message::{MultiPart, SinglePart};
use lettre::transport::smtp::PoolConfig;
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use salver::mail::{Cadence, Mailer, Profile};
use salver::{Error, Message, Notification, Recipient, Salver};
use tokio::runtime::{Builder, Runtime};

use crate::sink::Sink;

const MAILS: usize = 1_000;
/// The same as Salver's.
const CONNECTIONS: u32 = 4;
const SENDER: &str = "Shop <notify@shop.example>";

type Transport = AsyncSmtpTransport<Tokio1Executor>;

/// Measures mails per second, from the queue to the server, against a loop with lettre that sends the same bodies.
pub(crate) fn measure() -> Result<Statistics> {
    let (mut server, sink) = (
        Server::start(&[])?,
        Sink::start("tests/support/smtp_server.py")?,
    );
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let salver = Salver::builder("app").redis(&server.url());
    let salver = salver.site("https://shop.example").secret([7; 32]);
    let salver = salver.default_cadence("order", Cadence::AtOnce).build()?;
    let (text, html) = runtime.block_on(bodies(&salver))?;
    let transport = {
        let _guard = runtime.enter();
        let builder = Transport::builder_dangerous("127.0.0.1").port(sink.port);
        let pool = PoolConfig::new().max_size(CONNECTIONS);
        builder.pool_config(pool).build::<Tokio1Executor>()
    };
    let url = format!("smtp://127.0.0.1:{}", sink.port);
    let mailer = Mailer::smtp(&url)?.from(SENDER);
    let mut expected = 0;
    let mut measure = |side: Side| {
        server.flush()?;
        let elapsed = match side {
            Side::Left => {
                runtime.block_on(notify(&salver))?;
                let worker = salver.worker().mail(mailer.clone()).profiles(profiles);
                let started = Instant::now();
                runtime.block_on(worker.drain())?;
                started.elapsed()
            }
            Side::Right => {
                let started = Instant::now();
                by_lettre(&runtime, &transport, &text, &html)?;
                started.elapsed()
            }
        };
        expected += MAILS;
        match sink.accepted()? {
            accepted if accepted == expected => Ok(MAILS as f64 / elapsed.as_secs_f64()),
            accepted => Err(format!("{accepted} of {expected} mails were accepted").into()),
        }
    };
    measure(Side::Left)?;
    measure(Side::Right)?;
    let pair = compare::measure_alternating(measure)?;
    println!("{:<24} {:.0} per second", "mail, Salver", pair.left);
    println!("{:<24} {:.0} per second", "mail, lettre", pair.right);
    Ok(pair.ratio)
}

fn note() -> Notification {
    let text = Message::success("Your order is on its way.").action("Track it", "/orders/7");
    Notification::new("order.sent", text)
}

async fn notify(salver: &Salver) -> Result {
    Ok(salver
        .notify((0..MAILS).map(Recipient::user), note())
        .await?)
}

async fn profiles(who: Vec<Recipient>) -> std::result::Result<Vec<Profile>, Error> {
    let profile = |who| Profile::new(who).email("ada@example.com").name("Ada");
    Ok(who.into_iter().map(profile).collect())
}

/// Returns the plain text and the HTML of a mail of Salver.
async fn bodies(salver: &Salver) -> Result<(String, String)> {
    let mailer = Mailer::memory();
    salver.notify([Recipient::user(0)], note()).await?;
    salver
        .worker()
        .mail(mailer.clone())
        .profiles(profiles)
        .drain()
        .await?;
    let letter = mailer.sent().pop().ok_or("no mail was sent")?;
    Ok((letter.text, letter.html))
}

fn by_lettre(runtime: &Runtime, transport: &Transport, text: &str, html: &str) -> Result {
    let send = |number: usize| async move {
        let body = MultiPart::alternative()
            .singlepart(SinglePart::plain(text.to_owned()))
            .singlepart(SinglePart::html(html.to_owned()));
        let message = lettre::Message::builder()
            .from(SENDER.parse()?)
            .to("Ada <ada@example.com>".parse()?)
            .subject("Your order is on its way.")
            .message_id(Some(format!("<{number}@shop.example>")))
            .multipart(body)?;
        transport.send(message).await?;
        Ok::<_, Box<dyn std::error::Error>>(())
    };
    let sending = stream::iter(0..MAILS).map(send).buffer_unordered(16);
    runtime.block_on(sending.try_collect::<Vec<()>>())?;
    Ok(())
}
