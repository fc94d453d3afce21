package redoubt.md;

/**
 * What is always true of a personality.
 *
 * @param level the level
 * @param layout where the bytes lie
 * @param redundant whether clean and dirty mean anything: a level without redundancy never goes dirty
 * @param dirtyDegradedLoses whether an array that is dirty and has a member missing may have lost old data (the write hole)
 * @param preferredBytes the size at which requests are best, in bytes: a stripe without its parity
 * @param maxTransferBytes the longest READ or WRITE that is taken in one piece
 * @param maxChildren the most children that one request needs at a time
 */
public record Traits(
        Level level,
        Layout layout,
        boolean redundant,
        boolean dirtyDegradedLoses,
        int preferredBytes,
        int maxTransferBytes,
        int maxChildren) {}
