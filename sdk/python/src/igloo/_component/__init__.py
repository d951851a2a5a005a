"""A provider as a WebAssembly component: the contract's imports and exports, over componentize-py's bindings.

Must be imported in a component only, after `igloo_runtime`.
"""
