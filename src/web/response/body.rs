//! The body of a response, which knows when it has been handed over.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use actix_web::body::{BodySize, EitherBody, MessageBody};
use bytes::Bytes;
use pin_project_lite::pin_project;

use crate::handle::ClaimGuard;
use crate::web::response::inject::Filler;

pin_project! {
    /// The body of a response that went past the middleware.
    ///
    /// It fills the slot on the way, and when all of it has been taken the claim is confirmed. Dropped
    /// before, the claim is released.
    pub struct Body<B> {
        #[pin]
        inner: EitherBody<B, Bytes>,
        filler: Option<Box<Filler>>,
        hold: Option<ClaimGuard>,
        // Bytes still to come, where that is known: a server need not ask for the end of a sized body.
        left: Option<u64>,
        // Whether anything was handed over: an empty body shows nothing.
        passed: bool,
        ended: bool,
    }

    impl<B> PinnedDrop for Body<B> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            if *this.left == Some(0) {
                confirm(this.hold);
            }
        }
    }
}

fn confirm(hold: &mut Option<ClaimGuard>) {
    if let Some(hold) = hold.take() {
        hold.confirm();
    }
}

impl<B: MessageBody + 'static> Body<B> {
    pub(crate) fn new(
        inner: EitherBody<B, Bytes>,
        filler: Option<Box<Filler>>,
        hold: Option<ClaimGuard>,
    ) -> Self {
        let left = match inner.size() {
            BodySize::Sized(size) if filler.is_none() => Some(size),
            _ => None,
        };
        Self {
            inner,
            filler,
            hold,
            left,
            passed: false,
            ended: false,
        }
    }
}

impl<B: MessageBody + 'static> MessageBody for Body<B> {
    type Error = <EitherBody<B, Bytes> as MessageBody>::Error;

    fn size(&self) -> BodySize {
        match self.filler {
            Some(_) => BodySize::Stream,
            None => self.inner.size(),
        }
    }

    fn poll_next(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let mut this = self.project();
        if this.hold.is_none() && this.filler.is_none() && !*this.ended {
            return this.inner.poll_next(context);
        }
        while !*this.ended {
            match ready!(this.inner.as_mut().poll_next(context)) {
                Some(Ok(piece)) => {
                    if let Some(left) = this.left {
                        *left = left.saturating_sub(piece.len() as u64);
                    }
                    let piece = match this.filler {
                        Some(filler) => filler.feed(piece),
                        None => piece,
                    };
                    if !piece.is_empty() {
                        *this.passed = true;
                        return Poll::Ready(Some(Ok(piece)));
                    }
                }
                Some(Err(error)) => {
                    // Not shown: dropping the hold gives back.
                    *this.hold = None;
                    *this.left = None;
                    return Poll::Ready(Some(Err(error)));
                }
                None => {
                    *this.ended = true;
                    let rest = this
                        .filler
                        .as_mut()
                        .map(|filler| filler.rest())
                        .unwrap_or_default();
                    if !rest.is_empty() {
                        *this.passed = true;
                        return Poll::Ready(Some(Ok(rest)));
                    }
                }
            }
        }
        if *this.passed && this.filler.as_ref().is_none_or(|filler| filler.is_filled()) {
            confirm(this.hold);
        }
        *this.hold = None;
        Poll::Ready(None)
    }
}

impl<B> fmt::Debug for Body<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body").finish_non_exhaustive()
    }
}
