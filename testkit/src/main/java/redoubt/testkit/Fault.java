package redoubt.testkit;

import java.util.EnumSet;
import java.util.Set;
import redoubt.block.IoOperation;
import redoubt.block.IoRequest;
import redoubt.block.IoStatus;

/**
 * Something that goes wrong in a {@link SimulatedMember}: with which requests, from the how-manieth on, how often, and how.
 *
 * @param operations which operations it meets
 * @param fromByte first byte of the range it meets; flushes are met whatever the range
 * @param toByte the byte behind the range
 * @param after how many matching requests go well first
 * @param times how many then go wrong; {@link Integer#MAX_VALUE} for all
 * @param hangs whether they are never answered until the member is released, instead of failing
 * @param how the status they fail with
 */
public record Fault(
        Set<IoOperation> operations, long fromByte, long toByte, int after, int times, boolean hangs, IoStatus how) {

    /** Takes an unchangeable copy. */
    public Fault {
        operations = Set.copyOf(operations);
    }

    /** Every one of these operations fails. */
    public static Fault failing(IoStatus how, IoOperation first, IoOperation... more) {
        return new Fault(EnumSet.of(first, more), 0, Long.MAX_VALUE, 0, Integer.MAX_VALUE, false, how);
    }

    /** Every one of these operations hangs. */
    public static Fault hanging(IoOperation first, IoOperation... more) {
        return new Fault(EnumSet.of(first, more), 0, Long.MAX_VALUE, 0, Integer.MAX_VALUE, true, IoStatus.TIMED_OUT);
    }

    /** The same, after so many that go well. */
    public Fault after(int changed) {
        return new Fault(operations, fromByte, toByte, changed, times, hangs, how);
    }

    /** The same, so many times. */
    public Fault times(int changed) {
        return new Fault(operations, fromByte, toByte, after, changed, hangs, how);
    }

    /** The same, within this range only. */
    public Fault within(long from, long to) {
        return new Fault(operations, from, to, after, times, hangs, how);
    }

    boolean meets(IoRequest request) {
        if (!operations.contains(request.operation())) {
            return false;
        }
        return request.operation() == IoOperation.FLUSH
                || (request.offset() < toByte && request.offset() + request.length() > fromByte);
    }
}
