/**
 * Intel IMSM metadata (Matrix Storage, RST, VROC), as specified in docs/FORMATS.md.
 *
 * <p>{@link redoubt.metadata.imsm.ImsmFormat} is the door. Behind it the records {@link redoubt.metadata.imsm.ImsmSuper},
 * {@link redoubt.metadata.imsm.ImsmDisk}, {@link redoubt.metadata.imsm.ImsmDev}, {@link redoubt.metadata.imsm.ImsmVol} and
 * {@link redoubt.metadata.imsm.ImsmMap} hold the block field by field, each with its layout drawn above it; what no implementation knows is
 * kept as it stood, so that a block that is read and written again is the same block.
 *
 * <p>In memory every sector has 512 bytes. On disks with 4096-byte sectors the numbers on disk are smaller by 8, with the exceptions
 * that each record names.
 */
package redoubt.metadata.imsm;
