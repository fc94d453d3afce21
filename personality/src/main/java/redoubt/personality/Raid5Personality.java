package redoubt.personality;

import redoubt.base.Bug;
import redoubt.block.IoBuffer;
import redoubt.block.IoCompletion;
import redoubt.block.IoOperation;
import redoubt.block.IoRequest;
import redoubt.block.IoStatus;
import redoubt.md.Array;
import redoubt.md.ArrayView;
import redoubt.md.Level;
import redoubt.md.Member;
import redoubt.md.Personality;
import redoubt.md.PersonalityHost;
import redoubt.md.Traits;

/**
 * The levels that keep parity: RAID5, RAID4 where it does not move, and RAID6 with two of them. What differs is the {@link ParityLayout}.
 *
 * <p><b>Reads</b> go straight to the members, one child a piece. In a stripe where a piece is on a member that is gone, or could not be read,
 * they are parts like writes: the piece is made from the other strips, and nobody may be half-way through changing these.
 *
 * <p><b>Writes</b> are cut into parts, one for each band they touch, and each part is carried out by itself, under the lock of its band
 * ({@link Stripes}, {@link StripeWork}); the request has all its parts or none. TRIM and WRITE_ZEROES over whole stripes go by
 * {@link Clearing}; what is left of WRITE_ZEROES at the edges is a write of zeroes, what is left of TRIM is not done.
 *
 * <p><b>When a member fails under a write</b>, the array records that and has the whole request done again. What makes this right:
 *
 * <table>
 * <caption>Failures, and what the second time finds</caption>
 * <tr><th>failed</th><th>left behind</th><th>the second time</th></tr>
 * <tr><td>old data or parity could not be read</td><td>nothing was written</td><td>another method, which does not read there; the slot is
 *     written all the same</td></tr>
 * <tr><td>reading hung</td><td>nothing was written</td><td>the member is gone: reconstruct, or rebuild</td></tr>
 * <tr><td>a data write failed or hung</td><td>the parity has the new content</td><td>the member is gone; its strip is what the others and
 *     the parity say, which is the new content already</td></tr>
 * <tr><td>the parity write failed or hung</td><td>the data has the new content</td><td>the member is gone: data without parity</td></tr>
 * <tr><td>more of them than a stripe has parities</td><td>anything, in the bands under way</td><td>the array is broken: an I/O error</td></tr>
 * </table>
 *
 * <p>With two parities the table holds for two failures at once, and for one more where a member is gone: whichever strips are written agree
 * with each other, as all of them have the new content, and those that are not are made from as many of these.
 *
 * <p>A write that comes to the band between the failure and the record of it does not use the member either: it goes by
 * {@link PersonalityHost#soundSlots}, which forgets a member in the moment in which it fails.
 *
 * <p>No state of its own, no locks; any thread.
 */
public final class Raid5Personality implements Personality {

    private static final Bug NOT_FOR_PARITY = Bug.of("a flush came to stripes, and it is the array's own");

    private static final int PIECES_LIMIT = 64;
    private static final int PARTS_LIMIT = 256;

    /** Runs over whole stripes are carried so many at a time. */
    private static final int CLEARINGS = 4;

    private final PersonalityHost host;
    private final ParityLayout layout;
    private final Traits traits;
    private final Stripes stripes;
    private final Clearing[] clearings = new Clearing[CLEARINGS];
    private final BandCutter cutter;
    private final IoCompletion pieceEnded = this::pieceEnded;
    private final IoCompletion partEnded = this::partEnded;
    private volatile boolean stopped;

    /**
     * Makes the personality of a level, with all the memory it will use.
     *
     * @param level RAID4, RAID5, or RAID6 for a layout with two parities
     * @param layout with a chunk that is a power of two
     */
    public Raid5Personality(PersonalityHost host, Level level, ParityLayout layout) {
        long chunk = layout.chunkBytes();
        if (Long.bitCount(chunk) != 1 || chunk > 1 << 30) {
            throw new IllegalArgumentException("a chunk of " + chunk + " bytes is no power of two, or too large");
        }
        this.host = host;
        this.layout = layout;
        this.stripes = new Stripes(host, layout);
        this.cutter = new BandCutter(layout, stripes.bandBytes());
        for (int i = 0; i < CLEARINGS; i++) {
            clearings[i] = new Clearing(stripes, host, layout);
        }
        long longest = Math.min(PIECES_LIMIT * chunk, (long) PARTS_LIMIT * stripes.bandBytes());
        int edges = 2 * (int) (chunk / stripes.bandBytes() + 2);
        this.traits = new Traits(
                level,
                layout,
                true,
                true,
                (int) Math.min(layout.stripeBytes(), 1 << 30),
                (int) Math.min(longest, 1 << 30),
                Math.max(PIECES_LIMIT + PARTS_LIMIT + 4, edges + 1));
    }

    @Override
    public Traits traits() {
        return traits;
    }

    @Override
    public boolean operational(long inSyncSlots) {
        return Long.bitCount(inSyncSlots) >= layout.dataSlots();
    }

    @Override
    public void submit(IoRequest request, ArrayView view) {
        if (stopped) {
            host.finished(request, IoStatus.GONE);
            return;
        }
        switch (request.operation()) {
            case READ -> read(request, view);
            case WRITE -> write(request);
            case TRIM, WRITE_ZEROES -> clear(request);
            case ALLOCATION -> {
                AllData.answer(request);
                host.finished(request, IoStatus.OK);
            }
            case FLUSH -> throw NOT_FOR_PARITY;
        }
    }

    @Override
    public void broke() {
        stripes.broke();
    }

    @Override
    public void stop() {
        stopped = true;
        stripes.close();
    }

    /** Whether nothing is under way, and no call that hangs keeps anything of ours: for inspection after a test. */
    public boolean idle() {
        boolean idle = stripes.idle();
        for (Clearing clearing : clearings) {
            idle &= clearing.idle();
        }
        return idle;
    }

    // ---------------------------------------------------------------------------------------------- reads

    private void read(IoRequest request, ArrayView view) {
        long start = request.offset();
        long end = start + request.length();
        long good = view.inSyncSlots() & ~request.avoidedSlots;
        int children = 0;
        for (long at = start; at < end; ) {
            long stop = Math.min(end, cutter.stripeEnd(at));
            children += straight(good, at, stop) ? pieces(at, stop) : cutter.count(at, stop);
            at = stop;
        }
        if (!host.reserve(children)) {
            host.waitForChildren(request);
            return;
        }
        request.expectChildren(children);
        // The request may be over, and somebody else's, as soon as its last child is sent.
        for (long at = start; at < end; ) {
            long stop = Math.min(end, cutter.stripeEnd(at));
            if (straight(good, at, stop)) {
                sendPieces(request, view, start, at, stop);
            } else {
                sendParts(request, IoOperation.READ, 0, at, stop);
            }
            at = stop;
        }
    }

    /** Whether all that is asked of a stripe is on members that can be read. */
    private boolean straight(long good, long start, long end) {
        long stripe = layout.stripe(start);
        int last = layout.index(end - 1);
        for (int index = layout.index(start); index <= last; index++) {
            if ((good >>> layout.dataSlot(stripe, index) & 1) == 0) {
                return false;
            }
        }
        return true;
    }

    private int pieces(long start, long end) {
        return layout.index(end - 1) - layout.index(start) + 1;
    }

    private void sendPieces(IoRequest request, ArrayView view, long requestStart, long start, long end) {
        IoBuffer buffer = request.buffer();
        int bufferOffset = request.bufferOffset();
        for (long at = start; at < end; ) {
            long length = Math.min(layout.run(at), end - at);
            Member member = view.member(layout.slot(at, 0));
            IoRequest child = host.child();
            child.prepare(
                    IoOperation.READ,
                    member.dataOffset() + layout.memberOffset(at, 0),
                    length,
                    0,
                    buffer,
                    bufferOffset + (int) (at - requestStart),
                    pieceEnded);
            child.parent = request;
            child.slot = member.slot();
            at += length;
            member.submit(child);
        }
    }

    private void pieceEnded(IoRequest child) {
        IoRequest parent = Array.parentOf(child);
        boolean last = host.childEnded(parent, child, child.slot);
        child.free();
        if (last) {
            host.childrenSettled(parent);
        }
    }

    // ---------------------------------------------------------------------------------------------- writes

    private void write(IoRequest request) {
        long start = request.offset();
        long end = start + request.length();
        int parts = 0;
        for (long at = start; at < end; at = cutter.stripeEnd(at)) {
            parts += cutter.count(at, Math.min(end, cutter.stripeEnd(at)));
        }
        if (!host.reserve(parts)) {
            host.waitForChildren(request);
            return;
        }
        int flags = request.flags();
        request.expectChildren(parts);
        for (long at = start; at < end; at = cutter.stripeEnd(at)) {
            sendParts(request, IoOperation.WRITE, flags, at, Math.min(end, cutter.stripeEnd(at)));
        }
    }

    /** Whole stripes in the middle are one child; the stripes at the edges are parts. */
    private void clear(IoRequest request) {
        IoOperation operation = request.operation();
        int flags = request.flags() & ~IoRequest.FAST_ZERO;
        long start = request.offset();
        long end = start + request.length();
        long firstWhole = Math.ceilDiv(start, layout.stripeBytes());
        long endWhole = Math.max(firstWhole, layout.stripe(end));
        boolean edges = operation == IoOperation.WRITE_ZEROES;
        // Up to the first whole stripe, and from the last one on: the same, where everything lies within one.
        long leftEnd = Math.min(end, firstWhole * layout.stripeBytes());
        long rightStart = Math.max(leftEnd, endWhole * layout.stripeBytes());
        int left = edges && start < leftEnd ? cutter.count(start, leftEnd) : 0;
        int right = edges && rightStart < end ? cutter.count(rightStart, end) : 0;
        int middle = endWhole > firstWhole ? 1 : 0;
        int parts = left + middle + right;
        if (parts == 0) {
            host.finished(request, IoStatus.OK);
            return;
        }
        if (!host.reserve(parts)) {
            host.waitForChildren(request);
            return;
        }
        request.expectChildren(parts);
        if (left > 0) {
            sendParts(request, IoOperation.WRITE_ZEROES, flags, start, leftEnd);
        }
        if (right > 0) {
            sendParts(request, IoOperation.WRITE_ZEROES, flags, rightStart, end);
        }
        if (middle > 0) {
            long length = (endWhole - firstWhole) * layout.chunkBytes();
            IoRequest part = part(request, operation, flags, firstWhole, 0, length);
            clearings[(int) (firstWhole % CLEARINGS)].enter(part);
        }
    }

    /** Sends the parts of a range within one stripe. */
    private void sendParts(IoRequest request, IoOperation operation, int flags, long start, long end) {
        long stripe = layout.stripe(start);
        int count = cutter.count(start, end);
        for (int i = 0; i < count; i++) {
            int low = cutter.low(start, end, i);
            stripes.enter(part(request, operation, flags, stripe, low, cutter.high(start, end, i) - low));
        }
    }

    private IoRequest part(IoRequest request, IoOperation operation, int flags, long stripe, int low, long length) {
        IoRequest part =
                host.child().prepare(operation, stripe * layout.chunkBytes() + low, length, flags, null, 0, partEnded);
        part.parent = request;
        part.cookie = stripe;
        return part;
    }

    private void partEnded(IoRequest part) {
        IoRequest parent = Array.parentOf(part);
        part.free();
        if (parent.childSettled()) {
            host.childrenSettled(parent);
        }
    }
}
