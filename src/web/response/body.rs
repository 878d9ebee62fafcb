//! The body of a response. It detects when the server has read all of it.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use actix_web::body::{BodySize, EitherBody, MessageBody};
use bytes::Bytes;
use pin_project_lite::pin_project;

use crate::handle::ClaimGuard;
use crate::log_limit::LogLimit;
use crate::web::response::inject::Injector;

pin_project! {
    /// The body of a response that passed through [`Middleware`](crate::web::Middleware).
    ///
    /// It fills the slot while the server reads it. When the server has read all of it, the claim
    /// is confirmed. If the body fails or is dropped earlier, the claim is released.
    pub struct Body<B> {
        #[pin]
        inner: EitherBody<B, Bytes>,
        injector: Option<Box<Injector>>,
        claim: Option<ClaimGuard>,
        // Bytes not yet read, if the size is known: a server need not poll the end of a sized body.
        remaining: Option<u64>,
        // Whether any bytes were read: an empty body shows nothing.
        has_sent: bool,
        has_ended: bool,
    }

    impl<B> PinnedDrop for Body<B> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            if *this.remaining == Some(0) {
                confirm(this.claim);
            }
        }
    }
}

fn log_missing_slot() {
    static LOG_LIMIT: LogLimit = LogLimit::new();

    if LOG_LIMIT.allow() {
        tracing::warn!(
            "messages wait for a streamed page without `<salver-messages></salver-messages>`; add this element to its layout"
        );
    }
}

fn confirm(claim: &mut Option<ClaimGuard>) {
    if let Some(claim) = claim.take() {
        claim.confirm();
    }
}

impl<B: MessageBody + 'static> Body<B> {
    pub(crate) fn new(
        inner: EitherBody<B, Bytes>,
        injector: Option<Box<Injector>>,
        claim: Option<ClaimGuard>,
    ) -> Self {
        let remaining = match inner.size() {
            BodySize::Sized(size) if injector.is_none() => Some(size),
            _ => None,
        };
        Self {
            inner,
            injector,
            claim,
            remaining,
            has_sent: false,
            has_ended: false,
        }
    }
}

impl<B: MessageBody + 'static> MessageBody for Body<B> {
    type Error = <EitherBody<B, Bytes> as MessageBody>::Error;

    fn size(&self) -> BodySize {
        match self.injector {
            Some(_) => BodySize::Stream,
            None => self.inner.size(),
        }
    }

    fn poll_next(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let mut this = self.project();
        if this.claim.is_none() && this.injector.is_none() && !*this.has_ended {
            return this.inner.poll_next(context);
        }
        while !*this.has_ended {
            match ready!(this.inner.as_mut().poll_next(context)) {
                Some(Ok(chunk)) => {
                    if let Some(remaining) = this.remaining {
                        *remaining = remaining.saturating_sub(chunk.len() as u64);
                    }
                    let chunk = match this.injector {
                        Some(injector) => injector.push(chunk),
                        None => chunk,
                    };
                    if !chunk.is_empty() {
                        *this.has_sent = true;
                        return Poll::Ready(Some(Ok(chunk)));
                    }
                }
                Some(Err(error)) => {
                    // The page does not count as shown: dropping the claim releases it.
                    *this.claim = None;
                    *this.remaining = None;
                    return Poll::Ready(Some(Err(error)));
                }
                None => {
                    *this.has_ended = true;
                    let rest = this
                        .injector
                        .as_mut()
                        .map(|injector| injector.finish())
                        .unwrap_or_default();
                    if !rest.is_empty() {
                        *this.has_sent = true;
                        return Poll::Ready(Some(Ok(rest)));
                    }
                }
            }
        }
        if *this.has_sent
            && this
                .injector
                .as_ref()
                .is_none_or(|injector| injector.is_inserted())
        {
            confirm(this.claim);
        } else if *this.has_sent && this.claim.is_some() {
            log_missing_slot();
        }
        *this.claim = None;
        Poll::Ready(None)
    }
}

impl<B> fmt::Debug for Body<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body").finish_non_exhaustive()
    }
}
