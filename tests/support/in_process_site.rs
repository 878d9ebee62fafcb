//! A site inside the process, without a socket.

use std::rc::Rc;

use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::header::ContentType;
use actix_web::test::{TestRequest, init_service, try_read_body};
use actix_web::{App, HttpResponse, web};
use futures_util::future::LocalBoxFuture;
use salver::{Messages, Salver};

use crate::support::fault_site::visitor;

/// Text of a message whose owner is no visitor, so that a [`History`] reports it as misdelivered to
/// any reader.
pub const UNOWNED_TEXT: &str = "canary/unowned/page/00000000-0000-7000-8000-000000000000";

pub type InProcessSite = Rc<dyn AsyncCall>;

/// A site, independent of the type of its service.
pub trait AsyncCall {
    fn call(&self, request: TestRequest) -> LocalBoxFuture<'_, (u16, String)>;
}

struct ServiceSite<S>(S);

impl<S, B> AsyncCall for ServiceSite<S>
where
    S: Service<actix_http::Request, Response = ServiceResponse<B>, Error = actix_web::Error>,
    B: actix_web::body::MessageBody,
{
    fn call(&self, request: TestRequest) -> LocalBoxFuture<'_, (u16, String)> {
        Box::pin(async move {
            let response = self.0.call(request.to_request()).await.unwrap();
            let status = response.status().as_u16();
            let body = try_read_body(response).await.unwrap_or_default();
            (status, String::from_utf8(body.to_vec()).unwrap())
        })
    }
}

/// Creates a site: `GET /page` has a slot, `POST /page` adds [`UNOWNED_TEXT`]
/// and redirects.
pub async fn in_process_site(salver: &Salver) -> InProcessSite {
    let page = || async {
        let page = "<main><salver-messages></salver-messages></main>";
        HttpResponse::Ok()
            .content_type(ContentType::html())
            .body(page)
    };
    let save = |messages: Messages| async move {
        messages.success(UNOWNED_TEXT).await;
        HttpResponse::SeeOther().finish()
    };
    let app = App::new()
        .wrap(salver.middleware().session(visitor))
        .route("/page", web::get().to(page))
        .route("/page", web::post().to(save));
    Rc::new(ServiceSite(init_service(app).await))
}
