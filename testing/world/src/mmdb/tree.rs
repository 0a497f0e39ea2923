//! The search tree: one node per bit of the address, from the highest on.

use ipnet::IpNet;

/// A binary tree over 128 bits.
#[derive(Clone, Debug)]
pub(crate) struct Tree {
    nodes: Vec<[Branch; 2]>,
}

/// Where a bit leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Branch {
    Nothing,
    Node(u32),
    Data(u32),
}

/// The bits of a network and how many of them count, IPv4 lying at `::/96`.
pub(crate) fn key(network: IpNet) -> (u128, u8) {
    match network {
        IpNet::V4(net) => (u128::from(u32::from(net.network())), 96 + net.prefix_len()),
        IpNet::V6(net) => (u128::from(net.network()), net.prefix_len()),
    }
}

impl Tree {
    /// A tree in which nothing is found.
    pub(crate) fn new() -> Tree {
        Tree { nodes: vec![EMPTY] }
    }

    /// How many nodes there are, reachable or not.
    pub(crate) fn node_count(&self) -> usize {
        self.nodes.len()
    }

    /// Puts data at a prefix; what was inserted before under shorter prefixes stays around it.
    pub(crate) fn insert(&mut self, bits: u128, length: u8, data: u32) {
        self.place(bits, length, Branch::Data(data));
    }

    /// Lets a prefix lead to where `::/96` leads.
    pub(crate) fn alias(&mut self, bits: u128, length: u8) {
        let mut at = Branch::Node(0);
        for _ in 0..96 {
            let Branch::Node(node) = at else { break };
            at = self.nodes[node as usize][0];
        }
        self.place(bits, length, at);
    }

    fn place(&mut self, bits: u128, length: u8, branch: Branch) {
        let mut node = 0_usize;
        let bit = |depth: u8| (bits >> (127 - depth)) as usize & 1;
        for depth in 0..length.saturating_sub(1) {
            let side = bit(depth);
            node = match self.nodes[node][side] {
                Branch::Node(next) => next as usize,
                // What covered the whole prefix now covers both halves of it.
                whole => {
                    let next = self.nodes.len();
                    self.nodes.push([whole, whole]);
                    self.nodes[node][side] = Branch::Node(next as u32);
                    next
                }
            };
        }
        if length == 0 {
            self.nodes[0] = [branch, branch];
        } else {
            self.nodes[node][bit(length - 1)] = branch;
        }
    }

    /// Joins halves that say the same. Nodes lie behind their parents, so one pass backwards does.
    pub(crate) fn shrink(&mut self) {
        for node in (0..self.nodes.len()).rev() {
            for side in 0..2 {
                let Branch::Node(next) = self.nodes[node][side] else { continue };
                let [left, right] = self.nodes[next as usize];
                if left == right && !matches!(left, Branch::Node(_)) {
                    self.nodes[node][side] = left;
                }
            }
        }
    }

    /// The reachable nodes in the order in which a search meets them, as the file numbers them;
    /// data lies `gap` behind the last node.
    pub(crate) fn records(&self, gap: u32) -> Vec<[u32; 2]> {
        let (mut order, mut number) = (Vec::new(), vec![None; self.nodes.len()]);
        let mut open = vec![0_u32];
        while let Some(node) = open.pop() {
            if number[node as usize].is_some() {
                continue;
            }
            number[node as usize] = Some(order.len() as u32);
            order.push(node);
            for branch in self.nodes[node as usize].iter().rev() {
                if let Branch::Node(next) = *branch {
                    open.push(next);
                }
            }
        }
        let count = order.len() as u32;
        let record = |branch| match branch {
            Branch::Node(next) => number[next as usize].unwrap_or(count),
            Branch::Nothing => count,
            Branch::Data(place) => count + gap + place,
        };
        order.into_iter().map(|node| self.nodes[node as usize].map(record)).collect()
    }
}

const EMPTY: [Branch; 2] = [Branch::Nothing, Branch::Nothing];
