//! The assets that a page loads.

use std::io::Write;
use std::process::{Command, Stdio};

use salver::web::Routes;
use salver::{STYLESHEET, Salver};

use crate::support::live_site::LiveSite;

/// Maximum size of the page script in bytes, compressed by gzip.
const MAX_SCRIPT_BYTES: usize = 6_500;
/// Maximum size of the stylesheet in bytes, compressed by gzip.
const MAX_STYLESHEET_BYTES: usize = 4_000;

#[actix_web::test]
async fn assets_with_content_hash_are_cached_forever() {
    let site = LiveSite::start(&Salver::memory("app").unwrap());
    let head = Routes::default().head_html();
    let paths = head.split('"').filter(|part| part.starts_with("/salver/"));
    let paths: Vec<_> = paths.collect();
    let has_inbox = cfg!(feature = "inbox");
    assert_eq!(paths.len(), if has_inbox { 3 } else { 2 }, "{head}");
    for (path, plain, content_type) in [
        (paths[0], "/salver/salver.css", "text/css; charset=utf-8"),
        (
            paths[1],
            "/salver/salver.js",
            "text/javascript; charset=utf-8",
        ),
    ] {
        let get = async |path: &str| reqwest::get(format!("{}{path}", site.url)).await.unwrap();
        let mut contents = Vec::new();
        let other_hash = path.replacen("salver.", "salver.0", 1);
        for (path, cache_control) in [
            (path, "public, max-age=31536000, immutable"),
            (plain, "public, max-age=3600"),
            (&*other_hash, "public, max-age=3600"),
        ] {
            let response = get(path).await;
            assert_eq!(response.headers()["cache-control"], cache_control, "{path}");
            assert_eq!(response.headers()["content-type"], content_type);
            assert_eq!(response.headers()["x-content-type-options"], "nosniff");
            contents.push(response.text().await.unwrap());
        }
        assert!(contents.iter().all(|content| *content == contents[0]));
        if content_type.contains("css") {
            assert_eq!(contents[0], STYLESHEET);
            let bytes = gzipped_len(STYLESHEET);
            println!("LIVE stylesheet_gzipped_bytes {bytes}");
            assert!(
                bytes < MAX_STYLESHEET_BYTES,
                "the stylesheet has {bytes} bytes"
            );
            continue;
        }
        let bytes = gzipped_len(&contents[0]);
        println!("LIVE script_gzipped_bytes {bytes}");
        assert!(
            bytes < MAX_SCRIPT_BYTES,
            "the page script has {bytes} bytes"
        );
    }
    site.stop().await;
}

fn gzipped_len(text: &str) -> usize {
    let mut gzip = Command::new("gzip")
        .arg("-9c")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    gzip.stdin
        .take()
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
    gzip.wait_with_output().unwrap().stdout.len()
}

#[actix_web::test]
async fn routes_at_root_leave_other_paths_to_app() {
    use actix_web::test::{TestRequest, call_service, init_service};
    use actix_web::{App, HttpResponse, web};

    let salver = Salver::memory("app").unwrap();
    for (path, file) in [
        ("/", "/salver.css"),
        ("/notices/", "/notices/salver.css"),
        ("a/b", "/a/b/salver.js"),
    ] {
        let app = App::new()
            .wrap(salver.middleware())
            .service(salver.routes().at(path));
        let app = init_service(app.route("/{page}", web::get().to(HttpResponse::Accepted))).await;
        for (path, status) in [(file, 200), ("/settings", 202)] {
            let response = call_service(&app, TestRequest::get().uri(path).to_request()).await;
            assert_eq!(response.status(), status, "{path}");
        }
    }
}
