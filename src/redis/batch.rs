//! Batches: several plain commands and a script, in one write.

use ::redis::aio::ConnectionLike;
use ::redis::{Cmd, Pipeline, RedisError, Value};

use crate::Error;
use crate::redis::Request;
use crate::redis::classify::{self, Failure};
use crate::redis::connection::{Connection, SLOT_MIGRATION_TIMEOUT};
use crate::redis::raw_connection::RawConnection;
use crate::redis::{reply, retry};

/// Plain commands that return numbers, and a script after them. The reply of a plain command does not
/// tell to which request it belongs; that of the script does, since it names its key. So a client that
/// has lost a reply uses none of the numbers.
pub(crate) struct Batch {
    pipeline: Pipeline,
    commands: usize,
    script: Request,
}

/// The number that each command has returned, `None` if it failed, and the elements of the reply of the
/// script after the first.
pub(crate) type BatchReply = (Vec<Option<i64>>, Vec<Value>);

impl Batch {
    /// Creates a batch. The commands are idempotent if the script is.
    pub(crate) fn new(commands: Vec<Cmd>, script: Request) -> Self {
        let mut pipeline = Pipeline::with_capacity(commands.len() + 1);
        let count = commands.len();
        for command in commands {
            pipeline.add_command(command);
        }
        pipeline.add_command(script.evalsha().clone());
        Self {
            pipeline,
            commands: count,
            script,
        }
    }

    /// Sends the batch. Sends the source of the script if the server has not cached it.
    async fn run(&self, raw: &mut RawConnection) -> Result<(Vec<Value>, Value), RedisError> {
        let replies = raw.req_packed_commands(&self.pipeline, 0, self.commands + 1);
        let mut numbers = replies.await?;
        let last = numbers.pop().unwrap_or(Value::Nil);
        let last = raw
            .or_with_source(last.extract_error(), &self.script)
            .await?;
        Ok((numbers, last))
    }

    fn parse_numbers(&self, numbers: Vec<Value>) -> Result<Vec<Option<i64>>, Failure> {
        let numbers = numbers.into_iter().map(|number| match number {
            Value::Int(number) => Ok(Some(number)),
            Value::ServerError(_) => Ok(None),
            _ => Err(classify::mismatched_reply(self.script.idempotency)),
        });
        numbers.collect()
    }
}

impl Connection {
    /// Runs a batch as [`execute`](Self::execute) runs a script. Only for callers inside of a runtime.
    pub(crate) async fn execute_batch(&self, batch: &Batch) -> Result<BatchReply, Error> {
        retry::with_retry(SLOT_MIGRATION_TIMEOUT, || self.attempt_batch(batch)).await
    }

    async fn attempt_batch(&self, batch: &Batch) -> Result<Result<BatchReply, Failure>, Error> {
        let mut guard = self.acquire().await?;
        let (numbers, reply) = match batch.run(&mut guard.raw).await {
            Ok((numbers, reply)) => (numbers, Ok(reply)),
            Err(error) => (Vec::new(), Err(error)),
        };
        let elements = reply::parse_reply(&guard.raw, &batch.script, reply);
        let result = elements.and_then(|elements| Ok((batch.parse_numbers(numbers)?, elements)));
        let epoch = guard.finish();
        Ok(result.map_err(|failure| self.handle_failure(epoch, failure)))
    }
}
