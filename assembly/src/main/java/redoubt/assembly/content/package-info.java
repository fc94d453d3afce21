/**
 * What lies on a disk or in a volume, told by structures that say themselves where they belong: partition tables and file systems. Knows
 * nothing of arrays.
 */
package redoubt.assembly.content;
