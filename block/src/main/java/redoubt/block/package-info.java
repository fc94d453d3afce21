/** Requests, the memory they carry, and the devices they go to. Knows no array, no metadata and no socket. */
package redoubt.block;
