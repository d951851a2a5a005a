"""The version whose names these are."""

__version__ = "50.0.2"
__author__ = "The authors of Igloo, with the interface of The Python Cryptographic Authority"
__copyright__ = "The authors of Igloo"
