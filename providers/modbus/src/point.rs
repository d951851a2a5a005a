//! The points of a unit: a coil, an input or a number, and the component that shows it.

use igloo::kinds::{self, Dynamic};
use igloo::{CommandError, Component, Device, Entity, Error, Result, Update, Value, ValueType};

use crate::bus::Data;
use crate::config::{Bit, Register, Unit};
use crate::number::Encoding;
use crate::plan::{Span, Table};

/// A value in a unit.
pub(crate) struct Point {
    /// Where it is.
    pub(crate) span: Span,
    /// What shows it.
    pub(crate) component: Component<Dynamic>,
    meaning: Meaning,
}

/// How what is in the unit and the component's value become each other.
enum Meaning {
    Bit { inverted: bool },
    Number { encoding: Encoding, shown: ValueType, minimum: f64, maximum: f64 },
}

/// A unit as a device, and its points.
pub(crate) fn points(unit: &Unit) -> Result<(Device, Vec<Point>)> {
    let name = unit.name.clone().unwrap_or_else(|| format!("Unit {}", unit.address));
    let mut device = Device::new(format!("unit-{}", unit.address), name);
    let mut points: Vec<Point> = Vec::new();
    for bit in &unit.coils {
        points.push(Point::bit(&mut device, Table::Coils, bit)?);
    }
    for bit in &unit.discrete_inputs {
        points.push(Point::bit(&mut device, Table::DiscreteInputs, bit)?);
    }
    for register in &unit.holding_registers {
        points.push(Point::number(&mut device, Table::HoldingRegisters, register)?);
    }
    for register in &unit.input_registers {
        points.push(Point::number(&mut device, Table::InputRegisters, register)?);
    }
    for (index, point) in points.iter().enumerate() {
        let same = |other: &Point| (other.span.table, other.span.first) == (point.span.table, point.span.first);
        if points[..index].iter().any(same) {
            return Err(Error::new(format_args!("{} is there twice", entity_id(point.span.table, point.span.first))));
        }
    }
    Ok((device, points))
}

impl Point {
    fn bit(device: &mut Device, table: Table, bit: &Bit) -> Result<Self> {
        let coil = table == Table::Coils;
        let kind = bit.kind.as_deref().unwrap_or(if coil { "switch" } else { "boolean" });
        if value_type(kind, &bit.name)? != ValueType::Boolean {
            return Err(Error::new(format_args!("{}: a bit cannot be of the kind {kind}", bit.name)));
        }
        let component = entity(device, table, bit.address, &bit.name).component(kind);
        Ok(Self {
            span: Span { table, first: bit.address, count: 1 },
            component: if coil && bit.writable { component.writable() } else { component },
            meaning: Meaning::Bit { inverted: bit.inverted },
        })
    }

    fn number(device: &mut Device, table: Table, register: &Register) -> Result<Self> {
        let Register { address, name, .. } = register;
        let kind = register.kind.as_deref().unwrap_or("real");
        let shown = value_type(kind, name)?;
        if !matches!(shown, ValueType::Real | ValueType::Integer | ValueType::Boolean) {
            return Err(Error::new(format_args!("{name}: a register cannot be of the kind {kind}")));
        }
        if register.writable && table == Table::InputRegisters {
            return Err(Error::new(format_args!("{name}: an input register cannot be written")));
        }
        let count = register.format.words();
        if address.checked_add(count - 1).is_none() {
            return Err(Error::new(format_args!("{name}: there is no register {}", u32::from(*address) + 1)));
        }
        let mut component = entity(device, table, *address, name).component(kind);
        if register.writable {
            component = component.writable();
        }
        if let Some(unit) = &register.unit {
            component = component.unit(unit);
        }
        if let Some(minimum) = register.minimum {
            component = component.minimum(minimum);
        }
        if let Some(maximum) = register.maximum {
            component = component.maximum(maximum);
        }
        if let Some(step) = register.step {
            component = component.step(step);
        }
        let meaning = Meaning::Number {
            encoding: register.encoding(),
            shown,
            minimum: register.minimum.unwrap_or(f64::NEG_INFINITY),
            maximum: register.maximum.unwrap_or(f64::INFINITY),
        };
        Ok(Self { span: Span { table, first: *address, count }, component, meaning })
    }

    /// The component's new value from a read that this point may be in.
    pub(crate) fn update(&self, read: &Span, data: &Data) -> Option<Update> {
        let range = read.find(&self.span)?;
        let value = match (&self.meaning, data) {
            (Meaning::Bit { inverted }, Data::Bits(bits)) => Value::Boolean(bits.get(range)?.first()? != inverted),
            (Meaning::Number { encoding, shown, .. }, Data::Words(words)) => {
                encoding.decode(words.get(range)?).map_or(Value::Unknown, |number| show(number, *shown))
            }
            _ => return None,
        };
        Some(self.component.to(value))
    }

    /// What to write to the unit for a wanted value.
    pub(crate) fn encode(&self, wanted: &Value) -> Result<Data, CommandError> {
        let number = match (&self.meaning, wanted) {
            (Meaning::Bit { inverted }, Value::Boolean(on)) => return Ok(Data::Bits(vec![on != inverted])),
            (_, Value::Boolean(on)) => f64::from(u8::from(*on)),
            #[allow(clippy::cast_precision_loss, reason = "a register has 32 bits at most")]
            (_, Value::Integer(number)) => *number as f64,
            (_, Value::Real(number)) => *number,
            _ => return Err(CommandError::rejected("a value of this type cannot be written")),
        };
        let Meaning::Number { encoding, minimum, maximum, .. } = &self.meaning else {
            return Err(CommandError::rejected("a coil is on or off"));
        };
        if !(*minimum..=*maximum).contains(&number) {
            return Err(CommandError::rejected(format_args!("{number} is not between {minimum} and {maximum}")));
        }
        match encoding.encode(number) {
            Some(words) => Ok(Data::Words(words)),
            None => Err(CommandError::rejected(format_args!("{number} does not fit in the register"))),
        }
    }
}

#[allow(clippy::cast_possible_truncation, reason = "a register has 32 bits at most; what scales beyond is clamped")]
fn show(number: f64, shown: ValueType) -> Value {
    match shown {
        ValueType::Boolean => Value::Boolean(number != 0.0),
        ValueType::Integer => Value::Integer(number.round() as i64),
        _ => Value::Real(number),
    }
}

fn value_type(kind: &str, name: &str) -> Result<ValueType> {
    match kinds::find(kind) {
        Some(info) => Ok(info.value),
        None => Err(Error::new(format_args!("{name}: there is no kind {kind}"))),
    }
}

fn entity<'a>(device: &'a mut Device, table: Table, address: u16, name: &str) -> &'a mut Entity {
    device.entity(entity_id(table, address), name)
}

/// Where it is, so that it stays the same under another name.
fn entity_id(table: Table, address: u16) -> String {
    let table = match table {
        Table::Coils => "coil",
        Table::DiscreteInputs => "discrete-input",
        Table::HoldingRegisters => "holding-register",
        Table::InputRegisters => "input-register",
    };
    format!("{table}-{address}")
}
