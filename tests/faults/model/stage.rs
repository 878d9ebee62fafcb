//! Where a run is played: both stores and the model, in one time.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use redis::Connection;
use salver::Context;
use salver::store::{MemoryStore, RedisStore, Store};
use tokio::runtime::{Builder, Runtime};

use super::call::PUT_LIVES;
use super::generator::Author;
use super::pure::Model;
use super::steps::Step;
use super::subject::Subject;
use super::time::Time;
use crate::support::redis::Server;

/// One for all runs: a server takes longer to start than a run to play.
pub struct Stage {
    runtime: Runtime,
    time: Time,
    redis: Arc<dyn Store>,
    connection: Rc<RefCell<Connection>>,
    pub steps: usize,
    /// How often what happened, in all runs.
    pub counts: BTreeMap<&'static str, u64>,
    _server: Server,
}

impl Stage {
    pub fn new() -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let time = runtime.block_on(Time::new());
        let server = Server::start_at(&time.path);
        Self {
            runtime,
            time,
            redis: Arc::new(RedisStore::new(&server.url()).unwrap()).for_current_runtime(),
            connection: Rc::new(RefCell::new(server.connect())),
            steps: 0,
            counts: BTreeMap::new(),
            _server: server,
        }
    }

    /// Plays one run, from nothing; tells of the first difference.
    pub fn play(&mut self, steps: &[Step]) -> Result<(), String> {
        self.start_anew();
        let (mut author, mut model) = (Author::default(), Model::default());
        let (mut memory, mut redis) = (self.memory(), self.redis());
        for Step { pass, deed } in steps {
            self.time.pass(*pass);
            let now = self.time.now();
            model.pass_to(now);
            let Some(call) = author.call(now, deed, &model) else {
                continue;
            };
            let expected = model.answer(&call);
            let both = async {
                let in_memory = memory.answer(now, &call).await;
                (in_memory, redis.answer(now, &call).await)
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

    fn start_anew(&self) {
        let connection = &mut *self.connection.borrow_mut();
        redis::cmd("FLUSHALL").exec(connection).unwrap();
        let server: (u64, u64) = redis::cmd("TIME").query(connection).unwrap();
        let server = server.0 * 1000 + server.1 / 1000;
        assert_eq!(server, self.time.now(), "the server has a time of its own");
    }

    fn memory(&self) -> Subject {
        let store = Arc::new(MemoryStore::with_clock(self.time.clock.clone()));
        let inner = Arc::clone(&store);
        let put = move |context: &Context, member: &str, _| inner.put_member(context, member);
        Subject::new(store, Box::new(put))
    }

    fn redis(&self) -> Subject {
        let connection = Rc::clone(&self.connection);
        let put = move |context: &Context, member: &str, now| {
            let book = format!("app!session:{{{}}}", context.session().as_str());
            let mut put = redis::pipe();
            let key = context.key();
            put.cmd("ZADD").arg(&key).arg("NX").arg(now).arg(member);
            // The book has to live as long: in memory no context is without it.
            for key in [key, book] {
                let lives = PUT_LIVES - 1;
                put.cmd("PEXPIRE").arg(key).arg(lives).arg("GT");
            }
            put.exec(&mut connection.borrow_mut()).unwrap();
        };
        Subject::new(Arc::clone(&self.redis), Box::new(put))
    }
}
