//! Events in the order of their times, though they come in any order: wide buckets, split and sorted when they are due.
//!
//! An event is written to one of few wide buckets at first, so that what is written to at a time fits in a cache, and
//! copied to one of few narrow buckets when the wide one is due.

use std::collections::VecDeque;

use super::OUTSIDE;

/// Wide buckets ahead; events later than these wait unsorted.
const BUCKETS: usize = 1024;
/// Buckets grow by so many events.
const BLOCK_EVENTS: usize = 512;
/// A wide bucket is split into narrow ones of about so many events, which fit in a cache.
const NARROW_EVENTS: usize = 16_384;
/// Events of a narrow bucket are spread over one slot for so many before they are compared with each other.
const SLOT_EVENTS: usize = 2;

/// A packet leaves a node, enters one, or both at once.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
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

#[derive(Default)]
struct Bucket {
    full: Vec<Vec<Event>>,
    last: Vec<Event>,
}

/// The events to come.
pub(super) struct Calendar {
    buckets_per_s: f64,
    /// The number of the first bucket that is not yet taken, and the ring of those from there on.
    first: i64,
    ring: Vec<Bucket>,
    in_ring: usize,
    later: Vec<Event>,
    /// What was the latest wide bucket, split and not yet taken.
    narrow: VecDeque<Vec<Event>>,
    spare_blocks: Vec<Vec<Event>>,
    spare_narrow: Vec<Vec<Event>>,
    slots: Vec<u32>,
}

impl Calendar {
    pub(super) fn new(bucket_s: f64) -> Self {
        Self {
            buckets_per_s: 1.0 / bucket_s,
            first: i64::MIN,
            ring: (0..BUCKETS).map(|_| Bucket::default()).collect(),
            in_ring: 0,
            later: Vec::new(),
            narrow: VecDeque::new(),
            spare_blocks: Vec::new(),
            spare_narrow: Vec::new(),
            slots: Vec::new(),
        }
    }

    /// The number of a bucket: it never falls where the time rises, which is all that is needed of it.
    #[inline(always)]
    #[allow(clippy::cast_possible_truncation)]
    fn bucket_of(&self, at_s: f64) -> i64 {
        (at_s * self.buckets_per_s) as i64
    }

    #[inline(always)]
    #[allow(clippy::cast_sign_loss, clippy::cast_possible_truncation)]
    pub(super) fn add(&mut self, event: Event) {
        let number = self.bucket_of(event.at_s);
        if number.wrapping_sub(self.first) as u64 >= BUCKETS as u64 {
            self.later.push(event);
            return;
        }
        self.in_ring += 1;
        let bucket = &mut self.ring[number as u64 as usize % BUCKETS];
        if bucket.last.len() == bucket.last.capacity() {
            let fresh = self.spare_blocks.pop().unwrap_or_else(|| Vec::with_capacity(BLOCK_EVENTS));
            let full = std::mem::replace(&mut bucket.last, fresh);
            if !full.is_empty() {
                bucket.full.push(full);
            }
        }
        bucket.last.push(event);
    }

    /// Returns the next events in order, as far as they are of whole wide buckets before `until_s`.
    #[allow(clippy::cast_sign_loss, clippy::cast_possible_truncation)]
    pub(super) fn take(&mut self, until_s: f64) -> Option<Vec<Event>> {
        let end = self.bucket_of(until_s);
        loop {
            if let Some(events) = self.narrow.pop_front() {
                return Some(self.sort(events));
            }
            if self.in_ring == 0 {
                self.jump(end)?;
            }
            if self.first >= end {
                return None;
            }
            let place = self.first as u64 as usize % BUCKETS;
            self.first += 1;
            let bucket = std::mem::take(&mut self.ring[place]);
            if place == 0 {
                self.draw_near();
            }
            self.split(bucket);
        }
    }

    pub(super) fn give_back(&mut self, mut events: Vec<Event>) {
        events.clear();
        self.spare_narrow.push(events);
    }

    /// With nothing in the ring, goes on where the next event is; None if that is not before `end`.
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
    fn draw_near(&mut self) {
        for event in std::mem::take(&mut self.later) {
            self.add(event);
        }
    }

    /// Spreads a wide bucket over narrow ones, each event in the order it came.
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    fn split(&mut self, bucket: Bucket) {
        let blocks = bucket.full.into_iter().chain([bucket.last]);
        let blocks: Vec<Vec<Event>> = blocks.filter(|block| block.capacity() > 0).collect();
        let count: usize = blocks.iter().map(Vec::len).sum();
        if count == 0 {
            return;
        }
        self.in_ring -= count;
        let parts = count.div_ceil(NARROW_EVENTS);
        let times = blocks.iter().flatten().map(|event| event.at_s);
        let (least_s, most_s) =
            times.fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), at_s| (least.min(at_s), most.max(at_s)));
        let scale = if most_s > least_s { parts as f64 / (most_s - least_s) } else { 0.0 };
        for _ in 0..parts {
            self.narrow.push_back(self.spare_narrow.pop().unwrap_or_default());
        }
        let narrow = self.narrow.make_contiguous();
        for mut block in blocks {
            for event in &block {
                narrow[(((event.at_s - least_s) * scale) as usize).min(parts - 1)].push(*event);
            }
            block.clear();
            self.spare_blocks.push(block);
        }
    }

    /// Sorts a narrow bucket: spreads the events by time, which makes nearly an order, and then moves them by insertion.
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    fn sort(&mut self, events: Vec<Event>) -> Vec<Event> {
        let count = events.len() / SLOT_EVENTS + 1;
        let (least_s, most_s) = events.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), event| {
            (least.min(event.at_s), most.max(event.at_s))
        });
        let scale = if most_s > least_s { count as f64 / (most_s - least_s) } else { 0.0 };
        // A conversion from floating point cuts at the limits, so that rounding at the edges does no harm.
        let slot_of = |event: &Event| (((event.at_s - least_s) * scale) as usize).min(count - 1);
        self.slots.clear();
        self.slots.resize(count + 1, 0);
        for event in &events {
            self.slots[slot_of(event) + 1] += 1;
        }
        for slot in 0..count {
            self.slots[slot + 1] += self.slots[slot];
        }
        let mut sorted = self.spare_narrow.pop().unwrap_or_default();
        sorted.resize(events.len(), Event::default());
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
