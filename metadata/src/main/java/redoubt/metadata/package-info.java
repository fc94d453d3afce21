/**
 * The neutral picture of a container and the interface of its codecs.
 *
 * <p>A codec is pure: bytes come in through a {@link redoubt.metadata.BlockReader} that the caller supplies, and go out as a
 * {@link redoubt.metadata.WriteRound} that the caller carries out. Locks, time limits, retries and flushes are the caller's.
 * Everything here is immutable and may be used from any thread.
 */
package redoubt.metadata;
