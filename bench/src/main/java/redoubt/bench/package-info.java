/**
 * The whole path, from a client's request to the members and back, measured beside the peers on the same machine in the same run.
 * {@link redoubt.bench.WholePath} is where to begin.
 */
package redoubt.bench;
