//! Components that grow WebAssembly tables directly, which no language here can say: a core module is added to one,
//! and it is instantiated after all others.
//!
//! The module, as text (`COUNT` is how many elements each table has at the beginning):
//!
//! ```wat
//! (module
//!   (table $a COUNT funcref) (table $b COUNT funcref)
//!   (start $grow)
//!   (func $grow
//!     ;; Each, until it is refused.
//!     (loop (br_if 0 (i32.ne (table.grow $a (ref.null func) (i32.const 1000)) (i32.const -1))))
//!     (loop (br_if 0 (i32.ne (table.grow $b (ref.null func) (i32.const 1000)) (i32.const -1))))
//!     ;; Together they are within the limit, or it ends here.
//!     (if (i32.gt_u (i32.add (table.size $a) (table.size $b)) (i32.const 100000)) (then unreachable))))
//! ```

/// Sections of a module: WebAssembly, "Binary Format", 5.5.2.
mod module_section {
    pub(super) const TYPE: u8 = 1;
    pub(super) const FUNCTION: u8 = 3;
    pub(super) const TABLE: u8 = 4;
    pub(super) const START: u8 = 8;
    pub(super) const CODE: u8 = 10;
}

/// Sections of a component: Component Model, `Binary.md`.
const CORE_MODULE: u8 = 1;
const CORE_INSTANCE: u8 = 2;
/// Magic number, version and layer.
const COMPONENT_HEADER: usize = 8;

/// `i32.const 1000` and `i32.const -1; i32.ne; br_if 0`.
const GROW_ONE: [&[u8]; 2] = [&[0x03, 0x40, 0xd0, 0x70, 0x41, 0xe8, 0x07], &[0x41, 0x7f, 0x47, 0x0d, 0x00, 0x0b]];
/// `i32.add; i32.const 100000; i32.gt_u; if unreachable end; end`.
const CHECK: &[u8] = &[0x6a, 0x41, 0xa0, 0x8d, 0x06, 0x4b, 0x04, 0x40, 0x00, 0x0b, 0x0b];
const TABLES: u8 = 2;

/// The component with the module added to it.
pub(crate) fn added_to(component: &[u8], count: u32) -> Vec<u8> {
    let modules = count_modules(component);
    let mut with = component.to_vec();
    section(&mut with, CORE_MODULE, &module(count));
    // One instance: of this module, with no arguments.
    let mut instance = vec![1, 0x00];
    unsigned(&mut instance, modules);
    instance.push(0);
    section(&mut with, CORE_INSTANCE, &instance);
    with
}

fn module(count: u32) -> Vec<u8> {
    let mut module = b"\0asm\x01\0\0\0".to_vec();
    // One type, of functions that take and give nothing, and one function of it.
    section(&mut module, module_section::TYPE, &[1, 0x60, 0, 0]);
    section(&mut module, module_section::FUNCTION, &[1, 0]);
    let mut tables = vec![TABLES];
    for _ in 0..TABLES {
        tables.extend([0x70, 0x00]);
        unsigned(&mut tables, count);
    }
    section(&mut module, module_section::TABLE, &tables);
    section(&mut module, module_section::START, &[0]);
    // No locals.
    let mut body = vec![0];
    for table in 0..TABLES {
        body.extend(GROW_ONE[0]);
        body.extend([0xfc, 0x0f, table]);
        body.extend(GROW_ONE[1]);
    }
    for table in 0..TABLES {
        body.extend([0xfc, 0x10, table]);
    }
    body.extend(CHECK);
    let mut code = vec![1];
    unsigned(&mut code, u32::try_from(body.len()).unwrap());
    code.extend(body);
    section(&mut module, module_section::CODE, &code);
    module
}

fn count_modules(component: &[u8]) -> u32 {
    let (mut at, mut modules) = (COMPONENT_HEADER, 0);
    while at < component.len() {
        modules += u32::from(component[at] == CORE_MODULE);
        let (mut length, mut shift) = (0usize, 0);
        loop {
            at += 1;
            length |= usize::from(component[at] & 0x7f) << shift;
            shift += 7;
            if component[at] & 0x80 == 0 {
                break;
            }
        }
        at += 1 + length;
    }
    modules
}

fn section(to: &mut Vec<u8>, id: u8, content: &[u8]) {
    to.push(id);
    unsigned(to, u32::try_from(content.len()).unwrap());
    to.extend(content);
}

/// LEB128.
fn unsigned(to: &mut Vec<u8>, mut number: u32) {
    while number >= 0x80 {
        to.push(u8::try_from(number & 0x7f).unwrap() | 0x80);
        number >>= 7;
    }
    to.push(u8::try_from(number).unwrap());
}
