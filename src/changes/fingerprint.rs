//! Fingerprints: fixed-size hashes that identify contexts in the pending index.

use std::hash::{BuildHasher, Hash, Hasher, RandomState};

use siphasher::sip128::{Hasher128, SipHasher13};

use crate::Context;
#[cfg(feature = "web")]
use crate::{SessionId, View, context};

/// A keyed 128-bit hash of a context's key.
///
/// Its size does not depend on the length of the key. The hash key is secret, so a client cannot
/// construct two contexts with the same fingerprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fingerprint([u32; 4]);

impl Fingerprint {
    fn new(hasher: &SipHasher13) -> Self {
        let hash = hasher.finish128().as_u128();
        let word = |n: u32| (hash >> (32 * n)) as u32;
        Self([word(0), word(1), word(2), word(3)])
    }

    /// Returns a number below `shards`, the same for equal fingerprints.
    pub(crate) fn shard_index(self, shards: usize) -> usize {
        let [.., last] = self.0;
        last as usize % shards
    }
}

impl Hash for Fingerprint {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let [first, second, ..] = self.0;
        state.write_u64(u64::from(first) << 32 | u64::from(second));
    }
}

/// A hasher that returns the number it is given: a fingerprint is a hash already.
#[derive(Default)]
pub(crate) struct IdentityHasher(u64);

impl Hasher for IdentityHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0 << 8 | u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

/// Computes fingerprints with its own secret hash key.
pub(crate) struct Fingerprinter(SipHasher13);

impl Fingerprinter {
    pub(crate) fn new() -> Self {
        // The standard library seeds `RandomState` with random keys.
        let random = RandomState::new();
        let secret = (random.hash_one(0_u8), random.hash_one(1_u8));
        Self(SipHasher13::new_with_keys(secret.0, secret.1))
    }

    /// Returns the fingerprint of a key.
    pub(crate) fn fingerprint_key(&self, key: &[u8]) -> Fingerprint {
        let mut hasher = self.0;
        hasher.write(key);
        Fingerprint::new(&hasher)
    }

    /// Returns the fingerprint of the key of a context. Builds no key string.
    pub(crate) fn fingerprint(&self, context: &Context) -> Fingerprint {
        let mut hasher = self.0;
        context.write_key(|part| hasher.write(part.as_bytes()));
        Fingerprint::new(&hasher)
    }

    #[cfg(feature = "redis")]
    pub(crate) fn fingerprint_all(&self, contexts: &[Context]) -> Vec<Fingerprint> {
        contexts
            .iter()
            .map(|context| self.fingerprint(context))
            .collect()
    }

    /// Returns a function that maps a view of a session to the fingerprint of its context. Builds
    /// no key string.
    #[cfg(feature = "web")]
    pub(crate) fn for_session(
        &self,
        app: &str,
        session: &SessionId,
    ) -> impl Fn(&View) -> Fingerprint {
        let mut session_hasher = self.0;
        context::write_session_prefix(app, session, |part| session_hasher.write(part.as_bytes()));
        move |view| {
            let mut hasher = session_hasher;
            view.write_encoded(|part| hasher.write(part.as_bytes()));
            Fingerprint::new(&hasher)
        }
    }
}
