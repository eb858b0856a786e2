//! Work on long columns in chunks, which threads take one after another, so that a slow core holds nobody up.

#![forbid(unsafe_code)]

use std::ops::Range;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// Below this much work for each, starting a thread (some 30 us) is not worth its help.
const MIN_WORK_PER_THREAD: Duration = Duration::from_micros(200);

/// Entries of a chunk: enough to share an inversion, few enough to stay in the cache of one core.
const MAX_CHUNK: usize = 1024;
const MIN_CHUNK: usize = 64;

/// More threads than any machine has use for here.
const MAX_THREADS: usize = 256;

/// About how long one entry takes, in nanoseconds. It decides how many threads are started, no more.
#[derive(Clone, Copy, Debug)]
pub struct Nanoseconds(pub u64);

impl Nanoseconds {
    /// Returns how many threads `entries` are worth.
    fn threads_for(self, entries: usize) -> usize {
        let work = u128::from(self.0) * entries as u128;
        let worth = usize::try_from(work / MIN_WORK_PER_THREAD.as_nanos()).unwrap_or(usize::MAX);
        if worth < 2 { 1 } else { worth.min(processors()) }
    }
}

/// Returns how many threads can run at once.
#[must_use]
pub fn processors() -> usize {
    thread::available_parallelism().map_or(1, |count| count.get().min(MAX_THREADS))
}

/// Fills `out`: `fill` gets the index of the first entry of each chunk, and the chunk.
pub fn fill<T: Send>(out: &mut [T], each: Nanoseconds, fill: impl Fn(usize, &mut [T]) + Sync) {
    let threads = each.threads_for(out.len());
    let size = chunk_size(out.len(), threads);
    let queue = Mutex::new(out.chunks_mut(size).enumerate());
    on_threads(threads, || {
        while let Some((index, chunk)) = next(&queue) {
            fill(index * size, chunk);
        }
    });
}

/// Returns what `work` makes of each chunk of `0..entries`, in order.
pub fn map<R: Send>(entries: usize, each: Nanoseconds, work: impl Fn(Range<usize>) -> R + Sync) -> Vec<R> {
    let threads = each.threads_for(entries);
    let size = chunk_size(entries, threads);
    let chunks = (0..entries).step_by(size).map(|begin| begin..entries.min(begin + size));
    map_pieces(chunks.collect(), threads, work)
}

/// Returns what `work` makes of each piece, in order.
pub fn map_pieces<P: Send, R: Send>(pieces: Vec<P>, threads: usize, work: impl Fn(P) -> R + Sync) -> Vec<R> {
    let mut results: Vec<Option<R>> = pieces.iter().map(|_| None).collect();
    let queue = Mutex::new(pieces.into_iter().zip(&mut results));
    on_threads(threads, || {
        while let Some((piece, result)) = next(&queue) {
            *result = Some(work(piece));
        }
    });
    results.into_iter().flatten().collect()
}

fn chunk_size(entries: usize, threads: usize) -> usize {
    (entries / (8 * threads)).clamp(MIN_CHUNK, MAX_CHUNK)
}

fn next<I: Iterator>(queue: &Mutex<I>) -> Option<I::Item> {
    queue.lock().unwrap_or_else(PoisonError::into_inner).next()
}

/// Runs `work` on the calling thread and on others. If the system gives fewer, those that there are do it all.
fn on_threads(threads: usize, work: impl Fn() + Sync) {
    thread::scope(|scope| {
        for _ in 1..threads {
            if thread::Builder::new().name("loopixmix-group".to_owned()).spawn_scoped(scope, &work).is_err() {
                break;
            }
        }
        work();
    });
}
