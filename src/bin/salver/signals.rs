//! The signals by which a process is asked to end.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::error::CliError;

/// SIGTERM and SIGINT.
pub(crate) struct Signals {
    terminated: Signal,
    interrupted: Signal,
}

impl Signals {
    /// Begins to listen. From now on no signal of them ends the process by itself.
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self {
            terminated: signal(SignalKind::terminate())?,
            interrupted: signal(SignalKind::interrupt())?,
        })
    }

    /// Waits for the next signal, and returns its number.
    pub(crate) async fn next(&mut self) -> i32 {
        let kind = tokio::select! {
            _ = self.terminated.recv() => SignalKind::terminate(),
            _ = self.interrupted.recv() => SignalKind::interrupt(),
        };
        kind.as_raw_value()
    }

    /// Waits for the end of what has begun.
    ///
    /// # Errors
    ///
    /// A further signal: the process ends at once.
    pub(crate) async fn unless_repeated<T>(
        &mut self,
        end: impl Future<Output = T>,
    ) -> Result<T, CliError> {
        tokio::select! {
            ended = end => Ok(ended),
            signal = self.next() => Err(CliError::cut_off(signal)),
        }
    }
}
