//! Runs both stores and the model with a shared clock.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use redis::Connection;
use salver::Context;
use salver::store::{MemoryStore, RedisStore, Store};
use tokio::runtime::{Builder, Runtime};

use super::call::PUT_TTL;
use super::generator::Generator;
use super::reference::Model;
use super::steps::Step;
use super::store_under_test::StoreUnderTest;
use crate::support::redis::Server;
use crate::support::test_clock::TestClock;

/// Shared by all runs: starting a server takes longer than a run.
pub struct Harness {
    runtime: Runtime,
    clock: TestClock,
    redis: Arc<dyn Store>,
    connection: Rc<RefCell<Connection>>,
    pub steps: usize,
    /// How often each outcome occurred, in all runs.
    pub counts: BTreeMap<&'static str, u64>,
    _server: Server,
}

impl Harness {
    pub fn new() -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let clock = runtime.block_on(TestClock::new());
        let server = Server::start_at(&clock.path);
        Self {
            runtime,
            clock,
            redis: Arc::new(RedisStore::new(&server.url()).unwrap()).for_current_runtime(),
            connection: Rc::new(RefCell::new(server.connect())),
            steps: 0,
            counts: BTreeMap::new(),
            _server: server,
        }
    }

    /// Executes one run on empty stores. Returns the first difference as an error.
    pub fn run(&mut self, steps: &[Step]) -> Result<(), String> {
        self.reset();
        let (mut generator, mut model) = (Generator::default(), Model::default());
        let (mut memory, mut redis) = (self.memory(), self.redis());
        for Step {
            delay_ms,
            operation,
        } in steps
        {
            self.clock.advance(*delay_ms);
            let now = self.clock.now();
            model.advance_to(now);
            let Some(call) = generator.call(now, operation, &model) else {
                continue;
            };
            let expected = model.execute(&call);
            let both = async {
                let in_memory = memory.execute(now, &call).await;
                (in_memory, redis.execute(now, &call).await)
            };
            let (in_memory, in_redis) = self.runtime.block_on(both);
            if expected != in_memory || expected != in_redis {
                return Err(format!(
                    "{call:?}\nmodel  {expected:?}\nmemory {in_memory:?}\nRedis  {in_redis:?}"
                ));
            }
        }
        self.steps += steps.len();
        for (outcome, times) in model.counts {
            *self.counts.entry(outcome).or_default() += times;
        }
        Ok(())
    }

    fn reset(&self) {
        let connection = &mut *self.connection.borrow_mut();
        redis::cmd("FLUSHALL").exec(connection).unwrap();
        let server: (u64, u64) = redis::cmd("TIME").query(connection).unwrap();
        let server = server.0 * 1000 + server.1 / 1000;
        assert_eq!(
            server,
            self.clock.now(),
            "the server does not use the shared clock"
        );
    }

    fn memory(&self) -> StoreUnderTest {
        let store = Arc::new(MemoryStore::with_clock(self.clock.clock.clone()));
        let inner = Arc::clone(&store);
        let put = move |context: &Context, member: &str, _| inner.put_member(context, member);
        StoreUnderTest::new(store, Box::new(put))
    }

    fn redis(&self) -> StoreUnderTest {
        let connection = Rc::clone(&self.connection);
        let put = move |context: &Context, member: &str, now| {
            let session_index = format!("app!session:{{{}}}", context.session().as_str());
            let mut put = redis::pipe();
            let key = context.key();
            put.cmd("ZADD").arg(&key).arg("NX").arg(now).arg(member);
            // The session index needs the same TTL: in the memory store every context is part of
            // it.
            for key in [key, session_index] {
                let ttl = PUT_TTL - 1;
                put.cmd("PEXPIRE").arg(key).arg(ttl).arg("GT");
            }
            put.exec(&mut connection.borrow_mut()).unwrap();
        };
        StoreUnderTest::new(Arc::clone(&self.redis), Box::new(put))
    }
}
