//! The translation key of a message, by which a translator finds its text.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::Error;
use crate::message::data::depth;
use crate::message::limits::{MAX_DATA_BYTES, MAX_DATA_DEPTH, MAX_KEY_BYTES};
use crate::validate::{too_long, validate_line};

/// The key of a text in the translations of the site, and its arguments.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct TranslationKey {
    pub(crate) key: String,
    pub(crate) args: Map<String, Value>,
    /// Whether an argument could not be serialised. Validation reports it.
    failed: bool,
}

impl TranslationKey {
    pub(crate) fn new(key: String, args: Map<String, Value>) -> Self {
        Self {
            key,
            args,
            failed: false,
        }
    }

    /// Sets an argument. Keeps a failure for [`validate`](Self::validate), so that building never
    /// fails.
    pub(crate) fn arg(&mut self, name: String, value: impl Serialize) {
        match serde_json::to_value(value) {
            Ok(value) => drop(self.args.insert(name, value)),
            Err(_) => self.failed = true,
        }
    }

    pub(crate) fn validate(&self) -> Result<(), Error> {
        validate_line("key", &self.key, MAX_KEY_BYTES)?;
        if self.failed {
            return Err(Error::invalid("args", "cannot be written as JSON"));
        }
        let mut size = 0;
        for (name, value) in &self.args {
            validate_line("args", name, MAX_KEY_BYTES)?;
            if depth(value) >= MAX_DATA_DEPTH {
                let problem = format!("are nested more than {MAX_DATA_DEPTH} deep");
                return Err(Error::invalid("args", problem));
            }
            size += name.len() + value.to_string().len();
        }
        match size > MAX_DATA_BYTES {
            true => Err(too_long("args", MAX_DATA_BYTES)),
            false => Ok(()),
        }
    }
}
