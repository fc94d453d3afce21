package redoubt.nbd;

import org.jspecify.annotations.Nullable;

/**
 * What a client and the server agreed on in the handshake, and with it what of a request can be judged by its header alone.
 *
 * @param export the export
 * @param structured whether replies are structured
 * @param allocationContext the id of base:allocation, or 0
 * @param partBytes largest part of a request: what one buffer and one request to the device hold
 */
record Terms(Export export, boolean structured, int allocationContext, int partBytes) {

    /** Why a request is not done, or null if it is lawful. */
    @Nullable
    Refusal objection(int type, int flags, long offset, long length) {
        if (export.withdrawn) {
            return Refusal.SHUTTING_DOWN;
        }
        int lawful = switch (type) {
            case Wire.CMD_READ -> structured ? Wire.CMD_FLAG_FUA | Wire.CMD_FLAG_DF : Wire.CMD_FLAG_FUA;
            case Wire.CMD_WRITE, Wire.CMD_FLUSH, Wire.CMD_TRIM, Wire.CMD_CACHE -> Wire.CMD_FLAG_FUA;
            case Wire.CMD_WRITE_ZEROES -> Wire.CMD_FLAG_FUA | Wire.CMD_FLAG_NO_HOLE | Wire.CMD_FLAG_FAST_ZERO;
            case Wire.CMD_BLOCK_STATUS -> Wire.CMD_FLAG_FUA | Wire.CMD_FLAG_REQ_ONE;
            default -> -1;
        };
        if (lawful < 0) {
            return Refusal.UNKNOWN_COMMAND;
        }
        if ((flags & ~lawful) != 0) {
            return Refusal.WRONG_FLAGS;
        }
        if (type == Wire.CMD_FLUSH) {
            return (offset | length) == 0 ? null : Refusal.NOT_AT_ZERO;
        }
        boolean writes = type == Wire.CMD_WRITE || type == Wire.CMD_WRITE_ZEROES;
        if (export.readOnly && (writes || type == Wire.CMD_TRIM)) {
            return Refusal.READ_ONLY;
        }
        if (type == Wire.CMD_BLOCK_STATUS && allocationContext == 0) {
            return Refusal.NO_CONTEXT;
        }
        if (length == 0) {
            return Refusal.EMPTY;
        }
        if (offset < 0 || offset > export.sizeBytes - length) {
            return writes ? Refusal.NO_ROOM_THERE : Refusal.BEYOND_THE_END;
        }
        if (((offset | length) & (export.blockBytes - 1L)) != 0) {
            return Refusal.UNALIGNED;
        }
        if (type == Wire.CMD_READ) {
            if (length > Wire.MAX_PAYLOAD_BYTES) {
                return structured ? Refusal.TOO_LONG_FOR_A_REPLY : Refusal.TOO_LONG;
            }
            if ((flags & Wire.CMD_FLAG_DF) != 0 && length > partBytes) {
                return Refusal.TOO_LONG_FOR_A_REPLY;
            }
        }
        return null;
    }
}
