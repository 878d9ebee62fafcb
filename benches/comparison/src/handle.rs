//! Many concurrent operations on one Salver handle, and the handle of a worker of a site.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use actix_web::test::{TestRequest, call_service, init_service};
use actix_web::{App, HttpResponse, web};
use salver::{Context, Error, Message, Salver};
use tokio::runtime::Runtime;

use crate::visitors::Visitor;
use crate::{Result, TEXT};

/// Number of concurrent operations, equal to the number of commands that a
/// [`PipelinedConnection`](crate::pipelined::PipelinedConnection) has in flight.
const MAX_IN_FLIGHT: usize = 256;

/// An operation on the context of one visitor.
#[derive(Clone, Copy, Debug)]
pub enum Operation {
    Add,
    /// A claim and its confirm.
    Claim,
    Take,
}

/// Runs an operation for each visitor, and waits until all have finished.
///
/// # Errors
///
/// The first error of an operation.
pub fn run_for_all(
    runtime: &Runtime,
    salver: &Salver,
    visitors: &Arc<[Visitor]>,
    operation: Operation,
) -> Result {
    let tasks = (0..MAX_IN_FLIGHT).map(|first| {
        let (salver, visitors) = (salver.clone(), Arc::clone(visitors));
        runtime.spawn(async move {
            for visitor in visitors.iter().skip(first).step_by(MAX_IN_FLIGHT) {
                run(&salver, &visitor.context, operation).await?;
            }
            Ok::<_, Error>(())
        })
    });
    let tasks: Vec<_> = tasks.collect();
    runtime.block_on(async {
        for task in tasks {
            task.await??;
        }
        Ok(())
    })
}

async fn run(salver: &Salver, context: &Context, operation: Operation) -> Result<(), Error> {
    match operation {
        Operation::Add => {
            salver.add(context, Message::success(TEXT)).await?;
        }
        Operation::Claim => {
            let claim = salver.claim(context).await?;
            salver.confirm(&claim).await?;
        }
        Operation::Take => {
            salver.take(context).await?;
        }
    }
    Ok(())
}

/// Returns the handle that a handler of a site extracts.
///
/// # Errors
///
/// No handle was extracted.
pub async fn handle_of_worker(salver: Salver) -> Result<Salver> {
    let extracted = Rc::new(RefCell::new(None));
    let kept = Rc::clone(&extracted);
    let keep = move |salver: Salver| {
        kept.replace(Some(salver));
        std::future::ready(HttpResponse::Ok())
    };
    let app = App::new()
        .wrap(salver.middleware())
        .route("/", web::get().to(keep));
    // Kept: the connection of a worker is closed with its application.
    let app = Box::leak(Box::new(init_service(app).await));
    call_service(&*app, TestRequest::get().to_request()).await;
    extracted
        .take()
        .ok_or_else(|| "no handle was extracted".into())
}
