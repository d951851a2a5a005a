;; The canonical built-ins that componentize-py's own runtime does not hand to Python, as an extension module of
;; CPython 3.14 for wasm32-wasi: waiting for a set of waitables, and cancelling what is under way in a stream. With
;; them blocking calls, nested event loops and closing an idle connection are possible.
;; And what keeps an instance's memory shared with its component's: making objects immortal.
;;
;; It is written by hand because no toolchain for position-independent C is needed this way, and because it is small:
;; seven functions of one argument each. `igloo build` turns it into `igloo_intrinsics.cpython-314-wasm32-wasi.so`.
;;
;; Sources: the dynamic linking section `dylink.0` (tool-conventions, DynamicLinking.md); CPython 3.14's `PyModuleDef`
;; and `PyMethodDef` (Include/moduleobject.h, methodobject.h) on a machine of 32 bits; the names of built-ins as
;; wit-component knows them (component-model, CanonicalABI.md: `waitable-set.wait`, `stream.cancel-read` …).
;;
;; `subtask.cancel` is not here: componentize-py 0.25.1 makes an invalid component of it.
;;
;; Memory, from `__memory_base`: 0 the PyModuleDef (52 bytes), 52 eight PyMethodDef of 16 bytes (the last is the empty
;; one), 180 names, 304 an event's two words.
(module
  (@dylink.0
    (mem-info (memory 312 4) (table 7 0))
    (needed "libpython3.14.so")
  )
  (type $method (func (param i32 i32) (result i32)))
  (import "env" "memory" (memory 0))
  (import "env" "__indirect_function_table" (table 7 funcref))
  (import "env" "__memory_base" (global $base i32))
  (import "env" "__table_base" (global $table i32))
  (import "env" "PyModule_Create2" (func $PyModule_Create2 (param i32 i32) (result i32)))
  (import "env" "PyLong_AsLong" (func $PyLong_AsLong (param i32) (result i32)))
  (import "env" "PyLong_FromUnsignedLong" (func $PyLong_FromUnsignedLong (param i32) (result i32)))
  (import "env" "PyTuple_New" (func $PyTuple_New (param i32) (result i32)))
  (import "env" "PyTuple_SetItem" (func $PyTuple_SetItem (param i32 i32 i32) (result i32)))
  (import "$root" "[waitable-set-wait]" (func $wait (param i32 i32) (result i32)))
  (import "$root" "[waitable-set-poll]" (func $poll (param i32 i32) (result i32)))
  ;; Every `stream<u8>` is one type, whichever function it is named after.
  (import "wasi:sockets/types@0.3.0" "[stream-cancel-read-0][method]tcp-socket.receive"
    (func $cancel_read (param i32) (result i32)))
  (import "wasi:sockets/types@0.3.0" "[stream-cancel-write-0][method]tcp-socket.send"
    (func $cancel_write (param i32) (result i32)))
  (import "wasi:sockets/types@0.3.0" "[stream-cancel-read-0][method]tcp-socket.listen"
    (func $cancel_accept (param i32) (result i32)))
  (import "igloo:discovery/browser@0.1.0" "[stream-cancel-read-0]browse"
    (func $cancel_find (param i32) (result i32)))

  (elem (global.get $table) func $py_wait $py_poll $py_cancel_read $py_cancel_write $py_cancel_accept $py_cancel_find
    $py_immortal)

  (func $number (param $object i32) (result i32) (call $PyLong_AsLong (local.get $object)))

  ;; An event as the tuple (kind, waitable, code). An error in making it is CPython's to raise: null.
  (func $event (param $kind i32) (result i32)
    (local $tuple i32)
    (local.set $tuple (call $PyTuple_New (i32.const 3)))
    (if (i32.eqz (local.get $tuple)) (then (return (i32.const 0))))
    (drop (call $PyTuple_SetItem (local.get $tuple) (i32.const 0)
      (call $PyLong_FromUnsignedLong (local.get $kind))))
    (drop (call $PyTuple_SetItem (local.get $tuple) (i32.const 1)
      (call $PyLong_FromUnsignedLong (i32.load offset=304 (global.get $base)))))
    (drop (call $PyTuple_SetItem (local.get $tuple) (i32.const 2)
      (call $PyLong_FromUnsignedLong (i32.load offset=308 (global.get $base)))))
    (local.get $tuple))

  (func $py_wait (type $method)
    (call $event (call $wait (call $number (local.get 1)) (i32.add (global.get $base) (i32.const 304)))))
  (func $py_poll (type $method)
    (call $event (call $poll (call $number (local.get 1)) (i32.add (global.get $base) (i32.const 304)))))
  (func $py_cancel_read (type $method)
    (call $PyLong_FromUnsignedLong (call $cancel_read (call $number (local.get 1)))))
  (func $py_cancel_write (type $method)
    (call $PyLong_FromUnsignedLong (call $cancel_write (call $number (local.get 1)))))
  (func $py_cancel_accept (type $method)
    (call $PyLong_FromUnsignedLong (call $cancel_accept (call $number (local.get 1)))))
  (func $py_cancel_find (type $method)
    (call $PyLong_FromUnsignedLong (call $cancel_find (call $number (local.get 1)))))

  ;; Makes an object immortal, and answers it: the count of its references, its first word, is never written again. As
  ;; `_Py_IMMORTAL_INITIAL_REFCNT` of 32 bits: Include/refcount.h, and PEP 683.
  (func $py_immortal (type $method)
    (i32.store (local.get 1) (i32.const 0x50000000))
    (local.get 1))

  ;; One PyMethodDef: its place, its name's place (both from the base), its function's place in the table. 8 is METH_O.
  (func $define (param $at i32) (param $name i32) (param $function i32)
    (local.set $at (i32.add (global.get $base) (local.get $at)))
    (i32.store offset=0 (local.get $at) (i32.add (global.get $base) (local.get $name)))
    (i32.store offset=4 (local.get $at) (i32.add (global.get $table) (local.get $function)))
    (i32.store offset=8 (local.get $at) (i32.const 8)))

  (data (global.get $base)
    "\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00"
    "\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00"
    "\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00"
    "\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00"
    "\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00"
    "\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00"
    "igloo_intrinsics\00"          ;; 180
    "wait\00poll\00"               ;; 197, 202
    "cancel_read\00cancel_write\00" ;; 207, 219
    "cancel_accept\00cancel_find\00" ;; 232, 246
    "immortal\00")                 ;; 258

  (func (export "PyInit_igloo_intrinsics") (result i32)
    (i32.store offset=0 (global.get $base) (i32.const 0x3fffffff)) ;; a reference count that never falls to zero
    (i32.store offset=20 (global.get $base) (i32.add (global.get $base) (i32.const 180))) ;; m_name
    (i32.store offset=28 (global.get $base) (i32.const -1)) ;; m_size: no state of its own
    (i32.store offset=32 (global.get $base) (i32.add (global.get $base) (i32.const 52))) ;; m_methods
    (call $define (i32.const 52) (i32.const 197) (i32.const 0))
    (call $define (i32.const 68) (i32.const 202) (i32.const 1))
    (call $define (i32.const 84) (i32.const 207) (i32.const 2))
    (call $define (i32.const 100) (i32.const 219) (i32.const 3))
    (call $define (i32.const 116) (i32.const 232) (i32.const 4))
    (call $define (i32.const 132) (i32.const 246) (i32.const 5))
    (call $define (i32.const 148) (i32.const 258) (i32.const 6))
    (call $PyModule_Create2 (global.get $base) (i32.const 1013)) ;; PYTHON_API_VERSION
  )
)
