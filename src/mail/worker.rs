//! What a worker needs to send mails.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::jobs::Worker;
use crate::mail::handler::MailHandler;
use crate::mail::mailer::Mailer;
use crate::mail::planner::Planner;

impl Worker {
    /// Mails notifications. Needs [`SalverBuilder::site`](crate::SalverBuilder::site), for the links, and
    /// [`profiles`](Self::profiles) for the addresses of users.
    ///
    /// - A user is mailed by the cadence of the kind: what they have [set](crate::Inbox::set_mail), else the
    ///   [default](crate::SalverBuilder::default_cadence). A mail has what is unread when it is sent.
    /// - A recipient that is an [address](crate::Recipient::email) gets a mail for each notification at once.
    ///   What was mailed leaves the inbox: an address has no page.
    ///
    /// A mail is sent at least once: if the worker is killed between the acceptance of the mail server and the
    /// record of it, the mail is sent again, with the same `Message-ID`.
    #[must_use]
    pub fn mail(self, mailer: Mailer) -> Self {
        let (salver, profiles) = (self.salver().clone(), self.extensions().get());
        let planner = Arc::new(Planner {
            salver: salver.clone(),
            profiles,
        });
        let handler = Arc::new(MailHandler {
            salver,
            mailer,
            planner: Arc::clone(&planner),
            has_begun: AtomicBool::new(false),
        });
        self.handler(handler).handler(planner)
    }
}
