//! Many packets on several threads.

#![forbid(unsafe_code)]

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use crate::geometry::{Geometry, Refusal};
use crate::group::{Exponent, Ladder};
use crate::pool::{self, Work};
use crate::unwrap::{Unwrapped, unwrap_group};

/// Below this many packets for each thread, waking one (some 50 us) is not worth its help.
const MIN_PACKETS_PER_THREAD: usize = 4;

/// More threads than any node has use for.
const MAX_THREADS: usize = 64;

/// How long the caller looks for the last results before it sleeps.
const MAX_SPIN: Duration = Duration::from_micros(150);

type Results = Vec<Result<Unwrapped, Refusal>>;

/// Packets to unwrap, and what came of them so far.
///
/// They are taken in groups of the size that the ladder likes, one after another, so that a slow core holds nobody up.
pub struct Batch<P> {
    ladder: Ladder,
    keys: Zeroizing<Vec<Exponent>>,
    packets: Vec<P>,
    geometry: Geometry,
    next_group: AtomicUsize,
    done: Mutex<Vec<(usize, thread::Result<Results>)>>,
    finished: Condvar,
}

impl<P: AsRef<[u8]> + Send + Sync + 'static> Batch<P> {
    /// Takes the packets, and the private keys to try on each in turn.
    #[must_use]
    pub fn new(ladder: Ladder, keys: Zeroizing<Vec<Exponent>>, packets: Vec<P>, geometry: Geometry) -> Self {
        let (next_group, done, finished) = (AtomicUsize::new(0), Mutex::default(), Condvar::new());
        Self { ladder, keys, packets, geometry, next_group, done, finished }
    }

    /// Unwraps every packet on up to `threads` threads, of which the calling one is the first; results are in order.
    #[must_use]
    pub fn unwrap(self, threads: usize) -> Results {
        let helpers = self.helper_count(threads);
        if helpers == 0 {
            return self.packets.chunks(self.ladder.group_size()).flat_map(|group| self.unwrap_group(group)).collect();
        }
        let batch = Arc::new(self);
        let work: Arc<dyn Work> = batch.clone();
        pool::invite(&work, helpers);
        batch.help();
        pool::withdraw(&work);
        batch.wait()
    }

    fn helper_count(&self, threads: usize) -> usize {
        let worth_it = self.packets.len() / MIN_PACKETS_PER_THREAD;
        threads.min(MAX_THREADS).min(self.group_count()).min(worth_it).saturating_sub(1)
    }

    fn group_count(&self) -> usize {
        self.packets.len().div_ceil(self.ladder.group_size())
    }

    fn unwrap_group(&self, packets: &[P]) -> Results {
        unwrap_group(self.ladder, &self.keys, packets, self.geometry)
    }

    fn take_group(&self) -> Option<(usize, &[P])> {
        let index = self.next_group.fetch_add(1, Ordering::Relaxed);
        self.packets.chunks(self.ladder.group_size()).nth(index).map(|group| (index, group))
    }

    fn done(&self) -> MutexGuard<'_, Vec<(usize, thread::Result<Results>)>> {
        self.done.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the groups that helpers have begun. A panic of theirs goes on here.
    ///
    /// A group takes some 130 us, being woken some 50 us: so it first looks for about as long as a group takes.
    fn wait(&self) -> Results {
        let unfinished = |done: &mut Vec<_>| done.len() < self.group_count();
        let since = Instant::now();
        while unfinished(&mut self.done()) && since.elapsed() < MAX_SPIN {
            std::hint::spin_loop();
        }
        let waited = self.finished.wait_while(self.done(), unfinished);
        let mut done = std::mem::take(&mut *waited.unwrap_or_else(PoisonError::into_inner));
        done.sort_unstable_by_key(|(index, _)| *index);
        done.into_iter().flat_map(|(_, results)| results.unwrap_or_else(|panic| resume_unwind(panic))).collect()
    }
}

impl<P: AsRef<[u8]> + Send + Sync + 'static> Work for Batch<P> {
    fn help(&self) {
        while let Some((index, group)) = self.take_group() {
            let results = catch_unwind(AssertUnwindSafe(|| self.unwrap_group(group)));
            self.done().push((index, results));
            self.finished.notify_one();
        }
    }
}
