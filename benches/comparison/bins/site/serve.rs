//! The server, the same in every mode.

/// Serves the apps of a factory on a free port, with one worker.
///
/// This is a macro because actix-web does not export all traits that `HttpServer` requires of a
/// factory.
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
