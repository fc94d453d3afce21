package redoubt.personality;

import org.jspecify.annotations.Nullable;
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
 * The levels that keep data as copies and nothing else: linear and RAID0 (one copy), RAID1 (a copy on every member), RAID10. With far copies
 * nothing can be trimmed or zeroed, but by writing zeroes.
 *
 * <p>A write goes to every copy that is in sync; it ends when all have answered. Where there are copies, writes that overlap go one after
 * another ({@link WriteOrder}), TRIM and WRITE_ZEROES among them, and a write that is done again after a failure takes its turn again:
 * otherwise two members could take two writes in different order and differ for ever.
 *
 * <p>A read needs no turn. It goes to one copy a piece, chosen as md chooses (Linux, drivers/md/raid1.c, read_balance): the member whose
 * last read ended here, else the one with the fewest reads in flight or, if every copy is under a head that has to move and none is
 * idle, the nearest; where mirrors are not known to agree, always the first slot. A piece whose only copies are gone or cannot be read is an I/O error.
 *
 * <p>No state but the members' counters and the turns of the writes, no locks; any thread.
 */
public final class CopiesPersonality implements Personality {

    private static final Bug NOT_FOR_COPIES = Bug.of("a flush came to copies, and it is the array's own");
    private static final Bug UNDER_WAY_STILL = Bug.of("a write ends that is under way");

    private static final int PIECES_LIMIT = 64;
    private static final int NO_SLOT = -1;

    private final PersonalityHost host;
    private final CopiesLayout layout;
    private final Traits traits;
    private final @Nullable WriteOrder order; // absent where there are no copies
    private final IoCompletion copyEnded = this::copyEnded;
    private final IoCompletion readEnded = this::readEnded;
    private final IoCompletion allocationEnded = this::allocationEnded;
    private volatile boolean stopped;

    /**
     * Makes the personality of a level.
     *
     * @param level linear, RAID0, RAID1 or RAID10
     * @param chunkBytes the chunk; a power of two
     */
    public CopiesPersonality(PersonalityHost host, Level level, CopiesLayout layout, int chunkBytes) {
        this.host = host;
        this.layout = layout;
        this.order = layout.copies() > 1 ? new WriteOrder() : null;
        boolean striped = !layout.mirrorsAll();
        long longest = striped ? (long) PIECES_LIMIT * chunkBytes : Integer.MAX_VALUE & -4096;
        int preferred = striped ? chunkBytes : 4096;
        this.traits = new Traits(
                level,
                layout,
                layout.copies() > 1,
                false,
                preferred,
                (int) Math.min(longest, Integer.MAX_VALUE & -4096),
                Math.max((PIECES_LIMIT + 1) * layout.copies(), layout.slots()));
    }

    @Override
    public Traits traits() {
        return traits;
    }

    @Override
    public boolean operational(long inSyncSlots) {
        // Copies of chunk k start at slot k*step mod slots, so all starts are met within one turn of slots/gcd
        // chunks.
        int slots = layout.slots();
        int start = 0;
        do {
            boolean held = false;
            for (int copy = 0; copy < layout.copies(); copy++) {
                held |= ((inSyncSlots >>> ((start + copy) % slots)) & 1) != 0;
            }
            if (!held) {
                return false;
            }
            start = (start + layout.slotsToTheNextChunk()) % slots;
        } while (start != 0);
        return true;
    }

    @Override
    public void submit(IoRequest request, ArrayView view) {
        switch (request.operation()) {
            case READ -> read(request, view);
            case WRITE, TRIM, WRITE_ZEROES -> inOrder(request);
            case ALLOCATION -> allocation(request, view);
            case FLUSH -> throw NOT_FOR_COPIES;
        }
    }

    @Override
    public void stop() {
        stopped = true;
    }

    /** Whether no write is under way or waits for its turn: for inspection after a test. */
    public boolean idle() {
        WriteOrder turns = order;
        return turns == null || turns.idle();
    }

    // ---------------------------------------------------------------------------------------------- read

    private void read(IoRequest request, ArrayView view) {
        long end = request.offset() + request.length();
        int pieces = 0;
        for (long at = request.offset(); at < end; ) {
            if (choose(request, view, at) == NO_SLOT) {
                host.finished(request, IoStatus.IO_ERROR);
                return;
            }
            pieces++;
            at += Math.min(layout.run(at), end - at);
        }
        if (!host.reserve(pieces)) {
            host.waitForChildren(request);
            return;
        }
        IoBuffer buffer = request.buffer();
        int bufferOffset = request.bufferOffset();
        long start = request.offset();
        request.expectChildren(pieces);
        long at = start;
        while (at < end) {
            long length = Math.min(layout.run(at), end - at);
            int copy = Math.max(0, choose(request, view, at));
            Member member = view.member(layout.slot(at, copy));
            long memberOffset = layout.memberOffset(at, copy);
            member.readsInFlight().getAndIncrement();
            member.nextSequential(memberOffset + length);
            IoRequest child = host.child();
            child.prepare(
                    IoOperation.READ,
                    member.dataOffset() + memberOffset,
                    length,
                    0,
                    buffer,
                    bufferOffset + (int) (at - start),
                    readEnded);
            at += length;
            child.parent = request;
            child.slot = member.slot();
            child.attachment = member;
            member.submit(child);
        }
    }

    private int choose(IoRequest request, ArrayView view, long at) {
        int copies = layout.copies();
        int idlest = NO_SLOT;
        int fewestPending = 0;
        int nearest = NO_SLOT;
        long leastDistance = 0;
        boolean allRotational = true;
        for (int copy = 0; copy < copies; copy++) {
            int slot = layout.slot(at, copy);
            if (!view.inSync(slot) || (request.avoidedSlots & (1L << slot)) != 0) {
                continue;
            }
            if (copies == 1 || !view.redundancyKnown()) {
                return copy;
            }
            Member member = view.member(slot);
            long distance = Math.abs(member.nextSequential() - layout.memberOffset(at, copy));
            if (distance == 0) {
                return copy;
            }
            int pending = member.readsInFlight().get();
            allRotational &= member.device().limits().rotational();
            if (idlest == NO_SLOT || pending < fewestPending) {
                idlest = copy;
                fewestPending = pending;
            }
            if (nearest == NO_SLOT || distance < leastDistance) {
                nearest = copy;
                leastDistance = distance;
            }
        }
        return allRotational && fewestPending != 0 ? nearest : idlest;
    }

    private void readEnded(IoRequest child) {
        if (child.attachment instanceof Member member) {
            member.readsInFlight().getAndDecrement();
        }
        ended(child);
    }

    // ---------------------------------------------------------------------------------------------- write

    /** How far a write has come when it was begun. */
    private enum Begun {
        /** Its children are with the members. */
        UNDER_WAY,
        /** They have ended already. */
        SETTLED,
        /** There are no children for it at this moment. */
        STARVED,
        /** No member is left for a piece of it. */
        IMPOSSIBLE,
        /** The array was stopped while it was parked. */
        GONE
    }

    private void inOrder(IoRequest write) {
        WriteOrder turns = order;
        if (turns == null || turns.enter(write)) {
            write.next = null;
            carry(write);
        }
    }

    /**
     * Begins writes whose turn it is: a list. What ends at once sets off those that waited for it, which then are in the list too; nothing
     * recurses, whatever the members do.
     */
    private void carry(@Nullable IoRequest list) {
        IoRequest ready = list;
        while (ready != null) {
            IoRequest younger = ready.next;
            ready.next = null;
            Begun how = begin(ready, host.view());
            ready = how == Begun.UNDER_WAY ? younger : end(ready, how, younger);
        }
    }

    private Begun begin(IoRequest request, ArrayView view) {
        if (stopped) {
            return Begun.GONE;
        }
        return request.operation() == IoOperation.WRITE ? write(request, view) : clear(request, view);
    }

    /** Lets go those that waited for this write, and adds them to the list of those that are ready, before it is told. */
    private @Nullable IoRequest end(IoRequest write, Begun how, @Nullable IoRequest list) {
        WriteOrder turns = order;
        IoRequest ready = turns == null ? list : turns.leave(write, list);
        switch (how) {
            case UNDER_WAY -> throw UNDER_WAY_STILL;
            case SETTLED -> host.childrenSettled(write);
            case STARVED -> host.waitForChildren(write);
            case IMPOSSIBLE -> host.finished(write, IoStatus.IO_ERROR);
            case GONE -> host.finished(write, IoStatus.GONE);
        }
        return ready;
    }

    private void copyEnded(IoRequest child) {
        IoRequest parent = Array.parentOf(child);
        boolean last = host.childEnded(parent, child, child.slot);
        child.free();
        if (last) {
            carry(end(parent, Begun.SETTLED, null));
        }
    }

    // While it is sent, a write counts as one more child of its own: one that ends within submit is never the last.

    private Begun write(IoRequest request, ArrayView view) {
        long start = request.offset();
        long end = start + request.length();
        int children = 0;
        for (long at = start; at < end; ) {
            int held = 0;
            for (int copy = 0; copy < layout.copies(); copy++) {
                held += view.inSync(layout.slot(at, copy)) ? 1 : 0;
            }
            if (held == 0) {
                return Begun.IMPOSSIBLE;
            }
            children += held;
            at += Math.min(layout.run(at), end - at);
        }
        if (!host.reserve(children)) {
            return Begun.STARVED;
        }
        request.expectChildren(children + 1);
        for (long at = start; at < end; ) {
            long length = Math.min(layout.run(at), end - at);
            for (int copy = 0; copy < layout.copies(); copy++) {
                int slot = layout.slot(at, copy);
                if (view.inSync(slot)) {
                    Member member = view.member(slot);
                    IoRequest child = host.child();
                    child.prepare(
                            IoOperation.WRITE,
                            member.dataOffset() + layout.memberOffset(at, copy),
                            length,
                            request.flags(),
                            request.buffer(),
                            request.bufferOffset() + (int) (at - start),
                            copyEnded);
                    child.parent = request;
                    child.slot = slot;
                    member.submit(child);
                }
            }
            at += length;
        }
        return request.childSettled() ? Begun.SETTLED : Begun.UNDER_WAY;
    }

    /** TRIM and WRITE_ZEROES: a run of the array, however long, is one run on each member. */
    private Begun clear(IoRequest request, ArrayView view) {
        if (layout.held(0, 0) == CopiesLayout.IN_PIECES) {
            return Begun.IMPOSSIBLE;
        }
        long start = request.offset();
        long end = start + request.length();
        if (!operational(view.inSyncSlots())) {
            return Begun.IMPOSSIBLE;
        }
        int children = 0;
        for (int slot = 0; slot < layout.slots(); slot++) {
            children += view.inSync(slot) && layout.held(slot, end) > layout.held(slot, start) ? 1 : 0;
        }
        if (!host.reserve(children)) {
            return Begun.STARVED;
        }
        int flags = request.flags() & ~IoRequest.FAST_ZERO;
        request.expectChildren(children + 1);
        for (int slot = 0; slot < layout.slots(); slot++) {
            long from = layout.held(slot, start);
            long to = layout.held(slot, end);
            if (view.inSync(slot) && to > from) {
                Member member = view.member(slot);
                IoRequest child = host.child();
                child.prepare(request.operation(), member.dataOffset() + from, to - from, flags, null, 0, copyEnded);
                child.parent = request;
                child.slot = slot;
                member.submit(child);
            }
        }
        return request.childSettled() ? Begun.SETTLED : Begun.UNDER_WAY;
    }

    // ---------------------------------------------------------------------------------------------- allocation

    /** Only where a member holds everything in the array's own order can its answer be passed on; elsewhere all is called data. */
    private void allocation(IoRequest request, ArrayView view) {
        int copy = layout.mirrorsAll() ? choose(request, view, request.offset()) : NO_SLOT;
        if (copy == NO_SLOT) {
            AllData.answer(request);
            host.finished(request, IoStatus.OK);
            return;
        }
        if (!host.reserve(1)) {
            host.waitForChildren(request);
            return;
        }
        Member member = view.member(layout.slot(request.offset(), copy));
        request.expectChildren(1);
        IoRequest child = host.child()
                .prepare(
                        IoOperation.ALLOCATION,
                        member.dataOffset() + request.offset(),
                        request.length(),
                        0,
                        request.buffer(),
                        request.bufferOffset(),
                        allocationEnded);
        child.parent = request;
        child.slot = member.slot();
        member.submit(child);
    }

    private void allocationEnded(IoRequest child) {
        Array.parentOf(child).result = child.result;
        ended(child);
    }

    private void ended(IoRequest child) {
        IoRequest parent = Array.parentOf(child);
        boolean last = host.childEnded(parent, child, child.slot);
        child.free();
        if (last) {
            host.childrenSettled(parent);
        }
    }
}
