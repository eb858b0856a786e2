//! Masses that packets have for themselves: on links, where each has left its node, and in nodes that do not mix.

use std::collections::HashMap;

const NO_ROW: u32 = u32::MAX;
/// In place of a row: the packet is a target that is yet to come.
const TARGET: u32 = u32::MAX - 1;

/// What a packet brings with it.
pub(super) enum Brought {
    Nothing,
    /// A row, which was copied.
    Row,
    /// All of the mass of this target.
    Target(usize),
}

/// Rows of lanes by packet. Most packets have none, most of the time.
pub(super) struct Rows {
    stride: usize,
    masses: Vec<f64>,
    free: Vec<u32>,
    row_of: Vec<u32>,
    free_names: Vec<u32>,
    targets: HashMap<u32, usize>,
}

impl Rows {
    pub(super) fn new(stride: usize) -> Self {
        Self {
            stride,
            masses: Vec::new(),
            free: Vec::new(),
            row_of: Vec::new(),
            free_names: Vec::new(),
            targets: HashMap::new(),
        }
    }

    /// Numbers a packet, which is on its way until it is forgotten.
    pub(super) fn name(&mut self, target: Option<usize>) -> u32 {
        let packet = self.free_names.pop().unwrap_or_else(|| {
            self.row_of.push(NO_ROW);
            u32::try_from(self.row_of.len() - 1).expect("fewer than 2^32 packets at once")
        });
        if let Some(number) = target {
            self.targets.insert(packet, number);
            self.row_of[packet as usize] = TARGET;
        }
        packet
    }

    /// How many packets are targets that are yet to come.
    pub(super) fn targets_to_come(&self) -> usize {
        self.targets.len()
    }

    pub(super) fn forget(&mut self, packet: u32) {
        if self.row_of[packet as usize] == TARGET {
            self.targets.remove(&packet);
            self.row_of[packet as usize] = NO_ROW;
        }
        self.free_names.push(packet);
    }

    /// Takes away what the packet has, and copies it if it is a row.
    pub(super) fn take(&mut self, packet: u32, to: &mut [f64]) -> Brought {
        match std::mem::replace(&mut self.row_of[packet as usize], NO_ROW) {
            NO_ROW => Brought::Nothing,
            TARGET => self.targets.remove(&packet).map_or(Brought::Nothing, Brought::Target),
            row => {
                let start = row as usize * self.stride;
                // Where fewer lanes are in use than when it was kept, the others are of targets that are done with.
                to.copy_from_slice(&self.masses[start..start + to.len()]);
                self.free.push(row);
                Brought::Row
            }
        }
    }

    pub(super) fn keep(&mut self, packet: u32, masses: &[f64]) {
        let row = self.free.pop().unwrap_or_else(|| {
            self.masses.resize(self.masses.len() + self.stride, 0.0);
            u32::try_from(self.masses.len() / self.stride - 1).expect("fewer than 2^32 packets at once")
        });
        let start = row as usize * self.stride;
        self.masses[start..start + masses.len()].copy_from_slice(masses);
        self.masses[start + masses.len()..start + self.stride].fill(0.0);
        self.row_of[packet as usize] = row;
    }

    pub(super) fn widen(&mut self, stride: usize) {
        let mut masses = vec![0.0; self.masses.len() / self.stride * stride];
        for (from, to) in self.masses.chunks_exact(self.stride).zip(masses.chunks_exact_mut(stride)) {
            to[..self.stride].copy_from_slice(from);
        }
        (self.masses, self.stride) = (masses, stride);
    }

    pub(super) fn clear_lane(&mut self, lane: usize) {
        for row in self.masses.chunks_exact_mut(self.stride) {
            row[lane] = 0.0;
        }
    }
}
