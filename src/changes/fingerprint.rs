//! What a context is known by where nobody needs to read it.

use std::hash::{BuildHasher, Hash, Hasher, RandomState};

use siphasher::sip128::{Hasher128, SipHasher13};

use crate::Context;
#[cfg(feature = "web")]
use crate::{SessionId, View, context};

/// 128 bits of the keyed hash of a context's key: it takes the same room however long the key is, and nobody
/// outside can make two contexts share one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fingerprint([u32; 4]);

impl Fingerprint {
    fn new(hasher: &SipHasher13) -> Self {
        let hash = hasher.finish128().as_u128();
        let word = |n: u32| (hash >> (32 * n)) as u32;
        Self([word(0), word(1), word(2), word(3)])
    }

    /// Gives a number below `parts`, the same for equal marks.
    pub(crate) fn shard_index(self, parts: usize) -> usize {
        let [.., last] = self.0;
        last as usize % parts
    }
}

impl Hash for Fingerprint {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let [first, second, ..] = self.0;
        state.write_u64(u64::from(first) << 32 | u64::from(second));
    }
}

/// Takes a mark for the hash that it is.
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

/// Makes marks, by a secret of its own.
pub(crate) struct Fingerprinter(SipHasher13);

impl Fingerprinter {
    pub(crate) fn new() -> Self {
        // The standard library's hasher is seeded by chance.
        let chance = RandomState::new();
        let secret = (chance.hash_one(0_u8), chance.hash_one(1_u8));
        Self(SipHasher13::new_with_keys(secret.0, secret.1))
    }

    pub(crate) fn fingerprint(&self, context: &Context) -> Fingerprint {
        let mut hasher = self.0;
        context.write_key(|part| hasher.write(part.as_bytes()));
        Fingerprint::new(&hasher)
    }

    pub(crate) fn fingerprint_all(&self, contexts: &[Context]) -> Vec<Fingerprint> {
        contexts.iter().map(|one| self.fingerprint(one)).collect()
    }

    /// Marks a context by its key, as [`Context::key`] spells it.
    #[cfg(feature = "redis")]
    pub(crate) fn fingerprint_key(&self, key: &[u8]) -> Fingerprint {
        let mut hasher = self.0;
        hasher.write(key);
        Fingerprint::new(&hasher)
    }

    /// Marks views of a session, without putting a key together.
    #[cfg(feature = "web")]
    pub(crate) fn for_session(
        &self,
        app: &str,
        session: &SessionId,
    ) -> impl Fn(&View) -> Fingerprint {
        let mut of_session = self.0;
        context::write_session_prefix(app, session, |part| of_session.write(part.as_bytes()));
        move |view| {
            let mut hasher = of_session;
            view.write_encoded(|part| hasher.write(part.as_bytes()));
            Fingerprint::new(&hasher)
        }
    }
}
