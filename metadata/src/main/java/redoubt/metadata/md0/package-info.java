/**
 * Linux md's metadata of old, version 0.90: one superblock of 4 KiB near the end of each member, in the byte order of the machine that wrote it.
 * Read and validated in both byte orders; arrays are not written yet.
 *
 * <p>{@link redoubt.metadata.md0.Md0Format} is the door.
 */
package redoubt.metadata.md0;
