//! Threads that stay and help with work that others have begun.
//!
//! Nobody ever waits for a helper to start: whoever begins a piece of work does it all alone if none comes. So it does
//! no harm when the system gives no thread, or after a fork, where only the forking thread lives on.

#![forbid(unsafe_code)]

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

/// Work that several threads can do together; each returns when nothing is left to begin.
pub(crate) trait Work: Send + Sync {
    /// Does a part, until nothing is left to begin. Must not panic.
    fn help(&self);
}

struct Pool {
    queue: Mutex<Queue>,
    ready: Condvar,
}

struct Queue {
    invitations: VecDeque<Arc<dyn Work>>,
    threads: usize,
    process: u32,
}

static POOL: Pool =
    Pool { queue: Mutex::new(Queue { invitations: VecDeque::new(), threads: 0, process: 0 }), ready: Condvar::new() };

/// Asks `helpers` threads to help with `work`, starting them if there are too few.
pub(crate) fn invite(work: &Arc<dyn Work>, helpers: usize) {
    let mut queue = POOL.lock();
    if queue.process != std::process::id() {
        *queue = Queue { invitations: VecDeque::new(), threads: 0, process: std::process::id() };
    }
    while queue.threads < helpers && start_thread() {
        queue.threads += 1;
    }
    queue.invitations.extend(std::iter::repeat_n(work, helpers).map(Arc::clone));
    drop(queue);
    (0..helpers).for_each(|_| POOL.ready.notify_one());
}

/// Takes back the invitations to `work` that nobody has followed.
pub(crate) fn withdraw(work: &Arc<dyn Work>) {
    POOL.lock().invitations.retain(|invited| !Arc::ptr_eq(invited, work));
}

fn start_thread() -> bool {
    thread::Builder::new().name("loopixmix-unwrap".to_owned()).spawn(|| POOL.help_forever()).is_ok()
}

impl Pool {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn help_forever(&self) -> ! {
        loop {
            self.next().help();
        }
    }

    fn next(&self) -> Arc<dyn Work> {
        let mut queue = self.lock();
        loop {
            if let Some(work) = queue.invitations.pop_front() {
                return work;
            }
            queue = self.ready.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }
}
