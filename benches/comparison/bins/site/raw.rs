//! The commands of Salver alone: the same scripts with the same keys, on one connection of the
//! worker. Either each page runs a script, or only that of a visitor who has posted a form since the
//! last page: no library that keeps messages in Redis can send fewer commands.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use actix_web::error::ErrorServiceUnavailable;
use actix_web::web::Data;
use actix_web::{App, HttpRequest, HttpResponse, get, post, rt};
use comparison::Result;
use comparison::scripts::{self, ReadMode, Scripts};
use futures_util::future::{FutureExt, LocalBoxFuture};
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, RedisError, Value};

use crate::serve::serve;
use crate::visitor::Visitor;
use crate::{message, page};

/// Capacity of the request queue of a connection, equal to Salver's.
const PIPELINE_BUFFER: usize = 1024;

/// The pages that run a script.
#[derive(Clone, Copy)]
pub(crate) enum Pages {
    All,
    AfterForms,
}

/// The visitors who have posted a form since their last page.
#[derive(Default)]
struct Pending(Mutex<HashSet<String>>);

impl Pending {
    fn lock(&self) -> std::sync::MutexGuard<'_, HashSet<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(crate) async fn run(url: &str, pages: Pages) -> Result {
    let client = Client::open(url)?;
    serve!(move || {
        App::new()
            .data_factory(connection(&client))
            .app_data(Data::new(Scripts::default()))
            .app_data(Data::new(pages))
            .app_data(Data::new(Pending::default()))
            .service(show)
            .service(save)
    })
}

/// Returns a factory that connects on the worker's own runtime, so that no other thread is involved
/// between a request and the socket.
pub(crate) fn connection(
    client: &Client,
) -> impl Fn() -> LocalBoxFuture<'static, Result<ConnectionManager, RedisError>> + use<> {
    let client = client.clone();
    move || {
        let client = client.clone();
        async move {
            let config = ConnectionManagerConfig::new().set_pipeline_buffer_size(PIPELINE_BUFFER);
            let mut connection = ConnectionManager::new_with_config(client, config).await?;
            for load in Scripts::load_commands() {
                load.exec_async(&mut connection).await?;
            }
            Ok(connection)
        }
        .boxed_local()
    }
}

#[get("/page")]
async fn show(
    request: HttpRequest,
    connection: Data<ConnectionManager>,
    scripts: Data<Scripts>,
    pages: Data<Pages>,
    pending: Data<Pending>,
) -> actix_web::Result<HttpResponse> {
    let Some(visitor) = Visitor::of(&request) else {
        return Ok(page::empty());
    };
    if let Pages::AfterForms = **pages
        && !pending.lock().remove(&visitor.session)
    {
        return Ok(page::empty());
    }
    let mut connection = connection.get_ref().clone();
    let (session_index, contexts) = (visitor.session_index(), visitor.contexts());
    let claim = scripts.read(ReadMode::Claim, &session_index, &contexts);
    let reply: Value = claim
        .query_async(&mut connection)
        .await
        .map_err(ErrorServiceUnavailable)?;
    let members = scripts::parse_members(reply, &contexts).map_err(ErrorServiceUnavailable)?;
    let response = page::with(message::texts(members.iter().flatten()));
    if members.iter().any(|members| !members.is_empty()) {
        rt::spawn(async move {
            let confirm = scripts.confirm(&session_index, &contexts, &members);
            if let Err(error) = confirm.exec_async(&mut connection).await {
                eprintln!("could not confirm a claim: {error}");
            }
        });
    }
    Ok(response)
}

#[post("/page")]
async fn save(
    request: HttpRequest,
    connection: Data<ConnectionManager>,
    scripts: Data<Scripts>,
    pages: Data<Pages>,
    pending: Data<Pending>,
) -> actix_web::Result<HttpResponse> {
    let visitor = Visitor::from_request_or_new(&request);
    if let Pages::AfterForms = **pages {
        pending.lock().insert(visitor.session.clone());
    }
    let [context, _] = visitor.contexts();
    let add = scripts.add(&visitor.session_index(), &context, &message::encoded()?);
    add.exec_async(&mut connection.get_ref().clone())
        .await
        .map_err(ErrorServiceUnavailable)?;
    let mut response = page::see_other();
    visitor.set_cookie(&mut response)?;
    Ok(response)
}
