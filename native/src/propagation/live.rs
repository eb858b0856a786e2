//! Loopix eq. 5 at each node: how uncertain an observer is about which arrival the latest departure was.

/// Logarithms of integers below this are looked up.
const TABLE: u32 = 1 << 15;

#[derive(Clone, Copy, Default)]
struct Node {
    bits: f64,
    sum_bits: f64,
    departures: u64,
    new: u32,
}

/// The recursion at each node, and its mean over departures in a window of time.
pub(super) struct Live {
    from_s: f64,
    until_s: f64,
    nodes: Vec<Node>,
    table: Vec<f64>,
}

impl Live {
    pub(super) fn new(nodes: usize, from_s: f64, until_s: f64) -> Self {
        let table = (0..TABLE).map(|number| f64::from(number).log2()).collect();
        Self { from_s, until_s, nodes: vec![Node::default(); nodes], table }
    }

    #[inline(always)]
    pub(super) fn arrived(&mut self, node: usize) {
        self.nodes[node].new += 1;
    }

    /// Takes the next step: one of `held` packets leaves.
    ///
    /// `h(k/n) + k/n log2 k + l/n H` is `log2 n + l/n (H - log2 l)`, with k new, l old and n = k + l packets.
    #[inline(always)]
    pub(super) fn departed(&mut self, at_s: f64, number: usize, held: u32) {
        let node = &mut self.nodes[number];
        if node.new > 0 {
            let old = held - node.new;
            let mut bits = log2(&self.table, held);
            if old > 0 {
                bits += f64::from(old) / f64::from(held) * (node.bits - log2(&self.table, old));
            }
            node.bits = bits;
            node.new = 0;
        }
        if self.from_s <= at_s && at_s < self.until_s {
            node.sum_bits += node.bits;
            node.departures += 1;
        }
    }

    #[allow(clippy::cast_precision_loss)]
    pub(super) fn means(&self) -> Vec<f64> {
        self.nodes.iter().map(|node| node.sum_bits / node.departures as f64).collect()
    }
}

#[inline(always)]
fn log2(table: &[f64], number: u32) -> f64 {
    table.get(number as usize).copied().unwrap_or_else(|| f64::from(number).log2())
}
