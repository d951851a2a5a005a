//! A telegram's content: COSEM objects, one a line, such as `1-0:1.8.1(123456.789*kWh)`.
//!
//! Why not the crate `dsmr5`: version 0.4 holds at most 2048 bytes (a text message alone may have as many), reads
//! neither DSMR 2.2 and 3.0 nor decimals of a current, and its slicing panics on values of an unexpected form. The
//! values here read themselves instead of by a table of widths, so all versions are one.
//!
//! Promises: no text panics; what does not have an object's form is left out.

use igloo::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

/// A telegram between `/` and `!`.
#[derive(Clone, PartialEq, Debug)]
pub struct Telegram<'a> {
    /// The meter's maker: three letters registered with the FLAG association.
    pub maker: &'a str,
    /// The maker's name for the type of meter.
    pub model: &'a str,
    /// In the meter's order.
    pub objects: Vec<Object<'a>>,
}

/// One line: what it is, and its values.
#[derive(Clone, PartialEq, Debug)]
pub struct Object<'a> {
    /// The reduced OBIS identifier, such as `1-0:1.8.1`.
    pub reference: &'a str,
    /// What stands in parentheses, without them.
    pub values: Vec<&'a str>,
}

impl<'a> Telegram<'a> {
    /// Reads a telegram's text. The first line is `/XXX5` and the identification (IEC 62056-21, 6.3.2).
    #[must_use]
    pub fn parse(text: &'a str) -> Option<Self> {
        let mut lines = text.strip_prefix('/')?.strip_suffix('!')?.lines();
        let identification = lines.next()?;
        let (maker, model) = (identification.get(..3)?, identification.get(4..)?);
        let mut objects: Vec<Object<'a>> = Vec::new();
        for line in lines {
            let Some((reference, values)) = line.split_once('(') else { continue };
            let Some(values) = values.strip_suffix(')') else { continue };
            let values = values.split(")(");
            match objects.last_mut() {
                // Before DSMR 4 a gas reading has its value on a line of its own.
                Some(before) if reference.is_empty() => before.values.extend(values),
                _ => objects.push(Object { reference, values: values.collect() }),
            }
        }
        // `\2` after the maker's letters only says how fast a meter can talk.
        Some(Self { maker, model: model.strip_prefix("\\2").unwrap_or(model), objects })
    }

    /// The only or first value of an object.
    #[must_use]
    pub fn value(&self, reference: &str) -> Option<&'a str> {
        self.objects.iter().find(|object| object.reference == reference)?.values.first().copied()
    }
}

/// A number and its unit: `123456.789*kWh`, `00004`.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Number<'a> {
    digits: i64,
    decimals: u32,
    /// Empty if there is none.
    pub unit: &'a str,
}

impl<'a> Number<'a> {
    /// Reads digits with at most one point, then `*` and a unit where there is one.
    #[must_use]
    pub fn parse(text: &'a str) -> Option<Self> {
        let (number, unit) = text.split_once('*').unwrap_or((text, ""));
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let only_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !only_digits(whole) || !only_digits(fraction) || number.len() > 18 {
            return None;
        }
        let digits = [whole, fraction].concat().parse().ok()?;
        Some(Self { digits, decimals: u32::try_from(fraction.len()).ok()?, unit })
    }

    /// The same number with another unit.
    #[must_use]
    pub fn with_unit<'b>(self, unit: &'b str) -> Number<'b> {
        Number { unit, digits: self.digits, decimals: self.decimals }
    }

    /// In another unit, where so many of it are so many of this one: `(1000.0, 1.0)` from kWh to Wh. One division, so
    /// that whole numbers stay whole.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "meters have 9 digits")]
    pub fn convert(&self, (of_other, of_this): (f64, f64)) -> f64 {
        self.digits as f64 * of_other / (10_f64.powi(self.decimals.cast_signed()) * of_this)
    }

    /// As an integer, if it has no decimals.
    #[must_use]
    pub fn integer(&self) -> Option<i64> {
        (self.decimals == 0).then_some(self.digits)
    }
}

/// `YYMMDDhhmmssX` (DSMR 5.0.2 P1, 6.4): the Dutch time of day, where X is `S` in summer (UTC+2) and `W` in winter
/// (UTC+1). Meters before DSMR 4 do not say X, so their times are not known.
#[must_use]
pub fn timestamp(text: &str) -> Option<Timestamp> {
    let offset = match text.as_bytes().get(12)? {
        b'S' => 2,
        b'W' => 1,
        _ => return None,
    };
    if text.len() != 13 || !text.bytes().take(12).all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let two = |at: usize| text.get(at..at + 2)?.parse::<i8>().ok();
    let year = 2000 + i16::from(two(0)?);
    let local = DateTime::new(year, two(2)?, two(4)?, two(6)?, two(8)?, two(10)?, 0).ok()?;
    Some(Timestamp::from_seconds(Offset::constant(offset).to_timestamp(local).ok()?.as_second()))
}

/// An octet string: two hexadecimal digits a character (DSMR 5.0.2 P1, 6.4). Only printable ASCII is kept.
#[must_use]
pub fn octets(text: &str) -> Option<String> {
    let digits: Vec<u32> = text.chars().map(|digit| digit.to_digit(16)).collect::<Option<_>>()?;
    let (pairs, rest) = digits.as_chunks::<2>();
    let characters = pairs.iter().filter_map(|[high, low]| char::from_u32(high * 16 + low));
    rest.is_empty().then(|| characters.filter(|character| (' '..='~').contains(character)).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_published_examples_are_read() {
        for (text, objects) in [
            (include_str!("../telegrams/esmr5.txt"), 35),
            (include_str!("../telegrams/dsmr4.txt"), 27),
            (include_str!("../telegrams/dsmr2.txt"), 16),
        ] {
            let telegram = Telegram::parse(text.split_inclusive('!').next().unwrap()).unwrap();
            assert_eq!(telegram.maker, "ISk");
            assert!(telegram.model.starts_with("MT382-100"), "{}", telegram.model);
            assert_eq!(telegram.objects.len(), objects, "{telegram:#?}");
        }
    }

    #[test]
    fn the_old_gas_reading_is_one_object() {
        let telegram = Telegram::parse("/ISk5x\r\n\r\n0-1:24.3.0(161107190000)(00)(m3)\r\n(00001.001)\r\n!").unwrap();
        assert_eq!(telegram.objects[0].values, ["161107190000", "00", "m3", "00001.001"]);
        assert_eq!(telegram.value("0-1:24.3.0"), Some("161107190000"));
    }

    #[test]
    fn numbers_are_exact() {
        let number = Number::parse("123456.789*kWh").unwrap();
        assert_eq!((number.unit, number.convert((1000.0, 1.0))), ("kWh", 123_456_789.0));
        assert_eq!(number.integer(), None);
        assert_eq!(Number::parse("00004").unwrap().integer(), Some(4));
        assert_eq!(Number::parse("12785.123*m3").unwrap().convert((1.0, 1.0)), 12_785.123);
        for bad in ["", "*kWh", ".5", "1.2.3", "-1", "+1", "1e5", "0x1", "1 ", "9999999999999999999"] {
            assert_eq!(Number::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn times_are_turned_to_utc() {
        // 2010-12-09T10:30:20Z and 2019-07-01T10:30:20Z.
        assert_eq!(timestamp("101209113020W"), Some(Timestamp::from_seconds(1_291_890_620)));
        assert_eq!(timestamp("190701123020S"), Some(Timestamp::from_seconds(1_561_977_020)));
        // The hour that comes twice: summer's is an hour before winter's.
        let twice = [timestamp("251026023000S"), timestamp("251026023000W")].map(|time| time.unwrap().0);
        assert_eq!(twice[1] - twice[0], 3_600_000_000_000);
        for bad in
            ["", "101209113020", "101209113020X", "101309113020W", "10120911302-W", "10120911302ÄW", "101209113020WW"]
        {
            assert_eq!(timestamp(bad), None, "{bad}");
        }
    }

    #[test]
    fn octets_are_text() {
        assert_eq!(octets("4B384547303034303436333935353037").unwrap(), "K8EG004046395507");
        assert_eq!(octets("").unwrap(), "");
        assert_eq!(octets("00410A").unwrap(), "A");
        assert_eq!(octets("4"), None);
        assert_eq!(octets("4g"), None);
        assert_eq!(octets("+4"), None);
        assert_eq!(octets("ä"), None);
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "(/ISk5)?[ -~äß\r\n]{0,200}!?") {
            if let Some(telegram) = Telegram::parse(&text) {
                let _ = telegram.value("1-0:1.8.1");
            }
            let _ = (Number::parse(&text).map(|number| number.convert((1000.0, 1.0))), timestamp(&text), octets(&text));
        }

        #[test]
        fn no_digits_panic(text in "[0-9]{0,15}[SW]?") {
            let _ = (Number::parse(&text), timestamp(&text), octets(&text));
        }
    }
}
