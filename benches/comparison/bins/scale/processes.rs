//! What an add costs Redis as more processes listen to it.

use std::sync::Arc;
use std::time::Duration;

use comparison::Outcome;
use comparison::compare;
use comparison::fixture::{Setting, micros_each};
use comparison::handle::Wish;
use comparison::load::{self, Plan};
use comparison::site::Site;
use comparison::statistics::Figures;
use comparison::visitors::Person;

const PROCESSES: [usize; 6] = [0, 1, 2, 4, 8, 16];
const PEOPLE: usize = 20_000;
/// How long a visitor stays at each site, so that it has every connection that it will have.
const VISIT: Duration = Duration::from_millis(50);

/// Prints microseconds of the server for each add of one process, while others serve the same Redis.
pub(crate) fn grow() -> Outcome {
    println!(
        "\nProcesses on one Redis: microseconds of Redis for an add, and adds per second of one more process"
    );
    let (mut setting, mut sites) = (Setting::new()?, Vec::new());
    let people: Outcome<Arc<[Person]>> = (0..PEOPLE).map(Person::nth).collect();
    let people = people?;
    for processes in PROCESSES {
        while sites.len() < processes {
            let site = Site::start("salver", &setting.server.url())?;
            load::ask(&site, Plan::Idle, 1, VISIT)?;
            sites.push(site);
        }
        let (mut costs, mut rates) = (Vec::new(), Vec::new());
        for _ in 0..compare::rounds()? {
            setting.server.empty()?;
            let (took, spent) = setting.time(&people, Wish::Add)?;
            costs.push(micros_each(spent.busy, PEOPLE));
            rates.push(PEOPLE as f64 / took.as_secs_f64());
        }
        println!(
            "{processes:<10} {:<24} {:.0}",
            format!("{:.1}", Figures::of(costs)),
            Figures::of(rates)
        );
    }
    Ok(())
}
