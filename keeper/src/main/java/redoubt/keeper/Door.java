package redoubt.keeper;

import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import redoubt.base.Extent;
import redoubt.block.BlockDevice;
import redoubt.block.BlockLimits;
import redoubt.block.IoCompletion;
import redoubt.block.IoOperation;
import redoubt.block.IoRequest;
import redoubt.block.IoRequestPool;
import redoubt.block.IoStatus;

/**
 * The only way on which an external daemon reaches a member, and the place where it is fenced: a daemon that was stopped between its
 * decision and its write obeys no attribute any more, so the write itself has to be refused. Reads and flushes pass until the incarnation is
 * fenced; writes pass while it is the current one, and into the metadata area only. Everything else is answered {@link IoStatus#IO_ERROR}.
 *
 * <p><b>The fence has no gap.</b> A write counts itself in first and looks at the standing second; who fences changes the standing first and looks at
 * the count second. So either the write is refused, or the takeover knows of it and waits for its end, which comes within the member's
 * time limit: a write that does not end well costs the member its place.
 *
 * <p>Any thread; nothing blocks. At most {@link #REQUESTS_LIMIT} requests are under way, and one more is answered IO_ERROR.
 */
public final class Door implements BlockDevice {

    /** How many requests may be under way at a door. */
    public static final int REQUESTS_LIMIT = 64;

    private final Incarnation incarnation;
    private final int disk;
    private final BlockDevice device;
    private final Extent[] places;
    private final Extent anchor;
    private final IoRequestPool pool = new IoRequestPool(REQUESTS_LIMIT);
    private final IoCompletion ended = this::ended;
    private final AtomicInteger writesInside = new AtomicInteger();
    private volatile long readAt = Incarnation.NEVER_READ; // the count of changes at which the anchor was last read

    Door(Incarnation incarnation, int disk, BlockDevice device, List<Extent> places, Extent anchor) {
        this.incarnation = incarnation;
        this.disk = disk;
        this.device = device;
        this.places = places.toArray(new Extent[0]);
        this.anchor = anchor;
    }

    @Override
    public BlockLimits limits() {
        return device.limits();
    }

    @Override
    public void submit(IoRequest request) {
        IoStatus refused = limits().check(request);
        if (refused != IoStatus.OK) {
            request.complete(refused);
            return;
        }
        incarnation.cameToADoor();
        boolean changes = request.operation().changesData();
        if (changes) {
            writesInside.incrementAndGet();
        }
        if (!passes(request) || !pool.reserve(1)) {
            if (changes) {
                leave();
            }
            request.complete(IoStatus.IO_ERROR);
            return;
        }
        IoRequest child = pool.take();
        child.prepare(
                request.operation(),
                request.offset(),
                request.length(),
                request.flags(),
                request.operation().movesBytes() ? request.buffer() : null,
                request.bufferOffset(),
                ended);
        child.parent = request;
        child.cookie = incarnation.changes();
        device.submit(child);
    }

    private boolean passes(IoRequest request) {
        Standing standing = incarnation.standing();
        return switch (request.operation()) {
            case READ, FLUSH -> standing != Standing.FENCED;
            case WRITE, WRITE_ZEROES -> standing == Standing.CURRENT && isMetadata(request);
            case TRIM, ALLOCATION -> false;
        };
    }

    private boolean isMetadata(IoRequest request) {
        for (Extent place : places) {
            if (request.offset() >= place.offset()
                    && request.offset() + request.length() <= place.offset() + place.length()) {
                return true;
            }
        }
        return false;
    }

    private void ended(IoRequest child) {
        IoRequest parent = child.parent;
        IoStatus how = child.status();
        boolean changes = child.operation().changesData();
        if (changes && how.blamesDevice()) {
            incarnation.lost(disk);
        }
        if (how.ok() && child.operation() == IoOperation.READ && covers(child)) {
            long seen = child.cookie;
            if (seen % 2 == 0 && seen == incarnation.changes()) {
                readAt = seen;
                incarnation.hasRead();
            }
        }
        child.free();
        if (changes) {
            leave();
        }
        if (parent != null) {
            parent.complete(how);
        }
    }

    private boolean covers(IoRequest read) {
        return read.offset() <= anchor.offset() && read.offset() + read.length() >= anchor.offset() + anchor.length();
    }

    private void leave() {
        if (writesInside.decrementAndGet() == 0 && incarnation.standing() == Standing.FENCED) {
            incarnation.doorEmptied();
        }
    }

    /** How many writes were passed on and have not ended. */
    int writesInside() {
        return writesInside.get();
    }

    /** The count of changes at which this daemon last read how new the metadata is. */
    long readAt() {
        return readAt;
    }

    /** Nothing to give back: the member belongs to the engine. */
    @Override
    public void close() {}
}
