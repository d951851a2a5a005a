"""`pycryptodome`'s other name: see `Crypto`."""

from __future__ import annotations

import sys

import Crypto
import Crypto.Cipher.AES
import Crypto.Random
import Crypto.Util.Padding

for _name, _module in [one for one in sys.modules.items() if one[0].startswith("Crypto.")]:
    sys.modules["Cryptodome" + _name.removeprefix("Crypto")] = _module

__version__ = Crypto.__version__
version_info = Crypto.version_info
Cipher, Random, Util = Crypto.Cipher, Crypto.Random, Crypto.Util
