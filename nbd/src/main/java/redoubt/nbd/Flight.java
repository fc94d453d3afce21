package redoubt.nbd;

import org.jspecify.annotations.Nullable;
import redoubt.block.IoRequest;
import redoubt.block.IoStatus;

/**
 * One place for a request that is with a remote server. A long request goes in several steps, one command after another in the same
 * place; after a lost connection the step that was not answered is sent again, unless it changes data ({@link Flights#mayHaveLostChanges}).
 *
 * <p>Belongs to the client's thread.
 */
final class Flight {

    final int index;

    @Nullable
    IoRequest request;

    /** Changes with each command, so that a late answer to an earlier one is not taken for this one's. */
    int generation;

    /** The command that is under way. */
    int type;

    /** Whether that command has been sent over the present connection, so that there can be an answer. */
    boolean sent;

    /** Whether that command changes data and is with the server, as {@link Landmarks} counts it. */
    boolean changing;

    /** Whether its zeroes are written, since the server has refused to make them. */
    boolean writesZeroes;

    /** Bytes of the request that are done. */
    long done;

    /** Bytes that the command under way is about. */
    long step;

    /** Which bytes of a READ's step have come. */
    final Coverage covered = new Coverage();

    /** What the server said of the command, before the last chunk. */
    IoStatus status = IoStatus.OK;

    /** Pairs of an ALLOCATION. */
    int pairs;

    /** Of a FLUSH: how many changes had been answered when it was sent. */
    long changesBefore;

    /** Whether the payload of a WRITE is still being sent, from the request's own memory. */
    boolean payloadLeaves;

    /** Whether the server has refused the WRITE meanwhile. */
    boolean refusedEarly;

    Flight(int index) {
        this.index = index;
    }

    void begin(IoRequest starting) {
        request = starting;
        done = 0;
        step = 0;
        writesZeroes = false;
        status = IoStatus.OK;
    }

    /** Whether the command is one that changes what the export holds. */
    boolean changesData() {
        return type == Wire.CMD_WRITE || type == Wire.CMD_WRITE_ZEROES;
    }

    IoRequest carried() {
        IoRequest present = request;
        if (present == null) {
            throw new IllegalStateException("an empty place flies");
        }
        return present;
    }

    /** The next command's cookie: this place and a number that no earlier command of it had. */
    long newCookie() {
        generation++;
        sent = true;
        covered.clear();
        pairs = 0;
        payloadLeaves = false;
        refusedEarly = false;
        return cookie();
    }

    long cookie() {
        return ((long) generation << 32) | index;
    }
}
