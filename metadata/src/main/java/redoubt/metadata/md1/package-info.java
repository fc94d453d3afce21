/**
 * Linux md's own metadata, version 1: a superblock on each member, which stands at the end (1.0), at the start (1.1) or 4 KiB behind it
 * (1.2), and what it points to. Read and encoded byte for byte; arrays are not written yet.
 *
 * <p>{@link redoubt.metadata.md1.Md1Format} is the door.
 */
package redoubt.metadata.md1;
