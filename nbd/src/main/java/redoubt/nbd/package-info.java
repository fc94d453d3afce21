/**
 * NBD: the server, which serves any {@link redoubt.block.BlockDevice} and never knows an array, and the client, which is the
 * {@code BlockDevice} of a remote member.
 */
package redoubt.nbd;
