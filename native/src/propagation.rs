//! Entropy by propagation for many targets at once, and the entropy that mixes measure themselves, as events stream by.
//!
//! The same, event by event, as `simulations/vector/recursion.py`, which says what is computed. A target's mass is one
//! lane of the row of each node, so that one departure moves all targets' shares in a few vector instructions. Events
//! come unordered, some seconds ahead of their time: [`calendar`] puts them in order.
//!
//! Sources: Danezis, "The Traffic Analysis of Continuous-Time Mixes" (PET 2004); Piotrowska et al., "The Loopix
//! Anonymity System" (USENIX Security 2017), App. A.1, eq. 5.

#![allow(unsafe_code)]
// What is compiled for wide vectors must be inlined into the function that is.
#![allow(clippy::inline_always)]
// Lazy operators are branches, which keep loops from becoming vector instructions.
#![allow(clippy::needless_bitwise_bool)]

mod calendar;
mod live;
mod logarithm;
mod rows;
#[cfg(test)]
mod tests;

use std::fmt;

use calendar::{Calendar, Event};
use live::Live;
use rows::{Brought, Rows};

/// In place of a node: the packet comes from outside or from a link.
const OUTSIDE: u32 = u32::MAX;
/// In place of a node: the packet goes on a link.
const LINK: u32 = u32::MAX - 1;
/// In place of a node: the packet's path is over.
const END: u32 = u32::MAX - 2;
/// In place of a packet's number: it needs none, as nothing about it is to be remembered between two events.
const NAMELESS: u32 = u32::MAX;

/// A target is done with when less of its mass than this is still on its way.
const SPENT: f64 = 1e-12;
/// After so many events it is looked for targets that are done with; a fixed number, so that no result depends on how
/// events are cut into pieces.
const CHECK_EVENTS: u32 = 4096;
/// Lanes come in vectors of so many.
const VECTOR: usize = 8;

/// What a caller got wrong.
#[derive(Clone, Debug, PartialEq)]
pub enum Wrong {
    /// Columns of different lengths, or none.
    Shape,
    /// A node that there is not.
    Node(i32),
    /// Indices of targets that do not rise, or that are none of a packet.
    Targets,
    /// A time that is no number, or before what is settled.
    Time(f64),
    /// A bucket that is not positive, or too many nodes.
    Setting,
}

impl fmt::Display for Wrong {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shape => write!(formatter, "each visit has one node and two times for each packet"),
            Self::Node(node) => write!(formatter, "there is no node {node}"),
            Self::Targets => write!(formatter, "targets are rising indices of packets"),
            Self::Time(at_s) => write!(formatter, "a packet came or left at {at_s} s: too early, or no time"),
            Self::Setting => write!(formatter, "bucket_s must be positive and finite, and nodes fewer than 2^31"),
        }
    }
}

impl std::error::Error for Wrong {}

/// One visit of many packets: where, from when, until when; negative nodes where the path is over.
#[derive(Clone, Copy)]
pub struct Visit<'a> {
    /// The node of each packet.
    pub nodes: &'a [i32],
    /// When each comes.
    pub enters_s: &'a [f64],
    /// When each leaves.
    pub leaves_s: &'a [f64],
}

struct Target {
    number: usize,
    arrived: f64,
    bits: f64,
}

/// The recursion. Packets are pushed ahead of their time, events are settled in order.
pub struct Propagation {
    corrupt: Vec<bool>,
    any_corrupt: bool,
    held: Vec<u32>,
    live: Live,
    /// Each node's mass of each target: a row for each node.
    pools: Vec<f64>,
    /// Masses that packets have for themselves, on links and in corrupt nodes.
    rows: Rows,
    stride: usize,
    /// Lanes in use, rounded up to whole vectors.
    width: usize,
    lanes: Vec<Option<Target>>,
    active: usize,
    /// What arrived since the last check, and its entropy: a value for each lane.
    arriving: Vec<f64>,
    arriving_bits: Vec<f64>,
    /// A row on its way from one place to another.
    carried: Vec<f64>,
    until_check: u32,
    entropies: Vec<f64>,
    calendar: Calendar,
    settled_s: f64,
    wide: bool,
}

impl Propagation {
    /// Begins without packets: which nodes are corrupt, between which times eq. 5 is averaged, and how much is put in
    /// order at a time (no result depends on it; some ten thousand events are best).
    ///
    /// # Errors
    ///
    /// [`Wrong::Setting`].
    pub fn new(corrupt: Vec<bool>, live_from_s: f64, live_until_s: f64, bucket_s: f64) -> Result<Self, Wrong> {
        if !(bucket_s > 0.0 && bucket_s.is_finite()) || corrupt.len() >= i32::MAX as usize {
            return Err(Wrong::Setting);
        }
        let nodes = corrupt.len();
        Ok(Self {
            any_corrupt: corrupt.contains(&true),
            corrupt,
            held: vec![0; nodes],
            live: Live::new(nodes, live_from_s, live_until_s),
            pools: vec![0.0; nodes * VECTOR],
            rows: Rows::new(VECTOR),
            stride: VECTOR,
            width: 0,
            lanes: Vec::new(),
            active: 0,
            arriving: vec![0.0; VECTOR],
            arriving_bits: vec![0.0; VECTOR],
            carried: vec![0.0; VECTOR],
            until_check: CHECK_EVENTS,
            entropies: Vec::new(),
            calendar: Calendar::new(bucket_s),
            settled_s: f64::NEG_INFINITY,
            wide: logarithm::is_wide(),
        })
    }

    /// Adds packets, and which of them are targets.
    ///
    /// # Errors
    ///
    /// [`Wrong`]; then nothing is added.
    pub fn push(&mut self, visits: &[Visit<'_>], targets: &[i32]) -> Result<(), Wrong> {
        self.check(visits, targets)?;
        let plain = !self.any_corrupt && is_plain(visits);
        let mut targets = targets.iter().peekable();
        for index in 0..visits[0].nodes.len() {
            let is_target = targets.next_if(|&&target| usize::try_from(target) == Ok(index)).is_some();
            let target = is_target.then(|| {
                self.entropies.push(0.0);
                self.entropies.len() - 1
            });
            if plain && target.is_none() {
                self.push_nameless(visits, index);
            } else {
                let packet = self.rows.name(target);
                self.push_named(visits, index, packet);
            }
        }
        Ok(())
    }

    fn check(&self, visits: &[Visit<'_>], targets: &[i32]) -> Result<(), Wrong> {
        let length = visits.first().ok_or(Wrong::Shape)?.nodes.len();
        let nodes = i32::try_from(self.corrupt.len()).map_err(|_| Wrong::Setting)?;
        for visit in visits {
            if [visit.nodes.len(), visit.enters_s.len(), visit.leaves_s.len()] != [length; 3] {
                return Err(Wrong::Shape);
            }
            // No early exits, so that each check is a few vector instructions for many packets.
            if !visit.nodes.iter().fold(true, |right, node| right & (*node >= -1) & (*node < nodes)) {
                let wrong = visit.nodes.iter().find(|node| !(-1..nodes).contains(*node));
                return Err(Wrong::Node(wrong.copied().unwrap_or_default()));
            }
            check_times(visit.enters_s, f64::MIN)?;
            check_times(visit.leaves_s, f64::MIN)?;
        }
        check_times(visits[0].enters_s, self.settled_s)?;
        let lengths = i32::try_from(length).map_err(|_| Wrong::Shape)?;
        if !targets.iter().all(|index| (0..lengths).contains(index))
            || targets.windows(2).any(|pair| pair[0] >= pair[1])
        {
            return Err(Wrong::Targets);
        }
        Ok(())
    }

    /// Adds a packet that goes from node to node without anything between.
    #[inline(always)]
    #[allow(clippy::cast_sign_loss)] // checked before
    fn push_nameless(&mut self, visits: &[Visit<'_>], index: usize) {
        let (mut left, mut at_s) = (OUTSIDE, visits[0].enters_s[index]);
        for visit in visits {
            let entered = visit.nodes[index] as u32;
            self.calendar.add(Event { at_s, left, entered, packet: NAMELESS });
            (left, at_s) = (entered, visit.leaves_s[index]);
        }
        self.calendar.add(Event { at_s, left, entered: END, packet: NAMELESS });
    }

    fn push_named(&mut self, visits: &[Visit<'_>], index: usize, packet: u32) {
        let mut path = visits.iter().map_while(|visit| {
            let node = u32::try_from(visit.nodes[index]).ok()?;
            Some((node, visit.enters_s[index], visit.leaves_s[index]))
        });
        let Some((first, enter_s, leave_s)) = path.next() else {
            self.rows.forget(packet);
            return;
        };
        self.calendar.add(Event { at_s: enter_s, left: OUTSIDE, entered: first, packet });
        let (mut holder, mut left_s) = (first, leave_s.max(just_after(enter_s)));
        for (node, enter_s, leave_s) in path {
            let mut came_s = left_s;
            if enter_s <= left_s {
                self.calendar.add(Event { at_s: left_s, left: holder, entered: node, packet });
            } else {
                self.calendar.add(Event { at_s: left_s, left: holder, entered: LINK, packet });
                self.calendar.add(Event { at_s: enter_s, left: OUTSIDE, entered: node, packet });
                came_s = enter_s;
            }
            (holder, left_s) = (node, leave_s.max(just_after(came_s)));
        }
        self.calendar.add(Event { at_s: left_s, left: holder, entered: END, packet });
    }

    /// Settles what is before `until_s`, but for the last part of a bucket; nothing may come before it any more.
    pub fn advance(&mut self, until_s: f64) {
        while let Some(events) = self.calendar.take(until_s) {
            self.settle(&events);
            self.calendar.give_back(events);
        }
        self.settled_s = self.settled_s.max(until_s);
    }

    /// Settles everything and returns the entropy of each target in bits, in the order they were pushed.
    pub fn finish(&mut self) -> &[f64] {
        self.advance(f64::INFINITY);
        self.gather();
        for target in self.lanes.iter_mut().filter_map(Option::take) {
            self.entropies[target.number] = target.bits;
        }
        (self.active, self.width) = (0, 0);
        &self.entropies
    }

    /// Targets that have mass on its way, and those that are yet to come.
    #[must_use]
    pub fn active(&self) -> usize {
        self.active + self.rows.targets_to_come()
    }

    /// The mean of eq. 5 at each node over the departures in its window; not a number where there were none.
    #[must_use]
    pub fn live_bits(&self) -> Vec<f64> {
        self.live.means()
    }

    fn settle(&mut self, events: &[Event]) {
        #[cfg(target_arch = "x86_64")]
        if self.wide {
            // SAFETY: the processor has these instructions; it was asked when `wide` was set.
            unsafe { self.settle_wide(events) };
            return;
        }
        self.settle_all(events);
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2")]
    unsafe fn settle_wide(&mut self, events: &[Event]) {
        self.settle_all(events);
    }

    #[inline(always)]
    fn settle_all(&mut self, events: &[Event]) {
        for event in events {
            if event.packet == NAMELESS {
                self.move_nameless(event);
            } else {
                self.move_named(event);
            }
            self.until_check -= 1;
            if self.until_check == 0 {
                self.until_check = CHECK_EVENTS;
                self.retire();
            }
        }
    }

    /// A packet that is never on a link nor in a corrupt node, and no target.
    #[inline(always)]
    fn move_nameless(&mut self, event: &Event) {
        if event.left == OUTSIDE {
            self.enter(event.entered);
            return;
        }
        let held = self.depart(event.at_s, event.left);
        let left = event.left as usize * self.stride;
        if event.entered == END {
            if self.width > 0 {
                let row = &mut self.pools[left..left + self.width];
                share(row, held, &mut self.carried);
                tally(&self.carried[..self.width], &mut self.arriving, &mut self.arriving_bits);
            }
            return;
        }
        self.enter(event.entered);
        if self.width > 0 {
            let entered = event.entered as usize * self.stride;
            let row = &mut self.pools[left..left + self.width];
            share(row, held, &mut self.carried);
            add(&mut self.pools[entered..entered + self.width], &self.carried);
        }
    }

    #[inline(never)]
    fn move_named(&mut self, event: &Event) {
        let Event { at_s, left, entered, packet } = *event;
        let brought = self.rows.take(packet, &mut self.carried[..self.width]);
        let mut is_carrying = !matches!(brought, Brought::Nothing);
        if let Brought::Target(number) = brought {
            self.open(number);
        }
        let width = self.width;
        if left != OUTSIDE {
            let held = self.depart(at_s, left);
            if !self.corrupt[left as usize] && width > 0 {
                let start = left as usize * self.stride;
                share(&mut self.pools[start..start + width], held, &mut self.carried);
                is_carrying = true;
            }
        }
        if entered == END {
            if is_carrying {
                tally(&self.carried[..width], &mut self.arriving, &mut self.arriving_bits);
            }
            self.rows.forget(packet);
            return;
        }
        if entered != LINK {
            self.enter(entered);
            if !self.corrupt[entered as usize] {
                if is_carrying {
                    let start = entered as usize * self.stride;
                    add(&mut self.pools[start..start + width], &self.carried);
                }
                return;
            }
        }
        if is_carrying {
            self.rows.keep(packet, &self.carried[..width]);
        }
    }

    #[inline(always)]
    fn enter(&mut self, node: u32) {
        self.held[node as usize] += 1;
        self.live.arrived(node as usize);
    }

    /// Counts one packet out and returns how many there were.
    #[inline(always)]
    fn depart(&mut self, at_s: f64, node: u32) -> u32 {
        let held = self.held[node as usize];
        self.live.departed(at_s, node as usize, held);
        self.held[node as usize] = held - 1;
        held
    }

    /// Gives a target a lane, and its packet all of its mass in `carried`.
    fn open(&mut self, number: usize) {
        let lane = self.lanes.iter().position(Option::is_none).unwrap_or_else(|| {
            self.lanes.push(None);
            self.lanes.len() - 1
        });
        if lane >= self.stride {
            self.widen();
        }
        self.lanes[lane] = Some(Target { number, arrived: 0.0, bits: 0.0 });
        self.active += 1;
        self.width = self.width.max((lane / VECTOR + 1) * VECTOR);
        self.carried[..self.width].fill(0.0);
        self.carried[lane] = 1.0;
    }

    fn widen(&mut self) {
        let (narrow, wide) = (self.stride, self.stride * 2);
        let mut pools = vec![0.0; self.held.len() * wide];
        for (from, to) in self.pools.chunks_exact(narrow).zip(pools.chunks_exact_mut(wide)) {
            to[..narrow].copy_from_slice(from);
        }
        self.pools = pools;
        self.rows.widen(wide);
        for values in [&mut self.arriving, &mut self.arriving_bits, &mut self.carried] {
            values.resize(wide, 0.0);
        }
        self.stride = wide;
    }

    /// Adds what arrived since the last time to the targets' sums: short sums of small shares, so that little is lost.
    fn gather(&mut self) {
        for (lane, target) in self.lanes.iter_mut().enumerate() {
            if let Some(target) = target {
                target.arrived += self.arriving[lane];
                target.bits += self.arriving_bits[lane];
            }
            (self.arriving[lane], self.arriving_bits[lane]) = (0.0, 0.0);
        }
    }

    #[cold]
    fn retire(&mut self) {
        if self.active == 0 {
            return;
        }
        self.gather();
        for lane in 0..self.lanes.len() {
            let Some(target) = self.lanes[lane].take_if(|target| 1.0 - target.arrived < SPENT) else { continue };
            self.entropies[target.number] = target.bits;
            self.active -= 1;
            for row in self.pools.chunks_exact_mut(self.stride) {
                row[lane] = 0.0;
            }
            self.rows.clear_lane(lane);
        }
        let last = self.lanes.iter().rposition(Option::is_some);
        self.width = last.map_or(0, |lane| (lane / VECTOR + 1) * VECTOR);
    }
}

/// Tells whether all packets go all the way, stay everywhere for some time, and are never on a link.
fn is_plain(visits: &[Visit<'_>]) -> bool {
    let is_direct = |pair: &[Visit<'_>]| std::ptr::eq(pair[0].leaves_s.as_ptr(), pair[1].enters_s.as_ptr());
    let stays = |visit: &Visit<'_>| {
        visit.enters_s.iter().zip(visit.leaves_s).fold(true, |all, (enter_s, leave_s)| all & (leave_s > enter_s))
    };
    let goes_on = |visit: &Visit<'_>| visit.nodes.iter().fold(true, |all, node| all & (*node >= 0));
    visits.windows(2).all(is_direct) && visits.iter().all(|visit| stays(visit) && goes_on(visit))
}

fn check_times(times: &[f64], least_s: f64) -> Result<(), Wrong> {
    let is_right = |at_s: f64| (at_s >= least_s) & (at_s <= f64::MAX);
    if times.iter().fold(true, |right, at_s| right & is_right(*at_s)) {
        return Ok(());
    }
    Err(Wrong::Time(times.iter().copied().find(|at_s| !is_right(*at_s)).unwrap_or(f64::NAN)))
}

/// The next number above a finite one.
#[inline(always)]
fn just_after(at_s: f64) -> f64 {
    let bits = (at_s + 0.0).to_bits();
    f64::from_bits(if at_s >= 0.0 { bits + 1 } else { bits - 1 })
}

/// Takes one of `held` equal shares out of a row.
#[inline(always)]
fn share(row: &mut [f64], held: u32, taken: &mut [f64]) {
    let part = 1.0 / f64::from(held);
    for (mine, taken) in row.chunks_exact_mut(VECTOR).zip(taken.chunks_exact_mut(VECTOR)) {
        for (mine, taken) in mine.iter_mut().zip(taken) {
            *taken = *mine * part;
            *mine -= *taken;
        }
    }
}

#[inline(always)]
fn add(row: &mut [f64], brought: &[f64]) {
    for (mine, brought) in row.chunks_exact_mut(VECTOR).zip(brought.chunks_exact(VECTOR)) {
        for (mine, brought) in mine.iter_mut().zip(brought) {
            *mine += brought;
        }
    }
}

/// Counts shares that arrived, and -p log2 p of each.
#[inline(always)]
fn tally(shares: &[f64], sums: &mut [f64], bits: &mut [f64]) {
    let sums = sums.chunks_exact_mut(VECTOR);
    let bits = bits.chunks_exact_mut(VECTOR);
    for ((shares, sums), bits) in shares.chunks_exact(VECTOR).zip(sums).zip(bits) {
        for ((share, sum), bits) in shares.iter().zip(sums).zip(bits) {
            *sum += share;
            *bits -= share * logarithm::log2(*share);
        }
    }
}
