//! What is in a store, counted.

/// What one context has.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct ContextStats {
    /// How many messages, leased, scheduled or visible.
    pub messages: u64,
    /// How long they are together, as they are stored.
    pub bytes: u64,
    /// When the oldest was made, in Unix milliseconds by its id.
    pub oldest: Option<u64>,
    /// Whether the server keeps them in a form that is three times as large.
    pub is_skiplist_encoded: bool,
}

impl ContextStats {
    /// For store authors.
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

/// What a step of a survey counted, or all of them together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoreStats {
    /// How many contexts have messages.
    pub contexts: u64,
    /// How many messages, leased, scheduled or visible.
    pub messages: u64,
    /// How long they are together, as they are stored.
    pub bytes: u64,
    /// When the oldest was made, in Unix milliseconds by its id.
    pub oldest: Option<u64>,
    /// How many contexts have from 1, 2, 4, 8, 16, 32, 64 messages on, and fewer than the next of these.
    pub by_messages: [u64; 7],
    /// How many contexts the server keeps in a form that is three times as large.
    pub skiplist_encoded: u64,
    /// How many keys the server has, about: how far this is from the end. In a Cluster, of one node.
    pub total_keys: u64,
    /// Where the next step goes on; none at the end.
    pub cursor: Option<String>,
}

impl StoreStats {
    /// Notes one context.
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

    /// Notes what a further step counted, and where it stands.
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

/// What a step of a sweep did, or all of them together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SweepProgress {
    /// How many contexts were looked through.
    pub contexts: u64,
    /// How many messages were dropped.
    pub removed: u64,
    /// How many keys the server has, about: how far this is from the end. In a Cluster, of one node.
    pub total_keys: u64,
    /// Where the next step goes on; none at the end.
    pub cursor: Option<String>,
}
