//! The elements of a reply, parsed into Rust types.

use ::redis::{FromRedisValue, Value, from_redis_value};

use crate::Error;

/// Parses one element of a reply.
pub(crate) fn parse<T: FromRedisValue>(value: Value) -> Result<T, Error> {
    from_redis_value(value).map_err(|_| Error::unreadable("a Redis reply"))
}

/// The elements of a reply, parsed in order. A missing element is parsed as nil, which most types
/// reject as unreadable.
pub(crate) struct Parts(std::vec::IntoIter<Value>);

impl Parts {
    pub(crate) fn new(elements: Vec<Value>) -> Self {
        Self(elements.into_iter())
    }

    pub(crate) fn next<T: FromRedisValue>(&mut self) -> Result<T, Error> {
        parse(self.0.next().unwrap_or(Value::Nil))
    }

    /// Returns how many elements are not parsed yet.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns the elements that are not parsed yet.
    pub(crate) fn rest(self) -> std::vec::IntoIter<Value> {
        self.0
    }
}
