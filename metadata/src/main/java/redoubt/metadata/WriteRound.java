package redoubt.metadata;

import java.util.List;

/**
 * One round of metadata writes.
 *
 * @param image the image that is durable once all members are written; its generation is one higher than that of the image asked
 * @param members disks in the order in which they are to be written
 */
public record WriteRound(ContainerMetadata image, List<MemberWrites> members) {

    /** Takes an unchangeable copy. */
    public WriteRound {
        members = List.copyOf(members);
    }

    /**
     * What one disk gets.
     *
     * @param disk the caller's number
     * @param steps in order
     */
    public record MemberWrites(int disk, List<Step> steps) {
        /** Takes an unchangeable copy. */
        public MemberWrites {
            steps = List.copyOf(steps);
        }
    }

    /** A step on one disk. */
    public sealed interface Step {

        /**
         * Write these bytes; place and length are multiples of the disk's sector size.
         *
         * @param offsetBytes place on the disk
         */
        record Put(long offsetBytes, Bytes bytes) implements Step {}

        /** Everything put so far must be durable before the next step. */
        record Flush() implements Step {}
    }
}
