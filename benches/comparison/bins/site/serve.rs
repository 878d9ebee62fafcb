//! How every mode serves its app.

/// Serves what a factory makes, on a free port of this machine.
///
/// A macro, since the traits that `HttpServer` asks of a factory cannot all be named through actix-web.
macro_rules! serve {
    ($factory:expr) => {{
        let server = actix_web::HttpServer::new($factory)
            .workers(1)
            .bind(("127.0.0.1", 0))?;
        for address in server.addrs() {
            println!("{address}");
        }
        server.run().await?;
        Ok(())
    }};
}

pub(crate) use serve;
