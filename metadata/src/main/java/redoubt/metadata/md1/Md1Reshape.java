package redoubt.metadata.md1;

/**
 * What a superblock says of a change of geometry; without meaning unless {@link Md1Feature#RESHAPE} is set.
 *
 * @param newLevel md's number
 * @param position sector of the array up to which, or from which, the new geometry holds
 * @param deltaDisks how many members more there will be
 * @param newLayout md's number
 * @param newChunkSectors sectors
 * @param newOffset signed, sectors by which the data moves on the member
 */
public record Md1Reshape(
        int newLevel, long position, int deltaDisks, int newLayout, int newChunkSectors, int newOffset) {}
