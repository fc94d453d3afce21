package redoubt.metadata.md1;

/** The bits of {@code feature_map}. A bit that is none of these makes the superblock unreadable: it may change where data lies. */
final class Md1Feature {

    static final int BITMAP = 1;
    /** recovery_offset counts: the member holds its data only below it. */
    static final int RECOVERY_OFFSET = 2;
    /** A reshape is under way. */
    static final int RESHAPE = 4;

    static final int BAD_BLOCKS = 8;
    /** The disk is being made into a copy of the one that has the same slot. */
    static final int REPLACEMENT = 16;

    static final int RESHAPE_BACKWARDS = 32;
    static final int NEW_OFFSET = 64;
    static final int RECOVERY_BITMAP = 128;
    static final int CLUSTERED = 256;
    static final int JOURNAL = 512;
    static final int PPL = 1024;
    static final int MULTIPLE_PPLS = 2048;
    /** The layout of a RAID0 means something: how members of different size are striped. */
    static final int RAID0_LAYOUT = 4096;

    static final int KNOWN = 8191;

    private Md1Feature() {}
}
