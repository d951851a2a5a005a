//! Programs that try to reach more than they may, and to make the hub keep what they leave.
