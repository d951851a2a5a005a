//! Which requests read a unit: neighbours are read together, nothing is read that was not asked for.
//!
//! Registers between two wanted ones are left out, because many devices refuse a whole read over one that they do not
//! have.

use std::ops::Range;

/// A device's four tables (Modbus Application Protocol V1.1b3, 4.3).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Table {
    /// Bits that can be switched.
    Coils,
    /// Bits that can only be read.
    DiscreteInputs,
    /// Registers that can be written.
    HoldingRegisters,
    /// Registers that can only be read.
    InputRegisters,
}

impl Table {
    /// The most that one read may ask for (Modbus Application Protocol V1.1b3, 6.1 to 6.4).
    const fn largest_read(self) -> u32 {
        match self {
            Self::Coils | Self::DiscreteInputs => 2000,
            Self::HoldingRegisters | Self::InputRegisters => 125,
        }
    }
}

/// Some neighbours in a table. The end may be 65536.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Span {
    /// Which table.
    pub table: Table,
    /// The first address.
    pub first: u16,
    /// How many, at least one.
    pub count: u16,
}

impl Span {
    /// The addresses.
    #[must_use]
    pub fn range(&self) -> Range<u32> {
        u32::from(self.first)..u32::from(self.first) + u32::from(self.count)
    }

    /// Where another span's content is in this one's; nothing if it is not all there.
    #[must_use]
    pub fn find(&self, other: &Self) -> Option<Range<usize>> {
        let start = usize::from(other.first.checked_sub(self.first)?);
        let inside = self.table == other.table && other.range().end <= self.range().end;
        inside.then(|| start..start + usize::from(other.count))
    }
}

/// The fewest reads that cover all spans and none of the gaps between them. No span is torn apart.
#[must_use]
pub fn reads(mut spans: Vec<Span>) -> Vec<Span> {
    spans.sort_unstable();
    let mut reads: Vec<Span> = Vec::new();
    for span in spans {
        if let Some(last) = reads.last_mut().filter(|last| last.table == span.table) {
            let end = last.range().end.max(span.range().end);
            let count = end - u32::from(last.first);
            if u32::from(span.first) <= last.range().end && count <= span.table.largest_read() {
                last.count = u16::try_from(count).unwrap_or(u16::MAX);
                continue;
            }
        }
        reads.push(span);
    }
    reads
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn span(table: Table, first: u16, count: u16) -> Span {
        Span { table, first, count }
    }

    #[test]
    fn neighbours_are_read_together() {
        use Table::{Coils, HoldingRegisters, InputRegisters};
        let wanted = vec![
            span(InputRegisters, 4, 2),
            span(Coils, 1, 1),
            span(InputRegisters, 0, 2),
            span(InputRegisters, 2, 2),
            span(HoldingRegisters, 6, 1),
            span(Coils, 0, 1),
            span(InputRegisters, 7, 1),
        ];
        let expected =
            [span(Coils, 0, 2), span(HoldingRegisters, 6, 1), span(InputRegisters, 0, 6), span(InputRegisters, 7, 1)];
        assert_eq!(reads(wanted), expected);
    }

    #[test]
    fn a_read_is_no_longer_than_the_standard_allows() {
        let wanted = (0..200).map(|index| span(Table::InputRegisters, index * 2, 2)).collect();
        let reads = reads(wanted);
        assert_eq!(reads.iter().map(|read| read.count).collect::<Vec<_>>(), [124, 124, 124, 28]);
    }

    proptest! {
        #[test]
        fn every_span_is_in_a_read_and_no_gap_is(firsts in proptest::collection::vec((any::<u16>(), 1..3_u16), 0..300)) {
            let wanted: Vec<Span> = firsts
                .into_iter()
                .filter(|(first, count)| first.checked_add(count - 1).is_some())
                .map(|(first, count)| span(Table::HoldingRegisters, first % 900, count))
                .collect();
            let reads = reads(wanted.clone());
            for one in &wanted {
                prop_assert!(reads.iter().any(|read| read.find(one).is_some_and(|range| range.len() == usize::from(one.count))));
            }
            for read in &reads {
                prop_assert!(read.count <= 125);
                for address in read.range() {
                    prop_assert!(wanted.iter().any(|one| one.range().contains(&address)));
                }
            }
        }
    }
}
