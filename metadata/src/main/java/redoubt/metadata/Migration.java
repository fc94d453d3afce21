package redoubt.metadata;

/**
 * A long change that was under way in a volume.
 *
 * @param kind what kind
 * @param checkpointUnits units done, as recorded
 * @param positionSectors sectors of each member that are done (GENERAL: sectors of the volume); 0 where the format cannot say
 */
public record Migration(Kind kind, long checkpointUnits, long positionSectors) {

    /** The kinds, in the words of the IMSM specification. */
    public enum Kind {
        /** None. */
        NONE,
        /** Redundancy is made for the first time. */
        INIT,
        /** A member is filled. */
        REBUILD,
        /** Redundancy is checked. */
        VERIFY,
        /** Redundancy is made anew. */
        REPAIR,
        /** The geometry changes (reshape). */
        GENERAL,
        /** A change that no open implementation knows. */
        STATE_CHANGE
    }

    /** Nothing under way. */
    public static final Migration NONE = new Migration(Kind.NONE, 0, 0);
}
