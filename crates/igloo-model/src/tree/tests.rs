use proptest::prelude::*;

use super::*;
use crate::description::{ComponentDescription, EntityDescription};

const INSTANCE: InstanceId = InstanceId(1);

fn device(key: &str, kinds: &[(&str, Access)]) -> DeviceDescription {
    let components = kinds
        .iter()
        .map(|(kind, access)| ComponentDescription {
            kind: (*kind).to_owned(),
            access: *access,
            attributes: Attributes::new(),
        })
        .collect();
    let entity =
        EntityDescription { id: "e".to_owned(), name: "E".to_owned(), attributes: Attributes::new(), components };
    DeviceDescription {
        id: key.to_owned(),
        name: key.to_owned(),
        attributes: Attributes::new(),
        entities: vec![entity],
    }
}

fn home() -> Tree {
    let mut tree = Tree::default();
    tree.add_instance(INSTANCE, "demo".parse().unwrap());
    tree.begin_session(INSTANCE);
    tree
}

fn values(tree: &mut Tree, watch: WatchId) -> Vec<(Value, u32)> {
    tree.changes(watch)
        .into_iter()
        .filter_map(|change| match change {
            Change::Value { value, skipped, .. } => Some((value, skipped)),
            _ => None,
        })
        .collect()
}

#[test]
fn a_watch_begins_with_the_state_and_then_tells_the_newest() {
    let mut tree = home();
    let handles = tree.describe(INSTANCE, DeviceId(1), device("lamp", &[("switch", Access::ReadWrite)]), true);
    tree.write(INSTANCE, handles[0], Value::Boolean(true), None, 1).unwrap();
    let watch = tree.watch(Query::all());
    assert_eq!(values(&mut tree, watch), [(Value::Boolean(true), 0)]);
    assert!(tree.changes(watch).is_empty());
    for on in [false, true, false] {
        tree.write(INSTANCE, handles[0], Value::Boolean(on), None, 2).unwrap();
    }
    assert_eq!(tree.take_woken(), [watch]);
    assert_eq!(values(&mut tree, watch), [(Value::Boolean(false), 2)]);
}

#[test]
fn handles_die_with_the_session_and_belong_to_their_instance() {
    let mut tree = home();
    let other = InstanceId(2);
    tree.add_instance(other, "other".parse().unwrap());
    let handles = tree.describe(INSTANCE, DeviceId(1), device("lamp", &[("switch", Access::ReadWrite)]), true);
    let write = |tree: &mut Tree, who| tree.write(who, handles[0], Value::Boolean(true), None, 1);
    assert_eq!(write(&mut tree, other), Err(WriteError::UnknownComponent));
    assert_eq!(write(&mut tree, INSTANCE), Ok(()));
    tree.end_session(INSTANCE);
    assert_eq!(write(&mut tree, INSTANCE), Err(WriteError::UnknownComponent));
    assert!(!tree.device(DeviceId(1)).unwrap().available());
}

#[test]
fn what_waits_to_be_written_is_checked_the_same() {
    let mut tree = home();
    let handles = tree.describe(INSTANCE, DeviceId(1), device("label", &[("text", Access::Read)]), true);
    let check = |handle, value| tree.check_write(INSTANCE, handle, &value);
    assert_eq!(check(handles[0], Value::Text(String::new())), Ok(()));
    assert_eq!(check(handles[0], Value::Integer(1)), Err(WriteError::WrongType));
    assert_eq!(check(handles[0] + 1, Value::Integer(1)), Err(WriteError::UnknownComponent));
}

#[test]
fn describing_anew_keeps_what_stays() {
    let mut tree = home();
    let lamp = [("switch", Access::ReadWrite), ("dimmer", Access::ReadWrite)];
    let first = tree.describe(INSTANCE, DeviceId(1), device("lamp", &lamp), true);
    tree.write(INSTANCE, first[0], Value::Boolean(true), None, 1).unwrap();
    let again = tree.describe(
        INSTANCE,
        DeviceId(1),
        device("lamp", &[("power", Access::Read), ("switch", Access::ReadWrite)]),
        true,
    );
    assert_eq!(again[1], first[0]);
    assert_eq!(tree.write(INSTANCE, first[1], Value::Real(0.5), None, 1), Err(WriteError::UnknownComponent));
    let entity = &tree.device(DeviceId(1)).unwrap().entities[0];
    let kept: Vec<_> = tree.components(entity).map(|c| (c.kind.name.clone(), c.value.clone())).collect();
    assert_eq!(kept, [("power".to_owned(), Value::Unknown), ("switch".to_owned(), Value::Boolean(true))]);
}

#[test]
fn devices_left_out_become_missing_and_come_back() {
    let mut tree = home();
    tree.describe(INSTANCE, DeviceId(1), device("a", &[]), true);
    tree.describe(INSTANCE, DeviceId(2), device("b", &[]), true);
    tree.begin_session(INSTANCE);
    tree.describe(INSTANCE, DeviceId(1), device("a", &[]), true);
    assert_eq!(tree.complete(INSTANCE), [DeviceId(2)]);
    assert!(tree.device(DeviceId(2)).unwrap().missing);
    tree.describe(INSTANCE, DeviceId(2), device("b", &[]), true);
    assert!(tree.device(DeviceId(2)).unwrap().available());
}

#[test]
fn commands_are_checked() {
    let mut tree = home();
    let kinds = [("switch", Access::ReadWrite), ("power", Access::Read), ("dimmer", Access::ReadWrite)];
    tree.describe(INSTANCE, DeviceId(1), device("lamp", &kinds), true);
    let check = |tree: &Tree, kind: &str, value: Value| {
        tree.check_command(DeviceId(1), "e", &[(kind.to_owned(), value)]).map(|_| ())
    };
    assert_eq!(check(&tree, "switch", Value::Boolean(true)), Ok(()));
    assert!(matches!(check(&tree, "power", Value::Real(1.0)), Err(CommandRefused::Invalid(_))));
    assert!(matches!(check(&tree, "dimmer", Value::Real(1.5)), Err(CommandRefused::Invalid(_))));
    assert!(matches!(check(&tree, "nothing", Value::Real(1.5)), Err(CommandRefused::Invalid(_))));
    tree.set_reachable(INSTANCE, "lamp", false);
    assert!(matches!(check(&tree, "switch", Value::Boolean(true)), Err(CommandRefused::Unavailable(_))));
}

#[test]
fn lost_events_are_counted_and_the_newest_kept() {
    let mut tree = home();
    let handles = tree.describe(INSTANCE, DeviceId(1), device("bell", &[("doorbell", Access::Event)]), true);
    let watch = tree.watch("demo/bell".parse().unwrap());
    tree.changes(watch);
    for _ in 0..EVENTS_PER_WATCH + 5 {
        tree.emit(INSTANCE, handles[0], "press", None, 1).unwrap();
    }
    let changes = tree.changes(watch);
    assert!(matches!(changes[0], Change::EventsLost(5)));
    assert_eq!(changes.len(), EVENTS_PER_WATCH + 1);
}

#[test]
fn events_are_those_of_the_options() {
    let mut tree = home();
    let mut bell = device("bell", &[("doorbell", Access::Event)]);
    let options = Value::Texts(vec![String::from("ring")]);
    bell.entities[0].components[0].attributes.insert(String::from("options"), options);
    let handles = tree.describe(INSTANCE, DeviceId(1), bell, true);
    assert_eq!(tree.emit(INSTANCE, handles[0], "ring", None, 1), Ok(()));
    assert_eq!(tree.emit(INSTANCE, handles[0], "press", None, 1), Err(EmitError::UnknownEvent));
}

proptest! {
    /// Whatever is described, written, removed and watched, in any order, a watch's reader ends with exactly the
    /// tree's values.
    #[test]
    fn a_watch_always_converges(steps in prop::collection::vec((0..6u8, 1..4u64, 0..8u32, any::<bool>()), 1..200)) {
        let mut tree = home();
        let watch = tree.watch(Query::all());
        let mut seen: BTreeMap<(DeviceId, String), Value> = BTreeMap::new();
        let read = |tree: &mut Tree, seen: &mut BTreeMap<(DeviceId, String), Value>| {
            for change in tree.changes(watch) {
                match change {
                    Change::Value { device, kind, value, .. } => { seen.insert((device, kind.name.clone()), value); }
                    Change::Removed(id) => seen.retain(|(device, _), _| *device != id),
                    _ => {}
                }
            }
        };
        let kinds = [("switch", Access::ReadWrite), ("motion", Access::Read), ("smoke", Access::Read)];
        for (step, number, handle, on) in steps {
            match step {
                0 => { tree.describe(INSTANCE, DeviceId(number), device(&format!("d{number}"), &kinds), true); }
                1 => { tree.remove_device(DeviceId(number)); }
                2 => read(&mut tree, &mut seen),
                _ => { let _ = tree.write(INSTANCE, handle, Value::Boolean(on), None, 1); }
            }
        }
        read(&mut tree, &mut seen);
        let expected: BTreeMap<(DeviceId, String), Value> = tree
            .devices()
            .flat_map(|device| device.entities.iter().flat_map(|entity| tree.components(entity)).map(|c| (device.id, c)))
            .map(|(device, component)| ((device, component.kind.name.clone()), component.value.clone()))
            .collect();
        prop_assert_eq!(seen, expected);
    }
}
