"""Links to signed reports: giving them out, and what lies behind one."""
