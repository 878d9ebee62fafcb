//! No subscriptions.

use std::future::{Ready, ready};

use crate::mail::unsubscribe::Unsubscribe;
use crate::mail::web::page_words::PageWords;
use crate::{Error, Salver};

/// Subscriptions that have ended.
#[derive(Default)]
pub(in crate::mail::web) struct Ended {
    pub(in crate::mail::web) names: Vec<String>,
    pub(in crate::mail::web) stored: Vec<String>,
}

pub(in crate::mail::web) fn names(
    _salver: &Salver,
    _words: &PageWords,
    _unsubscribe: &Unsubscribe,
) -> Ready<Result<Vec<String>, Error>> {
    ready(Ok(Vec::new()))
}

pub(in crate::mail::web) fn end(
    _salver: &Salver,
    _words: &PageWords,
    _unsubscribe: &Unsubscribe,
) -> Ready<Result<Ended, Error>> {
    ready(Ok(Ended::default()))
}

pub(in crate::mail::web) fn restore(
    _salver: &Salver,
    _unsubscribe: &Unsubscribe,
    _stored: &str,
) -> Ready<Result<(), Error>> {
    ready(Ok(()))
}
