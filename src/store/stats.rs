//! Statistics of a store.

/// The statistics of one context.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct ContextStats {
    /// Number of messages, claimed, delayed or visible.
    pub messages: u64,
    /// Total size of the messages as stored, in bytes.
    pub bytes: u64,
    /// Creation time of the oldest message by its id, in Unix milliseconds.
    pub oldest: Option<u64>,
    /// Whether the server stores the context as a skip list, which takes three times the memory.
    pub is_skiplist_encoded: bool,
}

impl ContextStats {
    /// Creates the statistics of one context, for store authors.
    #[must_use]
    pub fn new(messages: u64, bytes: u64, oldest: Option<u64>) -> Self {
        Self {
            messages,
            bytes,
            oldest,
            is_skiplist_encoded: false,
        }
    }
}

/// The result of one step of [`Store::stats`](crate::store::Store::stats), or the sum of all steps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoreStats {
    /// Number of contexts with messages.
    pub contexts: u64,
    /// Number of messages, claimed, delayed or visible.
    pub messages: u64,
    /// Total size of the messages as stored, in bytes.
    pub bytes: u64,
    /// Creation time of the oldest message by its id, in Unix milliseconds.
    pub oldest: Option<u64>,
    /// Number of contexts by number of messages. The ranges begin at 1, 2, 4, 8, 16, 32 and 64.
    pub by_messages: [u64; 7],
    /// Number of contexts that the server stores as skip lists, which take three times the memory.
    pub skiplist_encoded: u64,
    /// Approximate number of keys on the server, for a progress display. In a Cluster, of one node.
    pub total_keys: u64,
    /// Cursor of the next step; `None` at the end.
    pub cursor: Option<String>,
}

impl StoreStats {
    /// Adds the statistics of one context.
    pub fn add_context(&mut self, context: &ContextStats) {
        let Some(size) = context.messages.checked_ilog2() else {
            return;
        };
        let mut one = Self {
            contexts: 1,
            messages: context.messages,
            bytes: context.bytes,
            oldest: context.oldest,
            skiplist_encoded: u64::from(context.is_skiplist_encoded),
            ..Self::default()
        };
        let last = one.by_messages.len() - 1;
        if let Some(count) = one.by_messages.get_mut((size as usize).min(last)) {
            *count = 1;
        }
        self.sum(&one);
    }

    /// Adds the result of a further step, and takes its cursor.
    pub fn add(&mut self, step: Self) {
        self.sum(&step);
        self.total_keys = self.total_keys.max(step.total_keys);
        self.cursor = step.cursor;
    }

    fn sum(&mut self, other: &Self) {
        self.contexts += other.contexts;
        self.messages += other.messages;
        self.bytes += other.bytes;
        self.oldest = earlier(self.oldest, other.oldest);
        self.skiplist_encoded += other.skiplist_encoded;
        for (count, more) in self.by_messages.iter_mut().zip(other.by_messages) {
            *count += more;
        }
    }
}

fn earlier(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// The result of one step of [`Store::sweep`](crate::store::Store::sweep), or the sum of all steps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SweepProgress {
    /// Number of contexts that were scanned.
    pub contexts: u64,
    /// Number of messages that were removed.
    pub removed: u64,
    /// Approximate number of keys on the server, for a progress display. In a Cluster, of one node.
    pub total_keys: u64,
    /// Cursor of the next step; `None` at the end.
    pub cursor: Option<String>,
}
