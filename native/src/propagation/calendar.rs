//! Events in the order of their times, though they come in any order: buckets of time, each sorted when it is due.

use super::OUTSIDE;

/// Buckets ahead; events later than these wait unsorted.
const BUCKETS: usize = 4096;
/// Events of a bucket are spread over one slot for so many before they are compared with each other.
const EVENTS_PER_SLOT: usize = 2;

/// A packet leaves a node, enters one, or both at once.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Event {
    pub(super) at_s: f64,
    pub(super) left: u32,
    pub(super) entered: u32,
    pub(super) packet: u32,
}

impl Event {
    /// Departures come before arrivals of the same moment; whatever else is equal stays in the order it came.
    #[inline(always)]
    fn is_before(&self, other: &Self) -> bool {
        self.at_s < other.at_s || (self.at_s <= other.at_s && self.left != OUTSIDE && other.left == OUTSIDE)
    }
}

/// The events to come.
pub(super) struct Calendar {
    bucket_s: f64,
    /// The number of the first bucket that is not yet taken, and the ring of those from there on.
    first: i64,
    ring: Vec<Vec<Event>>,
    in_ring: usize,
    later: Vec<Event>,
    spare: Vec<Vec<Event>>,
    slots: Vec<u32>,
}

impl Calendar {
    pub(super) fn new(bucket_s: f64) -> Self {
        Self {
            bucket_s,
            first: i64::MIN,
            ring: (0..BUCKETS).map(|_| Vec::new()).collect(),
            in_ring: 0,
            later: Vec::new(),
            spare: Vec::new(),
            slots: Vec::new(),
        }
    }

    #[allow(clippy::cast_possible_truncation)]
    fn bucket_of(&self, at_s: f64) -> i64 {
        (at_s / self.bucket_s).floor() as i64
    }

    #[inline(always)]
    #[allow(clippy::cast_sign_loss)]
    pub(super) fn add(&mut self, event: Event) {
        let ahead = self.bucket_of(event.at_s).wrapping_sub(self.first) as u64;
        if self.first != i64::MIN && ahead < BUCKETS as u64 {
            self.put(self.bucket_of(event.at_s), event);
        } else {
            self.later.push(event);
        }
    }

    #[inline(always)]
    #[allow(clippy::cast_sign_loss, clippy::cast_possible_truncation)]
    fn put(&mut self, bucket: i64, event: Event) {
        let list = &mut self.ring[bucket as u64 as usize % BUCKETS];
        if list.capacity() == 0 {
            *list = self.spare.pop().unwrap_or_default();
        }
        list.push(event);
        self.in_ring += 1;
    }

    /// Returns the next whole bucket before `until_s`, in order; None where there is none any more.
    #[allow(clippy::cast_sign_loss, clippy::cast_possible_truncation)]
    pub(super) fn take(&mut self, until_s: f64) -> Option<Vec<Event>> {
        let end = self.bucket_of(until_s);
        loop {
            if self.in_ring == 0 {
                self.jump(end)?;
            }
            if self.first >= end {
                return None;
            }
            let bucket = self.first;
            self.first += 1;
            let events = std::mem::take(&mut self.ring[bucket as u64 as usize % BUCKETS]);
            if bucket as u64 as usize % BUCKETS == 0 {
                self.draw_near();
            }
            if !events.is_empty() {
                self.in_ring -= events.len();
                return Some(self.sort(bucket, events));
            }
        }
    }

    pub(super) fn give_back(&mut self, mut events: Vec<Event>) {
        events.clear();
        self.spare.push(events);
    }

    /// With nothing in the ring, goes on where the next event is; None where that is not before `end`.
    fn jump(&mut self, end: i64) -> Option<()> {
        let next = self.later.iter().map(|event| self.bucket_of(event.at_s)).min();
        match next {
            Some(next) if next < end => {
                self.first = next;
                self.draw_near();
                Some(())
            }
            _ => None,
        }
    }

    /// Puts what is no longer far away into the ring, in the order it came.
    #[allow(clippy::cast_sign_loss)]
    fn draw_near(&mut self) {
        for event in std::mem::take(&mut self.later) {
            self.add(event);
        }
    }

    /// Sorts one bucket: spreads the events by time, which makes nearly an order, and then moves them by insertion.
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    fn sort(&mut self, bucket: i64, events: Vec<Event>) -> Vec<Event> {
        let count = events.len() / EVENTS_PER_SLOT + 1;
        let start_s = bucket as f64 * self.bucket_s;
        let scale = count as f64 / self.bucket_s;
        // A conversion from floating point cuts at the limits, so that rounding at the edges does no harm.
        let slot_of = |event: &Event| (((event.at_s - start_s) * scale) as usize).min(count - 1);
        self.slots.clear();
        self.slots.resize(count + 1, 0);
        for event in &events {
            self.slots[slot_of(event) + 1] += 1;
        }
        for slot in 0..count {
            self.slots[slot + 1] += self.slots[slot];
        }
        let mut sorted = self.spare.pop().unwrap_or_default();
        sorted.resize(events.len(), Event { at_s: 0.0, left: 0, entered: 0, packet: 0 });
        for event in &events {
            let place = &mut self.slots[slot_of(event)];
            sorted[*place as usize] = *event;
            *place += 1;
        }
        self.give_back(events);
        for index in 1..sorted.len() {
            let event = sorted[index];
            let mut place = index;
            while place > 0 && event.is_before(&sorted[place - 1]) {
                sorted[place] = sorted[place - 1];
                place -= 1;
            }
            sorted[place] = event;
        }
        sorted
    }
}
