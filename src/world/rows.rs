//! A persistent vector that only grows at its end: what rows and events stand on.
//!
//! A clone costs a pointer, and shares all that neither changes. A tree of fixed width is searched by shifting and
//! masking alone, which a billing run does many times an invoice; the newest items stand apart in a tail, so that adding
//! one copies no branch.

use std::sync::Arc;

use imbl_sized_chunks::sized_chunk::Chunk;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Items a node: what is copied when a shared one changes, against the depth of the tree.
const WIDTH: usize = 64;
const BITS: u32 = WIDTH.trailing_zeros();

/// Items in the order in which they were added.
#[derive(Clone)]
pub(super) struct Rows<T> {
    /// All full leaves; `None` while there is none.
    tree: Option<Arc<Node<T>>>,
    /// How far the number of an item is shifted to find its branch of the root.
    shift: u32,
    /// How many items stand in the tree.
    settled: usize,
    tail: Arc<Leaf<T>>,
}

type Leaf<T> = Chunk<T, WIDTH>;

#[derive(Clone)]
#[expect(clippy::large_enum_variant, reason = "a box would be one more step on each level of every look-up")]
enum Node<T> {
    Leaf(Leaf<T>),
    Branch(Chunk<Arc<Self>, WIDTH>),
}

impl<T> Default for Rows<T> {
    fn default() -> Self {
        Self { tree: None, shift: 0, settled: 0, tail: Arc::default() }
    }
}

impl<T: Clone> Rows<T> {
    pub(super) fn len(&self) -> usize {
        self.settled + self.tail.len()
    }

    pub(super) fn get(&self, n: usize) -> Option<&T> {
        if n >= self.settled {
            return self.tail.get(n - self.settled);
        }
        let (mut node, mut shift) = (self.tree.as_deref()?, self.shift);
        loop {
            match node {
                Node::Leaf(items) => return items.get(n % WIDTH),
                Node::Branch(nodes) => node = nodes.get((n >> shift) % WIDTH)?,
            }
            shift -= BITS;
        }
    }

    /// An item to be changed; what is shared on the way to it is copied.
    pub(super) fn get_mut(&mut self, n: usize) -> Option<&mut T> {
        if n >= self.settled {
            return Arc::make_mut(&mut self.tail).get_mut(n - self.settled);
        }
        let (mut node, mut shift) = (Arc::make_mut(self.tree.as_mut()?), self.shift);
        loop {
            match node {
                Node::Leaf(items) => return items.get_mut(n % WIDTH),
                Node::Branch(nodes) => node = Arc::make_mut(nodes.get_mut((n >> shift) % WIDTH)?),
            }
            shift -= BITS;
        }
    }

    pub(super) fn push(&mut self, item: T) {
        if self.tail.len() == WIDTH {
            self.settle();
        }
        Arc::make_mut(&mut self.tail).push_back(item);
    }

    /// Moves the full tail into the tree.
    fn settle(&mut self) {
        let tail = std::mem::take(&mut self.tail);
        let tail = Arc::try_unwrap(tail).unwrap_or_else(|shared| Leaf::clone(&shared));
        let mut leaf = Node::Leaf(tail);
        let place = self.settled;
        self.settled += WIDTH;
        let Some(root) = &mut self.tree else {
            self.tree = Some(Arc::new(leaf));
            return;
        };
        if place == WIDTH << self.shift {
            // The tree is full: it becomes the first branch of a higher one.
            self.shift += BITS;
            *root = Arc::new(Node::Branch(Chunk::unit(Arc::clone(root))));
        }
        let (mut node, mut shift) = (Arc::make_mut(root), self.shift);
        while let Node::Branch(nodes) = node {
            let branch = (place >> shift) % WIDTH;
            shift -= BITS;
            if branch == nodes.len() {
                // Nothing stands there yet: a chain of branches with one leaf at its end.
                for _ in 0..shift / BITS {
                    leaf = Node::Branch(Chunk::unit(Arc::new(leaf)));
                }
                nodes.push_back(Arc::new(leaf));
                return;
            }
            node = Arc::make_mut(&mut nodes[branch]);
        }
    }

    /// All items, oldest first.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &T> + ExactSizeIterator {
        (0..self.len())
            .map(|n| self.get(n).unwrap_or_else(|| unreachable!("every number below the length has an item")))
    }
}

impl<T: Clone> Extend<T> for Rows<T> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, items: I) {
        items.into_iter().for_each(|item| self.push(item));
    }
}

impl<T: Clone> FromIterator<T> for Rows<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        let mut rows = Self::default();
        rows.extend(items);
        rows
    }
}

impl<T: Clone + Serialize> Serialize for Rows<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de, T: Clone + Deserialize<'de>> Deserialize<'de> for Rows<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::deserialize(deserializer).map(|items: Vec<T>| items.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_what_a_vec_holds_at_every_depth() {
        // One more than a tree of three levels and a tail hold.
        let many = WIDTH * WIDTH * WIDTH + WIDTH + 1;
        let mut rows = Rows::default();
        for n in 0..many {
            assert_eq!((rows.len(), rows.get(n)), (n, None));
            rows.push(n);
            assert_eq!(rows.get(n), Some(&n));
        }
        assert!(rows.iter().copied().eq(0..many));
        assert!(rows.iter().rev().copied().eq((0..many).rev()));
    }

    #[test]
    fn a_clone_is_another_vector() {
        for len in [1, WIDTH, WIDTH + 1, WIDTH * WIDTH, WIDTH * WIDTH + WIDTH + 1] {
            let before: Rows<usize> = (0..len).collect();
            let mut after = before.clone();
            for n in (0..len).step_by(7) {
                *after.get_mut(n).unwrap() += 1_000_000;
            }
            after.push(0);
            assert!(before.iter().copied().eq(0..len), "{len}");
            let changed = (0..len).map(|n| if n % 7 == 0 { n + 1_000_000 } else { n }).chain([0]);
            assert!(after.iter().copied().eq(changed), "{len}");
            assert_eq!(after.get_mut(len + 1), None);
        }
    }

    #[test]
    fn travels_through_json() {
        let rows: Rows<u32> = (0..200).collect();
        let text = serde_json::to_string(&rows).unwrap();
        let read: Rows<u32> = serde_json::from_str(&text).unwrap();
        assert!(read.iter().eq(rows.iter()));
    }
}
