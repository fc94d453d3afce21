package redoubt.metadata;

import java.util.Set;

/**
 * Where a candidate ends up, and why.
 *
 * @param disk the caller's number for it
 * @param verdict where
 * @param because a sentence for the user
 */
public record Placement(int disk, Verdict verdict, String because) {

    /** The possible ends. */
    public sealed interface Verdict {

        /**
         * Stands for an entry of the table.
         *
         * @param index the entry
         * @param generationsBehind how many metadata writes this disk missed. 0 is current, 1 is what a power cut between two members'
         *     writes leaves; more means that the disk was away, or is an older copy, and its data should not be believed without
         *     evidence
         */
        record Member(int index, long generationsBehind) implements Verdict {}

        /** A spare of the chosen container. */
        record Spare() implements Verdict {}

        /**
         * Belongs to the container, but without a serial nothing tells which entry it stands for. Once evidence has decided, ask
         * {@link MetadataFormat#choose} again with the serial of the entry.
         *
         * @param possible entries it may stand for
         * @param generationsBehind as for {@link Member}
         */
        record Unplaced(Set<Integer> possible, long generationsBehind) implements Verdict {
            /** Takes an unchangeable copy. */
            public Unplaced {
                possible = Set.copyOf(possible);
            }
        }

        /** Was a member once and is none now; its data is old and must not be read. */
        record Stale() implements Verdict {}

        /** Has nothing to do with the container, or cannot be used. */
        record Foreign() implements Verdict {}
    }
}
