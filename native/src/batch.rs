//! Many packets on several threads.

#![forbid(unsafe_code)]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::geometry::{Geometry, Refusal};
use crate::group::{Exponent, Ladder};
use crate::unwrap::{Unwrapped, unwrap};

/// Below this many packets for each thread, starting one (some 20 us) is not worth its help.
const MIN_PACKETS_PER_THREAD: usize = 4;

/// More threads than any node has use for.
const MAX_THREADS: usize = 64;

/// Unwraps every packet, in order, on up to `threads` threads, of which the calling one is the first.
///
/// Threads take one packet after another, so a slow core holds nobody up. Where the system gives no thread, those
/// there are do the work.
pub fn unwrap_many<P>(
    ladder: Ladder,
    keys: &[Exponent],
    packets: &[P],
    geometry: Geometry,
    threads: usize,
) -> Vec<Result<Unwrapped, Refusal>>
where
    P: AsRef<[u8]> + Sync,
{
    let one = |packet: &P| unwrap(ladder, keys, packet.as_ref(), geometry);
    let helpers = helper_count(packets.len(), threads);
    if helpers == 0 {
        return packets.iter().map(one).collect();
    }
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::with_capacity(packets.len() / helpers);
        while let Some((index, packet)) = take(&next, packets) {
            done.push((index, one(packet)));
        }
        done
    };
    let mut done = thread::scope(|scope| {
        let spawn = |_| thread::Builder::new().spawn_scoped(scope, work).ok();
        let handles: Vec<_> = (0..helpers).map_while(spawn).collect();
        let mut done = work();
        for handle in handles {
            // A panic of a helper goes on in the caller.
            done.extend(handle.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        done
    });
    done.sort_unstable_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, result)| result).collect()
}

fn take<'a, P>(next: &AtomicUsize, packets: &'a [P]) -> Option<(usize, &'a P)> {
    let index = next.fetch_add(1, Ordering::Relaxed);
    packets.get(index).map(|packet| (index, packet))
}

fn helper_count(packets: usize, threads: usize) -> usize {
    threads.min(MAX_THREADS).min(packets / MIN_PACKETS_PER_THREAD).saturating_sub(1)
}
