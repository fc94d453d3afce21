package redoubt.testkit;

import java.util.EnumSet;
import java.util.Set;
import redoubt.block.IoOperation;
import redoubt.block.IoRequest;
import redoubt.block.IoStatus;

/**
 * Something that goes wrong in a {@link SimulatedMember}: with which requests, from the how-manieth on, how often, and how. A request that
 * it meets is first kept for a while and then answered.
 *
 * @param operations which operations it meets
 * @param fromByte first byte of the range it meets; flushes are met whatever the range
 * @param toByte the byte behind the range
 * @param after how many matching requests go well first
 * @param times how many then go wrong; {@link Integer#MAX_VALUE} for all
 * @param delayNanos for how long they are kept: 0 for not at all, {@link #FOR_EVER} until the member is healed
 * @param how the status they are answered with then; {@link IoStatus#OK} for what the disk says once it has done them
 * @param tears whether a write that fails has done its first half
 */
public record Fault(
        Set<IoOperation> operations,
        long fromByte,
        long toByte,
        int after,
        int times,
        long delayNanos,
        IoStatus how,
        boolean tears) {

    /** The delay of what hangs. */
    public static final long FOR_EVER = Long.MAX_VALUE;

    /** Takes an unchangeable copy. */
    public Fault {
        operations = Set.copyOf(operations);
        if (delayNanos < 0) {
            throw new IllegalArgumentException("a delay is negative: " + delayNanos);
        }
    }

    /** Every one of these operations fails, and has done nothing. */
    public static Fault failing(IoStatus how, IoOperation first, IoOperation... more) {
        return new Fault(EnumSet.of(first, more), 0, Long.MAX_VALUE, 0, Integer.MAX_VALUE, 0, how, false);
    }

    /** Every one of these operations hangs. */
    public static Fault hanging(IoOperation first, IoOperation... more) {
        return delaying(FOR_EVER, first, more);
    }

    /** Every one of these operations goes well, but takes so long. */
    public static Fault delaying(long nanos, IoOperation first, IoOperation... more) {
        return new Fault(EnumSet.of(first, more), 0, Long.MAX_VALUE, 0, Integer.MAX_VALUE, nanos, IoStatus.OK, false);
    }

    /** The same, of every operation. */
    public Fault ofEverything() {
        return new Fault(EnumSet.allOf(IoOperation.class), fromByte, toByte, after, times, delayNanos, how, tears);
    }

    /** The same, after so many that go well. */
    public Fault after(int changed) {
        return new Fault(operations, fromByte, toByte, changed, times, delayNanos, how, tears);
    }

    /** The same, so many times. */
    public Fault times(int changed) {
        return new Fault(operations, fromByte, toByte, after, changed, delayNanos, how, tears);
    }

    /** The same, within this range only. */
    public Fault within(long from, long to) {
        return new Fault(operations, from, to, after, times, delayNanos, how, tears);
    }

    /** The same, but a write that fails has done its first half. */
    public Fault tearing() {
        return new Fault(operations, fromByte, toByte, after, times, delayNanos, how, true);
    }

    /** Whether it keeps requests until the member is healed. */
    public boolean hangs() {
        return delayNanos == FOR_EVER;
    }

    boolean meets(IoRequest request) {
        if (!operations.contains(request.operation())) {
            return false;
        }
        return request.operation() == IoOperation.FLUSH
                || (request.offset() < toByte && request.offset() + request.length() > fromByte);
    }
}
