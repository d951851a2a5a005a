//! Numbers in registers: how they lie there, and what they mean.
//!
//! A register has 16 bits, and its high byte travels first (Modbus Application Protocol V1.1b3, 4.2). Larger numbers
//! take two registers in an order that the standard leaves open.

use serde::Deserialize;

/// What is in a register, or in two.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Unsigned.
    #[default]
    U16,
    /// Two's complement.
    I16,
    /// Unsigned, in two registers.
    U32,
    /// Two's complement, in two registers.
    I32,
    /// IEEE 754, in two registers.
    F32,
}

/// Which half of a number of two registers comes first.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WordOrder {
    /// As most devices do.
    #[default]
    HighFirst,
    /// The other way round.
    LowFirst,
}

/// How a number lies in registers and what it means there.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Encoding {
    /// How it is written.
    pub format: Format,
    /// Where its halves are.
    pub order: WordOrder,
    /// The value is what is in the register times this…
    pub scale: f64,
    /// … plus this.
    pub offset: f64,
}

impl Format {
    /// How many registers it takes.
    #[must_use]
    pub fn words(self) -> u16 {
        match self {
            Self::U16 | Self::I16 => 1,
            Self::U32 | Self::I32 | Self::F32 => 2,
        }
    }

    fn decode(self, words: &[u16], order: WordOrder) -> Option<f64> {
        let bits = match *words {
            [word] => u32::from(word),
            [first, second] => match order {
                WordOrder::HighFirst => u32::from(first) << 16 | u32::from(second),
                WordOrder::LowFirst => u32::from(second) << 16 | u32::from(first),
            },
            _ => return None,
        };
        let value = match self {
            Self::U16 | Self::U32 => f64::from(bits),
            Self::I16 => f64::from((words[0]).cast_signed()),
            Self::I32 => f64::from(bits.cast_signed()),
            Self::F32 => f64::from(f32::from_bits(bits)),
        };
        (words.len() == usize::from(self.words()) && value.is_finite()).then_some(value)
    }

    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked")]
    fn encode(self, value: f64, order: WordOrder) -> Option<Vec<u16>> {
        let integer = value.round();
        let within = |low: f64, high: f64| (low..=high).contains(&integer);
        let bits = match self {
            Self::U16 if within(0.0, f64::from(u16::MAX)) => return Some(vec![integer as u16]),
            Self::I16 if within(f64::from(i16::MIN), f64::from(i16::MAX)) => {
                return Some(vec![(integer as i16).cast_unsigned()]);
            }
            Self::U32 if within(0.0, f64::from(u32::MAX)) => integer as u32,
            Self::I32 if within(f64::from(i32::MIN), f64::from(i32::MAX)) => (integer as i32).cast_unsigned(),
            Self::F32 if (value as f32).is_finite() => (value as f32).to_bits(),
            _ => return None,
        };
        let (high, low) = ((bits >> 16) as u16, bits as u16);
        Some(match order {
            WordOrder::HighFirst => vec![high, low],
            WordOrder::LowFirst => vec![low, high],
        })
    }
}

impl Encoding {
    /// The value in these registers; nothing if it is no number.
    #[must_use]
    pub fn decode(&self, words: &[u16]) -> Option<f64> {
        let raw = self.format.decode(words, self.order)?;
        let scaled = match self.divisor() {
            Some(divisor) => raw / divisor,
            None => raw * self.scale,
        };
        Some(scaled + self.offset)
    }

    /// The registers for a value; nothing if it does not fit in them.
    #[must_use]
    pub fn encode(&self, value: f64) -> Option<Vec<u16>> {
        let scaled = value - self.offset;
        let raw = match self.divisor() {
            Some(divisor) => scaled * divisor,
            None => scaled / self.scale,
        };
        self.format.encode(raw, self.order)
    }

    /// A scale of 0.1 divides by 10: 3 tenths are 0.3, where 3 × 0.1 would be 0.30000000000000004.
    fn divisor(&self) -> Option<f64> {
        let divisor = (1.0 / self.scale).round();
        (divisor.abs() > 1.0 && 1.0 / divisor == self.scale).then_some(divisor)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn plain(format: Format, order: WordOrder) -> Encoding {
        Encoding { format, order, scale: 1.0, offset: 0.0 }
    }

    #[test]
    fn numbers_are_where_devices_put_them() {
        use Format::{F32, I16, I32, U16, U32};
        use WordOrder::{HighFirst, LowFirst};
        for (format, order, words, value) in [
            (U16, HighFirst, vec![0xFFFE], 65_534.0),
            (I16, HighFirst, vec![0xFFFE], -2.0),
            (U32, HighFirst, vec![0x0001, 0x0002], 65_538.0),
            (U32, LowFirst, vec![0x0002, 0x0001], 65_538.0),
            (I32, HighFirst, vec![0xFFFF, 0xFFFE], -2.0),
            (I32, LowFirst, vec![0xFFFE, 0xFFFF], -2.0),
            (F32, HighFirst, vec![0x4366, 0x3333], f64::from(230.2_f32)),
            (F32, LowFirst, vec![0x3333, 0x4366], f64::from(230.2_f32)),
        ] {
            let encoding = plain(format, order);
            assert_eq!(encoding.decode(&words), Some(value), "{encoding:?}");
            assert_eq!(encoding.encode(value), Some(words), "{encoding:?}");
        }
    }

    #[test]
    fn what_is_no_number_or_does_not_fit_is_none() {
        let float = plain(Format::F32, WordOrder::HighFirst);
        assert_eq!(float.decode(&[0x7FC0, 0]), None);
        assert_eq!(float.encode(f64::MAX), None);
        assert_eq!(float.encode(f64::NAN), None);
        let word = plain(Format::U16, WordOrder::HighFirst);
        assert_eq!((word.decode(&[]), word.decode(&[1, 2])), (None, None));
        assert_eq!((word.encode(-1.0), word.encode(65_536.0), word.encode(f64::NAN)), (None, None, None));
    }

    #[test]
    fn tenths_are_tenths() {
        let tenths = Encoding { scale: 0.1, offset: -40.0, ..plain(Format::U16, WordOrder::HighFirst) };
        assert_eq!(tenths.decode(&[3]), Some(0.3 - 40.0));
        assert_eq!(tenths.encode(21.5), Some(vec![615]));
        let kilo = Encoding { scale: 1000.0, ..plain(Format::F32, WordOrder::HighFirst) };
        assert_eq!(kilo.decode(&[0x3F80, 0]), Some(1000.0));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(raw in any::<i32>(), scale in prop_oneof![Just(0.1), Just(0.01), Just(1.0), Just(-2.5)], low in any::<bool>()) {
            let order = if low { WordOrder::LowFirst } else { WordOrder::HighFirst };
            let encoding = Encoding { format: Format::I32, order, scale, offset: 7.5 };
            let bits = raw.cast_unsigned();
            let words = Format::U32.encode(f64::from(bits), order).unwrap();
            let value = encoding.decode(&words).unwrap();
            prop_assert_eq!(encoding.encode(value), Some(words));
        }
    }
}
