//! The canonical ABI's memory layouts, as far as WASI 0.2's sockets need them: results through a return pointer,
//! addresses, lists.

use crate::bindings::wasi::sockets::types::{ErrorCode, IpSocketAddress, Ipv4SocketAddress, Ipv6SocketAddress};

/// WASI 0.2's `network.error-code`, by its index, without those that make wasi-libc abort: it takes a wrong state for a
/// mistake of its own, and 18 to 20 are for names only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Code {
    Unknown = 0,
    AccessDenied = 1,
    NotSupported = 2,
    InvalidArgument = 3,
    OutOfMemory = 4,
    Timeout = 5,
    WouldBlock = 8,
    NewSocketLimit = 10,
    AddressNotBindable = 11,
    AddressInUse = 12,
    RemoteUnreachable = 13,
    ConnectionRefused = 14,
    ConnectionReset = 15,
    ConnectionAborted = 16,
    DatagramTooLarge = 17,
    NameUnresolvable = 18,
    TemporaryResolverFailure = 19,
    PermanentResolverFailure = 20,
}

impl From<ErrorCode> for Code {
    fn from(error: ErrorCode) -> Self {
        match error {
            ErrorCode::AccessDenied => Self::AccessDenied,
            ErrorCode::NotSupported => Self::NotSupported,
            // A connection that was reset has no peer any more, for example.
            ErrorCode::InvalidArgument | ErrorCode::InvalidState => Self::InvalidArgument,
            ErrorCode::OutOfMemory => Self::OutOfMemory,
            ErrorCode::Timeout => Self::Timeout,
            ErrorCode::AddressNotBindable => Self::AddressNotBindable,
            ErrorCode::AddressInUse => Self::AddressInUse,
            ErrorCode::RemoteUnreachable => Self::RemoteUnreachable,
            ErrorCode::ConnectionRefused => Self::ConnectionRefused,
            ErrorCode::ConnectionBroken | ErrorCode::ConnectionReset => Self::ConnectionReset,
            ErrorCode::ConnectionAborted => Self::ConnectionAborted,
            ErrorCode::DatagramTooLarge => Self::DatagramTooLarge,
            // The name that the hub gives it: 0.3 has no case for it.
            ErrorCode::Other(Some(text)) if text.starts_with("new-socket-limit") => Self::NewSocketLimit,
            ErrorCode::Other(_) => Self::Unknown,
        }
    }
}

/// Where a call's result goes. wasi-libc reserves enough for the result's type.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(super) struct Out(*mut u8);

impl Out {
    pub(super) fn u8(self, offset: usize, value: u8) {
        // SAFETY: the caller reserved the layout of the call's result, and `offset` is a field of it.
        unsafe { self.0.add(offset).write(value) }
    }

    pub(super) fn u32(self, offset: usize, value: u32) {
        // SAFETY: as for `u8`; fields are aligned by the canonical ABI, and `write_unaligned` does not rely on it.
        unsafe { self.0.add(offset).cast::<u32>().write_unaligned(value) }
    }

    pub(super) fn u64(self, offset: usize, value: u64) {
        // SAFETY: as for `u32`.
        unsafe { self.0.add(offset).cast::<u64>().write_unaligned(value) }
    }

    /// `ok` of a result; the payload is written by itself.
    pub(super) fn ok(self) {
        self.u8(0, 0);
    }

    /// `err(code)` of a result whose payload is at `payload`.
    pub(super) fn err(self, payload: usize, code: Code) {
        self.u8(0, 1);
        self.u8(payload, code as u8);
    }

    /// A `result<_, error-code>`.
    pub(super) fn unit(self, result: Result<(), impl Into<Code>>) {
        match result {
            Ok(()) => self.ok(),
            Err(error) => self.err(1, error.into()),
        }
    }

    /// A `result<ip-socket-address, error-code>`.
    pub(super) fn address(self, result: Result<IpSocketAddress, ErrorCode>) {
        match result {
            Ok(address) => {
                self.ok();
                write_address(self.at(4), &address);
            }
            Err(error) => self.err(4, error.into()),
        }
    }

    /// A list's pointer and length.
    pub(super) fn list(self, offset: usize, bytes: &[u8], items: usize) {
        self.u32(offset, allocate(bytes) as u32);
        self.u32(offset + 4, items as u32);
    }

    pub(super) fn at(self, offset: usize) -> Self {
        // SAFETY: `offset` is a field of the layout that `self` points to.
        Self(unsafe { self.0.add(offset) })
    }

    /// Reserves `size` bytes that wasi-libc frees.
    pub(super) fn reserve(size: usize) -> Self {
        if size == 0 {
            return Self(std::ptr::without_provenance_mut(8));
        }
        // SAFETY: `malloc` is the C library's; a null answer is checked.
        let pointer = unsafe { malloc(size) };
        if pointer.is_null() {
            std::alloc::handle_alloc_error(std::alloc::Layout::new::<u8>());
        }
        Self(pointer)
    }

    pub(super) fn pointer(self) -> u32 {
        self.0 as u32
    }
}

unsafe extern "C" {
    fn malloc(size: usize) -> *mut u8;
}

/// A copy that wasi-libc frees, as it frees what a host would have allocated with `cabi_realloc`.
fn allocate(bytes: &[u8]) -> usize {
    let out = Out::reserve(bytes.len());
    // SAFETY: `out` was reserved for as many bytes; for none, copying nothing is fine.
    unsafe { out.0.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
    out.0 as usize
}

/// A flattened `ip-socket-address`: the case and its eleven joined fields.
#[derive(Clone, Copy)]
pub(super) struct FlatAddress {
    pub(super) case: i32,
    pub(super) fields: [i32; 11],
}

impl From<FlatAddress> for IpSocketAddress {
    fn from(flat: FlatAddress) -> Self {
        let f = flat.fields;
        if flat.case == 0 {
            let address = (f[1] as u8, f[2] as u8, f[3] as u8, f[4] as u8);
            return Self::Ipv4(Ipv4SocketAddress { port: f[0] as u16, address });
        }
        let g = |i: usize| f[i] as u16;
        Self::Ipv6(Ipv6SocketAddress {
            port: f[0] as u16,
            flow_info: f[1] as u32,
            address: (g(2), g(3), g(4), g(5), g(6), g(7), g(8), g(9)),
            scope_id: f[10] as u32,
        })
    }
}

/// Size of an `ip-socket-address` in memory.
pub(super) const ADDRESS_SIZE: usize = 32;

pub(super) fn write_address(out: Out, address: &IpSocketAddress) {
    let u16 = |offset: usize, value: u16| {
        let [low, high] = value.to_le_bytes();
        out.u8(offset, low);
        out.u8(offset + 1, high);
    };
    match address {
        IpSocketAddress::Ipv4(v4) => {
            out.u8(0, 0);
            u16(4, v4.port);
            let (a, b, c, d) = v4.address;
            for (i, byte) in [a, b, c, d].into_iter().enumerate() {
                out.u8(6 + i, byte);
            }
        }
        IpSocketAddress::Ipv6(v6) => {
            out.u8(0, 1);
            u16(4, v6.port);
            out.u32(8, v6.flow_info);
            let (a, b, c, d, e, f, g, h) = v6.address;
            for (i, group) in [a, b, c, d, e, f, g, h].into_iter().enumerate() {
                u16(12 + 2 * i, group);
            }
            out.u32(28, v6.scope_id);
        }
    }
}

/// Reads an `ip-socket-address` from its memory.
pub(super) fn read_address(bytes: &[u8; ADDRESS_SIZE]) -> IpSocketAddress {
    let u16 = |i: usize| u16::from_le_bytes([bytes[i], bytes[i + 1]]);
    let u32 = |i: usize| u32::from_le_bytes([bytes[i], bytes[i + 1], bytes[i + 2], bytes[i + 3]]);
    if bytes[0] == 0 {
        let address = (bytes[6], bytes[7], bytes[8], bytes[9]);
        return IpSocketAddress::Ipv4(Ipv4SocketAddress { port: u16(4), address });
    }
    let g = |i: usize| u16(12 + 2 * i);
    IpSocketAddress::Ipv6(Ipv6SocketAddress {
        port: u16(4),
        flow_info: u32(8),
        address: (g(0), g(1), g(2), g(3), g(4), g(5), g(6), g(7)),
        scope_id: u32(28),
    })
}

/// Defines a function whose third parameter is a flattened address, in twelve parameters of its own.
macro_rules! with_address {
    (fn $name:ident($handle:ident: u32, $network:ident: u32, $address:ident, $out:ident) $body:block) => {
        #[unsafe(no_mangle)]
        extern "C" fn $name(
            $handle: u32,
            $network: u32,
            case: i32,
            f0: i32,
            f1: i32,
            f2: i32,
            f3: i32,
            f4: i32,
            f5: i32,
            f6: i32,
            f7: i32,
            f8: i32,
            f9: i32,
            f10: i32,
            $out: $crate::runtime::wasi2::abi::Out,
        ) {
            let fields = [f0, f1, f2, f3, f4, f5, f6, f7, f8, f9, f10];
            let $address = $crate::runtime::wasi2::abi::FlatAddress { case, fields };
            $body
        }
    };
}

/// Defines socket options: each is one call of the WASI 0.3 socket.
macro_rules! options {
    ($find:ident: $($kind:ident $name:ident $(($value:ident: $ty:ty))? = $method:ident $(($argument:expr))?
        $(as $width:ident at $offset:literal)?;)*) => {
        $($crate::runtime::wasi2::abi::options!(@$kind $find $name $(($value: $ty))? $method $(($argument))? $($width $offset)?);)*
    };
    (@set $find:ident $name:ident ($value:ident: $ty:ty) $method:ident ($argument:expr)) => {
        #[unsafe(no_mangle)]
        extern "C" fn $name(handle: u32, $value: $ty, out: $crate::runtime::wasi2::abi::Out) {
            out.unit($find(handle).host.$method($argument));
        }
    };
    (@get $find:ident $name:ident $method:ident $width:ident $offset:literal) => {
        #[unsafe(no_mangle)]
        extern "C" fn $name(handle: u32, out: $crate::runtime::wasi2::abi::Out) {
            match $find(handle).host.$method() {
                Ok(value) => {
                    out.ok();
                    out.$width($offset, value.into());
                }
                Err(error) => out.err($offset, error.into()),
            }
        }
    };
}

pub(crate) use {options, with_address};
