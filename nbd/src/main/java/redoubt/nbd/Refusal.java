package redoubt.nbd;

import java.nio.charset.StandardCharsets;
import redoubt.base.Bug;
import redoubt.block.IoStatus;

/**
 * Why a request in transmission was not done: the error number that the protocol has for it, and a sentence for the client that
 * asked for structured replies. The sentences are bytes already, so that a refusal allocates nothing.
 */
enum Refusal {
    READ_ONLY(Wire.EPERM, "this export is read-only"),
    IO_ERROR(Wire.EIO, "the device could not do it"),
    TIMED_OUT(Wire.EIO, "the device did not answer in time"),
    UNKNOWN_COMMAND(Wire.EINVAL, "no such command"),
    WRONG_FLAGS(Wire.EINVAL, "a flag is set that this command does not have, or that was not negotiated"),
    EMPTY(Wire.EINVAL, "the length is zero"),
    UNALIGNED(Wire.EINVAL, "offset and length must be multiples of the block size"),
    BEYOND_THE_END(Wire.EINVAL, "the range goes beyond the end of the export"),
    NOT_AT_ZERO(Wire.EINVAL, "a flush has offset and length zero"),
    NO_CONTEXT(Wire.EINVAL, "no metadata context was negotiated"),
    INVALID(Wire.EINVAL, "the device has no such range"),
    TOO_LONG(Wire.EINVAL, "longer than the largest payload, 32 MiB"),
    TOO_LONG_FOR_A_REPLY(Wire.EOVERFLOW, "longer than the largest payload, 32 MiB"),
    NO_ROOM_THERE(Wire.ENOSPC, "the range goes beyond the end of the export"),
    NO_SPACE(Wire.ENOSPC, "the device has no room left"),
    NOT_FAST(Wire.ENOTSUP, "zeroing would not be faster than writing"),
    SHUTTING_DOWN(Wire.ESHUTDOWN, "the server is shutting down");

    private static final Bug DONE = Bug.of("a request that was done is refused");

    final int number;

    @SuppressWarnings("ImmutableEnumChecker") // filled once, here
    final byte[] sentence;

    Refusal(int number, String sentence) {
        this.number = number;
        this.sentence = sentence.getBytes(StandardCharsets.US_ASCII);
    }

    /** The refusal that a device's answer means; only for answers that are not OK. */
    static Refusal of(IoStatus status) {
        return switch (status) {
            case OK -> throw DONE;
            case IO_ERROR -> IO_ERROR;
            case NO_SPACE -> NO_SPACE;
            case TIMED_OUT -> TIMED_OUT;
            case INVALID -> INVALID;
            case READ_ONLY -> READ_ONLY;
            case UNSUPPORTED -> NOT_FAST;
            case GONE -> SHUTTING_DOWN;
        };
    }
}
