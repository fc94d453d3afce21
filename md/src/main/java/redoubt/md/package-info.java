/** One array: its members, its state, and the gate that every write passes. Knows no metadata format and no socket. */
package redoubt.md;
