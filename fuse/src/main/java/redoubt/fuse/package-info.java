/**
 * Attributes and volumes as files, for programs that know nothing of Redoubt.
 *
 * <p>There are two connections to the kernel, with threads of their own, and so two mounts: attributes on one, volumes on the other, mounted
 * on the empty directory {@code volumes} of the first. A write to a volume may be parked at the array's gate until somebody stores
 * {@code active} in {@code array_state}; were there one connection, enough of such writes would leave nobody to read that store.
 */
package redoubt.fuse;
